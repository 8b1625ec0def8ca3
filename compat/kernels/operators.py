"""A registry of operators that programs define in Python: ``torch.library``, ``torch.ops``."""

from __future__ import annotations

import ast
import re
import threading

import oneflow as flow

from oneflow_mock.compat import hooks

_lock = threading.RLock()
#: ``namespace::name`` → Operator; other overloads are under ``namespace::name.overload``
operators: dict = {}

#: What may be written as a kernel's device type or dispatch key, and the devices it then serves.
_KEYS = {
    "cpu": ("cpu",),
    "cuda": ("cuda",),
    "default": None,
    "compositeimplicitautograd": None,
    "compositeexplicitautograd": None,
}


class Argument:
    """An argument of a schema."""

    __slots__ = ("name", "type", "keyword_only", "required", "default", "mutated")

    def __init__(self, name, type, keyword_only, required, default, mutated) -> None:
        self.name = name
        self.type = type
        self.keyword_only = keyword_only
        self.required = required
        self.default = default
        self.mutated = mutated


class Schema:
    """A schema such as ``my::op(Tensor x, int n=2) -> Tensor``."""

    def __init__(self, text: str) -> None:
        match = re.match(r"\s*([\w:.]+)\s*\((.*)\)\s*->\s*(.+?)\s*$", text, re.S)
        if match is None:
            raise RuntimeError(f"could not parse the schema {text!r}")
        self.name, arguments, self.returns = match.groups()
        self.text = f"{self.name}({arguments.strip()}) -> {self.returns}"
        self.arguments = list(_arguments(arguments))

    def __repr__(self) -> str:
        return self.text

    def bind(self, args, kwargs):
        """Return the positional and keyword arguments, defaults filled in; PyTorch's errors."""
        positional = [one for one in self.arguments if not one.keyword_only]
        if len(args) > len(positional):
            raise RuntimeError(
                f"{self.name}() expected at most {len(positional)} argument(s) but received "
                f"{len(args)} argument(s). Declaration: {self.text}"
            )
        values, named, rest = [], {}, dict(kwargs)
        for place, argument in enumerate(self.arguments):
            if not argument.keyword_only and place < len(args):
                value = args[place]
            elif argument.name in rest:
                value = rest.pop(argument.name)
            elif argument.required:
                raise RuntimeError(
                    f"{self.name}() is missing value for argument '{argument.name}'. "
                    f"Declaration: {self.text}"
                )
            else:
                value = argument.default
            if argument.type == "Tensor" and not isinstance(value, flow.Tensor):
                raise RuntimeError(
                    f"{self.name}() Expected a value of type 'Tensor' for argument "
                    f"'{argument.name}' but instead found type '{type(value).__name__}'.\n"
                    f"Position: {place}\nValue: {value}\nDeclaration: {self.text}\n"
                    f"Cast error details: Unable to cast {value} to Tensor"
                )
            if argument.keyword_only:
                named[argument.name] = value
            else:
                values.append(value)
        if rest:
            raise RuntimeError(
                f"Unknown keyword argument '{next(iter(rest))}' for operator '{self.name}'. "
                f"Schema: {self.text}"
            )
        return values, named


def _split(text):
    """Yield the parts of an argument list between its outermost commas."""
    depth, part, quote = 0, "", ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "([":
            depth += 1
        elif letter in ")]":
            depth -= 1
        elif letter == "," and depth == 0:
            yield part.strip()
            part = ""
            continue
        part += letter
    if part.strip():
        yield part.strip()


def _arguments(text):
    keyword_only = False
    for part in _split(text):
        if part == "*":
            keyword_only = True
            continue
        left, equals, default = part.partition("=")
        kind, _, name = left.strip().rpartition(" ")
        mutated = "!" in kind
        kind = re.sub(r"\([^)]*\)", "", kind).strip()
        yield Argument(name, kind, keyword_only, not equals, _default(default), mutated)


def _default(text):
    text = text.strip()
    if not text:
        return None
    if re.fullmatch(r"[A-Za-z_]\w*", text) and text not in ("None", "True", "False"):
        found = getattr(flow, text, None)
        return found if isinstance(found, flow.dtype) else text
    return ast.literal_eval(text)


class Operator:
    """An operator: its schema, its kernels by device, and its backward."""

    def __init__(self, qualified: str, schema: Schema, opaque: bool) -> None:
        self.qualified = qualified
        self.namespace, _, rest = qualified.partition("::")
        self.name, _, overload = rest.partition(".")
        self.overload = overload or "default"
        self.schema = schema
        #: Gradients do not look inside: what ``custom_op`` makes, not what ``Library.impl`` does.
        self.opaque = opaque
        self.kernels: dict = {}
        self.fake = None
        self.backward = None
        self.setup_context = None
        self.disabled: set = set()

    def register(self, key, function) -> None:
        """Add a kernel for a device type or a dispatch key."""
        name = "default" if key is None else str(key).rpartition(".")[2].lower()
        devices = _KEYS.get(name, (name,))
        for device in devices or ("default",):
            self.kernels[device] = function

    def kernel(self, tensors):
        """Return the kernel for the device that the tensors lie on."""
        device = next((one.device.type for one in tensors), "cpu")
        if device == "cpu" and any(one.device.type != "cpu" for one in tensors):
            device = next(one.device.type for one in tensors if one.device.type != "cpu")
        chosen = self.kernels.get(device)
        if chosen is None or device in self.disabled:
            chosen = self.kernels.get("default")
        if chosen is None:
            have = ", ".join(sorted(self.kernels)) or "none"
            raise NotImplementedError(
                f"Could not run '{self.qualified}' with arguments from the '{device.upper()}' "
                "backend. This could be because the operator doesn't exist for this backend, or "
                "was omitted during the selective/custom build process (if using custom build). "
                f"'{self.qualified}' is only available for these backends: [{have}]."
            )
        return chosen

    def __call__(self, *args, **kwargs):
        args, kwargs = self.schema.bind(args, kwargs)
        tensors = list(_tensors(args)) + list(_tensors(kwargs.values()))
        kernel = self.kernel(tensors)
        if not self.opaque and self.backward is None:
            return kernel(*args, **kwargs)
        if not (flow.is_grad_enabled() and any(one.requires_grad for one in tensors)):
            with flow.no_grad():
                return self._checked(kernel(*args, **kwargs), tensors)
        return self._recorded(kernel, args, kwargs, tensors)

    def _checked(self, result, tensors):
        for one in _tensors([result]):
            if any(one is other for other in tensors):
                raise RuntimeError(
                    f"{self.name}: The output of this custom operator (1) must not also be an "
                    "input to this custom operator and (2) may not alias any inputs to this "
                    "custom operator or other returns. The most common way to trigger this error "
                    "is if we have y = custom_op(x) and y and x are the same Tensor. Please "
                    "instead return a clone of the offending output tensor(s) (e.g. return "
                    "x.clone()) or refactor the custom operator to not return y."
                )
        return result

    def _recorded(self, kernel, args, kwargs, tensors):
        from torch.autograd import Function

        operator = self

        def forward(ctx, *values):
            result = operator._checked(kernel(*values, **kwargs), tensors)
            if operator.backward is not None and operator.setup_context is not None:
                keyword = {"keyword_only_inputs": dict(kwargs)} if kwargs else {}
                operator.setup_context(ctx=ctx, inputs=tuple(values), output=result, **keyword)
            return tuple(result) if isinstance(result, list) else result

        def backward(ctx, *grads):
            if operator.backward is None:
                raise RuntimeError(
                    f"Trying to backward through {operator.namespace}.{operator.name}."
                    f"{operator.overload} but no autograd formula was registered. Please use "
                    "register_autograd to add one."
                )
            return operator.backward(ctx, *grads)

        name = f"GeneratedBackwardFor_{self.namespace}_{self.name}_{self.overload}"
        members = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
        return type(Function)(name, (Function,), members).apply(*args)


def _tensors(values):
    for value in values:
        if isinstance(value, flow.Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)


def define(qualified: str, schema: str, opaque: bool = False, replace: bool = False) -> Operator:
    """Add an operator; RuntimeError where it is there already."""
    with _lock:
        if qualified in operators and not replace:
            raise RuntimeError(
                f"Tried to register an operator ({qualified}{schema}) with the same name and "
                "overload name multiple times. Each overload's schema should only be registered "
                "with a single call to def()."
            )
        operator = Operator(qualified, Schema(qualified + schema), opaque)
        operators[qualified] = operator
        return operator


def find(qualified: str) -> Operator:
    """Return an operator by its qualified name; RuntimeError where there is none."""
    operator = operators.get(qualified.replace(".default", ""))
    if operator is None:
        raise RuntimeError(f"operator {qualified} does not exist")
    return operator


class OpOverload:
    """One overload of an operator, as ``torch.ops.my.op.default`` gives it."""

    def __init__(self, operator: Operator, packet) -> None:
        self._operator = operator
        self._overloadpacket = packet
        self.__name__ = f"{operator.name}.{operator.overload}"
        self.__qualname__ = self.__name__
        self.__module__ = f"torch.ops.{operator.namespace}"

    def __call__(self, *args, **kwargs):
        return self._operator(*args, **kwargs)

    @property
    def _schema(self):
        return self._operator.schema

    @property
    def namespace(self):
        """The operator's namespace."""
        return self._operator.namespace

    @property
    def overloadpacket(self):
        """All overloads."""
        return self._overloadpacket

    def name(self) -> str:
        """Return the qualified name."""
        return self._operator.qualified

    def __repr__(self) -> str:
        one = self._operator
        return f"<OpOverload(op='{one.namespace}.{one.name}', overload='{one.overload}')>"

    def __str__(self) -> str:
        one = self._operator
        return f"{one.namespace}.{one.name}.{one.overload}"


class OpOverloadPacket:
    """All overloads of an operator, as ``torch.ops.my.op`` gives it; calls the first that fits."""

    def __init__(self, namespace: str, name: str) -> None:
        self._namespace = namespace
        self.__name__ = self.__qualname__ = name
        self.__module__ = f"torch.ops.{namespace}"
        self._qualified_op_name = f"{namespace}::{name}"

    def _found(self):
        start = self._qualified_op_name
        return [
            operator
            for name, operator in operators.items()
            if name == start or name.startswith(start + ".")
        ]

    def overloads(self):
        """Return the names of the overloads."""
        return [operator.overload for operator in self._found()]

    def __getattr__(self, key):
        if key.startswith("__"):
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{key}'")
        for operator in self._found():
            if operator.overload == key:
                overload = self.__dict__[key] = OpOverload(operator, self)
                return overload
        raise AttributeError(f"The underlying op of '{self}' has no overload name '{key}'")

    def __call__(self, *args, **kwargs):
        found = self._found()
        for operator in found[:-1]:
            try:
                operator.schema.bind(args, kwargs)
            except RuntimeError:
                continue
            return operator(*args, **kwargs)
        return found[-1](*args, **kwargs)

    def __repr__(self) -> str:
        return f"<OpOverloadPacket(op='{self}')>"

    def __str__(self) -> str:
        return f"{self._namespace}.{self.__name__}"


class OpNamespace:
    """The operators of a namespace, as ``torch.ops.my`` gives them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.__name__ = f"torch.ops.{name}"

    def __getattr__(self, op_name):
        start = f"{self.name}::{op_name}"
        if any(name == start or name.startswith(start + ".") for name in operators):
            packet = self.__dict__[op_name] = OpOverloadPacket(self.name, op_name)
            return packet
        if not op_name.startswith("__"):
            hooks.record(f"torch.ops.{self.name}.{op_name}", "named")
        raise AttributeError(f"'_OpNamespace' '{self.name}' object has no attribute '{op_name}'")

    def __dir__(self):
        start = self.name + "::"
        return sorted(
            {operator.name for name, operator in operators.items() if name.startswith(start)}
        )

    def __repr__(self) -> str:
        return f"<module 'torch.ops.{self.name}' from 'torch.ops'>"

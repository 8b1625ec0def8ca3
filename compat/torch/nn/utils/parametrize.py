"""torch.nn.utils.parametrize: parameters and buffers computed by modules from others."""

import copyreg
from collections.abc import Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy

import oneflow as flow
from torch.nn import ModuleDict, ModuleList, Parameter

_cache_enabled = 0
_cache = {}


@contextmanager
def cached():
    """Compute each parametrized tensor once within the block."""
    global _cache_enabled
    _cache_enabled += 1
    try:
        yield
    finally:
        _cache_enabled -= 1
        if not _cache_enabled:
            _cache.clear()


def _register_parameter_or_buffer(module, name, X):
    register = module.register_parameter if isinstance(X, Parameter) else module.register_buffer
    register(name, X)


def _maybe_set(dest, src):
    """Have a tensor hold another one's data."""
    if dest is not src:
        dest.data = src.detach()


def _same(kind, name, had, has, flag="`unsafe` flag"):
    """Raise where a parametrization changes dtype or shape."""
    for attribute in ("dtype", "shape"):
        before, after = getattr(had, attribute), getattr(has, attribute)
        if before != after:
            raise ValueError(
                f"Registering a parametrization may not change the {attribute} of the tensor, "
                f"unless {flag} is enabled.\n{kind.format(attribute)}: {before}\n"
                f"{name.format(attribute)}: {after}"
            )


class ParametrizationList(ModuleList):
    """The modules that compute a tensor, and the tensor or tensors it is computed from.

    These are ``original``, or ``original0``, ``original1`` … where ``right_inverse`` gives several.
    """

    def __init__(self, modules, original, unsafe=False):
        if len(modules) == 0:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        shown = original.detach()
        new = self._inverted(original)
        if not isinstance(new, (flow.Tensor, Sequence)):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(new).__name__}"
            )
        self.is_tensor = isinstance(new, flow.Tensor)
        self.ntensors = 1 if self.is_tensor else len(new)
        if self.is_tensor:
            for attribute in ("dtype", "device"):
                before, after = getattr(original, attribute), getattr(new, attribute)
                if before != after:
                    raise ValueError(
                        f"When `right_inverse` outputs one tensor, it may not change the "
                        f"{attribute}.\noriginal.{attribute}: {before}\n"
                        f"right_inverse(original).{attribute}: {after}"
                    )
            _maybe_set(original, new)
            _register_parameter_or_buffer(self, "original", original)
        else:
            self._hold(original, new)
        if not unsafe:
            made = self()
            if not isinstance(made, flow.Tensor):
                raise ValueError(
                    f"A parametrization must return a tensor. Got {type(made).__name__}."
                )
            _same("unparametrized {}", "parametrized {}", shown, made)

    def _inverted(self, value):
        with flow.no_grad():
            for module in reversed(list(self)):
                if hasattr(module, "right_inverse"):
                    with suppress(NotImplementedError):
                        value = module.right_inverse(value)
        return value

    def _hold(self, original, tensors):
        for place, tensor in enumerate(tensors):
            if not isinstance(tensor, flow.Tensor):
                raise ValueError(
                    "'right_inverse' must return a Tensor or a Sequence of tensors (list, "
                    f"tuple...). Got element {place} of the sequence with type "
                    f"{type(tensor).__name__}."
                )
            if isinstance(original, Parameter):
                tensor = Parameter(tensor.detach(), original.requires_grad)
            _register_parameter_or_buffer(self, f"original{place}", tensor)

    def _originals(self):
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{place}") for place in range(self.ntensors)]

    def right_inverse(self, value):
        """Set the originals so that the parametrized tensor becomes ``value``."""
        with flow.no_grad():
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse."
                    )
                value = module.right_inverse(value)
            if self.is_tensor:
                if not isinstance(value, flow.Tensor):
                    raise ValueError(
                        f"`right_inverse` should return a tensor. Got {type(value).__name__}"
                    )
                if value.dtype != self.original.dtype:
                    raise ValueError(
                        f"The tensor returned by `right_inverse` has dtype {value.dtype} while "
                        f"`original` has dtype {self.original.dtype}"
                    )
                _maybe_set(self.original, value)
                return
            if not isinstance(value, Sequence):
                raise ValueError(
                    "'right_inverse' must return a sequence of tensors. Got "
                    f"{type(value).__name__}."
                )
            if len(value) != self.ntensors:
                raise ValueError(
                    "'right_inverse' must return a sequence of tensors of length "
                    f"{self.ntensors}. Got a sequence of length {len(value)}."
                )
            for place, (held, tensor) in enumerate(zip(self._originals(), value)):
                if held.dtype != tensor.dtype:
                    raise ValueError(
                        f"Tensor {place} returned by `right_inverse` has dtype {tensor.dtype} "
                        f"while `original{place}` has dtype {held.dtype}"
                    )
                _maybe_set(held, tensor)

    def forward(self):
        """Return the parametrized tensor."""
        modules = list(self)
        value = modules[0](*self._originals())
        for module in modules[1:]:
            value = module(value)
        return value


def _deepcopy_parametrized(self, memo):
    copied = memo.get(id(self))
    if copied is None:
        copied = memo[id(self)] = self.__new__(type(self))
        copied.__dict__ = deepcopy(self.__dict__, memo)
        for slot in copyreg._slotnames(type(self)):
            if hasattr(self, slot):
                setattr(copied, slot, deepcopy(getattr(self, slot), memo))
    return copied


def _refuse_pickle(self):
    raise RuntimeError(
        "Serialization of parametrized modules is only supported through state_dict(). See:\n"
        "https://pytorch.org/tutorials/beginner/saving_loading_models.html"
        "#saving-loading-a-general-checkpoint-for-inference-and-or-resuming-training"
    )


def _inject_new_class(module):
    """Give a module a class of its own, for properties."""
    kind = type(module)
    members = {"__getstate__": _refuse_pickle}
    if not hasattr(kind, "__deepcopy__"):
        members["__deepcopy__"] = _deepcopy_parametrized
    module.__class__ = type(f"Parametrized{kind.__name__}", (kind,), members)


def _inject_property(module, tensor_name):
    """Have a module's class compute a tensor where it is read."""

    def get(self):
        parametrization = self.parametrizations[tensor_name]
        if not _cache_enabled:
            return parametrization()
        key = (id(self), tensor_name)
        if key not in _cache:
            _cache[key] = parametrization()
        return _cache[key]

    def put(self, value):
        self.parametrizations[tensor_name].right_inverse(value)

    setattr(type(module), tensor_name, property(get, put))


def register_parametrization(module, tensor_name, parametrization, *, unsafe=False):
    """Have a module compute a parameter or buffer; returns the module."""
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            _check_further(module, tensor_name, parametrization)
        module.parametrizations[tensor_name].append(parametrization)
        module.parametrizations[tensor_name].unsafe |= unsafe
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        original = getattr(module, tensor_name)
        made = ParametrizationList([parametrization], original, unsafe=unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            _inject_new_class(module)
            module.parametrizations = ModuleDict()
        _inject_property(module, tensor_name)
        module.parametrizations[tensor_name] = made
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element "
            f"with name '{tensor_name}'"
        )
    return module


def _check_further(module, tensor_name, parametrization):
    """Raise where one more parametrization changes a tensor's dtype or shape."""
    before = getattr(module, tensor_name)
    after = parametrization(before)
    if not isinstance(after, flow.Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(after).__name__}.")
    names = (f"module.{tensor_name}.{{}}", f"parametrization(module.{tensor_name}).{{}}")
    _same(*names, before, after, flag="the `unsafe` flag")
    if not hasattr(parametrization, "right_inverse"):
        return
    try:
        back = parametrization.right_inverse(after)
    except NotImplementedError:
        return
    if not isinstance(back, flow.Tensor):
        raise ValueError(
            f"parametrization.right_inverse must return a tensor. Got: {type(back).__name__}"
        )
    for attribute in ("dtype", "shape"):
        had, has = getattr(before, attribute), getattr(back, attribute)
        if had != has:
            raise ValueError(
                "The tensor returned by parametrization.right_inverse must have the same "
                f"{attribute} as module.{tensor_name}, unless the `unsafe` flag is enabled.\n"
                f"module.{tensor_name}.{attribute}: {had}\nreturned {attribute}: {has}"
            )


def is_parametrized(module, tensor_name=None):
    """Tell whether a module computes a tensor, or any."""
    held = getattr(module, "parametrizations", None)
    if not isinstance(held, ModuleDict):
        return False
    return len(held) > 0 if tensor_name is None else tensor_name in held


def remove_parametrizations(module, tensor_name, leave_parametrized=True):
    """Make a tensor a parameter or buffer again: with its computed value, or the original's."""
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    held = module.parametrizations[tensor_name]
    if held.is_tensor:
        original = held.original
        if leave_parametrized:
            with flow.no_grad():
                _maybe_set(original, getattr(module, tensor_name))
    elif leave_parametrized:
        value = getattr(module, tensor_name)
        original = Parameter(value.detach()) if value.requires_grad else value
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is "
            "parametrized in terms of a sequence of tensors."
        )
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    _register_parameter_or_buffer(module, tensor_name, original)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module):
    """Return a module's class as it was written."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(from_module, to_module, tensor_name=None):
    """Give a module another one's parametrizations and originals; returns the module."""
    if not is_parametrized(from_module):
        return to_module
    names = list(from_module.parametrizations.keys()) if tensor_name is None else [tensor_name]
    for name in names:
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name).detach()))
        source = from_module.parametrizations[name]
        for function in source:
            register_parametrization(to_module, name, function)
        target = to_module.parametrizations[name]
        if source.is_tensor:
            target.original = source.original
        else:
            for place in range(source.ntensors):
                setattr(target, f"original{place}", getattr(source, f"original{place}"))
    return to_module

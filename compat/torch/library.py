"""Operators of one's own: functions with a schema, called through ``torch.ops``."""

from __future__ import annotations

from torch._library.custom_ops import CustomOpDef, _maybe_get_opdef, custom_op  # noqa: F401
from torch._library.infer_schema import infer_schema  # noqa: F401

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import operators

_defined: set = set()


def fallthrough_kernel():
    """Stand for "no kernel here" in `Library.impl`; not to be called."""
    raise NotImplementedError("fallthrough_kernel() should never be called.")


def _name_of(op):
    if isinstance(op, str):
        return op
    if isinstance(op, CustomOpDef):
        return op._qualname
    if isinstance(op, operators.OpOverload):
        return op.name()
    raise ValueError(
        f"{op} must be one of: a string, a torch._ops.OpOverload, or a CustomOpDef; got {type(op)}"
    )


class Library:
    """A namespace of operators: defines them (``DEF``, ``FRAGMENT``) or gives them kernels."""

    def __init__(self, ns, kind, dispatch_key="") -> None:
        if kind not in ("IMPL", "DEF", "FRAGMENT"):
            raise ValueError("Unsupported kind: ", kind)
        if ns in ("prim", "prims"):
            raise ValueError(
                f"{ns} is a reserved namespace. Please try creating a library with another name."
            )
        if kind == "DEF":
            if ns in _defined:
                raise RuntimeError(
                    f"Only a single TORCH_LIBRARY can be used to register the namespace {ns}; "
                    "please put all of your definitions in a single TORCH_LIBRARY block."
                )
            _defined.add(ns)
        self.ns = ns
        self.kind = kind
        self.dispatch_key = dispatch_key
        self._op_defs: set = set()

    def __repr__(self) -> str:
        return f"Library(kind={self.kind}, ns={self.ns}, dispatch_key={self.dispatch_key})>"

    def define(self, schema, alias_analysis="", *, tags=()):
        """Define an operator by its schema; return its name."""
        if alias_analysis not in ("", "FROM_SCHEMA", "CONSERVATIVE"):
            raise RuntimeError(f"Invalid alias_analysis type {alias_analysis}")
        name, _, rest = schema.partition("(")
        name = name.strip()
        operators.define(f"{self.ns}::{name}", "(" + rest)
        self._op_defs.add(name)
        return name

    def _qualified(self, op_name):
        name = _name_of(op_name) if not isinstance(op_name, str) else op_name
        return name if "::" in name else f"{self.ns}::{name}"

    def impl(self, op_name, fn, dispatch_key="", *, with_keyset=False, allow_override=False):
        """Give an operator a kernel."""
        if not callable(fn):
            raise TypeError(
                f"Input function is required to be a callable but found type {type(fn)}"
            )
        if fn is fallthrough_kernel:
            return
        if with_keyset:
            raise hooks.refuse("torch.library.Library.impl", "kernels that take a dispatch key set")
        operators.find(self._qualified(op_name)).register(
            dispatch_key or self.dispatch_key or "CompositeImplicitAutograd", fn
        )

    def fallback(self, fn, dispatch_key="", *, with_keyset=False):
        """Refuse: a kernel for every operator needs PyTorch's dispatcher."""
        raise hooks.refuse("torch.library.Library.fallback", "it needs PyTorch's dispatcher")

    def _register_fake(self, op_name, fn, _stacklevel=1, *, allow_override=False) -> None:
        operators.find(self._qualified(op_name)).fake = fn

    def _destroy(self) -> None:
        for name in self._op_defs:
            operators.operators.pop(f"{self.ns}::{name}", None)
        self._op_defs.clear()
        if self.kind == "DEF":
            _defined.discard(self.ns)


def define(qualname, schema, *, lib=None, tags=()):
    """Define an operator by its qualified name and schema."""
    if not isinstance(qualname, str):
        raise ValueError(
            f"define(qualname, schema): expected qualname to be instance of str, got "
            f"{type(qualname)}"
        )
    if "::" not in qualname:
        raise ValueError(f'Expected qualname to be of the form "namespace::name", got {qualname}')
    operators.define(qualname, schema)


def impl(qualname, types, func=None, *, lib=None):
    """Give an operator a kernel for some device types; usable as a decorator."""
    several = (types,) if isinstance(types, str) else tuple(types)

    def register(func):
        operator = operators.find(_name_of(qualname))
        for one in several:
            operator.register(one, func)

    return register if func is None else register(func)


def register_kernel(op, device_types, func=None, *, lib=None):
    """Give an operator a kernel for some device types (None: all); usable as a decorator."""
    several = [device_types] if isinstance(device_types, str) else device_types

    def register(func):
        operator = operators.find(_name_of(op))
        for one in several or [None]:
            operator.register(one, func)
        return func

    return register if func is None else register(func)


def register_fake(op, func=None, *, lib=None, _stacklevel=1, allow_override=False):
    """Keep the function that tells shapes: nothing is traced, so nothing calls it."""

    def register(func):
        operators.find(_name_of(op)).fake = func
        return func

    return register if func is None else register(func)


impl_abstract = register_fake


def register_autograd(op, backward, *, setup_context=None, lib=None) -> None:
    """Give an operator a backward."""
    operator = operators.find(_name_of(op))
    operator.backward = backward
    operator.setup_context = setup_context


def register_vmap(op, func=None, *, lib=None):
    """Keep nothing: ``torch.vmap`` is not had here."""

    def register(func):
        operators.find(_name_of(op))

    return register if func is None else register(func)


def get_ctx():
    """Raise: the context exists while PyTorch traces, which nothing here does."""
    raise RuntimeError("get_ctx() can only be called inside of an abstract impl")


def opcheck(*args, **kwargs):
    """Refuse: it checks an operator against PyTorch's tracers."""
    raise hooks.refuse("torch.library.opcheck", "it checks an operator against PyTorch's tracers")

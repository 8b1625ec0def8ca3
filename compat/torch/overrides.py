"""``__torch_function__``: classes that take over torch's functions.

OneFlow's functions never look for it, so nothing is taken over; the functions here tell whether
anything would be, and call what takes over where a program asks for that itself.
"""

from __future__ import annotations

import functools
import types

import oneflow as flow

from oneflow_mock.compat import hooks

__all__ = [
    "handle_torch_function",
    "has_torch_function",
    "resolve_name",
    "is_tensor_like",
    "is_tensor_method_or_property",
    "wrap_torch_function",
]


def _takes_over(value) -> bool:
    if type(value) in (flow.Tensor, flow.nn.Parameter):
        return False
    return getattr(type(value), "__torch_function__", None) is not None


def has_torch_function(relevant_args) -> bool:
    """Tell whether any of several objects takes over torch's functions."""
    return any(_takes_over(value) for value in relevant_args)


def has_torch_function_unary(obj) -> bool:
    """Tell whether an object takes over torch's functions."""
    return _takes_over(obj)


def has_torch_function_variadic(*args) -> bool:
    """Tell whether any argument takes over torch's functions."""
    return has_torch_function(args)


def _get_overloaded_args(relevant_args, get_type_fn=None):
    """Return the arguments that take over, subclasses before their bases."""
    kind = get_type_fn or type
    types_, found = [], []
    for value in relevant_args:
        cls = kind(value)
        if cls in types_ or getattr(cls, "__torch_function__", None) is None:
            continue
        if cls in (flow.Tensor, flow.nn.Parameter):
            continue
        place = next((i for i, old in enumerate(types_) if issubclass(cls, old)), len(types_))
        types_.insert(place, cls)
        found.insert(place, value)
    return found


def handle_torch_function(public_api, relevant_args, *args, **kwargs):
    """Let the arguments that take over compute a function; TypeError where none will."""
    found = _get_overloaded_args(relevant_args)
    kinds = tuple(type(value) for value in found)
    for value in found:
        result = value.__torch_function__(public_api, kinds, args, kwargs)
        if result is not NotImplemented:
            return result
    name = f"{public_api.__module__}.{public_api.__name__}"
    raise TypeError(
        f"no implementation found for '{name}' on types that implement __torch_function__: "
        f"{[type(value) for value in found]}"
    )


def wrap_torch_function(dispatcher):
    """Return a decorator: the function first asks the arguments that ``dispatcher`` picks."""

    def inner(func):
        @functools.wraps(func)
        def wrapped(*args, **kwargs):
            relevant = dispatcher(*args, **kwargs)
            if has_torch_function(relevant):
                return handle_torch_function(wrapped, relevant, *args, **kwargs)
            return func(*args, **kwargs)

        return wrapped

    return inner


def is_tensor_like(inp) -> bool:
    """Tell whether an object is a tensor, or takes over torch's functions."""
    return isinstance(inp, flow.Tensor) or hasattr(inp, "__torch_function__")


def is_tensor_method_or_property(func) -> bool:
    """Tell whether a function is one of Tensor's own."""
    members = vars(flow.Tensor)
    name = getattr(func, "__name__", "")
    return members.get(name) is func or name == "__get__"


def resolve_name(f):
    """Return the name that a program finds a function under; None for one it does not."""
    if isinstance(f, (types.BuiltinFunctionType, types.FunctionType)):
        import torch

        if getattr(torch, f.__name__, None) is f:
            return f"torch.{f.__name__}"
        if getattr(flow.Tensor, f.__name__, None) is f:
            return f"torch.Tensor.{f.__name__}"
        return f"{f.__module__}.{f.__qualname__}"
    return None


class TorchFunctionMode:
    """A block in which a program sees every call of torch: not had here."""

    def __init__(self) -> None:
        pass

    def __torch_function__(self, func, types, args=(), kwargs=None):
        raise NotImplementedError

    def __enter__(self):
        raise hooks.refuse(
            f"torch.overrides.TorchFunctionMode ({type(self).__name__})",
            "OneFlow's functions call nobody first",
        )

    def __exit__(self, exc_type, exc_val, exc_tb) -> None:
        pass


class BaseTorchFunctionMode(TorchFunctionMode):
    """A mode that changes nothing."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


def _is_torch_function_mode_enabled() -> bool:
    return False


def _len_torch_function_stack() -> int:
    return 0


def _get_current_function_mode():
    return None


def _get_current_function_mode_stack():
    return []

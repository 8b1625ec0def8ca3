"""The markers of TorchScript: nothing is ever scripted here, so they only mark."""

from __future__ import annotations

import functools


class FunctionModifiers:
    """What a marker writes on a function, in PyTorch's words."""

    UNUSED = "unused (ignored and replaced with raising of an exception)"
    IGNORE = "ignore (leave as a call to Python, cannot be torch.jit.save'd)"
    EXPORT = "export (compile this function even if nothing calls it)"
    DEFAULT = "default (compile if called from a exported function / forward)"
    COPY_TO_SCRIPT_WRAPPER = (
        "if this method is not scripted, copy the python method onto the scripted model"
    )
    _DROP = "_drop (function is fully ignored, declaration can be unscriptable)"


def is_scripting() -> bool:
    """Return False: code runs as Python."""
    return False


def export(fn):
    """Mark a method that TorchScript compiles even if nothing calls it."""
    fn._torchscript_modifier = FunctionModifiers.EXPORT
    return fn


def unused(fn):
    """Mark a function that TorchScript replaces by an exception."""
    if isinstance(fn, property):
        unused(fn.fget)
        if fn.fset:
            unused(fn.fset)
        return fn
    fn._torchscript_modifier = FunctionModifiers.UNUSED
    return fn


def ignore(drop=False, **kwargs):
    """Mark a function that TorchScript leaves to Python; with or without parentheses."""
    if callable(drop):
        drop._torchscript_modifier = FunctionModifiers.IGNORE
        return drop
    if not isinstance(drop, bool):
        raise RuntimeError(
            f"Argument to @torch.jit.ignore must be a bool or a function but got {drop}"
        )

    def mark(fn):
        fn._torchscript_modifier = FunctionModifiers.UNUSED if drop else FunctionModifiers.IGNORE
        return fn

    return mark


def _drop(fn):
    fn._torchscript_modifier = FunctionModifiers._DROP
    return fn


def _copy_to_script_wrapper(fn):
    fn._torchscript_modifier = FunctionModifiers.COPY_TO_SCRIPT_WRAPPER
    return fn


def _overload(func):
    return func


def _overload_method(func):
    return func


def get_torchscript_modifier(fn):
    """Return the marker of a function, or the default one."""
    if not callable(fn):
        return None
    fn = getattr(fn, "__func__", fn)
    return getattr(fn, "_torchscript_modifier", FunctionModifiers.DEFAULT)


def is_ignored_fn(fn) -> bool:
    """Tell whether TorchScript would leave a function out."""
    return get_torchscript_modifier(fn) in (
        FunctionModifiers.UNUSED,
        FunctionModifiers.IGNORE,
        FunctionModifiers._DROP,
    )


def boolean_dispatch(
    arg_name, arg_index, default, if_true, if_false, module_name=None, func_name=None
):
    """Return a function that calls one of two by a boolean argument."""

    @functools.wraps(if_true)
    def choose(*args, **kwargs):
        flag = default
        if arg_name in kwargs:
            flag = kwargs[arg_name]
        elif arg_index < len(args):
            flag = args[arg_index]
        return (if_true if flag else if_false)(*args, **kwargs)

    if func_name is not None:
        choose.__name__ = func_name
    if module_name is not None:
        choose.__module__ = module_name
    choose.__doc__ = if_true.__doc__ or if_false.__doc__
    return choose


def _isinstance(obj, target_type) -> bool:
    return isinstance(obj, target_type)


class _BroadcastingList:
    """``BroadcastingList2[int]`` in an annotation: a value, or a list of so many."""

    def __getitem__(self, types) -> None:
        return None


BroadcastingList1 = _BroadcastingList()
BroadcastingList2 = _BroadcastingList()
BroadcastingList3 = _BroadcastingList()
BroadcastingList4 = _BroadcastingList()
BroadcastingList5 = _BroadcastingList()
BroadcastingList6 = _BroadcastingList()

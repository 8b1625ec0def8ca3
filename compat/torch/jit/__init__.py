"""TorchScript: what is scripted runs as the Python it was written in."""

from __future__ import annotations

import builtins
import contextlib
import typing
from typing import Any

from oneflow_mock.compat import hooks

Final = getattr(typing, "Final", Any)


def annotate(the_type, the_value):
    """Return the value: the type speaks to TorchScript's compiler."""
    return the_value


def isinstance(obj, target_type) -> bool:
    """Tell whether an object is of a type; ``List[int]`` and the like look inside."""
    return _is(obj, target_type)


def _is(obj, target):
    if builtins.isinstance(target, tuple):
        return any(_is(obj, one) for one in target)
    origin, arguments = getattr(target, "__origin__", None), getattr(target, "__args__", ())
    if target is None:
        return obj is None
    if target in (list, dict, tuple, typing.List, typing.Dict, typing.Tuple):
        name = getattr(target, "__name__", None) or str(target).rpartition(".")[2]
        example = {"dict": "dict[str, int]", "Dict": "Dict[str, int]"}.get(name, f"{name}[int]")
        raise RuntimeError(
            f"Attempted to use {name} without a contained type. Please add a contained type, e.g. "
            f"{example}"
        )
    if origin is None:
        return builtins.isinstance(obj, target)
    if origin is typing.Union:
        return any(_is(obj, one) for one in arguments)
    if origin in (list, typing.List):
        return builtins.isinstance(obj, list) and all(_is(item, arguments[0]) for item in obj)
    if origin in (dict, typing.Dict):
        return builtins.isinstance(obj, dict) and all(
            _is(key, arguments[0]) and _is(value, arguments[1]) for key, value in obj.items()
        )
    if origin in (tuple, typing.Tuple):
        return (
            builtins.isinstance(obj, tuple)
            and len(obj) == len(arguments)
            and all(_is(item, one) for item, one in zip(obj, arguments))
        )
    return builtins.isinstance(obj, origin)


def script_if_tracing(fn):
    """Return the function: nothing is ever traced here."""
    return fn


class ScriptFunction:
    """What PyTorch makes of a function it scripts: nothing here is one."""

    def __init__(self, *args, **kwargs) -> None:
        raise hooks.refuse("torch.jit.ScriptFunction", "what is scripted stays Python")


class CompilationUnit:
    """Functions from TorchScript's text: refused."""

    def __init__(self, lang=None, _frames_up=0) -> None:
        raise hooks.refuse("torch.jit.CompilationUnit", "TorchScript's text is not understood")


class Error(RuntimeError):
    """What TorchScript raises when a scripted function fails."""


def enable_onednn_fusion(enabled: bool) -> None:
    """Accept the setting; there is no fuser that it could turn on."""
    if enabled:
        hooks.no_effect("torch.jit.enable_onednn_fusion", "enabled")


def onednn_fusion_enabled() -> bool:
    """Return False: there is no fuser."""
    return False


class strict_fusion:
    """A ``with`` block in which TorchScript would insist on fusing."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, type, value, tb) -> None:
        pass


@contextlib.contextmanager
def _hide_source_ranges():
    yield

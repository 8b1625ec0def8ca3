"""Scripting: PyTorch promises that a scripted function gives what the Python one gives."""

from __future__ import annotations

import collections

import oneflow as flow

from oneflow_mock.compat import hooks

Attribute = collections.namedtuple("Attribute", ["value", "type"])


class ScriptWarning(Warning):
    """What PyTorch's script compiler warns with."""


def script(obj, optimize=None, _frames_up=0, _rcb=None, example_inputs=None):
    """Return the function, class or module itself: it runs as Python."""
    hooks.record("torch.jit.script", "keyword", "runs as Python")
    return obj


def script_method(fn):
    """Return the method itself: it runs as Python."""
    return fn


def interface(obj):
    """Return the class itself."""
    return obj


def _unwrap_optional(x):
    assert x is not None, "Unwrapping null optional"
    return x


class ScriptModule(flow.nn.Module):
    """The base of modules whose methods are marked by `script_method`: they run as Python."""


class RecursiveScriptModule(ScriptModule):
    """What PyTorch makes of a module it scripts: nothing here is one."""

    def __init__(self, cpp_module) -> None:
        raise hooks.refuse("torch.jit.RecursiveScriptModule", "what is scripted stays Python")

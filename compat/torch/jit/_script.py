"""Scripting: PyTorch promises that a scripted function gives what the Python one gives."""

from __future__ import annotations

import collections

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

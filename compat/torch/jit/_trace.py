"""Tracing: not had here; whoever asks whether it is going on is told no."""

from __future__ import annotations

from torch.jit._script import ScriptModule

from oneflow_mock.compat import hooks


class TracerWarning(Warning):
    """What PyTorch's tracer warns with."""

    @staticmethod
    def ignore_lib_warnings() -> None:
        """Do nothing: there is no tracer to warn."""


class TracingCheckError(Exception):
    """What PyTorch's tracer raises where a traced function differs from the original."""


class TopLevelTracedModule(ScriptModule):
    """What PyTorch makes of a module it traces: nothing here is one."""


def is_tracing() -> bool:
    """Return False: nothing is ever traced here."""
    return False


def trace(*args, **kwargs):
    """Refuse: a trace would have to leave Python behind."""
    raise hooks.refuse("torch.jit.trace", "call the function itself, or compile it by nn.Graph")


def trace_module(*args, **kwargs):
    """Refuse: a trace would have to leave Python behind."""
    raise hooks.refuse("torch.jit.trace_module", "call the module itself")


def _script_if_tracing(fn):
    return fn

"""``torch._dynamo``: its markers keep what they mark, its switches have nothing to switch."""

from __future__ import annotations

from torch._dynamo.eval_frame import OptimizedModule  # noqa: F401
from torch.compiler import (  # noqa: F401
    allow_in_graph,
    assume_constant_result,
    disable,
    is_compiling,
    list_backends,
    reset,
    set_stance,
    substitute_in_graph,
)


def disallow_in_graph(fn):
    """Return the function or list of functions, as PyTorch does."""
    return allow_in_graph(fn)


def forbid_in_graph(fn):
    """Return the function or list of functions, as PyTorch does."""
    return allow_in_graph(fn)


def dont_skip_tracing(fn):
    """Return the function: nothing is traced."""
    return fn


def nonstrict_trace(fn):
    """Return the function: nothing is traced."""
    return fn


def run(fn=None):
    """Return the function: it runs as Python already."""
    return fn


def graph_break(msg="") -> None:
    """Break the graph that is being compiled: there is none."""


def skip_frame(msg="") -> None:
    """Leave a frame uncompiled: all are."""


def mark_dynamic(t, index, **kwargs) -> None:
    """Mark a dimension that may change: any may, for code that is not compiled."""


def maybe_mark_dynamic(t, index) -> None:
    """Mark a dimension that may change: any may, for code that is not compiled."""


def mark_static(t, index=None) -> None:
    """Mark a dimension that does not change: nothing depends on it."""


def mark_static_address(t, guard=False) -> None:
    """Mark a tensor that stays where it is: nothing depends on it."""


def is_dynamo_supported() -> bool:
    """Return False: there is no compiler here."""
    return False


def is_inductor_supported() -> bool:
    """Return False: there is no compiler here."""
    return False

"""The class of compiled modules: programs ask for it; nothing is compiled, so nothing is one."""

from __future__ import annotations

import oneflow as flow

from oneflow_mock.compat import hooks

__all__ = ["OptimizedModule"]


class OptimizedModule(flow.nn.Module):
    """A compiled module."""

    def __init__(self, mod, dynamo_ctx) -> None:
        raise hooks.refuse("torch._dynamo.OptimizedModule", "there is no compiler here")

"""Profiling of operators: a program's marks are accepted; timings are refused."""

from __future__ import annotations

import contextlib

from oneflow_mock.compat import hooks

__all__ = ["profile", "record_function", "emit_itt", "emit_nvtx"]


class record_function(contextlib.ContextDecorator):
    """Name a block or a function in a profile: there is none that the name could appear in."""

    def __init__(self, name, args=None) -> None:
        self.name = name
        self.args = args

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_value, traceback) -> None:
        pass


class profile:
    """Refuse to time a block, unless it is switched off."""

    def __init__(self, enabled=True, **kwargs) -> None:
        self.enabled = enabled

    def __enter__(self):
        if self.enabled:
            raise hooks.refuse(
                "torch.autograd.profiler.profile", "OneFlow's profiler writes other tables"
            )
        return None

    def __exit__(self, exc_type, exc_val, exc_tb) -> None:
        pass


class emit_nvtx(profile):
    """Refuse to mark operators for NVIDIA's profiler, unless it is switched off."""

    def __init__(self, enabled=True, record_shapes=False) -> None:
        super().__init__(enabled)


class emit_itt(profile):
    """Refuse to mark operators for Intel's profiler, unless it is switched off."""

    def __init__(self, enabled=True, record_shapes=False) -> None:
        super().__init__(enabled)

"""Marks for NVIDIA's profiler: OneFlow sets its own, a program's are not had."""

from __future__ import annotations

import contextlib

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels.devices import cuda_count

__all__ = ["range_push", "range_pop", "range_start", "range_end", "mark", "range"]


def _mark(name):
    if not cuda_count():
        raise RuntimeError("NVTX functions not installed. Are you sure you have a CUDA build?")
    raise hooks.refuse(f"torch.cuda.nvtx.{name}", "marks of a program's own")


def range_push(msg):
    """Refuse, or say that there is no CUDA."""
    _mark("range_push")


def range_pop():
    """Refuse, or say that there is no CUDA."""
    _mark("range_pop")


def range_start(msg) -> int:
    """Refuse, or say that there is no CUDA."""
    _mark("range_start")


def range_end(range_id) -> None:
    """Refuse, or say that there is no CUDA."""
    _mark("range_end")


def mark(msg):
    """Refuse, or say that there is no CUDA."""
    _mark("mark")


@contextlib.contextmanager
def range(msg, *args, **kwargs):
    """Refuse, or say that there is no CUDA."""
    _mark("range")
    yield

"""CUDA graphs: OneFlow records none; without a device, PyTorch's errors."""

from __future__ import annotations

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels.devices import cuda_count

__all__ = [
    "is_current_stream_capturing",
    "graph_pool_handle",
    "CUDAGraph",
    "graph",
    "make_graphed_callables",
]


def _refuse(name, without):
    if not cuda_count():
        raise RuntimeError(without)
    raise hooks.refuse(f"torch.cuda.{name}", "OneFlow records no CUDA graphs; use nn.Graph")


class CUDAGraph:
    """A recording of a device's work: refused."""

    def __new__(cls, keep_graph=False):
        _refuse("CUDAGraph", "Tried to instantiate dummy base class CUDAGraph")


class graph:
    """A block that is recorded: refused."""

    def __init__(self, cuda_graph, pool=None, stream=None, capture_error_mode="global") -> None:
        _refuse("graph", "torch.cuda.Stream requires CUDA support")


def is_current_stream_capturing() -> bool:
    """Return False: nothing is recorded."""
    if not cuda_count():
        raise RuntimeError("Tried to instantiate dummy base class _cuda_isCurrentStreamCapturing")
    return False


def graph_pool_handle():
    """Refuse: there is nothing to keep memory for."""
    _refuse("graph_pool_handle", "Tried to instantiate dummy base class _graph_pool_handle")


def make_graphed_callables(callables, sample_args, *args, **kwargs):
    """Refuse: nothing can be recorded."""
    _refuse("make_graphed_callables", "Tried to instantiate dummy base class CUDAGraph")

"""Memory of CUDA devices, as far as OneFlow and the driver tell."""

from __future__ import annotations

import collections
import ctypes

import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels.devices import cuda_count

_MEGABYTE = 1 << 20
_WHY = "OneFlow's allocator does not count it"


def empty_cache() -> None:
    """Give cached memory back to the driver."""
    if cuda_count():
        flow._oneflow_internal.EmptyCache()


def _untold(name):
    if cuda_count():
        raise hooks.refuse(f"torch.cuda.{name}", _WHY)


def memory_reserved(device=None) -> int:
    """Return the bytes in use on a device, as OneFlow measures them."""
    return flow._oneflow_internal.GetCUDAMemoryUsed() * _MEGABYTE if cuda_count() else 0


def memory_allocated(device=None) -> int:
    """Return the bytes in use on a device: OneFlow does not tell tensors from its own cache."""
    return memory_reserved(device)


def max_memory_allocated(device=None) -> int:
    """Return 0 without a device; refuse with one: OneFlow does not keep the maximum."""
    _untold("max_memory_allocated")
    return 0


def max_memory_reserved(device=None) -> int:
    """Return 0 without a device; refuse with one: OneFlow does not keep the maximum."""
    _untold("max_memory_reserved")
    return 0


def memory_cached(device=None) -> int:
    """Return what `memory_reserved` does: its old name."""
    return memory_reserved(device)


def max_memory_cached(device=None) -> int:
    """Return what `max_memory_reserved` does: its old name."""
    return max_memory_reserved(device)


def reset_peak_memory_stats(device=None) -> None:
    """Do nothing: there is no maximum to start again, and asking for it is refused."""
    _require()


def reset_max_memory_allocated(device=None) -> None:
    """Do what `reset_peak_memory_stats` does."""
    _require()


def reset_max_memory_cached(device=None) -> None:
    """Do what `reset_peak_memory_stats` does."""
    _require()


def reset_accumulated_memory_stats(device=None) -> None:
    """Do nothing: nothing is counted."""
    _require()


def _require():
    if not cuda_count():
        raise AssertionError("Torch not compiled with CUDA enabled")


def memory_stats(device=None):
    """Return no counters without a device; refuse with one."""
    _untold("memory_stats")
    return collections.OrderedDict()


def memory_stats_as_nested_dict(device=None):
    """Return no counters without a device; refuse with one."""
    _untold("memory_stats_as_nested_dict")
    return {}


def memory_snapshot(mempool_id=None):
    """Refuse: OneFlow does not list its blocks of memory."""
    raise hooks.refuse("torch.cuda.memory_snapshot", "OneFlow does not list its blocks of memory")


def memory_summary(device=None, abbreviated=False) -> str:
    """Refuse: OneFlow's allocator counts nothing."""
    raise hooks.refuse("torch.cuda.memory_summary", _WHY)


def mem_get_info(device=None):
    """Return ``(free, total)`` bytes of a device, from the driver."""
    _require()
    import torch

    with torch.cuda.device(torch.cuda._index(device, optional=True)):
        flow.zeros(1, device="cuda")  # the driver answers where there is a context
        flow._oneflow_internal.eager.Sync()
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        driver = ctypes.CDLL("libcuda.so.1")
        if driver.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total)):
            raise hooks.refuse("torch.cuda.mem_get_info", "the driver did not answer")
    return free.value, total.value


def set_per_process_memory_fraction(fraction, device=None) -> None:
    """Refuse: OneFlow takes what it needs."""
    _require()
    raise hooks.refuse("torch.cuda.set_per_process_memory_fraction", "OneFlow has no such limit")


def get_allocator_backend() -> str:
    """Return the name of PyTorch's default allocator."""
    return "native"

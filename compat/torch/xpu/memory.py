"""Memory of Intel's GPUs: none is there, and none is held."""

from __future__ import annotations

from collections import OrderedDict


def empty_cache() -> None:
    """Do nothing: nothing is cached."""


def memory_allocated(device=None) -> int:
    """Return 0: there is no such device."""
    return 0


def max_memory_allocated(device=None) -> int:
    """Return 0: there is no such device."""
    return 0


def memory_reserved(device=None) -> int:
    """Return 0: there is no such device."""
    return 0


def max_memory_reserved(device=None) -> int:
    """Return 0: there is no such device."""
    return 0


def memory_stats(device=None):
    """Return no counters: there is no such device."""
    return OrderedDict()


def reset_peak_memory_stats(device=None) -> None:
    """Raise PyTorch's error: there is no such device."""
    raise AssertionError("Torch not compiled with XPU enabled")


def reset_accumulated_memory_stats(device=None) -> None:
    """Raise PyTorch's error: there is no such device."""
    raise AssertionError("Torch not compiled with XPU enabled")


def mem_get_info(device=None):
    """Raise PyTorch's error: there is no such device."""
    raise AssertionError("Torch not compiled with XPU enabled")

"""Memory of the accelerator: what ``torch.cuda`` answers, where there is a CUDA device."""

from __future__ import annotations

from oneflow_mock.compat.kernels.devices import cuda_count


def _cuda():
    if not cuda_count():
        raise RuntimeError("Cannot access accelerator device when none is available.")
    import torch

    return torch.cuda


def empty_cache() -> None:
    """Give cached device memory back."""
    _cuda().empty_cache()


def memory_stats(device_index=None):
    """Return the allocator's counters."""
    return _cuda().memory_stats(device_index)


def memory_allocated(device_index=None) -> int:
    """Return the bytes that tensors hold on the device."""
    return _cuda().memory_allocated(device_index)


def max_memory_allocated(device_index=None) -> int:
    """Return the most bytes that tensors held on the device."""
    return _cuda().max_memory_allocated(device_index)


def memory_reserved(device_index=None) -> int:
    """Return the bytes that the allocator holds on the device."""
    return _cuda().memory_reserved(device_index)


def max_memory_reserved(device_index=None) -> int:
    """Return the most bytes that the allocator held on the device."""
    return _cuda().max_memory_reserved(device_index)


def reset_accumulated_memory_stats(device_index=None) -> None:
    """Start the accumulated counters again."""
    _cuda().reset_accumulated_memory_stats(device_index)


def reset_peak_memory_stats(device_index=None) -> None:
    """Start the peak counters again."""
    _cuda().reset_peak_memory_stats(device_index)


def get_memory_info(device_index=None):
    """Return ``(free, total)`` bytes of the device."""
    return _cuda().mem_get_info(device_index)

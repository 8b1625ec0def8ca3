"""``torch.mps``: Apple's GPUs, which OneFlow does not know; PyTorch's answers without one."""

from __future__ import annotations


def _without(call):
    return RuntimeError(f"Cannot execute {call}() without MPS backend.")


def is_available() -> bool:
    """Return False: there is no such device."""
    return False


def _is_in_bad_fork() -> bool:
    return False


def device_count() -> int:
    """Return 0: there is no such device."""
    return 0


def manual_seed(seed: int) -> None:
    """Do nothing: there is no generator to seed."""
    int(seed)


def seed() -> None:
    """Raise PyTorch's error: there is no such device."""
    raise _without("getDefaultGenerator")


def get_rng_state(device="mps"):
    """Raise PyTorch's error: there is no such device."""
    raise _without("getDefaultGenerator")


def set_rng_state(new_state, device="mps") -> None:
    """Raise PyTorch's error: there is no such device."""
    raise _without("getDefaultGenerator")


def synchronize() -> None:
    """Raise PyTorch's error: there is no such device."""
    raise _without("deviceSynchronize")


def empty_cache() -> None:
    """Raise PyTorch's error: there is no such device."""
    raise _without("emptyCache")


def set_per_process_memory_fraction(fraction) -> None:
    """Raise PyTorch's error: there is no such device."""
    raise _without("setMemoryFraction")


def current_allocated_memory() -> int:
    """Raise PyTorch's error: there is no such device."""
    raise _without("getCurrentAllocatedMemory")


def driver_allocated_memory() -> int:
    """Raise PyTorch's error: there is no such device."""
    raise _without("getDriverAllocatedMemory")


def recommended_max_memory() -> int:
    """Raise PyTorch's error: there is no such device."""
    raise _without("getRecommendedMaxMemory")

"""``torch.mtia``: Meta's accelerators; PyTorch's answers where there is none."""

from __future__ import annotations


def _without(call):
    return RuntimeError(f"Cannot execute {call}() without MTIA backend.")


def is_available() -> bool:
    """Return False: there is no such device."""
    return False


def is_initialized() -> bool:
    """Return False: there is no such device."""
    return False


def _is_in_bad_fork() -> bool:
    return False


def _is_compiled() -> bool:
    return False


def device_count() -> int:
    """Return 0: there is no such device."""
    return 0


def current_device() -> int:
    """Raise PyTorch's error: there is no such device."""
    raise _without("getCurrentDevice")


def synchronize(device=None) -> None:
    """Raise PyTorch's error: there is no such device."""
    raise _without("getCurrentDevice")


def manual_seed(seed: int) -> None:
    """Do nothing: there is no generator to seed."""
    int(seed)


def manual_seed_all(seed: int) -> None:
    """Do nothing: there is no generator to seed."""
    int(seed)

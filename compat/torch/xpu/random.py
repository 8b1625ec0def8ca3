"""Random numbers on Intel's GPUs: without one, seeding does nothing."""

from __future__ import annotations


def manual_seed(seed: int) -> None:
    """Do nothing: there is no generator to seed."""
    int(seed)


def manual_seed_all(seed: int) -> None:
    """Do nothing: there is no generator to seed."""
    int(seed)


def seed() -> None:
    """Do nothing: there is no generator to seed."""


def seed_all() -> None:
    """Do nothing: there is no generator to seed."""


def initial_seed() -> int:
    """Raise PyTorch's error: there is no such device."""
    raise AssertionError("Torch not compiled with XPU enabled")


def get_rng_state(device="xpu"):
    """Raise PyTorch's error: there is no such device."""
    raise AssertionError("Torch not compiled with XPU enabled")


def get_rng_state_all():
    """Return an empty list: there is no such device."""
    return []


def set_rng_state(new_state, device="xpu") -> None:
    """Do nothing: there is no generator to set."""


def set_rng_state_all(new_states) -> None:
    """Do nothing: there is no generator to set."""

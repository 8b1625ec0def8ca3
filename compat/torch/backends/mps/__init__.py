"""``torch.backends.mps``: Apple's GPUs, which OneFlow does not know."""

from __future__ import annotations


def is_built() -> bool:
    """Return False: OneFlow has no such back end."""
    return False


def is_available() -> bool:
    """Return False: OneFlow has no such back end."""
    return False


def is_macos_or_newer(major: int, minor: int) -> bool:
    """Return False: OneFlow has no such back end."""
    return False


def is_macos13_or_newer(minor: int = 0) -> bool:
    """Return False: OneFlow has no such back end."""
    return False


def get_name() -> str:
    """Return an empty string: there is no such device."""
    return ""


def get_core_count() -> int:
    """Return 0: there is no such device."""
    return 0

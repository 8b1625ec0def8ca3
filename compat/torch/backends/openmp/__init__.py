"""``torch.backends.openmp``."""

from __future__ import annotations


def is_available() -> bool:
    """Return True: OneFlow's wheel is built with it."""
    return True

"""``torch.backends.nnpack``."""

from __future__ import annotations


def is_available() -> bool:
    """Return False: OneFlow has no such back end."""
    return False

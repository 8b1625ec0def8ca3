"""``torch.backends.cusparselt``."""

from __future__ import annotations


def is_available() -> bool:
    """Return False: OneFlow has no such back end."""
    return False


def version():
    """Return None: OneFlow has no such back end."""
    return None


def get_max_alg_id():
    """Return None: OneFlow has no such back end."""
    return None

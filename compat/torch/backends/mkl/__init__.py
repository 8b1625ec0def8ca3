"""``torch.backends.mkl``: Intel's library."""

from __future__ import annotations

VERBOSE_OFF = 0
VERBOSE_ON = 1


def is_available() -> bool:
    """Return False: OneFlow's matrix products do not come from it."""
    return False


class verbose:
    """A block in which MKL would report its calls: there are none."""

    def __init__(self, enable) -> None:
        self.enable = enable

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_val, exc_tb) -> bool:
        return False

"""Settings of PyTorch's libraries: they can be read and set; OneFlow has its own.

None of them changes what is computed beyond rounding, so to set one is no error and no news.
"""

from __future__ import annotations

import contextlib
import sys

__all__ = ["fp32_precision", "flags", "set_flags", "flags_frozen", "disable_global_flags"]

fp32_precision = "none"
_frozen = False


def flags_frozen() -> bool:
    """Tell whether `disable_global_flags` was called."""
    return _frozen


def disable_global_flags() -> None:
    """Remember that flags are to be set by ``flags()`` blocks only."""
    global _frozen
    _frozen = True


def set_flags(_fp32_precision="none"):
    """Set the precision of float32 products and return the one before."""
    here = sys.modules[__name__]
    before = (here.fp32_precision,)
    if _fp32_precision is not None:
        here.fp32_precision = _fp32_precision
    return before


@contextlib.contextmanager
def flags(fp32_precision="none"):
    """Set the precision of float32 products for a block."""
    before = set_flags(fp32_precision)
    try:
        yield
    finally:
        set_flags(*before)

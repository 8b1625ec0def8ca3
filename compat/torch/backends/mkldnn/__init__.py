"""``torch.backends.mkldnn``: oneDNN, which OneFlow has in its CPU kernels."""

from __future__ import annotations

from oneflow_mock.compat.kernels import flags as _flags

__all__ = [
    "enabled",
    "deterministic",
    "allow_tf32",
    "fp32_precision",
    "matmul",
    "conv",
    "rnn",
    "flags",
    "set_flags",
    "is_available",
    "VERBOSE_OFF",
    "VERBOSE_ON",
    "VERBOSE_ON_CREATION",
    "verbose",
]

VERBOSE_OFF = 0
VERBOSE_ON = 1
VERBOSE_ON_CREATION = 2

enabled = True
deterministic = False
allow_tf32 = None
fp32_precision = "none"
matmul = _flags.Precision()
conv = _flags.Precision()
rnn = _flags.Precision()


def is_available() -> bool:
    """Return True: OneFlow's wheel is built with it."""
    return True


class verbose:
    """A block in which oneDNN would report its calls: OneFlow cannot make it."""

    def __init__(self, level) -> None:
        self.level = level

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_val, exc_tb) -> bool:
        return False


def set_flags(_enabled=None, _deterministic=None, _allow_tf32=None, _fp32_precision="none"):
    """Set several at once; return what they were, in PyTorch's order."""
    before = _flags.swap(
        __name__,
        {
            "enabled": _enabled,
            "deterministic": _deterministic,
            "allow_tf32": _allow_tf32,
            "fp32_precision": _fp32_precision,
        },
    )
    return tuple(before.values())


def flags(enabled=False, deterministic=False, allow_tf32=True, fp32_precision="none"):
    """Set them for a block."""
    return _flags.swapped(
        __name__,
        {
            "enabled": enabled,
            "deterministic": deterministic,
            "allow_tf32": allow_tf32,
            "fp32_precision": fp32_precision,
        },
    )

"""``torch.backends.opt_einsum``: a planner for einsum with many operands; not used here."""

from __future__ import annotations

from oneflow_mock.compat.kernels import flags as _flags

__all__ = ["enabled", "strategy", "flags", "set_flags", "is_available", "get_opt_einsum"]

enabled = False
strategy = None


def is_available() -> bool:
    """Return False: operands are contracted from left to right."""
    return False


def get_opt_einsum():
    """Return None: the planner is not used."""
    return None


def set_flags(_enabled=None, _strategy=None):
    """Set both; return what they were."""
    return tuple(_flags.swap(__name__, {"enabled": _enabled, "strategy": _strategy}).values())


def flags(enabled=None, strategy=None):
    """Set them for a block."""
    return _flags.swapped(__name__, {"enabled": enabled, "strategy": strategy})

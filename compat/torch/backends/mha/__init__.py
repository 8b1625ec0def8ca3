"""``torch.backends.mha``: whether attention modules may take their fast path; there is none."""

from __future__ import annotations

_is_fastpath_enabled = True


def get_fastpath_enabled() -> bool:
    """Return the setting."""
    return _is_fastpath_enabled


def set_fastpath_enabled(value: bool) -> None:
    """Keep the setting."""
    global _is_fastpath_enabled
    _is_fastpath_enabled = value

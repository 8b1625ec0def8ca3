"""``torch.utils.deterministic``: whether new memory is filled with a known value."""

from __future__ import annotations

__all__ = ["fill_uninitialized_memory"]

fill_uninitialized_memory = True

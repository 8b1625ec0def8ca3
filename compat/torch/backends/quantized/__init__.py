"""``torch.backends.quantized``: engines for quantised operators; there are none."""

from __future__ import annotations

__all__ = ["engine", "supported_engines"]

engine = "none"
supported_engines = ["none"]

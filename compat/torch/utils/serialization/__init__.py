"""Settings of ``torch.save`` and ``torch.load``."""

from __future__ import annotations

from torch.utils.serialization import config  # noqa: F401

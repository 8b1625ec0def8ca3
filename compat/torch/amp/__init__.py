"""Automatic mixed precision."""

from __future__ import annotations

from torch.amp.autocast_mode import (  # noqa: F401
    _enter_autocast,
    _exit_autocast,
    autocast,
    custom_bwd,
    custom_fwd,
    is_autocast_available,
)
from torch.amp.grad_scaler import GradScaler  # noqa: F401

"""Automatic mixed precision, by its names from before other devices had it."""

from __future__ import annotations

from torch.cuda.amp.autocast_mode import autocast, custom_bwd, custom_fwd  # noqa: F401
from torch.cuda.amp.common import amp_definitely_not_available  # noqa: F401
from torch.cuda.amp.grad_scaler import GradScaler  # noqa: F401

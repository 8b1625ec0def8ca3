"""Autocast on CUDA, by its names from before other devices had it."""

from __future__ import annotations

import functools
import warnings

import torch.amp.autocast_mode
from torch.amp.autocast_mode import _cast  # noqa: F401

__all__ = ["autocast", "custom_fwd", "custom_bwd"]


def _deprecated(old, new):
    warnings.warn(
        f"`torch.cuda.amp.{old}` is deprecated. Please use `torch.amp.{new}` instead.",
        FutureWarning,
        stacklevel=3,
    )


class autocast(torch.amp.autocast_mode.autocast):
    """A block in which CUDA's operators run in a narrower dtype."""

    def __init__(self, enabled=True, dtype=torch.float16, cache_enabled=True) -> None:
        _deprecated("autocast(args...)", "autocast('cuda', args...)")
        super().__init__("cuda", enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)


def custom_fwd(fwd=None, *, cast_inputs=None):
    """Decorate the ``forward`` of an autograd function."""
    _deprecated("custom_fwd(args...)", "custom_fwd(args..., device_type='cuda')")
    return functools.partial(torch.amp.custom_fwd, device_type="cuda")(
        fwd=fwd, cast_inputs=cast_inputs
    )


def custom_bwd(bwd):
    """Decorate the ``backward`` of an autograd function."""
    _deprecated("custom_bwd(args...)", "custom_bwd(args..., device_type='cuda')")
    return functools.partial(torch.amp.custom_bwd, device_type="cuda")(bwd)

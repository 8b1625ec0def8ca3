"""Which attention kernels may be used: all give the same result, and there is one here."""

from __future__ import annotations

import contextlib
import enum

import torch

__all__ = ["SDPBackend", "sdpa_kernel", "WARN_FOR_UNFUSED_KERNELS"]

WARN_FOR_UNFUSED_KERNELS = False


class SDPBackend(enum.IntEnum):
    """PyTorch's attention kernels."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4

    def __repr__(self) -> str:
        return f"<SDPBackend.{self.name}: {int(self)}>"


_SETTINGS = {
    SDPBackend.CUDNN_ATTENTION: "cudnn",
    SDPBackend.FLASH_ATTENTION: "flash",
    SDPBackend.EFFICIENT_ATTENTION: "mem_efficient",
    SDPBackend.MATH: "math",
}


def _cur_sdpa_kernel_backends(with_priority=False):
    cuda = torch.backends.cuda
    enabled = {
        "cudnn": cuda.cudnn_sdp_enabled(),
        "flash": cuda.flash_sdp_enabled(),
        "mem_efficient": cuda.mem_efficient_sdp_enabled(),
        "math": cuda.math_sdp_enabled(),
    }
    return [backend for backend, name in _SETTINGS.items() if enabled[name]]


def _set(backends):
    cuda = torch.backends.cuda
    cuda.enable_cudnn_sdp(SDPBackend.CUDNN_ATTENTION in backends)
    cuda.enable_flash_sdp(SDPBackend.FLASH_ATTENTION in backends)
    cuda.enable_mem_efficient_sdp(SDPBackend.EFFICIENT_ATTENTION in backends)
    cuda.enable_math_sdp(SDPBackend.MATH in backends)


@contextlib.contextmanager
def sdpa_kernel(backends, set_priority=False):
    """Say for a block which kernels may be used."""
    if not isinstance(backends, (list, SDPBackend)):
        raise AssertionError(
            "Backend must be an instance of SDPBackend or a list of SDPBackend instances, got "
            f"{type(backends).__name__}"
        )
    chosen = [backends] if isinstance(backends, SDPBackend) else list(dict.fromkeys(backends))
    before = _cur_sdpa_kernel_backends()
    _set(chosen)
    try:
        yield {}
    finally:
        _set(before)


def list_flash_attention_impls():
    """Return no names: there are no such kernels."""
    return []


def current_flash_attention_impl():
    """Return None: there are no such kernels."""
    return None

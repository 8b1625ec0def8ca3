"""``torch.xpu``: Intel's GPUs, which OneFlow does not know; PyTorch's answers without one."""

from __future__ import annotations

import contextlib

_MISSING = "Torch not compiled with XPU enabled"
default_generators = ()


def _is_compiled() -> bool:
    return False


def _is_in_bad_fork() -> bool:
    return False


def is_available() -> bool:
    """Return False: there is no such device."""
    return False


def is_initialized() -> bool:
    """Return False: there is no such device."""
    return False


def is_bf16_supported(including_emulation=True) -> bool:
    """Return False: there is no such device."""
    return False


def is_tf32_supported() -> bool:
    """Return False: there is no such device."""
    return False


def device_count() -> int:
    """Return 0: there is no such device."""
    return 0


def _lazy_init(*args, **kwargs):
    raise AssertionError(_MISSING)


def init():
    """Raise PyTorch's error: there is no such device."""
    _lazy_init()


def current_device():
    """Raise PyTorch's error: there is no such device."""
    _lazy_init()


def set_device(device):
    """Raise PyTorch's error: there is no such device."""
    _lazy_init()


def get_device_name(device=None):
    """Raise PyTorch's error: there is no such device."""
    _lazy_init()


def get_device_capability(device=None):
    """Raise PyTorch's error: there is no such device."""
    _lazy_init()


def get_device_properties(device=None):
    """Raise PyTorch's error: there is no such device."""
    _lazy_init()


def current_stream(device=None):
    """Raise PyTorch's error: there is no such device."""
    _lazy_init()


def synchronize(device=None):
    """Raise PyTorch's error: there is no such device."""
    _lazy_init()


def get_arch_list():
    """Return an empty list: there is no such device."""
    return []


@contextlib.contextmanager
def stream(stream):
    """Run the block; None, the only stream there can be, changes nothing."""
    if stream is not None:
        _lazy_init()
    yield

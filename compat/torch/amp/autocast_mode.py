"""Autocast: OneFlow's own on CUDA, and on the CPU that of `compat.kernels.autocast`."""

from __future__ import annotations

import functools
import warnings

import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import devices

__all__ = [
    "autocast_decorator",
    "autocast",
    "is_autocast_available",
    "custom_fwd",
    "custom_bwd",
]

_CASTING = ("cpu", "cuda", "mps", "xpu", "hpu", "ipu", "mtia", "xla", "maia", "privateuseone")


def is_autocast_available(device_type) -> bool:
    """Tell whether PyTorch has autocast for a kind of device."""
    return devices.device_type(device_type) in _CASTING


def autocast_decorator(autocast_instance, func):
    """Return the function running inside an autocast block."""

    @functools.wraps(func)
    def decorate_autocast(*args, **kwargs):
        with autocast_instance:
            return func(*args, **kwargs)

    decorate_autocast.__script_unsupported = "@autocast() decorator is not supported in script mode"
    return decorate_autocast


class autocast:
    """A block, or a function, in which operators run in a narrower dtype."""

    def __init__(self, device_type, dtype=None, enabled=True, cache_enabled=None) -> None:
        import torch

        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        self.device = devices.device_type(device_type)
        self.fast_dtype = torch.get_autocast_dtype(self.device) if dtype is None else dtype
        if not is_autocast_available(self.device):
            raise RuntimeError(
                f"User specified an unsupported autocast device_type '{self.device}'"
            )
        self._cache_enabled = (
            torch.is_autocast_cache_enabled() if cache_enabled is None else cache_enabled
        )
        self._enabled = bool(enabled) and self._can_be_enabled()
        self._modes: list = []

    def _can_be_enabled(self) -> bool:
        name = self.device.upper() if self.device != "privateuseone" else self.device
        if self.device == "cuda" and not devices.cuda_count():
            warnings.warn(
                "CUDA is not available or torch_xla is imported. Disabling autocast.",
                stacklevel=3,
            )
            return False
        if self.fast_dtype not in (flow.float16, flow.bfloat16):
            supported = "torch.bfloat16, torch.float16"
            warnings.warn(
                f"In {name} autocast, but the target dtype is not supported. Disabling autocast.\n"
                f"{name} Autocast only supports dtypes of {supported} currently.",
                stacklevel=3,
            )
            return False
        if self.device != "cuda" and (self.device != "cpu" or not hooks.kernels):
            hooks.no_effect(f"torch.autocast({self.device!r})", "enabled")
            return False
        return True

    def __enter__(self):
        import torch

        self._modes.append(
            (
                torch.is_autocast_cache_enabled(),
                torch.is_autocast_enabled(self.device),
                torch.get_autocast_dtype(self.device),
            )
        )
        self._set(self._cache_enabled, self._enabled, self.fast_dtype)
        torch.autocast_increment_nesting()
        return self

    def __exit__(self, exc_type, exc_val, exc_tb) -> bool:
        import torch

        torch.autocast_decrement_nesting()
        self._set(*self._modes.pop())
        return False

    def _set(self, cached, enabled, dtype):
        import torch

        torch.set_autocast_cache_enabled(cached)
        torch.set_autocast_dtype(self.device, dtype)
        torch.set_autocast_enabled(self.device, enabled)

    def __call__(self, func):
        return autocast_decorator(self, func)


def _enter_autocast(*vals):
    mode = autocast(*vals)
    mode.__enter__()
    return mode


def _exit_autocast(mode) -> None:
    mode.__exit__(None, None, None)


def _cast(value, device_type, dtype):
    """Return a value with the floating point tensors of a device in it cast; float64 stays."""
    if isinstance(value, flow.Tensor):
        castable = (
            value.is_floating_point()
            and value.device.type == device_type
            and value.dtype != flow.float64
        )
        return value.to(dtype) if castable else value
    if isinstance(value, (str, bytes)):
        return value
    if isinstance(value, dict):
        return {
            _cast(key, device_type, dtype): _cast(one, device_type, dtype)
            for key, one in value.items()
        }
    if isinstance(value, (list, tuple)):
        return type(value)(_cast(one, device_type, dtype) for one in value)
    return value


def custom_fwd(fwd=None, *, device_type, cast_inputs=None):
    """Decorate the ``forward`` of an autograd function that is called inside autocast."""
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def decorate_fwd(*args, **kwargs):
        import torch

        args[0]._dtype = torch.get_autocast_dtype(device_type)
        if cast_inputs is None:
            args[0]._fwd_used_autocast = torch.is_autocast_enabled(device_type)
            return fwd(*args, **kwargs)
        casting = torch.is_autocast_enabled(device_type)
        args[0]._fwd_used_autocast = False
        if not casting:
            return fwd(*args, **kwargs)
        with autocast(device_type=device_type, enabled=False):
            return fwd(
                *_cast(args, device_type, cast_inputs), **_cast(kwargs, device_type, cast_inputs)
            )

    return decorate_fwd


def custom_bwd(bwd=None, *, device_type):
    """Decorate the ``backward`` of an autograd function: it runs as its ``forward`` did."""
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def decorate_bwd(*args, **kwargs):
        with autocast(
            device_type=device_type, enabled=args[0]._fwd_used_autocast, dtype=args[0]._dtype
        ):
            return bwd(*args, **kwargs)

    return decorate_bwd

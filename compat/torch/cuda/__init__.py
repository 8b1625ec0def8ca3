"""``torch.cuda``: the CUDA devices that OneFlow can use, or PyTorch's answers without one."""

from __future__ import annotations

import os
import threading

import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import legacy_types, storage
from oneflow_mock.compat.kernels.devices import cuda_count, device_index

globals().update(legacy_types.CUDA)
globals().update(storage.legacy_classes_of("torch.cuda"))

has_half = True
has_magma = False
default_generators = ()

_NOT_COMPILED = "Torch not compiled with CUDA enabled"
_first_process = os.getpid()
_current = threading.local()


def _is_compiled() -> bool:
    return cuda_count() > 0


def _is_in_bad_fork() -> bool:
    """Tell whether this process was forked after CUDA was used in its parent."""
    return os.getpid() != _first_process and cuda_count() > 0


def _lazy_init() -> None:
    if not cuda_count():
        raise AssertionError(_NOT_COMPILED)


def _lazy_call(callable, **kwargs) -> None:
    if cuda_count():
        callable()


class DeferredCudaCallError(Exception):
    """A call that waited for CUDA failed."""


class CudaError(RuntimeError):
    """CUDA returned an error."""

    def __init__(self, code: int) -> None:
        super().__init__(f"CUDA error ({code})")


def is_available() -> bool:
    """Tell whether OneFlow can use a CUDA device."""
    return cuda_count() > 0


def is_initialized() -> bool:
    """Tell whether CUDA is in use: from the start, where there is a device."""
    return cuda_count() > 0


def init() -> None:
    """Make CUDA ready; AssertionError where there is none."""
    _lazy_init()


def device_count() -> int:
    """Return how many CUDA devices OneFlow can use."""
    return cuda_count()


def current_device() -> int:
    """Return the index of the current device."""
    _lazy_init()
    return flow._oneflow_internal.GetCudaDeviceIndex()


def _index(value, optional=False) -> int:
    """Return the index that a device, a string, a number or None names."""
    if value is None and optional:
        return current_device()
    kind = getattr(value, "type", None) or (
        value.partition(":")[0] if isinstance(value, str) else "cuda"
    )
    if kind != "cuda":
        raise ValueError(f"Expected a cuda device, but got: {value}")
    found = device_index(value)
    if found is None:
        return current_device() if optional and cuda_count() else 0
    return found


_get_device_index = _index


def set_device(device) -> None:
    """Make a device the current one; a negative index changes nothing."""
    chosen = _index(device)
    if chosen < 0:
        return
    _lazy_init()
    if chosen >= cuda_count():
        raise RuntimeError("CUDA error: invalid device ordinal")
    flow._oneflow_internal.SetCudaDeviceIndex(chosen)


class device:
    """Make a device the current one for a ``with`` block."""

    def __init__(self, device) -> None:
        self.idx = device if device is None else _index(device, optional=True)
        self.prev_idx = -1

    def __enter__(self) -> None:
        if self.idx is None or self.idx < 0:
            return
        if not cuda_count():
            raise RuntimeError("PyTorch was compiled without CUDA support")
        self.prev_idx = current_device()
        set_device(self.idx)

    def __exit__(self, type, value, traceback) -> bool:
        if self.prev_idx >= 0:
            set_device(self.prev_idx)
        return False


class device_of(device):
    """Make a tensor's device the current one for a ``with`` block; the CPU's changes nothing."""

    def __init__(self, obj) -> None:
        super().__init__(obj.device if obj.is_cuda else -1)


def get_device_properties(device=None):
    """Return what a device is: its name, memory, processors and compute capability."""
    _lazy_init()
    chosen = _index(device, optional=True)
    if not 0 <= chosen < cuda_count():
        raise AssertionError("Invalid device id")
    return flow._oneflow_internal._get_device_properties(chosen)


def get_device_name(device=None) -> str:
    """Return the name of a device."""
    return get_device_properties(device).name


def get_device_capability(device=None):
    """Return ``(major, minor)`` of a device's compute capability."""
    found = get_device_properties(device)
    return found.major, found.minor


def can_device_access_peer(device, peer_device) -> bool:
    """Refuse where there are devices: OneFlow does not tell."""
    _lazy_init()
    raise hooks.refuse("torch.cuda.can_device_access_peer", "OneFlow does not tell")


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Tell whether the current device computes bfloat16."""
    return is_available() and (including_emulation or get_device_capability()[0] >= 8)


def is_tf32_supported() -> bool:
    """Tell whether the current device computes TF32."""
    return is_available() and get_device_capability()[0] >= 8


def get_arch_list():
    """Return an empty list: OneFlow does not tell what it was compiled for."""
    return []


def get_gencode_flags() -> str:
    """Return an empty string: OneFlow does not tell what it was compiled for."""
    return ""


def synchronize(device=None) -> None:
    """Wait for everything queued on a device."""
    _lazy_init()
    flow._oneflow_internal.eager.Sync()
    flow._oneflow_internal.CudaSynchronize(_index(device, optional=True))


def ipc_collect() -> None:
    """Do nothing: OneFlow shares no CUDA memory between processes."""
    _lazy_init()


def cudart():
    """Refuse: OneFlow does not hand out CUDA's runtime."""
    _lazy_init()
    raise hooks.refuse("torch.cuda.cudart", "OneFlow does not hand out CUDA's runtime")


def get_sync_debug_mode() -> int:
    """Return 0: OneFlow does not watch for synchronization."""
    _lazy_init()
    return 0


def set_sync_debug_mode(debug_mode) -> None:
    """Accept the default only: OneFlow does not watch for synchronization."""
    _lazy_init()
    if debug_mode not in (0, "default"):
        hooks.no_effect("torch.cuda.set_sync_debug_mode", "debug_mode")


# streams: OneFlow queues everything of a device in one


def current_stream(device=None):
    """Return the stream that the innermost ``stream`` block chose."""
    from torch.cuda.streams import Stream

    _lazy_init()
    chosen = _index(device, optional=True)
    held = getattr(_current, "streams", {})
    return held.get(chosen) or Stream(chosen)


def default_stream(device=None):
    """Return the one stream of a device."""
    from torch.cuda.streams import Stream

    _lazy_init()
    return Stream(_index(device, optional=True))


def set_stream(stream) -> None:
    """Make a stream the current one of its device."""
    if stream is None:
        return
    if not hasattr(_current, "streams"):
        _current.streams = {}
    _current.streams[stream.device_index] = stream


class StreamContext:
    """Make a stream the current one for a block; None changes nothing."""

    def __init__(self, stream) -> None:
        self.stream = stream
        self._before = None

    def __enter__(self) -> None:
        if self.stream is not None and is_available():
            self._before = current_stream(self.stream.device_index)
            set_stream(self.stream)

    def __exit__(self, type, value, traceback) -> None:
        if self._before is not None:
            set_stream(self._before)


def stream(stream) -> StreamContext:
    """Make a stream the current one for a ``with`` block; None changes nothing."""
    return StreamContext(stream)

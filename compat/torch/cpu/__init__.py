"""``torch.cpu``: the CPU as a device among others; it has one queue, and never waits."""

from __future__ import annotations

import oneflow as flow


def is_available() -> bool:
    """Return True."""
    return True


def is_initialized() -> bool:
    """Return True."""
    return True


def device_count() -> int:
    """Return 1."""
    return 1


def current_device() -> str:
    """Return ``"cpu"``, as PyTorch does."""
    return "cpu"


def set_device(device) -> None:
    """Do nothing: there is one CPU."""


def synchronize(device=None) -> None:
    """Wait until OneFlow has computed all that it was told to."""
    flow._oneflow_internal.eager.Sync()


class Stream:
    """The CPU's one queue."""

    def __init__(self, priority: int = -1) -> None:
        pass

    def wait_stream(self, stream) -> None:
        """Do nothing: there is one queue."""

    def record_event(self) -> None:
        """Do nothing: there is one queue."""

    def wait_event(self, event) -> None:
        """Do nothing: there is one queue."""


class Event:
    """A point in the CPU's one queue: always behind us."""

    def query(self) -> bool:
        """Return True."""
        return True

    def record(self, stream=None) -> None:
        """Do nothing."""

    def synchronize(self) -> None:
        """Wait until OneFlow has computed all that it was told to."""
        synchronize()

    def wait(self, stream=None) -> None:
        """Do nothing: there is one queue."""


_default_cpu_stream = Stream()
_current_stream = _default_cpu_stream


def current_stream(device=None) -> Stream:
    """Return the queue that the innermost ``stream`` block chose."""
    return _current_stream


class StreamContext:
    """Make a queue the current one for a block."""

    def __init__(self, stream) -> None:
        self.stream = stream
        self.prev_stream = _default_cpu_stream

    def __enter__(self) -> None:
        global _current_stream
        if self.stream is None:
            return
        self.prev_stream = _current_stream
        _current_stream = self.stream

    def __exit__(self, type, value, traceback) -> None:
        global _current_stream
        if self.stream is not None:
            _current_stream = self.prev_stream


def stream(stream) -> StreamContext:
    """Make a queue the current one for a ``with`` block."""
    return StreamContext(stream)


def _flags() -> frozenset:
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            line = next((line for line in file if line.startswith("flags")), "")
    except OSError:
        return frozenset()
    return frozenset(line.split())


def _is_avx2_supported() -> bool:
    return "avx2" in _flags()


def _is_avx512_supported() -> bool:
    return {"avx512f", "avx512vl", "avx512bw", "avx512dq"} <= _flags()


def _is_avx512_bf16_supported() -> bool:
    return "avx512_bf16" in _flags()


def _is_vnni_supported() -> bool:
    return "avx512_vnni" in _flags()

"""Streams and events. OneFlow queues all work of a device in one stream, so every stream is that
one: whatever order a program asks for between streams is kept.
"""

from __future__ import annotations

import time

import oneflow as flow

from oneflow_mock.compat.kernels.devices import cuda_count


def _sync() -> None:
    flow._oneflow_internal.eager.Sync()


class Stream:
    """A queue of a device's work."""

    def __init__(self, device=None, *, priority=0, **kwargs) -> None:
        import torch

        kind = "cuda" if device is None and cuda_count() else device
        self.device = torch.device("cpu" if kind is None else kind)
        if self.device.type == "cuda":
            index = torch.cuda._index(self.device, optional=True)
            self.device, self.device_index = torch.device("cuda", index), index
        else:
            self.device_index = -1
        self.priority = priority
        self.stream_id = 0

    def wait_event(self, event) -> None:
        """Do nothing: what comes later in the queue waits anyway."""

    def wait_stream(self, stream) -> None:
        """Do nothing: what comes later in the queue waits anyway."""

    def record_event(self, event=None):
        """Mark this point of the queue."""
        event = self._event() if event is None else event
        event.record(self)
        return event

    def _event(self):
        return Event(self.device)

    def query(self) -> bool:
        """Tell whether everything is done, by waiting for it."""
        self.synchronize()
        return True

    def synchronize(self) -> None:
        """Wait for everything in the queue."""
        _sync()

    def __eq__(self, other):
        if not isinstance(other, Stream):
            return NotImplemented
        return self.device == other.device

    def __hash__(self):
        return hash((self.device.type, self.device_index))

    def __repr__(self) -> str:
        return (
            f"torch.Stream device_type={self.device.type}, device_index={self.device_index}, "
            f"stream_id={self.stream_id}"
        )

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        pass


class Event:
    """A point of a queue. Its time is this computer's, read when all before it is done."""

    def __init__(self, device=None, *, enable_timing=False, blocking=False, interprocess=False):
        import torch

        self.device = torch.device("cpu" if device is None else device)
        self.event_id = 0
        self._timed = enable_timing
        self._at = None

    def record(self, stream=None) -> None:
        """Mark the point that the queue has reached."""
        if self._timed:
            self.synchronize()
        self._at = time.perf_counter()

    def wait(self, stream=None) -> None:
        """Do nothing: what comes later in the queue waits anyway."""

    def query(self) -> bool:
        """Tell whether the point is reached, by waiting for it."""
        self.synchronize()
        return True

    def elapsed_time(self, end_event) -> float:
        """Return the milliseconds between two points."""
        if not (self._timed and end_event._timed):
            raise RuntimeError("Both events must be created with argument 'enable_timing=True'.")
        if self._at is None or end_event._at is None:
            raise RuntimeError("Both events must be recorded before calculating elapsed time.")
        return (end_event._at - self._at) * 1000.0

    def synchronize(self) -> None:
        """Wait until the point is reached."""
        _sync()

    def __repr__(self) -> str:
        index = self.device.index if self.device.index is not None else -1
        return (
            f"torch.Event device_type={self.device.type}, device_index={index}, event_flag=0, "
            f"event_id={self.event_id}"
        )


Stream.__module__ = Event.__module__ = "torch"

"""Streams and events. OneFlow queues all work of a device in one stream, so every stream is that
one: whatever order a program asks for between streams is kept.
"""

from __future__ import annotations

import time

import oneflow as flow

from oneflow_mock.compat.kernels.devices import cuda_count

__all__ = ["Stream", "Event"]


def _index(device):
    import torch

    return torch.cuda._index(device, optional=True)


class Stream:
    """A queue of a device's work."""

    def __init__(self, device=None, priority=0, **kwargs) -> None:
        if not cuda_count():
            raise RuntimeError("torch.cuda.Stream requires CUDA support")
        self.device_index = _index(device)
        self.device = flow.device("cuda", self.device_index)
        self.priority = priority
        self.stream_id = 0
        self.cuda_stream = 0

    def wait_event(self, event) -> None:
        """Do nothing: what comes later in the queue waits anyway."""

    def wait_stream(self, stream) -> None:
        """Do nothing: what comes later in the queue waits anyway."""

    def record_event(self, event=None):
        """Mark this point of the queue."""
        event = Event() if event is None else event
        event.record(self)
        return event

    def query(self) -> bool:
        """Tell whether everything is done, by waiting for it."""
        self.synchronize()
        return True

    def synchronize(self) -> None:
        """Wait for everything in the queue."""
        import torch

        torch.cuda.synchronize(self.device_index)

    def __eq__(self, other):
        if not isinstance(other, Stream):
            return NotImplemented
        return self.device_index == other.device_index

    def __hash__(self):
        return hash(("cuda", self.device_index))

    def __repr__(self) -> str:
        return f"<torch.cuda.Stream device={self.device} cuda_stream=0x0>"

    def __enter__(self):
        import torch

        self._context = torch.cuda.stream(self)
        self._context.__enter__()
        return self

    def __exit__(self, *error) -> None:
        self._context.__exit__(*error)


class Event:
    """A point of a queue. Its time is this computer's, read when all before it is done."""

    def __init__(self, enable_timing=False, blocking=False, interprocess=False, **kwargs) -> None:
        if not cuda_count():
            raise RuntimeError("Tried to instantiate dummy base class Event")
        self._timed = enable_timing
        self._at = None

    def record(self, stream=None) -> None:
        """Mark the point that the queue has reached."""
        import torch

        if self._timed:
            torch.cuda.synchronize()
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
        import torch

        torch.cuda.synchronize()

    def __repr__(self) -> str:
        return f"<torch.cuda.Event {id(self):#x}>"

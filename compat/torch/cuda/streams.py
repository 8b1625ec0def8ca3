"""Streams and events of CUDA devices: OneFlow has one stream a device, and every one is that."""

from __future__ import annotations

from oneflow_mock.compat.kernels import streams
from oneflow_mock.compat.kernels.devices import cuda_count

__all__ = ["Stream", "Event"]


class Stream(streams.Stream):
    """A queue of a CUDA device's work."""

    cuda_stream = 0

    def __init__(self, device=None, priority=0, **kwargs) -> None:
        if not cuda_count():
            raise RuntimeError("torch.cuda.Stream requires CUDA support")
        if device is None or isinstance(device, int):
            import torch

            device = torch.device("cuda", torch.cuda._index(device, optional=True))
        super().__init__(device, priority=priority)

    def _event(self):
        return Event()

    def synchronize(self) -> None:
        """Wait for everything in the queue."""
        import torch

        torch.cuda.synchronize(self.device_index)

    def __repr__(self) -> str:
        return f"<torch.cuda.Stream device={self.device} cuda_stream=0x0>"

    def __enter__(self):
        import torch

        self._context = torch.cuda.stream(self)
        self._context.__enter__()
        return self

    def __exit__(self, *error) -> None:
        self._context.__exit__(*error)


class Event(streams.Event):
    """A point of a CUDA device's queue."""

    def __init__(self, enable_timing=False, blocking=False, interprocess=False, **kwargs) -> None:
        if not cuda_count():
            raise RuntimeError("Tried to instantiate dummy base class Event")
        super().__init__("cuda", enable_timing=enable_timing)

    def synchronize(self) -> None:
        """Wait until the point is reached."""
        import torch

        torch.cuda.synchronize()

    def __repr__(self) -> str:
        return f"<torch.cuda.Event {id(self):#x}>"

"""``torch.accelerator``: the CUDA devices that OneFlow can use, or none."""

from __future__ import annotations

import oneflow as flow

from oneflow_mock.compat.kernels.devices import cuda_count


def _require():
    if not cuda_count():
        raise RuntimeError("Cannot access accelerator device when none is available.")


def is_available() -> bool:
    """Tell whether OneFlow can use a CUDA device."""
    return cuda_count() > 0


def device_count() -> int:
    """Return how many CUDA devices OneFlow can use."""
    return cuda_count()


def current_accelerator(check_available: bool = False):
    """Return the device of type ``cuda``, or None where there is none."""
    return flow.device("cuda") if cuda_count() else None


def current_device_index() -> int:
    """Return the index of the current CUDA device."""
    _require()
    import torch

    return torch.cuda.current_device()


current_device_idx = current_device_index


def set_device_index(device) -> None:
    """Make a CUDA device the current one."""
    _require()
    import torch

    torch.cuda.set_device(device)


set_device_idx = set_device_index


def get_device_capability(device=None):
    """Return the dtypes that the accelerator computes, as PyTorch lists them."""
    _require()
    supported = {flow.float32, flow.float64, flow.float16, flow.int8, flow.int32, flow.int64}
    return {"supported_dtypes": supported | {flow.uint8, flow.bool}}


def current_stream(device=None):
    """Return the current stream of a CUDA device."""
    _require()
    import torch

    return torch.cuda.current_stream(device)


def set_stream(stream) -> None:
    """Make a stream the current one."""
    _require()
    import torch

    torch.cuda.set_stream(stream)


def synchronize(device=None) -> None:
    """Wait for everything queued on a CUDA device."""
    _require()
    import torch

    torch.cuda.synchronize(device)


class device_index:
    """Select a CUDA device for the length of a ``with`` block; None changes nothing."""

    def __init__(self, device) -> None:
        self.idx = device
        self.prev_idx = -1

    def __enter__(self) -> None:
        if self.idx is not None:
            self.prev_idx = current_device_index()
            set_device_index(self.idx)

    def __exit__(self, *exc_info) -> None:
        if self.idx is not None:
            set_device_index(self.prev_idx)

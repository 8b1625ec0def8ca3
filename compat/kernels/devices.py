"""Which devices there are, as OneFlow sees them."""

from __future__ import annotations

import oneflow as flow

#: What PyTorch accepts as the device type of a device string.
DEVICE_TYPES = (
    "cpu cuda ipu xpu mkldnn opengl opencl ideep hip ve fpga maia xla lazy vulkan mps meta hpu "
    "mtia privateuseone"
).split()


def cuda_count() -> int:
    """Return how many CUDA devices OneFlow can use."""
    return flow._oneflow_internal.CudaGetDeviceCount()


def device_type(device) -> str:
    """Return the type of a device given as a string, a number or a device; PyTorch's error."""
    if isinstance(device, flow.device):
        return device.type
    if isinstance(device, int):
        return "cuda"
    kind = str(device).partition(":")[0]
    if kind not in DEVICE_TYPES:
        raise RuntimeError(
            f"Expected one of {', '.join(DEVICE_TYPES)} device type at start of device string: "
            f"{device}"
        )
    return kind


def device_index(device):
    """Return the index that a device names, or None where it names none."""
    if isinstance(device, int):
        return device
    if isinstance(device, flow.device):
        return device.index
    _, _, index = str(device).partition(":")
    return int(index) if index else None

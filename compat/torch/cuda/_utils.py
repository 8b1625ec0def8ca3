"""How devices are named by numbers."""

from __future__ import annotations


def _get_device_index(device, optional=False, allow_cpu=False) -> int:
    import torch

    if allow_cpu and str(device) == "cpu":
        return -1
    if isinstance(device, int):
        return device
    return torch.cuda._index(device, optional=optional)

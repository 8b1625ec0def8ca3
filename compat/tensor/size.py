"""``torch.Size``: OneFlow's own type, under PyTorch's name."""

from __future__ import annotations

import ctypes

import oneflow as flow

from oneflow_mock.compat.kernels import slots

_slots = slots.Slots(flow.Size)
_namespace = slots.Namespace(flow.Size)
_name = ctypes.create_string_buffer(b"torch.Size")


def install(patches) -> None:
    """Let sizes print and pickle as PyTorch's; the type is static, so through its C slots."""
    if not slots.usable():
        return
    patches.set(_slots, "tp_name", ctypes.addressof(_name))
    patches.set(_namespace, "__repr__", _repr)


def _repr(self):
    return f"torch.Size([{', '.join(map(repr, self))}])"

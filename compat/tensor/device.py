"""``torch.device`` and what a tensor says of where it is."""

from __future__ import annotations

import oneflow as flow

from oneflow_mock.compat.kernels import device_spelling, slots

_slots = slots.Slots(flow.device)


def install(patches) -> None:
    """Let OneFlow's device class be called, compared and printed as PyTorch's."""
    # Deleting ``__new__`` from a class leaves its slot behind, so the slot is put back too.
    patches.set(_slots, "tp_new", _slots.tp_new)
    for name, value in {
        "__module__": "torch",
        "__new__": staticmethod(device_spelling.new_device),
        "__init__": _keep,
        "__repr__": device_spelling.repr_of,
        "__str__": device_spelling.str_of,
        "__reduce__": device_spelling.reduce_of,
        "__copy__": _self,
        "__deepcopy__": _self,
        "__enter__": device_spelling.enter,
        "__exit__": device_spelling.leave,
        "__call__": device_spelling.decorate,
        "index": property(device_spelling.index_of),
    }.items():
        patches.set(flow.device, name, value)


def _keep(self, *args, **kwargs):
    """Everything was done by ``__new__``."""


def _self(self, *args):
    return self


def _get_device(self) -> int:
    """Return the index of the tensor's CUDA device, -1 on the CPU."""
    device = self.device
    return -1 if device.index is None else device.index


METHODS = {"get_device": _get_device}

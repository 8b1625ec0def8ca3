"""Making tensors by calling the class, and tensors like another one."""

from __future__ import annotations

import oneflow as flow

from oneflow_mock.compat.kernels import creation, memory, meta, slots

_new_tensor = flow.Tensor.__new__
_init_tensor = flow.Tensor.__init__
_init_parameter = flow.nn.Parameter.__init__
_set_data = flow.Tensor.data.__set__
_slots = [slots.Slots(flow.Tensor), slots.Slots(flow.nn.Parameter)]


def install(patches) -> None:
    """Let ``__new__`` make the tensor, as PyTorch's does: subclasses build on that."""
    for owner, made in zip(_slots, (_make_tensor, _make_parameter)):
        # Deleting ``__new__`` from a class leaves its slot behind, so the slot is put back too.
        patches.set(owner, "tp_new", owner.tp_new)
        patches.set(owner.cls, "__new__", staticmethod(made))
        patches.set(owner.cls, "__init__", _keep)


def _instance(cls):
    if cls is flow.Tensor or cls is flow.nn.Parameter:
        return _new_tensor(cls)
    return slots.new_instance(_new_tensor, cls)


def _keep(self, *args, **kwargs):
    """Everything was done by ``__new__``."""


def _make_tensor(cls, *args, **kwargs):
    """``torch.Tensor(...)``: sizes, a sequence or a tensor; of the default dtype."""
    made = _instance(cls)
    device = kwargs.pop("device", None)
    data = kwargs.pop("data", None)
    if data is not None:
        args = (data, *args)
    if kwargs:
        _init_tensor(made, *args, **kwargs)  # OneFlow's own: placement and sbp
        return made
    _init_tensor(made)
    made_of = creation.legacy(args, flow.get_default_dtype(), device)
    _set_data(made, memory.at_start(made_of))
    return made


def _make_parameter(cls, data=None, requires_grad=True):
    """``torch.nn.Parameter(data)``: shares the data's memory."""
    if data is None:
        data = flow._C.empty((0,), dtype=flow.get_default_dtype())
    elif not isinstance(data, flow.Tensor):
        raise AttributeError(f"'{type(data).__name__}' object has no attribute 'detach'")
    if meta.is_meta(data):
        return meta.parameter(data, requires_grad)
    is_complex = data.is_complex()
    if requires_grad and not (is_complex or data.is_floating_point()):
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    made = _instance(cls)
    requires_grad = bool(requires_grad)
    # OneFlow's constructor detaches it.
    _init_parameter(made, memory.at_start(data), requires_grad and not is_complex)
    return made.requires_grad_() if requires_grad and is_complex else made


def _make_subclass(cls, data, require_grad=False, **kwargs):
    """Return a tensor of a subclass that shares another one's memory."""
    made = _instance(cls)
    if issubclass(cls, flow.nn.Parameter):
        _init_parameter(made, memory.at_start(data.detach()), bool(require_grad))
        return made
    _init_tensor(made)
    _set_data(made, memory.at_start(data.detach()))
    return made.requires_grad_(True) if require_grad else made


def _as_subclass(self, cls):
    """Return the tensor's data as a tensor of a subclass."""
    return _make_subclass(cls, self, False)


METHODS = {
    "_make_subclass": staticmethod(_make_subclass),
    "as_subclass": _as_subclass,
    "new_tensor": creation.new_tensor,
    "new_empty": creation.new_empty,
    "new_zeros": creation.new_zeros,
    "new_ones": creation.new_ones,
    "new_full": creation.new_full,
    "new_empty_strided": creation.new_empty_strided,
    "new": creation.new,
}

"""Copies of tensors, their data, and the attributes that go with them."""

from __future__ import annotations

import oneflow as flow

from oneflow_mock.compat.kernels import memory
from oneflow_mock.compat.tensor.autograd import HOOKS, RETAINS
from oneflow_mock.compat.tensor.conversion import check_format

_clone = flow.Tensor.clone
_get_data = memory.detached
_set_data = flow.Tensor.data.__set__


def attributes_of(tensor):
    """Return the Python attributes that a program gave a tensor: all but ours."""
    return {name: value for name, value in tensor.__dict__.items() if name not in (HOOKS, RETAINS)}


def _clone_in(self, *, memory_format=None):
    """Return a copy; gradients flow back to the original."""
    if memory_format is not None:
        check_format("torch.Tensor.clone", self, memory_format)
    return _clone(self)


def _assign_data(self, data):
    """Let the tensor have another one's values; the gradient stays."""
    if not isinstance(data, flow.Tensor):
        raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
    gradient = self.grad
    _set_data(self, memory.at_start(data))
    if gradient is not None:
        self.grad = gradient


def _copy(self):
    """``copy.copy``: a tensor over the same values, with the same attributes."""
    if type(self) is flow.nn.Parameter:
        copied = flow.nn.Parameter(_get_data(self), self.requires_grad)
    else:
        copied = _get_data(self)
        if type(self) is not flow.Tensor:
            copied = copied.as_subclass(type(self))
        if self.requires_grad:
            copied.requires_grad_()
    copied.__dict__.update(attributes_of(self))
    return copied


METHODS = {
    "__copy__": _copy,
    "clone": _clone_in,
    "data": property(_get_data, _assign_data),
}

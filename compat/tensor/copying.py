"""Copies and pickles of tensors and parameters, with the attributes that PyTorch's keep."""

from __future__ import annotations

import copy

import oneflow as flow

from oneflow_mock.compat.tensor.autograd import HOOKS
from oneflow_mock.compat.tensor.conversion import check_format

_clone = flow.Tensor.clone
_get_data = flow.Tensor.data.__get__
_set_data = flow.Tensor.data.__set__


def install(patches) -> None:
    """Give parameters their own copies and pickles."""
    patches.set(flow.nn.Parameter, "__deepcopy__", _deepcopy_parameter)
    patches.set(flow.nn.Parameter, "__reduce_ex__", _reduce_parameter)


def _deepcopy(self, memo):
    """Copy values, gradient and attributes; only of a tensor that is no result."""
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
            "protocol at the moment.  If you were attempting to deepcopy a module, this may be "
            "because of a torch.nn.utils.weight_norm usage, see "
            "https://github.com/pytorch/pytorch/pull/103001"
        )
    if id(self) in memo:
        return memo[id(self)]
    with flow.no_grad():
        copied = _clone(self).detach()
        if type(self) is not flow.Tensor:
            copied = copied.as_subclass(type(self))
        if self.requires_grad:
            copied.requires_grad_()
        if self.grad is not None:
            copied.grad = self.grad.__deepcopy__(memo)
    attributes = attributes_of(self)
    if attributes:
        copied.__dict__.update(copy.deepcopy(attributes, memo))
    memo[id(self)] = copied
    return copied


def attributes_of(tensor):
    """Return the Python attributes that a program gave a tensor: all but its hooks."""
    return {name: value for name, value in tensor.__dict__.items() if name != HOOKS}


def _deepcopy_parameter(self, memo):
    """Copy values; PyTorch leaves gradient and attributes behind."""
    if id(self) not in memo:
        memo[id(self)] = type(self)(_clone(_get_data(self)), self.requires_grad)
    return memo[id(self)]


def _reduce(self, protocol):
    """Pickle by the names of real PyTorch, which can load what comes out."""
    from torch import _tensor

    made = _pickled_values(self)
    state = attributes_of(self)
    if type(self) is flow.Tensor and not state:
        return made
    function, args = made
    return _tensor._rebuild_from_type_v2, (function, type(self), args, state)


def _pickled_values(self):
    from torch import _utils
    from torch.storage import TypedStorage
    from torch.utils.hooks import warn_if_has_hooks

    warn_if_has_hooks(self)
    storage = TypedStorage(wrap_storage=self.untyped_storage(), dtype=self.dtype, _internal=True)
    return _utils._rebuild_tensor_v2, (
        storage,
        self.storage_offset(),
        tuple(self.shape),
        self.stride(),
        self.requires_grad,
        _no_hooks(),
    )


def _no_hooks():
    from collections import OrderedDict

    return OrderedDict()


def _reduce_parameter(self, protocol):
    """Pickle a parameter by the names of real PyTorch."""
    from torch import _utils

    state = attributes_of(self)
    args = (_get_data(self), self.requires_grad, _no_hooks())
    if not state:
        return _utils._rebuild_parameter, args
    return _utils._rebuild_parameter_with_state, (*args, state)


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
    _set_data(self, data)
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
    "__deepcopy__": _deepcopy,
    "__copy__": _copy,
    "__reduce_ex__": _reduce,
    "clone": _clone_in,
    "data": property(_get_data, _assign_data),
}

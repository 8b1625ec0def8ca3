"""Tensors in pickles and deep copies, in PyTorch's form."""

from __future__ import annotations

import copy
from collections import OrderedDict
from multiprocessing.reduction import ForkingPickler

import oneflow as flow

from oneflow_mock.compat.kernels import dtypes, memory, sharing, slots, storage
from oneflow_mock.compat.tensor.copying import attributes_of


def _attributes(tensor):
    return attributes_of(tensor) or None


def _rebuilding(tensor):
    """Say how a tensor is rebuilt, as PyTorch's files say it."""
    import torch

    if getattr(tensor, "is_meta", False):
        arguments = (
            tensor.dtype,
            tuple(tensor.shape),
            tuple(tensor.stride()),
            tensor.requires_grad,
        )
        return torch._utils._rebuild_meta_tensor_no_storage, arguments
    arguments = (
        tensor.storage_offset() if tensor.numel() else 0,
        tuple(tensor.shape),
        tuple(tensor.stride()) if tensor.numel() else memory._contiguous(tuple(tensor.shape)),
        tensor.requires_grad,
        OrderedDict(),
    )
    if dtypes.name_of(tensor.dtype) not in storage.TYPED_NAMES:  # PyTorch's newer dtypes
        arguments = (tensor.untyped_storage(), *arguments, tensor.dtype)
        return torch._utils._rebuild_tensor_v3, arguments
    return torch._utils._rebuild_tensor_v2, (tensor._typed_storage(), *arguments)


def _reduce_ex(self, protocol):
    """Say how the tensor is rebuilt: what lies in files that PyTorch writes."""
    import torch

    state = _attributes(self)
    if isinstance(self, flow.nn.Parameter):
        data = self.detach()
        if state is None:
            return torch._utils._rebuild_parameter, (data, self.requires_grad, OrderedDict())
        return (
            torch._utils._rebuild_parameter_with_state,
            (data, self.requires_grad, OrderedDict(), state),
        )
    function, arguments = _rebuilding(self)
    if type(self) is flow.Tensor and state is None:
        return function, arguments
    if getattr(self, "is_meta", False):
        return function, arguments
    return torch._tensor._rebuild_from_type_v2, (function, type(self), arguments, state)


def _deepcopy(self, memo):
    """Return a copy of a leaf; of what is no parameter, its gradient and attributes too."""
    if id(self) in memo:
        return memo[id(self)]
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
            "protocol at the moment.  If you were attempting to deepcopy a module, this may be "
            "because of a torch.nn.utils.weight_norm usage, see "
            "https://github.com/pytorch/pytorch/pull/103001"
        )
    made = _copied(self, memo)
    if isinstance(self, flow.nn.Parameter):
        # PyTorch leaves a parameter's gradient and attributes behind.
        memo[id(self)] = made = type(self)(made, self.requires_grad)
        return made
    if type(self) is not flow.Tensor:
        made = made.as_subclass(type(self))
    if self.requires_grad:
        made.requires_grad_()
    memo[id(self)] = made
    if self.grad is not None:
        made.grad = copy.deepcopy(self.grad, memo)
    state = _attributes(self)
    if state is not None:
        made.__dict__ = copy.deepcopy(state, memo)
    return made


def _copied(tensor, memo):
    """Return the copied values; tensors that share memory share the copy's."""
    if tensor.is_cuda or tensor.numel() == 0:
        return tensor.detach().clone()
    storage = tensor.untyped_storage()
    held = memo.setdefault("torch", {})
    key = storage.data_ptr()
    known = held.get(key)
    if known is None or known.nbytes() < storage.nbytes():
        held[key] = known = storage.clone()
        memo.setdefault(id(memo), []).append(tensor)
    return memory.over(
        known._array, tensor.dtype, tuple(tensor.shape), tensor.stride(), tensor.storage_offset()
    )


def _reduce_size(self):
    return flow.Size, (tuple(self),)


METHODS = {"__reduce_ex__": _reduce_ex, "__deepcopy__": _deepcopy}


def install(patches) -> None:
    """Name the classes as PyTorch's files do; parameters have methods of their own in OneFlow."""
    patches.adopt(flow.Tensor, "torch", "Tensor")
    patches.adopt(flow.nn.Parameter, "torch.nn.parameter", "Parameter")
    known = {**ForkingPickler._extra_reducers, **sharing.reducers()}
    patches.set(ForkingPickler, "_extra_reducers", known)
    if slots.usable():
        patches.set(slots.Namespace(flow.Size), "__reduce__", _reduce_size)
    for name, method in METHODS.items():
        if name in vars(flow.nn.Parameter):
            patches.set(flow.nn.Parameter, name, method)

"""How tensors and parameters are put together again out of a file; small helpers of libraries."""

from __future__ import annotations

import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import dtypes
from oneflow_mock.compat.kernels.devices import cuda_count
from oneflow_mock.compat.tensor.copying import attributes_of
from oneflow_mock.compat.tensor.storage import laid_over


def _rebuild_tensor(storage, storage_offset, size, stride):
    return laid_over(storage.untyped(), storage.dtype, size, stride, storage_offset)


def _rebuild_tensor_v2(
    storage, storage_offset, size, stride, requires_grad, backward_hooks, metadata=None
):
    return _recording(
        _rebuild_tensor(storage, storage_offset, size, stride), requires_grad, metadata
    )


def _rebuild_tensor_v3(
    storage, storage_offset, size, stride, requires_grad, backward_hooks, dtype, metadata=None
):
    tensor = laid_over(storage.untyped(), dtype, size, stride, storage_offset)
    return _recording(tensor, requires_grad, metadata)


def _recording(tensor, requires_grad, metadata):
    if metadata:
        raise hooks.refuse("torch.load", f"tensors with the bits {', '.join(sorted(metadata))} set")
    return tensor.requires_grad_() if requires_grad else tensor


def _rebuild_parameter(data, requires_grad, backward_hooks):
    return flow.nn.Parameter(data, requires_grad)


def _rebuild_parameter_with_state(data, requires_grad, backward_hooks, state):
    return _set_obj_state(flow.nn.Parameter(data, requires_grad), state)


def _set_obj_state(obj, state):
    slots = None
    if isinstance(state, tuple):
        if len(state) != 2:
            raise RuntimeError(f"Invalid serialized state: {state}")
        state, slots = state
    for held in (state, slots):
        for name, value in (held or {}).items():
            setattr(obj, name, value)
    return obj


def _rebuild_meta_tensor_no_storage(dtype, size, stride, requires_grad):
    import torch

    return torch.empty(size, dtype=dtype, device="meta", requires_grad=requires_grad)


def _rebuild_device_tensor_from_cpu_tensor(data, dtype, device, requires_grad):
    tensor = data.to(dtype).to(device).detach()
    return tensor.requires_grad_() if requires_grad else tensor


def _rebuild_device_tensor_from_numpy(data, dtype, device, requires_grad):
    tensor = flow.from_numpy(data).to(dtype).to(device)
    return tensor.requires_grad_() if requires_grad else tensor


def _rebuild_sparse_tensor(layout, data):
    raise hooks.refuse("torch._utils._rebuild_sparse_tensor", "OneFlow has no sparse tensors")


def _rebuild_nested_tensor(buffer, sizes, strides, storage_offsets):
    raise hooks.refuse("torch._utils._rebuild_nested_tensor", "OneFlow has no nested tensors")


def _rebuild_qtensor(*args):
    raise hooks.refuse("torch._utils._rebuild_qtensor", "OneFlow has no quantized tensors")


def _rebuild_wrapper_subclass(*args):
    raise hooks.refuse("torch._utils._rebuild_wrapper_subclass", "wrapper subclasses of Tensor")


def _element_size(dtype) -> int:
    return dtypes.itemsize(dtype)


def _get_device_index(device, optional=False, allow_cpu=False):
    """Return the index of a CUDA device; -1 for the CPU where that is allowed."""
    if isinstance(device, str):
        device = flow.device(device)
    if isinstance(device, flow.device):
        if device.type == "cpu" and not allow_cpu:
            raise ValueError(f"Expected a non cpu device, but got: {device}")
        if device.type == "cpu":
            return -1
        device = device.index if ":" in str(device) else None
    if device is None:
        if not optional:
            raise ValueError(
                f"Expected a torch.device with a specified index or an integer, but got:{device}"
            )
        import torch

        return torch.cuda.current_device()
    return device


def _flatten_dense_tensors(tensors):
    return flow.cat([tensor.contiguous().view(-1) for tensor in tensors], 0)


def _unflatten_dense_tensors(flat, tensors):
    outputs, start = [], 0
    for tensor in tensors:
        count = tensor.numel()
        outputs.append(flat[start : start + count].view(tensor.shape))
        start += count
    return tuple(outputs)


class ExceptionWrapper:
    """Carries an exception out of a thread or process, with its traceback as text."""

    def __init__(self, exc_info=None, where="in background") -> None:
        import sys
        import traceback

        if exc_info is None:
            exc_info = sys.exc_info()
        self.exc_type = exc_info[0]
        self.exc_msg = "".join(traceback.format_exception(*exc_info))
        self.where = where

    def reraise(self):
        """Raise the exception here."""
        text = f"Caught {self.exc_type.__name__} {self.where}.\nOriginal {self.exc_msg}"
        if self.exc_type is KeyError:
            text = _Unquoted(text)
        elif getattr(self.exc_type, "message", None):
            raise self.exc_type(message=text)
        try:
            exception = self.exc_type(text)
        except Exception:
            raise RuntimeError(text) from None
        raise exception


class _Unquoted(str):
    """A text that KeyError does not put into quotes."""

    def __repr__(self) -> str:
        return str(self)


KeyErrorMessage = _Unquoted


def _get_obj_state(obj):
    """Return what a program gave a tensor besides its values: attributes, and slots if any."""
    import copyreg

    state = attributes_of(obj)
    slots = copyreg._slotnames(type(obj))
    held = {name: getattr(obj, name) for name in slots if hasattr(obj, name)}
    return (state, held) if held else state


class _ClassPropertyDescriptor:
    """A property of a class."""

    def __init__(self, fget, fset=None) -> None:
        self.fget = fget

    def __get__(self, instance, owner=None):
        if owner is None:
            owner = type(instance)
        return self.fget.__get__(instance, owner)()


def classproperty(func):
    """Make a method the value of an attribute of its class."""
    if not isinstance(func, (classmethod, staticmethod)):
        func = classmethod(func)
    return _ClassPropertyDescriptor(func)


def _import_dotted_name(name):
    """Return what a dotted name stands for."""
    first, *rest = name.split(".")
    found = __import__(first)
    for part in rest:
        found = getattr(found, part)
    return found


def _get_available_device_type():
    """Return the type of the accelerator, or None where there is none."""
    return "cuda" if cuda_count() else None


def _get_all_device_indices():
    """Return the indices of the accelerator's devices."""
    return list(range(cuda_count()))


def _get_current_device_index():
    """Return the index of the accelerator's current device, or None where there is none."""
    import torch

    return torch.cuda.current_device() if cuda_count() else None


def _take_tensors(tensors, size_limit):
    """Yield the tensors in groups of one type, none of them larger than ``size_limit`` bytes."""
    groups = {}
    for tensor in tensors:
        group, size = groups.get(tensor.type(), ([], 0))
        more = tensor.numel() * tensor.element_size()
        if size + more > size_limit and size > 0:
            yield group
            group, size = [], 0
        groups[tensor.type()] = ([*group, tensor], size + more)
    for group, _ in groups.values():
        if group:
            yield group


def _reorder_tensors_as(tensors, ordered_tensors):
    """Return tensors in the order of others, matched by type within each."""
    by_type = {}
    for tensor in tensors:
        by_type.setdefault(tensor.type(), []).append(tensor)
    queues = {kind: iter(group) for kind, group in by_type.items()}
    return tuple(next(queues[tensor.type()]) for tensor in ordered_tensors)

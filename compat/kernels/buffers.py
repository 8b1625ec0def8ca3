"""Tensors over buffers, arrays, storages and files, without copying where that can be."""

from __future__ import annotations

import warnings

import numpy as np
import oneflow as flow

from oneflow_mock.compat.kernels import dtypes, memory
from oneflow_mock.compat.kernels.storage import TypedStorage, UntypedStorage


def frombuffer(buffer, *, dtype, count=-1, offset=0, requires_grad=False):
    """Return a 1-d tensor over an object's buffer."""
    try:
        view = memoryview(buffer)
    except TypeError:
        raise ValueError("object does not implement Python buffer protocol.") from None
    length, width = view.nbytes, dtypes.itemsize(dtype)
    if length == 0 or count == 0:
        raise ValueError(f"both buffer length ({length}) and count ({count}) must not be 0")
    if not 0 <= offset < length:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length "
            f"({length} bytes) minus 1"
        )
    if count > 0 and offset + count * width > length:
        raise ValueError(
            f"requested buffer length ({count} * {width} bytes) after offset ({offset} bytes) must "
            f"not be greater than actual buffer length ({length} bytes)"
        )
    if count < 0:
        if (length - offset) % width:
            raise ValueError(
                f"buffer length ({length - offset} bytes) after offset ({offset} bytes) must be a "
                f"multiple of element size ({width})"
            )
        count = (length - offset) // width
    if view.readonly:
        warnings.warn(
            "The given buffer is not writable, and PyTorch does not support non-writable tensors. "
            "This means you can write to the underlying (supposedly non-writable) buffer using "
            "the tensor. You may want to copy the buffer to protect its data or make it writable "
            "before converting it to a tensor.",
            UserWarning,
            stacklevel=2,
        )
    array = np.frombuffer(view.cast("B"), np.uint8, count * width, offset)
    tensor = memory.over(array, dtype, (count,))
    if not requires_grad:
        return tensor
    if not tensor.is_floating_point():
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    return tensor.requires_grad_()


def from_storage(storage, dtype=None):
    """Return a 1-d tensor over a storage."""
    dtype = dtype or getattr(storage, "dtype", None) or flow.get_default_dtype()
    count, untyped = storage.nbytes() // dtypes.itemsize(dtype), storage.untyped()
    if untyped._tensor is None and not untyped.is_meta:
        tensor = memory.over(untyped._array, dtype, (count,))
        if dtype is flow.uint8 and count:
            return memory.note(tensor, untyped._array)
        return tensor
    from oneflow_mock.compat.tensor.storage import laid_over

    return laid_over(untyped, dtype, (count,))


def _has_buffer(obj) -> bool:
    try:
        memoryview(obj)
    except TypeError:
        return False
    return True


def asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=None):
    """Return a tensor of almost anything, over the same memory where that can be."""
    shared = True
    if isinstance(obj, flow.Tensor):
        tensor = obj
        if requires_grad is None:
            requires_grad = obj.requires_grad
    elif isinstance(obj, (UntypedStorage, TypedStorage)):
        tensor = from_storage(obj, dtype)
        if not (device or copy or requires_grad):
            return tensor
    elif isinstance(obj, np.ndarray):
        tensor = flow.from_numpy(obj)
    elif not isinstance(obj, np.generic) and _has_buffer(obj):
        tensor = frombuffer(obj, dtype=dtype or flow.get_default_dtype())
    else:
        if copy is False:
            raise ValueError("can't alias arbitrary sequence into a tensor.")
        if obj is None:
            raise RuntimeError("Could not infer dtype of NoneType")
        if isinstance(obj, str):
            raise TypeError("new(): invalid data type 'str'")
        tensor, shared = flow.tensor(obj, dtype=dtype, device=device or "cpu"), False
    moved = tensor if device is None else tensor.to(device)
    cast = moved if dtype is None or moved.dtype == dtype else moved.to(dtype)
    if copy is False and cast is not tensor:
        if moved is not tensor:
            raise ValueError(f"can't alias tensor from device '{tensor.device}' to '{device}'.")
        raise ValueError(
            f"can't alias tensor with dtype '{dtypes.traits(tensor.dtype).scalar}' into dtype "
            f"'{dtypes.traits(dtype).scalar}'."
        )
    if copy and shared and cast is tensor:
        cast = tensor.detach().clone() if not requires_grad else tensor.clone()
    if requires_grad is False and cast.requires_grad:
        return cast.detach()
    if requires_grad and not cast.requires_grad:
        return cast.requires_grad_()
    return cast


def from_file(filename, shared=None, size=0, dtype=None, **options):
    """Return a 1-d tensor over the first elements of a file; ``shared`` ones are written to it."""
    dtype = dtype or flow.get_default_dtype()
    untyped = UntypedStorage.from_file(filename, bool(shared), size * dtypes.itemsize(dtype))
    return memory.over(untyped._array, dtype, (size,))


def from_dlpack(ext_tensor, *, device=None, copy=None):
    """Return a tensor over the memory of another library's tensor, or of a DLPack capsule."""
    capsule = ext_tensor
    if hasattr(ext_tensor, "__dlpack__"):
        if isinstance(ext_tensor, np.ndarray):
            tensor = flow.from_numpy(ext_tensor)
            return tensor.clone() if copy else tensor
        capsule = ext_tensor.__dlpack__()
    tensor = flow.from_dlpack(capsule)
    if device is not None:
        tensor = tensor.to(device)
    return tensor.clone() if copy else tensor

"""What a tensor tells of its memory, and views of that memory as other dtypes."""

from __future__ import annotations

import oneflow as flow

from oneflow_mock.compat.kernels import memory
from oneflow_mock.compat.kernels.storage import TypedStorage, UntypedStorage, warn_of_typed_storage

_reshape = flow.Tensor.reshape
_view = flow.Tensor.view


def _data_ptr(self) -> int:
    """Return where the tensor's first element lies."""
    return memory.address(self)


def _untyped_storage(self) -> UntypedStorage:
    """Return the memory behind the tensor, counted in bytes."""
    return UntypedStorage._of(self)


def _typed_storage(self) -> TypedStorage:
    """Return the memory behind the tensor, counted in elements."""
    return TypedStorage(wrap_storage=UntypedStorage._of(self), dtype=self.dtype, _internal=True)


def _storage(self) -> TypedStorage:
    """Return the memory behind the tensor, counted in elements; PyTorch's warning with it."""
    warn_of_typed_storage()
    return _typed_storage(self)


def _storage_type(self):
    """Return the class of the tensor's typed storage."""
    return _typed_storage(self)._get_legacy_storage_class()


def _nbytes(self) -> int:
    return self.numel() * memory.element_size(self)


def _is_shared(self) -> bool:
    """Tell whether other processes can see the memory: a CUDA device's, never the CPU's."""
    return self.is_cuda


def _is_set_to(self, tensor) -> bool:
    """Tell whether both are the same view of the same memory."""
    return (
        memory.address(self) == memory.address(tensor)
        and self.shape == tensor.shape
        and self.stride() == tensor.stride()
        and self.storage_offset() == tensor.storage_offset()
    )


def _set(self, source=None, storage_offset=0, size=None, stride=None):
    """Make the tensor a view of other memory."""
    if source is None:
        self.data = flow.empty(0, dtype=self.dtype)
        return self
    if isinstance(source, flow.Tensor):
        if size is None:
            self.data = source.detach()
            return self
        source = _untyped_storage(source)
    dtype = getattr(source, "dtype", self.dtype)
    untyped = source.untyped()
    if size is None:
        size = (untyped.nbytes() // memory.dtypes.itemsize(dtype),)
    self.data = laid_over(untyped, dtype, size, stride, storage_offset)
    return self


def laid_over(untyped, dtype, size, stride=None, offset=0):
    """Return a tensor over a storage."""
    if untyped.is_meta:
        import torch

        return torch.empty(tuple(size), dtype=dtype, device="meta")
    if untyped._tensor is None:
        return memory.over(untyped._array, dtype, size, stride, offset)
    whole = memory.reinterpret(untyped._tensor, dtype)
    if stride is None:
        stride = memory._contiguous(tuple(size))
    return flow._C.as_strided(whole, tuple(size), tuple(stride), offset)


def _viewed(self, *shape, **kwargs):
    """Return a view of another shape, or of another dtype."""
    if kwargs:
        if "dtype" in kwargs:
            return memory.reinterpret(self, kwargs["dtype"])
        if "size" in kwargs:
            return _view(self, kwargs["size"])
    elif len(shape) == 1 and isinstance(shape[0], flow.dtype):
        return memory.reinterpret(self, shape[0])
    if 0 in (shape if len(shape) != 1 or type(shape[0]) is int else shape[0]):
        _check_rest(self, shape)
    return _view(self, *shape, **kwargs)


def _reshaped(self, *shape, **kwargs):
    """Return the elements in another shape, a view where that is possible."""
    if kwargs:
        shape = (kwargs["shape"],)
    if 0 in (shape if len(shape) != 1 or type(shape[0]) is int else shape[0]):
        _check_rest(self, shape)
    return _reshape(self, *shape)


def _check_rest(self, shape):
    """Raise where -1 stands beside 0, for which OneFlow ends the process."""
    sizes = shape[0] if len(shape) == 1 and type(shape[0]) is not int else shape
    sizes = [int(size) for size in sizes]
    if -1 in sizes:
        raise RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {sizes} because the unspecified "
            "dimension size -1 can be any value and is ambiguous"
            if not self.numel()
            else f"shape '{sizes}' is invalid for input of size {self.numel()}"
        )


def _dlpack(self, *, stream=None, max_version=None, dl_device=None, copy=None):
    """Return a DLPack capsule over the tensor's memory."""
    if self.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    return flow.to_dlpack(self.clone() if copy else self)


def _dlpack_device(self):
    """Return DLPack's number of the kind of device, and the device's index."""
    from torch.utils.dlpack import DLDeviceType

    if self.is_cuda:
        return DLDeviceType.kDLCUDA, self.device.index
    return DLDeviceType.kDLCPU, 0


METHODS = {
    "__dlpack__": _dlpack,
    "__dlpack_device__": _dlpack_device,
    "data_ptr": _data_ptr,
    "detach": memory.detached,
    "untyped_storage": _untyped_storage,
    "_typed_storage": _typed_storage,
    "storage": _storage,
    "storage_type": _storage_type,
    "nbytes": property(_nbytes),
    "is_shared": _is_shared,
    "is_set_to": _is_set_to,
    "set_": _set,
    "view": _viewed,
    "reshape": _reshaped,
}

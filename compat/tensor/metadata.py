"""What a tensor tells of itself besides its values."""

from __future__ import annotations

import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import creation, dtypes, formats

_size_along = flow.Tensor.size
_stride = flow.Tensor.stride
_is_contiguous = flow.Tensor.is_contiguous


def _size(self, dim=None):
    """Return the sizes, or the size along one dimension."""
    if dim is None:
        return self.shape
    try:
        return _size_along(self, dim)
    except RuntimeError:
        ndim = max(self.ndim, 1)
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got "
            f"{dim})"
        ) from None


def _stride_of(self, dim=None):
    """Return the steps between elements along each dimension, or along one."""
    steps = _stride(self)
    return steps if dim is None else steps[dim]


def _contiguous_in(self, memory_format=None):
    """Tell whether the elements lie in order in memory."""
    if memory_format is None or memory_format is formats.contiguous_format:
        return _is_contiguous(self)
    if memory_format is formats.preserve_format:
        raise RuntimeError("preserve memory format is unsupported by the contiguous operator")
    ndim = 4 if memory_format is formats.channels_last else 5
    if self.ndim != ndim:
        return False
    wanted = formats.channels_last_strides(self.shape, memory_format)
    steps = _stride(self)
    return all(size == 1 or step == want for size, step, want in zip(self.shape, steps, wanted))


def _dim_order(self):
    """Return the dimensions, from the slowest in memory to the fastest."""
    steps = _stride(self)
    return tuple(sorted(range(len(steps)), key=lambda dim: -steps[dim]))


def _element_size(self):
    """Return the bytes of one element."""
    return dtypes.itemsize(self.dtype)


def _no(self):
    return False


def _itself(self):
    return self


def _is_nonzero(self):
    """Tell whether the only value is not zero."""
    return bool(self)


def _apply(self, callable):
    """Put ``callable(value)`` in the place of each value, one by one."""
    values = [callable(value) for value in self.reshape(-1).tolist()]
    with flow.no_grad():
        self.copy_(self.new_tensor(values).reshape(self.shape))
    return self


def _resize(self, *sizes, memory_format=None):
    """Give the tensor other sizes over its memory; new elements have no particular values."""
    shape = creation.shape_of("resize_", sizes)
    count = 1
    for size in shape:
        count *= size
    flat = self.detach().reshape(-1)
    if count > flat.shape[0]:
        grown = flat.new_empty(count)
        grown[: flat.shape[0]] = flat
        flat = grown
    self.data = flat[:count].reshape(shape)
    return self


def _resize_as(self, the_template, *, memory_format=None):
    return _resize(self, the_template.shape)


_never = property(lambda self: False)


def _conj(self):
    """Return the conjugate: of a real tensor, itself."""
    return hooks.native["conj"](self) if self.is_complex() else self


def _real(self):
    return hooks.native["view_as_real"](self)[..., 0] if self.is_complex() else self


def _imag(self):
    if self.is_complex():
        return hooks.native["view_as_real"](self)[..., 1]
    raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")


def _to_dense(self, dtype=None, *, masked_grad=None):
    return self if dtype is None else self.to(dtype)


def _torch_function(cls, func, types, args=(), kwargs=None):
    """Call a function as it is: PyTorch's protocol for subclasses, without an override."""
    return func(*args, **(kwargs or {}))


METHODS = {
    "size": _size,
    "stride": _stride_of,
    "is_contiguous": _contiguous_in,
    "dim_order": _dim_order,
    "element_size": _element_size,
    "layout": property(lambda self: formats.strided),
    "is_cpu": property(lambda self: not self.is_cuda),
    "is_meta": _never,
    "is_mps": _never,
    "is_xpu": _never,
    "is_xla": _never,
    "is_hpu": _never,
    "is_ipu": _never,
    "is_mtia": _never,
    "is_maia": _never,
    "is_vulkan": _never,
    "is_ort": _never,
    "is_mkldnn": _never,
    "is_sparse": _never,
    "is_sparse_csr": _never,
    "is_quantized": _never,
    "is_nested": _never,
    "is_conj": _no,
    "is_neg": _no,
    "is_inference": _no,
    "is_distributed": _no,
    "is_same_size": lambda self, other: self.shape == other.shape,
    "_is_view": _no,
    "_is_zerotensor": _no,
    "resolve_conj": _itself,
    "resolve_neg": _itself,
    "conj": _conj,
    "conj_physical": lambda self: _conj(self) if self.is_complex() else self,
    "positive": _itself,
    "__pos__": _itself,
    "is_nonzero": _is_nonzero,
    "is_coalesced": _no,
    "apply_": _apply,
    "resize_": _resize,
    "resize_as_": _resize_as,
    "_base": property(lambda self: None),
    "name": property(lambda self: None),
    "to_dense": _to_dense,
    "dense_dim": lambda self: self.ndim,
    "sparse_dim": lambda self: 0,
    "real": property(_real),
    "imag": property(_imag),
    "__torch_function__": classmethod(_torch_function),
}

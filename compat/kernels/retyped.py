"""Tensors of dtypes that OneFlow does not make: int16, uint16, uint32, uint64, complex, float8.

A native function views memory as any of them (``dtypes.cpp``). NumPy's arrays come in and go out as
a dtype of the same size that OneFlow and NumPy both have; memory is always shared.
"""

from __future__ import annotations

import numpy as np
import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import dtypes

_internal = flow._oneflow_internal
#: dtype → (NumPy's, of the same size NumPy's and OneFlow's)
_STAND_FOR = {
    dtypes.BY_NAME[name]: (np.dtype(name), np.dtype(plain), getattr(flow, plain))
    for name, plain in (
        ("int16", "float16"),
        ("uint16", "float16"),
        ("uint32", "int32"),
        ("uint64", "int64"),
        ("complex64", "int64"),
    )
    if dtypes.is_held(dtypes.BY_NAME[name])
}
_WIDE = dtypes.BY_NAME["complex128"]
#: dtype → NumPy's
NUMPY = {dtype: found[0] for dtype, found in _STAND_FOR.items()}
if dtypes.is_held(_WIDE):
    NUMPY[_WIDE] = np.dtype(np.complex128)
FROM_NUMPY = {array: dtype for dtype, array in NUMPY.items()}
_BYTES = (np.dtype(np.uint8), np.dtype(np.uint8), flow.uint8)
_STAND_FOR.update(dict.fromkeys(dtypes.EIGHTHS, _BYTES))
#: dtype → NumPy's of the same size, which is another one for those that NumPy lacks
SIZED = {**NUMPY, **dict.fromkeys(dtypes.EIGHTHS, _BYTES[0])}

_from_numpy = flow.from_numpy
_to_numpy = flow.Tensor.to_numpy


def retyped(tensor, dtype, shape, stride, offset):
    """Return a view of a tensor's storage as another dtype, in elements of that dtype."""
    return hooks.native["retyped"](tensor, dtype.__getstate__(), shape, stride, offset)


def of_array(array, dtype=None):
    """Return an array of one of these dtypes, or of its `SIZED`, as a tensor over its memory."""
    dtype = FROM_NUMPY[array.dtype] if dtype is None else dtype
    if dtype == _WIDE:
        pairs = _from_numpy(array[..., None].view(np.float64))
        stride = tuple(step // 2 for step in pairs.stride()[:-1])
        return retyped(pairs, dtype, array.shape, stride, pairs.storage_offset() // 2)
    plain = _from_numpy(array.view(_STAND_FOR[dtype][1]))
    return retyped(plain, dtype, array.shape, tuple(plain.stride()), plain.storage_offset())


def array(tensor):
    """Return a CPU tensor of one of these dtypes as an array of its `SIZED` over its memory."""
    tensor = tensor.detach()
    shape, stride, offset = tuple(tensor.shape), tuple(tensor.stride()), tensor.storage_offset()
    if tensor.dtype == _WIDE:
        stride = (*(2 * step for step in stride), 1)
        pairs = retyped(tensor, flow.float64, (*shape, 2), stride, 2 * offset)
        return _to_numpy(pairs).view(np.complex128)[..., 0]
    numpy_dtype, _, plain = _STAND_FOR[tensor.dtype]
    return _to_numpy(retyped(tensor, plain, shape, stride, offset)).view(numpy_dtype)

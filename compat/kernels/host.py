"""A tensor's values on the host."""

from __future__ import annotations

import numpy as np
import oneflow as flow

from oneflow_mock.compat.kernels import dtypes, retyped

_to_numpy = flow.Tensor.to_numpy
_cpu = flow.Tensor.cpu


def tensor(values):
    """Return an array as a tensor that shares its memory if it lies close; of any dtype."""
    close = np.ascontiguousarray(values).reshape(values.shape)
    if close.dtype in retyped.FROM_NUMPY:
        return retyped.of_array(close)
    return flow.from_numpy(close)


def array(tensor):
    """Return a tensor's values as an array, shared with a tensor on the CPU.

    bfloat16 and float8, which NumPy has not, as float32. Gradients are no obstacle.
    """
    if tensor.is_cuda:
        tensor = _cpu(tensor)
    if tensor.dtype is flow.bfloat16 or tensor.dtype in dtypes.EIGHTHS:
        tensor = flow._C.to(tensor.detach(), flow.float32)
    if tensor.dtype in retyped.NUMPY:
        return retyped.array(tensor)
    values = _to_numpy(tensor)
    # OneFlow's int64 is C's long long, which NumPy prints and compares as another type.
    return values.view(np.int64) if values.dtype.char == "q" else values

"""torch.linalg: norms by the native kernels; the rest is OneFlow's."""

from __future__ import annotations

import math

import oneflow as flow
import torch

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import dims

_native = hooks.native.get("statistic")
_NORM, _SUM_OF_SIZES = 3, 4


def vector_norm(x, ord=2, dim=None, keepdim=False, *, dtype=None, out=None):
    """Return the norm over ``dim`` (all unless given) of numbers taken as a vector."""
    x = x if dtype is None else x.to(dtype)
    if _native is None or x.is_cuda or not x.is_floating_point():
        dim = list(dim) if isinstance(dim, tuple) else dim
        if x.numel() or math.isinf(ord):
            answer = flow.linalg.vector_norm(x, ord, dim, keepdim)
        else:  # OneFlow ends the process
            answer = x.sum() if dim is None else x.sum(dim, keepdim=keepdim)
    else:
        answer = _vector_norm(x, ord, dim, keepdim)
    return answer if out is None else out.copy_(answer)


def _vector_norm(x, ord, dim, keepdim):
    if ord == 2 or ord == 1:
        kind = _NORM if ord == 2 else _SUM_OF_SIZES
        return _native(x, kind, dims.bits(x, dim), keepdim, 0.0)
    over = dims.listed(x, None if dim == () or dim == [] else dim)
    if not over:
        return _vector_norm(x.reshape(1), ord, 0, False)
    if ord == 0:
        return (x != 0).to(x.dtype).sum(dim=over, keepdim=keepdim)
    if math.isinf(ord):
        return (torch.amax if ord > 0 else torch.amin)(x.abs(), over, keepdim)
    if x.dtype in (flow.float16, flow.bfloat16):
        return _vector_norm(x.float(), ord, over, keepdim).to(x.dtype)
    return flow.linalg.vector_norm(x, ord, over, keepdim)


def norm(A, ord=None, dim=None, keepdim=False, *, out=None, dtype=None):
    """Return the norm of vectors or matrices."""
    several = isinstance(dim, (list, tuple)) and len(dim) == 2
    is_matrix = several or (dim is None and A.ndim == 2)
    if ord is None or (ord == "fro" and is_matrix):
        answer = vector_norm(A, 2, dim, keepdim, dtype=dtype)
    elif not is_matrix and not isinstance(ord, str) and (dim is not None or A.ndim == 1):
        answer = vector_norm(A, ord, dim, keepdim, dtype=dtype)
    else:
        A = A if dtype is None else A.to(dtype)
        dim = list(dim) if isinstance(dim, tuple) else dim
        answer = flow.linalg.norm(A, ord, dim, keepdim)
    return answer if out is None else out.copy_(answer)

"""What operators do before and after they compute: promote, wrap dimensions, write to ``out``."""

from __future__ import annotations

import numpy as np
import oneflow as flow

from oneflow_mock.compat.kernels import dtypes

_NUMBERS = (bool, int, float, complex)


def wrapped(dim, ndim):
    """Return a dimension counted from the front; IndexError for one that is not there."""
    size = ndim or 1
    if not -size <= dim < size:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-size}, {size - 1}], "
            f"but got {dim})"
        )
    return dim % size


def wrapped_all(dim, ndim):
    """Return dimensions (a number, several, or None or () for all) from the front, in order."""
    if dim is None or (isinstance(dim, (list, tuple)) and not dim):
        return list(range(ndim))
    found = [wrapped(d, ndim) for d in (dim if isinstance(dim, (list, tuple)) else (dim,))]
    for d in found:
        if found.count(d) > 1:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
    return [] if ndim == 0 else found


def written(answer, out):
    """Return an answer, or ``out`` with the answer in it."""
    if out is None:
        return answer
    if isinstance(answer, tuple):
        kept = [written(one, other) for one, other in zip(answer, out)]
        return type(answer)(kept)
    check_held(answer.dtype, out)
    if answer.shape != out.shape:
        out.resize_(answer.shape)
    elif out.numel() > 1 and 0 in out.stride():
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location. Please clone() the tensor before performing the operation."
        )
    return out.copy_(answer)


def scaled(input, other, alpha):
    """Return ``alpha`` times ``other``, to be added to ``input``; RuntimeError where PyTorch's."""
    if alpha == 1 and not isinstance(alpha, bool):
        return other
    dtype = dtypes.result_type(input, other)
    if isinstance(alpha, bool) and dtype is not flow.bool:
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if isinstance(alpha, (float, complex)) and not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(
            "For integral input tensors, argument alpha must not be a floating point number."
        )
    return other & bool(alpha) if dtype is flow.bool else other * alpha


def check_held(dtype, out):
    """Raise where a result of this dtype may not be written into ``out``: floats into integers."""
    if dtype is not out.dtype and not dtypes.can_cast(dtype, out.dtype):
        raise RuntimeError(
            f"result type {scalar_name(dtype)} can't be cast to the desired output type "
            f"{scalar_name(out.dtype)}"
        )


#: More bytes than any machine has memory for.
_MOST_BYTES = 1 << 47


def check_room(shape, item_size=4):
    """Raise for a size that no memory has: OneFlow counts bytes in 64 bits, and wraps around."""
    count = item_size
    for size in shape:
        count *= size
    if count >= 1 << 63:
        raise RuntimeError(f"Storage size calculation overflowed with sizes={list(shape)}")
    if count > _MOST_BYTES:
        raise RuntimeError(
            f"DefaultCPUAllocator: can't allocate memory: you tried to allocate {count} bytes."
        )


def scalar_name(dtype):
    """Return what PyTorch's errors call a dtype: Float, Long."""
    return dtypes.traits(dtype).scalar


def floating(input):
    """Return a tensor of floating point or complex: integers as the default dtype."""
    if input.is_floating_point() or input.is_complex():
        return input
    return input.to(flow.get_default_dtype())


def check_tensor(api, value, name="input", position=1):
    """Return a tensor; TypeError for anything else."""
    if not isinstance(value, flow.Tensor):
        raise TypeError(
            f"{api}(): argument '{name}' (position {position}) must be Tensor, "
            f"not {type(value).__name__}"
        )
    return value


def promoted(api, input, other, numbers=True, first=False):
    """Return two operands as tensors of the dtype that PyTorch gives the pair.

    ``numbers``: the second may be a number; ``first``: the first one, too. TypeError for others.
    """
    if isinstance(other, np.generic):
        other = other.item()
    if not isinstance(other, flow.Tensor) and not (numbers and isinstance(other, _NUMBERS)):
        check_tensor(api, other, "other", 2)
    if not isinstance(input, flow.Tensor):
        if not (first and isinstance(input, _NUMBERS) and isinstance(other, flow.Tensor)):
            check_tensor(api, input)
    dtype = dtypes.result_type(input, other)
    device = (input if isinstance(input, flow.Tensor) else other).device
    return tuple(_of(value, dtype, device) for value in (input, other))


def _of(value, dtype, device):
    if isinstance(value, flow.Tensor):
        return value if value.dtype is dtype else value.to(dtype)
    if isinstance(value, complex):
        from torch import tensor

        return tensor(value, dtype=dtype, device=device)
    return flow.tensor(value, dtype=dtype, device=device)


def spread(*tensors):
    """Return tensors expanded to their common shape."""
    shape = tensors[0].shape
    for tensor in tensors:
        if tensor.shape != shape:
            from torch.functional import broadcast_tensors

            return broadcast_tensors(*tensors)
    return tensors


def integral(*tensors):
    """Tell whether no tensor is of floating point or complex."""
    return not any(tensor.is_floating_point() or tensor.is_complex() for tensor in tensors)


def empty_of(input, shape):
    """Return zeros of a shape, mostly without elements, that have the input in their history."""
    answer = input.new_zeros(tuple(shape))
    return answer + input.sum() * 0 if input.requires_grad else answer


def zero_gradient(answer, other):
    """Return an answer to whose gradient ``other`` contributes zeros, as PyTorch has it."""
    if not (flow.is_grad_enabled() and other.requires_grad):
        return answer
    other, answer = spread(other.to(answer.dtype), answer)
    return flow.where(flow.zeros_like(answer.detach()).to(flow.bool), other, answer)

"""Tensors cut into views of their parts (ATen's ``TensorShape.cpp``)."""

import oneflow as flow

from oneflow_mock.compat.kernels.operands import wrapped


def tensor_split(input, indices_or_sections, dim=0, *, indices=None, sections=None):
    """Return views of parts: so many, or cut before positions (torch.tensor_split)."""
    if input.ndim == 0:
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
    dim = wrapped(dim, input.ndim)
    size = input.shape[dim]
    if isinstance(indices_or_sections, flow.Tensor):
        if indices_or_sections.ndim > 1 or indices_or_sections.dtype != flow.int64:
            raise RuntimeError(
                "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or "
                "one-dimensional tensor of int64"
            )
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, int):
        sections = indices_or_sections
        if sections <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {sections}")
        least, more = divmod(size, sections)
        ends = [least * n + min(n, more) for n in range(1, sections)]
    elif not isinstance(indices_or_sections, (list, tuple)):
        raise TypeError(
            "tensor_split(): argument 'indices_or_sections' must be int, Tensor or tuple of ints, "
            f"not {type(indices_or_sections).__name__}"
        )
    else:
        ends = list(indices_or_sections)
    cut = (slice(None),) * dim
    starts = [0, *ends]
    return tuple(input[(*cut, slice(start, end))] for start, end in zip(starts, [*ends, None]))


def hsplit(input, indices_or_sections):
    """Return parts along the second dimension, of a vector the first (torch.hsplit)."""
    if input.ndim < 1:
        raise RuntimeError(
            "torch.hsplit requires a tensor with at least 1 dimension, but got a tensor with 0 "
            "dimensions!"
        )
    return _split("hsplit", input, indices_or_sections, min(1, input.ndim - 1))


def vsplit(input, indices_or_sections):
    """Return parts along the first dimension (torch.vsplit)."""
    _check_rank("vsplit", input, 2)
    return _split("vsplit", input, indices_or_sections, 0)


def dsplit(input, indices_or_sections):
    """Return parts along the third dimension (torch.dsplit)."""
    _check_rank("dsplit", input, 3)
    return _split("dsplit", input, indices_or_sections, 2)


def _check_rank(name, input, rank):
    if input.ndim < rank:
        raise RuntimeError(
            f"torch.{name} requires a tensor with at least {rank} dimension, but got a tensor with "
            f"{input.ndim} dimensions!"
        )


def _split(name, input, parts, dim):
    if isinstance(parts, int) and (parts <= 0 or input.shape[dim] % parts):
        raise RuntimeError(
            f"torch.{name} attempted to split along dimension {dim}, but the size of the dimension "
            f"{input.shape[dim]} is not divisible by the split_size {parts}!"
        )
    return tensor_split(input, parts, dim)

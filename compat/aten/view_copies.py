"""Views, copied: ``f_copy`` is ``f`` in memory of its own (ATen's ``TensorShape.cpp``)."""

import torch

from oneflow_mock.compat.kernels.operands import empty_of, wrapped, written


def alias_copy(input, *, out=None):
    """Return a copy (torch.alias_copy)."""
    return written(input.clone(), out)


def detach_copy(input, *, out=None):
    """Return a copy without history (torch.detach_copy)."""
    return written(input.detach().clone(), out)


def as_strided_copy(input, size, stride, storage_offset=None, *, out=None):
    """Return as_strided's elements, copied (torch.as_strided_copy)."""
    return written(_apart(torch.as_strided(input, size, stride, storage_offset or 0), input), out)


def diagonal_copy(input, offset=0, dim1=0, dim2=1, *, out=None):
    """Return a diagonal, copied (torch.diagonal_copy)."""
    return written(_apart(torch.diagonal(input, offset, dim1, dim2), input), out)


def expand_copy(input, size, *, implicit=False, out=None):
    """Return expand's elements, copied (torch.expand_copy)."""
    return written((input.expand(*size) if size else input.expand(())).clone(), out)


def permute_copy(input, dims, *, out=None):
    """Return permute's elements, copied (torch.permute_copy)."""
    return written(_apart(torch.permute(input, tuple(dims)), input), out)


def squeeze_copy(input, dim=None, *, out=None):
    """Return squeeze's elements, copied (torch.squeeze_copy)."""
    return written(
        (torch.squeeze(input) if dim is None else torch.squeeze(input, dim)).clone(), out
    )


def t_copy(input, *, out=None):
    """Return a matrix transposed, copied (torch.t_copy)."""
    return written(_apart(torch.t(input), input), out)


def transpose_copy(input, dim0, dim1, *, out=None):
    """Return transpose's elements, copied (torch.transpose_copy)."""
    return written(_apart(torch.transpose(input, dim0, dim1), input), out)


def unsqueeze_copy(input, dim, *, out=None):
    """Return unsqueeze's elements, copied (torch.unsqueeze_copy)."""
    return written(torch.unsqueeze(input, dim).clone(), out)


def view_copy(input, size, *, out=None):
    """Return view's elements, copied; with a dtype their bits as that one (torch.view_copy)."""
    return written(
        (input.view(size) if isinstance(size, torch.dtype) else input.view(*size)).clone(), out
    )


def select_copy(input, dim, index, *, out=None):
    """Return select's elements, copied (torch.select_copy)."""
    return written(_apart(torch.select(input, dim, index), input), out)


def slice_copy(input, dim=0, start=None, end=None, step=1, *, out=None):
    """Return a slice along a dimension, copied (torch.slice_copy)."""
    dim = wrapped(dim, input.ndim)
    cut = (slice(None),) * dim + (slice(start, end, step),)
    return written(_apart(input[cut], input), out)


def narrow_copy(input, dim, start, length, *, out=None):
    """Return narrow's elements, copied (torch.narrow_copy)."""
    if input.ndim == 0:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if dim >= input.ndim:
        raise RuntimeError(f"narrow_copy: dim {dim} is out of range of {input.ndim} dimensions")
    dim = wrapped(dim, input.ndim)
    size = input.shape[dim]
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not -size <= start <= size:
        raise IndexError(
            f"start out of range (expected to be in range of [{-size}, {size}], but got {start})"
        )
    start = start + size if start < 0 else start
    if start + length > size:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    if not length:
        shape = [0 if d == dim else n for d, n in enumerate(input.shape)]
        return written(empty_of(input, shape), out)
    return written(_apart(torch.narrow(input, dim, start, length), input), out)


def unbind_copy(input, dim=0, *, out=None):
    """Return the slices along a dimension, copied (torch.unbind_copy)."""
    return _each(torch.unbind(input, dim), out)


def split_with_sizes(input, split_sizes, dim=0):
    """Return views of consecutive parts of the given sizes (torch.split_with_sizes)."""
    return torch.split(input, list(split_sizes), dim)


def split_with_sizes_copy(input, split_sizes, dim=0, *, out=None):
    """Return consecutive parts of the given sizes, copied (torch.split_with_sizes_copy)."""
    return _each(torch.split(input, list(split_sizes), dim), out)


def split_copy(input, split_size, dim=0, *, out=None):
    """Return consecutive parts, copied (torch.split_copy)."""
    return _each(torch.split(input, split_size, dim), out)


def unsafe_chunk(input, chunks, dim=0):
    """Return consecutive parts, as chunk does (torch.unsafe_chunk)."""
    return torch.chunk(input, chunks, dim)


def unsafe_split(input, split_size, dim=0):
    """Return consecutive parts, as split does (torch.unsafe_split)."""
    return torch.split(input, split_size, dim)


def unsafe_split_with_sizes(input, split_sizes, dim=0):
    """Return consecutive parts, as split does (torch.unsafe_split_with_sizes)."""
    return torch.split(input, list(split_sizes), dim)


def _apart(view, input):
    """Return a contiguous tensor of a view's elements that shares no memory with the input."""
    return view.clone() if view.is_contiguous() else view.contiguous()


def _each(views, out):
    copies = tuple(view.clone() for view in views)
    if out is None:
        return copies
    for place, copy in zip(out, copies):
        written(copy, place)
    return tuple(out)


def view_as_real_copy(input, *, out=None):
    """Return real and imaginary parts, copied (torch.view_as_real_copy)."""
    return written(torch.view_as_real(input).clone(), out)


def view_as_complex_copy(input, *, out=None):
    """Return pairs of numbers as complex ones, copied (torch.view_as_complex_copy)."""
    return written(torch.view_as_complex(input).clone(), out)

"""Shapes (ATen's ``TensorShape.cpp``, ``TensorTransformations.cpp``)."""

import numpy as np
import oneflow as flow
import torch

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import host
from oneflow_mock.compat.kernels.operands import check_tensor, integral, wrapped, written


def roll(input, shifts, dims=None):
    """Return the elements rolled along dimensions, or of the flattened input (torch.roll)."""
    shifts = [shifts] if isinstance(shifts, int) else list(shifts)
    if not shifts:
        raise RuntimeError("`shifts` required")
    if dims is None or (not isinstance(dims, int) and not dims):
        if len(shifts) != 1:
            raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:0")
        if not input.numel() or not input.ndim:
            return input.clone()
        shift = shifts[0] % input.numel()  # OneFlow takes 32 bits of it
        return flow.roll(input.reshape(-1), shift, 0).reshape(*input.shape)
    dims = [dims] if isinstance(dims, int) else list(dims)
    if len(dims) != len(shifts):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}"
        )
    if input.ndim == 0:
        for dim in dims:
            raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    dims = [wrapped(dim, input.ndim) for dim in dims]
    if not input.numel():
        return input.clone()
    shifts = [shift % input.shape[dim] for shift, dim in zip(shifts, dims)]
    return flow.roll(input, shifts, dims)


def repeat(input, *repeats):
    """Return the tensor repeated so often along each dimension (Tensor.repeat)."""
    if len(repeats) == 1 and not isinstance(repeats[0], int):
        repeats = tuple(repeats[0])
    extra = len(repeats) - input.ndim
    if extra < 0:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
            "tensor"
        )
    if any(count < 0 for count in repeats):
        raise RuntimeError(f"Trying to create tensor with negative dimension: {list(repeats)}")
    if all(count == 1 for count in repeats):
        return input.clone().reshape(*[1] * extra, *input.shape)
    if 0 in repeats or not input.numel():
        shape = [1] * extra + list(input.shape)
        sizes = [n * count for n, count in zip(shape, repeats)]
        answer = input.new_zeros(sizes)
        return answer + input.sum() * 0 if input.requires_grad else answer
    return _repeat(input, repeats)


def reshape_as(input, other):
    """Return the elements in another tensor's shape (Tensor.reshape_as)."""
    return input.reshape(check_tensor("reshape_as", other, "other").shape)


def view_as(input, other):
    """Return a view in another tensor's shape (Tensor.view_as)."""
    return input.view(check_tensor("view_as", other, "other").shape)


_repeat = flow._C.repeat


def tile(input, *dims):
    """Return the tensor repeated as NumPy's tile does (torch.tile)."""
    if len(dims) == 1 and not isinstance(dims[0], int):
        dims = tuple(dims[0])
    return repeat(input, *[1] * (input.ndim - len(dims)), *dims)


def expand_as(input, other):
    """Return the tensor expanded to another one's shape (Tensor.expand_as)."""
    return input.expand(*other.shape) if other.ndim else input.expand(())


def broadcast_to(input, size):
    """Return the tensor expanded to a shape (torch.broadcast_to)."""
    size = tuple(size)
    return input.expand(*size) if size else input.expand(())


def unbind(input, dim=0):
    """Return the slices along a dimension (torch.unbind)."""
    if input.ndim == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    return flow._C.unbind(input, wrapped(dim, input.ndim))


def select(input, dim, index):
    """Return a slice along a dimension (torch.select)."""
    if input.ndim == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim = wrapped(dim, input.ndim)
    size = input.shape[dim]
    if not -size <= index < size:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at "
            f"dimension {dim}"
        )
    return flow._C.select(input, dim, index)


def split(tensor, split_size_or_sections, dim=0):
    """Return views of consecutive parts (torch.split)."""
    if not tensor.ndim:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    dim = wrapped(dim, tensor.ndim)
    if isinstance(split_size_or_sections, int):
        size = split_size_or_sections
        if size <= 0 and (size < 0 or tensor.shape[dim]):
            raise RuntimeError(f"split expects split_size be non-negative, but got {size}")
        if not tensor.shape[dim]:
            return (tensor.view(*tensor.shape),)
        return flow._C.split(tensor, size, dim)
    sizes = [int(size) for size in split_size_or_sections]
    if sum(sizes) != tensor.shape[dim] or any(size < 0 for size in sizes):
        raise RuntimeError(
            "split_with_sizes expects split_sizes to sum exactly to "
            f"{tensor.shape[dim]} (input tensor's size at dimension {dim}), but got {sizes}"
        )
    return flow._C.split(tensor, sizes, dim)


def column_stack(tensors, *, out=None):
    """Return vectors as columns beside matrices (torch.column_stack)."""
    if not tensors:
        raise RuntimeError("column_stack expects a non-empty TensorList")
    columns = [one.reshape(-1, 1) if one.ndim < 2 else one for one in tensors]
    return written(torch.hstack(columns), out)


def as_strided(input, size, stride, storage_offset=None):
    """Return a view of other sizes and strides over the same memory (torch.as_strided)."""
    size, stride = tuple(size), tuple(stride)
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    if any(step < 0 for step in stride):
        raise RuntimeError("as_strided: Negative strides are not supported at the moment")
    offset = input.storage_offset() if storage_offset is None else storage_offset
    if offset < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {offset}")
    if 0 not in size:
        last = offset + sum((n - 1) * step for n, step in zip(size, stride))
        whole = torch.view_as_real(input) if input.is_complex() else input
        held = whole.untyped_storage().nbytes() // input.element_size()
        if last >= held:
            raise RuntimeError(
                f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset} "
                f"are out of bounds for storage of {held} elements"
            )
    if input.is_complex():  # which OneFlow's takes not: as pairs of reals
        steps = (*(2 * step for step in stride), 1)
        pairs = flow._C.as_strided(torch.view_as_real(input), (*size, 2), steps, 2 * offset)
        return torch.view_as_complex(pairs)
    return flow._C.as_strided(input, size, stride, offset)


def ravel(input):
    """Return the elements as one row (torch.ravel)."""
    return input.contiguous().reshape(-1)


def diagflat(input, offset=0):
    """Return a matrix with the elements on a diagonal (torch.diagflat)."""
    return torch.diag_embed(input.reshape(-1), offset)


def diag_embed(input, offset=0, dim1=-2, dim2=-1):
    """Return matrices with the input's last dimension on a diagonal (torch.diag_embed)."""
    ndim = input.ndim + 1
    one, two = wrapped(dim1, ndim), wrapped(dim2, ndim)
    if one == two:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    count = input.shape[-1]
    size = count + abs(offset)
    rows = torch.arange(count) + max(-offset, 0)
    columns = torch.arange(count) + max(offset, 0)
    shape = (*input.shape[:-1], size * size)
    answer = input.new_zeros(shape)
    if input.numel():
        places = (rows * size + columns).expand(*input.shape)
        answer = torch.scatter(answer, answer.ndim - 1, places, input)
    answer = answer.reshape(*input.shape[:-1], size, size)
    if (one, two) == (ndim - 2, ndim - 1):
        return answer
    return torch.movedim(answer, (-2, -1), (one, two))


def constant_pad_nd(input, pad, value=0):
    """Return the tensor with a border of one value (torch.constant_pad_nd)."""
    pad = list(pad)
    if len(pad) % 2:
        raise RuntimeError(f"Length of pad must be even but instead it equals {len(pad)}")
    if len(pad) > 2 * input.ndim:
        raise RuntimeError(
            "Length of pad should be no more than twice the number of dimensions of the input"
        )
    answer = input
    for place in range(0, len(pad), 2):
        dim = input.ndim - 1 - place // 2
        pieces = []
        for count, first in ((pad[place], True), (pad[place + 1], False)):
            if count < 0:
                length = answer.shape[dim] + count
                if length < 0:
                    raise RuntimeError(f"The input size, plus padding, resulted in {length}")
                answer = answer[
                    (slice(None),) * dim + (slice(-count, None) if first else slice(None, length),)
                ]
        shape = list(answer.shape)
        for count in (pad[place], pad[place + 1]):
            shape[dim] = max(count, 0)
            pieces.append(torch.full(shape, value, dtype=input.dtype))
        answer = torch.cat([pieces[0], answer, pieces[1]], dim)
    return answer.clone() if answer is input else answer


def diff(input, n=1, dim=-1, prepend=None, append=None, *, out=None):
    """Return the n-th differences along ``dim`` (torch.diff)."""
    if input.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    dim = wrapped(dim, input.ndim)
    for piece in (prepend, append):
        if piece is not None and piece.ndim != input.ndim:
            raise RuntimeError("diff expects prepend or append to be the same dimension as input")
    if n == 0:
        return written(input.clone(), out)
    pieces = [piece for piece in (prepend, input, append) if piece is not None]
    answer = torch.cat(pieces, dim=dim) if len(pieces) > 1 else input
    for _ in range(min(n, answer.shape[dim])):
        size = answer.shape[dim]
        if size <= 1:
            shape = [0 if d == dim else count for d, count in enumerate(answer.shape)]
            answer = (
                answer.new_zeros(shape) + (answer.sum() * 0 if answer.requires_grad else 0)
                if not integral(answer)
                else answer.new_zeros(shape)
            )
            break
        after, before = answer.narrow(dim, 1, size - 1), answer.narrow(dim, 0, size - 1)
        answer = after ^ before if answer.dtype == flow.bool else after - before
    return written(answer.clone() if answer is input else answer, out)


def take_along_dim(input, indices, dim=None, *, out=None):
    """Gather along ``dim`` with broadcasting, or from the flattened input (take_along_dim)."""
    if indices.dtype != flow.int64:
        raise RuntimeError(
            f"torch.take_along_dim(): dtype of indices should be Long but got {indices.dtype}"
        )
    if dim is None:
        input, indices, dim = input.reshape(-1), indices.reshape(-1), 0
    if input.ndim != indices.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, "
            f"but got {input.ndim} dimensions for input, and {indices.ndim} dimensions for indices"
        )
    dim = wrapped(dim, input.ndim)
    if input.ndim == 0:
        return written(input.clone(), out)
    size = input.shape[dim]
    indices = torch.where(indices < 0, indices + size, indices)
    shapes = [
        [1 if d == dim else n for d, n in enumerate(tensor.shape)] for tensor in (input, indices)
    ]
    common = list(torch.broadcast_shapes(*shapes))
    common[dim] = size
    input = input.expand(*common)
    common[dim] = indices.shape[dim]
    return written(input.gather(dim, indices.expand(*common).contiguous()), out)


def movedim(input, source, destination):
    """Move dimensions to new places, the others keeping their order (torch.movedim)."""
    ndim = input.ndim
    source = [source] if isinstance(source, int) else list(source)
    destination = [destination] if isinstance(destination, int) else list(destination)
    if len(source) != len(destination):
        raise RuntimeError(
            "movedim: Invalid source or destination dims: source "
            f"({source} dims) should contain the same number of dims as destination "
            f"({destination} dims)"
        )
    wholes = [wrapped(d, ndim) for d in source], [wrapped(d, ndim) for d in destination]
    for name, dims, given in zip(("source", "destination"), wholes, (source, destination)):
        if len(set(dims)) < len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({given})")
    if ndim == 0:
        return input.view(())
    order = dict(zip(wholes[1], wholes[0]))
    rest = [d for d in range(ndim) if d not in wholes[0]]
    return input.permute(*[order[d] if d in order else rest.pop(0) for d in range(ndim)])


moveaxis = movedim


def flipud(input):
    """Reverse the first dimension (torch.flipud)."""
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return torch.flip(input, [0])


def fliplr(input):
    """Reverse the second dimension (torch.fliplr)."""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return torch.flip(input, [1])


def rot90(input, k=1, dims=(0, 1)):
    """Turn the plane of two dimensions by k quarter turns (torch.rot90)."""
    dims = list(dims)
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    if dims[0] == dims[1] or abs(dims[0] - dims[1]) == input.ndim:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    for place, dim in enumerate(dims):
        if not -input.ndim <= dim < input.ndim:
            raise RuntimeError(f"Rotation dim{place} out of range, dim{place} = {dim}")
    k %= 4
    if k == 0:
        return input.clone()
    if k == 2:
        return torch.flip(input, dims)
    turned = torch.flip(input, [dims[1] if k == 1 else dims[0]])
    return torch.transpose(turned, dims[0], dims[1]).contiguous()


def diagonal(input, offset=0, dim1=0, dim2=1):
    """Return the diagonal of the planes of two dimensions, last (torch.diagonal)."""
    one, two = wrapped(dim1, input.ndim), wrapped(dim2, input.ndim)
    if one == two:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    if (one, two) == (0, 1):
        return flow.diagonal(input, offset, 0, 1)
    # OneFlow's gradient is for the first two dimensions.
    rest = [d for d in range(input.ndim) if d not in (one, two)]
    return flow.diagonal(input.permute(one, two, *rest), offset, 0, 1)


def trace(input):
    """Return the sum of a matrix's diagonal (torch.trace)."""
    if input.ndim != 2:
        raise RuntimeError("trace: expected a matrix")
    return torch.diagonal(input).sum()


def unravel_index(indices, shape):
    """Return the coordinates of positions of the flattened tensor (torch.unravel_index)."""
    check_tensor("unravel_index", indices, "indices")
    if isinstance(shape, int):
        shape = (shape,)
    answers = []
    if not indices.is_floating_point():
        indices = indices.to(flow.int64)
    for size in reversed(tuple(shape)):
        answers.append(torch.remainder(indices, size))
        indices = torch.div(indices, size, rounding_mode="floor")
    return tuple(reversed(answers))


def searchsorted(
    sorted_sequence, input, *, out_int32=False, right=False, side=None, sorter=None, out=None
):
    """Return where values would go into sorted rows (torch.searchsorted)."""
    if side not in (None, "left", "right"):
        raise RuntimeError(
            f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}"
        )
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left "
            "while right was True"
        )
    if not isinstance(input, flow.Tensor):
        input = torch.tensor(input, dtype=sorted_sequence.dtype)
    if sorted_sequence.ndim == 0:
        raise RuntimeError("torch.searchsorted(): boundaries tensor should have positive dimension")
    rows = sorted_sequence.ndim > 1
    if rows and sorted_sequence.shape[:-1] != input.shape[:-1]:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 "
            "dimensions of boundaries tensor and input value tensor must match"
        )
    if sorted_sequence.dtype != input.dtype:
        raise RuntimeError(
            "torch.searchsorted(): boundary tensor and input value tensor should have same dtype"
        )
    hooks.host_fallback("torch.searchsorted")
    side = "right" if right or side == "right" else "left"
    keys, values = host.array(sorted_sequence.detach()), host.array(input.detach())
    order = None if sorter is None else host.array(sorter)
    if not rows:
        found = np.searchsorted(keys, values, side, order)
    else:
        found = np.zeros(values.shape, np.int64)
        for place in np.ndindex(*values.shape[:-1]):
            one = None if order is None else order[place]
            found[place] = np.searchsorted(keys[place], values[place], side, one)
    found = np.asarray(found).astype(np.int32 if out_int32 else np.int64)
    return written(flow.from_numpy(np.ascontiguousarray(found).reshape(values.shape)), out)


def bucketize(input, boundaries, *, out_int32=False, right=False, out=None):
    """Return the bucket of each element between sorted boundaries (torch.bucketize)."""
    if boundaries.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    if isinstance(input, flow.Tensor):
        dtype = torch.promote_types(input.dtype, boundaries.dtype)
        input, boundaries = input.to(dtype), boundaries.to(dtype)
    return searchsorted(boundaries, input, out_int32=out_int32, right=right, out=out)


def index_fill(input, dim, index, value):
    """Return a copy whose slices at ``index`` along ``dim`` hold a value (torch.index_fill)."""
    if isinstance(value, flow.Tensor) and value.ndim:
        raise RuntimeError(
            "index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value.ndim} dimension(s)."
        )
    dim = wrapped(dim, input.ndim)
    shape = input.shape
    if not input.ndim:
        input = input.reshape(1)
    size = input.shape[dim]
    places = torch.arange(size, device=input.device).unsqueeze(1)
    index = index.reshape(-1)
    index = torch.where(index < 0, index + size, index)
    chosen = (places == index.reshape(1, -1)).to(flow.int32).sum(dim=1) > 0
    chosen = chosen.reshape(*[-1 if d == dim else 1 for d in range(input.ndim)])
    if not isinstance(value, flow.Tensor):
        value = torch.full((), value, dtype=input.dtype)
    answer = torch.where(chosen.expand(*input.shape), value.to(input.dtype), input)
    return answer.reshape(*shape) if shape else answer.reshape(())


def _view_in_place(name, view):
    def method(self, *args, **kwargs):
        if self.requires_grad and flow.is_grad_enabled():
            if self.is_leaf:
                raise RuntimeError(
                    "a view of a leaf Variable that requires grad is being used in an in-place "
                    "operation."
                )
            raise hooks.refuse(f"torch.Tensor.{name}", "of a tensor with a history")
        self.data = view(self.detach(), *args, **kwargs)
        return self

    method.__name__ = name
    method.__qualname__ = f"Tensor.{name}"
    return method


t_ = _view_in_place("t_", lambda x: torch.t(x))
transpose_ = _view_in_place("transpose_", lambda x, *a, **k: torch.transpose(x, *a, **k))
swapaxes_ = _view_in_place("swapaxes_", lambda x, *a, **k: torch.swapaxes(x, *a, **k))
swapdims_ = _view_in_place("swapdims_", lambda x, *a, **k: torch.swapdims(x, *a, **k))
squeeze_ = _view_in_place("squeeze_", lambda x, *a, **k: torch.squeeze(x, *a, **k))
unsqueeze_ = _view_in_place("unsqueeze_", lambda x, *a, **k: torch.unsqueeze(x, *a, **k))
as_strided_ = _view_in_place("as_strided_", lambda x, *a, **k: torch.as_strided(x, *a, **k))


def narrow(input, dim, start, length):
    """Return a view of ``length`` elements along a dimension from ``start`` (torch.narrow)."""
    if type(start) is int and length >= 0:
        return flow._C.narrow(input, dim, start, length)
    if not input.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if isinstance(start, flow.Tensor):
        if start.ndim or start.is_floating_point() or start.dtype == flow.bool:
            raise RuntimeError("start must be an 0-dim integral Tensor.")
        start = int(start.item())
    dim = wrapped(dim, input.ndim)
    size = input.shape[dim]
    if not -size <= start <= size:
        raise IndexError(
            f"start out of range (expected to be in range of [{-size}, {size}], but got {start})"
        )
    start = start + size if start < 0 else start
    if start + length > size:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return flow._C.narrow(input, dim, start, length)

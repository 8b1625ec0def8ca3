"""Elements put at positions, views written to, in a copy (ATen's ``TensorAdvancedIndexing.cpp``).

Everything here is a scatter on the flattened tensor, at positions that come of doing to
``arange`` what the views would do, so gradients are OneFlow's own.
"""

import oneflow as flow
import torch

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import host
from oneflow_mock.compat.kernels.operands import empty_of, wrapped, written


def select_scatter(input, src, dim, index):
    """Return a copy with ``src`` in place of a slice (torch.select_scatter)."""
    places = _places(input).select(dim, index)
    return _placed(input, places, _same_shape("select_scatter", src, places))


def slice_scatter(input, src, dim=0, start=None, end=None, step=1, *, out=None):
    """Return a copy with ``src`` in place of a slice with steps (torch.slice_scatter)."""
    cut = (slice(None),) * wrapped(dim, input.ndim) + (slice(start, end, step),)
    places = _places(input)[cut]
    return written(_placed(input, places, _same_shape("slice_scatter", src, places)), out)


def diagonal_scatter(input, src, offset=0, dim1=0, dim2=1):
    """Return a copy with ``src`` on a diagonal (torch.diagonal_scatter)."""
    places = torch.diagonal(_places(input), offset, dim1, dim2)
    return _placed(input, places, _same_shape("diagonal_scatter", src, places))


def as_strided_scatter(input, src, size, stride, storage_offset=None):
    """Return a copy with ``src`` where as_strided would look (torch.as_strided_scatter)."""
    last = (storage_offset or 0) + sum((n - 1) * step for n, step in zip(size, stride))
    if 0 not in tuple(size) and last >= input.numel():
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset "
            f"{storage_offset or 0} are out of bounds for storage of {input.numel()} elements"
        )
    places = torch.as_strided(_places(input), size, stride, storage_offset or 0)
    return _placed(input, places, _same_shape("as_strided_scatter", src, places))


def index_copy(input, dim, index, source, *, out=None):
    """Return a copy with slices of ``source`` at positions along ``dim`` (torch.index_copy)."""
    if input.dtype != source.dtype:
        raise RuntimeError(
            "index_copy_(): self and source expected to have the same dtype, but got (self) "
            f"{input.dtype} and (source) {source.dtype}"
        )
    dim = wrapped(dim, input.ndim)
    if input.ndim == 0:
        return written(
            input * 0 + source.reshape(()) if input.requires_grad else source.reshape(()).clone(),
            out,
        )
    places = _places(input).index_select(dim, index.reshape(-1))
    source = source if source.ndim else source.reshape(1)
    return written(_placed(input, places, source.expand(*places.shape)), out)


def index_put(input, indices, values, accumulate=False):
    """Return a copy with ``values`` at ``input[indices]`` (torch.index_put)."""
    if input.dtype != values.dtype:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{_dtype_name(input)} for the destination and {_dtype_name(values)} for the source."
        )
    key = tuple(slice(None) if index is None else index for index in indices)
    places = _places(input)[key]
    return _placed(input, places, values.expand(*places.shape), accumulate)


def put(input, index, source, accumulate=False):
    """Return a copy with elements put at positions of the flattened tensor (torch.put)."""
    if input.dtype != source.dtype:
        raise RuntimeError("put_(): self and source expected to have the same dtype")
    if index.numel() != source.numel():
        raise RuntimeError(
            "put_(): Expected source and index to have the same number of elements, but got "
            f"source.numel() = {source.numel()}, index.numel() = {index.numel()}"
        )
    places = _from_front(index, input.numel(), "put_")
    return _placed(input, places, source, accumulate)


def take(input, index, *, out=None):
    """Return the elements at positions of the flattened tensor (torch.take)."""
    if index.dtype != flow.int64:
        raise RuntimeError(
            f"take(): Expected a long tensor for index, but got {_dtype_name(index)}"
        )
    if not input.numel() and index.numel():
        raise IndexError("take(): tried to take from an empty tensor")
    places = _from_front(index, input.numel(), "take").reshape(-1)
    answer = input.reshape(-1).index_select(0, places) if index.numel() else empty_of(input, (0,))
    return written(answer.reshape(*index.shape), out)


def masked_scatter(input, mask, source):
    """Return a copy with elements of ``source``, in order, where the mask is (masked_scatter)."""
    if mask.dtype != flow.bool:
        raise RuntimeError("masked_scatter_ only supports boolean masks")
    if input.dtype != source.dtype:
        raise RuntimeError(
            "masked_scatter: expected self and source to have same dtypes but got "
            f"{_dtype_name(input)} and {_dtype_name(source)}"
        )
    input, mask = torch.broadcast_tensors(input, mask)
    places = torch.nonzero(mask.reshape(-1)).reshape(-1)
    count = places.shape[0]
    if source.numel() < count:
        raise RuntimeError("Number of elements of source < number of ones in mask")
    return _placed(input, places, source.reshape(-1)[:count])


def scatter_reduce(input, dim, index, src, reduce, *, include_self=True, out=None):
    """Return a copy with elements reduced into it at positions along ``dim``.

    ``reduce`` is sum, prod, mean, amax or amin (torch.scatter_reduce).
    """
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(
            "reduce argument must be either sum, prod, mean, amax or amin, got " + str(reduce) + "."
        )
    if input.dtype != src.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    dim = wrapped(dim, input.ndim)
    shape = input.shape
    if input.ndim == 0:
        input, index, src = input.reshape(1), index.reshape(-1), src.reshape(-1)
    elif index.ndim == 0:
        index, src = index.reshape(1), src.reshape(-1)
    if not index.numel():
        return written(input.reshape(*shape).clone(), out)
    if src.shape != index.shape:
        src = src[tuple(slice(0, size) for size in index.shape)]
    answer = _reduced(input, dim, index, src, reduce, include_self)
    return written(answer.reshape(*shape), out)


def index_reduce(input, dim, index, source, reduce, *, include_self=True, out=None):
    """Return a copy with slices reduced into it at positions along ``dim`` (index_reduce)."""
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(
            "index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got "
            + str(reduce)
            + "."
        )
    if input.dtype != source.dtype:
        raise RuntimeError("index_reduce_(): Expected self and source to have the same dtype")
    dim = wrapped(dim, input.ndim)
    source = source if source.ndim else source.reshape(1)
    shape = [-1 if d == dim else 1 for d in range(source.ndim)]
    index = index.reshape(*shape).expand(*source.shape)
    return scatter_reduce(input, dim, index, source, reduce, include_self=include_self, out=out)


def _reduced(input, dim, index, src, reduce, include_self):
    dtype = input.dtype
    if reduce in ("sum", "mean") and dtype != flow.bool:
        start = input if include_self else _without(input, dim, index)
        total = torch.scatter_add(start, dim, index, src)
        if reduce == "sum":
            return total
        ones = torch.ones_like(input) if include_self else torch.zeros_like(input)
        counts = torch.scatter_add(ones.detach(), dim, index, torch.ones_like(src).detach())
        counts = counts.clamp(min=1)
        if input.is_floating_point():
            return total / counts
        return torch.div(total, counts, rounding_mode="floor")
    if flow.is_grad_enabled() and (input.requires_grad or src.requires_grad):
        return _functions()[reduce](input, dim, index, src, include_self)
    return _on_host(input, dim, index, src, reduce, include_self)


def _without(input, dim, index):
    """Return the input with zeros where something is put."""
    touched = torch.scatter(
        torch.zeros(*input.shape, dtype=flow.int32),
        dim,
        index,
        torch.ones(*index.shape, dtype=flow.int32),
    )
    return torch.where(touched > 0, torch.zeros_like(input), input)


_UFUNCS = {"sum": "logical_or", "prod": "multiply", "amax": "maximum", "amin": "minimum"}
_made: dict = {}


def _on_host(input, dim, index, src, reduce, include_self):
    import numpy as np

    hooks.host_fallback("torch.scatter_reduce")
    array, values = host.array(input).copy(), host.array(src)
    where = list(np.indices(tuple(index.shape), sparse=True))
    where[dim] = host.array(index)
    where = tuple(where)
    if not include_self:
        kind = array.dtype.kind
        lowest, highest = (
            (-np.inf, np.inf)
            if kind == "f"
            else (0, 1)
            if kind == "b"
            else (np.iinfo(array.dtype).min, np.iinfo(array.dtype).max)
        )
        array[where] = {"sum": 0, "prod": 1, "amax": lowest, "amin": highest}[reduce]
    getattr(np, _UFUNCS[reduce]).at(array, where, values)
    return host.tensor(array).to(input.dtype)


def _functions():
    if _made:
        return _made

    def extreme(reduce):
        class Extreme(torch.autograd.Function):
            @staticmethod
            def forward(ctx, input, index, src):
                answer = _on_host(input, ctx_dim[0], index, src, reduce, ctx_dim[1])
                ctx.dim, ctx.include_self = ctx_dim
                ctx.save_for_backward(input, index, src, answer)
                return answer

            @staticmethod
            def backward(ctx, grad):
                input, index, src, answer = ctx.saved_tensors
                dim, include = ctx.dim, ctx.include_self
                mine = (input == answer).to(grad.dtype)
                theirs = (src == answer.gather(dim, index)).to(grad.dtype)
                count = torch.scatter_add(mine, dim, index, theirs)
                share = grad / count
                untouched = share * mine
                if not include:  # though the input's elements were counted, as in PyTorch
                    untouched = _without(untouched, dim, index)
                return untouched, None, theirs * share.gather(dim, index)

        return Extreme

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx, input, index, src):
            answer = _on_host(input, ctx_dim[0], index, src, "prod", ctx_dim[1])
            ctx.dim, ctx.include_self = ctx_dim
            ctx.save_for_backward(input, index, src, answer)
            return answer

        @staticmethod
        def backward(ctx, grad):
            input, index, src, answer = ctx.saved_tensors
            dim, include = ctx.dim, ctx.include_self
            others = _on_host(torch.ones_like(input), dim, index, src, "prod", True)
            mine = grad * others if include else _without(grad, dim, index)
            # A zero in src: the product of everything else at its place.
            filled = torch.where(src == 0, torch.ones_like(src), src)
            zeros = torch.scatter_add(
                torch.zeros_like(input), dim, index, (src == 0).to(grad.dtype)
            )
            base = input if include else torch.ones_like(input)
            rest = _on_host(base, dim, index, filled, "prod", True)
            zeros_at = zeros.gather(dim, index)
            alone = (src == 0) & (zeros_at == 1)
            theirs = torch.where(
                alone,
                (grad * rest).gather(dim, index),
                (grad * answer).gather(dim, index) / filled,
            )
            return mine, None, torch.where((src == 0) & (zeros_at > 1), theirs * 0, theirs)

    ctx_dim: list = [0, True]

    def through(function):
        def call(input, dim, index, src, include_self):
            ctx_dim[:] = [dim, include_self]
            return function.apply(input, index, src)

        return call

    _made.update(
        amax=through(extreme("amax")), amin=through(extreme("amin")), prod=through(Product)
    )
    return _made


def _places(input):
    """Return each element's position in the flattened tensor."""
    return torch.arange(input.numel()).reshape(*input.shape)


def _placed(input, places, source, accumulate=False):
    """Return a copy of the input with a source's elements at positions of the flattened one."""
    if not places.numel():
        return input + source.sum() * 0 if source.requires_grad else input.clone()
    if source.requires_grad or input.requires_grad:
        flat = input.reshape(-1)
    else:
        flat = input.detach().reshape(-1)
    places, source = places.reshape(-1).contiguous(), source.reshape(-1)
    if accumulate and input.dtype == flow.bool:
        counted = torch.scatter_add(flat.to(flow.int32), 0, places, source.to(flow.int32))
        return (counted > 0).reshape(*input.shape)
    put_in = torch.scatter_add if accumulate else torch.scatter
    return put_in(flat, 0, places, source).reshape(*input.shape)


def _from_front(index, size, name):
    if index.numel():
        values = host.array(index)
        for position in (int(values.min()), int(values.max())):
            if not -size <= position < size:
                raise IndexError(f"{name}(): index {position} is out of range for {size} elements")
    return torch.where(index < 0, index + size, index)


def _same_shape(name, src, places):
    if src.shape != places.shape:
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. src size = "
            f"{list(src.shape)}, slice size = {list(places.shape)}"
        )
    return src


def _dtype_name(tensor):
    from oneflow_mock.compat.kernels.operands import scalar_name

    return scalar_name(tensor.dtype)

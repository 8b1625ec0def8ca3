"""Order: medians, quantiles, the k-th, the top k (ATen's ``Sorting.cpp``)."""

import math

import oneflow as flow
import torch
from torch import return_types

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels.operands import check_room, wrapped, written


def _zero(input):
    return flow.zeros((), dtype=flow.int64, device=input.device)


def _picked(name, column, place, dim, keepdim, out=None):
    """Return the values at positions along ``dim`` and the positions, by name."""
    values, indices = column.gather(dim, place), place
    if not keepdim:
        values, indices = values.squeeze(dim), indices.squeeze(dim)
    return written(getattr(return_types, name)((values, indices)), out)


def _scalar(name, input, out=None):
    return written(getattr(return_types, name)((input.clone(), _zero(input))), out)


def _check_size(name, input, dim):
    if not input.shape[dim]:
        raise IndexError(f"{name}(): Expected reduction dim {dim} to have non-zero size.")


def median(input, dim=None, keepdim=False, *, out=None):
    """Return the lower median, along ``dim`` with its index (torch.median)."""
    return _median("median", input, dim, keepdim, out)


def nanmedian(input, dim=None, keepdim=False, *, out=None):
    """Return the lower median of what is not NaN (torch.nanmedian)."""
    return _median("nanmedian", input, dim, keepdim, out)


def _median(name, input, dim, keepdim, out):
    if dim is None:
        if not input.numel():
            if not input.is_floating_point():
                raise RuntimeError(f"{name}() operation does not have an identity for empty input.")
            return torch.full((), math.nan, dtype=input.dtype)
        flat = input.reshape(-1)
        return written(flat.gather(0, _median_place(name, flat, 0)).reshape(()), out)
    dim = wrapped(dim, input.ndim)
    if input.ndim == 0:
        return _scalar(name, input, out)
    _check_size(name, input, dim)
    return _picked(name, input, _median_place(name, input, dim), dim, keepdim, out)


def _median_place(name, input, dim):
    """Return where the median lies, the dimension kept with one element."""
    plain = input.detach()
    size = plain.shape[dim]
    middle = (size - 1) // 2
    strange = torch.isnan(plain) if plain.is_floating_point() else None
    if strange is None or not bool(strange.any()):
        return _selected(plain, middle, dim, False)
    count = strange.to(flow.int64).sum(dim=dim, keepdim=True)
    finite = torch.where(strange, torch.full_like(plain, math.inf), plain)
    order = torch.argsort(finite, dim, stable=True)
    # Behind what is infinite itself come those that are not numbers.
    key = strange.gather(dim, order).to(flow.int64)
    places = torch.arange(size).reshape(*[-1 if d == dim else 1 for d in range(plain.ndim)])
    order = order.gather(dim, torch.argsort(key * size + places, dim))
    if name == "median":
        first = (size - count).clamp(max=size - 1)
        middle = torch.where(count > 0, first, torch.full_like(count, middle))
    else:
        middle = torch.div((size - count - 1).clamp(min=0), 2, rounding_mode="floor")
    return order.gather(dim, middle)


def kthvalue(input, k, dim=-1, keepdim=False, *, out=None):
    """Return the k-th smallest along ``dim`` and its index (torch.kthvalue)."""
    dim = wrapped(dim, input.ndim)
    size = input.shape[dim] if input.ndim else 1
    if input.ndim and not size:
        _check_size("kthvalue", input, dim)
    if not 1 <= k <= size:
        raise RuntimeError("kthvalue(): selected number k out of range for dimension " + str(dim))
    if input.ndim == 0:
        return _scalar("kthvalue", input, out)
    place = _selected(input, k - 1, dim, True)
    return _picked("kthvalue", input, place, dim, keepdim, out)


def _selected(input, number, dim, partitioned):
    """Return where the element lies that a sort would put at ``number``, the dimension kept.

    By a stable sort, or, for PyTorch's ``kthvalue``, by the partitions that it makes.
    """
    native = hooks.native.get("selected_place")
    if native is None or input.is_cuda:
        return torch.argsort(input.detach(), dim, stable=True).narrow(dim, number, 1)
    return native(input.detach().movedim(dim, -1), number, partitioned).movedim(-1, dim)


def topk(input, k, dim=-1, largest=True, sorted=True, *, out=None):
    """Return the k greatest (or least) along ``dim`` and their indices (torch.topk)."""
    ndim = input.ndim
    dim = wrapped(dim, ndim)
    if not 0 <= k <= (input.shape[dim] if ndim else 1):
        raise RuntimeError("selected index k out of range")
    if ndim == 0:
        return _scalar("topk", input, out)
    native = hooks.native.get("topk_places")
    if native is not None and not input.is_cuda and input.numel():
        places = native(input.detach().movedim(dim, -1), k, bool(largest), bool(sorted))
        places = places.movedim(-1, dim)
        return written(return_types.topk((input.gather(dim, places), places)), out)
    if k and largest and input.is_floating_point():
        values, indices = flow.topk(input, k, dim, largest, sorted)
        return written(return_types.topk((values, indices.to(flow.int64))), out)
    order = torch.argsort(input.detach(), dim, largest).narrow(dim, 0, k)
    values = input.gather(dim, order) if k else input.narrow(dim, 0, 0)
    return written(return_types.topk((values, order)), out)


def msort(input, *, out=None):
    """Return the values sorted along the first dimension (torch.msort)."""
    return written(torch.sort(input, dim=0)[0] if input.ndim else input.clone(), out)


def quantile(input, q, dim=None, keepdim=False, *, interpolation="linear", out=None):
    """Return quantiles along ``dim``, interpolated between neighbours (torch.quantile)."""
    return written(_quantile("quantile", input, q, dim, keepdim, interpolation), out)


def nanquantile(input, q, dim=None, keepdim=False, *, interpolation="linear", out=None):
    """Return quantiles of what is not NaN (torch.nanquantile)."""
    return written(_quantile("nanquantile", input, q, dim, keepdim, interpolation), out)


def _quantile(name, input, q, dim, keepdim, interpolation):
    if input.dtype not in (flow.float32, flow.float64):
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    if not input.numel():
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, "
            f"but got {interpolation}"
        )
    ranks = q if isinstance(q, flow.Tensor) else torch.tensor(q, dtype=input.dtype)
    if ranks.ndim > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
    if ranks.dtype != input.dtype:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
    plain = ranks.detach()
    if bool(((plain < 0) | (plain > 1)).any()):
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    kept = [1] * input.ndim
    if dim is None or input.ndim == 0:
        if dim is not None:
            wrapped(dim, 0)
        column = input.reshape(-1)
    else:
        dim = wrapped(dim, input.ndim)
        column = input.movedim(dim, -1)
        kept = [1 if d == dim else n for d, n in enumerate(input.shape)]
    if not keepdim:
        kept = list(column.shape[:-1])
    rows = column.reshape(-1, column.shape[-1])
    answer = _interpolated(name, rows, ranks.reshape(-1), interpolation)
    return answer.reshape(*ranks.shape, *kept)


def _interpolated(name, rows, ranks, interpolation):
    """Return (q, n) quantiles of n rows."""
    size = rows.shape[1]
    strange = torch.isnan(rows.detach())
    ordered = torch.sort(torch.where(strange, torch.full_like(rows, math.inf), rows), 1)[0]
    count = strange.to(flow.int64).sum(dim=1, keepdim=True)
    valid = (size - count).to(rows.dtype)
    last = (valid - 1).clamp(min=0) if name == "nanquantile" else torch.full_like(valid, size - 1)
    place = ranks.unsqueeze(0) * last
    lower = torch.floor(place)
    if interpolation in ("lower", "higher", "nearest"):
        rounded = {"lower": torch.floor, "higher": torch.ceil, "nearest": torch.round}
        answer = ordered.gather(1, rounded[interpolation](place).detach().to(flow.int64))
    else:
        low = ordered.gather(1, lower.detach().to(flow.int64))
        high = ordered.gather(1, torch.ceil(place).detach().to(flow.int64))
        share = torch.full_like(place, 0.5) if interpolation == "midpoint" else place - lower
        answer = torch.lerp(low, high, share)
    none = valid == 0 if name == "nanquantile" else count > 0
    if bool(none.any()):
        nothing = torch.full_like(answer, math.nan)
        answer = torch.where(none.expand(*answer.shape), nothing, answer)
    return answer.transpose(0, 1)


def mode(input, dim=-1, keepdim=False, *, out=None):
    """Return the most frequent value along ``dim`` (the least of them) and its last index."""
    dim = wrapped(dim, input.ndim)
    if input.ndim == 0:
        return _scalar("mode", input, out)
    _check_size("mode", input, dim)
    column = input.detach().movedim(dim, -1)
    size = column.shape[-1]
    if column.dtype == flow.bool:
        column = column.to(flow.int32)
    # How far each lies behind the first of its equals; of equal ones the sort's last is PyTorch's.
    order = torch.argsort(column, -1)
    ordered = column.gather(-1, order)
    places = torch.arange(size).expand(*column.shape)
    other = ordered.narrow(-1, 1, size - 1) != ordered.narrow(-1, 0, size - 1)
    first = torch.where(
        other, places.narrow(-1, 1, size - 1), torch.zeros_like(other, dtype=flow.int64)
    )
    first = torch.cat([torch.zeros_like(places.narrow(-1, 0, 1)), first], -1).cummax(-1)[0]
    last = order.gather(-1, (places - first).argmax(-1, True))
    return _picked("mode", input, last.movedim(-1, dim), dim, keepdim, out)


def nonzero_static(input, *, size, fill_value=-1, out=None):
    """Return the indices of ``size`` elements that are not zero, filled up (nonzero_static)."""
    if size < 0:
        raise RuntimeError("nonzero_static: 'size' must be an non-negative integer")
    check_room((size, input.ndim), 8)
    found = torch.nonzero(input)[:size]
    missing = size - found.shape[0]
    if missing > 0:
        rest = torch.full((missing, max(input.ndim, 0)), fill_value, dtype=flow.int64)
        found = torch.cat([found.reshape(-1, input.ndim), rest]) if input.ndim else rest
    return written(found, out)

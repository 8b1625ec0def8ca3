"""Histograms (ATen's ``Histogram.cpp``)."""

import numpy as np
import oneflow as flow
import torch
from torch import return_types

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import host
from oneflow_mock.compat.kernels.operands import check_room, written


def histogram(input, bins, *, range=None, weight=None, density=False, out=None):
    """Return counts in bins, and the bins' edges (torch.histogram)."""
    if isinstance(bins, flow.Tensor):
        edges = bins.clone()
        if edges.dtype != input.dtype:
            raise RuntimeError(
                "torch.histogram: input tensor and bins tensors should have the same dtype"
            )
    else:
        _check_bins("histogram", bins)
        flat = input.detach().reshape(-1)
        edges = _edges(flat, bins, range)
    counts = _counted("histogram", input.reshape(-1, 1), [edges], weight, density)
    return written(return_types.histogram((counts, edges)), out)


def histogramdd(input, bins, *, range=None, weight=None, density=False):
    """Return counts in cells of several dimensions, and their edges (torch.histogramdd)."""
    if input.ndim < 2:
        raise RuntimeError(
            "torch.histogramdd: input tensor should have at least 2 dimensions, but got "
            f"{input.ndim}"
        )
    width = input.shape[-1]
    rows = input.detach().reshape(-1, width)
    if isinstance(bins, int):
        bins = [bins] * width
    if len(bins) != width:
        raise RuntimeError(
            f"torch.histogramdd: expected {width} sequences of bin edges for a {width}-dimensional "
            f"histogram but got {len(bins)}"
        )
    if isinstance(bins[0], flow.Tensor):
        for one in bins:
            if one.dtype != input.dtype:
                raise RuntimeError(
                    "torch.histogramdd: input tensor and bins tensors should have the same dtype"
                )
        edges = [one.clone() for one in bins]
    else:
        if range is not None and len(range) != 2 * width:
            raise RuntimeError(
                f"torch.histogramdd: for a {width}-dimensional histogram range should have "
                f"{2 * width} elements, but got {len(range)}"
            )
        edges = []
        for d, count in enumerate(bins):
            _check_bins("histogramdd", count)
            limits = None if range is None else range[2 * d : 2 * d + 2]
            edges.append(_edges(rows[:, d], count, limits))
    counts = _counted("histogramdd", rows, edges, weight, density)
    return return_types.histogramdd((counts, tuple(edges)))


def _check_bins(name, bins):
    if bins <= 0:
        raise RuntimeError(f"torch.{name}(): bins must be > 0, but got {bins}")


def _edges(values, bins, limits):
    if limits is not None:
        low, high = (float(one) for one in limits)
        if low > high:
            raise RuntimeError("torch.histogramdd: min should not exceed max")
    elif values.numel():
        low, high = float(values.amin()), float(values.amax())
    else:
        low, high = 0.0, 1.0
    if not np.isfinite([low, high]).all():
        raise RuntimeError(f"torch.histogramdd(): range of [{low}, {high}] is not finite")
    if low == high:
        low, high = low - 0.5, high + 0.5
    return torch.linspace(low, high, bins + 1, dtype=values.dtype)


def _counted(name, rows, edges, weight, density):
    hooks.host_fallback(f"torch.{name}")
    values = host.array(rows.detach())
    weights = None if weight is None else host.array(weight.detach()).reshape(-1)
    bounds = [host.array(one.detach()) for one in edges]
    shape = tuple(len(one) - 1 for one in bounds)
    places, inside = [], np.ones(len(values), bool)
    for d, bound in enumerate(bounds):
        column = values[:, d]
        inside &= (column >= bound[0]) & (column <= bound[-1])
        place = np.searchsorted(bound, column, "right") - 1
        places.append(np.clip(place, 0, len(bound) - 2))
    flat = np.ravel_multi_index([one[inside] for one in places], shape) if inside.any() else []
    counts = np.bincount(
        np.asarray(flat, np.int64),
        None if weights is None else weights[inside],
        int(np.prod(shape)),
    ).reshape(shape)
    if density:
        total = counts.sum()
        counts = counts / total
        for d, bound in enumerate(bounds):
            widths = np.diff(bound)
            counts = counts / widths.reshape([-1 if k == d else 1 for k in _indices(len(shape))])
    return flow.from_numpy(np.ascontiguousarray(counts.astype(values.dtype)))


_indices = range


def bincount(input, weights=None, minlength=0):
    """Return how often each number is there, or the sums of weights (torch.bincount)."""
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    check_room((minlength,), 8)
    if weights is not None and not weights.is_floating_point():
        weights = weights.to(flow.float64)
    return flow.bincount(input, weights, minlength)

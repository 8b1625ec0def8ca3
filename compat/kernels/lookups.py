"""Rows looked up in a table, one by one or in bags; distances and norms of rows."""

from __future__ import annotations

import warnings

import numpy as np
import oneflow as flow
import torch

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import indexing
from oneflow_mock.compat.kernels.constants import constant
from oneflow_mock.compat.kernels.halves import is_half, wide


def renormalise(weight, input, max_norm, norm_type):
    """Scale the rows that are looked up down to a norm, in place."""
    with flow.no_grad():
        rows = torch.unique(input.reshape(-1))
        found = weight.detach()[rows]
        norms = vector_norm(found, norm_type, (1,), True)
        scale = torch.where(norms > max_norm, max_norm / (norms + 1e-7), torch.ones_like(norms))
        weight[rows] = found * scale


def vector_norm(x, p, dims, keepdim):
    """Return the p-norm over dimensions."""
    if hooks.kernels:
        return torch.linalg.vector_norm(x, p, dims, keepdim)
    if p == 2.0:
        return (x * x).sum(dims, keepdim=keepdim).sqrt()
    if p == 1.0:
        return x.abs().sum(dims, keepdim=keepdim)
    if p == float("inf"):
        return x.abs().amax(dims, keepdim=keepdim)
    if p == 0.0:
        return constant((x.detach() != 0).to(x.dtype).sum(dims, keepdim=keepdim), x)
    return x.abs().pow(p).sum(dims, keepdim=keepdim).pow(1.0 / p)


def embedding(
    input,
    weight,
    padding_idx=None,
    max_norm=None,
    norm_type=2.0,
    scale_grad_by_freq=False,
    sparse=False,
):
    """Return the rows of a table (count, size) at the indices, whose shape leads."""
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    if padding_idx is not None:
        if not -weight.shape[0] <= padding_idx < weight.shape[0]:
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx %= weight.shape[0]
    if max_norm is not None:
        renormalise(weight, input, max_norm, norm_type)
    if hooks.library is None:
        indexing.check_positions(input, 0, weight.shape[0])
    if padding_idx is None and not scale_grad_by_freq:
        rows = flow._C.gather(weight, input, axis=0)
    else:
        alone = input.ndim == 0
        rows = flow._C.embedding(
            weight, input.reshape(1) if alone else input, padding_idx, scale_grad_by_freq
        )
        rows = rows.squeeze(0) if alone else rows
    if hooks.library is not None:
        indexing.settled()
    return rows


def embedding_bag(
    input,
    weight,
    offsets=None,
    max_norm=None,
    norm_type=2,
    scale_grad_by_freq=False,
    mode="mean",
    sparse=False,
    per_sample_weights=None,
    include_last_offset=False,
    padding_idx=None,
):
    """Return sums, means or maxima of bags of rows: (bags, length), or flat with offsets."""
    if weight.dtype == torch.long and input.is_floating_point():
        warnings.warn(
            "Argument order of nn.functional.embedding_bag was changed. Usage "
            "`embedding_bag(weight, input, ...)` is deprecated, and should now be "
            "`embedding_bag(input, weight, ...)`.",
            stacklevel=2,
        )
        weight, input = input, weight
    if per_sample_weights is not None:
        if tuple(input.shape) != tuple(per_sample_weights.shape):
            raise ValueError(
                f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, "
                f"then it must have the same shape as the input ({input.shape})"
            )
        if mode != "sum":
            raise NotImplementedError(
                "embedding_bag: per_sample_weights was not None. per_sample_weights is only "
                f"supported for mode='sum' (got mode='{mode}'). Please open a feature request on "
                "GitHub."
            )
        per_sample_weights = per_sample_weights.reshape(-1)
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    starts = _bag_starts(input, offsets, include_last_offset)
    if max_norm is not None:
        renormalise(weight, input, max_norm, norm_type)
    indices = input.reshape(-1)
    rows = embedding(indices, weight, padding_idx, scale_grad_by_freq=scale_grad_by_freq)
    dtype = rows.dtype
    if mode == "sum":  # what halves add up to is rounded once
        rows, per_sample_weights = wide(rows), wide(per_sample_weights)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.unsqueeze(1)
    even = input.ndim == 2 and input.numel() and padding_idx is None
    if even and not (mode == "mean" and is_half(rows)):  # whose sum is rounded, too
        return _of_one_length(rows.reshape(*input.shape, -1), mode).to(dtype)
    bags = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    kept = np.ones(len(bags), bool)
    if padding_idx is not None:
        kept = indices.cpu().numpy() != padding_idx % weight.shape[0]
    members = [np.flatnonzero((bags == bag) & kept) for bag in range(len(starts) - 1)]
    found = _combined(rows, members, mode)
    return found if found.dtype is dtype else found.to(dtype)


def _bag_starts(input, offsets, include_last_offset):
    """Return where the bags start in the flat input, and its length."""
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch "
                f"of fixed length sequences. However, found offsets of type {type(offsets)}"
            )
        return np.arange(input.shape[0] + 1) * input.shape[1]
    if input.ndim != 1:
        raise ValueError(
            f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}"
        )
    if offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    if offsets.ndim != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    starts = offsets.cpu().numpy()
    return starts if include_last_offset else np.append(starts, input.shape[0])


def _of_one_length(rows, mode):
    """Return one row for each bag of rows, by shape (bags, length, width)."""
    if mode == "max":
        return rows.max(1)[0]
    return rows.sum(1) if mode == "sum" else rows.mean(1)


def _combined(rows, members, mode):
    """Return one row for each list of rows; zeros for an empty one."""
    longest = max((len(member) for member in members), default=0)
    places = np.full((len(members), max(longest, 1)), -1)
    for bag, member in enumerate(members):
        places[bag, : len(member)] = member
    index = torch.from_numpy(np.maximum(places, 0)).to(rows.device)
    valid = torch.from_numpy(places >= 0).to(rows.device)
    if rows.shape[0] == 0:
        return torch.zeros(len(members), rows.shape[1], dtype=rows.dtype, device=rows.device)
    found = rows.index_select(0, index.reshape(-1)).reshape(*index.shape, rows.shape[1])
    weights = valid.to(rows.dtype).unsqueeze(2)
    if mode == "max":
        best = found.masked_fill(~valid.unsqueeze(2), float("-inf")).max(1)[0]
        return torch.where(valid.any(1, keepdim=True), best, torch.zeros_like(best))
    total = (found * weights).sum(1)
    return total if mode == "sum" else total / weights.sum(1).clamp(min=1)


def normalize(input, p=2.0, dim=1, eps=1e-12, out=None):
    """Return the input divided by its p-norms along ``dim``, at least eps."""
    dims = tuple(dim) if isinstance(dim, (list, tuple)) else (dim,)
    norms = vector_norm(input, p, dims, True).clamp(min=eps)
    divided = input / norms
    return divided if out is None else out.copy_(divided)


def pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False):
    """Return the p-norms of the differences of rows, eps added to each element."""
    return vector_norm(x1 - x2 + eps, p, (-1,), keepdim)


def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """Return the cosines of the angles between vectors along ``dim``."""
    x1, x2 = torch.broadcast_tensors(x1, x2)
    if x1.ndim == 0:
        return cosine_similarity(x1.reshape(1), x2.reshape(1), dim, eps).reshape(())
    dim = dim % x1.ndim

    def unit(x):
        return x / vector_norm(x, 2.0, (dim,), True).clamp(min=eps)

    return (unit(x1) * unit(x2)).sum(dim)


def pdist(input, p=2.0):
    """Return the distances of all pairs of rows, (0, 1), (0, 2) …"""
    first, second = np.triu_indices(input.shape[0], 1)
    rows = [torch.from_numpy(side.astype(np.int64)) for side in (first, second)]
    pairs = [input.index_select(0, side.to(input.device)) for side in rows]
    found = vector_norm(pairs[0] - pairs[1], p, (-1,), False)
    if p == 0:  # a count, whose gradient is zero and not none
        return torch.where(found.detach() >= 0, found.detach(), pairs[0].sum(dim=-1))
    return found

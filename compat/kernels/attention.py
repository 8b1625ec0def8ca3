"""Scaled dot-product attention: one native operator, or composed from OneFlow's own."""

from __future__ import annotations

import math

import oneflow as flow

from oneflow_mock.compat import hooks

_native = hooks.native.get("attention")
_FLOATING = (flow.float32, flow.float64, flow.float16, flow.bfloat16)


def fused(query, key, value, mask=None, causal=False, scale=None):
    """Return what `attention` returns, by the native operator; None where that cannot.

    key and value may have fewer heads, each for as many of query's.
    """
    if _native is None or query.ndim < 2 or query.is_cuda or query.is_global:
        return None
    if mask is not None and (mask.requires_grad or mask.ndim > 4):
        return None
    dtype = query.dtype
    if dtype not in _FLOATING or not dtype == key.dtype == value.dtype:
        return None
    if mask is not None and mask.dtype not in (flow.bool, dtype):
        return None
    if scale is None:
        size = query.shape[-1]
        scale = 1.0 / math.sqrt(size) if size else 1.0
    shape = query.shape
    dims = len(shape)
    if dims == 4:
        return _native(query, key, value, mask, scale, causal)
    if dims > 4:
        if mask is not None:
            return None
        query, key, value = (each.flatten(0, dims - 4) for each in (query, key, value))
    else:
        extra = (1,) * (4 - dims)
        query, key, value = (each.reshape(*extra, *each.shape) for each in (query, key, value))
    answer = _native(query, key, value, mask, scale, causal)
    return answer.reshape(*shape[:-1], answer.shape[-1])


def attention(query, key, value, mask=None, causal=False, scale=None, dropout=None):
    """Return softmax(query keyᵀ · scale + mask) value.

    query is (*, H, L, E), key (*, H, S, E), value (*, H, S, V); ``mask`` is bool (True takes part)
    or is added to the scores; ``dropout`` maps the weights to thinned ones. Rows that no key may
    answer give zeros, as PyTorch's do.
    """
    lead, length, size = query.shape[:-2], query.shape[-2], query.shape[-1]
    keys, width = key.shape[-2], value.shape[-1]
    if scale is None:
        scale = 1.0 / math.sqrt(size) if size else 1.0
    batch = math.prod(lead) if hasattr(math, "prod") else _product(lead)
    flat_query = (query * scale).reshape(batch, length, size)
    scores = flow.bmm(flat_query, key.reshape(batch, keys, size).transpose(1, 2))
    scores = scores.reshape(*lead, length, keys)
    blocked = None
    if causal:
        blocked = flow.triu(flow.ones(length, keys, device=query.device), 1).to(flow.bool)
    elif mask is not None and mask.dtype == flow.bool:
        blocked = flow.logical_not(mask)
    elif mask is not None:
        scores = scores + mask
    if blocked is not None:
        blocked = blocked.expand(*scores.shape)
        scores = scores.masked_fill(blocked, float("-inf"))
    weights = flow.softmax(scores, dim=-1)
    if blocked is not None and not causal:
        weights = weights.masked_fill(blocked, 0.0)
    if dropout is not None:
        weights = dropout(weights)
    answer = flow.bmm(weights.reshape(batch, length, keys), value.reshape(batch, keys, width))
    return answer.reshape(*lead, length, width)


def _product(sizes):
    result = 1
    for size in sizes:
        result *= size
    return result

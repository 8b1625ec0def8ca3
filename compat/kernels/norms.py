"""Normalisation composed from mean, subtract and multiply: faster than OneFlow's CPU kernels."""

from __future__ import annotations

import oneflow as flow


def _standardise(x, dims, eps):
    centred = x - x.mean(dim=dims, keepdim=True)
    variance = (centred * centred).mean(dim=dims, keepdim=True)
    return centred * flow.rsqrt(variance + eps)


def group_norm(x, groups, weight, bias, eps):
    """Normalise (N, C, *) over each of ``groups`` groups of channels, then scale and shift."""
    shape = tuple(x.shape)
    y = _standardise(x.reshape(shape[0], groups, -1), 2, eps).reshape(shape)
    affine = (1, shape[1]) + (1,) * (len(shape) - 2)
    if weight is not None:
        y = y * weight.reshape(affine)
    return y if bias is None else y + bias.reshape(affine)


def layer_norm(x, dims, weight, bias, eps):
    """Normalise over the last ``dims`` dimensions, then scale and shift."""
    y = _standardise(x, tuple(range(x.ndim - dims, x.ndim)), eps)
    if weight is not None:
        y = y * weight
    return y if bias is None else y + bias


def rms_norm(x, dims, weight, eps):
    """Divide by the root mean square over the last ``dims`` dimensions, then scale."""
    over = tuple(range(x.ndim - dims, x.ndim))
    y = x * flow.rsqrt((x * x).mean(dim=over, keepdim=True) + eps)
    return y if weight is None else y * weight

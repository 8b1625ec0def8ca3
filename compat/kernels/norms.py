"""Normalisation by the native kernels; without them composed from mean, subtract and multiply.

The compositions are faster than OneFlow's own CPU kernels.
"""

from __future__ import annotations

import oneflow as flow

from oneflow_mock.compat import hooks

_native = hooks.native.get("norm")
_native_batch_norm = hooks.native.get("batch_norm")


def _standardise(x, dims, eps):
    centred = x - x.mean(dim=dims, keepdim=True)
    variance = (centred * centred).mean(dim=dims, keepdim=True)
    return centred * flow.rsqrt(variance + eps)


def group_norm(x, groups, weight, bias, eps):
    """Normalise (N, C, *) over each of ``groups`` groups of channels, then scale and shift."""
    if _native is not None and not x.is_cuda:
        return _native(x, weight, bias, -1, groups, True, eps)
    shape = tuple(x.shape)
    y = _standardise(x.reshape(shape[0], groups, -1), 2, eps).reshape(shape)
    affine = (1, shape[1]) + (1,) * (len(shape) - 2)
    if weight is not None:
        y = y * weight.reshape(affine)
    return y if bias is None else y + bias.reshape(affine)


def layer_norm(x, dims, weight, bias, eps):
    """Normalise over the last ``dims`` dimensions, then scale and shift."""
    if _native is not None and not x.is_cuda:
        return _native(x, weight, bias, x.ndim - dims, 1, True, eps)
    y = _standardise(x, tuple(range(x.ndim - dims, x.ndim)), eps)
    if weight is not None:
        y = y * weight
    return y if bias is None else y + bias


def rms_norm(x, dims, weight, eps):
    """Divide by the root mean square over the last ``dims`` dimensions, then scale."""
    if _native is not None and not x.is_cuda and not x.is_complex():
        return _native(x, weight, None, x.ndim - dims, 1, False, eps)
    over = tuple(range(x.ndim - dims, x.ndim))
    y = x * flow.rsqrt((x * x).mean(dim=over, keepdim=True) + eps)
    return y if weight is None else y * weight


def batch_norm(x, mean, variance, weight, bias, training, momentum, eps):
    """Normalise each channel of (N, C, *) over the batch, or by the running statistics."""
    if _native_batch_norm is not None and not x.is_cuda and (mean is None) == (variance is None):
        return _native_batch_norm(x, weight, bias, mean, variance, training, momentum, eps)
    return flow._C.normalization(x, mean, variance, weight, bias, 1, eps, momentum, training)

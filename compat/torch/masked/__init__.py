"""torch.masked: reductions and normalizations of the elements that a mask keeps."""

import math

import oneflow as flow
import torch

from oneflow_mock.compat.kernels.operands import floating, integral, wrapped, wrapped_all

__all__ = [
    *("amax", "amin", "argmax", "argmin", "cumprod", "cumsum", "log_softmax", "logaddexp"),
    *("logsumexp", "mean", "median", "norm", "normalize", "prod", "softmax", "softmin"),
    *("std", "sum", "var"),
]


def _lowest(dtype):
    if dtype.is_floating_point or dtype.is_complex:
        return -math.inf
    return False if dtype == flow.bool else torch.iinfo(dtype).min


def _highest(dtype):
    if dtype.is_floating_point:
        return math.inf
    return True if dtype == flow.bool else torch.iinfo(dtype).max


def _mask_of(input, mask):
    """Return a mask in the input's shape."""
    if mask.ndim > input.ndim:
        raise IndexError(
            "_input_mask expected broadcastable mask (got mask dimensionality higher than of the "
            "input)"
        )
    return mask.to(flow.bool).expand(*input.shape) if input.ndim else mask.to(flow.bool)


def _filled(input, mask, value):
    """Return the input with a value where the mask is not."""
    if mask is None:
        return input
    return torch.where(_mask_of(input, mask), input, torch.full((), value, dtype=input.dtype))


def _summable(input, dtype):
    if dtype is None:
        dtype = flow.int64 if integral(input) else input.dtype
    return input.to(dtype)


def sum(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Return sums of what the mask keeps."""
    input = _filled(_summable(input, dtype), mask, 0)
    return _summed(input, dim, keepdim)


def _summed(input, dim, keepdim):
    dims = wrapped_all(dim, input.ndim)
    return input.sum(dim=dims, keepdim=bool(keepdim)) if dims else input.clone()


def prod(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Return products of what the mask keeps."""
    answer = _filled(_summable(input, dtype), mask, 1)
    dims = wrapped_all(dim, answer.ndim)
    for d in sorted(dims, reverse=True):
        answer = torch.prod(answer, d, keepdim=bool(keepdim))
    return answer if dims else answer.clone()


def _kept_dtype(input):
    """Return the dtype of running sums: the input's, but of truths int64."""
    return torch.int64 if input.dtype is torch.bool else input.dtype


def cumsum(input, dim, *, dtype=None, mask=None):
    """Return running sums of what the mask keeps."""
    input = input if dtype is None else input.to(dtype)
    kept = _filled(_summable(input, None), mask, 0)
    return torch.cumsum(kept, wrapped(dim, input.ndim)).to(_kept_dtype(input))


def cumprod(input, dim, *, dtype=None, mask=None):
    """Return running products of what the mask keeps."""
    input = input if dtype is None else input.to(dtype)
    kept = _filled(_summable(input, None), mask, 1)
    return torch.cumprod(kept, wrapped(dim, input.ndim)).to(_kept_dtype(input))


def amax(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Return the greatest of what the mask keeps."""
    input = input if dtype is None else input.to(dtype)
    input = _filled(input, mask, _lowest(input.dtype))
    return torch.amax(input, wrapped_all(dim, input.ndim), bool(keepdim))


def amin(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Return the least of what the mask keeps."""
    input = input if dtype is None else input.to(dtype)
    input = _filled(input, mask, _highest(input.dtype))
    return torch.amin(input, wrapped_all(dim, input.ndim), bool(keepdim))


def argmax(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Return where the greatest of what the mask keeps is."""
    input = input if dtype is None else input.to(dtype)
    answer = torch.argmax(_filled(input, mask, _lowest(input.dtype)), dim, bool(keepdim))
    return answer.to(input.dtype)  # as PyTorch, which takes them for values


def argmin(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Return where the least of what the mask keeps is."""
    input = input if dtype is None else input.to(dtype)
    answer = torch.argmin(_filled(input, mask, _highest(input.dtype)), dim, bool(keepdim))
    return answer.to(input.dtype)


def _counts(input, dim, mask):
    ones = torch.ones(tuple(input.shape), dtype=flow.int64)
    return _summed(_filled(ones, mask, 0), dim, True)


def _total(input, dim, mask):
    return _summed(_filled(input, mask, 0), dim, True)


def _shaped(answer, input, dim, keepdim):
    if keepdim:
        return answer
    dims = wrapped_all(dim, input.ndim)
    return answer.reshape(*[n for d, n in enumerate(answer.shape) if d not in dims])


def _averaged(input, dtype):
    return floating(input) if dtype is None else input.to(dtype)


def mean(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Return means of what the mask keeps; NaN of nothing."""
    if dtype is None and integral(input):
        raise ValueError(f"input dtype must be floating point, not {input.dtype}")
    input = _averaged(input, dtype)
    answer = _total(input, dim, mask) / _counts(input, dim, mask)
    return _shaped(answer, input, dim, keepdim)


def var(input, dim=None, unbiased=None, *, correction=None, keepdim=False, dtype=None, mask=None):
    """Return variances of what the mask keeps."""
    input = _averaged(input, dtype)
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    counts = _counts(input, dim, mask)
    gap = input - _total(input, dim, mask) / counts
    total = _total(gap * gap.conj(), dim, mask)
    counts = (counts.to(total.real.dtype) - correction).clamp(min=0)
    return _shaped(total / counts, input, dim, keepdim)


def std(input, dim=None, unbiased=None, *, correction=None, keepdim=False, dtype=None, mask=None):
    """Return standard deviations of what the mask keeps."""
    return torch.sqrt(
        var(
            input,
            dim,
            unbiased,
            correction=correction,
            keepdim=keepdim,
            dtype=dtype,
            mask=mask,
        )
    )


def median(input, dim=-1, *, keepdim=False, dtype=None, mask=None):
    """Return medians of what the mask keeps; NaN of nothing."""
    input = input if dtype is None else input.to(dtype)
    if not input.is_floating_point():
        raise ValueError("input must be floating point for masked median")
    return torch.nanmedian(_filled(input, mask, math.nan), dim, keepdim)[0]


def logsumexp(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Return the logarithms of sums of exponentials of what the mask keeps."""
    input = input if dtype is None else input.to(dtype)
    dims = wrapped_all(dim, input.ndim)
    input = _filled(input, mask, _lowest(input.dtype))
    if not dims:
        return input.clone()
    return torch.logsumexp(input, dims, keepdim=bool(keepdim)).to(input.dtype)


def logaddexp(input, other, *, dtype=None, input_mask=None, other_mask=None):
    """Return log(exp(input) + exp(other)) of what the masks keep."""
    if dtype is not None:
        input, other = input.to(dtype), other.to(dtype)
    return torch.logaddexp(
        _filled(input, input_mask, -math.inf), _filled(other, other_mask, -math.inf)
    )


def norm(input, ord=2.0, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Return the norms of vectors of what the mask keeps."""
    input = _averaged(input, dtype)
    input = _filled(input, mask, math.inf if ord < 0 else 0)
    return torch.linalg.vector_norm(input, ord, wrapped_all(dim, input.ndim), bool(keepdim))


def _kept(input, dtype, mask, value):
    input = input if dtype is None else input.to(dtype)
    return _filled(input, mask, value)


def softmax(input, dim, *, dtype=None, mask=None):
    """Return the softmax of what the mask keeps."""
    return torch.softmax(_kept(input, dtype, mask, -math.inf), wrapped(dim, input.ndim))


def log_softmax(input, dim, *, dtype=None, mask=None):
    """Return the logarithm of the softmax of what the mask keeps."""
    return torch.log_softmax(_kept(input, dtype, mask, -math.inf), wrapped(dim, input.ndim))


def softmin(input, dim, *, dtype=None, mask=None):
    """Return the softmin of what the mask keeps."""
    return torch.softmax(-_kept(input, dtype, mask, math.inf), wrapped(dim, input.ndim))


def normalize(input, ord, dim, *, eps=1e-12, dtype=None, mask=None):
    """Return what the mask keeps divided by its norms."""
    size = norm(input, ord, dim, keepdim=True, dtype=dtype, mask=mask)
    return _kept(input, dtype, mask, 0) / size.clamp(min=eps)

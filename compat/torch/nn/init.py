"""torch.nn.init: every initializer draws PyTorch's numbers."""

from __future__ import annotations

import math
import warnings

import numpy as np
import oneflow as flow

from oneflow_mock.compat.kernels import filling, meta, sampling
from oneflow_mock.compat.kernels.generator import generator_of

_LINEAR = (
    "linear",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "sigmoid",
)
_GAINS = {"tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 3.0 / 4}


def calculate_gain(nonlinearity, param=None):
    """Return the recommended gain for a nonlinearity."""
    if nonlinearity in _LINEAR:
        return 1
    if nonlinearity in _GAINS:
        return _GAINS[nonlinearity]
    if nonlinearity != "leaky_relu":
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}")
    slope = 0.01 if param is None else param
    if isinstance(slope, bool) or not isinstance(slope, (int, float)):
        raise ValueError(f"negative_slope {param} not a valid number")
    return math.sqrt(2.0 / (1 + slope**2))


def _no_grad_uniform_(tensor, a, b, generator=None):
    if meta.is_meta(tensor):
        return tensor
    with flow.no_grad():
        return tensor.uniform_(a, b, generator=generator)


def _no_grad_normal_(tensor, mean, std, generator=None):
    if meta.is_meta(tensor):
        return tensor
    with flow.no_grad():
        return tensor.normal_(mean, std, generator=generator)


def _no_grad_fill_(tensor, val):
    if meta.is_meta(tensor):
        return tensor
    with flow.no_grad():
        tensor.fill_(val)
    return tensor


def _no_grad_zero_(tensor):
    return _no_grad_fill_(tensor, 0.0)


def uniform_(tensor, a=0.0, b=1.0, generator=None):
    """Fill a tensor with uniform numbers of [a, b)."""
    return _no_grad_uniform_(tensor, a, b, generator)


def normal_(tensor, mean=0.0, std=1.0, generator=None):
    """Fill a tensor with normal numbers."""
    return _no_grad_normal_(tensor, mean, std, generator)


def constant_(tensor, val):
    """Fill a tensor with one value."""
    return _no_grad_fill_(tensor, val)


def ones_(tensor):
    """Fill a tensor with ones."""
    return _no_grad_fill_(tensor, 1.0)


def zeros_(tensor):
    """Fill a tensor with zeros."""
    return _no_grad_zero_(tensor)


def eye_(tensor):
    """Fill a matrix with the identity."""
    if tensor.ndimension() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    return _put(tensor, np.eye(*tensor.shape))


def dirac_(tensor, groups=1):
    """Fill a convolution's weights so that it keeps as many channels as it can, in each group."""
    dimensions = tensor.ndimension()
    if dimensions not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    shape = tuple(tensor.shape)
    if shape[0] % groups != 0:
        raise ValueError("dim 0 must be divisible by groups")
    channels = shape[0] // groups
    values = np.zeros(shape)
    center = tuple(size // 2 for size in shape[2:])
    for group in range(groups):
        for channel in range(min(channels, shape[1])):
            values[(group * channels + channel, channel, *center)] = 1
    return _put(tensor, values)


def _put(tensor, values):
    """Put an array of doubles into a tensor, outside of autograd."""
    with flow.no_grad():
        if tensor.is_local:
            kind = filling.kind_of("init", tensor.dtype)
            return filling.overwrite(tensor, filling.from_doubles(values, kind))
        source = flow.tensor(values, dtype=tensor.dtype)
        tensor.copy_(source.to_global(placement=tensor.placement, sbp=tensor.sbp))
        return tensor


def _norm_cdf(x):
    return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0


def trunc_normal_(tensor, mean=0.0, std=1.0, a=-2.0, b=2.0, generator=None):
    """Fill a tensor with normal numbers of [a, b], the others being drawn anew."""
    if not filling.is_here(tensor):
        with flow.no_grad():
            return tensor.normal_(mean, std).clamp_(a, b)
    return _no_grad_trunc_normal_(tensor, mean, std, a, b, generator)


def _no_grad_trunc_normal_(tensor, mean, std, a, b, generator=None):
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of "
            "values may be incorrect.",
            stacklevel=3,
        )
    kind = filling.floating_kind_of("trunc_normal_", tensor.dtype, "normal_kernel_cpu")
    source = generator_of("trunc_normal_", generator)
    share = _norm_cdf((b - mean) / std) - _norm_cdf((a - mean) / std)

    def draw(count, is_contiguous):
        with source.lock:
            if share > 0.3:
                return _redrawn_normals(
                    source.stream, count, kind.array, mean, std, a, b, is_contiguous
                )
            return _accepted_uniforms(source.stream, count, kind.array, mean, std, a, b)

    with flow.no_grad():
        return filling.fill(tensor, draw)


def _redrawn_normals(stream, count, dtype, mean, std, a, b, is_contiguous):
    """Return normal numbers; while any is out of bounds, as many are drawn again for those."""
    low, high = sampling.rounded(np.array([a, b]), dtype)
    values = sampling.normal(stream, count, dtype, mean, std, is_contiguous)
    while True:
        outside = (values < low) | (values > high)
        if not outside.any():
            return values
        anew = sampling.normal(stream, count, dtype, mean, std, is_contiguous)
        values = np.where(outside, anew, values)


def _accepted_uniforms(stream, count, dtype, mean, std, a, b):
    """Return uniform numbers of [a, b], each accepted as often as the normal density says."""
    mode = max(a, min(mean, b))
    log_peak = -0.5 * ((mode - mean) / std) ** 2

    def log_density(values):
        cast = values.dtype.type
        for step in (
            lambda x: x - cast(mean),
            lambda x: x / cast(std),
            lambda x: x * x,
            lambda x: x * cast(-0.5),
            lambda x: x - cast(log_peak),
        ):
            values = sampling.rounded(step(values), dtype)
        return values

    def is_rejected(values):
        with np.errstate(divide="ignore"):
            chances = sampling.rounded(np.log(sampling.uniform(stream, count, dtype)), dtype)
        return chances > log_density(values)

    values = sampling.uniform(stream, count, dtype, a, b)
    pending = is_rejected(values)
    while pending.any():
        candidates = sampling.uniform(stream, count, dtype, a, b)
        values = np.where(pending, candidates, values)
        pending &= is_rejected(candidates)
    return values


def _calculate_fan_in_and_fan_out(tensor):
    if tensor.dim() < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"
        )
    field = 1
    for size in tensor.shape[2:]:
        field *= size
    return tensor.shape[1] * field, tensor.shape[0] * field


def _calculate_correct_fan(tensor, mode):
    mode = mode.lower()
    modes = ["fan_in", "fan_out"]
    if mode not in modes:
        raise ValueError(f"Mode {mode} not supported, please use one of {modes}")
    return _calculate_fan_in_and_fan_out(tensor)[modes.index(mode)]


def xavier_uniform_(tensor, gain=1.0, generator=None):
    """Fill a tensor with Glorot's uniform numbers."""
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    std = gain * math.sqrt(2.0 / float(fan_in + fan_out))
    bound = math.sqrt(3.0) * std
    return _no_grad_uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor, gain=1.0, generator=None):
    """Fill a tensor with Glorot's normal numbers."""
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    std = gain * math.sqrt(2.0 / float(fan_in + fan_out))
    return _no_grad_normal_(tensor, 0.0, std, generator)


def _kaiming_std(tensor, a, mode, nonlinearity):
    """Return the standard deviation, or None for an empty tensor."""
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return None
    return calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode))


def kaiming_uniform_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu", generator=None):
    """Fill a tensor with He's uniform numbers."""
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    if std is None:
        return tensor
    bound = math.sqrt(3.0) * std
    return _no_grad_uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu", generator=None):
    """Fill a tensor with He's normal numbers."""
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    return tensor if std is None else _no_grad_normal_(tensor, 0, std, generator)


def orthogonal_(tensor, gain=1, generator=None):
    """Fill a tensor, as a matrix of its first dimension, with orthogonal rows or columns."""
    if tensor.ndimension() < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.numel() == 0:
        return tensor
    rows = tensor.shape[0]
    kind = filling.floating_kind_of("orthogonal_", tensor.dtype, "normal_kernel_cpu")
    source = generator_of("orthogonal_", generator)
    with source.lock:
        matrix = sampling.normal(source.stream, tensor.numel(), kind.array)
    matrix = matrix.astype(np.float64).reshape(rows, -1)
    is_wide = rows < matrix.shape[1]
    q, r = np.linalg.qr(matrix.T if is_wide else matrix)
    q *= np.sign(np.diag(r))
    values = filling.from_doubles(q.T if is_wide else q, kind).astype(np.float64) * gain
    return _put(tensor, values.reshape(tuple(tensor.shape)))


def sparse_(tensor, sparsity, std=0.01, generator=None):
    """Fill a matrix with normal numbers, a fraction of each column being zero."""
    if tensor.ndimension() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    with flow.no_grad():
        tensor.normal_(0, std, generator=generator)
    values = tensor.detach().cpu().numpy().astype(np.float64)
    source = generator_of("sparse_", None)
    with source.lock:
        for column in range(columns):
            values[sampling.permutation(source.stream, rows)[:zeros], column] = 0
    return _put(tensor, values)


def _make_deprecate(meth):
    new_name = meth.__name__
    old_name = new_name[:-1]

    def deprecated_init(*args, **kwargs):
        warnings.warn(
            f"`nn.init.{old_name}` is now deprecated in favor of `nn.init.{new_name}`.",
            FutureWarning,
            stacklevel=2,
        )
        return meth(*args, **kwargs)

    deprecated_init.__doc__ = f"The old name of {new_name}."
    deprecated_init.__name__ = deprecated_init.__qualname__ = old_name
    return deprecated_init


uniform = _make_deprecate(uniform_)
normal = _make_deprecate(normal_)
constant = _make_deprecate(constant_)
eye = _make_deprecate(eye_)
dirac = _make_deprecate(dirac_)
xavier_uniform = _make_deprecate(xavier_uniform_)
xavier_normal = _make_deprecate(xavier_normal_)
kaiming_uniform = _make_deprecate(kaiming_uniform_)
kaiming_normal = _make_deprecate(kaiming_normal_)
orthogonal = _make_deprecate(orthogonal_)
sparse = _make_deprecate(sparse_)

"""Discrete Fourier transforms of tensors, by SciPy's pocketfft on the host.

The three that PyTorch's transforms are made of (``aten/src/ATen/native/SpectralOps.cpp``): complex
to complex, real to complex, complex to real; each over dimensions, scaled, differentiable as often
as one likes.
"""

from __future__ import annotations

import numpy as np
import oneflow as flow
import torch

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import dtypes, host

#: A sum over n points, that divided by the root of n, and by n.
PLAIN, ROOT, MEAN = "backward", "ortho", "forward"
_INVERSE = {PLAIN: MEAN, ROOT: ROOT, MEAN: PLAIN}
#: Below this many elements a second thread costs more than it gives.
_THREADED = 1 << 15


def _transform(name, tensor, dims, scale, **options):
    """Return what a function of scipy.fft gives; it names the scale of an inverse the other way."""
    from scipy import fft

    hooks.host_fallback(f"torch.fft.{name}")
    array = host.array(tensor)
    if array.size == 0:
        return array
    workers = torch.get_num_threads() if array.size > _THREADED else 1
    norm = _INVERSE[scale] if name.startswith("i") else scale
    return getattr(fft, name)(array, axes=dims, norm=norm, workers=workers, **options)


def _tensor(array, like):
    return torch.from_numpy(np.ascontiguousarray(array)).to(like.device)


class _ComplexToComplex(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, dims, scale, is_forward):
        ctx.how = dims, scale, is_forward
        return _tensor(_transform("fftn" if is_forward else "ifftn", input, dims, scale), input)

    @staticmethod
    def backward(ctx, grad):
        dims, scale, is_forward = ctx.how
        return complex_to_complex(grad, dims, scale, not is_forward), None, None, None


class _RealToComplex(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, dims, scale, onesided):
        ctx.how = dims, scale, input.shape[dims[-1]] if onesided else None
        if onesided:
            return _tensor(_transform("rfftn", input, dims, scale), input)
        made = _transform("fftn", input, dims, scale)
        return _tensor(made.astype(np.result_type(made, np.complex64), copy=False), input)

    @staticmethod
    def backward(ctx, grad):
        dims, scale, size = ctx.how
        if size is not None:
            grad = resized(grad, dims[-1:], (size,))
        return complex_to_complex(grad, dims, scale, False).real, None, None, None


class _ComplexToReal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, dims, scale, last):
        ctx.how = dims, scale
        others = [input.shape[dim] for dim in dims[:-1]]
        return _tensor(_transform("irfftn", input, dims, scale, s=(*others, last)), input)

    @staticmethod
    def backward(ctx, grad):
        dims, scale = ctx.how
        answer = real_to_complex(grad, dims, scale, True)
        half = answer.shape[dims[-1]]
        # Every number but the first, and the middle of an even size, stands for its conjugate too.
        shape = [1] * answer.ndim
        shape[dims[-1]] = half
        weight = flow.ones(shape, dtype=grad.dtype, device=grad.device)
        weight.narrow(dims[-1], 1, grad.shape[dims[-1]] - half).fill_(2)
        return answer * weight, None, None, None


def complex_to_complex(input, dims, scale, is_forward=True):
    """Return the transform of a complex tensor over dims; the inverse's exponent is positive."""
    if not dims:
        return input.clone()
    return _ComplexToComplex.apply(input, tuple(dims), scale, is_forward)


def real_to_complex(input, dims, scale, onesided):
    """Return the transform of a real tensor, of the last dim only the half that tells it all."""
    if not dims:
        return input.to(dtypes.to_complex(input.dtype))
    return _RealToComplex.apply(input, tuple(dims), scale, onesided)


def complex_to_real(input, dims, scale, last):
    """Return the inverse of a one-sided transform, ``last`` numbers in its last dim."""
    return _ComplexToReal.apply(input, tuple(dims), scale, last)


def resized(input, dims, sizes):
    """Return a tensor cut, or filled up with zeros, to sizes of dims."""
    for dim, size in zip(dims, sizes):
        missing = size - input.shape[dim]
        if missing < 0:
            input = input.narrow(dim, 0, size)
        elif missing > 0:
            shape = list(input.shape)
            shape[dim] = missing
            nothing = flow.zeros(shape, dtype=input.dtype, device=input.device)
            input = flow.cat([input, nothing], dim)
    return input

"""Functions of one tensor, element by element (ATen's ``UnaryOps.cpp``)."""

import math

import numpy as np
import oneflow as flow
import torch

from oneflow_mock.compat.kernels.host_functions import computed, differentiable
from oneflow_mock.compat.kernels.operands import floating, integral, written, zero_gradient


def _scipy(name):
    def compute(*arrays):
        from scipy import special

        return getattr(special, name)(*arrays)

    return compute


def acos(input, *, out=None):
    """Return the inverse cosine (torch.acos)."""
    return written(flow.acos(floating(input)), out)


arccos = acos


def cosh(input, *, out=None):
    """Return the hyperbolic cosine (torch.cosh)."""
    return written(flow.cosh(floating(input)), out)


def erfinv(input, *, out=None):
    """Return the inverse of the error function (torch.erfinv)."""
    return written(_erfinv(floating(input)), out)


def _erfinv_slope(x):
    return math.sqrt(math.pi) / 2 * torch.exp(torch.square(torch.erfinv(x)))


def _inverse(x):
    from scipy import special

    return np.where(x == 0, x, special.erfinv(x))


_erfinv = differentiable("erfinv", _inverse, _erfinv_slope)


def lgamma(input, *, out=None):
    """Return the logarithm of the gamma function's magnitude (torch.lgamma)."""
    return written(_lgamma(floating(input)), out)


_lgamma = differentiable("lgamma", _scipy("gammaln"), lambda x: digamma(x))


def digamma(input, *, out=None):
    """Return the logarithmic derivative of the gamma function (torch.digamma)."""
    return written(_digamma(floating(input)), out)


def _psi(x):
    from scipy import special

    answer = special.psi(x)
    answer = np.where((x < 0) & (x == np.floor(x)), np.nan, answer)
    return np.where(x == 0, np.copysign(np.inf, -x), answer)


_digamma = differentiable("digamma", _psi, lambda x: polygamma(1, x))


def polygamma(n, input, *, out=None):
    """Return the n-th derivative of digamma (torch.polygamma)."""
    if isinstance(n, flow.Tensor):  # as a method: the tensor comes first
        n, input = input, n
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    if n == 0:
        return digamma(input, out=out)
    return written(_polygamma(n)(floating(input)), out)


def _polygamma(n):
    def compute(x):
        from scipy import special

        sign = 1.0 if n % 2 else -1.0
        if n == 1:
            answer = _trigamma(x)
        else:
            wide = x.astype(np.float64)
            answer = sign * special.gamma(n + 1.0) * special.zeta(n + 1.0, wide)
        return answer

    return differentiable("polygamma", compute, lambda x: polygamma(n + 1, x))


def _trigamma(x):
    # PyTorch's own series, in the precision of the input as there.
    kind = x.dtype.type
    pi = kind(math.pi)
    reflected = x < 0.5
    sine = np.sin(pi * x)
    result = np.where(reflected, -(pi * pi) / (sine * sine), kind(0))
    x = np.where(reflected, kind(1) - x, x)
    for _ in range(6):
        result = result + kind(1) / (x * x)
        x = x + kind(1)
    square = kind(1) / (x * x)
    series = kind(1 / 6) - square * (kind(1 / 30) - square * kind(1 / 42))
    result = result + (kind(1) + kind(1) / (kind(2) * x) + square * series) / x
    return np.where(reflected, -result, result)


def mvlgamma(input, p, *, out=None):
    """Return the multivariate log-gamma function with dimension p (torch.mvlgamma)."""
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    steps = torch.arange(1 - p, 1, dtype=torch.float64) * 0.5
    input = floating(input)
    terms = lgamma(input.unsqueeze(-1) + steps.to(input.dtype))
    return written(terms.sum(dim=-1) + p * (p - 1) * 0.25 * math.log(math.pi), out)


def i0(input, *, out=None):
    """Return the modified Bessel function of the first kind, order 0 (torch.i0)."""
    return written(_i0(floating(input)), out)


_i1 = differentiable("i1", _scipy("i1"), lambda x: torch.i0(x) - _i1(x) / x)
_i0 = differentiable("i0", _scipy("i0"), lambda x: _i1(x))


def logit(input, eps=None, *, out=None):
    """Return log(p / (1 - p)), p held within [eps, 1 - eps] where told (torch.logit)."""
    input = floating(input)
    if eps is None:
        answer = torch.log(input / (1 - input))
        outside = (input < 0) | (input > 1)
        answer = torch.where(outside, torch.full_like(answer, math.nan), answer)
    else:
        held = torch.clamp(input, eps, 1 - eps)
        answer = torch.log(held / (1 - held))
    return written(answer, out)


def angle(input, *, out=None):
    """Return the angle of numbers in the plane: π below zero (torch.angle)."""
    input = floating(input)
    if input.is_complex():
        return written(torch.atan2(input.imag, input.real), out)
    flat = torch.where(input < 0, torch.full_like(input, math.pi), torch.zeros_like(input))
    answer = torch.where(torch.isnan(input), input, flat)
    if flow.is_grad_enabled() and input.requires_grad:
        answer = answer + torch.where(torch.isfinite(input), input, torch.zeros_like(input)) * 0
    return written(answer, out)


def signbit(input, *, out=None):
    """Tell whether a number's sign is minus, of -0 as well (torch.signbit)."""
    if input.is_floating_point():
        answer = (input < 0) | ((input == 0) & (1 / input.detach() < 0))
    elif input.dtype == flow.bool or not input.dtype.is_signed:
        answer = torch.zeros_like(input).to(flow.bool)
    else:
        answer = input < 0
    return written(answer, out)


def isposinf(input, *, out=None):
    """Tell which elements are plus infinity (torch.isposinf)."""
    return written(_is(input, math.inf), out)


def isneginf(input, *, out=None):
    """Tell which elements are minus infinity (torch.isneginf)."""
    return written(_is(input, -math.inf), out)


def _is(input, value):
    if not input.is_floating_point():
        return torch.zeros_like(input).to(flow.bool)
    return input.detach() == value


def isfinite(input):
    """Tell which elements are neither infinite nor NaN (torch.isfinite)."""
    if integral(input):
        return torch.ones_like(input).to(flow.bool)
    return input.detach().abs() < math.inf


def isreal(input):
    """Tell which elements are real: all but those with an imaginary part (torch.isreal)."""
    if input.is_complex():
        return input.detach().imag == 0
    return torch.ones_like(input.detach()).to(flow.bool)


def conj_physical(input, *, out=None):
    """Return the conjugate: of a real tensor, itself (torch.conj_physical)."""
    return written(input.conj(), out)


def frexp(input, *, out=None):
    """Return mantissas in [0.5, 1) and int32 exponents (torch.frexp)."""
    if not input.is_floating_point():
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    from torch.return_types import frexp as named

    exponent = computed("frexp", lambda x: np.frexp(x)[1], input).to(flow.int32)
    # Two steps, so that neither factor is out of range.
    half = torch.div(exponent, 2, rounding_mode="floor")
    two = torch.full_like(input.detach(), 2.0)
    mantissa = input * two ** (-half).to(input.dtype) * two ** (half - exponent).to(input.dtype)
    return written(named((mantissa, exponent)), out)


def floor(input, *, out=None):
    """Round towards minus infinity (torch.floor)."""
    return written(flow.floor(input) if input.is_floating_point() else input.clone(), out)


def ceil(input, *, out=None):
    """Round towards plus infinity (torch.ceil)."""
    return written(flow.ceil(input) if input.is_floating_point() else input.clone(), out)


def fill(input, value):
    """Return a tensor like the input with one value everywhere (torch.fill)."""
    answer = torch.zeros_like(input.detach())
    if not isinstance(value, flow.Tensor):
        return zero_gradient(answer.fill_(value) if answer.numel() else answer, input)
    if value.ndim:
        raise RuntimeError(
            "fill only supports 0-dimension value tensor but got tensor with "
            f"{value.ndim} dimensions."
        )
    return zero_gradient(answer + value.to(input.dtype), input)

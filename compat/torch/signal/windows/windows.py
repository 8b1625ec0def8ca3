"""Window functions: a tensor of M numbers, symmetric, or periodic where ``sym`` is false.

Follows https://pytorch.org/docs/stable/signal.html. The options of all are those of functions that
make tensors: dtype (float32 or float64), layout, device, requires_grad. ValueError for a negative
length, another layout or dtype, and for parameters out of their range.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch

__all__ = [
    "bartlett",
    "blackman",
    "cosine",
    "exponential",
    "gaussian",
    "general_cosine",
    "general_hamming",
    "hamming",
    "hann",
    "kaiser",
    "nuttall",
]


class _Grid:
    """Where a window of some length is sampled."""

    def __init__(
        self, api, M, sym, dtype=None, layout=torch.strided, device=None, requires_grad=False
    ) -> None:
        dtype = torch.get_default_dtype() if dtype is None else dtype
        if M < 0:
            raise ValueError(f"{api} requires non-negative window length, got M={M}")
        if layout is not torch.strided:
            raise ValueError(f"{api} is implemented for strided tensors only, got: {layout}")
        if dtype not in (torch.float32, torch.float64):
            raise ValueError(f"{api} expects float32 or float64 dtypes, got: {dtype}")
        self.count = M
        #: The points of a period.
        self.span = M if M > 1 and not sym else M - 1
        self.options = {"dtype": dtype, "device": device, "requires_grad": requires_grad}

    def evenly(self, start, step):
        """Return start, start + step, …, one number per point."""
        end = start + (self.count - 1) * step
        return torch.linspace(start, end, self.count, **self.options)

    def trivial(self):
        """Return the window of no point or of one; None for longer ones."""
        if self.count > 1:
            return None
        return torch.ones(self.count, **self.options)


def exponential(M, *, center=None, tau=1.0, sym=True, **options):
    """Return exp(-|n - center| / tau)."""
    grid = _Grid("exponential", M, sym, **options)
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    if M == 0:
        return grid.trivial()
    center = grid.span / 2.0 if center is None else center
    return torch.exp(-torch.abs(grid.evenly(-center / tau, 1 / tau)))


def cosine(M, *, sym=True, **options):
    """Return sin(pi (n + 1/2) / M)."""
    grid = _Grid("cosine", M, sym, **options)
    if M == 0:
        return grid.trivial()
    step = math.pi / (grid.span + 1)
    return torch.sin(grid.evenly(0.5 * step, step))


def gaussian(M, *, std=1.0, sym=True, **options):
    """Return exp(-(n - middle)² / (2 std²))."""
    grid = _Grid("gaussian", M, sym, **options)
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    if M == 0:
        return grid.trivial()
    step = 1 / (std * math.sqrt(2))
    return torch.exp(-(grid.evenly(-grid.span / 2.0 * step, step) ** 2))


def kaiser(M, *, beta=12.0, sym=True, **options):
    """Return I0(beta sqrt(1 - x²)) / I0(beta), x from -1 to 1."""
    grid = _Grid("kaiser", M, sym, **options)
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    trivial = grid.trivial()
    if trivial is not None:
        return trivial
    k = grid.evenly(-float(beta), 2.0 * beta / grid.span)
    scale = torch.tensor(float(beta), dtype=k.dtype, device=k.device)
    inside = torch.clamp(beta * beta - k * k, min=0)
    return torch.i0(torch.sqrt(inside)) / torch.i0(scale)


def hamming(M, *, sym=True, **options):
    """Return `general_hamming` of 0.54."""
    return general_hamming(M, sym=sym, **options)


def hann(M, *, sym=True, **options):
    """Return `general_hamming` of 0.5."""
    return general_hamming(M, alpha=0.5, sym=sym, **options)


def blackman(M, *, sym=True, **options):
    """Return the cosines of 0.42, 0.5, 0.08."""
    _Grid("blackman", M, sym, **options)
    return general_cosine(M, a=[0.42, 0.5, 0.08], sym=sym, **options)


def bartlett(M, *, sym=True, **options):
    """Return the triangle that is 0 at both ends."""
    grid = _Grid("bartlett", M, sym, **options)
    trivial = grid.trivial()
    if trivial is not None:
        return trivial
    return 1 - torch.abs(grid.evenly(-1.0, 2 / grid.span))


def general_cosine(M, *, a, sym=True, **options):
    """Return the sum of (-1)^i a[i] cos(2 pi i n / (M - 1))."""
    grid = _Grid("general_cosine", M, sym, **options)
    trivial = grid.trivial()
    if trivial is not None:
        return trivial
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    if not a:
        raise ValueError("Coefficients cannot be empty")
    k = grid.evenly(0.0, 2 * math.pi / grid.span)
    window = torch.zeros_like(k)
    for i, weight in enumerate(a):
        window = window + (-1) ** i * weight * torch.cos(i * k)
    return window


def general_hamming(M, *, alpha=0.54, sym=True, **options):
    """Return alpha - (1 - alpha) cos(2 pi n / (M - 1))."""
    return general_cosine(M, a=[alpha, 1.0 - alpha], sym=sym, **options)


def nuttall(M, *, sym=True, **options):
    """Return the cosines of Nuttall's four-term window of least sidelobes."""
    a = [0.3635819, 0.4891775, 0.1365995, 0.0106411]
    return general_cosine(M, a=a, sym=sym, **options)

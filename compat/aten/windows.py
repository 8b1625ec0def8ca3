"""Window functions (``aten/src/ATen/native/TensorFactories.cpp``): a tensor of some length.

``periodic`` ones lack the last point of a symmetric window that is one longer. RuntimeError for a
negative length, a layout that is not strided and a dtype that is not of floating point.
"""

import math

import oneflow as flow
import torch

from oneflow_mock.compat.kernels import dtypes


def _window(name, window_length, periodic, compute, dtype, layout, device, requires_grad):
    """Return ``compute(n, last)`` of the points n = 0, 1, …, last."""
    if not hasattr(window_length, "__index__"):
        raise TypeError(
            f"{name}(): argument 'window_length' (position 1) must be int, not "
            f"{type(window_length).__name__}"
        )
    dtype = flow.get_default_dtype() if dtype is None else dtype
    if layout is not None and layout is not torch.strided:
        raise RuntimeError(f"{name} is not implemented for sparse types, got: {layout}")
    if dtype.is_complex:
        scalar = dtypes.traits(dtype).scalar
        raise NotImplementedError(f"\"arange_cpu\" not implemented for '{scalar}'")
    if not dtype.is_floating_point:
        raise RuntimeError(f"{name} expects floating point dtypes, got: {dtype}")
    if window_length < 0:
        raise RuntimeError(
            f"{name} requires non-negative window_length, got window_length={window_length}"
        )
    if window_length <= 1:
        window = torch.ones(window_length, dtype=dtype, device=device)
    else:
        last = window_length if periodic else window_length - 1
        is_half = dtype in (flow.float16, flow.bfloat16)
        n = torch.arange(window_length, dtype=flow.float32 if is_half else dtype, device=device)
        window = compute(n, last).to(dtype)
    return window.requires_grad_() if requires_grad else window


def _named(name, compute):
    def function(
        window_length,
        periodic=True,
        *,
        dtype=None,
        layout=None,
        device=None,
        pin_memory=False,
        requires_grad=False,
    ):
        return _window(name, window_length, periodic, compute, dtype, layout, device, requires_grad)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Return a window. See torch.{name}."
    return function


def _cosines(n, last, *weights):
    """Return the sum of alternating cosines of 0, 1, … turns."""
    window = flow.full_like(n, weights[0])
    for turns, weight in enumerate(weights[1:], 1):
        sign = -1.0 if turns % 2 else 1.0
        window = window + sign * weight * flow.cos(n * (2.0 * math.pi * turns / last))
    return window


bartlett_window = _named("bartlett_window", lambda n, last: 1 - (n * (2.0 / last) - 1).abs())
blackman_window = _named("blackman_window", lambda n, last: _cosines(n, last, 0.42, 0.5, 0.08))
hann_window = _named("hann_window", lambda n, last: _cosines(n, last, 0.5, 0.5))


def hamming_window(
    window_length,
    periodic=True,
    alpha=0.54,
    beta=0.46,
    *,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
):
    """Return alpha - beta cos(2 pi n / last)."""
    return _window(
        "hamming_window",
        window_length,
        periodic,
        lambda n, last: _cosines(n, last, alpha, beta),
        dtype,
        layout,
        device,
        requires_grad,
    )


def kaiser_window(
    window_length,
    periodic=True,
    beta=12.0,
    *,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
):
    """Return I0(beta sqrt(1 - x²)) / I0(beta), x from -1 to 1."""
    return _window(
        "kaiser_window",
        window_length,
        periodic,
        lambda n, last: _kaiser(n, last, beta),
        dtype,
        layout,
        device,
        requires_grad,
    )


def _kaiser(n, last, beta):
    x = n * (2.0 / last) - 1
    inside = torch.clamp(1 - x * x, min=0)
    return torch.i0(beta * flow.sqrt(inside)) / torch.i0(flow.full_like(n[:1], beta))

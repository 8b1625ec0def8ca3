"""Elementwise functions that SciPy has and OneFlow lacks, on the host, with PyTorch's derivatives.

float32 is computed in float64 and rounded once.
"""

from __future__ import annotations

import numpy as np
import oneflow as flow
import torch

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import host

_HALVES = {flow.float16: "Half", flow.bfloat16: "BFloat16"}


def floating(tensor):
    """Return a tensor in floating point: integers in the default dtype."""
    return tensor if tensor.is_floating_point() else tensor.to(flow.get_default_dtype())


def _computed(values, *tensors):
    """Return values(arrays), rounded to the first tensor's dtype."""
    like = tensors[0]
    arrays = [host.array(one.detach()).astype(np.float64) for one in tensors]
    with np.errstate(all="ignore"):
        answer = np.array(values(*arrays), np.float64, order="C")
    if answer.ndim == 0:
        made = flow.tensor(float(answer), dtype=flow.float64)
        return made.to(like.device, like.dtype)
    if not answer.size:
        return flow.zeros(answer.shape, dtype=like.dtype, device=like.device)
    if like.dtype != flow.float64:
        answer = answer.astype(np.float32)
    return flow.from_numpy(answer).to(like.device, like.dtype)


class _Unary(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, values, slope):
        """Return values(x)."""
        answer = _computed(values, input)
        ctx.save_for_backward(input, answer)
        ctx.slope = slope
        return answer

    @staticmethod
    def backward(ctx, grad):
        """Return the derivative, which slope(x, values(x)) gives."""
        return grad * ctx.slope(*ctx.saved_tensors), None, None


class _Binary(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, other, values, slopes):
        """Return values(a, b) of tensors of one shape and dtype."""
        ctx.save_for_backward(input, other)
        ctx.slopes = slopes
        return _computed(values, input, other)

    @staticmethod
    def backward(ctx, grad):
        """Return the derivatives, which the slopes give."""
        found = [
            grad * slope(*ctx.saved_tensors) if needed else None
            for slope, needed in zip(ctx.slopes, ctx.needs_input_grad)
        ]
        return (*found, None, None)


def unary(name, values, slope=None, halves=False, doc=""):
    """Return an operator of one tensor; without a slope it has no gradient.

    ``values`` gives the name of SciPy's function, or computes an array.
    """

    def operator(input, *, out=None):
        if not isinstance(input, flow.Tensor):
            raise TypeError(
                f"special_{name}(): argument 'input' (position 1) must be Tensor, "
                f"not {type(input).__name__}"
            )
        if input.dtype in _HALVES and not halves:
            raise NotImplementedError(
                f"\"{name}_cpu\" not implemented for '{_HALVES[input.dtype]}'"
            )
        hooks.host_fallback(f"torch.special.{name}")
        compute = _scipy(values) if isinstance(values, str) else values
        if slope is None:
            answer = _computed(compute, floating(input))
        else:
            answer = _Unary.apply(floating(input), compute, slope)
        return answer if out is None else out.copy_(answer)

    return _named(operator, name, doc)


def _scipy(name):
    import scipy.special  # takes a while

    return getattr(scipy.special, name)


def scipy(name):
    """Return a function that asks SciPy for its own, when it is called."""
    return lambda *arrays: _scipy(name)(*arrays)


def pair(name, input, other):
    """Return two operands as tensors of one shape and dtype; TypeError for two numbers."""
    if not isinstance(input, flow.Tensor) and not isinstance(other, flow.Tensor):
        raise TypeError(
            f"special_{name}() received an invalid combination of arguments - got "
            f"({type(input).__name__}, {type(other).__name__}), but expected a Tensor among them"
        )
    tensors = [one for one in (input, other) if isinstance(one, flow.Tensor)]
    dtype = tensors[0].dtype
    if len(tensors) == 2:
        dtype = torch.result_type(*tensors)
    if not flow.zeros((), dtype=dtype).is_floating_point():
        dtype = flow.get_default_dtype()
    input, other = (
        one.to(dtype)
        if isinstance(one, flow.Tensor)
        else flow.tensor(float(one), dtype=dtype, device=tensors[0].device)
        for one in (input, other)
    )
    return torch.broadcast_tensors(input, other)


def binary(name, values, slopes=None, doc="", tensors=False):
    """Return an operator of two tensors, or a tensor and a number; without slopes no gradient."""

    def operator(input, other, *, out=None):
        if tensors:
            for place, one in enumerate((input, other)):
                if not isinstance(one, flow.Tensor):
                    raise TypeError(
                        f"special_{name}(): argument '{('input', 'other')[place]}' (position "
                        f"{place + 1}) must be Tensor, not {type(one).__name__}"
                    )
        input, other = pair(name, input, other)
        if input.dtype in _HALVES:
            raise NotImplementedError(
                f"\"{name}_cpu\" not implemented for '{_HALVES[input.dtype]}'"
            )
        hooks.host_fallback(f"torch.special.{name}")
        if slopes is None:
            answer = _computed(values, input, other)
        else:
            answer = _Binary.apply(input, other, values, slopes)
        return answer if out is None else out.copy_(answer)

    return _named(operator, name, doc)


def unknown(name, argument):
    """Return the slope of an argument that PyTorch has no derivative for, either."""

    def slope(*tensors):
        raise NotImplementedError(f"the derivative for '{name}: {argument}' is not implemented.")

    return slope


def _named(operator, name, doc):
    operator.__name__ = operator.__qualname__ = name
    operator.__module__ = "torch.special"
    operator.__doc__ = doc
    return operator


def polynomial(name, first, step, doc, most=None):
    """Return an orthogonal polynomial as an operator of x and the degree n, 0 below degree 0.

    Degree 1 is ``first(x)``, k + 1 is ``step(k, x, Pₖ, Pₖ₋₁)``. Above ``most(dtype)`` it is NaN.
    """

    def operator(x, n, *, out=None):
        x, n = pair(name, x, n)
        limit = most(x.dtype) if most else None

        def values(places, degrees):
            degrees = np.trunc(degrees)
            answer = np.where(degrees == 0, 1.0, 0.0)
            before, now = np.ones_like(places), first(places)
            finite = degrees[np.isfinite(degrees)]
            top = int(finite.max()) if finite.size else 0
            for degree in range(1, (top if limit is None else min(top, limit)) + 1):
                answer = np.where(degrees == degree, now, answer)
                before, now = now, step(degree, places, now, before)
            return answer if limit is None else np.where(degrees > limit, np.nan, answer)

        hooks.host_fallback(f"torch.special.{name}")
        answer = _computed(values, x, n)
        return answer if out is None else out.copy_(answer)

    return _named(operator, name, doc)

"""float16 and bfloat16 as PyTorch computes them on a CPU: in float32, each operator rounding once.

A gradient that PyTorch has as one kernel rounds once, too; one that it takes by several operators
rounds after each of them.
"""

from __future__ import annotations

import functools

import oneflow as flow

from oneflow_mock.compat.kernels.operands import written

HALVES = (flow.float16, flow.bfloat16)


def is_half(value):
    """Tell whether a value is a tensor of float16 or bfloat16."""
    return isinstance(value, flow.Tensor) and value.dtype in HALVES


def wide(value):
    """Return a tensor of halves in float32, and anything else as it is."""
    return value.to(flow.float32) if is_half(value) else value


def rounded_once(function):
    """Return an operator whose halves are computed in float32 throughout, gradients as well.

    ``out`` is written here; the answer has the first tensor's dtype.
    """

    @functools.wraps(function)
    def operator(input, *args, **kwargs):
        if not is_half(input):
            return function(input, *args, **kwargs)
        out = kwargs.pop("out", None)
        kwargs = {name: wide(value) for name, value in kwargs.items()}
        answer = function(wide(input), *map(wide, args), **kwargs)
        return written(_narrow(answer, input.dtype), out)

    return operator


def _narrow(answer, dtype):
    if isinstance(answer, tuple):
        kept = [_narrow(one, dtype) for one in answer]
        return tuple(kept) if type(answer) is tuple else type(answer)(kept)
    return answer.to(dtype) if answer.dtype is flow.float32 else answer


def stepped(forward, *gradients, steps=False):
    """Return a function of tensors of one half dtype and shape, then numbers.

    ``forward`` is computed in float32 and rounded, with ``steps`` in the halves themselves. A
    gradient is called with the outgoing one, the answer and what the function was called with.
    """
    made: list = []

    def compute(values):
        if steps:
            return forward(*values)
        dtype = values[0].dtype
        return forward(*map(wide, values)).to(dtype)

    def call(*values):
        tensors = [one for one in values if isinstance(one, flow.Tensor)]
        if not (flow.is_grad_enabled() and any(one.requires_grad for one in tensors)):
            return compute(values)
        if not made:
            made.append(_function(compute, gradients))
        return made[0].apply(*values)

    return call


def _function(compute, gradients):
    import torch

    class Stepped(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *values):
            answer = compute(values)
            ctx.is_tensor = [isinstance(one, flow.Tensor) for one in values]
            ctx.others = [one for one in values if not isinstance(one, flow.Tensor)]
            ctx.save_for_backward(answer, *(one for one in values if isinstance(one, flow.Tensor)))
            return answer

        @staticmethod
        def backward(ctx, grad):
            answer, *tensors = ctx.saved_tensors
            left, others = iter(tensors), iter(ctx.others)
            values = [next(left if tensor else others) for tensor in ctx.is_tensor]
            found = [
                gradient(grad, answer, *values) if needed and gradient is not None else None
                for gradient, needed in zip(gradients, ctx.needs_input_grad)
            ]
            found += [None] * (len(values) - len(found))
            return found[0] if len(found) == 1 else tuple(found)

    return Stepped


def norm_gradient(grad, norm, x, p, dims):
    """Return a norm's gradient by the operators that PyTorch takes it by."""
    import torch

    def kept(values):
        return torch.where(norm == 0, torch.zeros_like(values), values)

    if p == 0:
        return torch.zeros_like(x)
    if p == 1:
        return torch.sign(x) * grad
    if p == 2:
        found = x / norm
        return grad * torch.where(norm == 0, torch.zeros_like(found), found)
    size = x.abs()
    if p in (float("inf"), -float("inf")):
        mask = (size == norm) | torch.isnan(size)
        count = mask.to(x.dtype).sum(dim=dims, keepdim=True)
        return torch.sign(x) * ((grad / count) * mask.to(x.dtype))
    if p < 1:
        power = torch.pow(size, p - 1)
        power = torch.where(x == 0, torch.zeros_like(power), power)
        return torch.sign(x) * power * grad * torch.pow(norm, 1 - p)
    scale = kept(grad / torch.pow(norm, p - 1))
    if p < 2:
        return torch.sign(x) * torch.pow(size, p - 1) * scale
    return x * torch.pow(size, p - 2) * scale


def _norm(x, p, dims):
    import torch

    return torch.linalg.vector_norm(x, p, dims, True)


_stepped_norm = stepped(_norm, norm_gradient)


def vector_norm(x, p, dims, keepdim):
    """Return the p-norms of halves over dimensions (a list); none of the sizes is 0."""
    answer = _stepped_norm(x, p, dims)
    if keepdim:
        return answer
    return answer.reshape([size for place, size in enumerate(x.shape) if place not in dims])


def _variance(x, dims, correction):
    import torch

    return torch.var(x, dims, keepdim=True, correction=correction)


def _deviation(x, dims, correction):
    import torch

    return torch.std(x, dims, keepdim=True, correction=correction)


def _variance_gradient(grad, answer, x, dims, correction):
    count = 1
    for dim in dims:
        count *= x.shape[dim]
    factor = 2.0 / (count - correction) if count > correction else float("inf")
    return factor * grad * (x - x.mean(dim=dims, keepdim=True))


def _deviation_gradient(grad, answer, x, dims, correction):
    import torch

    slope = grad / (answer * 2)
    slope = torch.where(answer == 0, torch.zeros_like(slope), slope)
    return _variance_gradient(slope, answer, x, dims, correction)


_stepped_variance = stepped(_variance, _variance_gradient)
_stepped_deviation = stepped(_deviation, _deviation_gradient)


def spread_over(x, dims, correction, keepdim, root):
    """Return the variances of halves over dimensions (a list), or with ``root`` the deviations."""
    answer = (_stepped_deviation if root else _stepped_variance)(x, dims, correction)
    if keepdim:
        return answer
    return answer.reshape([size for place, size in enumerate(x.shape) if place not in dims])

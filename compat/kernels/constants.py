"""Results that do not depend on what they were computed from, though autograd asks them."""

from __future__ import annotations

import oneflow as flow
import torch


class _Constant(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values, *sources):
        """Return the values."""
        ctx.save_for_backward(*sources)
        return values.clone()

    @staticmethod
    def backward(ctx, grad):
        """Return zeros for the sources."""
        return (None, *[flow.zeros_like(source) for source in ctx.saved_tensors])


def constant(values, *sources):
    """Return a tensor whose gradients with respect to the sources are 0."""
    return _Constant.apply(values.detach(), *sources)


def empty(shape, *sources):
    """Return an empty tensor like the first source, whose gradients are 0."""
    like = sources[0]
    return constant(flow.zeros(tuple(shape), dtype=like.dtype, device=like.device), *sources)

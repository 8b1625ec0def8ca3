"""Functions of one or two tensors that SciPy or NumPy computes, with gradients of tensors."""

from __future__ import annotations

import numpy as np
import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import host
from oneflow_mock.compat.kernels.operands import spread


def computed(api, compute, *tensors):
    """Return what a function of arrays gives for tensors' values, in the first one's dtype."""
    hooks.host_fallback(f"torch.{api}")
    first = tensors[0]
    dtype = first.dtype
    arrays = [
        host.array(tensor.to(flow.float32) if dtype == flow.float16 else tensor.detach())
        for tensor in tensors
    ]
    with np.errstate(all="ignore"):
        answer = np.asarray(compute(*arrays))
    if answer.dtype != np.bool_:
        answer = answer.astype(arrays[0].dtype, copy=False)
    made = host.tensor(answer).to(first.device)
    return made.to(dtype) if made.dtype is not dtype and answer.dtype != np.bool_ else made


def differentiable(api, compute, *derivatives):
    """Return a function of tensors of one dtype whose gradients are functions of tensors.

    A derivative is called with the inputs; None where PyTorch has none either.
    """
    made: list = []

    def call(*tensors):
        tensors = spread(*tensors)
        if not (flow.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)):
            return computed(api, compute, *tensors)
        if not made:
            made.append(_function(api, compute, derivatives))
        return made[0].apply(*tensors)

    return call


def _function(api, compute, derivatives):
    import torch

    class Computed(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *tensors):
            ctx.save_for_backward(*tensors)
            return computed(api, compute, *tensors)

        @staticmethod
        def backward(ctx, grad):
            tensors = ctx.saved_tensors
            answers = []
            for derivative, needed in zip(derivatives, ctx.needs_input_grad):
                if needed and derivative is None:
                    raise NotImplementedError(
                        f"the derivative for '{api}: input' is not implemented"
                    )
                answers.append(grad * derivative(*tensors) if needed else None)
            return answers[0] if len(answers) == 1 else tuple(answers)

    return Computed

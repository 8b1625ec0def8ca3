"""torch.optim._muon: steps of nearly orthogonal matrices."""

import math

import oneflow as flow
import torch
from torch.optim.optimizer import Optimizer

from oneflow_mock.compat.kernels import stepping

_ADJUSTMENTS = ("original", "match_rms_adamw")


def _rounded(tensor):
    """Return float32 with the digits of bfloat16, which each product is rounded to, once."""
    return tensor.to(flow.bfloat16).to(flow.float32)


def _orthogonal(grad, coefficients, steps, eps):
    """Return a matrix whose singular values are drawn towards one, by Newton and Schulz.

    In bfloat16, as it was published: the numbers are part of the algorithm.
    """
    if steps >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if grad.ndim != 2:
        raise ValueError("Input tensor gradient must be a 2D matrix")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = coefficients
    tall = grad.shape[0] > grad.shape[1]
    wide = _rounded(grad)
    wide = wide.T if tall else wide
    norm = _rounded((wide * wide).sum().sqrt())
    wide = _rounded(wide / norm.clamp(min=eps))
    for _ in range(steps):
        gram = _rounded(wide @ wide.T)
        change = _rounded((gram @ gram) * c + gram * b)
        wide = _rounded((change @ wide) + wide * a)
    return wide.T if tall else wide


def _adjusted(lr, adjustment, shape):
    rows, columns = shape[:2]
    if adjustment is None or adjustment == "original":
        return lr * math.sqrt(max(1, rows / columns))
    return lr * 0.2 * math.sqrt(max(rows, columns))


class Muon(stepping.Stepwise, Optimizer):
    """Momentum made orthogonal, for the matrices of hidden layers (torch.optim.Muon)."""

    _ADDED: dict = {}

    def __init__(
        self,
        params,
        lr=1e-3,
        weight_decay=0.1,
        momentum=0.95,
        nesterov=True,
        ns_coefficients=(3.4445, -4.7750, 2.0315),
        eps=1e-7,
        ns_steps=5,
        adjust_lr_fn=None,
    ):
        if isinstance(lr, flow.Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        checked = (
            ("Learning rate", stepping.number(lr)),
            ("momentum", momentum),
            ("weight decay", weight_decay),
        )
        for name, value in checked:
            if not value >= 0.0:
                raise ValueError(f"{name} should be >= 0 but is: {value}")
        if adjust_lr_fn is not None and adjust_lr_fn not in _ADJUSTMENTS:
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for param in group["params"]:
                if param.ndim != 2:
                    raise ValueError(
                        "Muon only supports 2D parameters whereas we found a parameter with size: "
                        f"{param.shape}"
                    )

    def _begin(self, group, param):
        if param.is_complex():
            raise RuntimeError("Muon does not support complex parameters")
        return {"momentum_buffer": flow.zeros_like(param)}

    def _advance(self, group, param, grad, state):
        lr, momentum = stepping.number(group["lr"]), group["momentum"]
        buffer = state["momentum_buffer"]
        buffer.copy_(torch.lerp(buffer, grad, 1 - momentum))
        update = torch.lerp(grad, buffer, momentum) if group["nesterov"] else buffer
        update = _orthogonal(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
        param.mul_(1 - lr * group["weight_decay"])
        rate = _adjusted(lr, group["adjust_lr_fn"], param.shape)
        param.sub_(update.to(param.dtype) * rate)

"""torch.optim.radam: Adam whose scale is trusted only once its variance is small."""

import math

import oneflow as flow
from torch.optim.optimizer import Optimizer

from oneflow_mock.compat.kernels import stepping


def _radam(
    ops,
    param,
    grad,
    mean,
    square,
    *,
    beta1,
    beta2,
    eps,
    rate,
    correction,
    rectified,
    maximize,
    weight_decay,
    shrink,
):
    grad = stepping.regularised(ops, param, grad, maximize, weight_decay)
    if shrink != 1:
        param *= shrink
    mean += (grad - mean) * (1 - beta1)
    square *= beta2
    square += grad * grad * (1 - beta2)
    change = mean / correction * rate
    if rectified is not None:
        change = change * (rectified / (ops.sqrt(square) + eps))
    param -= change


class RAdam(stepping.Stepwise, Optimizer):
    """Adam, rectified by the variance of its scale (torch.optim.RAdam)."""

    _ADDED = dict(stepping.Stepwise._ADDED, decoupled_weight_decay=False)

    def __init__(
        self,
        params,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0,
        decoupled_weight_decay=False,
        *,
        foreach=None,
        maximize=False,
        capturable=False,
        differentiable=False,
    ):
        stepping.check_rate(lr)
        stepping.check("epsilon value", eps)
        stepping.check_betas(betas)
        stepping.check("weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _begin(self, group, param):
        return {
            "step": self._scalar(group, param),
            "exp_avg": flow.zeros_like(param),
            "exp_avg_sq": flow.zeros_like(param),
        }

    def _advance(self, group, param, grad, state):
        steps = self._counters.count(state)
        beta1, beta2 = group["betas"]
        lr = stepping.number(group["lr"])
        decay, decoupled = group["weight_decay"], group["decoupled_weight_decay"]
        remaining = 1 - beta2**steps
        limit = 2 / (1 - beta2) - 1
        length = limit - 2 * steps * beta2**steps / remaining
        rectified = None
        if length > 5.0:
            above = (length - 4) * (length - 2) * limit
            rectified = math.sqrt(above / ((limit - 4) * (limit - 2) * length))
            rectified *= math.sqrt(remaining)
        stepping.update(
            _radam,
            (param, grad, state["exp_avg"], state["exp_avg_sq"]),
            beta1=beta1,
            beta2=beta2,
            eps=group["eps"],
            rate=lr,
            correction=1 - beta1**steps,
            rectified=rectified,
            maximize=group["maximize"],
            weight_decay=0 if decoupled else decay,
            shrink=1 - lr * decay if decoupled else 1,
        )

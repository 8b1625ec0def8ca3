"""torch.optim.adamax: Adam by the largest gradient instead of the mean square."""

import oneflow as flow
from torch.optim.optimizer import Optimizer

from oneflow_mock.compat.kernels import stepping


@stepping.native("adamax", "beta1 beta2 eps rate maximize weight_decay")
def _adamax(ops, param, grad, mean, largest, *, beta1, beta2, eps, rate, maximize, weight_decay):
    grad = stepping.regularised(ops, param, grad, maximize, weight_decay)
    mean += (grad - mean) * (1 - beta1)
    ops.assign(largest, ops.maximum(largest * beta2, ops.abs(grad) + eps))
    param -= mean / largest * rate


class Adamax(stepping.Stepwise, Optimizer):
    """Adam with a running maximum in place of the mean square (torch.optim.Adamax)."""

    def __init__(
        self,
        params,
        lr=2e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0,
        foreach=None,
        *,
        maximize=False,
        differentiable=False,
        capturable=False,
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
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _begin(self, group, param):
        return {
            "step": self._scalar(group, param),
            "exp_avg": flow.zeros_like(param),
            "exp_inf": flow.zeros_like(param),
        }

    def _advance(self, group, param, grad, state):
        steps = self._counters.count(state)
        beta1, beta2 = group["betas"]
        stepping.update(
            _adamax,
            (param, grad, state["exp_avg"], state["exp_inf"]),
            beta1=beta1,
            beta2=beta2,
            eps=group["eps"],
            rate=stepping.number(group["lr"]) / (1 - beta1**steps),
            maximize=group["maximize"],
            weight_decay=group["weight_decay"],
        )

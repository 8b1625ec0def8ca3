"""torch.optim.nadam: Adam with Nesterov's momentum."""

import oneflow as flow
from torch.optim.optimizer import Optimizer

from oneflow_mock.compat.kernels import stepping


@stepping.native(
    "nadam", "beta1 beta2 eps correction grad_rate mean_rate maximize weight_decay shrink"
)
def _nadam(
    ops,
    param,
    grad,
    mean,
    square,
    *,
    beta1,
    beta2,
    eps,
    correction,
    grad_rate,
    mean_rate,
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
    scale = ops.sqrt(square / correction)
    scale += eps
    param -= grad / scale * grad_rate
    param -= mean / scale * mean_rate


class NAdam(stepping.Stepwise, Optimizer):
    """Adam that looks ahead along its momentum (torch.optim.NAdam)."""

    _ADDED = dict(stepping.Stepwise._ADDED, decoupled_weight_decay=False)
    _SCALARS = ("step", "mu_product")

    def __init__(
        self,
        params,
        lr=2e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0,
        momentum_decay=4e-3,
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
        stepping.check("momentum_decay value", momentum_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _begin(self, group, param):
        return {
            "step": self._scalar(group, param),
            "mu_product": self._scalar(group, param, 1.0),
            "exp_avg": flow.zeros_like(param),
            "exp_avg_sq": flow.zeros_like(param),
        }

    def _advance(self, group, param, grad, state):
        steps = self._counters.count(state)
        beta1, beta2 = group["betas"]
        lr = stepping.number(group["lr"])
        decay, decoupled = group["weight_decay"], group["decoupled_weight_decay"]
        slowing = group["momentum_decay"]
        now = beta1 * (1.0 - 0.5 * 0.96 ** (steps * slowing))
        following = beta1 * (1.0 - 0.5 * 0.96 ** ((steps + 1) * slowing))
        product = self._counters.scale(state, "mu_product", now)
        stepping.update(
            _nadam,
            (param, grad, state["exp_avg"], state["exp_avg_sq"]),
            beta1=beta1,
            beta2=beta2,
            eps=group["eps"],
            correction=1 - beta2**steps,
            grad_rate=lr * (1.0 - now) / (1.0 - product),
            mean_rate=lr * following / (1.0 - product * following),
            maximize=group["maximize"],
            weight_decay=0 if decoupled else decay,
            shrink=1 - lr * decay if decoupled else 1,
        )

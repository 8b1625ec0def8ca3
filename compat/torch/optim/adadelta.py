"""torch.optim.adadelta: steps scaled by the ratio of two running root mean squares."""

import oneflow as flow
from torch.optim.optimizer import Optimizer

from oneflow_mock.compat.kernels import stepping


@stepping.native("adadelta", "lr rho eps maximize weight_decay")
def _adadelta(ops, param, grad, square, moved, *, lr, rho, eps, maximize, weight_decay):
    grad = stepping.regularised(ops, param, grad, maximize, weight_decay)
    square *= rho
    square += grad * grad * (1 - rho)
    change = ops.sqrt(moved + eps) / ops.sqrt(square + eps) * grad
    moved *= rho
    moved += change * change * (1 - rho)
    param -= change * lr


class Adadelta(stepping.Stepwise, Optimizer):
    """Steps as long as the changes before them, by the gradient's size (torch.optim.Adadelta)."""

    def __init__(
        self,
        params,
        lr=1.0,
        rho=0.9,
        eps=1e-6,
        weight_decay=0,
        foreach=None,
        *,
        capturable=False,
        maximize=False,
        differentiable=False,
    ):
        stepping.check_rate(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        stepping.check("epsilon value", eps)
        stepping.check("weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _begin(self, group, param):
        return {
            "step": self._scalar(group, param),
            "square_avg": flow.zeros_like(param),
            "acc_delta": flow.zeros_like(param),
        }

    def _advance(self, group, param, grad, state):
        self._counters.count(state)
        numbers = {name: group[name] for name in ("rho", "eps", "maximize", "weight_decay")}
        tensors = (param, grad, state["square_avg"], state["acc_delta"])
        stepping.update(_adadelta, tensors, lr=stepping.number(group["lr"]), **numbers)

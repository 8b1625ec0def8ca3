"""torch.optim.adagrad: steps divided by the root of the sum of squares."""

import oneflow as flow
from torch.optim.optimizer import Optimizer

from oneflow_mock.compat.kernels import stepping


@stepping.native("adagrad", "rate eps maximize weight_decay")
def _adagrad(ops, param, grad, total, *, rate, eps, maximize, weight_decay):
    grad = stepping.regularised(ops, param, grad, maximize, weight_decay)
    total += grad * grad
    scale = ops.sqrt(total)
    scale += eps
    param -= grad / scale * rate


class Adagrad(stepping.Stepwise, Optimizer):
    """Gradients divided by the root of the sum of all their squares (torch.optim.Adagrad)."""

    _ADDED = {"foreach": None, "maximize": False, "differentiable": False, "fused": None}

    def __init__(
        self,
        params,
        lr=1e-2,
        lr_decay=0,
        weight_decay=0,
        initial_accumulator_value=0,
        eps=1e-10,
        foreach=None,
        *,
        maximize=False,
        differentiable=False,
        fused=None,
    ):
        stepping.check_rate(lr)
        stepping.check("lr_decay value", lr_decay)
        stepping.check("weight_decay value", weight_decay)
        stepping.check("initial_accumulator_value value", initial_accumulator_value)
        stepping.check("epsilon value", eps)
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        stepping.check_fused(fused, foreach, differentiable)
        for group in self.param_groups:
            for param in group["params"]:
                self.state[param] = self._begin(group, param)

    def _begin(self, group, param):
        start = group["initial_accumulator_value"]
        total = flow.zeros_like(param)
        return {"step": self._scalar(group, param), "sum": total.fill_(start) if start else total}

    def share_memory(self):
        """Move the state into memory that processes share."""
        for group in self.param_groups:
            for param in group["params"]:
                self.state[param]["sum"].share_memory_()

    def _advance(self, group, param, grad, state):
        steps = self._counters.count(state)
        stepping.update(
            _adagrad,
            (param, grad, state["sum"]),
            rate=stepping.number(group["lr"]) / (1 + (steps - 1) * group["lr_decay"]),
            eps=group["eps"],
            maximize=group["maximize"],
            weight_decay=group["weight_decay"],
        )

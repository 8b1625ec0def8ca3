"""torch.optim.asgd: averaged stochastic gradient descent."""

import oneflow as flow
from torch.optim.optimizer import Optimizer

from oneflow_mock.compat.kernels import stepping


def _asgd(ops, param, grad, average, *, eta, mu, lambd, maximize, weight_decay):
    grad = stepping.regularised(ops, param, grad, maximize, weight_decay)
    param *= 1 - lambd * eta
    param -= grad * eta
    if mu == 1:
        ops.assign(average, param)
    else:
        average += (param - average) * mu


class ASGD(stepping.Stepwise, Optimizer):
    """Gradient descent that keeps the average of its path (torch.optim.ASGD)."""

    _SCALARS = ("step", "eta", "mu")

    def __init__(
        self,
        params,
        lr=1e-2,
        lambd=1e-4,
        alpha=0.75,
        t0=1e6,
        weight_decay=0,
        foreach=None,
        maximize=False,
        differentiable=False,
        capturable=False,
    ):
        stepping.check_rate(lr)
        stepping.check("weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _begin(self, group, param):
        return {
            "step": self._scalar(group, param, on_device=True),
            "eta": self._scalar(group, param, float(stepping.number(group["lr"])), True),
            "mu": self._scalar(group, param, 1.0, True),
            "ax": flow.zeros_like(param),
        }

    def _advance(self, group, param, grad, state):
        counters = self._counters
        steps = counters.count(state)
        lr, lambd = stepping.number(group["lr"]), group["lambd"]
        stepping.update(
            _asgd,
            (param, grad, state["ax"]),
            eta=counters.get(state, "eta"),
            mu=counters.get(state, "mu"),
            lambd=lambd,
            maximize=group["maximize"],
            weight_decay=group["weight_decay"],
        )
        counters.put(state, "eta", lr / ((1 + lambd * lr * steps) ** group["alpha"]))
        counters.put(state, "mu", 1 / max(1, steps - group["t0"]))

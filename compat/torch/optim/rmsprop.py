"""torch.optim.rmsprop: steps divided by the root of a running mean of squares."""

import oneflow as flow
from torch.optim.optimizer import Optimizer

from oneflow_mock.compat.kernels import stepping


def _kind(tensors, numbers):
    name = "rmsprop_momentum" if numbers["momentum"] > 0 else "rmsprop"
    return name + "_centered" if numbers["centered"] else name


@stepping.native(_kind, "lr alpha eps momentum centered maximize weight_decay")
def _rmsprop(
    ops,
    param,
    grad,
    square,
    *others,
    lr,
    alpha,
    eps,
    momentum,
    centered,
    maximize,
    weight_decay,
):
    others = list(others)
    grad = stepping.regularised(ops, param, grad, maximize, weight_decay)
    square *= alpha
    square += grad * grad * (1 - alpha)
    if centered:
        mean = others.pop()
        mean += (grad - mean) * (1 - alpha)
        scale = ops.sqrt(square - mean * mean)
    else:
        scale = ops.sqrt(square)
    scale += eps
    if momentum > 0:
        buffer = others.pop()
        buffer *= momentum
        buffer += grad / scale
        param -= buffer * lr
    else:
        param -= grad / scale * lr


class RMSprop(stepping.Stepwise, Optimizer):
    """Gradients divided by their running root mean square (torch.optim.RMSprop)."""

    _ADDED = {
        "momentum": 0,
        "centered": False,
        "foreach": None,
        "maximize": False,
        "differentiable": False,
        "capturable": False,
    }

    def __init__(
        self,
        params,
        lr=1e-2,
        alpha=0.99,
        eps=1e-8,
        weight_decay=0,
        momentum=0,
        centered=False,
        capturable=False,
        foreach=None,
        maximize=False,
        differentiable=False,
    ):
        stepping.check_rate(lr)
        stepping.check("epsilon value", eps)
        stepping.check("momentum value", momentum)
        stepping.check("weight_decay value", weight_decay)
        stepping.check("alpha value", alpha)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _begin(self, group, param):
        state = {"step": self._scalar(group, param), "square_avg": flow.zeros_like(param)}
        if group["momentum"] > 0:
            state["momentum_buffer"] = flow.zeros_like(param)
        if group["centered"]:
            state["grad_avg"] = flow.zeros_like(param)
        return state

    def _advance(self, group, param, grad, state):
        self._counters.count(state)
        tensors = [param, grad, state["square_avg"]]
        if group["momentum"] > 0:
            tensors.append(state["momentum_buffer"])
        if group["centered"]:
            tensors.append(state["grad_avg"])
        names = ("alpha", "eps", "momentum", "centered", "maximize", "weight_decay")
        numbers = {name: group[name] for name in names}
        stepping.update(_rmsprop, tensors, lr=stepping.number(group["lr"]), **numbers)

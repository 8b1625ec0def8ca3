"""torch.optim.rprop: resilient backpropagation."""

import oneflow as flow
from torch.optim.optimizer import Optimizer

from oneflow_mock.compat.kernels import stepping


def _rprop(ops, param, grad, before, size, *, smaller, larger, least, most, maximize):
    grad = -grad if maximize else grad
    agreement = grad * before
    shrunk = ops.where(agreement < 0, size * smaller, size)
    ops.assign(size, ops.clip(ops.where(agreement > 0, size * larger, shrunk), least, most))
    kept = ops.where(agreement >= 0, grad, size * 0.0)
    param -= ops.sign(kept) * size
    ops.assign(before, kept)


class Rprop(stepping.Stepwise, Optimizer):
    """Steps that grow while a gradient keeps its sign (torch.optim.Rprop)."""

    def __init__(
        self,
        params,
        lr=1e-2,
        etas=(0.5, 1.2),
        step_sizes=(1e-6, 50),
        *,
        capturable=False,
        foreach=None,
        maximize=False,
        differentiable=False,
    ):
        stepping.check_rate(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _begin(self, group, param):
        return {
            "step": self._scalar(group, param),
            "prev": flow.zeros_like(param),
            "step_size": flow.zeros_like(param).fill_(float(stepping.number(group["lr"]))),
        }

    def _advance(self, group, param, grad, state):
        self._counters.count(state)
        stepping.update(
            _rprop,
            (param, grad, state["prev"], state["step_size"]),
            smaller=group["etas"][0],
            larger=group["etas"][1],
            least=group["step_sizes"][0],
            most=group["step_sizes"][1],
            maximize=group["maximize"],
        )

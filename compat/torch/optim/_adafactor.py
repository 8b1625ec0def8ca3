"""torch.optim._adafactor: adaptive steps whose second moment is kept as a row and a column."""

import oneflow as flow
import torch
from torch.optim.optimizer import Optimizer

from oneflow_mock.compat.kernels import stepping


def _norm(tensor):
    return (tensor * tensor).sum().sqrt().item()


class Adafactor(stepping.Stepwise, Optimizer):
    """Adam with a factored second moment and bounded steps (torch.optim.Adafactor)."""

    _ADDED = {"foreach": None}

    def __init__(
        self,
        params,
        lr=1e-2,
        beta2_decay=-0.8,
        eps=(None, 1e-3),
        d=1.0,
        weight_decay=0.0,
        *,
        foreach=None,
        maximize=False,
    ):
        if isinstance(lr, flow.Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not stepping.number(lr) >= 0.0:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and not eps[0] >= 0.0:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if not eps[1] >= 0.0:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if not d >= 1.0:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if not weight_decay >= 0.0:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _begin(self, group, param):
        state = {"step": self._scalar(group, param)}
        if param.ndim < 2:
            state["variance"] = flow.zeros_like(param)
            return state
        rows, columns = list(param.shape), list(param.shape)
        rows[-1] = columns[-2] = 1
        for name, shape in (("row_var", rows), ("col_var", columns)):
            state[name] = flow.zeros(shape, dtype=param.dtype, device=param.device)
        return state

    def _advance(self, group, param, grad, state):
        steps = self._counters.count(state)
        lr = stepping.number(group["lr"])
        tiny, least = group["eps"]
        tiny = torch.finfo(param.dtype).eps if tiny is None else tiny
        grad = -grad if group["maximize"] else grad
        share = steps ** group["beta2_decay"]
        size = param.numel() ** 0.5
        rate = max(least, _norm(param) / size) * min(lr, 1 / steps**0.5)
        if group["weight_decay"]:
            param.mul_(1 - lr * group["weight_decay"])
        squares = grad * grad
        if grad.ndim > 1:
            rows, columns = state["row_var"], state["col_var"]
            rows += (squares.mean(-1, keepdim=True) - rows) * share
            columns += (squares.mean(-2, keepdim=True) - columns) * share
            moment = flow.matmul(rows, columns)
            moment = moment / rows.mean(-2, keepdim=True).clamp(min=tiny)
        else:
            moment = state["variance"]
            moment += (squares - moment) * share
        change = flow.rsqrt(moment.clamp(min=tiny * tiny)) * grad
        param -= change * (rate / max(1.0, _norm(change) / (size * group["d"])))

"""torch.optim.adam: Adam, AMSGrad, and with decoupled weight decay AdamW."""

import math

import oneflow as flow
from torch.optim.optimizer import Optimizer

from oneflow_mock.compat.kernels import stepping


def _kind(tensors, numbers):
    return "adam" if tensors == 4 else "amsgrad"


@stepping.native(_kind, "beta1 beta2 eps rate root maximize weight_decay shrink")
def _adam(
    ops,
    param,
    grad,
    mean,
    square,
    largest=None,
    *,
    beta1,
    beta2,
    eps,
    rate,
    root,
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
    if largest is not None:
        ops.assign(largest, ops.maximum(largest, square))
        square = largest
    scale = ops.sqrt(square)
    scale /= root
    scale += eps
    param -= mean / scale * rate


class Adam(stepping.Stepwise, Optimizer):
    """Steps by running averages of the gradient and its square (torch.optim.Adam)."""

    _ADDED = {
        "amsgrad": False,
        "maximize": False,
        "foreach": None,
        "capturable": False,
        "differentiable": False,
        "decoupled_weight_decay": False,
        "fused": None,
    }

    def __init__(
        self,
        params,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0,
        amsgrad=False,
        *,
        foreach=None,
        maximize=False,
        capturable=False,
        differentiable=False,
        fused=None,
        decoupled_weight_decay=False,
    ):
        stepping.check_rate(lr, foreach and not capturable)
        stepping.check("epsilon value", eps)
        stepping.check_betas(betas)
        stepping.check("weight_decay value", weight_decay)
        kinds = [isinstance(beta, flow.Tensor) for beta in betas]
        if not all(kinds) and not all(isinstance(beta, float) for beta in betas):
            raise ValueError("betas must be either both floats or both Tensors")
        for place, beta in enumerate(betas):
            if kinds[place] and foreach and not capturable:
                raise ValueError(
                    f"betas[{place}] as a Tensor is not supported for capturable=False and "
                    "foreach=True"
                )
            if kinds[place] and beta.numel() != 1:
                raise ValueError(f"Tensor betas[{place}] must be 1-element")
        defaults = {
            "lr": lr,
            "betas": tuple(stepping.number(beta) for beta in betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)
        stepping.check_fused(fused, foreach, differentiable)

    def _begin(self, group, param):
        state = {
            "step": self._scalar(group, param),
            "exp_avg": flow.zeros_like(param),
            "exp_avg_sq": flow.zeros_like(param),
        }
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = flow.zeros_like(param)
        return state

    def _advance(self, group, param, grad, state):
        steps = self._counters.count(state)
        beta1, beta2 = group["betas"]
        lr = stepping.number(group["lr"])
        decay = group["weight_decay"]
        decoupled = group["decoupled_weight_decay"]
        tensors = [param, grad, state["exp_avg"], state["exp_avg_sq"]]
        if group["amsgrad"]:
            tensors.append(state["max_exp_avg_sq"])
        stepping.update(
            _adam,
            tensors,
            beta1=beta1,
            beta2=beta2,
            eps=group["eps"],
            rate=lr / (1 - beta1**steps),
            root=math.sqrt(1 - beta2**steps),
            maximize=group["maximize"],
            weight_decay=0 if decoupled else decay,
            shrink=1 - lr * decay if decoupled else 1,
        )

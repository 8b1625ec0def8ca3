"""torch.optim.sgd: stochastic gradient descent."""

from torch.optim.optimizer import Optimizer

from oneflow_mock.compat.kernels import stepping


@stepping.native("descend", "lr maximize weight_decay")
def _descend(ops, param, grad, *, lr, maximize, weight_decay):
    param -= stepping.regularised(ops, param, grad, maximize, weight_decay) * lr


@stepping.native("begin_momentum", "lr maximize weight_decay nesterov momentum")
def _begin_momentum(ops, param, grad, buffer, *, lr, maximize, weight_decay, nesterov, momentum):
    grad = stepping.regularised(ops, param, grad, maximize, weight_decay)
    ops.assign(buffer, grad)
    param -= (grad + buffer * momentum if nesterov else grad) * lr


@stepping.native("with_momentum", "lr maximize weight_decay nesterov momentum dampening")
def _with_momentum(
    ops, param, grad, buffer, *, lr, maximize, weight_decay, nesterov, momentum, dampening
):
    grad = stepping.regularised(ops, param, grad, maximize, weight_decay)
    buffer *= momentum
    buffer += grad * (1 - dampening) if dampening else grad
    param -= (grad + buffer * momentum if nesterov else buffer) * lr


class SGD(stepping.Stepwise, Optimizer):
    """Gradient descent, with momentum (torch.optim.SGD)."""

    _ADDED = {
        "nesterov": False,
        "maximize": False,
        "foreach": None,
        "differentiable": False,
        "fused": False,
    }

    def __init__(
        self,
        params,
        lr=1e-3,
        momentum=0,
        dampening=0,
        weight_decay=0,
        nesterov=False,
        *,
        maximize=False,
        foreach=None,
        differentiable=False,
        fused=None,
    ):
        stepping.check_rate(lr)
        stepping.check("momentum value", momentum)
        stepping.check("weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        stepping.check_fused(fused, foreach, differentiable)

    @staticmethod
    def _numbers(group):
        return {
            "lr": stepping.number(group["lr"]),
            "maximize": group["maximize"],
            "weight_decay": stepping.number(group["weight_decay"]),
        }

    def _advance_all(self, group, pairs):
        if not stepping.gathers():
            super()._advance_all(group, pairs)
            return
        numbers = self._numbers(group)
        momentum = group["momentum"]
        if not momentum:
            stepping.update_alike(_descend, pairs, numbers)
            return
        numbers.update(nesterov=group["nesterov"], momentum=momentum)
        rows, held = [], self.state
        for param, grad in pairs:
            state = held.get(param)
            buffer = state.get("momentum_buffer") if state else None
            if buffer is None:
                self._begin_momentum(param, grad, numbers)
            else:
                rows.append((param, grad, buffer))
        numbers["dampening"] = group["dampening"]
        stepping.update_alike(_with_momentum, rows, numbers)

    def _begin_momentum(self, param, grad, numbers):
        buffer = grad.clone().detach()
        self.state[param]["momentum_buffer"] = buffer
        stepping.update(_begin_momentum, (param, grad, buffer), **numbers)

    def _advance(self, group, param, grad, state):
        numbers = self._numbers(group)
        momentum = group["momentum"]
        fast = stepping.suits_kernel(param, grad)
        if not momentum:
            if fast:
                stepping.descend(param, grad, **numbers)
                return
            stepping.update(_descend, (param, grad), **numbers)
            return
        numbers.update(nesterov=group["nesterov"], momentum=momentum)
        buffer = state.get("momentum_buffer") if state else None
        if buffer is None:
            self._begin_momentum(param, grad, numbers)
        elif fast and not group["maximize"]:
            rates = (numbers["lr"], numbers["weight_decay"], momentum, group["dampening"])
            stepping.descend_on(param, grad, buffer, *rates, group["nesterov"])
        else:
            numbers["dampening"] = group["dampening"]
            stepping.update(_with_momentum, (param, grad, buffer), **numbers)

"""Calling a module with other parameters than its own."""

import torch
from show import show


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(2, 2)
        self.tied = torch.nn.Linear(2, 2)
        self.tied.weight = self.first.weight
        self.register_buffer("shift", torch.zeros(2))

    def forward(self, x, factor=1):
        return self.first(x) * factor + self.tied(x) + self.shift


torch.manual_seed(0)
net, x = Net(), torch.ones(1, 2)
call = torch.func.functional_call
zeros, fives = torch.zeros(2, 2), torch.ones(2) * 5


def text(tensor):
    return [round(one, 4) for one in tensor.flatten().tolist()]


def gradients():
    given = {name: one.detach().requires_grad_() for name, one in net.named_parameters()}
    call(net, given, (x,)).sum().backward()
    return {name: one.grad.sum().item() for name, one in given.items()}, net.first.weight.grad


def failing():
    try:
        call(net, {"shift": fives}, (torch.ones(1, 3),))
    except RuntimeError:
        return text(net(x))


def stacked():
    nets = [torch.nn.Linear(2, 3) for _ in range(4)]
    params, buffers = torch.func.stack_module_state(nets)
    return {name: one.shape for name, one in params.items()}, buffers


show("its own", lambda: text(call(net, {}, (x,))))
show("a weight", lambda: text(call(net, {"first.weight": zeros}, (x,))))
show("not tied", lambda: text(call(net, {"first.weight": zeros}, (x,), tie_weights=False)))
show("a buffer", lambda: text(call(net, {"shift": fives}, (x,), {"factor": 2})))
show("one argument", lambda: text(call(net, {"shift": fives}, x)))
show("two", lambda: text(call(net, ({"shift": fives}, {"first.bias": fives}), (x,))))
show("the same twice", lambda: call(net, ({"shift": fives}, {"shift": fives}), (x,)))
show("unknown", lambda: text(call(net, {"nothing": fives}, (x,))))
show("strict", lambda: call(net, {"shift": fives}, (x,), strict=True))
show("gradients", gradients)
show("after an error", failing)
show("afterwards", lambda: text(net(x)))
show("stacked", stacked)

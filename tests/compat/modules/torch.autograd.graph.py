"""What a block's operators save; variables, profiles and marks."""

import torch
from show import show
from torch.autograd import Variable


def on_cpu():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.autograd.graph.save_on_cpu():
        y = (x * x).exp().sum()
    y.backward()
    return x.grad


def packed():
    shapes = []
    x = torch.tensor([1.0, 2.0], requires_grad=True)

    def pack(tensor):
        shapes.append(tuple(tensor.shape))
        return tensor.detach() * 1

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda kept: kept):
        y = torch.exp(x)
    y.sum().backward()
    return shapes, x.grad


def forbidden():
    graph = torch.autograd.graph
    with graph.disable_saved_tensors_hooks("none here"), graph.saved_tensors_hooks(len, len):
        pass


@torch.autograd.profiler.record_function("marked")
def marked():
    with torch.profiler.record_function("inside"):
        return 3


plan = torch.profiler.schedule(wait=1, warmup=1, active=2, repeat=2, skip_first=1)

show("kept on the CPU", on_cpu)
show("packed", packed)
show("forbidden", forbidden)
show("variable", lambda: Variable(torch.ones(1), requires_grad=True).requires_grad)
show("is a variable", lambda: [isinstance(one, Variable) for one in (torch.ones(1), 3)])
show("marked", marked)
show("schedule", lambda: [plan(step).name for step in range(12)])

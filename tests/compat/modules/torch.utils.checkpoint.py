"""Activations that are computed again."""

import torch
from show import show
from torch.utils.checkpoint import checkpoint, checkpoint_sequential


def run(**options):
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Dropout(0.5), torch.nn.Linear(8, 4)
    )
    x = torch.randn(3, 4, requires_grad=True)
    calls = []

    def function(a, factor=1):
        calls.append(1)
        return net(a) * factor

    y = checkpoint(function, x, **options) if options else function(x)
    before = len(calls)
    (y * y).sum().backward()
    grads = [round(one.grad.sum().item(), 3) for one in net.parameters()]
    return before, len(calls), round(x.grad.sum().item(), 3), grads, round(torch.rand(1).item(), 5)


def gradient(function):
    x = torch.full((2,), 0.5, requires_grad=True)
    function(x).backward()
    return x.grad


def nested(x):
    inner = checkpoint(lambda b: torch.tanh(b * 2), x * 3, use_reentrant=False)
    return (inner + x).sum()


def segments(x):
    layers = torch.nn.Sequential(*(torch.nn.Tanh() for _ in range(4)))
    return checkpoint_sequential(layers, 2, x, use_reentrant=False).sum()


def containers(x):
    first, rest = checkpoint(lambda a: (a * 2, {"k": a * a}), x, use_reentrant=False)
    return first.sum() + rest["k"].sum()


def by_grad():
    x = torch.full((2,), 0.5, requires_grad=True)
    return torch.autograd.grad(checkpoint(torch.tanh, x, use_reentrant=False).sum(), x)


show("plain", run)
show("reentrant", lambda: run(use_reentrant=True))
show("not reentrant", lambda: run(use_reentrant=False))
show("keywords", lambda: run(use_reentrant=False, factor=2))
show("unknown keywords", lambda: run(use_reentrant=True, factor=2))
show("context for the wrong one", lambda: run(use_reentrant=True, context_fn=lambda: None))
show("nested", lambda: gradient(lambda x: checkpoint(nested, x, use_reentrant=False)))
show("segments", lambda: gradient(segments))
show("containers", lambda: gradient(containers))
show("by grad", by_grad)
show("no gradient", lambda: checkpoint(torch.tanh, torch.ones(2), use_reentrant=True).requires_grad)

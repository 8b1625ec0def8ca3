"""Operators on next to nothing: what it costs to call one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from registry import add

CALLS = 200


def small(name, function, *shapes, gradients=False, quick=False):
    """Add the time of CALLS calls, of which only the last result is kept."""

    def setup():
        inputs = [torch.randn(shape) for shape in shapes]
        if gradients:
            inputs = [one.requires_grad_() for one in inputs]

        def work(_):
            last = None
            for _ in range(CALLS):
                last = function(*inputs)
            return last

        return None, work

    add(f"small/{name} x{CALLS}", setup, gradients=gradients, quick=quick)


small("add", torch.add, (2, 2), (2, 2), quick=True)
small("a + b, broadcast", lambda a, b: a + b, (4, 4), (4,))
small("a * number", lambda a: a * 2.0, (2, 2))
small("relu", torch.relu, (2, 2))
small("matmul", torch.matmul, (8, 8), (8, 8))
small("linear", F.linear, (4, 8), (8, 8), (8,))
small("softmax", lambda a: a.softmax(-1), (4, 8))
small("layer norm", lambda a: F.layer_norm(a, (8,)), (4, 8))
small("sum", torch.sum, (4, 8))
small("view", lambda a: a.view(16), (4, 4))
small("transpose", lambda a: a.transpose(0, 1), (4, 4))
small("index", lambda a: a[1:, 0], (4, 4))
small("cat", lambda a, b: torch.cat([a, b]), (2, 2), (2, 2))
small("where", lambda a, b: torch.where(a > b, a, b), (2, 2), (2, 2))
small("empty", lambda: torch.empty(2, 2))
small("zeros", lambda: torch.zeros(2, 2))
small("shape and dtype", lambda a: (a.shape[0], a.dtype, a.dim()), (2, 2))
small("item", lambda a: a.item(), ())
small("add in place", lambda a, b: a.add_(b), (2, 2), (2, 2))
small("add and backward", lambda a, b: (a + b).sum().backward(), (2, 2), (2, 2), gradients=True)


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = torch.nn.LayerNorm(8)
        self.inner = torch.nn.Linear(8, 8)

    def forward(self, x):
        return x + torch.relu(self.inner(self.norm(x)))


def layer_setup():
    layer, x = Layer(), torch.randn(4, 8)

    def work(_):
        last = None
        for _ in range(CALLS):
            last = layer(x)
        return last

    return None, work


add(f"small/module with norm and linear x{CALLS}", layer_setup)

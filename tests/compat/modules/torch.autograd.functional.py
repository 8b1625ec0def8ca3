"""Jacobians, Hessians and products with them."""

import torch
from show import show

functional = torch.autograd.functional
x = torch.tensor([1.0, 2.0, 3.0])
y = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
ones = torch.ones(3)


def cubes(a):
    return (a**3).sum()


def weighted(a):
    return (a.unsqueeze(0) @ y).squeeze(0)


show("jacobian", lambda: functional.jacobian(lambda a: a**3, x))
show("of two", lambda: functional.jacobian(lambda a, b: (a.unsqueeze(0) @ b, a.sum()), (x, y)))
show("of a number", lambda: functional.jacobian(cubes, x))
show("unused", lambda: functional.jacobian(lambda a, b: a * 2, (x, x)))
show("strict", lambda: functional.jacobian(lambda a, b: a * 2, (x, x), strict=True))
show("kept", lambda: functional.jacobian(cubes, x.clone().requires_grad_(), True).requires_grad)
show("hessian", lambda: functional.hessian(cubes, x))
show("hessian of two", lambda: functional.hessian(lambda a, b: (a * b).sum() ** 2, (x, x)))
show("hessian of a vector", lambda: functional.hessian(lambda a: a, x))
show("vjp", lambda: functional.vjp(lambda a: a**2, x, ones))
show("vjp without a vector", lambda: functional.vjp(lambda a: a**2, x))
show("vjp, wrong size", lambda: functional.vjp(lambda a: a**2, x, torch.ones(2)))
show("jvp", lambda: functional.jvp(weighted, x, ones))
show("vhp", lambda: functional.vhp(cubes, x, ones))
show("hvp", lambda: functional.hvp(cubes, x, ones))
show("no tensor", lambda: functional.vjp(lambda a: a, 3))
show("no tensor out", lambda: functional.vjp(lambda a: 3, x))

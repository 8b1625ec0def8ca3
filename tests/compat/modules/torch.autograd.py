"""torch.autograd.grad and backward."""

import torch
from show import show

x = torch.ones(2, requires_grad=True)
w = torch.ones(2, requires_grad=True)
plain = torch.ones(2)
grad, backward = torch.autograd.grad, torch.autograd.backward


def of_node(**options):
    y, other = x * 3, x * 4
    return grad((y * y).sum(), [other, x], **options)


def through_node():
    y = x * 3
    return grad((y * y).sum(), [y, x])


def twice():
    y = (x * x).sum()
    y.backward()
    y.backward()


def twice_kept():
    y = (x * x).sum()
    return grad(y, x, retain_graph=True), grad(y, x)


def second_order():
    (first,) = grad((x**3).sum(), x, create_graph=True)
    return first.requires_grad, grad(first.sum(), x)


def accumulated(*args, **kwargs):
    x.grad = w.grad = None
    backward(*args, **kwargs)
    return x.grad, w.grad


show("unused", lambda: grad((x * 2).sum(), [x, w]))
show("unused allowed", lambda: grad((x * 2).sum(), [x, w], allow_unused=True))
show("zeros", lambda: grad((x * 2).sum(), [x, w], materialize_grads=True))
show("contradiction", lambda: grad(x.sum(), x, materialize_grads=True, allow_unused=False))
show("through a node", through_node)
show("unused node", of_node)
show("unused node allowed", lambda: of_node(allow_unused=True))
show("an input twice", lambda: grad(x.sum(), [x, x]))
show("itself", lambda: grad(x, [x], torch.ones(2)))
show("twice", twice)
show("twice, kept", twice_kept)
show("second order", second_order)
show("two outputs", lambda: grad([x * 2, w * 3], [x, w], [torch.ones(2), torch.ones(2)]))
show("no gradients given", lambda: grad([x.sum(), (w * 3).sum()], [x, w], [None, None]))
show("wrong shape", lambda: grad(x * 2, [x], torch.ones(3)))
show("several elements", lambda: grad(x * 2, x))
show("input without gradient", lambda: grad(x.sum(), plain))
show("output without gradient", lambda: grad(plain.sum(), x))
show("one element", lambda: grad((x * 2).sum().reshape(1), x))
show("backward of two", lambda: accumulated([x.sum(), (w * 2).sum()]))
show("backward with a vector", lambda: accumulated(x * 2, torch.ones(2)))
show("backward of several elements", lambda: accumulated(x * 2))
show("backward of nothing", lambda: accumulated(plain.sum()))
show("backward to one", lambda: accumulated((x * w).sum(), inputs=[x]))
show("backward to none", lambda: accumulated((x * w).sum(), inputs=[]))
show("backward, wrong shape", lambda: accumulated(x * 2, torch.ones(3)))
show("backward, not a tensor", lambda: accumulated(x.sum(), 3))

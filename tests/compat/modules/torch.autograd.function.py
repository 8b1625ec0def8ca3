"""Functions with a backward of one's own."""

import torch
from show import show


class Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, factor, note=None):
        ctx.save_for_backward(x, None)
        ctx.factor = factor
        return x.exp() * factor

    @staticmethod
    def backward(ctx, grad):
        x, nothing = ctx.saved_tensors
        assert nothing is None
        assert ctx.needs_input_grad == (True, False, False)
        return grad * x.exp() * ctx.factor, None, None


class Same(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x

    @staticmethod
    def backward(ctx, grad):
        return grad * 7


class Several(torch.autograd.Function):
    @staticmethod
    def forward(x, factor=3):
        return x * factor, factor, x > 0, x - 1

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])
        ctx.factor = inputs[1]
        ctx.mark_non_differentiable(output[2])

    @staticmethod
    def backward(ctx, first, _, __, last):
        return first * ctx.factor + last, None


class Added(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.add_(1)

    @staticmethod
    def backward(ctx, grad):
        return grad * 2


class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * 2 * x


class TooMany(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        return grad, grad


class NoForward(torch.autograd.Function):
    pass


class Failing(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        raise KeyError("mine")


def gradient(function, *rest):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = function(x, *rest)
    y = y[0] if isinstance(y, tuple) else y
    y.sum().backward()
    return y.detach(), x.grad


def second(cls):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    (first,) = torch.autograd.grad(cls.apply(x).sum(), x, create_graph=True)
    return first.detach(), torch.autograd.grad(first.sum(), x)


def identity():
    x = torch.ones(2, requires_grad=True)
    y = Same.apply(x)
    return y is x, x.is_leaf, y.is_leaf, y.requires_grad


def outputs():
    x = torch.ones(2, requires_grad=True)
    first, factor, sign, last = Several.apply(x, 5)
    (first.sum() + last.sum()).backward()
    return first.detach(), factor, sign, sign.requires_grad, last.detach(), x.grad


def dirty():
    x = torch.ones(2, requires_grad=True)
    y = x * 1
    z = Added.apply(y)
    z.sum().backward()
    return z is y, y.detach(), x.grad


def without():
    x = torch.ones(2, requires_grad=True)
    with torch.no_grad():
        first = Scaled.apply(x, 2.0)
    return first.requires_grad, Scaled.apply(x.detach(), 2.0).requires_grad


show("arguments that are no tensors", lambda: gradient(Scaled.apply, 2.0, "note"))
show("an output that is an input", identity)
show("its gradient", lambda: gradient(Same.apply))
show("several outputs", outputs)
show("changed in place", dirty)
show("without gradients", without)
show("twice", lambda: second(Same))
show("once only", lambda: gradient(Once.apply))
show("once only, twice", lambda: second(Once))
show("too many gradients", lambda: gradient(TooMany.apply))
show("no forward", lambda: NoForward.apply(torch.ones(1)))
show("an error of mine", lambda: gradient(Failing.apply))
show("keywords", lambda: Scaled.apply(torch.ones(1), factor=2))
show("called", lambda: Scaled()(torch.ones(1)))
show("saved no tensor", lambda: torch.autograd.function.FunctionCtx().save_for_backward(3))

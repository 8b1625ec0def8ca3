"""Functions of one complex number, of which OneFlow's own forms make floats first."""

from __future__ import annotations

import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import dtypes

COMPLEX = frozenset(dtypes.BY_NAME[name] for name in ("complex64", "complex128"))
NAMES = (
    *("acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "exp", "log", "log10"),
    *("abs", "absolute", "reciprocal", "rsqrt", "sigmoid", "sin", "sinh", "sqrt", "tan", "tanh"),
)


def of_complex(name, input):
    """Return a function of each element of a complex tensor; refuse what there is no kernel for."""
    if name in ("abs", "absolute"):
        return absolute(input)
    if name not in NAMES:
        raise hooks.refuse(f"torch.{name}", "of complex numbers")
    return hooks.native["function_of_complex"](name, input)


def absolute(input):
    """Return the absolute values of a complex tensor; the gradient at 0 is 0."""
    pairs = hooks.native["view_as_real"](input)
    larger = pairs.detach().abs().amax(dim=-1)
    usual = (larger > 0) & ~flow.isinf(larger)
    scale = flow.where(usual, larger, flow.ones_like(larger))
    squares = (pairs / scale.unsqueeze(-1)).square().sum(dim=-1)
    is_zero = squares == 0
    root = flow.where(is_zero, flow.ones_like(squares), squares).sqrt() * scale
    return flow.where(is_zero, flow.zeros_like(root), root)


def method(name):
    """Return a Tensor method for real and complex tensors."""
    stock = getattr(flow.Tensor, "abs" if name == "absolute" else name)

    def function(self):
        return of_complex(name, self) if self.dtype in COMPLEX else stock(self)

    function.__name__ = name
    function.__qualname__ = f"Tensor.{name}"
    function.__doc__ = f"See torch.{name}."
    return function

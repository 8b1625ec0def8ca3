"""Functions of one complex number, of which OneFlow's own forms make floats first."""

from __future__ import annotations

import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import dtypes

COMPLEX = frozenset(dtypes.BY_NAME[name] for name in ("complex64", "complex128"))
NAMES = (
    *("acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "exp", "log", "log10"),
    *("reciprocal", "rsqrt", "sigmoid", "sin", "sinh", "sqrt", "tan", "tanh"),
)


def of_complex(name, input):
    """Return a function of each element of a complex tensor; refuse what there is no kernel for."""
    if name not in NAMES:
        raise hooks.refuse(f"torch.{name}", "of complex numbers")
    return hooks.native["function_of_complex"](name, input)


def method(name):
    """Return a Tensor method for real and complex tensors."""
    stock = getattr(flow.Tensor, name)

    def function(self):
        return of_complex(name, self) if self.dtype in COMPLEX else stock(self)

    function.__name__ = name
    function.__qualname__ = f"Tensor.{name}"
    function.__doc__ = f"See torch.{name}."
    return function

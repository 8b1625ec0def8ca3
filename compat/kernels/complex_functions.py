"""Functions that make real numbers of complex ones."""

from __future__ import annotations

import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import dtypes

COMPLEX = frozenset(dtypes.BY_NAME[name] for name in ("complex64", "complex128"))


def absolute(input):
    """Return the absolute values of a complex tensor; the gradient at 0 is 0."""
    pairs = hooks.native["view_as_real"](input)
    if input.dtype is dtypes.BY_NAME["complex64"] and not (
        flow.is_grad_enabled() and input.requires_grad
    ):
        # The squares of float32 fit float64.
        real, imaginary = (pairs.select(-1, part).to(flow.float64) for part in (0, 1))
        return (real.square() + imaginary.square()).sqrt().to(flow.float32)
    larger = pairs.detach().abs().amax(dim=-1)
    usual = (larger > 0) & ~flow.isinf(larger)
    scale = flow.where(usual, larger, flow.ones_like(larger))
    squares = (pairs / scale.unsqueeze(-1)).square().sum(dim=-1)
    is_zero = squares == 0
    root = flow.where(is_zero, flow.ones_like(squares), squares).sqrt() * scale
    return flow.where(is_zero, flow.zeros_like(root), root)


def real_valued(name):
    """Return the Tensor method of absolute values for real and complex tensors."""
    stock = getattr(flow.Tensor, "abs" if name == "absolute" else name)

    def function(self):
        return absolute(self) if self.dtype in COMPLEX else stock(self)

    function.__name__ = name
    function.__qualname__ = f"Tensor.{name}"
    function.__doc__ = f"See torch.{name}."
    return function

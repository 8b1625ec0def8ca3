"""``Variable``: a tensor, by the name from before tensors recorded gradients themselves."""

from __future__ import annotations

import oneflow as flow

__all__ = ["VariableMeta", "Variable"]


class VariableMeta(type):
    """Makes every tensor an instance of ``Variable``."""

    def __instancecheck__(cls, other):
        return isinstance(other, flow.Tensor)


class Variable(metaclass=VariableMeta):
    """Returns the tensor it is given."""

    def __new__(cls, data=None, requires_grad=None, volatile=None):
        tensor = flow.empty(0) if data is None else data.detach()
        if requires_grad:
            return tensor.requires_grad_()
        return tensor

"""``x[...]``, one value everywhere, and what a method does in place by tensors of positions."""

from __future__ import annotations

import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import creation, indexing, retyped

_fill = flow._C.fill_
_set_all = flow.Tensor.__setitem__


def _fill_in_place(self, value):
    """Write one value everywhere."""
    if not self.numel():
        return self
    if hooks.library is None and not self.is_contiguous():
        # OneFlow's own kernel would write to the memory beside a view's elements.
        _set_all(self, ..., value)
        return self
    if isinstance(value, complex) or self.dtype in retyped.SIZED:
        if isinstance(value, flow.Tensor):
            value = value.item()
        return self.copy_(creation.full((), value, dtype=self.dtype).expand(self.shape))
    if self.dtype == flow.bool or self.dtype == flow.bfloat16:  # which the operator does not take
        if isinstance(value, flow.Tensor):
            value = value.item()
        if hooks.library is None:
            return self.copy_(flow.full((), value, dtype=flow.float32).to(self.dtype))
        value = flow.tensor(value, dtype=flow.float32).to(self.dtype)
    return _fill(self, value)


def _zero_in_place(self):
    """Write zero everywhere."""
    if self.dtype == flow.bfloat16 and self.requires_grad and flow.is_grad_enabled():
        self[...] = flow.zeros_like(self.detach())
        return self
    return _fill_in_place(self, 0)


def _flip(self, *dims, **named):
    """Reverse the order of the elements along dimensions."""
    if named:
        dims = named["dims"]
    elif len(dims) == 1 and isinstance(dims[0], (list, tuple)):
        dims = dims[0]
    return flow.flip(self, list(dims))


METHODS = {
    "flip": _flip,
    "__getitem__": indexing.get_item,
    "__setitem__": indexing.set_item,
    "fill_": _fill_in_place,
    "zero_": _zero_in_place,
    "scatter_": indexing.scatter_in_place,
    "scatter_add_": indexing.scatter_add_in_place,
    "index_add_": indexing.index_add_in_place,
}

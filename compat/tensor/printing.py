"""`repr`, `str` and `format` of tensors and parameters."""

from __future__ import annotations

import oneflow as flow


def install(patches) -> None:
    """Let parameters say that they are."""
    patches.set(flow.nn.Parameter, "__repr__", _parameter_repr)


def _repr(self, *, tensor_contents=None):
    if self.is_lazy or self.is_global:
        return flow.framework.tensor_str._gen_tensor_str(self)
    from torch import _tensor_str

    return _tensor_str._str(self, tensor_contents=tensor_contents)


def _parameter_repr(self):
    return "Parameter containing:\n" + _repr(self)


def _str(self):
    return repr(self)


def _format(self, format_spec):
    """Format a single number as Python would; anything else as its text."""
    if self.dim() == 0 and not self.is_meta and type(self) in (flow.Tensor, flow.nn.Parameter):
        return format(self.item(), format_spec)
    return object.__format__(self, format_spec)


METHODS = {"__repr__": _repr, "__str__": _str, "__format__": _format}

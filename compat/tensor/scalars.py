"""What may stand beside a tensor in an operator.

OneFlow takes tensors and Python's own numbers, and ends the process or raises an error of its own
for NumPy's numbers, None, text and lists.
"""

from __future__ import annotations

import numpy as np
import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import dtypes, retyped
from oneflow_mock.compat.kernels.operands import check_held

_PLAIN = frozenset((flow.Tensor, flow.nn.Parameter, float, int))
_ARITHMETIC = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")
_BITS = ("and", "or", "xor")
_COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")


def _names():
    for name in (*_ARITHMETIC, *_BITS):
        yield from (f"__{prefix}{name}__" for prefix in ("", "r", "i"))
    yield from (f"__{name}__" for name in _COMPARISONS)


def install(patches) -> None:
    """Guard every operator that the class has."""
    augmented = {name: getattr(flow.Tensor, name) for name in _AUGMENTED}
    for name in _names():
        stock = getattr(flow.Tensor, name, None)
        if stock is not None:
            stock = _product(stock) if name == "__matmul__" else stock
            stock = _reflected_difference(stock) if name == "__rsub__" else stock
            patches.set(flow.Tensor, name, _guarded(name, stock))
    for name, stock in augmented.items():
        patches.set(flow.Tensor, name, _augmented(name, stock))
    for name in ("and", "or", "xor", "floordiv", "mod", "lshift", "rshift", "pow"):
        if not hasattr(flow.Tensor, f"__i{name}__") or name == "pow":  # OneFlow's makes a new one
            patches.set(flow.Tensor, f"__i{name}__", _in_place(f"__{name}__"))


def _product(stock):
    """Return ``@`` for vectors too, which OneFlow's own has only beside a matrix."""
    native = hooks.native.get("product")

    def product(self, other):
        if native is not None:
            answer = native(self, other)
            return self.matmul(other) if answer is None else answer
        if self.ndim == 1 or other.ndim == 1 or not (self.numel() and other.numel()):
            return self.matmul(other)
        return stock(self, other)

    return product


def _guarded(name, stock):
    kind = name.strip("_")
    arithmetic = kind in _ARITHMETIC or kind[1:] in _ARITHMETIC

    def operator(self, other):
        if type(other) in _PLAIN:
            return stock(self, other)
        return _unusual(self, other)

    def _unusual(self, other):
        if isinstance(other, flow.Tensor):
            return stock(self, other)
        if isinstance(other, np.generic):
            return operator(self, other.item())
        if isinstance(other, bool):
            if name in ("__sub__", "__rsub__"):
                raise RuntimeError(_NO_DIFFERENCE)
            return stock(self, _truth_beside(self, other) if arithmetic else other)
        if isinstance(other, (int, float)):  # of a subclass: an IntEnum, np.float64
            return stock(self, int(other) if isinstance(other, int) else float(other))
        if isinstance(other, np.ndarray):
            return stock(self, flow.from_numpy(np.ascontiguousarray(other)).to(self.device))
        if isinstance(other, complex):
            return stock(*_complex_beside(self, other))
        return NotImplemented

    operator.__name__ = name
    operator.__qualname__ = f"Tensor.{name}"
    return operator


_NO_DIFFERENCE = (
    "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to "
    "invert a mask, use the `~` or `logical_not()` operator instead."
)


def _reflected_difference(stock):
    """Return ``number - tensor``; OneFlow's turns the tensor's sign first, in its own dtype."""

    def difference(self, other):
        if type(other) is float and not (self.is_floating_point() or self.is_complex()):
            self = self.to(flow.get_default_dtype())
        return stock(self, other)

    return difference


#: The operators in place whose methods do the work.
_AUGMENTED = {"__iadd__": "add_", "__isub__": "sub_", "__imul__": "mul_", "__itruediv__": "div_"}
_OPERANDS = (flow.Tensor, int, float, complex, np.generic)


def _augmented(name, stock):
    def operator(self, other):
        if type(other) in _PLAIN:
            try:
                return stock(self, other)
            except (RuntimeError, TypeError):  # promoted first, the method may do
                pass
        if isinstance(other, _OPERANDS):
            return getattr(self, _AUGMENTED[name])(other)
        return NotImplemented

    operator.__name__ = name
    operator.__qualname__ = f"Tensor.{name}"
    return operator


def _in_place(name):
    """Return the in-place form of an operator, so that ``x |= y`` changes x and not its name."""

    def operator(self, other):
        # The answer's gradient may need the values that are about to be overwritten.
        source = self.clone() if self.requires_grad and flow.is_grad_enabled() else self
        answer = getattr(source, name)(other)
        if answer is NotImplemented:
            return answer
        check_held(answer.dtype, self)
        return self.copy_(answer)

    operator.__name__ = "__i" + name[2:]
    operator.__qualname__ = f"Tensor.{operator.__name__}"
    return operator


def _complex_beside(tensor, value):
    """Return both as complex tensors: of a real tensor's precision."""
    kind = tensor if tensor.is_floating_point() or tensor.is_complex() else flow.get_default_dtype()
    dtype = dtypes.to_complex(getattr(kind, "dtype", kind))
    dtypes.check_held(dtype, f"a tensor beside {value}")
    beside = retyped.of_array(np.array(value, retyped.NUMPY[dtype]))
    return tensor.to(dtype), beside


def _truth_beside(tensor, value):
    """Return a truth value as arithmetic takes it: OneFlow's wants a number."""
    if tensor.dtype == flow.bool:
        return flow.tensor(value, device=tensor.device)
    return int(value)


METHODS = {"__array_priority__": 1000}

"""Operators and methods of Tensor whose OneFlow form is missing or means something else."""

from __future__ import annotations

import numpy as np
import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import complex_functions, dtypes, halves


def _beside(value, tensor):
    """Return a number as a tensor that combines with another as PyTorch's promotion says."""
    integral = isinstance(value, int) or tensor.is_floating_point()
    dtype = tensor.dtype if integral else flow.get_default_dtype()
    return flow.tensor(value, dtype=dtype, device=tensor.device)


def _remainder(self, other):
    import torch

    return torch.remainder(self, other)


def _fmod(self, other):
    import torch

    return torch.fmod(self, other)


def _reflected_remainder(self, other):
    import torch

    if isinstance(other, flow.Tensor):
        return torch.remainder(other, self)
    return torch.remainder(_beside(other, self), self)


def _where(self, condition, other):
    import torch

    return torch.where(condition, self, other)


def _floor_divide(self, other):
    import torch

    return torch.floor_divide(self, other)


def _reflected_floor_divide(self, other):
    import torch

    return torch.floor_divide(_beside(other, self), self)


def _true_divide(self, other):
    if self.dtype == flow.bool and not isinstance(other, flow.Tensor):
        self = self.to(flow.get_default_dtype())
    return _div(self, other)


_div = flow.Tensor.__truediv__


def _copy(self, src, non_blocking=False):
    """Copy ``src`` into the tensor and return it; gradients flow to ``src``."""
    if not isinstance(src, flow.Tensor):
        src = _single(src, self)
    if flow.is_grad_enabled() and (src.requires_grad or self.requires_grad):
        self[...] = src.expand(*self.shape) if src.shape != self.shape else src
    else:
        _copy_in(self, src)
    return self


_copy_in = flow.Tensor.copy_


def _single(value, tensor):
    """Return a number as a tensor; TypeError for anything else."""
    import torch

    if isinstance(value, (bool, int, float, complex, np.generic)):
        return torch.tensor(value, device=tensor.device)
    raise TypeError(
        f"copy_(): argument 'other' (position 1) must be Tensor, not {type(value).__name__}"
    )


def _shifted_by(name):
    """Return the reflected form of a shift: a number's bits, as far as a tensor says."""

    def method(self, other):
        import torch

        return getattr(torch, name)(other, self)

    return method


def _shift_left(self, other):
    import torch

    if isinstance(other, int) and 0 <= other < 31 and self.dtype in (flow.int32, flow.int64):
        return self * 2**other
    return torch.bitwise_left_shift(self, other)


def _shift_right(self, other):
    import torch

    if isinstance(other, int) and 0 <= other < 31 and self.dtype in (flow.int32, flow.int64):
        return torch.floor_divide(self, 2**other)
    return torch.bitwise_right_shift(self, other)


def _invert(self):
    return flow.logical_not(self) if self.dtype == flow.bool else -1 - self


def _negative(self):
    import torch

    return torch.negative(self)


def _sign(self):
    import torch

    return torch.sign(self)


def _square(self):
    import torch

    return torch.square(self)


def _clamp(self, min=None, max=None):
    import torch

    return torch.clamp(self, min, max)


def _masked_fill(self, mask, value):
    import torch

    if isinstance(value, flow.Tensor):
        if value.ndim:
            raise RuntimeError(
                "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                f"{value.ndim} dimension(s)."
            )
        return torch.where(mask, value.to(self.dtype), self)
    if isinstance(value, complex):
        if self.is_complex():
            return torch.where(mask, torch.tensor(value, dtype=self.dtype), self)
        raise RuntimeError(f"value cannot be converted to type {self.dtype} without overflow")
    if self.dtype == flow.bfloat16:  # OneFlow's takes no such tensor
        return torch.where(mask, _beside(value, self), self)
    return _fill_masked(self, mask, value)


_fill_masked = flow.Tensor.masked_fill


def _power(self, other):
    import torch

    if isinstance(other, flow.Tensor) and not self.is_floating_point():
        return torch.pow(self, other)
    return _pow(self, other)


_pow = flow.Tensor.__pow__


def _reflected_power(self, other):
    import torch

    return torch.pow(other, self)


def _reflected_product(self, other):
    return other.matmul(self)


def _reflected_quotient(self, other):
    if isinstance(other, flow.Tensor) and self.dtype not in halves.HALVES:
        return other / self
    return self.reciprocal() * other


def _adjoint(self):
    if self.ndim not in (0, 2):
        raise RuntimeError(
            f"tensor.H is only supported on matrices (2-D tensors). Got {self.ndim}-D tensor."
        )
    if self.is_complex():
        return (self.transpose(0, 1) if self.ndim else self).conj()
    return self.transpose(0, 1) if self.ndim else self.view(())


def _transpose_last(self):
    return self.transpose(-2, -1)


def _adjoint_last(self):
    turned = self.transpose(-2, -1)
    return turned.conj() if turned.is_complex() else turned


def _bitwise(name):
    def method(self, other):
        import torch

        return getattr(torch, name)(self, other)

    return method


def _promoted(name):
    """Return an operator that promotes as PyTorch does where OneFlow lets the wrong dtype win.

    OneFlow keeps the dtype of the tensor that has dimensions even where the other one is of a
    higher kind (boolean, integer, floating), and bfloat16 beside wider floating dtypes.
    """
    stock = getattr(flow.Tensor, name)

    def method(self, other):
        if isinstance(other, flow.Tensor) and self.dtype is not other.dtype:
            if (self.ndim == 0) != (other.ndim == 0):
                whole, single = (self, other) if self.ndim else (other, self)
                if _kind(single) == 3:
                    dtype = dtypes.result_type(whole, single)
                    self, other = self.to(dtype), other.to(dtype)
                elif _kind(single) > _kind(whole):
                    self, other = self.to(single.dtype), other.to(single.dtype)
            elif not _PROMOTED_RIGHT.issuperset((self.dtype, other.dtype)):
                dtype = dtypes.promote_types(self.dtype, other.dtype)
                self, other = self.to(dtype), other.to(dtype)
        return stock(self, other)

    method.__name__ = name
    method.__qualname__ = f"Tensor.{name}"
    return method


#: Among these OneFlow's own promotion is PyTorch's.
_PROMOTED_RIGHT = frozenset(
    (flow.bool, flow.uint8, flow.int8, flow.int32, flow.int64)
    + (flow.float16, flow.float32, flow.float64)
)


#: What the native kernels promote right, at no cost (``promotion.cpp``).
_PROMOTING = ("__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__")


def _kind(tensor):
    """Return the rank of a tensor's kind in PyTorch's promotion."""
    if tensor.is_complex():
        return 3
    if tensor.is_floating_point():
        return 2
    return 0 if tensor.dtype == flow.bool else 1


def _reversed(self):
    return self.flip(0) if self.ndim else self


def _is_all_true(self):
    _check_boolean(self)
    return self.all()


def _is_any_true(self):
    _check_boolean(self)
    return self.any()


def _check_boolean(tensor):
    if tensor.dtype != flow.bool:
        raise RuntimeError("self.scalar_type() == at::kBool INTERNAL ASSERT FAILED")


METHODS = {
    "__reversed__": _reversed,
    "_is_all_true": _is_all_true,
    "_is_any_true": _is_any_true,
    **{name: complex_functions.real_valued(name) for name in ("__abs__", "abs", "absolute")},
    **{name: _promoted(name) for name in ([] if hooks.kernels else _PROMOTING)},
    "__and__": _bitwise("bitwise_and"),
    "__rand__": _bitwise("bitwise_and"),
    "__or__": _bitwise("bitwise_or"),
    "__ror__": _bitwise("bitwise_or"),
    "__xor__": _bitwise("bitwise_xor"),
    "__rxor__": _bitwise("bitwise_xor"),
    "fmod": _fmod,
    "__mod__": _remainder,
    "__rmod__": _reflected_remainder,
    "__floordiv__": _floor_divide,
    "__rfloordiv__": _reflected_floor_divide,
    "__truediv__": _true_divide,
    "__lshift__": _shift_left,
    "__rshift__": _shift_right,
    "__rlshift__": _shifted_by("bitwise_left_shift"),
    "__rrshift__": _shifted_by("bitwise_right_shift"),
    "__invert__": _invert,
    "__neg__": _negative,
    "neg": _negative,
    "negative": _negative,
    "sign": _sign,
    "square": _square,
    "clamp": _clamp,
    "clip": _clamp,
    "masked_fill": _masked_fill,
    "copy_": _copy,
    "where": _where,
    "__pow__": _power,
    "__rpow__": _reflected_power,
    "__rmatmul__": _reflected_product,
    "__rdiv__": _reflected_quotient,
    "H": property(_adjoint),
    "mT": property(_transpose_last),
    "mH": property(_adjoint_last),
}

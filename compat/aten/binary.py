"""Functions of two tensors, element by element (ATen's ``BinaryOps.cpp``)."""

import math
import operator

import numpy as np
import oneflow as flow
import torch

from oneflow_mock.compat.kernels import dtypes, halves
from oneflow_mock.compat.kernels.host_functions import computed, differentiable
from oneflow_mock.compat.kernels.operands import (
    check_held,
    check_tensor,
    floating,
    integral,
    promoted,
    scaled,
    spread,
    written,
    zero_gradient,
)


def fmax(input, other, *, out=None):
    """Return the greater of each pair; of a number and NaN the number (torch.fmax)."""
    a, b = spread(*promoted("fmax", input, other, numbers=False))
    if integral(a):
        return written(torch.maximum(a, b), out)
    return written(torch.where((a >= b) | torch.isnan(b), a, b), out)


def fmin(input, other, *, out=None):
    """Return the lesser of each pair; of a number and NaN the number (torch.fmin)."""
    a, b = spread(*promoted("fmin", input, other, numbers=False))
    if integral(a):
        return written(torch.minimum(a, b), out)
    return written(torch.where((a <= b) | torch.isnan(b), a, b), out)


def copysign(input, other, *, out=None):
    """Return magnitudes with the signs of another (torch.copysign)."""
    a, b = spread(*map(floating, promoted("copysign", input, other)))
    size = torch.abs(a)
    return written(zero_gradient(torch.where(torch.signbit(b), -size, size), b), out)


def float_power(input, exponent, *, out=None):
    """Return the power in double precision (torch.float_power)."""
    if not isinstance(input, flow.Tensor) and not isinstance(exponent, flow.Tensor):
        check_tensor("float_power", input)
    input, exponent = _double(input), _double(exponent)
    return written(torch.pow(input, exponent), out)


def _double(value):
    if isinstance(value, flow.Tensor):
        return value.to(dtypes.BY_NAME["complex128"] if value.is_complex() else flow.float64)
    return value if isinstance(value, complex) else float(value)


def ldexp(input, other, *, out=None):
    """Return input times 2 to the power of other (torch.ldexp)."""
    check_tensor("ldexp", other, "other", 2)
    check_tensor("ldexp", input)
    a, b = spread(*map(floating, promoted("ldexp", input, other)))
    if a.dtype in _HALVES:
        return written(_half_ldexp(a, b), out)
    return written(a * torch.pow(2.0, b), out)


_half_ldexp = halves.stepped(
    lambda a, b: a * torch.pow(2.0, b),
    lambda grad, answer, a, b: grad * torch.pow(2.0, b),
    lambda grad, answer, a, b: grad * answer * math.log(2.0),
    steps=True,
)


def logaddexp(input, other, *, out=None):
    """Return log(exp(input) + exp(other)) (torch.logaddexp)."""
    return written(_log_of_sum("logaddexp", input, other, torch.exp, torch.log), out)


def logaddexp2(input, other, *, out=None):
    """Return log2(2**input + 2**other) (torch.logaddexp2)."""
    return written(_log_of_sum("logaddexp2", input, other, torch.exp2, torch.log2), out)


def _floats(name, a, b):
    if integral(a):
        kind = dtypes.traits(a.dtype).scalar
        raise NotImplementedError(f'"{name}_cpu" not implemented for {kind!r}')
    return a, b


def _log_of_sum(name, input, other, power, logarithm):
    a, b = spread(*_floats(name, *promoted(name, input, other, numbers=False)))
    if a.is_complex():
        # Of the two the one with the greater real part is taken out; both infinite as they are.
        swap = (a.detach().real < b.detach().real) | torch.isnan(b.detach().real)
        high, low = torch.where(swap, b, a), torch.where(swap, a, b)
        answer = torch.log1p(torch.exp(low - high)) + high
        same = torch.isinf(high.detach().real) & (high.detach() == low.detach())
        return torch.where(same, high, answer)
    if a.dtype in _HALVES:
        return _HALF_SUMS[name](a, b)
    high = torch.maximum(a.detach(), b.detach())
    high = torch.where(torch.isinf(high), torch.zeros_like(high), high)
    return logarithm(power(a - high) + power(b - high)) + high


_HALVES = halves.HALVES
_HALF_SUMS = {
    "logaddexp": halves.stepped(
        lambda a, b: logaddexp(a, b),
        lambda grad, answer, a, b: grad / (1 + torch.exp(b - a)),
        lambda grad, answer, a, b: grad / (1 + torch.exp(a - b)),
    ),
    "logaddexp2": halves.stepped(
        lambda a, b: logaddexp2(a, b),
        lambda grad, answer, a, b: grad / (1 + torch.pow(2.0, b - a)),
        lambda grad, answer, a, b: grad / (1 + torch.pow(2.0, a - b)),
    ),
}


def nextafter(input, other, *, out=None):
    """Return the next number that can be held, towards another (torch.nextafter)."""
    a, b = spread(*promoted("nextafter", input, other, numbers=False))
    if integral(a):
        raise NotImplementedError(f'"nextafter_cpu" not implemented for {a.dtype}')
    return written(_nextafter(a, b), out)


_nextafter = halves.stepped(
    lambda a, b: computed("nextafter", _next(a.dtype), a.detach(), b.detach()),
    lambda grad, answer, a, b: torch.where(a == b, torch.zeros_like(grad), grad),
    lambda grad, answer, a, b: torch.zeros_like(grad),
    steps=True,
)


def _next(dtype):
    def compute(a, b):
        if dtype == flow.float16:
            return np.nextafter(a.astype(np.float16), b.astype(np.float16))
        if dtype == flow.bfloat16:
            import ml_dtypes

            kind = ml_dtypes.bfloat16
            return np.nextafter(a.astype(kind), b.astype(kind))
        return np.nextafter(a, b)

    return compute


def gcd(input, other, *, out=None):
    """Return the greatest common divisor (torch.gcd)."""
    return written(_integers("gcd", np.gcd, input, other), out)


def lcm(input, other, *, out=None):
    """Return the least common multiple (torch.lcm)."""
    return written(_integers("lcm", np.lcm, input, other), out)


def bitwise_left_shift(input, other, *, out=None):
    """Return bits shifted to the left (torch.bitwise_left_shift)."""
    return written(_shifted("bitwise_left_shift", np.left_shift, input, other), out)


def bitwise_right_shift(input, other, *, out=None):
    """Return bits shifted to the right (torch.bitwise_right_shift)."""
    return written(_shifted("bitwise_right_shift", np.right_shift, input, other), out)


def _shifted(name, compute, input, other):
    return _integers(name, compute, input, other, numbers=True, first=True)


def _integers(name, compute, input, other, **takes):
    a, b = spread(*promoted(name, input, other, **{"numbers": False, **takes}))
    if not integral(a) or a.dtype == flow.bool:
        raise NotImplementedError(f'"{name}_cpu" not implemented for {a.dtype}')
    return computed(name, compute, a, b)


def igamma(input, other, *, out=None):
    """Return the regularized lower incomplete gamma function (torch.igamma)."""
    return written(
        _igamma(*_floats("igamma", *promoted("igamma", input, other, numbers=False))), out
    )


def igammac(input, other, *, out=None):
    """Return the regularized upper incomplete gamma function (torch.igammac)."""
    return written(
        _igammac(*_floats("igammac", *promoted("igammac", input, other, numbers=False))), out
    )


def _incomplete(name):
    def compute(a, x):
        from scipy import special

        return getattr(special, name)(a, x)

    return compute


def _density(a, x):
    return torch.exp((a - 1) * torch.log(x) - x - torch.lgamma(a))


_igamma = differentiable("igamma", _incomplete("gammainc"), None, _density)
_igammac = differentiable("igammac", _incomplete("gammaincc"), None, lambda a, x: -_density(a, x))


def heaviside(input, values, *, out=None):
    """Return 0 below zero, 1 above, ``values`` at zero (torch.heaviside)."""
    check_tensor("heaviside", input)
    check_tensor("heaviside", values, "values", 2)
    if input.dtype != values.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    input, values = spread(input, values)
    return written(torch.where(input == 0, values, (input > 0).to(input.dtype)), out)


def xlogy(input, other, *, out=None):
    """Return input log(other), and 0 where input is 0 (torch.xlogy)."""
    a, b = spread(*map(floating, promoted("xlogy", input, other, first=True)))
    if a.dtype in _HALVES:
        return written(_half_xlogy(a, b), out)
    zero = (a == 0) & torch.logical_not(torch.isnan(b))
    product = a * torch.log(torch.where(zero, torch.ones_like(b), b))
    if a.requires_grad or b.requires_grad:
        product = torch.where(
            zero, a * torch.log(b.detach().clamp(min=0)).nan_to_num(0, 0, 0), product
        )
    return written(torch.where(zero, torch.zeros_like(product) + product * 0, product), out)


def _xlogy_gradient(grad, answer, a, b):
    found = grad * torch.xlogy((a != 0).to(a.dtype), b)
    return torch.where((a == 0) & (b <= 0), torch.zeros_like(found), found)


_half_xlogy = halves.stepped(
    lambda a, b: xlogy(a, b), _xlogy_gradient, lambda grad, answer, a, b: grad * a / b
)


def hypot(input, other, *, out=None):
    """Return the square root of the sum of squares (torch.hypot)."""
    a, b = spread(*_floats("hypot", *promoted("hypot", input, other, numbers=False)))
    if a.dtype in _HALVES:
        return written(_half_hypot(a, b), out)
    return written(torch.sqrt(a * a + b * b), out)


_half_hypot = halves.stepped(
    lambda a, b: torch.sqrt(a * a + b * b),
    lambda grad, answer, a, b: grad * a / answer,
    lambda grad, answer, a, b: grad * b / answer,
)


def _reciprocal_square(a, b):
    square = a * a + b * b
    return torch.where(square == 0, torch.zeros_like(square), torch.reciprocal(square))


_half_atan2 = halves.stepped(
    lambda a, b: flow.atan2(a.contiguous(), b.contiguous()),
    lambda grad, answer, a, b: grad * b * _reciprocal_square(a, b),
    lambda grad, answer, a, b: grad * -a * _reciprocal_square(a, b),
)


def atan2(input, other, *, out=None):
    """Return the angle of the point (other, input) (torch.atan2)."""
    a, b = spread(*map(floating, promoted("atan2", input, other, numbers=False)))
    if not a.numel():
        return written(a * b, out)
    if a.dtype in _HALVES:
        return written(_half_atan2(a, b), out)
    return written(flow.atan2(a.contiguous(), b.contiguous()), out)


arctan2 = atan2


def rsub(input, other, *, alpha=1):
    """Return other - alpha input (torch.rsub)."""
    check_tensor("rsub", input)
    a, b = promoted("rsub", input, other)
    if a.dtype == flow.bool:
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying "
            "to invert a mask, use the `~` or `logical_not()` operator instead."
        )
    return b - a * alpha if alpha != 1 else b - a


def div(input, other, *, rounding_mode=None, out=None):
    """Return input / other; "trunc" rounds towards zero, "floor" towards minus infinity."""
    if rounding_mode is None:
        if type(other) in _SIMPLE and input.is_floating_point():
            return written(flow.div(input, other), out)
        if not isinstance(other, flow.Tensor) or other.dtype is not input.dtype:
            input, other = promoted("div", input, other, first=True)
        return written(flow.div(floating(input), floating(other)), out)
    if rounding_mode not in ("trunc", "floor"):
        raise RuntimeError(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
            f"'{rounding_mode}'"
        )
    a, b = spread(*promoted("div", input, other, first=True))
    if integral(a):
        return written(_whole_quotient(a, b, rounding_mode), out)
    if rounding_mode == "trunc":
        return written(torch.trunc(flow.div(a, b)), out)
    return written(_floored(a, b), out)


def div_(input, other, *, rounding_mode=None):
    """Divide in place (torch.Tensor.div_)."""
    if rounding_mode is None:
        try:
            return _div_in_place(input, other)
        except _REFUSED:  # promoted first, this may do
            pass
    return _in_place("div_", div, input, other, rounding_mode=rounding_mode)


_div_in_place = flow._C.div_
_REFUSED = (RuntimeError, TypeError)


def _in_place(name, compute, input, other, **options):
    """Write what an operator answers into its first operand, if that can hold it."""
    from oneflow_mock.compat.tensor import in_place

    return in_place(name, compute)(input, other, **options)


def mul_(input, other):
    """Multiply in place (torch.Tensor.mul_)."""
    try:
        return _mul_in_place(input, other)
    except _REFUSED:
        return _in_place("mul_", operator.mul, input, other)


_mul_in_place = flow._C.mul_
_SIMPLE = (float, int)
divide = div
true_divide = div


def floor_divide(input, other, *, out=None):
    """Return the quotient rounded towards minus infinity (torch.floor_divide)."""
    return div(input, other, rounding_mode="floor", out=out)


def _whole_quotient(a, b, mode):
    dtype = a.dtype
    if dtype == flow.bool:
        raise NotImplementedError(f"\"div_{mode}_cpu\" not implemented for 'Bool'")
    if b.numel() and bool((b == 0).any()):
        raise RuntimeError("ZeroDivisionError")
    quotient = flow.floor_divide(a.contiguous(), b.contiguous())  # OneFlow's goes towards zero
    if mode == "trunc":
        return quotient
    rest = a - quotient * b
    return quotient - ((rest != 0) & ((rest < 0) != (b < 0))).to(dtype)


def _floored(a, b):
    rest = flow.fmod(a.contiguous(), b.contiguous())
    quotient = flow.div(a - rest, b)
    wrong = (rest != 0) & ((rest < 0) != (b < 0))
    answer = flow.round(quotient - wrong.to(quotient.dtype))
    return torch.where(b == 0, flow.div(a, b), answer)


def bitwise_and(input, other, *, out=None):
    """Return the bitwise and of integers or booleans (torch.bitwise_and)."""
    return written(_bits("bitwise_and", input, other), out)


def bitwise_or(input, other, *, out=None):
    """Return the bitwise or of integers or booleans (torch.bitwise_or)."""
    return written(_bits("bitwise_or", input, other), out)


def bitwise_xor(input, other, *, out=None):
    """Return the bitwise exclusive or of integers or booleans (torch.bitwise_xor)."""
    return written(_bits("bitwise_xor", input, other), out)


def _bits(name, input, other):
    """Combine bits; OneFlow has kernels for booleans only."""
    a, b = promoted(name, input, other, first=True)
    if a.dtype == flow.bool:
        return getattr(flow, name.replace("bitwise", "logical"))(a, b)
    if a.is_floating_point():
        raise NotImplementedError(
            f'"{name}_cpu" not implemented for {dtypes.traits(a.dtype).scalar!r}'
        )
    return computed(name, getattr(np, name), a, b)


def clamp_min(input, min, *, out=None):
    """Return the input, or ``min`` where that is greater (torch.clamp_min)."""
    check_tensor("clamp_min", input)
    if isinstance(min, flow.Tensor) or input.dtype == flow.bool:
        a, b = spread(*promoted("clamp_min", input, min))
        return written(_held(a, b, torch.ge), out)
    return torch.clamp(input, min=min, out=out)


def clamp_max(input, max, *, out=None):
    """Return the input, or ``max`` where that is less (torch.clamp_max)."""
    check_tensor("clamp_max", input)
    if isinstance(max, flow.Tensor) or input.dtype == flow.bool:
        a, b = spread(*promoted("clamp_max", input, max))
        return written(_held(a, b, torch.le), out)
    return torch.clamp(input, max=max, out=out)


def _held(a, b, within):
    if a.dtype == flow.bool:
        return a | b if within is torch.ge else a & b
    keeps = within(a, b)
    return torch.where(keeps if integral(a) else keeps | torch.isnan(a), a, b)


def sub(input, other, *, alpha=1, out=None):
    """Return input - alpha other (torch.sub)."""
    if alpha != 1 or isinstance(other, complex):
        return written(input - scaled(input, other, alpha), out)
    answer = flow.sub(input, other)
    return answer if out is None else written(answer, out)


def sub_(input, other, *, alpha=1):
    """Subtract alpha other in place (torch.Tensor.sub_)."""
    try:
        return flow._C.sub(input, other, alpha=alpha, inplace=True)
    except _REFUSED:
        return _in_place("sub_", _less, input, other, alpha=alpha)


def _less(a, b, alpha):
    return a - scaled(a, b, alpha)


def add_(input, other, *, alpha=1):
    """Add alpha other in place (torch.Tensor.add_)."""
    if not isinstance(other, _Tensor) or other.dtype is input.dtype:  # others OneFlow casts
        try:
            return _sum(input, other, alpha=alpha, inplace=True)
        except _REFUSED:
            pass
    return _in_place("add_", _more, input, other, alpha=alpha)


_sum = flow._C.add
_Tensor = flow.Tensor


def _more(a, b, alpha):
    return a + scaled(a, b, alpha)


def masked_fill(input, mask, value):
    """Return a copy with a value where the mask is (torch.masked_fill)."""
    return input.masked_fill(mask, value)


def clamp_(input, min=None, max=None):
    """Hold the input within [min, max], in place (torch.Tensor.clamp_)."""
    bounds = (type(min), type(max))
    takes = _CLAMPED if float in bounds else _CLAMPED | _COUNTED
    if input.dtype in takes and _BOUNDS.issuperset(bounds) and min == min and max == max:
        return flow._C.clamp_(input, min, max)
    answer = torch.clamp(input.clone(), min, max)
    check_held(answer.dtype, input)
    return input.copy_(answer)


_CLAMPED = frozenset((flow.float32, flow.float64))
_COUNTED = frozenset((flow.int8, flow.uint8, flow.int32, flow.int64))
_BOUNDS = frozenset((int, float, type(None)))


clip_ = clamp_


def isclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Tell which pairs are close to each other (torch.isclose)."""
    for name, value in (("rtol", rtol), ("atol", atol)):
        if value < 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {value}")
    check_tensor("isclose", input)
    check_tensor("isclose", other, "other", 2)
    if input.dtype != other.dtype:
        raise RuntimeError(f"{_name_of(input)} did not match {_name_of(other)}")
    a, b = spread(input.detach(), other.detach())
    close = a == b
    if equal_nan and a.is_floating_point():
        close = close | (torch.isnan(a) & torch.isnan(b))
    if rtol == 0 and atol == 0:
        return close
    if a.dtype == flow.bool:
        a, b = a.to(flow.int32), b.to(flow.int32)
    wide = a if a.is_floating_point() else a.to(flow.float64)
    allowed = atol + (rtol * b.to(wide.dtype)).abs()
    gap = (wide - b.to(wide.dtype)).abs()
    return close | (torch.isfinite(gap) & (gap <= allowed))


def _name_of(tensor):
    return dtypes.traits(tensor.dtype).scalar


# what has a longer name as well


def subtract(input, other, *, alpha=1, out=None):
    """Return input - alpha other (torch.subtract)."""
    return torch.sub(input, other, alpha=alpha, out=out)


def less(input, other, *, out=None):
    """Tell where input < other (torch.less)."""
    return torch.lt(input, other, out=out)


def less_equal(input, other, *, out=None):
    """Tell where input <= other (torch.less_equal)."""
    return torch.le(input, other, out=out)


def greater(input, other, *, out=None):
    """Tell where input > other (torch.greater)."""
    return torch.gt(input, other, out=out)


def greater_equal(input, other, *, out=None):
    """Tell where input >= other (torch.greater_equal)."""
    return torch.ge(input, other, out=out)


def not_equal(input, other, *, out=None):
    """Tell where input and other differ (torch.not_equal)."""
    return torch.ne(input, other, out=out)

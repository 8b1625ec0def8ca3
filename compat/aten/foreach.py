"""torch._foreach_*: an operator over the tensors of lists, one by one (``ForeachOpsKernels.cpp``).

``operator("add")`` is what torch._foreach_add is. A number, a list of numbers or of tensors as long
as the first one, and where PyTorch takes one, a tensor, can be the other operand.
"""

import torch

from oneflow_mock.compat.kernels.operands import check_tensor

_UNARY = (
    "abs acos asin atan ceil clone cos cosh erf erfc exp expm1 floor frac lgamma log log10 log1p "
    "log2 max neg reciprocal round rsqrt sigmoid sign sin sinh sqrt tan tanh trunc"
).split()
_BINARY = "add sub mul div clamp_max clamp_min maximum minimum pow mm".split()
_SUMMED = ("addcdiv", "addcmul")


def operator(name):
    """Return the operator of a name without ``_foreach_``; AttributeError for none."""
    base = name[:-1] if name.endswith("_") else name
    is_in_place = base != name
    if base in _UNARY and not (is_in_place and base in ("max", "clone")):
        made = _unary(name)
    elif base in _BINARY and name != "mm_":
        made = _binary(base, is_in_place)
    elif base in _SUMMED:
        made = _summed(base, is_in_place)
    elif base == "lerp":
        made = _lerp(name)
    elif name in _OTHERS:
        return _OTHERS[name]
    else:
        raise AttributeError(f"_foreach_{name}")
    made.__name__ = made.__qualname__ = f"_foreach_{name}"
    made.__module__ = "torch"
    made.__doc__ = f"Apply {base} to each tensor of a list{', in place' if is_in_place else ''}."
    return made


def _checked(tensors, *lists):
    """Return a list of tensors; RuntimeError for an empty one, or others of another length."""
    tensors = list(tensors)
    if not tensors:
        raise RuntimeError("Tensor list must have at least one tensor.")
    for other in lists:
        if len(other) != len(tensors):
            raise RuntimeError(
                "Tensor lists must have the same number of tensors, got "
                f"{len(tensors)} and {len(other)}"
            )
    return tensors


def _spread(value, count):
    """Return a value for each tensor."""
    if isinstance(value, (list, tuple)):
        return value
    return [value] * count


def _each(work, tensors, *others):
    return tuple(work(*given) for given in zip(tensors, *others))


def _unary(name):
    work = getattr(torch.Tensor, name)

    def foreach(self):
        found = _each(work, _checked(self))
        return self if name.endswith("_") else found

    return foreach


def _binary(base, is_in_place):
    if base in ("maximum", "minimum", "clamp_max", "clamp_min"):
        work = _held(base, is_in_place)
    else:
        work = getattr(torch.Tensor, base + "_" if is_in_place else base)

    def foreach(self, other, *, alpha=1):
        if base == "pow" and not is_in_place and not isinstance(self, (list, tuple)):
            return tuple(torch.pow(self, exponent) for exponent in _checked(other))
        lists = [other] if isinstance(other, (list, tuple)) else []
        tensors = _checked(self, *lists)
        others = _spread(other, len(tensors))
        if alpha == 1:
            found = _each(work, tensors, others)
        else:
            found = _each(lambda one, two: work(one, two, alpha=alpha), tensors, others)
        return self if is_in_place else found

    return foreach


def _held(base, is_in_place):
    """Return the larger or the smaller of a tensor and another one, or a number."""
    is_lower = base in ("maximum", "clamp_min")

    def held(one, two):
        if isinstance(two, torch.Tensor):
            found = (torch.maximum if is_lower else torch.minimum)(one, two)
        else:
            found = torch.clamp_min(one, two) if is_lower else torch.clamp_max(one, two)
        return one.copy_(found) if is_in_place else found

    return held


def _summed(base, is_in_place):
    work = getattr(torch.Tensor, base + "_" if is_in_place else base)

    def foreach(self, tensor1, tensor2, value=1, *, scalars=None):
        tensors = _checked(self, tensor1, tensor2)
        values = value if scalars is None else scalars
        if isinstance(values, torch.Tensor):
            values = values.tolist()
        values = _spread(values, len(tensors))
        _checked(tensors, values)
        found = _each(lambda x, a, b, v: work(x, a, b, value=v), tensors, tensor1, tensor2, values)
        return self if is_in_place else found

    return foreach


def _lerp(name):
    work = getattr(torch.Tensor, name)

    def foreach(self, tensors1, weight=None, *, weights=None):
        weight = weight if weights is None else weights
        tensors = _checked(self, tensors1)
        weight = _spread(weight, len(tensors))
        _checked(tensors, weight)
        found = _each(work, tensors, tensors1, weight)
        return self if name.endswith("_") else found

    return foreach


def _foreach_norm(self, ord=2, dtype=None):
    """Return the norm of each tensor of a list."""
    ord = ord.item() if isinstance(ord, torch.Tensor) else ord
    return tuple(torch.linalg.vector_norm(one, ord, dtype=dtype) for one in _checked(self))


def _foreach_powsum(self, ord=2, dtype=None):
    """Return the sum of each tensor's powers of absolute values."""
    return tuple(one.abs().to(dtype or one.dtype).pow(ord).sum() for one in _checked(self))


def _foreach_zero_(self):
    """Set each tensor of a list to zero."""
    for one in _checked(self):
        one.zero_()
    return self


def _foreach_copy_(self, src, non_blocking=False):
    """Copy each tensor of one list into that of another."""
    for one, other in zip(_checked(self, src), src):
        one.copy_(check_tensor("_foreach_copy_", other, "src", 2))
    return self


_OTHERS = {
    "norm": _foreach_norm,
    "powsum": _foreach_powsum,
    "zero_": _foreach_zero_,
    "copy_": _foreach_copy_,
}

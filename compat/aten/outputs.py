"""OneFlow's own functions, with ``out``; their methods, which take none, stay as they are.

(`compat.aten.FUNCTIONS_ONLY` names this file.)
"""

import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels.operands import check_tensor, scaled, written


def _unary(name):
    work = getattr(flow, name)

    def operator(input, *, out=None):
        return work(input) if out is None else written(work(input), out)

    return _with_fallback(name, operator)


#: Autocast exchanges the code of these, so they have to be Python's functions.
_CAST = ("bmm", "mm")


def _binary(name):
    work = getattr(flow, name)

    def operator(input, other, *, out=None):
        if type(other) is complex:
            return written(getattr(input, f"__{name}__")(other), out)
        return work(input, other) if out is None else written(work(input, other), out)

    return _named(name, operator) if name in _CAST else _with_fallback(name, operator)


def _comparison(name):
    work = getattr(flow, name)

    def operator(input, other, *, out=None):
        if not isinstance(input, flow.Tensor):
            check_tensor(name, input)
        return work(input, other) if out is None else written(work(input, other), out)

    return _named(name, operator)


def _logical(name):
    work = getattr(flow, name)

    def operator(input, other, *, out=None):
        check_tensor(name, input)
        check_tensor(name, other, "other", 2)
        return written(work(input, other), out)

    return _named(name, operator)


def _general(name):
    work = getattr(flow, name)

    def operator(*args, out=None, **kwargs):
        return written(work(*args, **kwargs), out)

    return _named(name, operator)


def _named(name, operator):
    operator.__name__ = operator.__qualname__ = name
    operator.__module__ = "torch"
    operator.__doc__ = f"See torch.{name}."
    return operator


def _with_fallback(name, operator):
    """Have OneFlow's function called, and the operator for keywords and for what that refuses."""
    operator = _named(name, operator)
    return (
        hooks.native["with_fallback"](getattr(flow, name), operator) if hooks.kernels else operator
    )


def _sum_of_two(input, other, *, alpha=1, out=None):
    return written(input + scaled(input, other, alpha), out)


acosh = _unary("acosh")
add = _with_fallback("add", _sum_of_two)
asin = _unary("asin")
asinh = _unary("asinh")
atan = _unary("atan")
atanh = _unary("atanh")
cos = _unary("cos")
erf = _unary("erf")
erfc = _unary("erfc")
exp = _unary("exp")
expm1 = _unary("expm1")
log = _unary("log")
log10 = _unary("log10")
log1p = _unary("log1p")
log2 = _unary("log2")
logical_not = _unary("logical_not")
reciprocal = _unary("reciprocal")
rsqrt = _unary("rsqrt")
sigmoid = _unary("sigmoid")
sin = _unary("sin")
sinh = _unary("sinh")
sqrt = _unary("sqrt")
tan = _unary("tan")
tanh = _unary("tanh")
maximum = _binary("maximum")
minimum = _binary("minimum")
mul = _binary("mul")
mm = _binary("mm")
mv = _binary("mv")
dot = _binary("dot")
bmm = _binary("bmm")
eq = _comparison("eq")
ne = _comparison("ne")
lt = _comparison("lt")
le = _comparison("le")
gt = _comparison("gt")
ge = _comparison("ge")
logical_and = _logical("logical_and")
logical_or = _logical("logical_or")
logical_xor = _logical("logical_xor")
diag = _general("diag")
tril = _general("tril")
triu = _general("triu")
masked_select = _general("masked_select")


def abs(input, *, out=None):
    """Return the absolute values, of complex numbers too (torch.abs)."""
    return written(input.abs(), out)


absolute = abs


def tensordot(a, b, dims=2, out=None):
    """Return the sum of products over dimensions of two tensors (torch.tensordot)."""
    if isinstance(dims, flow.Tensor):
        dims = dims.tolist()
    return written(flow.tensordot(a, b, dims), out)

"""torch.special: operators of torch under another name, and what SciPy has on the host.

The derivatives are PyTorch's, of these same functions. What PyTorch has none for has none here.
"""

import math

import numpy as np
import oneflow as flow
import torch

from oneflow_mock.compat.kernels import halves
from oneflow_mock.compat.kernels import special_functions as special

exp2 = torch.exp2
expm1 = torch.expm1
erf = torch.erf
erfc = torch.erfc
log1p = torch.log1p
sinc = torch.sinc
xlogy = torch.xlogy
expit = torch.sigmoid
softmax = torch.softmax
log_softmax = torch.log_softmax
logsumexp = torch.logsumexp
round = torch.round


def logit(input, eps=None, *, out=None):
    """Return log(x / (1 - x)), x held within [eps, 1 - eps] where eps is given."""
    input = special.floating(input)
    if eps is not None:
        input = torch.clamp(input, eps, 1.0 - eps)
    answer = flow.log(input / (1.0 - input))
    return answer if out is None else out.copy_(answer)


# entropy and error functions


entr = special.unary(
    "entr",
    "entr",
    lambda x, y: -(1 + torch.log(x)),
    halves=True,
    doc="Return -x log(x); 0 at 0 and -inf below.",
)
erfcx = special.unary(
    "erfcx",
    "erfcx",
    lambda x, y: 2 * x * y - 2 / math.sqrt(math.pi),
    doc="Return exp(x²) erfc(x).",
)
erfinv = special.unary(
    "erfinv",
    "erfinv",
    lambda x, y: math.sqrt(math.pi) / 2 * torch.exp(y * y),
    halves=True,
    doc="Return x of `erf(x)`.",
)
ndtr = special.unary(
    "ndtr",
    "ndtr",
    lambda x, y: torch.exp(-x * x / 2) / math.sqrt(2 * math.pi),
    halves=True,
    doc="Return the normal distribution's area below x.",
)
log_ndtr = special.unary(
    "log_ndtr",
    "log_ndtr",
    lambda x, y: 1 / erfcx(-x * math.sqrt(0.5)) * math.sqrt(2 / math.pi),
    doc="Return the logarithm of `ndtr`.",
)
ndtri = special.unary(
    "ndtri",
    "ndtri",
    lambda x, y: math.sqrt(2 * math.pi) * torch.exp(y * y / 2),
    doc="Return x of `ndtr(x)`.",
)

# gamma functions

gammaln = special.unary(
    "gammaln",
    "gammaln",
    lambda x, y: digamma(x),
    halves=True,
    doc="Return the logarithm of the gamma function's magnitude.",
)
digamma = special.unary(
    "digamma",
    "digamma",
    lambda x, y: polygamma(1, x),
    halves=True,
    doc="Return the derivative of `gammaln`.",
)
psi = digamma


def _trigamma(dtype):
    """Return digamma's derivative as PyTorch computes it: by reflection, in the dtype."""
    kind = np.float64 if dtype == flow.float64 else np.float32

    def values(x):
        from scipy.special import zeta

        left = x < 0.5
        sine = np.sin(kind(np.pi) * x.astype(kind)).astype(np.float64)
        upper = zeta(2.0, np.where(left, 1 - x, x))
        return np.where(left, np.pi**2 / (sine * sine) - upper, upper)

    return values


def polygamma(n, input, *, out=None):
    """Return the n-th derivative of `digamma`."""
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    if n == 0:
        return digamma(input, out=out)
    input = special.floating(input)

    def values(x):
        from scipy.special import gamma, zeta

        return (1 if n % 2 else -1) * gamma(n + 1.0) * zeta(n + 1.0, x)

    operator = special.unary(
        "polygamma",
        _trigamma(input.dtype) if n == 1 else values,
        lambda x, y: polygamma(n + 1, x),
        halves=True,
    )
    return operator(input, out=out)


def multigammaln(input, p, *, out=None):
    """Return the logarithm of the gamma function of dimension p."""
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    input = special.floating(input)
    shifts = flow.arange(p, dtype=input.dtype, device=input.device) * 0.5
    answer = gammaln(input.unsqueeze(-1) - shifts).sum(dim=-1)
    answer = answer + p * (p - 1) / 4 * math.log(math.pi)
    return answer if out is None else out.copy_(answer)


def _density(a, x):
    return torch.exp((a - 1) * torch.log(x) - x - gammaln(a))


gammainc = special.binary(
    "gammainc",
    special.scipy("gammainc"),
    (special.unknown("igamma", "input"), _density),
    "Return the lower incomplete gamma function, of its whole.",
    tensors=True,
)
gammaincc = special.binary(
    "gammaincc",
    special.scipy("gammaincc"),
    (special.unknown("igammac", "input"), lambda a, x: -_density(a, x)),
    "Return the upper incomplete gamma function, of its whole.",
    tensors=True,
)


def _zeta(x, q):
    from scipy.special import zeta as found

    # SciPy has no value at an integer that is not positive for a power that is not whole.
    return np.where((q <= 0) & (q != np.floor(q)) & (x != np.floor(x)), np.nan, found(x, q))


zeta = special.binary(
    "zeta",
    _zeta,
    (special.unknown("special_zeta", "self"), lambda x, q: -x * zeta(x + 1, q)),
    "Return the sum of (k + q)⁻ˣ over k from 0 (Hurwitz's zeta function).",
)


def _log1p_slope(x, y):
    masked = flow.logical_and(x == 0, y <= -1)
    return torch.where(masked, flow.zeros_like(y), torch.log1p(y))


_xlog1py = special.binary(
    "xlog1py",
    special.scipy("xlog1py"),
    (_log1p_slope, lambda x, y: x / (y + 1)),
    "Return x log(1 + y), 0 where x is.",
)


def xlog1py(input, other, *, out=None):
    """Return x log(1 + y), 0 where x is."""
    if halves.is_half(input) and halves.is_half(other) and input.dtype is other.dtype:
        answer = _half_xlog1py(*torch.broadcast_tensors(input, other))
        return answer if out is None else out.copy_(answer)
    return _xlog1py(input, other, out=out)


def _xlog1py_gradient(grad, answer, x, y):
    found = grad * torch.log1p(y)
    return torch.where((x == 0) & (y <= -1), torch.zeros_like(found), found)


_half_xlog1py = halves.stepped(
    lambda x, y: _xlog1py(x, y), _xlog1py_gradient, lambda grad, answer, x, y: grad * x / (y + 1)
)

# Bessel functions


def _away_from_zero(x, slope, at_zero):
    """Return slope(x), which divides by x, and its limit near 0."""
    eps = np.finfo(np.float64 if x.dtype == flow.float64 else np.float32).eps
    far = x.abs() > eps
    found = slope(torch.where(far, x, flow.full_like(x, float(eps))))
    return torch.where(far, found, flow.full_like(x, at_zero))


i0 = special.unary(
    "i0",
    "i0",
    lambda x, y: i1(x),
    halves=True,
    doc="Return the modified Bessel function of the first kind of order 0.",
)
i0e = special.unary(
    "i0e",
    "i0e",
    lambda x, y: i1e(x) - torch.sign(x) * y,
    halves=True,
    doc="Return exp(-|x|) `i0`.",
)
i1 = special.unary(
    "i1",
    "i1",
    lambda x, y: _away_from_zero(x, lambda x: i0(x) - i1(x) / x, 0.5),
    halves=True,
    doc="Return the modified Bessel function of the first kind of order 1.",
)
i1e = special.unary(
    "i1e",
    "i1e",
    lambda x, y: _away_from_zero(x, lambda x: i0e(x) - i1e(x) * (torch.sign(x) + 1 / x), 0.5),
    halves=True,
    doc="Return exp(-|x|) `i1`.",
)
bessel_j0 = special.unary("bessel_j0", "j0", doc="Bessel's function of the first kind, order 0.")
bessel_j1 = special.unary("bessel_j1", "j1", doc="Bessel's function of the first kind, order 1.")
bessel_y0 = special.unary("bessel_y0", "y0", doc="Bessel's function of the second kind, order 0.")
bessel_y1 = special.unary("bessel_y1", "y1", doc="Bessel's function of the second kind, order 1.")
modified_bessel_i0 = special.unary("modified_bessel_i0", "i0", doc="`i0`, without a gradient.")
modified_bessel_i1 = special.unary("modified_bessel_i1", "i1", doc="`i1`, without a gradient.")
modified_bessel_k0 = special.unary(
    "modified_bessel_k0", "k0", doc="The modified Bessel function of the second kind, order 0."
)
modified_bessel_k1 = special.unary(
    "modified_bessel_k1", "k1", doc="The modified Bessel function of the second kind, order 1."
)
scaled_modified_bessel_k0 = special.unary(
    "scaled_modified_bessel_k0", "k0e", doc="exp(x) `modified_bessel_k0`."
)
scaled_modified_bessel_k1 = special.unary(
    "scaled_modified_bessel_k1", "k1e", doc="exp(x) `modified_bessel_k1`."
)
spherical_bessel_j0 = special.unary(
    "spherical_bessel_j0",
    lambda x: np.where(np.isinf(x), 0.0, np.sinc(x / np.pi)),
    doc="Return sin(x) / x.",
)
airy_ai = special.unary(
    "airy_ai", lambda x: special.scipy("airy")(x)[0], doc="Return Airy's function Ai."
)

# orthogonal polynomials


def _chebyshev(k, x, now, before):
    return 2 * x * now - before


def _shifted(k, x, now, before):
    return 2 * (2 * x - 1) * now - before


chebyshev_polynomial_t = special.polynomial(
    "chebyshev_polynomial_t",
    lambda x: x,
    _chebyshev,
    "Return Chebyshev's polynomial of the first kind.",
)
chebyshev_polynomial_u = special.polynomial(
    "chebyshev_polynomial_u",
    lambda x: 2 * x,
    _chebyshev,
    "Return Chebyshev's polynomial of the second kind.",
)
chebyshev_polynomial_v = special.polynomial(
    "chebyshev_polynomial_v",
    lambda x: 2 * x - 1,
    _chebyshev,
    "Return Chebyshev's polynomial of the third kind.",
)
chebyshev_polynomial_w = special.polynomial(
    "chebyshev_polynomial_w",
    lambda x: 2 * x + 1,
    _chebyshev,
    "Return Chebyshev's polynomial of the fourth kind.",
)
shifted_chebyshev_polynomial_t = special.polynomial(
    "shifted_chebyshev_polynomial_t",
    lambda x: 2 * x - 1,
    _shifted,
    "Return `chebyshev_polynomial_t` of 2x - 1.",
)
shifted_chebyshev_polynomial_u = special.polynomial(
    "shifted_chebyshev_polynomial_u",
    lambda x: 2 * (2 * x - 1),
    _shifted,
    "Return `chebyshev_polynomial_u` of 2x - 1.",
)
shifted_chebyshev_polynomial_v = special.polynomial(
    "shifted_chebyshev_polynomial_v",
    lambda x: 2 * (2 * x - 1) - 1,
    _shifted,
    "Return `chebyshev_polynomial_v` of 2x - 1.",
)
shifted_chebyshev_polynomial_w = special.polynomial(
    "shifted_chebyshev_polynomial_w",
    lambda x: 2 * (2 * x - 1) + 1,
    _shifted,
    "Return `chebyshev_polynomial_w` of 2x - 1.",
)


def _hermite_limit(dtype):
    return 512 if dtype == flow.float64 else 128


hermite_polynomial_h = special.polynomial(
    "hermite_polynomial_h",
    lambda x: 2 * x,
    lambda k, x, now, before: 2 * (x * now - k * before),
    "Return Hermite's polynomial, the physicists' one.",
    _hermite_limit,
)
hermite_polynomial_he = special.polynomial(
    "hermite_polynomial_he",
    lambda x: x,
    lambda k, x, now, before: x * now - k * before,
    "Return Hermite's polynomial, the probabilists' one.",
    _hermite_limit,
)
laguerre_polynomial_l = special.polynomial(
    "laguerre_polynomial_l",
    lambda x: 1 - x,
    lambda k, x, now, before: ((2 * k + 1 - x) * now - k * before) / (k + 1),
    "Return Laguerre's polynomial.",
)
legendre_polynomial_p = special.polynomial(
    "legendre_polynomial_p",
    lambda x: x,
    lambda k, x, now, before: ((2 * k + 1) * x * now - k * before) / (k + 1),
    "Return Legendre's polynomial.",
)

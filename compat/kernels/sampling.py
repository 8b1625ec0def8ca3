"""PyTorch's CPU distributions over NumPy arrays: which words each takes, and what it makes of them.

The order and number of the words is PyTorch's. What +, × and comparison make of them is exact,
multiply-adds being rounded once as PyTorch's vector code rounds them; what goes through log, cos
or exp is within a few units in the last place. Values come in the order of the tensor's memory.
Nothing here knows OneFlow; what is drawn most has a native kernel (random.cpp), which works on the
same stream.
"""

from __future__ import annotations

import ctypes
import math
import sys

import numpy as np

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels.mersenne import Cursor, Mersenne, bits24, doubles, floats

#: Elements per step: the temporaries of a step stay in the cache.
_STEP = 1 << 15

_HALF, _SINGLE, _DOUBLE = np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64)


class _BFloat16:
    """Stands for the dtype that NumPy lacks; equal to itself only, and NumPy is not asked."""

    def __eq__(self, other):
        return self is other

    def __hash__(self):
        return id(self)


#: Values of bfloat16 travel as float32 that hold nothing a bfloat16 cannot.
BFLOAT16 = _BFloat16()


def storage(dtype) -> np.dtype:
    """Return the NumPy type that carries a dtype's values."""
    return _SINGLE if dtype is BFLOAT16 else np.dtype(dtype)


def rounded(values: np.ndarray, dtype) -> np.ndarray:
    """Convert floating-point values to a dtype, to nearest even; doubles pass through float32."""
    if dtype is not BFLOAT16:
        if dtype == values.dtype:
            return values
        with np.errstate(over="ignore"):  # too large is infinite, without a warning
            if dtype == _HALF:
                values = values.astype(_SINGLE, copy=False)
            return values.astype(dtype)
    with np.errstate(over="ignore"):
        bits = values.astype(np.float32).view(np.uint32)
    is_nan = np.isnan(values)
    bits += ((bits >> np.uint32(16)) & np.uint32(1)) + np.uint32(0x7FFF)
    bits &= np.uint32(0xFFFF0000)
    result = bits.view(np.float32)
    if is_nan.any():
        result[is_nan] = np.nan
    return result


def _multiply_add(x, y: float, z: float):
    """Return x*y + z rounded once, for an array x of floats or doubles."""
    if x.dtype == _SINGLE:
        wide = x.astype(np.float64)  # the product of two floats is exact in double
        wide *= y
        wide += z
        return wide.astype(np.float32)
    if z == 0.0:
        return x * y
    product = x * y
    error = _product_error(x, y, product)
    total = product + z
    back = total - product
    return total + (((product - (total - back)) + (z - back)) + error)


def _product_error(x, y, product):
    """Return x*y - product exactly, by splitting both factors (Dekker)."""
    x_high, x_low = _split(x)
    y_high, y_low = _split(y)
    return ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low


def _split(x):
    scaled = x * 134217729.0
    high = scaled - (scaled - x)
    return high, x - high


def _kernel(name: str):
    return getattr(hooks.library, name)


def _address(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _draw(stream: Mersenne, what: str, count: int, dtype, *numbers: float) -> np.ndarray:
    """Return floats or doubles that a native kernel draws."""
    out = np.empty(count, dtype)
    number = ctypes.c_double if out.dtype == _DOUBLE else ctypes.c_float
    values = [number(value) for value in numbers]
    _kernel(what)(ctypes.c_void_p(stream.address), ctypes.c_int64(count), *values, _address(out))
    return out


def draw_choices(stream: Mersenne, probability: float, count: int, bytes_each: int, *outputs):
    """Write to addresses one of two values for each of ``count`` elements, by a native kernel.

    An output is an address and the values for false and true as an array, of so many bytes each.
    """
    bound = ctypes.c_uint64(math.ceil(math.ldexp(probability, 53)))
    places = [(ctypes.c_void_p(place), _address(values)) for place, values in outputs]
    (first, values), (second, others) = places if len(places) == 2 else (places[0], (None, None))
    _kernel("ofm_draw_choices")(
        ctypes.c_void_p(stream.address),
        *(ctypes.c_int64(count), bound, ctypes.c_int(bytes_each)),
        *(first, values, second, others),
    )


def uniform(stream: Mersenne, count: int, dtype, low: float = 0.0, high: float = 1.0):
    """Return uniform values of [low, high)."""
    is_double = dtype == _DOUBLE
    is_plain = low == 0.0 and high == 1.0
    is_native = hooks.library is not None and (is_double or dtype == _SINGLE)
    if is_plain and is_native:
        name = "ofm_draw_doubles" if is_double else "ofm_draw_floats"
        return _draw(stream, name, count, dtype, 0.0, 1.0, 1.0)
    if is_plain and count <= _STEP:
        if is_double:
            return doubles(stream.long_words(count))
        if dtype == _SINGLE:
            return floats(stream.words(count))
    out = np.empty(count, storage(dtype))
    if not is_double:
        low, high = float(np.float32(low)), float(np.float32(high))
    span = high - low if is_double else float(np.float32(high - low))
    # Rounding may reach the bound that is excluded.
    lowest, excluded = rounded(np.array([low, high], _DOUBLE if is_double else _SINGLE), dtype)
    if is_native:
        name = "ofm_draw_doubles" if is_double else "ofm_draw_floats"
        return _draw(stream, name, count, dtype, low, span, excluded)
    for start in range(0, count, _STEP):
        size = min(_STEP, count - start)
        if is_double:
            step = doubles(stream.long_words(size))
            step = step if is_plain else _multiply_add(step, span, low)
        elif is_plain:
            step = floats(stream.words(size))
        else:
            # 24 bits times 24 bits is exact in double, so that only the sum is rounded, once.
            wide = bits24(stream.words(size)).astype(np.float64)
            wide *= span * 2.0**-24
            wide += low
            step = wide.astype(np.float32)
        if dtype != step.dtype:
            step = rounded(step, dtype)
        if not is_plain or dtype != step.dtype or dtype == _HALF:
            np.copyto(step, lowest, where=step == excluded)
        out[start : start + size] = step
    return out


_TWO_PI = 2.0 * math.pi


def normal(
    stream: Mersenne,
    count: int,
    dtype,
    mean: float = 0.0,
    std: float = 1.0,
    is_contiguous: bool = True,
):
    """Return normal values, by the method that PyTorch takes for that size and layout.

    Contiguous tensors of 16 elements and more are made in blocks of 16, the last block anew where
    it is not full; all others one by one, in double, with the odd half of a pair kept.
    """
    if count < 16 or not is_contiguous:
        values = _normals_one_by_one(stream, count, mean, std)
        return rounded(values, dtype)
    working = _DOUBLE if dtype == _DOUBLE else _SINGLE
    full = count & ~15
    if full == count and hooks.library is not None and working == _SINGLE:
        return _normal_blocks(stream, count, working, dtype, mean, std)
    out = np.empty(count, storage(dtype))
    for start in range(0, full, _STEP):
        size = min(_STEP, full - start)
        out[start : start + size] = _normal_blocks(stream, size, working, dtype, mean, std)
    if count != full:
        if dtype == working:
            stream.skip((count - full) * (2 if working == _DOUBLE else 1))
        out[count - 16 :] = _normal_blocks(stream, 16, working, dtype, mean, std)
    return out


def _normal_blocks(stream, count, working, dtype, mean, std):
    """Return whole blocks of 16: eight radii, then eight angles, by Box and Muller."""
    is_double = working == _DOUBLE
    if hooks.library is not None and not is_double:
        return rounded(_draw(stream, "ofm_draw_normals", count, working, mean, std), dtype)
    uniforms = doubles(stream.long_words(count)) if is_double else floats(stream.words(count))
    eights = uniforms.view("V64" if is_double else "V32")  # moved as one piece each
    radius = eights[0::2].copy().view(working)
    np.subtract(1, radius, out=radius)
    np.log(radius, out=radius)
    radius *= working.type(-2)
    np.sqrt(radius, out=radius)
    angle = eights[1::2].copy().view(working)
    angle *= working.type(_TWO_PI)
    half = np.cos(angle)
    half *= radius
    eights[0::2] = half.view(eights.dtype)
    np.sin(angle, out=half)
    half *= radius
    eights[1::2] = half.view(eights.dtype)
    if mean != 0.0:
        uniforms = _multiply_add(uniforms, float(working.type(std)), float(working.type(mean)))
    elif std != 1.0:
        uniforms *= working.type(std)
    return rounded(uniforms, dtype)


def _normals_one_by_one(stream, count, mean, std):
    values = np.empty(count)
    start = 0
    if stream.normal is not None and count:
        values[0] = stream.normal
        stream.normal = None
        start = 1
    pairs = (count - start + 1) // 2
    if pairs > 32:
        whole = (count - start) // 2
        _normal_pairs(stream, values[start : start + 2 * whole])
        start += 2 * whole
        pairs -= whole
    # Few pairs, and the last one: the C library's functions are PyTorch's, and the half that is
    # kept is part of the state, which has to be right to the bit.
    words = doubles(stream.long_words(2 * pairs)).tolist()
    for i in range(0, 2 * pairs, 2):
        radius = math.sqrt(-2.0 * math.log1p(-words[i + 1]))
        angle = _TWO_PI * words[i]
        values[start] = radius * math.cos(angle)
        second = radius * math.sin(angle)
        if start + 1 < count:
            values[start + 1] = second
        else:
            stream.normal = second
        start += 2
    if std != 1.0 or mean != 0.0:
        values = _multiply_add(values, std, mean)
    return values


def _normal_pairs(stream, out):
    for start in range(0, out.size, _STEP):
        step = out[start : start + _STEP]
        words = doubles(stream.long_words(step.size))
        radius = np.sqrt(-2.0 * np.log1p(-words[1::2]))
        angle = _TWO_PI * words[0::2]
        step[0::2] = radius * np.cos(angle)
        step[1::2] = radius * np.sin(angle)


#: From this range on, PyTorch takes 64 bits for an integer (it was 2**32 before PyTorch 2.9).
_WIDE = 1 << 28


def integers(stream: Mersenne, count: int, low: int, span: int) -> np.ndarray:
    """Return integers of [low, low + span), span at most 2**64, as int64 that wraps around."""
    out = np.empty(count, np.int64)
    for start in range(0, count, _STEP):
        size = min(_STEP, count - start)
        if span < _WIDE:
            # NumPy divides 32-bit integers by a constant without dividing, and has no such `%`.
            words = stream.words(size).astype(np.uint32)
            words -= words // np.uint32(span) * np.uint32(span)
            step = words.astype(np.int64)
        elif span >= 1 << 64:
            step = stream.long_words(size).view(np.int64)
        else:
            words = stream.long_words(size)
            words -= words // np.uint64(span) * np.uint64(span)
            step = words.view(np.int64)
        if low:
            step += np.int64(low)
        out[start : start + size] = step
    return out


def words_below(stream: Mersenne, count: int, bound: int, is_long: bool) -> np.ndarray:
    """Return words of 32 or 64 bits modulo a bound, as int64: what ``random_()`` draws."""
    words = stream.long_words(count) if is_long else stream.words(count)
    return (words % np.uint64(bound)).view(np.int64)


def permutation(stream: Mersenne, count: int) -> np.ndarray:
    """Return a random order of range(count), shuffled forward, one word for each place."""
    if count >= (1 << 32) // 20:  # where 32 bits are too few, PyTorch shuffles inside out
        order = list(range(count))
        draws = stream.long_words(count) % np.arange(1, count + 1, dtype=np.uint64)
        for i, other in enumerate(draws.tolist()):
            order[i] = order[other]
            order[other] = i
        return np.array(order, np.int64)
    if count > 1:
        places = np.arange(count - 1, dtype=np.uint64)
        draws = stream.words(count - 1) % (np.uint64(count) - places) + places
        if count >= _LONG_SHUFFLE or (count >= 64 and "scipy.linalg.lapack" in sys.modules):
            return _interchanged(count, draws)
        order = list(range(count))
        for i, other in enumerate(draws.tolist()):
            held = order[i]
            order[i] = order[other]
            order[other] = held
        return np.array(order, np.int64)
    return np.arange(count)


#: From this length on a shuffle is worth importing SciPy's LAPACK for (0.1 to 0.3 s, once).
_LONG_SHUFFLE = 1 << 16


def _interchanged(count, draws):
    """Swap each place with the one drawn for it: what LAPACK does to a matrix with its pivots."""
    from scipy.linalg.lapack import dlaswp

    pivots = np.empty(count, np.int32)
    pivots[:-1] = draws
    pivots[-1] = count - 1
    column = np.arange(count, dtype=np.float64).reshape(count, 1, order="F")
    return dlaswp(column, pivots, overwrite_a=1).reshape(-1).astype(np.int64)


_FALSE_TRUE = np.array([False, True])


def bernoulli(stream: Mersenne, count: int, probability: float) -> np.ndarray:
    """Return booleans that are true with one probability."""
    out = np.empty(count, np.bool_)
    if hooks.library is not None:
        output = (out.ctypes.data, _FALSE_TRUE)
        draw_choices(stream, probability, count, 1, output)
        return out
    # u < p in doubles of 53 bits, compared as the integers they are made of.
    bound = np.uint64(math.ceil(math.ldexp(probability, 53)))
    mask = np.uint64((1 << 53) - 1)
    for start in range(0, count, _STEP):
        size = min(_STEP, count - start)
        words = stream.long_words(size)
        words &= mask
        np.less(words, bound, out=out[start : start + size])
    return out


def bernoulli_each(stream: Mersenne, probabilities: np.ndarray) -> np.ndarray:
    """Return booleans, each true with its own probability: in double where they are double."""
    if probabilities.dtype == _DOUBLE:
        return doubles(stream.long_words(probabilities.size)) < probabilities
    return floats(stream.words(probabilities.size)) < probabilities.astype(np.float32)


def _by_steps(stream, count, transform):
    out = np.empty(count)
    for start in range(0, count, _STEP):
        size = min(_STEP, count - start)
        out[start : start + size] = transform(doubles(stream.long_words(size)))
    return out


def exponential(stream: Mersenne, count: int, rate: float) -> np.ndarray:
    """Return exponential values, in double."""
    return _by_steps(stream, count, lambda u: (-1.0 / rate) * np.log1p(-u))


def geometric(stream: Mersenne, count: int, probability: float) -> np.ndarray:
    """Return the number of trials up to the first success, in double."""
    scale = math.log1p(-probability)

    def transform(u):
        with np.errstate(divide="ignore"):
            return np.ceil(np.log(u) / scale)

    return _by_steps(stream, count, transform)


def cauchy(stream: Mersenne, count: int, median: float, sigma: float) -> np.ndarray:
    """Return Cauchy values, in double."""
    return _by_steps(stream, count, lambda u: median + sigma * np.tan(math.pi * (u - 0.5)))


def log_normal(stream: Mersenne, count: int, mean: float, std: float) -> np.ndarray:
    """Return values whose logarithm is normal, in double."""
    with np.errstate(over="ignore"):
        return np.exp(_normals_one_by_one(stream, count, mean, std))


def multinomial_with_replacement(stream: Mersenne, weights: np.ndarray, count: int) -> np.ndarray:
    """Return for each row of weights ``count`` columns, each drawn by weight.

    ValueError says what is wrong with the weights, in PyTorch's words.
    """
    rows, columns = weights.shape
    out = np.empty((rows, count), np.int64)
    for row in range(rows):
        _check_weights(weights[row])
        heaps = np.cumsum(weights[row], dtype=weights.dtype)
        if not heaps[-1] > 0:
            raise ValueError("invalid multinomial distribution (sum of probabilities <= 0)")
        heaps /= heaps[-1]
        heaps[-1] = 1
        draws = doubles(stream.long_words(count))
        out[row] = np.searchsorted(heaps.astype(np.float64), draws, side="left")
    return out


def _check_weights(weights):
    prefix = "invalid multinomial distribution (encountering probability entry "
    for weight in weights[~((weights >= 0) & np.isfinite(weights))]:
        raise ValueError(prefix + ("= infinity or NaN)" if weight == np.inf else "< 0)"))


def poisson(stream: Mersenne, rates: np.ndarray) -> np.ndarray:
    """Return a Poisson number for each rate, in double; ValueError for a negative rate."""
    rates = rates.astype(np.float64).tolist()
    if not all(rate >= 0 for rate in rates):
        raise ValueError("invalid Poisson rate, expected rate to be non-negative")
    with Cursor(stream, sum(min(int(rate) + 2, 12) for rate in rates)) as cursor:
        draw = cursor.uniform
        return np.array([_poisson(rate, draw) for rate in rates], np.float64)


def _poisson(rate, uniform):
    if rate == 0:
        return 0
    if rate < 10:
        # Multiply uniforms until the product is below exp(-rate).
        bound, product, number = math.exp(-rate), 1.0, 0
        while True:
            product *= uniform()
            if not product > bound:
                return number
            number += 1
    # Hörmann's transformed rejection (PTRS, 1993).
    log_rate = math.log(rate)
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    acceptance = 0.9277 - 3.6224 / (b - 2)
    while True:
        u = uniform() - 0.5
        v = uniform()
        us = 0.5 - abs(u)
        if us == 0.0:
            continue
        number = math.floor((2 * a / us + b) * u + rate + 0.43)
        if us >= 0.07 and v <= acceptance:
            return number
        if number < 0 or (us < 0.013 and v > us):
            continue
        ratio = math.log(v) + math.log(inverse_alpha) - math.log(a / (us * us) + b)
        if ratio <= -rate + number * log_rate - math.lgamma(number + 1):
            return number


def binomial(stream: Mersenne, counts: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the number of successes for each count of trials and probability, in double."""
    is_single = counts.dtype != _DOUBLE
    pairs = list(zip(counts.astype(np.float64).tolist(), probabilities.astype(np.float64).tolist()))
    with Cursor(stream, 2 * len(pairs)) as cursor:
        draw = cursor.uniform
        return np.array([_binomial(n, p, draw, is_single) for n, p in pairs], np.float64)


def _binomial(count, probability, uniform, is_single):
    if count <= 0.0 or probability <= 0.0:
        return 0.0
    if probability >= 1.0:
        return count
    if probability <= 0.5:
        return _binomial_low(count, probability, uniform, is_single)
    if probability > 0.5:
        rest = 1.0 - probability
        rest = float(np.float32(rest)) if is_single else rest
        return count - _binomial_low(count, rest, uniform, is_single)
    return math.nan


def _binomial_low(count, probability, uniform, is_single):
    expected = count * probability
    if (float(np.float32(expected)) if is_single else expected) >= 10.0:
        return _binomial_by_rejection(count, probability, uniform, is_single)
    # Add up geometric numbers of trials until there are too many.
    total, number = 0.0, 0.0
    scale = math.log1p(-probability)
    scale = float(np.float32(scale)) if is_single else scale
    while True:
        u = uniform()
        total += math.ceil(math.log(u) / scale) if u > 0.0 else math.inf
        if total > count:
            return number
        number += 1


def _binomial_by_rejection(count, probability, uniform, is_single):
    """Hörmann's transformed rejection (BTRS, 1993), with the float32 steps that PyTorch has."""
    single = np.float32 if is_single else float
    n, p = single(count), single(probability)
    one = single(1)
    spread = float(np.sqrt(n * p * (one - p)))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * float(p)
    center = float(n * p) + 0.5
    acceptance = 0.92 - 4.2 / b
    odds = float(p / (one - p))
    alpha = (2.83 + 5.1 / b) * spread
    mode = math.floor(float((n + one) * p))
    while True:
        u = uniform() - 0.5
        v = uniform()
        us = 0.5 - abs(u)
        if us == 0.0:
            continue
        number = math.floor((2 * a / us + b) * u + center)
        if number < 0 or number > count:
            continue
        if us >= 0.07 and v <= acceptance:
            return float(number)
        v *= alpha / (a / (us * us) + b)
        bound = (
            (mode + 0.5) * math.log((mode + 1) / (odds * (count - mode + 1)))
            + (count + 1) * math.log((count - mode + 1) / (count - number + 1))
            + (number + 0.5) * math.log(odds * (count - number + 1) / (number + 1))
            + _stirling_tail(mode)
            + _stirling_tail(count - mode)
            - _stirling_tail(number)
            - _stirling_tail(count - number)
        )
        if v <= 0.0 or math.log(v) <= bound:
            return float(number)


def _stirling_tail(k):
    """Return log(k!) less Stirling's formula for it."""
    if k < 10:
        return math.lgamma(k + 1) - (k + 0.5) * math.log(k + 1) + (k + 1) - 0.5 * math.log(_TWO_PI)
    square = (k + 1) ** 2
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)


def gamma(stream: Mersenne, shapes: np.ndarray) -> np.ndarray:
    """Return a Gamma(shape, 1) value for each shape, in double, by Marsaglia and Tsang (2000)."""
    is_single = shapes.dtype != _DOUBLE
    shapes = shapes.astype(np.float64).tolist()
    with Cursor(stream, 4 * len(shapes)) as cursor:
        draw = cursor.uniform
        return np.array([_gamma(shape, draw, stream, is_single) for shape in shapes], np.float64)


#: PyTorch writes these as float32 constants, for double too.
_THIRD = float(np.float32(1) / np.float32(3))
_SQUEEZE = float(np.float32(0.0331))


def _gamma(shape, uniform, stream, is_single):
    single = np.float32 if is_single else float
    scale = 1.0
    if shape < 1.0:
        if shape == 0.0:
            return 0.0
        scale = math.pow(1 - uniform(), float(single(1) / single(shape)))
        shape = float(single(shape) + single(1))
    d = float(single(shape) - single(_THIRD))
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        x = _normal(uniform, stream)
        y = 1.0 + c * x
        if y <= 0:
            continue
        v = y * y * y
        u = 1 - uniform()
        square = x * x
        if u < 1.0 - _SQUEEZE * square * square:
            return scale * d * v
        if math.log(u) < 0.5 * square + d * (1.0 - v + math.log(v)):
            return scale * d * v


def _normal(uniform, stream):
    if stream.normal is not None:
        value, stream.normal = stream.normal, None
        return value
    angle = _TWO_PI * uniform()
    radius = math.sqrt(-2.0 * math.log1p(-uniform()))
    stream.normal = radius * math.sin(angle)
    return radius * math.cos(angle)

"""Random values into tensors: dtypes, the order of a tensor's memory, and the in-place draws.

On the CPU the words are those that PyTorch takes from the same generator, in PyTorch's order.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import host, sampling
from oneflow_mock.compat.kernels.complex_functions import COMPLEX
from oneflow_mock.compat.kernels.devices import cuda_count, device_type
from oneflow_mock.compat.kernels.generator import generator_of

is_lazy = flow._oneflow_internal.lazy_mode.is_enabled


class _Kind:
    """What the samplers have to know of a dtype: its names in PyTorch's errors, its bounds."""

    __slots__ = ("array", "cpp", "digits", "highest", "is_float", "lowest", "name")

    def __init__(self, name, cpp, array, digits, lowest, highest, is_float) -> None:
        self.name = name
        self.cpp = cpp
        #: The dtype for ``sampling``.
        self.array = array
        #: Binary digits of the mantissa, or of the largest integer.
        self.digits = digits
        self.lowest = lowest
        self.highest = highest
        self.is_float = is_float


def _float_kind(name, cpp, array, digits, highest):
    return _Kind(name, cpp, array, digits, -highest, highest, True)


def _integer_kind(name, cpp, array):
    bounds = np.iinfo(array)
    digits = int(bounds.max).bit_length()
    return _Kind(name, cpp, np.dtype(array), digits, int(bounds.min), int(bounds.max), False)


KINDS = {
    flow.float32: _float_kind(
        "Float", "float", np.dtype(np.float32), 24, float(np.finfo(np.float32).max)
    ),
    flow.float64: _float_kind(
        "Double", "double", np.dtype(np.float64), 53, float(np.finfo(np.float64).max)
    ),
    flow.float16: _float_kind("Half", "c10::Half", np.dtype(np.float16), 11, 65504.0),
    flow.bfloat16: _float_kind("BFloat16", "c10::BFloat16", sampling.BFLOAT16, 8, 255 * 2.0**120),
    flow.int64: _integer_kind("Long", "long int", np.int64),
    flow.int32: _integer_kind("Int", "int", np.int32),
    flow.int8: _integer_kind("Char", "signed char", np.int8),
    flow.uint8: _integer_kind("Byte", "unsigned char", np.uint8),
    flow.bool: _Kind("Bool", "bool", np.dtype(np.bool_), 1, 0, 1, False),
}


def kind_of(api: str, dtype) -> _Kind:
    found = KINDS.get(dtype) if isinstance(dtype, flow.dtype) else None
    if found is None:
        if isinstance(dtype, (str, int, type)):
            raise TypeError(
                f"{api}(): argument 'dtype' must be torch.dtype, not {type(dtype).__name__}"
            )
        raise hooks.refuse(f"torch.{api}", f"OneFlow has no kernels for {dtype}")
    return found


def floating_kind_of(api: str, dtype, kernel: str) -> _Kind:
    kind = kind_of(api, dtype)
    if not kind.is_float:
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{kind.name}'")
    return kind


def is_host(device) -> bool:
    """Tell whether a device is the CPU, or has no values at all; PyTorch's error for one that is
    not there.
    """
    kind = device_type(device)
    if kind in ("cpu", "meta"):
        return True
    if kind != "cuda":
        raise hooks.refuse(f"device {device}", "OneFlow has the devices cpu and cuda")
    if not cuda_count():
        raise AssertionError("Torch not compiled with CUDA enabled")
    return False


def is_here(tensor) -> bool:
    """Tell whether we draw for a tensor; if not, OneFlow does."""
    return not (is_lazy() or tensor.is_global or tensor.device.type != "cpu")


def count_of(shape) -> int:
    count = 1
    for dimension in shape:
        count *= dimension
    return count


def tensor_of(values: np.ndarray, dtype):
    """Return a tensor that holds an array of ``sampling``'s storage type, without copying it."""
    tensor = flow.from_numpy(values)
    return tensor.to(dtype) if tensor.dtype != dtype else tensor


def _memory_order(shape, strides) -> list:
    """Return the dimensions from the fastest to the slowest, as PyTorch's iterator goes."""
    order = list(range(len(shape) - 1, -1, -1))

    def compare(one, other):
        if strides[one] == 0 or strides[other] == 0:
            return 0
        if strides[one] != strides[other]:
            return 1 if strides[one] > strides[other] else -1
        return 1 if shape[one] > shape[other] else 0

    for i in range(1, len(order)):
        here = i
        for before in range(i - 1, -1, -1):
            difference = compare(order[before], order[here])
            if difference > 0:
                order[before], order[here] = order[here], order[before]
                here = before
            elif difference < 0:
                break
    return order


def laid_out(values: np.ndarray, shape, order) -> np.ndarray:
    """Return values that come in memory order as an array of a shape; a view of them."""
    slowest_first = order[::-1]
    array = values.reshape([shape[d] for d in slowest_first])
    return array.transpose(np.argsort(slowest_first)) if shape else array


def _in_memory_order(array: np.ndarray, order) -> np.ndarray:
    """Return an array's values in the order of another one's memory, flat."""
    return array.transpose(order[::-1]).reshape(-1) if array.ndim else array.reshape(-1)


def check_writable(tensor) -> None:
    """Raise PyTorch's errors for a tensor that must not be overwritten."""
    if tensor.requires_grad and tensor.is_leaf and flow.is_grad_enabled():
        raise RuntimeError(
            "a leaf Variable that requires grad is being used in an in-place operation."
        )
    if not tensor.is_contiguous() and any(
        stride == 0 and size > 1 for stride, size in zip(tensor.stride(), tensor.shape)
    ):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location. Please clone() the tensor before performing the operation."
        )


def overwrite(tensor, array: np.ndarray):
    """Put an array of a tensor's shape into the tensor; return the tensor."""
    source = tensor_of(np.asarray(array, order="C"), tensor.dtype)
    if tensor.device.type != "cpu":
        source = source.to(tensor.device)
    with flow.no_grad():
        if tensor.is_contiguous():
            flow._C.assign_local_tensor(tensor, source)
        else:
            tensor[...] = source
    return tensor


def fill(tensor, draw):
    """Overwrite a tensor by ``draw(count, is_contiguous)``, whose values come in memory order."""
    check_writable(tensor)
    shape = tuple(tensor.shape)
    if 0 in shape:
        return tensor
    if tensor.is_contiguous():
        return overwrite(tensor, draw(count_of(shape), True).reshape(shape))
    order = _memory_order(shape, tensor.stride())
    return overwrite(tensor, laid_out(draw(count_of(shape), False), shape, order))


def memory_order_of(tensor, memory_format=None):
    """Return the order of dimensions in the memory of an ``empty_like``; None for the usual one."""
    text = str(memory_format)
    shape = tuple(tensor.shape)
    if "channels_last" in text:
        channels_last = [1, *range(len(shape) - 1, 1, -1), 0]
        return channels_last if len(shape) in (4, 5) else None
    if "contiguous_format" in text or tensor.is_contiguous():
        return None
    order = _memory_order(shape, tensor.stride())
    return None if order == list(range(len(shape) - 1, -1, -1)) else order


def values_of(tensor) -> np.ndarray:
    """Return a tensor's values on the host: bfloat16 as float32."""
    return host.array(tensor)


def host_source(api, tensor, generator):
    """Return the generator to draw from on the host for a tensor that may live elsewhere."""
    if tensor.device.type == "cpu":
        return generator_of(api, generator)
    hooks.host_fallback(f"torch.{api}")
    return generator_of(api, generator, tensor.device.type)


def check_std(std) -> None:
    if not std >= 0.0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")


def fill_normal(tensor, mean, std, generator):
    """Overwrite a tensor by normal numbers."""
    mean, std = float(mean), float(std)
    check_std(std)
    if tensor.dtype in COMPLEX:  # each part has half of the variance
        fill_normal(hooks.native["view_as_real"](tensor), mean, std / math.sqrt(2), generator)
        return tensor
    kind = floating_kind_of("normal_", tensor.dtype, "normal_kernel_cpu")
    source = host_source("normal_", tensor, generator)

    def draw(count, is_contiguous):
        with source.lock:
            return sampling.normal(source.stream, count, kind.array, mean, std, is_contiguous)

    return fill(tensor, draw)


def fill_uniform(tensor, low, high, generator):
    """Overwrite a tensor by uniform numbers of [low, high)."""
    low, high = float(low), float(high)
    if tensor.dtype in COMPLEX:
        fill_uniform(hooks.native["view_as_real"](tensor), low, high, generator)
        return tensor
    kind = floating_kind_of("uniform_", tensor.dtype, "check_uniform_bounds")
    for name, bound in (("from", low), ("to", high)):
        if not kind.lowest <= bound <= kind.highest:
            raise RuntimeError(f"{name} is out of bounds for {kind.cpp}")
    if low > high:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}"
        )
    if high - low > kind.highest:
        raise RuntimeError(
            f"uniform_ expects to-from <= std::numeric_limits<{kind.name}>::max(), but found "
            f"to={high:g} and from={low:g} which result in to-from to exceed the limit"
        )
    source = host_source("uniform_", tensor, generator)

    def draw(count, is_contiguous):
        with source.lock:
            return sampling.uniform(source.stream, count, kind.array, low, high)

    return fill(tensor, draw)


def integer_draw(source, kind, low, high):
    """Return the draw of integers of [low, high), ``high`` None for all up to the dtype's largest.

    The checks, and how bounds that a floating dtype cannot hold move inwards, are PyTorch's.
    """
    if high is None:
        highest = (1 << kind.digits) if kind.is_float else kind.highest
        if kind.is_float:
            low = _moved_up(kind, low)
            if low >= highest:
                raise RuntimeError(
                    "random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' "
                    f"casted to dtype, but got from={low} > to_inc={highest}"
                )
    else:
        if low >= high:
            raise RuntimeError(
                f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
            )
        if kind.is_float:
            low, high = _moved_up(kind, low), _moved_down(kind, high)
            if low >= high:
                raise RuntimeError(
                    "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, "
                    f"but got from={low} >= to={high}"
                )
        highest = high - 1
    for name, bound in (("from", low), ("to - 1", highest)):
        if not kind.lowest <= bound <= kind.highest:
            raise RuntimeError(f"{name} is out of bounds for {kind.cpp}")
        if kind.is_float and abs(bound) > 1 << kind.digits:
            warnings.warn(
                f"{name} is out of bounds [-(2^{kind.digits}), 2^{kind.digits}]. Due to precision "
                f"limitations {kind.cpp} can support discrete uniform distribution only within "
                "this range. This warning will become an error in version 1.7 release, please fix "
                "the code in advance",
                stacklevel=4,
            )
    span = highest - low + 1

    def draw(count, is_contiguous):
        with source.lock:
            return cast(sampling.integers(source.stream, count, low, span), kind)

    return draw


def cast(integers: np.ndarray, kind) -> np.ndarray:
    """Convert int64 values to a dtype's storage."""
    if kind.array is sampling.BFLOAT16 or kind.array == np.float16:
        return sampling.rounded(integers.astype(np.float32), kind.array)
    return integers.astype(kind.array, copy=False)


def _held(kind, value: int) -> int:
    """Return what a floating dtype makes of an integer."""
    if kind.array == np.float64:
        return int(float(value))
    single = np.array([value], np.float32 if abs(value) < 1 << 24 else np.float64)
    result = sampling.rounded(single.astype(np.float32), kind.array)[0]
    return int(result) if np.isfinite(result) else value


def _moved_up(kind, low: int) -> int:
    held = _held(kind, low + 1)
    if held < low:
        return held + (1 << (abs(low + 1).bit_length() - 1 - kind.digits + 1))
    return low


def _moved_down(kind, high: int) -> int:
    held = _held(kind, high - 1)
    if held >= high:
        return held - (1 << (abs(high - 1).bit_length() - 1 - kind.digits + 1))
    return high


_ALL = object()


def fill_integers(tensor, low=_ALL, high=_ALL, generator=None):
    """Overwrite a tensor by integers: of the dtype's whole range, below ``low``, or between."""
    kind = kind_of("random_", tensor.dtype)
    source = host_source("random_", tensor, generator)
    if low is not _ALL and high is _ALL:
        low, high = 0, low
    if low is _ALL:
        return fill(tensor, _whole_range_draw(source, kind))
    low = int(low)
    if high is None and low == -(1 << 63):

        def draw_any(count, is_contiguous):
            with source.lock:
                return cast(sampling.integers(source.stream, count, 0, 1 << 64), kind)

        return fill(tensor, draw_any)
    draw = integer_draw(source, kind, low, None if high is None else int(high))
    return fill(tensor, draw)


def _whole_range_draw(source, kind):
    bound = (1 << kind.digits) + 1 if kind.is_float else kind.highest + 1
    is_long = kind.name in ("Long", "Double")

    def draw(count, is_contiguous):
        with source.lock:
            return cast(sampling.words_below(source.stream, count, bound, is_long), kind)

    return draw


def probability_of(p) -> float:
    p = float(p)
    if not 0.0 <= p <= 1.0:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
    return p


def check_probabilities(array: np.ndarray) -> None:
    if array.size and not bool(((array >= 0) & (array <= 1)).all()):
        raise RuntimeError(
            "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error message "
            "be improved?  If so, please report an enhancement request to PyTorch.)"
        )


def check_probability_dtype(tensor) -> None:
    if not tensor.dtype.is_floating_point:
        name = kind_of("bernoulli", tensor.dtype).name
        raise NotImplementedError(f"\"bernoulli_tensor_cpu_p_\" not implemented for '{name}'")


def fill_bernoulli(tensor, p, generator):
    """Overwrite a tensor by ones and zeros, ``p`` being a number or a tensor of probabilities."""
    kind = kind_of("bernoulli_", tensor.dtype)
    source = host_source("bernoulli_", tensor, generator)
    storage = sampling.storage(kind.array)
    if not isinstance(p, flow.Tensor):
        chance = probability_of(p)

        def draw_same(count, is_contiguous):
            with source.lock:
                return sampling.bernoulli(source.stream, count, chance).astype(storage)

        return fill(tensor, draw_same)
    check_probability_dtype(p)
    shape = tuple(tensor.shape)
    chances = expanded(values_of(p), shape)
    check_probabilities(chances)
    order = _memory_order(shape, tensor.stride())
    flat = _in_memory_order(chances, order)

    def draw_each(count, is_contiguous):
        with source.lock:
            return sampling.bernoulli_each(source.stream, flat).astype(storage)

    check_writable(tensor)
    if 0 in shape:
        return tensor
    return overwrite(tensor, laid_out(draw_each(flat.size, False), shape, order))


def expanded(array: np.ndarray, shape) -> np.ndarray:
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        pass
    for place in range(1, len(shape) + 1):
        if place > array.ndim or array.shape[-place] not in (1, shape[-place]):
            break
    size = array.shape[-place] if place <= array.ndim else array.shape[0]
    raise RuntimeError(
        f"The expanded size of the tensor ({shape[-place]}) must match the existing size ({size}) "
        f"at non-singleton dimension {len(shape) - place}.  Target sizes: {list(shape)}.  "
        f"Tensor sizes: {list(array.shape)}"
    )


def from_doubles(values: np.ndarray, kind) -> np.ndarray:
    """Convert samples made in double to a dtype."""
    if kind.is_float:
        return sampling.rounded(values, kind.array)
    return values.astype(np.int64).astype(kind.array)


def fill_exponential(tensor, rate, generator):
    """Overwrite a tensor by exponential numbers."""
    rate = float(rate)
    kind = kind_of("exponential_", tensor.dtype)
    if not rate > 0.0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={rate:g}")
    if not kind.is_float:
        raise RuntimeError(
            "Exponential distribution is a continuous probability distribution. dtype must be a "
            f"floating point but you specified {kind.name}"
        )
    return _fill_doubles(tensor, generator, "exponential_", kind, sampling.exponential, rate)


def fill_geometric(tensor, p, generator):
    """Overwrite a tensor by numbers of trials up to the first success."""
    p = float(p)
    kind = kind_of("geometric_", tensor.dtype)
    if not 0.0 < p < 1.0:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}")
    if kind.name == "Bool":
        raise NotImplementedError("\"geometric_cpu\" not implemented for 'Bool'")
    return _fill_doubles(tensor, generator, "geometric_", kind, sampling.geometric, p)


def fill_cauchy(tensor, median, sigma, generator):
    """Overwrite a tensor by Cauchy numbers."""
    median, sigma = float(median), float(sigma)
    kind = kind_of("cauchy_", tensor.dtype)
    if not sigma > 0.0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
    if not kind.is_float:
        raise RuntimeError(
            "Cauchy distribution is a continuous probability distribution. dtype must be a "
            f"floating point but you specified {kind.cpp}"
        )
    return _fill_doubles(tensor, generator, "cauchy_", kind, sampling.cauchy, median, sigma)


def fill_log_normal(tensor, mean, std, generator):
    """Overwrite a tensor by numbers whose logarithm is normal."""
    mean, std = float(mean), float(std)
    if not std > 0.0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std:g}")
    kind = floating_kind_of("log_normal_", tensor.dtype, "log_normal_cpu")
    return _fill_doubles(tensor, generator, "log_normal_", kind, sampling.log_normal, mean, std)


def _fill_doubles(tensor, generator, api, kind, sampler, *parameters):
    source = host_source(api, tensor, generator)

    def draw(count, is_contiguous):
        with source.lock:
            return from_doubles(sampler(source.stream, count, *parameters), kind)

    return fill(tensor, draw)

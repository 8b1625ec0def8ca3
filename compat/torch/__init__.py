"""The torch namespace where OneFlow's differs: what PyTorch defines in torch itself.

A function here is a Tensor method too where PyTorch's Tensor has one of the same name
(`oneflow_mock.compat.tensor` sees to that), so its first parameter is the tensor.
"""

import builtins
import math

import oneflow as flow
from torch.torch_version import TorchVersion

from oneflow_mock.compat import aten, hooks
from oneflow_mock.compat.kernels import (
    device_spelling,
    dims,
    dtypes,
    formats,
    halves,
    keywords,
    legacy_types,
    operands,
    storage,
)
from oneflow_mock.compat.kernels.buffers import asarray, from_file, frombuffer  # noqa: F401
from oneflow_mock.compat.kernels.creation import (  # noqa: F401
    arange,
    as_tensor,
    empty,
    empty_like,
    empty_permuted,
    empty_strided,
    eye,
    from_numpy,
    full,
    full_like,
    linspace,
    logspace,
    ones,
    ones_like,
    scalar_tensor,
    tensor,
    zeros,
    zeros_like,
)
from oneflow_mock.compat.kernels.dtype_info import finfo, iinfo  # noqa: F401
from oneflow_mock.compat.kernels.generator import default_generator  # noqa: F401
from oneflow_mock.compat.kernels.global_state import (  # noqa: F401
    AcceleratorError,
    FatalError,
    OutOfMemoryError,
    _assert,
    _check,
    _check_index,
    _check_is_size,
    _check_not_implemented,
    _check_tensor_all,
    _check_tensor_all_with,
    _check_type,
    _check_value,
    _check_with,
    are_deterministic_algorithms_enabled,
    autocast_decrement_nesting,
    autocast_increment_nesting,
    clear_autocast_cache,
    compile,
    compiled_with_cxx11_abi,
    get_autocast_cpu_dtype,
    get_autocast_dtype,
    get_autocast_gpu_dtype,
    get_deterministic_debug_mode,
    get_float32_matmul_precision,
    get_num_interop_threads,
    get_num_threads,
    has_lapack,
    has_mkl,
    has_openmp,
    has_spectral,
    is_anomaly_check_nan_enabled,
    is_anomaly_enabled,
    is_autocast_cache_enabled,
    is_autocast_cpu_enabled,
    is_autocast_enabled,
    is_deterministic_algorithms_warn_only_enabled,
    is_storage,
    is_vulkan_available,
    is_warn_always_enabled,
    set_autocast_cache_enabled,
    set_autocast_cpu_dtype,
    set_autocast_cpu_enabled,
    set_autocast_dtype,
    set_autocast_enabled,
    set_autocast_gpu_dtype,
    set_deterministic_debug_mode,
    set_float32_matmul_precision,
    set_flush_denormal,
    set_num_interop_threads,
    set_num_threads,
    set_warn_always,
    sym_float,
    sym_int,
    sym_ite,
    sym_max,
    sym_min,
    sym_not,
    sym_sum,
    typename,
    use_deterministic_algorithms,
)
from oneflow_mock.compat.kernels.grad_state import is_inference_mode_enabled  # noqa: F401
from oneflow_mock.compat.kernels.indexing import (  # noqa: F401
    gather,
    index_add,
    index_select,
    scatter,
    scatter_add,
)
from oneflow_mock.compat.kernels.random import (  # noqa: F401
    _sample_dirichlet,
    _standard_gamma,
    bernoulli,
    binomial,
    multinomial,
    normal,
    poisson,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
)
from oneflow_mock.compat.kernels.streams import Event, Stream  # noqa: F401

__version__ = TorchVersion(hooks.torch_version)

e, pi, inf, nan, newaxis = math.e, math.pi, math.inf, math.nan, None

# dtypes, layouts, devices

# torch.bool, torch.int and torch.float come from OneFlow: here those names are Python's.
globals().update({name: dtype for name, dtype in dtypes.BY_NAME.items() if name != "bool"})
globals().update(storage.legacy_classes_of("torch"))
Storage = storage.legacy_classes_of("torch")["FloatStorage"]
globals().update(
    {
        name: dtypes.BY_NAME[other]
        for name, other in dtypes.ALIASES.items()
        if name not in ("int", "float")
    }
)
globals().update(formats.BY_NAME)
globals().update(legacy_types.CPU)
set_default_dtype = legacy_types.set_default_dtype
set_default_tensor_type = legacy_types.set_default_tensor_type
layout, memory_format, qscheme = formats.layout, formats.memory_format, formats.qscheme
promote_types, result_type, can_cast = dtypes.promote_types, dtypes.result_type, dtypes.can_cast
get_default_device = device_spelling.get_default_device
set_default_device = device_spelling.set_default_device


# a tensor's methods that are functions too; those of C stay OneFlow's own objects

clone, detach, get_device = flow.Tensor.clone, flow.Tensor.detach, flow.Tensor.get_device
is_conj, is_neg, is_inference = flow.Tensor.is_conj, flow.Tensor.is_neg, flow.Tensor.is_inference
is_distributed, is_same_size = flow.Tensor.is_distributed, flow.Tensor.is_same_size
resolve_conj, resolve_neg = flow.Tensor.resolve_conj, flow.Tensor.resolve_neg
conj, positive = flow.Tensor.conj, flow.Tensor.positive
detach_, resize_as_ = flow.Tensor.detach_, flow.Tensor.resize_as_
legacy_contiguous_format = formats.contiguous_format


def real(input):
    """Return the real part: of a real tensor, itself."""
    return input.real


def imag(input):
    """Return the imaginary part; PyTorch's error for a real tensor."""
    return input.imag


def is_complex(input):
    """Tell whether a tensor's dtype is complex."""
    return input.dtype.is_complex


def is_signed(input):
    """Tell whether a tensor's dtype has negative numbers."""
    return input.dtype.is_signed


def get_device_module(device=None):
    """Return the module of a device's type, such as torch.cpu or torch.cuda."""
    import importlib

    import torch

    kind = torch.get_default_device().type if device is None else torch.device(device).type
    try:
        return importlib.import_module(f"torch.{kind}")
    except ImportError:
        raise RuntimeError(f"Invalid device_type of {kind}") from None


# creation


def tril_indices(row, col, offset=0, *, dtype=flow.int64, device="cpu", layout=None):
    """Return the (2, n) indices of the lower triangle of a row × col matrix."""
    return _triangle(flow.tril(flow.ones(row, col), offset), dtype, device)


def triu_indices(row, col, offset=0, *, dtype=flow.int64, device="cpu", layout=None):
    """Return the (2, n) indices of the upper triangle of a row × col matrix."""
    return _triangle(flow.triu(flow.ones(row, col), offset), dtype, device)


def _triangle(mask, dtype, device):
    return flow.nonzero(mask).transpose(0, 1).to(dtype).to(device)


def combinations(input, r=2, with_replacement=False):
    """Return the combinations of length ``r`` of a 1-d tensor, one row each."""
    import itertools

    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = list(choose(range(input.shape[0]), r))
    if not rows:
        return operands.empty_of(input, (0, r))
    return input[flow.tensor(rows, dtype=flow.int64).reshape(-1)].reshape(len(rows), r)


# elementwise


def fmod(input, other, *, out=None):
    """Return the remainder with the dividend's sign, as C's fmod."""
    _refuse_zero(input, other)
    if halves.is_half(input) and isinstance(other, flow.Tensor) and other.dtype is input.dtype:
        answer = _half_fmod(*operands.spread(input, other))
    else:
        answer = flow.fmod(input, other)
    return answer if out is None else out.copy_(answer)


_half_fmod = halves.stepped(
    lambda a, b: flow.fmod(a, b),
    lambda grad, answer, a, b: grad,
    lambda grad, answer, a, b: -grad * aten.find("div")(a, b, rounding_mode="trunc"),
)


def _refuse_zero(input, other):
    """Raise where integers are divided by zero, of which there is no answer."""
    if _is_integral(input) and _is_integral(other):
        if not isinstance(other, flow.Tensor):
            some = other == 0
        else:
            some = other.numel() and builtins.bool((other == 0).any())
        if some:
            raise RuntimeError("ZeroDivisionError")


def remainder(input, other, *, out=None):
    """Return the remainder with the divisor's sign, as Python's %."""
    _refuse_zero(input, other)
    rest = flow.fmod(input, other)
    answer = flow.where(
        ((rest != 0) & ((rest < 0) != (_as_tensor(other, rest) < 0))), rest + other, rest
    )
    return answer if out is None else out.copy_(answer)


def _as_tensor(value, like):
    if isinstance(value, flow.Tensor):
        return value
    return flow.tensor(value, dtype=like.dtype, device=like.device)


def _is_integral(value):
    if isinstance(value, flow.Tensor):
        return not (value.is_floating_point() or value.is_complex())
    return isinstance(value, int)


def clamp(input, min=None, max=None, *, out=None):
    """Return the input held within [min, max]; each a number, a tensor or None."""
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    min, max = _plain(min), _plain(max)
    if isinstance(min, flow.Tensor) or isinstance(max, flow.Tensor):
        answer = input
        if min is not None:
            answer = _bounded(answer, _as_tensor(min, answer), flow.lt, flow.maximum)
        if max is not None:
            answer = _bounded(answer, _as_tensor(max, answer), flow.gt, flow.minimum)
    elif min != min or max != max:  # NaN holds everything
        answer = operands.floating(input) * 0 + math.nan
    elif input.dtype in _SHORT:  # which OneFlow's takes not, or has no gradient of
        answer = flow._C.clamp(input.to(flow.float32), min, max).to(input.dtype)
    elif (isinstance(min, float) or isinstance(max, float)) and not input.is_floating_point():
        answer = flow._C.clamp(input.to(flow.get_default_dtype()), min, max)
    else:
        answer = flow._C.clamp(input, min, max)
    return answer if out is None else out.copy_(answer)


def _bounded(input, bound, beyond, better):
    """Return the better of two; where both are equal the gradient is the input's alone."""
    if not (input.requires_grad or bound.requires_grad):
        return better(input, bound)
    dtype = result_type(input, bound)
    input, bound = operands.spread(input.to(dtype), bound.to(dtype))
    return where(beyond(input, bound) | (bound != bound), bound, input)


clip = clamp
_SHORT = (flow.float16, flow.bfloat16)


def _plain(value):
    """Return a NumPy scalar as a Python number, and anything else as it is."""
    return value.item() if hasattr(value, "dtype") and not isinstance(value, flow.Tensor) else value


def where(condition, input=None, other=None, *, out=None):
    """Choose from input where the condition holds, else from other; indices with neither."""
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    input, other = _plain(input), _plain(other)
    if not isinstance(input, flow.Tensor) and isinstance(other, flow.Tensor):
        input = _scalar_beside(input, other)
    elif not isinstance(other, flow.Tensor) and isinstance(input, flow.Tensor):
        other = _scalar_beside(other, input)
    elif not isinstance(input, flow.Tensor):
        input, other = flow.tensor(input), flow.tensor(other)
    if input.dtype is not other.dtype:  # OneFlow would take one for the other
        dtype = result_type(input, other)
        input, other = input.to(dtype), other.to(dtype)
    if 0 in condition.shape or 0 in input.shape or 0 in other.shape:
        from torch.functional import broadcast_tensors

        condition, input, other = broadcast_tensors(condition, input, other)
        answer = input * other
    else:
        answer = flow.where(condition, input, other)
    return answer if out is None else out.copy_(answer)


def _scalar_beside(value, beside):
    """Return a number as a tensor of the dtype that PyTorch's promotion gives the pair."""
    if isinstance(value, complex):
        from torch import tensor

        return tensor(value, dtype=result_type(value, beside), device=beside.device)
    if isinstance(value, float) and _is_integral(beside):
        dtype = flow.get_default_dtype()
    elif isinstance(value, int) and not isinstance(value, bool) and beside.dtype == flow.bool:
        dtype = flow.int64
    else:
        dtype = beside.dtype
    return flow.tensor(value, dtype=dtype, device=beside.device)


def lerp(input, end, weight, *, out=None):
    """Return input + weight (end - input)."""
    if halves.is_half(input) and halves.is_half(end):
        given = (input, end, weight) if isinstance(weight, flow.Tensor) else (input, end)
        answer = _half_lerp(*operands.spread(*given), *(() if len(given) == 3 else (weight,)))
        return operands.written(answer, out)
    if not isinstance(weight, flow.Tensor):
        answer = _native_lerp(input, end, weight)
        if answer is None:
            near = builtins.abs(weight) < 0.5
            answer = input + weight * (end - input) if near else end - (end - input) * (1 - weight)
    else:
        answer = flow.where(
            weight.abs() < 0.5,
            input + weight * (end - input),
            end - (end - input) * (1 - weight),
        )
    return answer if out is None else out.copy_(answer)


_native_lerp = hooks.native.get("lerp", lambda *args: None)
_half_lerp = halves.stepped(
    lambda input, end, weight: lerp(input, end, weight),
    lambda grad, answer, input, end, weight: grad * (1 - weight),
    lambda grad, answer, input, end, weight: grad * weight,
    lambda grad, answer, input, end, weight: grad * (end - input),
)


def round(input, *, decimals=0, out=None):
    """Round to even, to ``decimals`` places."""
    if decimals:
        factor = 10.0 ** builtins.abs(decimals)
        scaled = input * factor if decimals > 0 else input / factor
        answer = flow.round(scaled)
        answer = answer / factor if decimals > 0 else answer * factor
    else:
        answer = flow.round(input)
    return answer if out is None else out.copy_(answer)


def trunc(input, *, out=None):
    """Drop the fractional part."""
    if not input.is_floating_point():
        return operands.written(input.clone(), out)
    return operands.written(flow.where(input < 0, flow.ceil(input), flow.floor(input)), out)


fix = trunc


def frac(input, *, out=None):
    """Return the fractional part, with the input's sign."""
    return operands.written(input - trunc(input), out)


def negative(input, *, out=None):
    """Return -input."""
    if not _is_integral(input):
        answer = flow.negative(input)
    elif input.dtype == flow.bool:
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
            "invert a mask, use the `~` or `logical_not()` operator instead."
        )
    else:
        answer = input * -1  # OneFlow's would make floats of integers
    return answer if out is None else out.copy_(answer)


neg = negative


def sign(input, *, out=None):
    """Return -1, 0 or 1."""
    answer = flow.sign(input)
    answer = answer if input.is_floating_point() else answer.to(input.dtype)
    return answer if out is None else out.copy_(answer)


def sgn(input, *, out=None):
    """Return the sign; of a complex number its quotient by its absolute value, 0 of 0."""
    if not input.is_complex():
        return sign(input, out=out)
    size = input.abs()
    answer = input / flow.where(size == 0, flow.ones_like(size), size)
    return answer if out is None else operands.written(answer, out)


def square(input, *, out=None):
    """Return input * input."""
    if input.dtype == flow.bool:
        input = input.to(flow.int64)
    answer = input * input if _is_integral(input) else flow.square(input)
    return answer if out is None else out.copy_(answer)


def pow(input, exponent, *, out=None):
    """Return input to the power of the exponent; of integers an integer."""
    answer = flow.pow(input, exponent)
    both = isinstance(input, flow.Tensor) and isinstance(exponent, flow.Tensor)
    if both and answer.is_floating_point() and _is_integral(input) and _is_integral(exponent):
        return operands.written(_power_of_integers(input, exponent), out)
    return answer if out is None else out.copy_(answer)


def _power_of_integers(input, exponent):
    """Return a power that wraps around as integers do; of a negative exponent 0, 1 or -1."""
    import numpy as np

    from oneflow_mock.compat.kernels.host_functions import computed

    def compute(base, power):
        exact = np.power(base, np.where(power < 0, -power % 2, power))
        return np.where((power < 0) & (np.abs(base) != 1), 0, exact)

    dtype = result_type(input, exponent)
    pair = operands.spread(input.to(dtype), exponent.to(dtype))
    return computed("pow", compute, *pair)


def nan_to_num(input, nan=0.0, posinf=None, neginf=None, *, out=None):
    """Replace NaN and the infinities; by default the infinities by the dtype's extremes."""
    if not input.is_floating_point():
        return input.clone()
    limits = finfo(input.dtype)
    high = limits.max if posinf is None else posinf
    low = limits.min if neginf is None else neginf
    answer = input.masked_fill(flow.isnan(input), 0.0 if nan is None else nan)
    if posinf is None and neginf is None and limits.min <= (nan or 0.0) <= limits.max:
        answer = answer.clamp(limits.min, limits.max)
        return answer if out is None else out.copy_(answer)
    answer = flow.where(answer == inf, flow.full_like(input, high), answer)
    answer = flow.where(answer == -inf, flow.full_like(input, low), answer)
    return answer if out is None else out.copy_(answer)


def isin(elements, test_elements, *, assume_unique=False, invert=False, out=None):
    """Tell of each element whether it is among the test elements."""
    if not isinstance(elements, flow.Tensor):
        elements = flow.tensor(elements)
    if not isinstance(test_elements, flow.Tensor):
        test_elements = flow.tensor(test_elements)
    tests = test_elements.reshape(-1)
    found = (elements.unsqueeze(-1) == tests).to(flow.int32).sum(dim=-1) > 0
    return operands.written(flow.logical_not(found) if invert else found, out)


def deg2rad(input, *, out=None):
    """Return degrees as radians."""
    return operands.written(input * (pi / 180.0), out)


def rad2deg(input, *, out=None):
    """Return radians as degrees."""
    return operands.written(input * (180.0 / pi), out)


def sinc(input, *, out=None):
    """Return sin(πx) / (πx), and 1 at 0."""
    if input.dtype in halves.HALVES:
        return operands.written(_half_sinc(input), out)
    angle = input * pi
    safe = flow.where(angle == 0, flow.ones_like(angle), angle)
    answer = flow.where(angle == 0, flow.ones_like(angle), flow.sin(safe) / safe)
    return answer if out is None else operands.written(answer, out)


def _sinc_gradient(grad, answer, x):
    angle = x * pi
    square = x * x * pi
    slope = grad * ((angle * flow.cos(angle) - flow.sin(angle)) / square)
    return flow.where(square == 0, flow.zeros_like(slope), slope)


_half_sinc = halves.stepped(lambda x: sinc(x), _sinc_gradient)


def exp2(input, *, out=None):
    """Return 2 to the power of each element."""
    return operands.written(flow.pow(2.0, operands.floating(input)), out)


def bitwise_not(input, *, out=None):
    """Return the bitwise complement."""
    answer = flow.logical_not(input) if input.dtype == flow.bool else -1 - input
    return answer if out is None else out.copy_(answer)


def multiply(input, other, *, out=None):
    """`mul`, under NumPy's name."""
    return operands.written(flow.mul(input, other), out)


# reductions


_native_statistic = hooks.native.get("statistic")


def var(input, dim=None, unbiased=True, keepdim=False, *, correction=None, out=None):
    """Return the variance over ``dim``, dividing by n - correction (1 unless told)."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if _native_statistic is not None and not input.is_cuda and input.is_floating_point():
        correction = float(unbiased) if correction is None else correction
        if input.dtype in halves.HALVES and input.requires_grad and input.numel():
            over = dims.listed(input, dim)
            if over:
                return halves.spread_over(input, over, correction, keepdim, False)
        return _native_statistic(input, 1, dims.bits(input, dim), keepdim, correction)
    if input.is_complex():
        import torch

        parts = torch.view_as_real(input).unbind(-1)
        one, other = (
            var(part, dim, unbiased, keepdim, correction=correction, out=out) for part in parts
        )
        return operands.written(one + other, out)
    if correction is None or correction in (0, 1):
        unbiased = unbiased if correction is None else bool(correction)
        dim = list(dim) if isinstance(dim, tuple) else dim
        return flow.var(input, dim=dim, unbiased=unbiased, keepdim=keepdim)
    over = dims.listed(input, dim)
    count = math.prod(input.shape[d] for d in over)
    biased = flow.var(input, dim=over, unbiased=False, keepdim=keepdim)
    return biased * (count / builtins.max(count - correction, 0))


def std(input, dim=None, unbiased=True, keepdim=False, *, correction=None, out=None):
    """Return the square root of the variance."""
    if input.dtype in halves.HALVES and input.numel():
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        over = dims.listed(input, dim)
        if over:
            correction = float(unbiased) if correction is None else correction
            if input.requires_grad:
                answer = halves.spread_over(input, over, correction, keepdim, True)
            else:
                answer = std(input.float(), over, keepdim=keepdim, correction=correction)
            return operands.written(answer.to(input.dtype), out)
    return operands.written(
        flow.sqrt(var(input, dim, unbiased, keepdim, correction=correction)), out
    )


def nanmean(input, dim=None, keepdim=False, *, dtype=None, out=None):
    """Return the mean of what is not NaN."""
    counted = flow.logical_not(flow.isnan(input)).to(input.dtype)
    total = aten.find("nansum")
    answer = total(input, dim, keepdim, dtype=dtype) / total(counted, dim, keepdim)
    return operands.written(answer, out)


def count_nonzero(input, dim=None):
    """Return how many elements are not zero."""
    counted = (input != 0).to(flow.int64)
    return counted.sum() if dim is None else counted.sum(dim=dim)


def argsort(input, dim=-1, descending=False, stable=False):
    """Return the int64 indices that sort along ``dim``."""
    return sort(input, dim, descending, stable)[1]


def argwhere(input):
    """Return the (n, ndim) indices of the elements that are not zero."""
    return flow.nonzero(input).to(flow.int64)


def histc(input, bins=100, min=0, max=0, *, out=None):
    """Count elements in equal bins between min and max (of the data where both are 0)."""
    import numpy as np

    hooks.host_fallback("torch.histc")
    if input.dtype in halves.HALVES:
        return operands.written(_half_histc(input.detach().reshape(-1), bins, min, max), out)
    data = input.detach().cpu().numpy().reshape(-1)
    if min == 0 and max == 0 and data.size:
        min, max = float(data.min()), float(data.max())
    if min == max:
        min, max = min - 1, max + 1
    counts, _ = np.histogram(data, bins=bins, range=(min, max))
    return operands.written(flow.from_numpy(counts.astype(data.dtype)).to(input.device), out)


def _half_histc(data, bins, min, max):
    """Count with places that are rounded at each step, as PyTorch's are."""
    import numpy as np

    if min == 0 and max == 0 and data.numel():
        min, max = data.min().item(), data.max().item()
    if min == max:
        min, max = min - 1, max + 1
    width = flow.tensor(max - min, dtype=data.dtype)
    places = ((data - min) * bins / width).float().numpy()
    values = data.float().numpy()
    places = places[(values >= min) & (values <= max)]
    places = np.minimum(np.trunc(np.nan_to_num(places, posinf=bins)), bins - 1).astype(np.int64)
    counts = np.bincount(places, minlength=bins).astype(np.float32)
    return flow.from_numpy(counts).to(data.dtype).to(data.device)


_native_running = hooks.native.get("running_extremes")


def _extremes(input, dim, better, name):
    """Return running extremes along ``dim`` with the index of the newest one."""
    named = getattr(return_types, name)
    dim = operands.wrapped(dim, input.ndim)
    if _native_running is not None and not input.is_cuda:
        return named(_native_running(input, dim, better == "min"))
    if input.ndim == 0:
        return named((input.clone(), flow.zeros((), dtype=flow.int64)))
    if input.dtype == flow.bool:
        values, places = _extremes(input.to(flow.int32), dim, better, name)
        return named((values.to(flow.bool), places))
    if input.dtype == flow.bfloat16:
        values, places = _extremes(input.to(flow.float32), dim, better, name)
        return named((values.to(flow.bfloat16), places))
    size = input.shape[dim]
    column = input.movedim(dim, -1) if dim != input.ndim - 1 else input
    # One row of the table holds what each place may choose from: itself and those before it.
    table = column.unsqueeze(-2).expand(*column.shape[:-1], size, size)
    later = flow.triu(flow.ones(size, size), 1).to(flow.bool).expand(*table.shape)
    fill = -inf if better == "max" else inf
    if not input.is_floating_point():
        fill = flow.iinfo(input.dtype).min if better == "max" else flow.iinfo(input.dtype).max
    table = flow.masked_fill(table, later, fill)
    best = table.amax(dim=-1) if better == "max" else table.amin(dim=-1)
    places = flow.arange(size).to(flow.int64).expand(*table.shape)
    equal = (table == best.unsqueeze(-1)) & flow.logical_not(later)
    where_best = flow.where(equal, places, flow.zeros_like(places)).amax(dim=-1)
    values = column.gather(column.ndim - 1, where_best)
    return named((values.movedim(-1, dim), where_best.movedim(-1, dim)))


def cummax(input, dim, *, out=None):
    """Return the running maximum along ``dim`` and where it was met last."""
    return operands.written(_extremes(input, dim, "max", "cummax"), out)


def cummin(input, dim, *, out=None):
    """Return the running minimum along ``dim`` and where it was met last."""
    return operands.written(_extremes(input, dim, "min", "cummin"), out)


# shape


def flatten(input, start_dim=0, end_dim=-1):
    """Join the dimensions from start_dim to end_dim into one."""
    return input.reshape(1) if input.ndim == 0 else flow.flatten(input, start_dim, end_dim)


def unflatten(input, dim, sizes):
    """Split a dimension into several."""
    dim = dim % input.ndim
    return input.reshape(*input.shape[:dim], *sizes, *input.shape[dim + 1 :])


def repeat_interleave(input, repeats=None, dim=None, *, output_size=None):
    """Repeat elements along ``dim``, or of the flattened input."""
    if repeats is None:
        counts = input
        return flow.arange(counts.shape[0]).to(flow.int64)[_spread(counts)]
    if dim is None:
        input, dim = input.reshape(-1), 0
    if isinstance(repeats, int):
        dim = dim % input.ndim
        if repeats < 0:
            raise RuntimeError("Repeats must be non-negative")
        shape = list(input.shape)
        operands.check_room((*shape, repeats))
        wide = input.unsqueeze(dim + 1)
        wide = wide.expand(*shape[: dim + 1], repeats, *shape[dim + 1 :])
        answer = wide.reshape(*shape[:dim], shape[dim] * repeats, *shape[dim + 1 :])
        # Where OneFlow's is a view, a copy as in PyTorch.
        return answer.clone() if answer.is_contiguous() and repeats <= 1 else answer.contiguous()
    if repeats.numel() == 1:
        return repeat_interleave(input, int(repeats.item()), dim)
    return input.index_select(dim, _spread(repeats))


def _spread(counts):
    """Return each position as often as its count says."""
    import numpy as np

    counts = counts.detach().cpu().numpy()
    return flow.from_numpy(np.repeat(np.arange(counts.size), counts.reshape(-1)).astype("int64"))


def unfold_copy(input, dimension, size, step, *, out=None):
    """Return slices of ``size`` along a dimension, ``step`` apart, in a new last dimension."""
    return operands.written(input.unfold(dimension, size, step).clone(), out)


# products


def outer(input, vec2, *, out=None):
    """Return the outer product of two vectors."""
    if input.ndim != 1 or vec2.ndim != 1:
        raise RuntimeError(f"outer: Expected 1-D argument self, but got {input.ndim}-D")
    return operands.written(input.unsqueeze(1) * vec2.unsqueeze(0), out)


ger = outer


def kron(input, other, *, out=None):
    """Return the Kronecker product."""
    ndim = builtins.max(input.ndim, other.ndim)
    one = input.reshape(*[1] * (ndim - input.ndim), *input.shape)
    two = other.reshape(*[1] * (ndim - other.ndim), *other.shape)
    left = one.reshape(*[size for pair in zip(one.shape, [1] * ndim) for size in pair])
    right = two.reshape(*[size for pair in zip([1] * ndim, two.shape) for size in pair])
    answer = (left * right).reshape(*[a * b for a, b in zip(one.shape, two.shape)])
    return answer if out is None else operands.written(answer, out)


def matmul(input, other, *, out=None):
    """Return the matrix product, broadcast over leading dimensions."""
    answer = _product(input, other)
    if answer is None:
        if input.ndim == 1 and other.ndim == 1:
            answer = flow.dot(input, other) if hooks.kernels else (input * other).sum()
        elif not (input.numel() and other.numel()) and input.ndim > 1 and other.ndim > 1:
            answer = _product_of_nothing(input, other)
        elif input.ndim > 1 and other.ndim > 2 and halves.is_half(other):
            answer = _half_product(input, other)
        elif input.ndim > 2 and other.ndim == 1:  # OneFlow ends the process
            answer = flow.matmul(input, other.unsqueeze(-1)).squeeze(-1)
        elif input.ndim == 1 and other.ndim > 2:
            answer = matmul(input.unsqueeze(0), other).squeeze(-2)
        else:
            answer = flow.matmul(input, other)
    return answer if out is None else out.copy_(answer)


def _half_product(input, other):
    """Multiply as one product what PyTorch does, so that gradients round as often as there."""
    if input.ndim == 2:
        answer = flow.matmul(other.transpose(-1, -2), input.t())
        return answer.transpose(-1, -2).contiguous()
    from torch.functional import broadcast_shapes

    batch = broadcast_shapes(input.shape[:-2], other.shape[:-2])
    pair = (one.expand(*batch, *one.shape[-2:]) for one in (input, other))
    return flow.matmul(*pair)


def _product_of_nothing(input, other):
    """Multiply batches without elements, for which OneFlow's own kernel ends the process."""
    from torch.functional import broadcast_shapes

    if input.shape[-1] != other.shape[-2]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({input.shape[-2]}x{input.shape[-1]} and "
            f"{other.shape[-2]}x{other.shape[-1]})"
        )
    batch = broadcast_shapes(input.shape[:-2], other.shape[:-2])
    answer = operands.empty_of(input, (*batch, input.shape[-2], other.shape[-1]))
    return answer + other.sum() * 0 if other.requires_grad else answer


_product = hooks.native.get("product", lambda input, other: None)


def _weight_norm(v, g, dim=0):
    """Return v at the lengths g of its slices along ``dim`` (see torch.nn.utils.weight_norm)."""
    return v * (g / aten.find("norm_except_dim")(v, 2, dim))


def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """Return the cosine of the angle between vectors along ``dim``."""
    return flow._C.cosine_similarity(x1, x2, dim, eps)


_native_softmax = hooks.native.get("softmax")


def softmax(input, dim, dtype=None, *, out=None):
    """Return the softmax along ``dim``, computed in ``dtype`` if given."""
    input = input if dtype is None else input.to(dtype)
    if input.ndim == 0:
        return flow.softmax(input.reshape(1), 0).reshape(())
    if _native_softmax is not None and not input.is_cuda and input.is_floating_point():
        ndim = input.ndim
        if -ndim <= dim < ndim:
            return _native_softmax(input, dim % ndim, False)
    return flow.softmax(input, dim)


def log_softmax(input, dim, dtype=None, *, out=None):
    """Return the logarithm of the softmax along ``dim``."""
    input = input if dtype is None else input.to(dtype)
    if input.ndim == 0:
        return flow.log_softmax(input.reshape(1), 0).reshape(())
    if not input.numel():  # OneFlow would divide by it
        operands.wrapped(dim, input.ndim)
        return input.clone()
    if _native_softmax is not None and not input.is_cuda and input.is_floating_point():
        ndim = input.ndim
        if -ndim <= dim < ndim:
            return _native_softmax(input, dim % ndim, True)
    return flow.log_softmax(input, dim)


#: Dtypes of which most elements have equals, whose order stays.
_FEW_VALUES = (flow.bool, flow.uint8, flow.int8, dtypes.BY_NAME["int16"])


def _sort_alike(input, dim, descending):
    """Sort stably, by numbers made of an element and its place."""
    size = input.shape[dim]
    shape = [size if d == dim else 1 for d in range(input.ndim)]
    places = flow.arange(size, dtype=flow.int64, device=input.device).reshape(*shape)
    own = size - 1 - places if descending else places
    # None is negative: the least of int16 is -32768.
    keys, _ = flow.sort((input.to(flow.int64) + 32768) * size + own, dim, descending)
    own = flow.fmod(keys, size)
    indices = size - 1 - own if descending else own
    return flow.gather(input, dim, indices), indices


def sort(input, dim=-1, descending=False, stable=False, *, out=None):
    """Return the values sorted along ``dim`` and their int64 indices."""
    from torch.return_types import sort as named

    if input.ndim == 0:
        return named((input.clone(), flow.zeros((), dtype=flow.int64)))
    if not input.numel():  # OneFlow's own kernel would end the process
        operands.wrapped(dim, input.ndim)
        return operands.written(named((input.clone(), input.to(flow.int64))), out)
    native = hooks.native.get("sort_places")
    if native is not None and not input.is_cuda:
        dim = operands.wrapped(dim, input.ndim)
        places = native(input.detach().movedim(dim, -1), bool(descending), bool(stable))
        places = places.movedim(-1, dim)
        return operands.written(named((input.gather(dim, places), places)), out)
    if input.dtype in _FEW_VALUES:
        values, indices = _sort_alike(input, operands.wrapped(dim, input.ndim), descending)
    else:
        values, indices = flow.sort(input, dim, descending)
    return operands.written(named((values, indices.to(flow.int64))), out)


def nonzero(input, *, out=None, as_tuple=False):
    """Return the int64 indices of the elements that are not zero, as rows or as a tuple."""
    if as_tuple and not input.ndim:
        input = input.reshape(1)
    found = flow.nonzero(input).to(flow.int64)
    if not as_tuple:
        return operands.written(found, out)
    return tuple(found[:, column] for column in range(input.ndim))


def _mean_of(input, *args, **kwargs):
    if not input.ndim and "dtype" not in kwargs and not _is_integral(input):
        return _of_one(input, args, kwargs)
    if not input.numel():  # OneFlow's mean of nothing is 0
        return flow.sum(input, *args, **kwargs) / 0.0
    if _native_statistic is not None and input.dtype in _HALVES:
        return _mean_of_half(input, *args, **kwargs)
    if input.is_complex():
        total = flow.sum(input, *args, **kwargs)
        return total * (total.numel() / input.numel())
    return flow.mean(input, *args, **kwargs)


_HALVES = (flow.float16, flow.bfloat16)


def _mean_of_half(input, dim=None, keepdim=False, dtype=None):
    if dtype is not None:
        return flow.mean(input.to(dtype), dim, keepdim)
    return _native_statistic(input, 0, dims.bits(input, dim), keepdim, 0.0)


def _logsumexp_of(input, dim, keepdim=False):
    if input.is_complex():
        over = operands.wrapped_all(dim, input.ndim)
        if not over:
            high = input.detach().real
            high = flow.where(flow.isinf(high), flow.zeros_like(high), high)
            return flow.log(flow.exp(input - high)) + high
        high = input.detach().real.amax(dim=over, keepdim=True) if input.numel() else 0.0
        if input.numel():
            high = flow.where(flow.isinf(high), flow.zeros_like(high), high)
        total = flow.exp(input - high).sum(dim=over, keepdim=True)
        answer = flow.log(total) + high
        return answer if keepdim else answer.squeeze(over)
    if input.dtype in halves.HALVES and input.ndim and input.numel():
        answer = _half_logsumexp(input, operands.wrapped_all(dim, input.ndim))
        return answer if keepdim else _without(answer, dim)
    if _native_statistic is not None and not input.is_cuda and input.is_floating_point():
        return _native_statistic(input, 2, dims.bits(input, dim), keepdim, 0.0)
    return flow.logsumexp(operands.floating(input), dim, keepdim)


def _without(answer, dim):
    over = operands.wrapped_all(dim, answer.ndim)
    return answer.reshape([size for place, size in enumerate(answer.shape) if place not in over])


def _logs_of_halves(input, over):
    high = input.amax(dim=over, keepdim=True)
    high = flow.where(high.abs() == inf, flow.zeros_like(high), high)
    total = flow.exp(input - high).sum(dim=over, keepdim=True)
    return flow.log(total) + high


_half_logsumexp = halves.stepped(
    _logs_of_halves,
    lambda grad, answer, input, over: grad * flow.exp(input - answer),
    steps=True,
)


def _cat(tensors, dim=0):
    if type(tensors) not in (list, tuple):
        if isinstance(tensors, flow.Tensor):
            raise TypeError(
                "cat(): argument 'tensors' (position 1) must be tuple of Tensors, not Tensor"
            )
        tensors = tuple(tensors)
    if not tensors:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    _check_list("torch.cat()", tensors)
    try:
        return flow.cat(tensors, dim)
    except (IndexError, RuntimeError):
        # A tensor of shape (0,) goes with any other shape, which OneFlow does not know.
        kept = [t for t in tensors if tuple(t.shape) != (0,)]
        if not kept or len(kept) == len(tensors):
            raise
        answer = flow.cat(kept, dim)
        for empty in tensors:
            if empty.requires_grad and tuple(empty.shape) == (0,):
                answer = answer + empty.sum()  # whose gradient is zeros, and not None
        return answer


def _check_list(name, tensors):
    """Raise for what OneFlow ends the process for: no tensors at all, and what is none."""
    if not tensors:
        raise RuntimeError(f"{name}: expected a non-empty list of Tensors")
    for place, given in enumerate(tensors):
        if given is None:
            raise TypeError(f"expected Tensor as element {place} in argument 0, but got NoneType")


def _stacked(name, deepen):
    def stacked(tensors, *, out=None):
        _check_list(name, tensors)
        answer = getattr(flow, name)(deepen(tensors))
        return answer if out is None else out.copy_(answer)

    stacked.__name__ = stacked.__qualname__ = name
    return stacked


def _stack_of(tensors, dim=0):
    _check_list("stack", tensors)
    if len(tensors) == 1:
        return flow.unsqueeze(tensors[0], dim).clone()  # OneFlow's would be a view
    return flow.stack(tensors, dim)


def _of_one(input, args, kwargs):
    """Return what a sum, product or mean of a tensor without dimensions is: a copy."""
    dim = args[0] if args else kwargs.get("dim")
    operands.wrapped_all(dim, 0)
    if input.is_floating_point() or input.is_complex():
        return input * 1 if input.requires_grad else input.clone()
    return input.to(flow.int64) if input.dtype != flow.int64 else input.clone()


_INT16 = dtypes.BY_NAME["int16"]


def _sum_of(input, *args, **kwargs):
    if input.dtype is _INT16 and "dtype" not in kwargs:
        input = input.to(flow.int64)
    return flow.sum(input, *args, **kwargs) if input.ndim else _of_one(input, args, kwargs)


def _prod_of(input, *args, **kwargs):
    if not input.ndim:
        return _of_one(input, args, kwargs)
    if input.requires_grad and flow.is_grad_enabled() and _has_zero(input):
        return _prod_of_zeros(input, *args, **kwargs)
    if input.dtype in halves.HALVES and input.requires_grad and input.numel():
        return _prod_of_halves(input, *args, **kwargs)
    if not input.is_floating_point() and input.dtype != flow.int64 and not input.is_complex():
        input = input.to(flow.int64)
    return flow.prod(input, *args, **kwargs)


def _has_zero(input):
    return builtins.bool(flow.any(input.detach() == 0).item())


def _prod_of_zeros(input, dim=None, keepdim=False):
    """Multiply element by element, since OneFlow's gradient divides by each."""
    row = input.reshape(-1) if dim is None else input.movedim(dim, 0)
    answer = row[0]
    for place in range(1, row.shape[0]):
        answer = answer * row[place]
    if dim is not None and keepdim:
        return answer.unsqueeze(dim)
    return answer


def _prod_of_halves(input, dim=None, keepdim=False):
    answer = _half_prod(input, [] if dim is None else [operands.wrapped(dim, input.ndim)])
    if keepdim:
        return answer
    return answer.reshape(()) if dim is None else answer.squeeze(dim)


_half_prod = halves.stepped(
    lambda x, dims: flow.prod(x, *dims, True) if dims else flow.prod(x).reshape(*[1] * x.ndim),
    lambda grad, answer, x, dims: grad * (answer / x),
    steps=True,
)


def _running(work):
    def running(input, dim):
        if input.ndim:
            return work(input, dim)
        operands.wrapped(dim, 0)
        return _of_one(input, (), {})

    running.__name__ = running.__qualname__ = work.__name__
    return running


def squeeze(input, *dim, **named):
    """Drop dimensions of one element: all, or those that are named."""
    if named:
        return _squeeze_by_name(input, *dim, **named)
    if input.ndim or not dim:
        return flow.squeeze(input, *dim)
    operands.wrapped_all(dim[0], 0)  # OneFlow would end the process
    return flow.squeeze(input)


_squeeze_by_name = keywords.spelled(lambda input, dim: squeeze(input, dim), "squeeze")


def transpose(input, dim0, dim1):
    """Return a view with two dimensions swapped."""
    if input.ndim:
        return _swap(input, dim0, dim1)
    operands.wrapped(dim0, 0), operands.wrapped(dim1, 0)  # OneFlow would end the process
    return input.view(())


_swap = flow.Tensor.transpose
swapaxes = swapdims = transpose


def reshape(input, shape):
    """Return the elements in another shape, a view where that is possible."""
    return input.reshape(shape)


def _cumprod(input, dim):
    if not (input.dtype in halves.HALVES and input.requires_grad and flow.is_grad_enabled()):
        return flow.cumprod(input, dim)
    if builtins.bool((input == 0).any()):
        return flow.cumprod(input.to(flow.float32), dim).to(input.dtype)
    return _half_cumprod(input, dim)


def _cumprod_gradient(grad, answer, input, dim):
    sums = flow.cumsum(flow.flip(answer * grad, [dim]), dim)
    return flow.flip(sums, [dim]) / input


_half_cumprod = halves.stepped(lambda x, dim: flow.cumprod(x, dim), _cumprod_gradient)

# OneFlow's own, with the other names that PyTorch has for their arguments.

sum = keywords.spelled(_sum_of, "sum")
mean = keywords.spelled(_mean_of, "mean")
logsumexp = keywords.spelled(_logsumexp_of, "logsumexp")
prod = keywords.spelled(_prod_of, "prod")
cumsum = keywords.spelled(_running(flow.cumsum))
cumprod = keywords.spelled(_running(_cumprod))
unsqueeze = keywords.spelled(flow.unsqueeze)
flip = keywords.spelled(flow.flip)
cat = keywords.spelled(_cat, "cat", first="tensors")
concat = keywords.spelled(_cat, "concat", first="tensors")
concatenate = keywords.spelled(_cat, "concatenate", first="tensors")
stack = keywords.spelled(_stack_of, "stack", first="tensors")
vstack = row_stack = _stacked("vstack", list)
hstack = _stacked("hstack", list)
dstack = _stacked("dstack", list)
std = keywords.spelled(std)
var = keywords.spelled(var)
softmax = keywords.spelled(softmax)
log_softmax = keywords.spelled(log_softmax)
argsort = keywords.spelled(argsort)


def __getattr__(name):
    """Return an operator of `compat.aten`; ``f_`` is the method ``f_``, or made of ``f``."""
    if name.startswith("_foreach_"):
        from oneflow_mock.compat.aten import foreach

        return foreach.operator(name[len("_foreach_") :])
    try:
        return aten.find(name)
    except AttributeError:
        if not name.endswith("_") or name.startswith("_"):
            raise
    import torch

    from oneflow_mock.compat import tensor as methods

    found = methods.find(name)
    return methods.in_place(name, getattr(torch, name[:-1])) if found is None else found


from torch import return_types  # noqa: E402
from torch.functional import unique, unique_consecutive  # noqa: E402, F401  (PyTorch hides their home)

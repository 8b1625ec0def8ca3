"""Makers of tensors with PyTorch's signatures, dtypes and errors.

OneFlow's own build a module object for every call; these call its C functions. What PyTorch accepts
without an effect here (``layout=torch.strided``, ``pin_memory`` without CUDA) is checked and left.
"""

from __future__ import annotations

import math
import operator
import warnings

import numpy as np
import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import device_spelling, dtypes, formats, meta, retyped
from oneflow_mock.compat.kernels.halves import HALVES
from oneflow_mock.compat.kernels.operands import check_room

_DTYPE = flow.dtype
_constant = flow._C.constant
_empty = flow._C.empty
_default_dtype = flow.get_default_dtype
_is_lazy = flow._oneflow_internal.lazy_mode.is_enabled
_set_data = flow.Tensor.data.__set__
_flow_tensor = flow.tensor
_flow_from_numpy = flow.from_numpy

#: NumPy's dtype for each that OneFlow and NumPy both have.
NUMPY = {
    flow.bool: np.dtype(np.bool_),
    flow.uint8: np.dtype(np.uint8),
    flow.int8: np.dtype(np.int8),
    flow.int32: np.dtype(np.int32),
    flow.int64: np.dtype(np.int64),
    flow.float16: np.dtype(np.float16),
    flow.float32: np.dtype(np.float32),
    flow.float64: np.dtype(np.float64),
}
_SHARED = {array: dtype for dtype, array in NUMPY.items()}
NUMPY.update(retyped.NUMPY)
_FROM_NUMPY = {array: dtype for dtype, array in NUMPY.items()}
_PYTHON_TYPES = {float: flow.float64, int: flow.int64, bool: flow.bool}


# what arguments mean


def dtype_of(api, dtype, default):
    """Return the dtype that an argument says; the default for None."""
    if dtype is None:
        return default
    if type(dtype) is flow.dtype:
        return dtype
    if dtype in _PYTHON_TYPES:
        return _PYTHON_TYPES[dtype]
    if isinstance(dtype, flow.dtype):
        return dtypes.check_held(dtype, f"torch.{api}")
    raise TypeError(f"{api}(): argument 'dtype' must be torch.dtype, not {type(dtype).__name__}")


def device_of(api, device):
    """Return the device that an argument says, or the default one; None for the plain CPU."""
    if device is None:
        device = device_spelling.current()
    if device is device_spelling.CPU:
        return None
    try:
        device = device_spelling.usable(device)
    except TypeError:
        raise TypeError(
            f"{api}(): argument 'device' must be torch.device, not {type(device).__name__}"
        ) from None
    return None if device is device_spelling.CPU else device


def shape_of(api, size):
    """Return sizes, given one by one or as one sequence, as a tuple of Python integers."""
    if len(size) == 1 and not isinstance(size[0], (int, flow.Tensor, np.integer)):
        size = size[0]
        if isinstance(size, (str, bytes)) or not hasattr(size, "__iter__"):
            raise TypeError(
                f"{api}(): argument 'size' (position 1) must be tuple of ints, not "
                f"{type(size).__name__}"
            )
    shape = tuple(size)
    for dimension in shape:
        if type(dimension) is not int or dimension < 0:
            break
    else:
        return shape
    shape = tuple(_dimension(api, given, i) for i, given in enumerate(shape))
    for dimension in shape:
        if dimension < 0:
            if api == "zeros":
                raise RuntimeError("zeros: Dimension size must be non-negative.")
            raise RuntimeError(
                f"Trying to create tensor with negative dimension {dimension}: {list(shape)}"
            )
    return shape


def _dimension(api, given, position):
    try:
        if isinstance(given, (bool, float, str)):
            raise TypeError
        return operator.index(given)
    except TypeError:
        if position == 0:
            text = (
                f"(position 1) must be tuple of ints, but found element of type "
                f"{type(given).__name__} at pos 0"
            )
        else:
            text = (
                f'failed to unpack the object at pos {position + 1} with error "type must be '
                f'tuple of ints,but got {type(given).__name__}"'
            )
        raise TypeError(f"{api}(): argument 'size' {text}") from None


def check_layout(api, layout):
    """Refuse what is not a strided tensor."""
    if layout is not None and layout is not formats.strided:
        raise hooks.refuse(f"torch.{api}", f"OneFlow has no tensors of layout {layout}")


def finish(tensor, requires_grad, pin_memory):
    """Set what a maker of tensors is asked besides values."""
    if pin_memory:
        tensor = tensor.pin_memory()
    if requires_grad:
        if not (tensor.is_floating_point() or tensor.is_complex()):
            raise RuntimeError(
                "Only Tensors of floating point and complex dtype can require gradients"
            )
        tensor.requires_grad_(True)
    return tensor


def into(out, tensor):
    """Put an answer into ``out``, which takes its shape."""
    if out is None:
        return tensor
    if tuple(out.shape) == tuple(tensor.shape):
        with flow.no_grad():
            out.copy_(tensor)
    else:
        _set_data(out, tensor.to(out.dtype))
    return out


def _filled(shape, value, dtype, device):
    if device is None or (device.type == "cpu" and isinstance(value, complex)):
        try:
            return _constant(shape, value, dtype=dtype)
        except (RuntimeError, TypeError):
            if dtype not in retyped.NUMPY:
                raise
            return retyped.of_array(np.full(shape, value, retyped.NUMPY[dtype]))
    if device.type == "meta":
        return meta.empty(shape, dtype)
    return _constant(shape, value, dtype=dtype, device=device)


def _unfilled(shape, dtype, device):
    if device is None:
        return _empty(shape, dtype=dtype)
    if device.type == "meta":
        return meta.empty(shape, dtype)
    return _empty(shape, dtype=dtype, device=device)


def _global(name, args, kwargs):
    """Call OneFlow's own maker for its distributed tensors."""
    return getattr(flow, name)(*args, **kwargs)


# filled with one value


def _maker(name, value):
    def make(
        *size,
        out=None,
        dtype=None,
        layout=None,
        device=None,
        pin_memory=False,
        requires_grad=False,
        memory_format=None,
        names=None,
        **other,
    ):
        if other:
            if "placement" in other:
                return _global(name, size, dict(other, dtype=dtype, requires_grad=requires_grad))
            size = (*size, other.pop("size")) if "size" in other else size
            _check_no_more(name, other)
        shape = shape_of(name, size)
        if layout is not None:
            check_layout(name, layout)
        if dtype is None:
            dtype = _default_dtype() if out is None else out.dtype
        elif type(dtype) is not _DTYPE:
            dtype = dtype_of(name, dtype, None)
        device = device_of(name, device)
        if device is None:
            if value is None:
                made = _empty(shape, dtype=dtype)
            else:
                made = _constant(shape, value, dtype=dtype)
        elif value is None:
            made = _unfilled(shape, dtype, device)
        else:
            made = _filled(shape, value, dtype, device)
        if out is not None:
            return into(out, made)
        return finish(made, requires_grad, pin_memory) if requires_grad or pin_memory else made

    make.__name__ = make.__qualname__ = name
    make.__module__ = "torch"
    return make


def _check_no_more(api, other):
    if other:
        raise TypeError(f"{api}() got an unexpected keyword argument '{next(iter(other))}'")


zeros = _maker("zeros", 0)
zeros.__doc__ = "Return a tensor of zeros."
ones = _maker("ones", 1)
ones.__doc__ = "Return a tensor of ones."
empty = _maker("empty", None)
empty.__doc__ = "Return a tensor whose values are whatever lay in its memory."


def full(
    size,
    fill_value,
    *,
    out=None,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
    names=None,
    **other,
):
    """Return a tensor filled with a value, of the dtype that the value stands for."""
    if other:
        if "placement" in other:
            return _global("full", (size, fill_value), dict(other, dtype=dtype))
        _check_no_more("full", other)
    check_layout("full", layout)
    if isinstance(fill_value, flow.Tensor):
        default, fill_value = fill_value.dtype, fill_value.item()
    else:
        default = dtypes.scalar_dtype(fill_value)
    dtype = dtype_of("full", dtype, default if out is None else out.dtype)
    dtypes.check_held(dtype, "torch.full")
    if isinstance(size, int):
        raise TypeError("full(): argument 'size' (position 1) must be tuple of ints, not int")
    shape = shape_of("full", (size,))
    made = _filled(shape, _plain_number(fill_value), dtype, device_of("full", device))
    return finish(made, requires_grad, pin_memory) if out is None else into(out, made)


def _plain_number(value):
    if isinstance(value, np.generic):
        return value.item()
    return value


def full_like(
    input,
    fill_value,
    *,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
    memory_format=None,
    **other,
):
    """Return a tensor of the input's shape filled with a value."""
    if isinstance(fill_value, flow.Tensor):
        fill_value = fill_value.item()
    made = _like("full_like", input, _plain_number(fill_value), dtype, layout, device, other)
    return finish(made, requires_grad, pin_memory) if requires_grad or pin_memory else made


def _like(api, input, value, dtype, layout, device, other):
    if not isinstance(input, flow.Tensor):
        raise TypeError(
            f"{api}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}"
        )
    if other or input.is_global:
        arguments = (input,) if api != "full_like" else (input, value)
        return _global(api, arguments, dict(other, dtype=dtype))
    if layout is not None:
        check_layout(api, layout)
    dtype = input.dtype if dtype is None else dtype_of(api, dtype, None)
    if device is not None:
        device = device_of(api, device)
    elif input.is_cuda or meta.is_meta(input):
        device = input.device
    shape = input.shape
    return (
        _unfilled(shape, dtype, device) if value is None else _filled(shape, value, dtype, device)
    )


def _like_maker(name, value):
    def make(
        input,
        *,
        dtype=None,
        layout=None,
        device=None,
        pin_memory=False,
        requires_grad=False,
        memory_format=None,
        **other,
    ):
        made = _like(name, input, value, dtype, layout, device, other)
        return finish(made, requires_grad, pin_memory) if requires_grad or pin_memory else made

    make.__name__ = make.__qualname__ = name
    make.__module__ = "torch"
    return make


zeros_like = _like_maker("zeros_like", 0)
zeros_like.__doc__ = "Return zeros of the input's shape, dtype and device."
ones_like = _like_maker("ones_like", 1)
ones_like.__doc__ = "Return ones of the input's shape, dtype and device."
empty_like = _like_maker("empty_like", None)
empty_like.__doc__ = "Return a tensor like the input, with no particular values."


def empty_strided(
    size,
    stride,
    *,
    dtype=None,
    layout=None,
    device=None,
    requires_grad=False,
    pin_memory=False,
):
    """Return a tensor of the given sizes and strides, with no particular values."""
    shape, stride = shape_of("empty_strided", (size,)), tuple(stride)
    if len(shape) != len(stride):
        raise RuntimeError(
            f"mismatch in length of strides and shape: {len(stride)} strides for {len(shape)} sizes"
        )
    reach = sum((size - 1) * step for size, step in zip(shape, stride)) + 1
    count = 0 if 0 in shape else reach
    flat = empty(count, dtype=dtype, layout=layout, device=device)
    made = flow._C.as_strided(flat, shape, stride, 0) if count else flat.reshape(shape)
    return finish(made, requires_grad, pin_memory)


def _steps(api, steps):
    steps = _number(api, "steps", steps)
    if isinstance(steps, float):
        raise TypeError(f"{api}(): argument 'steps' (position 3) must be int, not float")
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    return steps


def empty_permuted(size, physical_layout, **options):
    """Return a tensor whose dimensions lie in memory in the given order."""
    shape = shape_of("empty_permuted", (size,))
    if sorted(physical_layout) != list(range(len(shape))):
        raise RuntimeError(
            "Number of dimensions in size does not match the length of the physical_layout; i.e. "
            f"len(size) = {len(shape)} is not equal to len(physical_layout) = "
            f"{len(physical_layout)}, or one is there twice"
        )
    back = sorted(range(len(shape)), key=lambda place: physical_layout[place])
    return empty([shape[d] for d in physical_layout], **options).permute(*back)


def scalar_tensor(
    s, *, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False
):
    """Return a number as a tensor without dimensions, of the default dtype unless told one."""
    dtype = dtype_of("scalar_tensor", dtype, _default_dtype())
    made = _filled((), _plain_number(s), dtype, device_of("scalar_tensor", device))
    return finish(made, requires_grad, pin_memory)


# ranges


def _number(api, name, value):
    if isinstance(value, flow.Tensor):
        return value.item()
    if isinstance(value, np.generic):
        return value.item()
    if not isinstance(value, (int, float)):
        raise TypeError(f"{api}(): argument '{name}' must be Number, not {type(value).__name__}")
    return value


def _number_in_plane(api, name, value):
    return value if isinstance(value, complex) else _number(api, name, value)


def arange(
    *args,
    start=None,
    end=None,
    step=None,
    out=None,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
    **other,
):
    """Return the numbers from ``start`` (0) up to, not including, ``end``, ``step`` (1) apart."""
    if other:
        if "placement" in other:
            return _global("arange", args, dict(other, dtype=dtype))
        _check_no_more("arange", other)
    if (
        len(args) == 1
        and type(args[0]) is int
        and args[0] > 0
        and (end is start is step is dtype is device is out is layout is None)
        and not (requires_grad or pin_memory)
        and device_spelling.current() is device_spelling.CPU
    ):
        return flow._C.arange(0, args[0], 1, dtype=flow.int64)
    if len(args) == 1 and end is None:
        end = args[0]
    else:
        named = dict(zip(("start", "end", "step"), args))
        start, end, step = (
            named.get("start", start),
            named.get("end", end),
            named.get("step", step),
        )
    check_layout("arange", layout)
    start = 0 if start is None else _number("arange", "start", start)
    end = _number("arange", "end", end)
    step = 1 if step is None else _number("arange", "step", step)
    _check_range(start, end, step)
    integral = not any(isinstance(value, float) for value in (start, end, step))
    default = flow.int64 if integral else _default_dtype()
    dtype = dtype_of("arange", dtype, default if out is None else out.dtype)
    device = device_of("arange", device)
    if dtype is flow.int64:
        start, end, step = int(start), int(end), int(step)
        _check_range(start, end, step)
    count = _count(start, end, step)
    if not dtype.is_floating_point:
        start, step = int(start), int(step)
    check_room((count,))
    made = _sequence("arange", count, start, step, dtype, device)
    return finish(made, requires_grad, pin_memory) if out is None else into(out, made)


def _check_range(start, end, step):
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (step > 0 and end < start) or (step < 0 and end > start):
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")


def _count(start, end, step):
    if all(isinstance(value, int) for value in (start, end, step)):
        return max(0, -((start - end) // step))
    return math.ceil((end - start) / step)


#: Of bytes OneFlow's kernel computes the end as one.
_ARANGE_KERNELS = {flow.float32, flow.float64, flow.int32, flow.int64}


def _sequence(api, count, start, step, dtype, device):
    if device is not None and device.type == "meta":
        return meta.empty((count,), dtype)
    if dtype == flow.bool and count > 2:
        raise RuntimeError("\"arange_cpu\" not implemented for 'Bool'")
    whole = isinstance(start, int) and isinstance(step, int)
    if whole and dtype in _ARANGE_KERNELS and count:
        end = start + count * step
        if device is None:
            return flow._C.arange(start, end, step, dtype=dtype)
        return flow._C.arange(start, end, step, dtype=dtype, device=device)
    if not dtype.is_floating_point:
        start, step = int(start), int(step)
    return _of_array(_stepped(count, start, step, dtype), dtype, device)


def _stepped(count, start, step, dtype):
    """Return the values to PyTorch's last bit: whole vectors step from their first number."""
    place = np.arange(count)
    values = start + step * place
    lanes = {flow.float32: 8, flow.float64: 4}.get(dtype)
    if lanes is None:
        return values
    first = place // lanes * lanes
    base = (start + step * first).astype(NUMPY[dtype]).astype(np.float64)
    whole = first + lanes <= count
    return np.where(whole, base + step * (place - first), values)


def linspace(
    start,
    end,
    steps,
    *,
    out=None,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
    **other,
):
    """Return ``steps`` numbers evenly spaced from ``start`` to ``end``, both included."""
    if other:
        return _global("linspace", (start, end, steps), dict(other, dtype=dtype))
    check_layout("linspace", layout)
    start = _number_in_plane("linspace", "start", start)
    end = _number_in_plane("linspace", "end", end)
    default = _default_dtype()
    if isinstance(start, complex) or isinstance(end, complex):
        default = dtypes.to_complex(default)
    dtype = dtype_of("linspace", dtype, default if out is None else out.dtype)
    steps = _steps("linspace", steps)
    device = device_of("linspace", device)
    if device is not None and device.type == "meta":
        made = meta.empty((steps,), dtype)
    else:
        made = _of_array(_spaced(start, end, steps, dtype), dtype, device)
    return finish(made, requires_grad, pin_memory) if out is None else into(out, made)


def _spaced(start, end, steps, dtype):
    """Return the values, computed from both ends and rounded once, as PyTorch does."""
    if steps == 1:
        return np.array([start], np.complex128 if isinstance(start, complex) else np.float64)
    if dtype.is_complex:
        real = [_spaced(*pair, steps, dtypes.to_real(dtype)) for pair in _parts_of(start, end)]
        return real[0] + 1j * real[1]
    if dtype in HALVES:
        return _spaced_halves(start, end, steps, dtype)
    if dtype in NUMPY and not dtype.is_floating_point:
        start, end = _whole(start, dtype), _whole(end, dtype)
    is_wide = dtype == flow.float64 or not dtype.is_floating_point
    rounded = np.float64 if is_wide else np.float32
    first, last = rounded(start), rounded(end)
    with np.errstate(all="ignore"):
        step = float((last - first) / rounded(steps - 1)) if steps else 0.0
        place = np.arange(steps)
        up = float(first) + step * place
        down = float(last) - step * (steps - 1 - place)
    values = np.where(place < steps // 2, up, down)
    return values if dtype.is_floating_point else np.trunc(values)


def _parts_of(*values):
    return [value.real for value in values], [value.imag for value in values]


def _rounding(dtype):
    """Return a function that rounds an array of float32 to a half dtype."""
    if dtype == flow.float16:
        kind = np.float16
    else:
        import ml_dtypes

        kind = ml_dtypes.bfloat16
    return lambda array: np.asarray(array, np.float32).astype(kind).astype(np.float32)


def _spaced_halves(start, end, steps, dtype):
    """Return values whose ends, step and products each are rounded."""
    rounded = _rounding(dtype)
    with np.errstate(all="ignore"):
        first, last = rounded(start), rounded(end)
        step = rounded(rounded(last - first) / rounded(max(steps - 1, 1)))
        place = np.arange(steps, dtype=np.float32)
        up = first + rounded(step * place)
        down = last - rounded(step * (steps - 1 - place))
    return rounded(np.where(place < steps // 2, up, down))


def logspace(
    start,
    end,
    steps,
    base=10.0,
    *,
    out=None,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
    **other,
):
    """Return ``base`` to the powers that `linspace` gives."""
    check_layout("logspace", layout)
    dtype = dtype_of("logspace", dtype, _default_dtype() if out is None else out.dtype)
    start, end = _number("logspace", "start", start), _number("logspace", "end", end)
    steps = _steps("logspace", steps)
    if dtype in HALVES:
        ends = _rounding(dtype)([start, end]).tolist() if steps > 1 else (start, end)
        powers = _spaced(*ends, steps, flow.float32).astype(np.float32).astype(np.float64)
    elif dtype.is_floating_point or dtype.is_complex:
        powers = _spaced(start, end, steps, flow.float64)
    else:
        powers = _whole_powers(start, end, steps, dtype)
    with np.errstate(all="ignore"):
        values = np.power(float(base), powers)
    made = _of_array(values, dtype, device_of("logspace", device))
    return finish(made, requires_grad, pin_memory) if out is None else into(out, made)


def _whole_powers(start, end, steps, dtype):
    """Return the powers of a whole `logspace`: from whole ends, but not whole themselves."""
    if steps == 1:
        return np.array([start], np.float64)
    first, last = _whole(start, dtype), _whole(end, dtype)
    step = np.float32(last - first) / np.float32(max(steps - 1, 1))
    place = np.arange(steps, dtype=np.float32)
    up = np.float32(first) + step * place
    down = np.float32(last) - step * (np.float32(steps - 1) - place)
    return np.where(place < steps // 2, up, down).astype(np.float64)


def _whole(value, dtype):
    """Return a number as a dtype of integers holds it."""
    return int(np.array(int(value), np.int64).astype(NUMPY[dtype]))


def eye(
    n,
    m=None,
    *,
    out=None,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
    **other,
):
    """Return a matrix with ones on the diagonal and zeros elsewhere."""
    if other:
        return _global("eye", (n, m), dict(other, dtype=dtype))
    m = n if m is None else m
    for name, size in (("n", n), ("m", m)):
        if size < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    dtype = dtype_of("eye", dtype, _default_dtype() if out is None else out.dtype)
    device = device_of("eye", device)
    if device is not None and device.type == "meta":
        made = meta.empty((n, m), dtype)
    elif n == 0 or m == 0:
        made = _unfilled((n, m), dtype, device)
    else:
        working = flow.float32 if dtype in (flow.float16, flow.bfloat16) else dtype
        on = {} if device is None else {"device": device}
        check_room((n, m), 8)
        made = flow._C.eye(n, m, dtype=working, **on)
        made = made if working is dtype else made.to(dtype)
    return finish(made, requires_grad, pin_memory) if out is None else into(out, made)


# from data


def _of_array(array, dtype, device):
    """Return an array of our own as a tensor, on the CPU sharing its memory."""
    wanted = NUMPY.get(dtype)
    if dtype in retyped.NUMPY:
        made = retyped.of_array(np.array(array, wanted))
    elif wanted is None:
        made = flow._C.to(_flow_from_numpy(_ready(array, np.dtype(np.float32))), dtype)
    else:
        made = _flow_from_numpy(_ready(array, wanted))
    if device is not None:
        made = flow._C.to(made, device)
    return made


def _ready(array, wanted):
    return np.ascontiguousarray(array.astype(wanted, copy=False)).reshape(array.shape)


def tensor(
    data,
    *,
    dtype=None,
    device=None,
    requires_grad=False,
    pin_memory=False,
    names=None,
    **other,
):
    """Return a copy of numbers, sequences of them, an array or a tensor as a tensor."""
    if dtype is None and device is None and not other:
        made = _of_plain_numbers(data)
        if made is not None:
            return finish(made, requires_grad, pin_memory) if requires_grad or pin_memory else made
    if other:
        return _flow_tensor(data, dtype=dtype, requires_grad=requires_grad, **other)
    made = _tensor("tensor", data, dtype, device)
    return finish(made, requires_grad, pin_memory) if requires_grad or pin_memory else made


def _of_plain_numbers(data):
    """Return lists of Python's own numbers as OneFlow reads them; None where there is more to it.

    What OneFlow refuses goes the long way, to PyTorch's error.
    """
    first = data
    while type(first) in (list, tuple) and first:
        first = first[0]
    if (
        type(first) not in _PYTHON_TYPES
        or device_spelling.current() is not device_spelling.CPU
        or _default_dtype() != flow.float32
    ):
        return None
    try:
        return _flow_tensor(data)
    except Exception:
        return None


def _tensor(api, data, dtype, device):
    if isinstance(data, flow.Tensor):
        if api == "tensor":
            warnings.warn(
                "To copy construct from a tensor, it is recommended to use "
                "sourceTensor.detach().clone() or "
                "sourceTensor.detach().clone().requires_grad_(True), rather than "
                "torch.tensor(sourceTensor).",
                UserWarning,
                stacklevel=3,
            )
        dtype = dtype_of(api, dtype, data.dtype)
        target = data.device if device is None else device_of(api, device)
        copied = data.detach().to(dtype=dtype)
        if target is not None:
            copied = copied.to(device=target)
        return copied.clone() if copied is data or copied.data_ptr() == data.data_ptr() else copied
    device = device_of(api, device)
    if dtype is not None:
        dtype = dtype_of(api, dtype, None)
    array, natural = as_array(data)
    if dtype is None:
        dtype = natural
    else:
        if not isinstance(data, np.ndarray):
            _check_fits(array, dtype)
    if device is not None and device.type == "meta":
        return meta.empty(array.shape, dtype)
    dtypes.check_held(dtype, f"torch.{api}")
    wanted = NUMPY.get(dtype)
    if dtype in retyped.NUMPY:
        made = retyped.of_array(np.array(array, wanted))
    elif wanted is None:
        made = flow._C.to(_flow_tensor(_ready(array, np.dtype(np.float32))), dtype)
    else:
        made = _flow_tensor(_ready(array, wanted), dtype=dtype)
    return made if device is None else flow._C.to(made, device)


def as_array(data):
    """Return data as an array, and the dtype that PyTorch gives a tensor of it."""
    if isinstance(data, (np.ndarray, np.generic)):
        array = np.asarray(data)
        _check_strides(array)
        return array, _dtype_of_array(array.dtype)
    kind = type(data)
    if kind is float:
        return np.float64(data), _default_dtype()
    if kind is bool:
        return np.bool_(data), flow.bool
    if kind is int:
        return _integer(data), flow.int64
    if kind is complex:
        return np.complex128(data), dtypes.to_complex(_default_dtype())
    if hasattr(data, "__array__") and not isinstance(data, (list, tuple)):
        array = np.asarray(data)
        return array, _dtype_of_array(array.dtype)
    if hasattr(data, "__array_interface__"):
        array = np.asarray(data)
        return array, _dtype_of_array(array.dtype)
    return _of_sequence(data)


def _integer(value):
    if not -(1 << 63) <= value < 1 << 63:
        raise ValueError("Overflow when unpacking long long")
    return np.int64(value)


def _dtype_of_array(array_dtype):
    found = _FROM_NUMPY.get(array_dtype)
    if found is not None:
        return found
    name = array_dtype.newbyteorder("=").name if array_dtype.kind in "iufcb" else ""
    if name in dtypes.BY_NAME:
        held = dtypes.BY_NAME[name]
        return held if dtypes.is_held(held) else dtypes.check_held(held, "torch.tensor")
    raise TypeError(
        f"can't convert np.ndarray of type numpy.{array_dtype.type.__name__}. The only supported "
        "types are: float64, float32, float16, complex64, complex128, int64, int32, int16, int8, "
        "uint64, uint32, uint16, uint8, and bool."
    )


def _of_sequence(data):
    shape, leaf = _shape_of_sequence(data)
    if leaf is _NONE:
        return np.zeros(shape, np.float32), _default_dtype()
    if type(leaf) in (int, float, bool):
        array = _quick_array(data, shape)
        if array is not None:
            kind = array.dtype.kind
            natural = flow.int64 if kind == "i" else flow.bool
            return array, _default_dtype() if kind == "f" else natural
    if isinstance(leaf, (str, bytes)) and shape:
        raise ValueError(f"too many dimensions '{type(leaf).__name__}'")
    leaves: list = []
    _check_leaves(data, shape, 0, leaves)
    natural = None
    for value in leaves:
        found = _dtype_of_leaf(value)
        natural = found if natural is None else dtypes.promote_types(natural, found)
    plain = [value.item() if hasattr(value, "item") else value for value in leaves]
    dtypes.check_held(natural, "torch.tensor")
    if natural == flow.int64:
        plain = [_integer(int(value)) for value in plain]
    return np.array(plain, NUMPY.get(natural, np.float32)).reshape(shape), natural


_NONE = object()


def _is_sequence(value):
    if isinstance(value, (list, tuple)):
        return True
    if isinstance(value, (str, bytes, flow.Tensor, np.generic, dict, set)):
        return False
    return hasattr(value, "__len__") and hasattr(value, "__getitem__")


def _shape_of_sequence(data):
    """Return the shape that the first elements tell, and the first number."""
    shape = []
    while _is_sequence(data) or (isinstance(data, np.ndarray) and data.ndim):
        shape.append(len(data))
        if not shape[-1]:
            return tuple(shape), _NONE
        data = data[0]
    if isinstance(data, flow.Tensor) and data.numel() != 1:
        raise ValueError("only one element tensors can be converted to Python scalars")
    return tuple(shape), data


def _quick_array(data, shape):
    """Return plain Python numbers as an array, or None where there is anything else."""
    try:
        array = np.array(data)
    except (ValueError, TypeError, RuntimeError):
        return None
    if array.shape != shape or array.dtype not in (np.float64, np.int64, np.bool_):
        return None
    return array


def _check_leaves(data, shape, depth, leaves):
    """Collect the numbers of nested sequences, which must all be as long as the first."""
    if depth == len(shape):
        if _is_sequence(data):
            if leaves and isinstance(leaves[0], float):
                raise TypeError(f"must be real number, not {type(data).__name__}")
            raise TypeError(f"'{type(data).__name__}' object cannot be interpreted as an integer")
        leaves.append(data)
        return
    if isinstance(data, (str, bytes)):
        raise ValueError(f"too many dimensions '{type(data).__name__}'")
    if not _is_sequence(data) and not isinstance(data, np.ndarray):
        raise TypeError("not a sequence")
    if len(data) != shape[depth]:
        raise ValueError(
            f"expected sequence of length {shape[depth]} at dim {depth} (got {len(data)})"
        )
    for item in data:
        _check_leaves(item, shape, depth + 1, leaves)


def _dtype_of_leaf(value):
    if isinstance(value, flow.Tensor):
        return value.dtype
    if isinstance(value, np.generic):
        return _dtype_of_array(value.dtype)
    if isinstance(value, (bool, int, float, complex)):
        return dtypes.scalar_dtype(value)
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return _dtype_of_array(value.dtype)
    if isinstance(value, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(value).__name__}'")
    raise RuntimeError(f"Could not infer dtype of {type(value).__name__}")


def _check_fits(array, dtype):
    """Refuse an integer that the dtype cannot hold."""
    if dtype.is_floating_point or dtype not in NUMPY or array.dtype.kind not in "iu":
        return
    if dtype == flow.bool or not array.size:
        return
    bounds = np.iinfo(NUMPY[dtype])
    if array.min() < bounds.min or array.max() > bounds.max:
        raise RuntimeError(
            f"value cannot be converted to type {dtypes.name_of(dtype)} without overflow"
        )


def as_tensor(data, dtype=None, device=None):
    """Return data as a tensor, sharing its memory where dtype and device allow."""
    if isinstance(data, flow.Tensor):
        dtype = dtype_of("as_tensor", dtype, data.dtype)
        if device is not None:
            return data.to(device=device, dtype=dtype)
        return data if data.dtype == dtype else data.to(dtype)
    if isinstance(data, np.ndarray) and data.dtype in _FROM_NUMPY:
        wanted = dtype_of("as_tensor", dtype, _FROM_NUMPY[data.dtype])
        target = device_of("as_tensor", device)
        made = from_numpy(data)
        if wanted != made.dtype:
            made = made.to(wanted)
        return made if target is None else made.to(target)
    return _tensor("as_tensor", data, dtype, device)


def from_numpy(ndarray):
    """Return an array as a tensor that shares its memory."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    if ndarray.dtype not in _FROM_NUMPY:
        dtypes.check_held(_dtype_of_array(ndarray.dtype), "torch.from_numpy")
    _check_strides(ndarray)
    if not ndarray.flags.writeable:
        _warn_read_only()
    if ndarray.dtype not in _SHARED:
        return retyped.of_array(ndarray)
    return _flow_from_numpy(ndarray)


def _check_strides(array):
    if any(stride < 0 for stride in array.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative "
            "strides are not currently supported. (You can probably work around this by making a "
            "copy of your array  with array.copy().) "
        )
    if any(stride % array.itemsize for stride in array.strides):
        raise ValueError(
            "given numpy array strides not a multiple of the element byte size. Copy the numpy "
            "array to reallocate the memory."
        )


_warned_read_only = False


def _warn_read_only():
    global _warned_read_only
    if not _warned_read_only:
        _warned_read_only = True
        warnings.warn(
            "The given NumPy array is not writable, and PyTorch does not support non-writable "
            "tensors. This means writing to this tensor will result in undefined behavior. You may "
            "want to copy the array to protect its data or make it writable before converting it "
            "to a tensor. This type of warning will be suppressed for the rest of this program.",
            UserWarning,
            stacklevel=3,
        )


def legacy(args, dtype, device=None):
    """Return what ``torch.FloatTensor(*args)`` gives: sizes, or data, of one dtype."""
    if not args:
        return _unfilled((0,), dtype, device_of("new", device))
    first = args[0]
    if len(args) == 1 and isinstance(first, flow.Tensor):
        return first.detach()
    if isinstance(first, (int, np.integer, flow.Size)):
        return _unfilled(shape_of("new", args), dtype, device_of("new", device))
    if len(args) > 1 and not isinstance(first, (list, tuple)):
        raise TypeError(
            "new() received an invalid combination of arguments - got "
            f"({', '.join(type(value).__name__ for value in args)})"
        )
    if isinstance(first, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(first).__name__}'")
    if isinstance(first, float) or first is None:
        raise TypeError(f"new(): data must be a sequence (got {type(first).__name__})")
    return _tensor("new", first, dtype, device)


# methods of a tensor that make another one like it


def _beside(name, self, dtype, device):
    return (
        dtype_of(name, dtype, self.dtype),
        self.device if device is None else device_of(name, device),
    )


def _new_maker(name, value):
    def make(
        self,
        *size,
        dtype=None,
        device=None,
        requires_grad=False,
        layout=None,
        pin_memory=False,
        **other,
    ):
        """Return a tensor of a size with the dtype and device of this one."""
        if other:
            if "placement" in other or "sbp" in other:
                return getattr(flow, name)(self, size, dtype=dtype, **other)
            size = (*size, other.pop("size")) if "size" in other else size
            _check_no_more(name, other)
        shape = shape_of(name, size)
        dtype = self.dtype if dtype is None else dtype_of(name, dtype, None)
        if device is not None:
            device = device_of(name, device)
        elif self.is_cuda or meta.is_meta(self):
            device = self.device
        if value is None:
            made = _unfilled(shape, dtype, device)
        else:
            made = _filled(shape, value, dtype, device)
        return finish(made, requires_grad, pin_memory) if requires_grad or pin_memory else made

    make.__name__ = name
    make.__qualname__ = f"Tensor.{name}"
    return make


new_empty = _new_maker("new_empty", None)
new_zeros = _new_maker("new_zeros", 0)
new_ones = _new_maker("new_ones", 1)


def new_full(
    self,
    size,
    fill_value,
    *,
    dtype=None,
    device=None,
    requires_grad=False,
    layout=None,
    pin_memory=False,
):
    """Return a tensor of a size filled with a value, with the dtype and device of this one."""
    if isinstance(fill_value, flow.Tensor):
        fill_value = fill_value.item()
    dtype, device = _beside("new_full", self, dtype, device)
    made = _filled(shape_of("new_full", (size,)), _plain_number(fill_value), dtype, device)
    return finish(made, requires_grad, pin_memory)


def new_tensor(
    self, data, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False
):
    """Return a copy of data as a tensor with the dtype and device of this one."""
    dtype, device = _beside("new_tensor", self, dtype, device)
    if isinstance(data, flow.Tensor):
        made = data.detach().to(device=device, dtype=dtype, copy=True)
    else:
        made = _tensor("new_tensor", data, dtype, device)
    return finish(made, requires_grad, pin_memory)


def new_empty_strided(self, size, stride, dtype=None, device=None, requires_grad=False, **other):
    """Return a tensor of sizes and strides with the dtype and device of this one."""
    dtype, device = _beside("new_empty_strided", self, dtype, device)
    return empty_strided(size, stride, dtype=dtype, device=device, requires_grad=requires_grad)


def new(self, *args, device=None):
    """Return a tensor of this one's dtype: of sizes, or of data."""
    return legacy(args, self.dtype, self.device if device is None else device)

"""What ``torch`` draws: rand, randn, randint, randperm and the distributions, with its signatures.

On the CPU every function takes the words that PyTorch takes from the same generator, in PyTorch's
order. In a graph, over several ranks and on other devices OneFlow's own kernels draw, from another
stream than PyTorch's.
"""

from __future__ import annotations

import numbers

import numpy as np
import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import device_spelling, filling, meta, sampling
from oneflow_mock.compat.kernels.complex_functions import COMPLEX
from oneflow_mock.compat.kernels.devices import cuda_count, device_type
from oneflow_mock.compat.kernels.generator import generator_of


def _is_size(value) -> bool:
    return isinstance(value, (tuple, list))


def _is_integer(value) -> bool:
    if isinstance(value, int):
        return not isinstance(value, bool)
    if isinstance(value, flow.Tensor):
        return value.ndim == 0 and not value.dtype.is_floating_point
    return isinstance(value, numbers.Integral)


def _is_number(value) -> bool:
    return isinstance(value, numbers.Real) or (isinstance(value, flow.Tensor) and value.ndim == 0)


def _type_name(value) -> str:
    if _is_size(value):
        return "list" if isinstance(value, list) else "tuple"
    return "Tensor" if isinstance(value, flow.Tensor) else type(value).__name__


def _mismatch(api: str, args, keywords, *signatures) -> TypeError:
    got = [_type_name(value) for value in args]
    got += [f"{name}={_type_name(value)}" for name, value in keywords.items()]
    expected = "".join(f"\n * ({signature})" for signature in signatures)
    return TypeError(
        f"{api}() received an invalid combination of arguments - got ({', '.join(got)}), "
        f"but expected one of:{expected}\n"
    )


_OPTIONS = (
    "Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device "
    "= None, bool pin_memory = False, bool requires_grad = False"
)


def _signatures(*parameters: str) -> list:
    """Return the signatures of a factory: with a generator, and without."""
    return [
        f"{leading}, *, {generator}{_OPTIONS}"
        for leading in parameters
        for generator in ("torch.Generator generator, ", "")
    ]


def _shape(api: str, args, others) -> tuple:
    """Return the size given as numbers, as one tuple or list, or by keyword."""
    signatures = _signatures("tuple of ints size")
    if not args:
        if set(others) != {"size"}:
            raise _mismatch(api, args, others, *signatures)
        size = others["size"]
        return _checked_size(api, size if _is_size(size) else (size,), 1)
    if others:
        raise _mismatch(api, args, others, *signatures)
    if _is_size(args[0]):
        if len(args) > 1:
            raise _mismatch(api, args, others, *signatures)
        return _checked_size(api, args[0], 1)
    if not _is_integer(args[0]):
        raise TypeError(
            f"{api}(): argument 'size' (position 1) must be tuple of ints, not "
            + _type_name(args[0])
        )
    return _checked_size(api, args, 1)


def _checked_size(api: str, size, position: int) -> tuple:
    dimensions = []
    for place, dimension in enumerate(size, position):
        if not _is_integer(dimension):
            raise TypeError(
                f"{api}(): argument 'size' failed to unpack the object at pos {place} with error "
                f'"type must be tuple of ints,but got {_type_name(dimension)}"'
            )
        dimensions.append(int(dimension))
    for dimension in dimensions:
        if dimension < 0:
            raise RuntimeError(
                f"Trying to create tensor with negative dimension {dimension}: {dimensions}"
            )
    return tuple(dimensions)


def _is_engines(device, others) -> bool:
    """Tell whether OneFlow has to draw: in a graph, over several ranks, on another device."""
    if "placement" in others or "sbp" in others or filling.is_lazy():
        return True
    return device is not None and not filling.is_host(device)


def _finish(api, tensor, device, layout, pin_memory, requires_grad):
    if layout is not None and "strided" not in str(layout):
        raise hooks.refuse(f"torch.{api}", f"OneFlow has no tensors of layout {layout}")
    if device is not None and not filling.is_host(device):
        tensor = tensor.to(device)
    if pin_memory:
        if not cuda_count():
            raise RuntimeError("Cannot access accelerator device when none is available.")
        tensor = tensor.pin_memory()
    if requires_grad:
        if not (tensor.dtype.is_floating_point or tensor.dtype in COMPLEX):
            raise RuntimeError(
                "Only Tensors of floating point and complex dtype can require gradients"
            )
        tensor.requires_grad_()
    return tensor


def _result_for_out(out, shape):
    """Give ``out`` a result's shape, as PyTorch resizes it."""
    if tuple(out.shape) != tuple(shape):
        out.data = flow.empty(shape, dtype=out.dtype, device=out.device)
    return out


def _checked_out(out, dtype):
    if dtype is not None and dtype != out.dtype:
        given, wanted = filling.KINDS.get(dtype), filling.KINDS.get(out.dtype)
        raise RuntimeError(
            f"dtype {given.name if given else dtype} does not match dtype of out parameter "
            f"({wanted.name if wanted else out.dtype})"
        )


def _make(api, shape, draw, kind, dtype, out, device, layout, pin_memory, requires_grad):
    """Return a new tensor, or ``out``, filled by ``draw(count, is_contiguous, kind)``."""
    if out is not None:
        _result_for_out(out, shape)
        return filling.fill(out, lambda count, dense: draw(count, dense, kind))
    if device is not None and device_type(device) == "meta":
        return _finish(api, meta.empty(shape, dtype), None, layout, False, requires_grad)
    count = filling.count_of(shape)
    values = draw(count, True, kind) if count else np.empty(0, sampling.storage(kind.array))
    tensor = filling.tensor_of(values.reshape(shape), dtype)
    if device is None and layout is None and not pin_memory and not requires_grad:
        return tensor
    return _finish(api, tensor, device, layout, pin_memory, requires_grad)


def _chosen_dtype(out, dtype, default=None):
    if out is not None:
        _checked_out(out, dtype)
        return out.dtype
    return dtype if dtype is not None else default or flow.get_default_dtype()


def _engine_options(generator, dtype, device, requires_grad, others):
    options = dict(others)
    options.pop("size", None)
    for name, value in (("generator", generator), ("dtype", dtype), ("device", device)):
        if value is not None:
            options[name] = value
    if requires_grad:
        options["requires_grad"] = True
    return options


def _check_engine_generator(api, generator, device):
    if generator is not None and device is not None:
        generator_of(api, generator, device_type(device))


def _in_plane(shape, dtype, out, device, fill, *parameters):
    """Return a complex tensor, or ``out``, filled by a function of `filling`."""
    if out is None and device is not None and device_type(device) == "meta":
        return meta.empty(shape, dtype)
    made = flow.empty(shape, dtype=dtype) if out is None else _result_for_out(out, shape)
    return fill(made, *parameters)


def rand(
    *size,
    generator=None,
    out=None,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
    **others,
):
    """torch.rand: uniform numbers of [0, 1)."""
    device = device_spelling.chosen(device)
    if _is_engines(device, others):
        _check_engine_generator("rand", generator, device)
        options = _engine_options(generator, dtype, device, requires_grad, others)
        return flow.rand(*size or (others["size"],), **options)
    shape = _shape("rand", size, others)
    dtype = _chosen_dtype(out, dtype)
    if dtype in COMPLEX:
        made = _in_plane(shape, dtype, out, device, filling.fill_uniform, 0.0, 1.0, generator)
        return (
            made
            if out is not None
            else _finish("rand", made, device, layout, pin_memory, requires_grad)
        )
    kind = filling.floating_kind_of("rand", dtype, "check_uniform_bounds")
    source = generator_of("rand", generator)

    def draw(count, is_contiguous, kind):
        with source.lock:
            return sampling.uniform(source.stream, count, kind.array)

    return _make("rand", shape, draw, kind, dtype, out, device, layout, pin_memory, requires_grad)


def randn(
    *size,
    generator=None,
    out=None,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
    **others,
):
    """torch.randn: normal numbers of mean 0 and variance 1."""
    device = device_spelling.chosen(device)
    if _is_engines(device, others):
        _check_engine_generator("randn", generator, device)
        options = _engine_options(generator, dtype, device, requires_grad, others)
        return flow.randn(*size or (others["size"],), **options)
    shape = _shape("randn", size, others)
    dtype = _chosen_dtype(out, dtype)
    if dtype in COMPLEX:
        made = _in_plane(shape, dtype, out, device, filling.fill_normal, 0.0, 1.0, generator)
        return (
            made
            if out is not None
            else _finish("randn", made, device, layout, pin_memory, requires_grad)
        )
    kind = filling.floating_kind_of("randn", dtype, "normal_kernel_cpu")
    source = generator_of("randn", generator)

    def draw(count, is_contiguous, kind):
        with source.lock:
            return sampling.normal(source.stream, count, kind.array, 0.0, 1.0, is_contiguous)

    return _make("randn", shape, draw, kind, dtype, out, device, layout, pin_memory, requires_grad)


def _integer_bounds(api, args, keywords, with_size: bool):
    """Return low, high and the remaining arguments of randint and randint_like."""
    leading = ("int high", "int low, int high")
    if with_size:
        leading = tuple(f"{bounds}, tuple of ints size" for bounds in leading)
    signatures = _signatures(*leading)
    values = list(args)
    given = dict(keywords)
    size = None
    if with_size:
        if "size" in given:
            size = given.pop("size")
        elif values and _is_size(values[-1]):
            size = values.pop()
        elif len(values) == 2 and all(_is_integer(value) for value in values) and not given:
            raise TypeError(
                f"{api}(): argument 'size' (position 2) must be tuple of ints, not "
                + _type_name(values[1])
            )
    low, high = given.pop("low", None), given.pop("high", None)
    if high is None and values:
        high = values.pop()
    if low is None and values:
        low = values.pop()
    low = 0 if low is None else low
    if values or given or (with_size and not _is_size(size)):
        raise _mismatch(api, args, keywords, *signatures)
    if not _is_integer(low) or not _is_integer(high):
        raise _mismatch(api, args, keywords, *signatures)
    low, high = int(low), int(high)
    for bound in (low, high):
        if not -(1 << 63) <= bound < 1 << 63:
            raise ValueError("Overflow when unpacking long long")
    return low, high, size


def _split_others(others):
    """Separate OneFlow's own keywords of where a tensor lives from the other ones."""
    engines = {name: others.pop(name) for name in ("placement", "sbp") if name in others}
    return engines, others


def randint(
    *args,
    generator=None,
    out=None,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
    **others,
):
    """torch.randint: integers of [low, high), any of them equally often."""
    engines, others = _split_others(others)
    low, high, size = _integer_bounds("randint", args, others, True)
    shape = _checked_size("randint", size, 1)
    device = device_spelling.chosen(device)
    if _is_engines(device, engines):
        _check_engine_generator("randint", generator, device)
        options = _engine_options(generator, dtype or flow.int64, device, requires_grad, engines)
        return flow.randint(low, high, size=shape, **options)
    dtype = _chosen_dtype(out, dtype, flow.int64)
    kind = filling.kind_of("randint", dtype)
    source = generator_of("randint", generator)
    draw = filling.integer_draw(source, kind, low, high)
    return _make(
        "randint",
        shape,
        lambda count, dense, kind: draw(count, dense),
        kind,
        dtype,
        out,
        device,
        layout,
        pin_memory,
        requires_grad,
    )


def randperm(
    n,
    *,
    generator=None,
    out=None,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
    **others,
):
    """torch.randperm: the integers from 0 to n - 1 in random order."""
    if not _is_integer(n):
        raise TypeError(f"randperm(): argument 'n' (position 1) must be int, not {_type_name(n)}")
    n = int(n)
    device = device_spelling.chosen(device)
    if _is_engines(device, others):
        _check_engine_generator("randperm", generator, device)
        options = _engine_options(generator, dtype, device, requires_grad, others)
        return flow.randperm(n, **options)
    if others:
        raise _mismatch("randperm", (n,), others, *_signatures("int n"))
    if n < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")
    dtype = _chosen_dtype(out, dtype, flow.int64)
    kind = filling.kind_of("randperm", dtype)
    _check_permutation(kind, n)
    source = generator_of("randperm", generator)

    def draw(count, is_contiguous, kind):
        with source.lock:
            return filling.cast(sampling.permutation(source.stream, count), kind)

    if out is None:
        return _make(
            "randperm", (n,), draw, kind, dtype, None, device, layout, pin_memory, requires_grad
        )
    _result_for_out(out, (n,))
    filling.check_writable(out)
    return filling.overwrite(out, draw(n, True, kind)) if n else out


def _check_permutation(kind, n):
    if kind.name == "Bool":
        raise NotImplementedError("\"randperm\" not implemented for 'Bool'")
    if kind.is_float:
        if n > (1 << kind.digits) + 1:
            raise RuntimeError(
                f"n cannot be greater than {(1 << kind.digits) + 1} for {kind.name} type."
            )
    elif n > kind.highest:
        raise RuntimeError(
            f"value cannot be converted to type {kind.array.name}_t without overflow"
        )


def _like_factory(
    api, input, dtype, memory_format, device, layout, pin_memory, requires_grad, draw
):
    """Return a tensor with another's shape and, by default, its dtype, device and layout."""
    shape = tuple(input.shape)
    dtype = input.dtype if dtype is None else dtype
    device = input.device if device is None else device
    if device_type(device) == "meta":
        return _finish(api, meta.empty(shape, dtype), None, layout, False, requires_grad)
    order = filling.memory_order_of(input, memory_format)
    count = filling.count_of(shape)
    kind = filling.kind_of(api, dtype)
    values = (
        draw(count, order is None, kind) if count else np.empty(0, sampling.storage(kind.array))
    )
    array = values.reshape(shape) if order is None else filling.laid_out(values, shape, order)
    return _finish(api, filling.tensor_of(array, dtype), device, layout, pin_memory, requires_grad)


def _with_zero_gradient(result, *inputs):
    """Let a result that does not change smoothly pass zero gradients on, as PyTorch's does."""
    for tensor in inputs:
        if isinstance(tensor, flow.Tensor) and tensor.requires_grad and flow.is_grad_enabled():
            result = result + tensor * 0
    return result


def _checked_input(api, input):
    if not isinstance(input, flow.Tensor):
        raise TypeError(
            f"{api}(): argument 'input' (position 1) must be Tensor, not {_type_name(input)}"
        )
    return input


def _engine_like(input, device) -> bool:
    if input.is_global or filling.is_lazy():
        return True
    return not filling.is_host(input.device if device is None else device)


def _on_engine(factory, input, generator, dtype, device, requires_grad, *bounds):
    """Draw with OneFlow's kernel a tensor of another one's shape, where that one lives."""
    options = {"dtype": dtype or input.dtype}
    if input.is_global:
        options.update(placement=input.placement, sbp=input.sbp)
    else:
        options["device"] = device or input.device
    if generator is not None:
        options["generator"] = generator
    if requires_grad:
        options["requires_grad"] = True
    return factory(*bounds, size=tuple(input.shape), **options)


def _empty_in_plane(input, dtype, memory_format):
    """Return an empty complex tensor in the shape and the layout of a tensor."""
    order = filling.memory_order_of(input, memory_format)
    made = flow.empty(tuple(input.shape), dtype=dtype or input.dtype)
    if order is None:
        return made
    slowest_first = order[::-1]
    flat = flow.empty([input.shape[d] for d in slowest_first], dtype=dtype or input.dtype)
    return flat.permute(*np.argsort(slowest_first).tolist())


def rand_like(
    input,
    *,
    generator=None,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
    memory_format=None,
):
    """torch.rand_like: uniform numbers of [0, 1) in the shape of a tensor."""
    _checked_input("rand_like", input)
    if _engine_like(input, device):
        return _on_engine(flow.rand, input, generator, dtype, device, requires_grad)
    if (dtype or input.dtype) in COMPLEX:
        made = _empty_in_plane(input, dtype, memory_format)
        filling.fill_uniform(made, 0.0, 1.0, generator)
        return _finish("rand_like", made, device, layout, pin_memory, requires_grad)
    filling.floating_kind_of("rand_like", dtype or input.dtype, "check_uniform_bounds")
    source = generator_of("rand_like", generator)

    def draw(count, is_contiguous, kind):
        with source.lock:
            return sampling.uniform(source.stream, count, kind.array)

    return _like_factory(
        "rand_like", input, dtype, memory_format, device, layout, pin_memory, requires_grad, draw
    )


def randn_like(
    input,
    *,
    generator=None,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
    memory_format=None,
):
    """torch.randn_like: normal numbers of mean 0 and variance 1 in the shape of a tensor."""
    _checked_input("randn_like", input)
    if _engine_like(input, device):
        return _on_engine(flow.randn, input, generator, dtype, device, requires_grad)
    if (dtype or input.dtype) in COMPLEX:
        made = _empty_in_plane(input, dtype, memory_format)
        filling.fill_normal(made, 0.0, 1.0, generator)
        return _finish("randn_like", made, device, layout, pin_memory, requires_grad)
    filling.floating_kind_of("randn_like", dtype or input.dtype, "normal_kernel_cpu")
    source = generator_of("randn_like", generator)

    def draw(count, is_contiguous, kind):
        with source.lock:
            return sampling.normal(source.stream, count, kind.array, 0.0, 1.0, is_contiguous)

    return _like_factory(
        "randn_like", input, dtype, memory_format, device, layout, pin_memory, requires_grad, draw
    )


def randint_like(
    input,
    *args,
    generator=None,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
    memory_format=None,
    **bounds,
):
    """torch.randint_like: integers of [low, high) in the shape of a tensor."""
    _checked_input("randint_like", input)
    low, high, _ = _integer_bounds("randint_like", args, bounds, False)
    if _engine_like(input, device):
        return _on_engine(flow.randint, input, generator, dtype, device, requires_grad, low, high)
    kind = filling.kind_of("randint_like", dtype or input.dtype)
    draw = filling.integer_draw(generator_of("randint_like", generator), kind, low, high)
    return _like_factory(
        "randint_like",
        input,
        dtype,
        memory_format,
        device,
        layout,
        pin_memory,
        requires_grad,
        lambda count, dense, kind: draw(count, dense),
    )


def _returned(array: np.ndarray, like, out, dtype=None):
    """Return an array as a tensor where ``like`` lives, or put it into ``out``."""
    if out is not None:
        _result_for_out(out, array.shape)
        filling.check_writable(out)
        return filling.overwrite(out, array) if array.size else out
    tensor = filling.tensor_of(np.asarray(array, order="C"), dtype or like.dtype)
    return tensor if like.device.type == "cpu" else tensor.to(like.device)


_NORMAL_SIGNATURES = (
    "Tensor mean, Tensor std, *, torch.Generator generator = None, Tensor out = None",
    "Tensor mean, float std = 1, *, torch.Generator generator = None, Tensor out = None",
    "float mean, Tensor std, *, torch.Generator generator = None, Tensor out = None",
    "float mean, float std, tuple of ints size, *, torch.Generator generator = None, "
    "Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, "
    "torch.device device = None, bool pin_memory = False, bool requires_grad = False",
)


def normal(
    mean=0.0,
    std=1.0,
    size=None,
    *,
    generator=None,
    out=None,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
    **others,
):
    """torch.normal: normal numbers of given means and standard deviations."""
    if isinstance(mean, flow.Tensor) or isinstance(std, flow.Tensor):
        if size is None:
            result = _normal_around(mean, std, generator, out)
            return result if out is not None else _with_zero_gradient(result, mean, std)
        mean = mean.item() if isinstance(mean, flow.Tensor) and mean.ndim == 0 else mean
        std = std.item() if isinstance(std, flow.Tensor) and std.ndim == 0 else std
    if not _is_number(mean) or not _is_number(std) or not _is_size(size):
        given = (mean, std) if size is None else (mean, std, size)
        raise _mismatch("normal", given, {}, *_NORMAL_SIGNATURES)
    mean, std = float(mean), float(std)
    if _is_engines(device, others):
        _check_engine_generator("normal", generator, device)
        options = _engine_options(generator, dtype, device, requires_grad, others)
        return flow.normal(mean, std, size=_checked_size("normal", size, 1), **options)
    if others:
        raise _mismatch("normal", (mean, std, size), others, *_NORMAL_SIGNATURES)
    shape = _checked_size("normal", size, 1)
    dtype = _chosen_dtype(out, dtype)
    kind = filling.floating_kind_of("normal", dtype, "normal_kernel_cpu")
    filling.check_std(std)
    source = generator_of("normal", generator)

    def draw(count, is_contiguous, kind):
        with source.lock:
            return sampling.normal(source.stream, count, kind.array, mean, std, is_contiguous)

    return _make("normal", shape, draw, kind, dtype, out, device, layout, pin_memory, requires_grad)


def _normal_around(mean, std, generator, out):
    """Return normal numbers with a mean or a standard deviation for each."""
    like = mean if isinstance(mean, flow.Tensor) else std
    kind = filling.floating_kind_of("normal", like.dtype, "normal_kernel_cpu")
    means = filling.values_of(mean) if isinstance(mean, flow.Tensor) else mean
    deviations = filling.values_of(std) if isinstance(std, flow.Tensor) else std
    if isinstance(std, flow.Tensor):
        if deviations.size and not deviations.min() >= 0:
            raise RuntimeError("normal expects all elements of std >= 0.0")
    else:
        filling.check_std(float(std))
    shape = _broadcast_shape(np.shape(means), np.shape(deviations))
    source = filling.host_source("normal", like, generator)
    scale = 1.0 if isinstance(std, flow.Tensor) else float(std)
    count = filling.count_of(shape)
    with source.lock:
        values = sampling.normal(source.stream, count, kind.array, 0.0, scale) if count else None
    if values is None:
        return _returned(np.empty(shape, sampling.storage(kind.array)), like, out)
    values = values.reshape(shape)
    if isinstance(std, flow.Tensor):
        values = sampling.rounded(values * deviations.astype(values.dtype), kind.array)
    added = means.astype(values.dtype) if isinstance(mean, flow.Tensor) else values.dtype.type(mean)
    return _returned(sampling.rounded(values + added, kind.array), like, out)


def _broadcast_shape(one, other) -> tuple:
    length = max(len(one), len(other))
    first, second = ((1,) * (length - len(shape)) + tuple(shape) for shape in (one, other))
    for place in range(length - 1, -1, -1):
        a, b = first[place], second[place]
        if a != b and 1 not in (a, b):
            raise RuntimeError(
                f"The size of tensor a ({a}) must match the size of tensor b ({b}) at "
                f"non-singleton dimension {place}"
            )
    return tuple(b if a == 1 else a for a, b in zip(first, second))


def bernoulli(input, p=None, *, generator=None, out=None):
    """torch.bernoulli: ones and zeros, by each element's probability, or by one for all."""
    _checked_input("bernoulli", input)
    if filling.is_lazy() or input.is_global:
        return flow.bernoulli(input) if p is None else flow.bernoulli(input, p)
    kind = filling.kind_of("bernoulli", input.dtype if out is None else out.dtype)
    shape = tuple(input.shape)
    source = filling.host_source("bernoulli", input, generator)
    if p is None:
        filling.check_probability_dtype(input)
        chances = filling.values_of(input)
        filling.check_probabilities(chances)
        with source.lock:
            drawn = sampling.bernoulli_each(source.stream, chances.reshape(-1))
    else:
        chance = filling.probability_of(p)
        with source.lock:
            drawn = sampling.bernoulli(source.stream, filling.count_of(shape), chance)
    array = drawn.reshape(shape).astype(sampling.storage(kind.array))
    result = _returned(array, input, out)
    return result if out is not None else _with_zero_gradient(result, input)


def multinomial(input, num_samples, replacement=False, *, generator=None, out=None):
    """torch.multinomial: columns drawn by weight, for each row of weights."""
    _checked_input("multinomial", input)
    if not 1 <= input.ndim <= 2:
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    kind = filling.kind_of("multinomial", input.dtype)
    if not kind.is_float:
        raise RuntimeError(
            f"multinomial only supports floating-point dtypes for input, got: {kind.name}"
        )
    if out is not None and out.dtype != flow.int64:
        name = filling.kind_of("multinomial", out.dtype).name
        raise RuntimeError(f"multinomial expects Long tensor out, got: {name}")
    count = int(num_samples)
    if count <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    columns = input.shape[-1]
    if not replacement and count > columns:
        raise RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement"
        )
    if columns > 1 << 24:
        raise RuntimeError("number of categories cannot exceed 2^24")
    shape = (*tuple(input.shape)[:-1], count)
    source = filling.host_source("multinomial", input, generator)
    if 0 in shape:
        return _returned(np.empty(shape, np.int64), input, out, flow.int64)
    weights = filling.values_of(input)
    with source.lock:
        if replacement and count > 1:
            try:
                drawn = sampling.multinomial_with_replacement(
                    source.stream, weights.reshape(-1, columns), count
                )
            except ValueError as error:
                raise RuntimeError(str(error)) from None
        else:
            drawn = _weighted_choice(source.stream, input, weights, kind, count)
    return _returned(drawn.reshape(shape), input, out, flow.int64)


def _weighted_choice(stream, input, weights, kind, count):
    """Return the columns of the largest weights divided by exponential numbers."""
    if not bool(((weights >= 0) & (weights < np.inf)).all()):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if bool((weights.sum(-1) == 0).any()):
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    times = sampling.rounded(sampling.exponential(stream, weights.size, 1.0), kind.array)
    order = filling.memory_order_of(input)
    times = (
        times.reshape(weights.shape)
        if order is None
        else filling.laid_out(times, weights.shape, order)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        races = sampling.rounded(weights / times, kind.array)
    if count == 1:
        return np.expand_dims(races.argmax(-1), -1)
    return np.argsort(-races, axis=-1, kind="stable")[..., :count]


def poisson(input, generator=None):
    """torch.poisson: Poisson numbers, by each element's rate."""
    _checked_input("poisson", input)
    kind = filling.floating_kind_of("poisson", input.dtype, "poisson_cpu")
    source = filling.host_source("poisson", input, generator)
    rates = filling.values_of(input)
    with source.lock:
        try:
            drawn = sampling.poisson(source.stream, rates.reshape(-1))
        except ValueError as error:
            raise RuntimeError(str(error)) from None
    return _returned(filling.from_doubles(drawn, kind).reshape(rates.shape), input, None)


def binomial(count, prob, generator=None):
    """torch.binomial: successes in a number of trials, by each element's probability."""
    for position, (name, value) in enumerate((("count", count), ("prob", prob)), 1):
        if not isinstance(value, flow.Tensor):
            raise TypeError(
                f"binomial(): argument '{name}' (position {position}) must be Tensor, not "
                + _type_name(value)
            )
    for name, value in (("count", count), ("prob", prob)):
        kind = filling.kind_of("binomial", value.dtype)
        if not kind.is_float:
            raise ValueError(
                f"binomial only supports floating-point dtypes for {name}, got: {kind.name}"
            )
    kind = filling.kind_of("binomial", count.dtype)
    source = filling.host_source("binomial", count, generator)
    shape = tuple(count.shape)
    counts, chances = filling.values_of(count), filling.expanded(filling.values_of(prob), shape)
    with source.lock:
        drawn = sampling.binomial(source.stream, counts.reshape(-1), chances.reshape(-1))
    return _returned(filling.from_doubles(drawn, kind).reshape(shape), count, None)


def _refuse_gradient(api, tensor) -> None:
    if tensor.requires_grad and flow.is_grad_enabled():
        raise hooks.refuse(f"torch.{api}", "its gradient is not written yet")


def _standard_gamma(input, generator=None):
    """torch._standard_gamma: Gamma numbers, by each element's shape parameter; no gradient yet."""
    _checked_input("_standard_gamma", input)
    _refuse_gradient("_standard_gamma", input)
    kind = filling.floating_kind_of("_standard_gamma", input.dtype, "gamma_cpu")
    source = filling.host_source("_standard_gamma", input, generator)
    shapes = filling.values_of(input)
    with source.lock:
        drawn = sampling.gamma(source.stream, shapes.reshape(-1))
    smallest = float(np.finfo(sampling.storage(kind.array)).tiny)
    drawn = np.maximum(drawn, smallest)
    return _returned(filling.from_doubles(drawn, kind).reshape(shapes.shape), input, None)


def _sample_dirichlet(input, generator=None):
    """torch._sample_dirichlet: points of a simplex, by each row's concentrations; no gradient."""
    _checked_input("_sample_dirichlet", input)
    _refuse_gradient("_sample_dirichlet", input)
    kind = filling.floating_kind_of("_sample_dirichlet", input.dtype, "dirichlet")
    source = filling.host_source("_sample_dirichlet", input, generator)
    shapes = filling.values_of(input).astype(np.float64)
    with source.lock:
        drawn = sampling.gamma(source.stream, shapes.reshape(-1)).reshape(shapes.shape)
    drawn = np.maximum(drawn, np.finfo(np.float64).tiny)
    drawn /= drawn.sum(-1, keepdims=True)
    storage = sampling.storage(kind.array)
    below_one = np.nextafter(storage.type(1), storage.type(0))
    drawn = np.clip(filling.from_doubles(drawn, kind), np.finfo(storage).tiny, below_one)
    return _returned(drawn, input, None)


#: What ``torch`` takes over from here.
FUNCTIONS = {
    function.__name__: function
    for function in (
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
}

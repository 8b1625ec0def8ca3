"""The pooling functions of torch.nn.functional: PyTorch's keywords, a batch or one sample."""

from __future__ import annotations

import oneflow as flow
import torch

from oneflow_mock.compat.kernels.operands import check_room, scalar_name


def listed(value, dims):
    """Return a size given once or by dimension as a list."""
    sizes = list(value) if isinstance(value, (list, tuple)) else [value]
    if len(sizes) not in (1, dims):
        raise RuntimeError(f"expected one int or a tuple of {dims} ints, but got {value}")
    return [int(size) for size in (sizes if len(sizes) == dims else sizes * dims)]


def _batched(input, dims, name):
    """Return the input with a batch dimension, and whether it was added."""
    if input.ndim not in (dims + 1, dims + 2):
        raise RuntimeError(
            f"{name}: Expected {dims + 1}D or {dims + 2}D tensor, but got: {input.ndim}D"
        )
    return (input.unsqueeze(0), True) if input.ndim == dims + 1 else (input, False)


def _check(name, windows, steps, sides, dilations=(1,)):
    """Refuse windows that PyTorch refuses: OneFlow would go on, or divide by zero."""
    if min(steps) <= 0 or min(windows) <= 0:
        raise RuntimeError(f"{name}: stride and kernel size should be greater than zero")
    if min(dilations) <= 0:
        raise RuntimeError(f"{name}: dilation should be greater than zero, but got {dilations}")
    for window, side, dilation in zip(windows, sides, list(dilations) * len(windows)):
        if side < 0:
            raise RuntimeError(f"{name}: pad must be non-negative, but got pad: {side}")
        if side > ((window - 1) * dilation + 1) // 2:
            raise RuntimeError(
                f"{name}: pad should be at most half of effective kernel size, but got pad={side}, "
                f"kernel_size={window} and dilation={dilation}"
            )


def _check_output(name, input, windows, steps, sides, dilations, ceil_mode):
    dims = len(windows)
    for size, window, step, side, dilation in zip(
        input.shape[input.ndim - dims :], windows, steps, sides, dilations
    ):
        room = size + 2 * side - dilation * (window - 1) - 1
        if (room + step - 1 if ceil_mode else room) // step + 1 < 1:
            raise RuntimeError(
                f"{name}: Given input size: {list(input.shape)}. Output size is too small"
            )


def _unbatched(values, alone):
    return [value.squeeze(0) for value in values] if alone else list(values)


def _max(dims):
    kernel = getattr(flow._C, f"max_pool{dims}d")

    def pool(
        input,
        kernel_size,
        stride=None,
        padding=0,
        dilation=1,
        ceil_mode=False,
        return_indices=False,
    ):
        windows, sides = listed(kernel_size, dims), listed(padding, dims)
        steps = windows if stride in (None, [], ()) else listed(stride, dims)
        input, alone = _batched(input, dims, f"max_pool{dims}d")
        dilations = listed(dilation, dims)
        _check(f"max_pool{dims}d", windows, steps, sides, dilations)
        if 0 in input.shape[1:] or (alone and 0 in input.shape):
            raise RuntimeError(
                f"max_pool{dims}d: Expected {dims + 1}D or {dims + 2}D (batch mode) tensor with "
                f"optional 0 dim batch size for input, but got:{list(input.shape)}"
            )
        _check_output(f"max_pool{dims}d", input, windows, steps, sides, dilations, ceil_mode)
        if not input.is_floating_point():
            options = (windows, steps, sides, dilations, ceil_mode, True)
            values, places = _unbatched(pool(input.double(), *options), alone)
            values = values.to(input.dtype)
            return (values, places) if return_indices else values
        found = kernel(
            input,
            kernel_size=windows,
            stride=steps,
            padding=sides,
            dilation=dilations,
            return_indices=True,
            ceil_mode=ceil_mode,
            data_format="channels_first",
        )
        values, places = _unbatched(found, alone)
        return (values, places) if return_indices else values

    def with_indices(
        input,
        kernel_size,
        stride=None,
        padding=0,
        dilation=1,
        ceil_mode=False,
        return_indices=False,
    ):
        return pool(input, kernel_size, stride, padding, dilation, ceil_mode, True)

    return _named(pool, f"max_pool{dims}d", "Return the largest of each window."), _named(
        with_indices, f"max_pool{dims}d_with_indices", "Return the largest and their places."
    )


def _named(function, name, text):
    function.__name__ = function.__qualname__ = name
    function.__doc__ = text
    return function


max_pool1d, max_pool1d_with_indices = _max(1)
max_pool2d, max_pool2d_with_indices = _max(2)
max_pool3d, max_pool3d_with_indices = _max(3)


def _mean(input, dims, kernel_size, stride, padding, ceil_mode, count_pad, divisor):
    input, alone = _batched(input, dims, f"avg_pool{dims}d")
    windows, sides = listed(kernel_size, dims), listed(padding, dims)
    steps = windows if stride in (None, [], ()) else listed(stride, dims)
    _check(f"avg_pool{dims}d", windows, steps, sides)
    if divisor == 0:
        raise RuntimeError("divisor must be not zero")
    if not input.is_floating_point():
        means = (input.double(), dims, windows, steps, sides, ceil_mode, count_pad, divisor)
        values = _mean(*means)
        # Integers divide towards zero; a whole quotient may come out a little less.
        values = torch.trunc(values + torch.sign(values) * 1e-9).to(input.dtype)
        return values.squeeze(0) if alone else values
    options = {} if dims == 1 else {"divisor_override": int(divisor or 0)}
    values = getattr(flow._C, f"avg_pool{dims}d")(
        input,
        kernel_size=windows,
        stride=steps,
        padding=sides,
        ceil_mode=ceil_mode,
        count_include_pad=count_pad,
        data_format="channels_first",
        **options,
    )
    return values.squeeze(0) if alone else values


def avg_pool1d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """Return the mean of each window."""
    return _mean(input, 1, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input,
    kernel_size,
    stride=None,
    padding=0,
    ceil_mode=False,
    count_include_pad=True,
    divisor_override=None,
    *,
    out=None,
):
    """Return the mean of each window, or the sum over ``divisor_override``."""
    padded = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    means = _mean(input, 2, *padded)
    return means if out is None else out.copy_(means)


def avg_pool3d(
    input,
    kernel_size,
    stride=None,
    padding=0,
    ceil_mode=False,
    count_include_pad=True,
    divisor_override=None,
    *,
    out=None,
):
    """Return the mean of each window, or the sum over ``divisor_override``."""
    padded = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    means = _mean(input, 3, *padded)
    return means if out is None else out.copy_(means)


def _wanted(input, output_size, dims):
    """Return the output's sizes; None stands for the input's."""
    sizes = list(output_size) if isinstance(output_size, (list, tuple)) else [output_size] * dims
    if len(sizes) != dims:
        raise RuntimeError(f"adaptive_pool{dims}d: output_size must be {dims}")
    for size in sizes:
        if size is not None and size < 0:
            raise RuntimeError(
                f"adaptive_pool{dims}d: elements of output_size must be greater than or equal to 0"
            )
    wanted = [
        int(have if size is None else size)
        for size, have in zip(sizes, input.shape[input.ndim - dims :])
    ]
    check_room([1, *wanted])
    return wanted


def _check_depth(input, output_size, dims):
    if dims > 1 and isinstance(output_size, (list, tuple)) and input.ndim <= len(output_size):
        raise ValueError(f"Input dimension should be at least {len(output_size) + 1}")


def _adaptive(dims):
    means = getattr(flow._C, f"adaptive_avg_pool{dims}d")
    largest = getattr(flow._C, f"adaptive_max_pool{dims}d")

    def avg_pool(input, output_size):
        _check_depth(input, output_size, dims)
        input, alone = _batched(input, dims, f"adaptive_avg_pool{dims}d")
        values = means(input, _wanted(input, output_size, dims))
        return values.squeeze(0) if alone else values

    def max_pool(input, output_size, return_indices=False):
        _check_depth(input, output_size, dims)
        input, alone = _batched(input, dims, f"adaptive_max_pool{dims}d")
        found = largest(input, output_size=_wanted(input, output_size, dims))
        values, places = _unbatched(found, alone)
        return (values, places) if return_indices else values

    def with_indices(input, output_size, return_indices=False):
        return max_pool(input, output_size, True)

    name = f"pool{dims}d"
    return (
        _named(avg_pool, f"adaptive_avg_{name}", "Return means of windows that give this size."),
        _named(max_pool, f"adaptive_max_{name}", "Return the largest of windows of this number."),
        _named(with_indices, f"adaptive_max_{name}_with_indices", "… and their places."),
    )


adaptive_avg_pool1d, adaptive_max_pool1d, adaptive_max_pool1d_with_indices = _adaptive(1)
adaptive_avg_pool2d, adaptive_max_pool2d, adaptive_max_pool2d_with_indices = _adaptive(2)
adaptive_avg_pool3d, adaptive_max_pool3d, adaptive_max_pool3d_with_indices = _adaptive(3)


def _unpool(dims):
    kernel = getattr(flow._C, f"max_unpool{dims}d")

    def unpool(input, indices, kernel_size, stride=None, padding=0, output_size=None):
        windows = listed(kernel_size, dims)
        steps = listed(kernel_size if stride is None else stride, dims)
        sides = listed(padding, dims)
        input, alone = _batched(input, dims, f"max_unpool{dims}d")
        indices = indices.unsqueeze(0) if alone else indices
        if indices.dtype is not flow.int64:
            raise RuntimeError(
                f"elements in indices should be type int64 but got: {scalar_name(indices.dtype)}"
            )
        if indices.shape != input.shape:
            raise RuntimeError(
                "Expected shape of indices to be same as that of the input tensor "
                f"({list(input.shape)}) but got indices tensor with shape: {list(indices.shape)}"
            )
        default = [
            (size - 1) * step - 2 * side + window
            for size, step, side, window in zip(input.shape[2:], steps, sides, windows)
        ]
        sizes = default if output_size is None else list(output_size)[-dims:]
        if len(sizes) != dims:
            raise ValueError(
                f"output_size should be a sequence containing {dims} or {dims + 2} elements, but "
                f"it has a length of '{len(sizes)}'"
            )
        if any(abs(size - usual) >= step for size, usual, step in zip(sizes, default, steps)):
            raise ValueError(
                f"invalid output_size {tuple(sizes)}: it must be within one stride of "
                f"{tuple(default)} (max_unpool{dims}d)"
            )
        full = [*input.shape[:2], *sizes]
        values = kernel(input, indices, windows, steps, sides, full)
        return values.squeeze(0) if alone else values

    return _named(unpool, f"max_unpool{dims}d", "Put maxima back to their places, zeros between.")


max_unpool1d = _unpool(1)
max_unpool2d = _unpool(2)
max_unpool3d = _unpool(3)


def _power(input, dims, norm_type, kernel_size, stride, ceil_mode):
    windows = listed(kernel_size, dims)
    if norm_type in (float("inf"), -float("inf")):
        largest = (max_pool1d, max_pool2d, max_pool3d)[dims - 1]
        sign = 1 if norm_type > 0 else -1
        return sign * largest(sign * input.abs(), windows, stride, ceil_mode=ceil_mode)
    mean = (avg_pool1d, avg_pool2d, avg_pool3d)[dims - 1]
    means = mean(input.pow(norm_type), windows, stride, 0, ceil_mode)
    count = 1
    for window in windows:
        count *= window
    return (torch.sign(means) * flow.relu(means.abs()) * count).pow(1.0 / norm_type)


def lp_pool1d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """Return the p-norm of each window."""
    return _power(input, 1, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """Return the p-norm of each window."""
    return _power(input, 2, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """Return the p-norm of each window."""
    return _power(input, 3, norm_type, kernel_size, stride, ceil_mode)


def local_response_norm(input, size, alpha=1e-4, beta=0.75, k=1.0):
    """Divide (N, C, *) by a power of the mean square over neighbouring channels."""
    if input.ndim < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality                          input (got "
            f"{input.ndim} dimensions)"
        )
    if input.numel() == 0:
        return input
    shape = input.shape
    squares = (input * input).reshape(shape[0], 1, shape[1], -1)
    squares = torch.nn.functional.pad(squares, (0, 0, size // 2, (size - 1) // 2))
    means = avg_pool2d(squares, (size, 1), stride=1).reshape(shape)
    return input / (means * alpha + k).pow(beta)


def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """Return the windows of (N, C, H, W) as columns (N, C windows, places)."""
    input, alone = _batched(input, 2, "unfold")
    sizes = [listed(value, 2) for value in (kernel_size, dilation, padding, stride)]
    if input.dtype == flow.bool:
        columns = flow._C.unfold(input.float(), *sizes).to(flow.bool)
        return columns.squeeze(0) if alone else columns
    columns = flow._C.unfold(input, *sizes)
    return columns.squeeze(0) if alone else columns


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Add up the windows that `unfold` gives."""
    alone = input.ndim == 2
    input = input.unsqueeze(0) if alone else input
    values = (output_size, kernel_size, dilation, padding, stride)
    image = flow._C.fold(input, *[listed(value, 2) for value in values])
    return image.squeeze(0) if alone else image

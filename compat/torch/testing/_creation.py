"""Making tensors to compute on, from PyTorch's random stream."""

from __future__ import annotations

import collections.abc
import math
import warnings

import torch

from oneflow_mock.compat.kernels import dtypes

__all__ = ["make_tensor"]


def _bounds(low, high, dtype, lowest, highest, default_low, default_high, integral):
    low = default_low if low is None else low
    high = default_high if high is None else high
    if any(isinstance(value, float) and math.isnan(value) for value in (low, high)):
        raise ValueError(f"`low` and `high` cannot be NaN, but got low={low!r} and high={high!r}")
    if low == high and not integral:
        warnings.warn(
            "Passing `low==high` to `torch.testing.make_tensor` for floating or complex types is "
            "deprecated since 2.1 and will be removed in 2.3. Use `torch.full(...)` instead.",
            FutureWarning,
            stacklevel=4,
        )
    elif low >= high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    elif high < lowest or low >= highest:
        raise ValueError(
            f"The value interval specified by `low` and `high` is [{low}, {high}), but {dtype} "
            f"only supports [{lowest}, {highest})"
        )
    low, high = (min(max(value, lowest), highest) for value in (low, high))
    return (math.ceil(low), math.ceil(high)) if integral else (low, high)


def make_tensor(
    *shape,
    dtype,
    device,
    low=None,
    high=None,
    requires_grad=False,
    noncontiguous=False,
    exclude_zero=False,
    memory_format=None,
):
    """Return a tensor of values drawn evenly between ``low`` and ``high``."""
    if len(shape) == 1 and isinstance(shape[0], collections.abc.Sequence):
        shape = shape[0]
    shape = tuple(shape)
    if noncontiguous and memory_format is not None:
        raise ValueError(
            "The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got "
            f"noncontiguous={noncontiguous!r} and memory_format={memory_format!r}"
        )
    category = dtypes.traits(dtype).category
    integral = category in ("bool", "int")
    if requires_grad and integral:
        raise ValueError(
            "`requires_grad=True` is not supported for boolean and integral dtypes, but got "
            f"dtype={dtype!r}"
        )
    dtypes.check_held(dtype, "torch.testing.make_tensor")
    count = 1
    for size in shape:
        count *= size
    noncontiguous = noncontiguous and count > 1
    if noncontiguous:
        shape = (*shape[:-1], 2 * shape[-1])
    if category == "bool":
        low, high = _bounds(low, high, dtype, 0, 2, 0, 2, True)
        result = torch.randint(low, high, shape, device=device, dtype=dtype)
    elif category == "int":
        info = torch.iinfo(dtype)
        highest = info.max + (dtype != torch.int64)
        low, high = _bounds(low, high, dtype, info.min, highest, -9, 10, True)
        result = torch.randint(low, high, shape, device=device, dtype=dtype)
    else:
        info = torch.finfo(dtype)
        low, high = _bounds(low, high, dtype, info.min, info.max, -9, 9, False)
        result = torch.empty(shape, device=device, dtype=dtype)
        if high - low >= info.max:
            result.uniform_(low / 2, high / 2).mul_(2)
        else:
            result.uniform_(low, high)
    if noncontiguous:
        result = result[..., 1::2]
    elif memory_format is not None:
        result = result.clone(memory_format=memory_format)
    if exclude_zero:
        least = 1 if integral else torch.finfo(dtype).tiny
        result = torch.where(result == 0, torch.full_like(result, least), result)
    return result.requires_grad_() if requires_grad else result

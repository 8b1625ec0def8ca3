"""Pooling over windows whose places are drawn (torch.nn.functional.fractional_max_pool2d, 3d)."""

from __future__ import annotations

import numpy as np
import oneflow as flow
import torch

from oneflow_mock.compat.kernels import host
from oneflow_mock.compat.kernels.constants import empty
from oneflow_mock.compat.kernels.pooling import listed

_SIDES = {2: ("height", "width"), 3: ("time", "height", "width")}


def _starts(samples, size, wanted, window):
    """Return where windows start, (planes, wanted), from one sample for each plane."""
    last = np.full((len(samples), 1), size - window)
    if wanted == 1:
        return last
    kind = samples.dtype.type
    step = kind(size - window) / kind(wanted - 1)
    at = np.arange(wanted - 1, dtype=samples.dtype)
    first = (samples[:, None] * step).astype(np.int64)
    return np.concatenate([((at + samples[:, None]) * step).astype(np.int64) - first, last], 1)


def _pool(dims):
    name = f"fractional_max_pool{dims}d"

    def with_indices(
        input,
        kernel_size,
        output_size=None,
        output_ratio=None,
        return_indices=False,
        _random_samples=None,
    ):
        if output_size is None and output_ratio is None:
            raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
        if input.ndim not in (dims + 1, dims + 2):
            raise RuntimeError(
                f"{name}: Expected {dims + 1}D or {dims + 2}D tensor, but got: {input.ndim}D"
            )
        windows, have = listed(kernel_size, dims), list(input.shape[-dims:])
        if output_size is None:
            ratios = output_ratio
            if not isinstance(ratios, (list, tuple)):
                ratios = [ratios] * dims
            if len(ratios) > dims or not all(0 < ratio < 1 for ratio in ratios):
                raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")
            output_size = [int(side * ratio) for side, ratio in zip(have, ratios)]
        sizes = listed(output_size, dims)
        for side, size, wanted, window in zip(_SIDES[dims], have, sizes, windows):
            if wanted + window - 1 > size:
                raise RuntimeError(
                    f"{name}(): pool {side} {window} too large relative to input {side} {size}"
                )
        lead = list(input.shape[:-dims])
        planes = int(np.prod(lead, dtype=np.int64))
        if _random_samples is None:
            batch = lead[0] if len(lead) == 2 else 1
            _random_samples = torch.rand(
                batch, lead[-1], dims, dtype=input.dtype, device=input.device
            )
        samples = host.array(_random_samples).reshape(-1, dims)[:planes]
        # Of planes the first sample is the width's.
        order = (1, 0) if dims == 2 else (0, 1, 2)
        flat = np.zeros((planes, *[1] * (2 * dims)), np.int64)
        for place in range(dims):
            begin = _starts(samples[:, order[place]], have[place], sizes[place], windows[place])
            within = begin[:, :, None] + np.arange(windows[place])
            shape = [planes] + [1] * (2 * dims)
            shape[1 + place], shape[1 + dims + place] = sizes[place], windows[place]
            flat = flat * have[place] + within.reshape(shape)
        rows = input.reshape(planes, int(np.prod(have)))
        choices = flat.reshape(planes, int(np.prod(sizes)), int(np.prod(windows)))
        if not choices.size:
            values = empty((*lead, *sizes), input)
            return values, flow.zeros((*lead, *sizes), dtype=flow.int64, device=input.device)
        found = host.array(rows.detach())[np.arange(planes)[:, None, None], choices]
        best = np.take_along_axis(choices, found.argmax(-1)[..., None], -1)[..., 0]
        places = flow.from_numpy(np.ascontiguousarray(best)).to(input.device)
        values = rows.gather(1, places)
        return values.reshape(*lead, *sizes), places.reshape(*lead, *sizes)

    def pool(
        input,
        kernel_size,
        output_size=None,
        output_ratio=None,
        return_indices=False,
        _random_samples=None,
    ):
        values, places = with_indices(
            input, kernel_size, output_size, output_ratio, True, _random_samples
        )
        return (values, places) if return_indices else values

    pool.__name__ = pool.__qualname__ = name
    pool.__doc__ = "Return the largest of windows whose places are drawn."
    with_indices.__name__ = with_indices.__qualname__ = f"{name}_with_indices"
    with_indices.__doc__ = "Return the largest of drawn windows, and their places."
    return pool, with_indices


fractional_max_pool2d, fractional_max_pool2d_with_indices = _pool(2)
fractional_max_pool3d, fractional_max_pool3d_with_indices = _pool(3)

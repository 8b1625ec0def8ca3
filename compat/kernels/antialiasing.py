"""Resizing images without aliasing: each output is a weighted mean of all that it covers.

Weights are PyTorch's (``UpSampleKernel.cpp``); rows and then columns are one matrix product each.
"""

from __future__ import annotations

import numpy as np
import oneflow as flow
import torch

from oneflow_mock.compat.kernels import operands


def _triangle(x):
    x = np.abs(x)
    return np.where(x < 1, 1 - x, 0)


def _cubic(x):
    a = x.dtype.type(-0.5)
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _lanczos(x):
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


#: mode → (the filter, how many inputs it takes at scale 1)
_FILTERS = {"bilinear": (_triangle, 2), "bicubic": (_cubic, 4), "lanczos": (_lanczos, 6)}


def _weights(mode, have, want, align_corners, factor, kind):
    """Return the (want, have) weights of inputs in outputs."""
    function, taps = _FILTERS[mode]
    if align_corners:
        scale = (have - 1) / (want - 1) if want > 1 else 0.0
    else:
        scale = 1.0 / factor if factor else have / want
    scale = kind(scale)
    support = kind(taps * 0.5) * max(scale, kind(1))
    center = scale * (np.arange(want, dtype=kind) + kind(0.5))
    first = np.maximum((center - support + kind(0.5)).astype(np.int64), 0)
    last = np.minimum((center + support + kind(0.5)).astype(np.int64), have)
    places = np.arange(have)
    steepness = kind(1) / scale if scale >= 1 else kind(1)
    distances = (places.astype(kind) - center[:, None] + kind(0.5)) * steepness
    covered = (places >= first[:, None]) & (places < last[:, None])
    found = np.where(covered, function(distances), 0).astype(kind)
    total = found.sum(axis=1, keepdims=True)
    return np.where(total != 0, found / np.where(total != 0, total, 1), found)


def resize(input, size, mode, align_corners, factors):
    """Resize (N, C, H, W) to ``size``; ``factors`` are those that were asked for, or None."""
    whole = input.dtype == flow.uint8
    if not whole and input.dtype not in (flow.float32, flow.float64):
        if tuple(input.shape[2:]) == tuple(size):
            return input.clone()
        raise NotImplementedError(
            '"compute_index_ranges_weights" not implemented for '
            f"'{operands.scalar_name(input.dtype)}'"
        )
    kind = np.float64 if whole or input.dtype == flow.float64 else np.float32
    for dim in (3, 2):
        have, want = input.shape[dim], size[dim - 2]
        weights = _weights(mode, have, want, align_corners, factors and factors[dim - 2], kind)
        if whole:
            input = _whole_product(input, weights, dim)
            continue
        matrix = flow.from_numpy(weights).to(input.device, input.dtype)
        if dim == 3:
            input = torch.matmul(input, matrix.t())
        else:
            input = torch.matmul(matrix, input)
    return input


def _whole_product(input, weights, dim):
    """Multiply bytes by weights of 16 bits, as many of them behind the point as fit."""
    if input.shape[dim] == weights.shape[0] and np.array_equal(weights, np.eye(len(weights))):
        return input
    most, bits = weights.max(), 0
    while bits < 22 and int(0.5 + most * (1 << (bits + 1))) < 1 << 15:
        bits += 1
    fixed = np.trunc(weights * (1 << bits) + np.where(weights < 0, -0.5, 0.5))
    matrix = flow.from_numpy(fixed).to(input.device)
    wide = input.to(flow.float64)
    total = torch.matmul(wide, matrix.t()) if dim == 3 else torch.matmul(matrix, wide)
    half = float(1 << (bits - 1)) if bits else 0.5
    return torch.clamp(torch.floor((total + half) / (1 << bits)), 0, 255).to(flow.uint8)

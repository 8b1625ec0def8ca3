"""Sampling at the points of a grid (ATen's ``GridSampler.cpp``)."""

import torch

_MODES = ("bilinear", "nearest", "bicubic")
_PADDINGS = ("zeros", "border", "reflection")


def grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners):
    """Return the input sampled at a grid's points; modes are numbers here."""
    return torch.nn.functional.grid_sample(
        input, grid, _MODES[interpolation_mode], _PADDINGS[padding_mode], align_corners
    )


def grid_sampler_2d(input, grid, interpolation_mode, padding_mode, align_corners):
    """See grid_sampler; input is (n, c, h, w)."""
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)


def grid_sampler_3d(input, grid, interpolation_mode, padding_mode, align_corners):
    """See grid_sampler; input is (n, c, d, h, w)."""
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)

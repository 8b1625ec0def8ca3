"""Weights computed from other tensors: magnitude and direction, or singular values."""

from __future__ import annotations

import oneflow as flow
import torch
import torch.nn.functional as F


def norm_except_dim(v, dim):
    """Return the norms over all dimensions but one, which keep their places; of all for -1."""
    if dim == -1:
        return (v * v).sum().sqrt()
    others = [other for other in range(v.ndim) if other != dim % v.ndim]
    squares = v * v
    return (squares.sum(others, keepdim=True) if others else squares).sqrt()


def weight_norm(v, g, dim):
    """Return the tensor in the direction of ``v`` with the norms ``g``."""
    return v * (g / norm_except_dim(v, dim))


def as_matrix(weight, dim):
    """Return a weight as a matrix with dimension ``dim`` as its rows."""
    if dim != 0:
        weight = weight.permute(dim, *[other for other in range(weight.ndim) if other != dim])
    return weight.reshape(weight.shape[0], -1)


def random_directions(matrix, eps):
    """Return unit vectors to begin a power iteration with: one for the rows, one the columns."""
    drawn = [torch.empty(count, dtype=matrix.dtype, device=matrix.device) for count in matrix.shape]
    return [F.normalize(vector.normal_(0, 1), dim=0, eps=eps) for vector in drawn]


def largest_value(matrix, u, v):
    """Return u · matrix v, which power iterations bring to the largest singular value."""
    return (u * torch.mv(matrix, v)).sum()


def transposed_columns(module):
    """Tell whether a module's weight has its output channels second."""
    nn = flow.nn
    return isinstance(module, (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d))

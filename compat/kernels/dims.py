"""Dimensions as operators take them: all of them, one, or several, from either end."""

from __future__ import annotations


def bits(input, dim):
    """Return dimensions as the kernels take them, a bit for each."""
    ndim = input.ndim
    if dim is None or dim == () or dim == []:
        return (1 << ndim) - 1
    bits = 0
    for d in dim if isinstance(dim, (list, tuple)) else (dim,):
        if not -ndim <= d < max(ndim, 1):
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-max(ndim, 1)}, "
                f"{max(ndim, 1) - 1}], but got {d})"
            )
        bits |= 1 << d % ndim if ndim else 0
    return bits


def listed(input, dim):
    """Return dimensions as a list, counted from 0; all of them for None."""
    if dim is None:
        return list(range(input.ndim))
    return [d % input.ndim for d in (dim if isinstance(dim, (list, tuple)) else [dim])]

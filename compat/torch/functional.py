"""torch.functional: what PyTorch writes in Python above its operators."""

import oneflow as flow
import torch

from oneflow_mock.compat import aten
from oneflow_mock.compat.kernels.constants import constant

__getattr__ = aten.find


def atleast_1d(*tensors):
    """View each tensor with at least one dimension (torch.atleast_1d)."""
    return _each(tensors, lambda t: t.reshape(1) if t.ndim == 0 else t)


def atleast_2d(*tensors):
    """View each tensor with at least two dimensions (torch.atleast_2d)."""
    return _each(tensors, lambda t: t.reshape(1, -1) if t.ndim < 2 else t)


def atleast_3d(*tensors):
    """View each tensor with at least three dimensions (torch.atleast_3d)."""

    def deepen(t):
        if t.ndim < 2:
            return t.reshape(1, -1, 1)
        return t.unsqueeze(-1) if t.ndim == 2 else t

    return _each(tensors, deepen)


def _each(tensors, view):
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tensors[0]
    elif len(tensors) == 1:
        return view(tensors[0])
    return tuple(view(t) for t in tensors)


def broadcast_tensors(*tensors):
    """Expand tensors to their common shape (torch.broadcast_tensors)."""
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tensors[0]
    shape = torch.broadcast_shapes(*(t.shape for t in tensors))
    return tuple(t.expand(*shape) if tuple(t.shape) != tuple(shape) else t for t in tensors)


def broadcast_shapes(*shapes):
    """Return the shape that shapes broadcast to; RuntimeError where they do not."""
    sizes = []
    for shape in shapes:
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        sizes = [1] * (len(shape) - len(sizes)) + sizes
        for position in range(1, len(shape) + 1):
            mine, other = sizes[-position], shape[-position]
            if mine != other and 1 not in (mine, other):
                raise RuntimeError(
                    "Shape mismatch: objects cannot be broadcast to a single shape: "
                    f"{mine} against {other} at dimension -{position}"
                )
            sizes[-position] = other if mine == 1 else mine
    return torch.Size(sizes)


def cartesian_prod(*tensors):
    """Return the Cartesian product of 1-d tensors, one row each (torch.cartesian_prod)."""
    if len(tensors) == 1:
        return tensors[0]
    grids = torch.meshgrid(*tensors, indexing="ij")
    return torch.stack([grid.reshape(-1) for grid in grids], dim=1)


def block_diag(*tensors):
    """Return a matrix with the tensors on its diagonal (torch.block_diag)."""
    blocks = [t.reshape(1, -1) if t.ndim < 2 else t for t in tensors]
    width = sum(block.shape[1] for block in blocks)
    rows, left = [], 0
    for block in blocks:
        rows.append(torch.nn.functional.pad(block, (left, width - left - block.shape[1])))
        left += block.shape[1]
    return torch.cat(rows, dim=0)


def cdist(x1, x2, p=2.0, compute_mode="use_mm_for_euclid_dist_if_necessary"):
    """Return the p-norm distances between all rows of two batches of rows (torch.cdist).

    x1 is (*, n, d), x2 is (*, m, d); the answer is (*, n, m).
    """
    if p == 2 and _is_product(x1, x2, compute_mode):
        return _distances_by_product(x1, x2)
    gaps = (x1.unsqueeze(-2) - x2.unsqueeze(-3)).abs()
    if p == float("inf"):
        return gaps.amax(dim=-1)
    if p == 0:
        return constant((gaps.detach() != 0).to(x1.dtype).sum(dim=-1), x1, x2)
    if p == 1:
        return gaps.sum(dim=-1)
    if p == 2:
        return (gaps * gaps).sum(dim=-1).sqrt()
    return (gaps**p).sum(dim=-1) ** (1.0 / p)


def _is_product(x1, x2, compute_mode):
    """Tell whether distances without a gradient are to be taken by a product, as PyTorch does."""
    few = compute_mode == "use_mm_for_euclid_dist_if_necessary"
    if few and x1.shape[-2] <= 25 and x2.shape[-2] <= 25:
        return False
    if compute_mode not in ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist"):
        return False
    if flow.is_grad_enabled() and (x1.requires_grad or x2.requires_grad):
        return False
    real = x1.dtype in (flow.float32, flow.float64) and x2.dtype is x1.dtype
    return real and x1.numel() > 0 and x2.numel() > 0


def _distances_by_product(x1, x2):
    squares = [(rows * rows).sum(dim=-1, keepdim=True) for rows in (x1, x2)]
    ones = [torch.ones_like(square) for square in squares]
    left = flow.cat([x1 * -2, squares[0], ones[0]], dim=-1)
    right = flow.cat([x2, ones[1], squares[1]], dim=-1)
    return torch.matmul(left, right.transpose(-1, -2)).clamp(min=0).sqrt()


def unique_consecutive(input, return_inverse=False, return_counts=False, dim=None):
    """Drop elements (or slices along ``dim``) equal to the one before them."""
    rows = input.reshape(-1, 1) if dim is None else input.transpose(0, dim)
    count = rows.shape[0]
    flat = rows.reshape(count, rows.numel() // count if count else 1)
    if count:
        changed = (flat[1:] != flat[:-1]).to(flow.int32).sum(dim=1) > 0
        first = flow.cat([flow.ones(1, dtype=flow.int32), changed.to(flow.int32)])
    else:
        first = flow.zeros(0, dtype=flow.int32)
    starts = flow.nonzero(first).reshape(-1).to(flow.int64)
    kept = rows.index_select(0, starts)
    result = [kept.reshape(-1) if dim is None else kept.transpose(0, dim)]
    if return_inverse:
        inverse = flow.cumsum(first.to(flow.int64), 0) - 1
        result.append(inverse.reshape(input.shape) if dim is None else inverse)
    if return_counts:
        ends = flow.cat([starts[1:], flow.tensor([count], dtype=flow.int64)])
        result.append(ends - starts if count else starts)
    return result[0] if len(result) == 1 else tuple(result)


def unique(input, sorted=True, return_inverse=False, return_counts=False, dim=None):
    """Return the distinct elements of a tensor in ascending order (torch.unique)."""
    import numpy as np

    if input.dtype == flow.bfloat16:  # which NumPy lacks
        found = unique(input.detach().float(), sorted, return_inverse, return_counts, dim)
        if isinstance(found, tuple):
            return (found[0].to(input.dtype), *found[1:])
        return found.to(input.dtype)
    if dim is None:
        values, inverse, counts = np.unique(
            input.detach().cpu().numpy(), return_inverse=True, return_counts=True
        )
        shape = tuple(input.shape)
    else:
        values, inverse, counts = np.unique(
            input.detach().cpu().numpy(), return_inverse=True, return_counts=True, axis=dim
        )
        shape = (input.shape[dim],)
    result = [flow.from_numpy(np.ascontiguousarray(values)).to(input.device)]
    if return_inverse:
        result.append(flow.from_numpy(inverse.reshape(shape).astype("int64")).to(input.device))
    if return_counts:
        result.append(flow.from_numpy(counts.astype("int64")).to(input.device))
    return result[0] if len(result) == 1 else tuple(result)

"""What PyTorch refuses of matrices, in its words."""

from __future__ import annotations

import numpy as np
import oneflow as flow
import torch

from oneflow_mock.compat.kernels import dtypes

HALVES = (flow.float16, flow.bfloat16)
_KINDS = {
    flow.float32: "Float",
    flow.float64: "Double",
    flow.float16: "Half",
    flow.bfloat16: "BFloat16",
    flow.int64: "Long",
    flow.int32: "Int",
    flow.int8: "Char",
    flow.uint8: "Byte",
    flow.bool: "Bool",
    dtypes.BY_NAME["complex64"]: "ComplexFloat",
    dtypes.BY_NAME["complex128"]: "ComplexDouble",
}


def kind(dtype):
    """Return a dtype's name as PyTorch's messages have it."""
    return _KINDS.get(dtype, str(dtype))


def floating(api, tensor, halves=False):
    """Refuse integers, and half precision unless ``halves``."""
    if not (tensor.is_floating_point() or tensor.is_complex()):
        raise RuntimeError(
            f"{api}: Expected a floating point or complex tensor as input. Got {kind(tensor.dtype)}"
        )
    if not halves and tensor.dtype in HALVES:
        raise RuntimeError(f"{api}: Low precision dtypes not supported. Got {kind(tensor.dtype)}")


def matrix(api, tensor, name="A"):
    """Refuse less than two dimensions."""
    if tensor.ndim < 2:
        raise RuntimeError(f"{api}: The input tensor {name} must have at least 2 dimensions.")


def square(api, tensor, name="A"):
    """Refuse what is not a matrix as wide as high."""
    matrix(api, tensor, name)
    rows, columns = tensor.shape[-2:]
    if rows != columns:
        raise RuntimeError(
            f"{api}: {name} must be batches of square matrices, "
            f"but they are {rows} by {columns} matrices"
        )


def same(api, one, other):
    """Refuse two dtypes."""
    if one.dtype != other.dtype:
        raise RuntimeError(
            f"{api}: Expected A and B to have the same dtype, but found A of type "
            f"{kind(one.dtype)} and B of type {kind(other.dtype)} instead"
        )


def first_failure(info):
    """Return (": (Batch element n)" or "", LAPACK's info) of the first failure, or None."""
    failed = np.argwhere(info != 0)
    if not len(failed):
        return None
    if info.ndim == 0:
        return "", int(info)
    place = int(np.ravel_multi_index(tuple(failed[0]), info.shape))
    return f": (Batch element {place})", int(info.reshape(-1)[place])


def inverse(api, info):
    """Raise for the first singular matrix."""
    failed = first_failure(info)
    if failed:
        raise torch._C._LinAlgError(
            f"{api}: {failed[0][2:] + ': ' if failed[0] else ''}The diagonal element {failed[1]} "
            "is zero, the inversion could not be completed because the input matrix is singular."
        )


def shapes(api, A, B, left):
    """Refuse right-hand sides of another height (or width)."""
    if A.shape[-2] != B.shape[-2 if left else -1]:
        equation = "AX = B" if left else "XA = B"
        raise RuntimeError(
            f"{api}: Incompatible shapes of A and B for the equation {equation} "
            f"({A.shape[-2]}x{A.shape[-1]} and {B.shape[-2]}x{B.shape[-1]})"
        )


def solution(api, info):
    """Raise for the first singular matrix."""
    failed = first_failure(info)
    if failed:
        raise torch._C._LinAlgError(
            f"{api}{failed[0]}: The solver failed because the input matrix is singular."
        )


def positive(api, info):
    """Raise for the first matrix that is not positive definite."""
    failed = first_failure(info)
    if failed:
        batch = failed[0][2:] + ": " if failed[0] else ""
        raise torch._C._LinAlgError(
            f"{api}: {batch}The factorization could not be completed because the input is not "
            f"positive-definite (the leading minor of order {failed[1]} is not positive-definite)."
        )


def factors(api, info):
    """Raise for the first singular U."""
    failed = first_failure(info)
    if failed:
        raise RuntimeError(
            f"{api}{failed[0]}: U[{failed[1]},{failed[1]}] is zero and using it on lu_solve would "
            "result in a division by zero. If you still want to perform the factorization, "
            "consider calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)"
        )

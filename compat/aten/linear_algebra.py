"""Factorizations and solutions under their names in torch (ATen's ``BatchLinearAlgebra.cpp``).

What torch.linalg has under the same name is computed there.
"""

import functools
import warnings

import numpy as np
import oneflow as flow
import torch

from oneflow_mock.compat.kernels import decompositions as lapack
from oneflow_mock.compat.kernels import halves, host
from oneflow_mock.compat.kernels import matrix_checks as checks
from oneflow_mock.compat.kernels.decompositions import given, mH, mT, narrow, wide
from oneflow_mock.compat.kernels.operands import integral


def _into(out, answer):
    return answer if out is None else out.copy_(answer)


def _into_each(out, answer):
    if out is None:
        return answer
    for place, one in zip(out, answer):
        place.copy_(one)
    return type(answer)(tuple(out))


def det(input):
    """Return the determinants of matrices (torch.linalg.det)."""
    return torch.linalg.det(input)


def slogdet(input, *, out=None):
    """Return signs and logarithms of determinants (torch.linalg.slogdet)."""
    return torch.linalg.slogdet(input, out=out)


def logdet(input):
    """Return the logarithms of the determinants; NaN where one is negative."""
    sign, logarithm = torch.linalg.slogdet(input)
    if sign.is_complex():
        return torch.log(sign) + logarithm
    negative = sign.detach() == -1
    if not negative.any():
        return logarithm
    return torch.where(negative, flow.full_like(logarithm, float("nan")), logarithm)


def inverse(input, *, out=None):
    """Return the inverses of matrices (torch.linalg.inv)."""
    return torch.linalg.inv(input, out=out)


def pinverse(input, rcond=1e-15):
    """Return the Moore-Penrose inverses (torch.linalg.pinv)."""
    return torch.linalg.pinv(input, rcond)


def matrix_exp(input):
    """Return the exponentials of matrices."""
    return halves.rounded_once(torch.linalg.matrix_exp)(input)


def matrix_power(input, n, *, out=None):
    """Return matrices to the power of an integer (torch.linalg.matrix_power)."""
    return torch.linalg.matrix_power(input, n, out=out)


def cholesky(input, upper=False, *, out=None):
    """Return L of A = L Lᴴ, or its adjoint (torch.linalg.cholesky)."""
    answer, info = torch.linalg.cholesky_ex(input, upper=upper)
    checks.positive("cholesky", host.array(info))
    return _into(out, answer)


def cholesky_inverse(L, upper=False, *, out=None):
    """Return the inverses of A = L Lᴴ from the factors L."""
    if L.ndim < 2:
        raise RuntimeError("cholesky_inverse: The input tensor A must have at least 2 dimensions.")
    checks.square("cholesky_inverse", L)
    lower = mH(wide(L)) if upper else wide(L)
    return _into(out, narrow(lapack.FactoredInverse.apply(lower), L.dtype))


def cholesky_solve(B, L, upper=False, *, out=None):
    """Return X of A X = B from L of A = L Lᴴ."""
    for name, one in (("b", B), ("u", L)):
        if one.ndim < 2:
            raise RuntimeError(
                f"{name} should have at least 2 dimensions, but has {one.ndim} dimensions instead"
            )
    if L.shape[-1] != L.shape[-2]:
        raise RuntimeError(
            "A must be batches of square matrices, "
            f"but they are {L.shape[-2]} by {L.shape[-1]} matrices"
        )
    if L.shape[-1] != B.shape[-2]:
        raise RuntimeError(
            f"Incompatible matrix sizes for cholesky_solve: each A matrix is {L.shape[-1]} by "
            f"{L.shape[-1]} but each b matrix is {B.shape[-2]} by {B.shape[-1]}"
        )
    lower = mH(wide(L)) if upper else wide(L)
    right, lower = lapack.batched(wide(B), lower)
    return _into(out, narrow(lapack.FactoredSolution.apply(right, lower), B.dtype))


def triangular_solve(b, A, upper=True, transpose=False, unitriangular=False, *, out=None):
    """Return X of A X = b (or Aᵀ X = b) for triangular A, and a copy of A."""
    if b.ndim < 2 or A.ndim < 2:
        name, one = ("b", b) if b.ndim < 2 else ("A", A)
        raise RuntimeError(
            "torch.triangular_solve: Expected "
            f"{name} to have at least 2 dimensions, but it has {one.ndim} dimensions instead"
        )
    matrix = mT(A) if transpose else A
    checks.square("torch.triangular_solve", A)
    checks.shapes("torch.triangular_solve", matrix, b, True)
    answer = lapack.triangular(matrix, b, upper != transpose, unit=unitriangular)
    batch = torch.broadcast_shapes(A.shape[:-2], b.shape[:-2])
    copy = A.expand(*batch, *A.shape[-2:]).clone()
    return _into_each(out, torch.return_types.triangular_solve((answer, copy)))


def lu(A, pivot=True, get_infos=False, out=None):
    """Return L and U in one matrix and pivots, with LAPACK's info if asked for."""
    factors, pivots, info = torch.linalg.lu_factor_ex(A, pivot=pivot)
    if get_infos:
        return _into_each(out, torch.return_types._lu_with_info((factors, pivots, info)))
    checks.factors("lu_factor", host.array(info))
    return _into_each(out, (factors, pivots))


def lu_solve(b, LU_data, LU_pivots, *, out=None):
    """Return X of A X = b from lu_factor's answer for A (torch.linalg.lu_solve)."""
    return torch.linalg.lu_solve(LU_data, LU_pivots, b, out=out)


def lu_unpack(LU_data, LU_pivots, unpack_data=True, unpack_pivots=True, *, out=None):
    """Return P, L and U from lu_factor's answer; empty what is not asked for."""
    if LU_pivots.dtype != flow.int32:
        raise RuntimeError(
            "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 "
            "dtype.\nNote: this function is intended to be used with the output produced by "
            "torch.linalg.lu_factor"
        )
    order = lower = upper = flow.zeros((0,), dtype=LU_data.dtype, device=LU_data.device)
    rows, columns = LU_data.shape[-2:]
    depth = min(rows, columns)
    if unpack_data:
        unit = flow.eye(rows, depth, dtype=LU_data.dtype, device=LU_data.device)
        lower = torch.tril(LU_data[..., :depth], -1) + unit
        upper = torch.triu(LU_data[..., :depth, :])
    if unpack_pivots:
        order = given(lapack.permutations(host.array(LU_pivots), rows), LU_data)
        order = narrow(order, LU_data.dtype)
    return _into_each(out, torch.return_types.lu_unpack((order, lower, upper)))


def geqrf(input, *, out=None):
    """Return what LAPACK's geqrf leaves: R, the reflections below it, and their scales."""
    checks.matrix("torch.geqrf", input, "input")
    values = lapack.on_host("geqrf", wide(input))
    depth = min(values.shape[-2:])

    def factor(one):
        if not one.size:
            return one, np.zeros(depth, one.dtype)
        found = lapack.routine("geqrf", one)(one)
        return found[0], found[1]

    found = lapack.each(factor, values)
    if not found:
        found = values, np.zeros((*values.shape[:-2], depth), values.dtype)
    parts = tuple(narrow(given(one, input), input.dtype) for one in found)
    return _into_each(out, torch.return_types.geqrf(parts))


def orgqr(input, input2, *, out=None):
    """Return the product of reflections (torch.linalg.householder_product)."""
    return torch.linalg.householder_product(input, input2, out=out)


def ormqr(input, input2, input3, left=True, transpose=False, *, out=None):
    """Return Q C, or C Q, for the product Q of geqrf's reflections, or for Qᴴ."""
    api = "torch.ormqr"
    if input.ndim < 2 or input3.ndim < 2:
        name = "input" if input.ndim < 2 else "other"
        raise RuntimeError(f"{api}: {name} must have at least 2 dimensions.")
    side = -2 if left else -1
    if input3.shape[side] < input2.shape[-1]:
        raise RuntimeError(
            f"{api}: other.shape[{side}] must be greater than or equal to tau.shape[-1]"
        )
    if input3.shape[side] != input.shape[-2]:
        raise RuntimeError(f"{api}: other.shape[{side}] must be equal to input.shape[-2]")
    if input2.shape[-1] > input.shape[-1]:
        raise RuntimeError(f"{api}: tau.shape[-1] must be less than or equal to input.shape[-1]")
    if input.ndim - input2.ndim != 1:
        raise RuntimeError(
            f"{api}: Expected tau to have one dimension less than input, but got tau.ndim equal "
            f"to {input2.ndim} and input.ndim is equal to {input.ndim}"
        )
    if input.ndim != input3.ndim:
        raise RuntimeError(
            f"{api}: Expected other to have same number of dimensions as input, but got "
            f"other.ndim equal to {input3.ndim} and input.ndim is equal to {input.ndim}"
        )
    for name, one in (("tau", input2.shape[:-1]), ("other", input3.shape[:-2])):
        if tuple(one) != tuple(input.shape[:-2]):
            raise RuntimeError(
                f"{api}: Expected batch dimensions of {name} to be equal to "
                f"input.shape[:-2], but got {list(one)}"
            )
    for name, one in (("tau", input2), ("other", input3)):
        if one.dtype != input.dtype:
            raise RuntimeError(
                f"{api}: Expected input and {name} to have the same dtype, but input has dtype "
                f"{input.dtype} and {name} has dtype {one.dtype}"
            )
    right = wide(input3)
    right = right if left else mH(right)
    if input3.numel() and input2.numel():
        right = lapack.reflected(wide(input), wide(input2), right, left == transpose)
    else:
        right = right.clone()
    return _into(out, narrow(right if left else mH(right), input.dtype))


def qr(input, some=True, *, out=None):
    """Return Q and R, reduced or complete (torch.linalg.qr)."""
    answer = torch.linalg.qr(input, "reduced" if some else "complete")
    return _into_each(out, torch.return_types.qr(tuple(answer)))


def svd(input, some=True, compute_uv=True, *, out=None):
    """Return U, S and V (not its transpose); U and V are 0 unless ``compute_uv``."""
    if input.ndim < 2:
        raise RuntimeError("linalg.svd: input should have at least 2 dimensions")
    if compute_uv:
        u, s, vh = torch.linalg.svd(input, full_matrices=not some)
        return _into_each(out, torch.return_types.svd((u, s, mH(vh))))
    s = torch.linalg.svdvals(input)
    u, v = (
        flow.zeros((*input.shape[:-2], size, size), dtype=input.dtype, device=input.device)
        for size in input.shape[-2:]
    )
    return _into_each(out, torch.return_types.svd((u, s, v)))


def svd_lowrank(A, q=6, niter=2, M=None):
    """Return U, S and V of about the ``q`` largest singular values of A - M, by random samples."""
    q = 6 if q is None else q
    rows, columns = A.shape[-2:]
    if M is not None:
        A = A - M.expand(*A.shape)
    tall = mH(A) if rows < columns else A
    basis = torch.randn(tall.shape[-1], q, dtype=A.dtype, device=A.device)
    basis = torch.linalg.qr(tall @ basis).Q
    for _ in range(2 if niter is None else niter):
        basis = torch.linalg.qr(mH(tall) @ basis).Q
        basis = torch.linalg.qr(tall @ basis).Q
    u, s, vh = torch.linalg.svd(mH(basis) @ tall, full_matrices=False)
    u, v = basis @ u, mH(vh)
    return (v, s, u) if rows < columns else (u, s, v)


def pca_lowrank(A, q=None, center=True, niter=2):
    """Return U, S and V of A's principal components, by random samples (`svd_lowrank`)."""
    least = min(A.shape[-2:])
    if q is None:
        q = min(6, least)
    elif not 0 <= q <= least:
        raise ValueError(
            f"q(={q}) must be non-negative integer and not greater than min(m, n)={least}"
        )
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    if center:
        A = A - A.mean(dim=-2, keepdim=True)
    return svd_lowrank(A, q, niter)


def chain_matmul(*matrices, out=None):
    """Return the product of matrices, in the order of the least work (torch.linalg.multi_dot)."""
    if len(matrices) == 1 and isinstance(matrices[0], (list, tuple)):
        matrices = matrices[0]
    if len(matrices) == 1:
        return matrices[0]
    for place, one in enumerate(matrices):
        if one.ndim != 2:
            raise RuntimeError(
                f"Tensor dimension is {one.ndim}, expected 2 instead at place {place}."
            )
    return torch.linalg.multi_dot(matrices, out=out)


# norms and views under their own names


def adjoint(input):
    """Return matrices transposed and conjugated, as a view (torch.adjoint)."""
    if input.ndim == 1 or input.ndim == 0:
        raise RuntimeError(
            "tensor.adjoint() is only supported on matrices or batches of matrices. Got "
            f"{input.ndim}-D tensor."
        )
    return input.mH


def vander(x, N=None, increasing=False):
    """Return the powers of a vector (n) as columns: (n, N), the highest first (torch.vander)."""
    if x.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    if N is not None and N < 0:
        raise RuntimeError("N must be non-negative.")
    N = x.shape[0] if N is None else N
    x = x.to(torch.int64) if integral(x) else x
    if not N:
        return x.new_zeros((x.shape[0], 0))
    columns = [torch.ones_like(x)]
    for _ in range(N - 1):
        columns.append(columns[-1] * x)
    return torch.stack(columns if increasing else columns[::-1], dim=1)


@functools.lru_cache(maxsize=None)
def _warn_once(name, instead):
    warnings.warn(
        f"at::{name} is deprecated and it is just left for JIT compatibility. It will be removed "
        f"in a future PyTorch release. Please use `{instead}` instead",
        stacklevel=3,
    )


def frobenius_norm(input, dim, keepdim=False, *, out=None):
    """Return the root of the sum of squares over dimensions (torch.frobenius_norm)."""
    _warn_once("frobenius_norm", "linalg.vector_norm(A, 2., dim, keepdim)")
    return torch.linalg.vector_norm(input, 2, dim or None, keepdim, out=out)


def nuclear_norm(input, dim=None, keepdim=False, *, out=None):
    """Return the sum of the singular values of matrices (torch.nuclear_norm)."""
    if isinstance(dim, bool):
        dim, keepdim = None, dim
    _warn_once("nuclear_norm", "linalg.matrix_norm(A, 'nuc', dim, keepdim)")
    return torch.linalg.matrix_norm(
        input, "nuc", (-2, -1) if dim is None else dim, keepdim, out=out
    )


def norm_except_dim(v, pow=2, dim=0):
    """Return the norms of the slices along a dimension, whose others are kept as 1."""
    if dim == -1:
        return torch.norm(v, pow)
    others = [place for place in range(v.ndim) if place != dim]
    if dim < 0 or dim >= v.ndim:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-v.ndim}, {v.ndim - 1}], "
            f"but got {dim})"
        )
    return torch.norm(v, pow, others, True) if others else v.abs()


# what PyTorch has taken out, and says so


def eig(input, eigenvectors=False, *, e=None, v=None):
    """Raise: PyTorch has removed it (torch.eig)."""
    raise RuntimeError(
        "This function was deprecated since version 1.9 and is now removed. "
        "`torch.linalg.eig` returns complex tensors of dtype `cfloat` or `cdouble` rather "
        "than real tensors mimicking complex tensors.\n\n"
        "L, _ = torch.eig(A) should be replaced with:\n"
        "L_complex = torch.linalg.eigvals(A)\n\n"
        "and\n\n"
        "L, V = torch.eig(A, eigenvectors=True) should be replaced with:\n"
        "L_complex, V_complex = torch.linalg.eig(A)"
    )


def lstsq(input, A, *, out=None):
    """Raise: PyTorch has removed it (torch.lstsq)."""
    raise RuntimeError(
        "This function was deprecated since version 1.9 and is now removed. `torch.lstsq` "
        "is deprecated in favor of `torch.linalg.lstsq`.\n"
        "`torch.linalg.lstsq` has reversed arguments and does not return the QR "
        "decomposition in the returned tuple (although it returns other information about "
        "the problem).\n\n"
        "To get the QR decomposition consider using `torch.linalg.qr`.\n\n"
        "The returned solution in `torch.lstsq` stored the residuals of the solution in "
        "the last m - n columns of the returned value whenever m > n. In "
        "torch.linalg.lstsq, the residuals are in the field 'residuals' of the returned "
        "named tuple.\n\n"
        "The unpacking of the solution, as in\n"
        "X, _ = torch.lstsq(B, A).solution[:A.size(1)]\n"
        "should be replaced with:\n"
        "X = torch.linalg.lstsq(A, B).solution"
    )


def symeig(input, eigenvectors=False, upper=True, *, out=None):
    """Raise: PyTorch has removed it (torch.symeig)."""
    raise RuntimeError(
        "This function was deprecated since version 1.9 and is now removed. The default "
        "behavior has changed from using the upper triangular portion of the matrix by "
        "default to using the lower triangular portion.\n\n"
        "L, _ = torch.symeig(A, upper=upper) should be replaced with:\n"
        "L = torch.linalg.eigvalsh(A, UPLO='U' if upper else 'L')\n\n"
        "and\n\n"
        "L, V = torch.symeig(A, eigenvectors=True) should be replaced with:\n"
        "L, V = torch.linalg.eigh(A, UPLO='U' if upper else 'L')"
    )


def solve(input, A, *, out=None):
    """Raise: PyTorch has removed it (torch.solve)."""
    raise RuntimeError(
        "This function was deprecated since version 1.9 and is now removed. `torch.solve` "
        "is deprecated in favor of `torch.linalg.solve`. `torch.linalg.solve` has its "
        "arguments reversed and does not return the LU factorization.\n\n"
        "To get the LU factorization see `torch.lu`, which can be used with "
        "`torch.lu_solve` or `torch.lu_unpack`.\n"
        "X = torch.solve(B, A).solution should be replaced with:\n"
        "X = torch.linalg.solve(A, B)"
    )


def matrix_rank(input, tol=None, symmetric=False, *, out=None):
    """Raise: PyTorch has removed it (torch.matrix_rank)."""
    raise RuntimeError(
        "This function was deprecated since version 1.9 and is now removed.\n"
        "Please use the `torch.linalg.matrix_rank` function instead. The parameter "
        "'symmetric' was renamed in `torch.linalg.matrix_rank()` to 'hermitian'."
    )

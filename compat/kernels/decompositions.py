"""Factorizations of matrices, by LAPACK on the host, with gradients of OneFlow's operators.

Matrices are the last two dimensions; whatever is before them is a batch. float32 is computed in
float64 and rounded once, so that what comes out is at least as near as PyTorch's. The gradients are
those of PyTorch's FunctionsManual, and hold where the factorization is unique.
"""

from __future__ import annotations

import numpy as np
import oneflow as flow
import torch

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import dtypes, host

_COMPLEX64, _COMPLEX128 = dtypes.BY_NAME["complex64"], dtypes.BY_NAME["complex128"]


def routine(name, array):
    """Return LAPACK's routine of a name for an array's numbers, in double precision."""
    import scipy.linalg.lapack  # takes a while, and norms do without

    return getattr(scipy.linalg.lapack, ("z" if np.iscomplexobj(array) else "d") + name)


def wide(tensor):
    """Return a tensor in the precision it is computed in."""
    if tensor.dtype == flow.float32:
        return tensor.double()
    return tensor.to(_COMPLEX128) if tensor.dtype == _COMPLEX64 else tensor


def narrow(tensor, dtype):
    """Return a result in the precision of the input."""
    return tensor if tensor.dtype == dtype else tensor.to(dtype)


def parted(tensors):
    """Return the outputs of one node as views, each with a node of its own.

    OneFlow runs a node once for each output that a backward pass begins at.
    """
    return tuple(one.view(one.shape) if one.requires_grad else one for one in tensors)


def on_host(api, tensor):
    """Return a tensor's values for LAPACK, and note that the host computes."""
    hooks.host_fallback(f"torch.{api}")
    return host.array(tensor.detach())


def given(values, like, dtype=None):
    """Return an array as a tensor beside another one."""
    values = np.array(values, dtype=dtype, order="C")
    kind = dtypes.BY_NAME[values.dtype.name]
    if not values.size:
        return flow.zeros(values.shape, dtype=kind, device=like.device)
    if values.ndim == 0:
        return torch.tensor(values.item(), dtype=kind, device=like.device)
    return torch.from_numpy(values).to(like.device)


def mT(tensor):
    """Transpose the matrices."""
    return tensor.transpose(-2, -1)


def mH(tensor):
    """Transpose the matrices, and conjugate complex ones."""
    turned = tensor.transpose(-2, -1)
    return hooks.native["conj"](turned.contiguous()) if turned.is_complex() else turned


def adjoint(array):
    """Transpose an array's matrices, and conjugate complex ones."""
    return np.conj(np.swapaxes(array, -2, -1))


def _real(tensor):
    """Return a complex tensor without its imaginary part, of the same dtype."""
    return tensor.real.to(tensor.dtype) if tensor.is_complex() else tensor


def _check_gauge(name, imaginary):
    """Refuse a gradient that depends on the phase of vectors, which nothing determines."""
    if not torch.allclose(imaginary, torch.zeros_like(imaginary), rtol=1e-2, atol=1e-2):
        raise RuntimeError(
            f"{name}: The vectors in the complex case are specified up to multiplication by "
            "e^{i phi}. The specified loss function depends on this quantity, so it is ill-defined."
        )


def each(function, array, *others):
    """Return a function's answers for each matrix of a batch, stacked; () for an empty batch.

    Empty matrices reach the function as well.
    """
    batch = array.shape[:-2]
    count = int(np.prod(batch, dtype=np.int64))
    flat = [one.reshape((count, *one.shape[len(batch) :])) for one in (array, *others)]
    answers = [function(*matrices) for matrices in zip(*flat)]
    if not answers:
        return ()
    return tuple(
        np.stack([np.asarray(one[place]) for one in answers]).reshape(
            (*batch, *np.shape(answers[0][place]))
        )
        for place in range(len(answers[0]))
    )


def _diagonal(tensor):
    return torch.diagonal(tensor, 0, -2, -1)


def _with_diagonal(tensor, diagonal):
    """Return a square matrix with another diagonal."""
    return tensor - torch.diag_embed(_diagonal(tensor)) + torch.diag_embed(diagonal)


def _eye(tensor):
    return flow.eye(tensor.shape[-1], dtype=tensor.dtype, device=tensor.device)


# inverse and solutions


class Inverse(torch.autograd.Function):
    """The inverse, given as an array."""

    @staticmethod
    def forward(ctx, matrix, values):
        """Return the inverse."""
        answer = given(values, matrix)
        ctx.save_for_backward(answer)
        return answer

    @staticmethod
    def backward(ctx, grad):
        """Return -A⁻ᴴ G A⁻ᴴ."""
        (answer,) = ctx.saved_tensors
        turned = mH(answer)
        return -(turned @ (grad @ turned)), None


class Solution(torch.autograd.Function):
    """X of A X = B, given as an array."""

    @staticmethod
    def forward(ctx, matrix, right, values):
        """Return X."""
        answer = given(values, right)
        ctx.save_for_backward(matrix, answer)
        return answer

    @staticmethod
    def backward(ctx, grad):
        """Return the gradients of A and B."""
        matrix, answer = ctx.saved_tensors
        turned = mH(matrix)
        right = Solution.apply(turned, grad, _solved(turned, grad))
        return -(right @ mH(answer)), right, None


def _solved(matrix, right):
    return solve_arrays(host.array(matrix.detach()), host.array(right.detach()))[0]


def solve_arrays(matrix, right):
    """Return X of A X = B for arrays of one batch, and LAPACK's info per matrix."""

    def solve(one, other):
        if not one.size or not other.size:
            return np.zeros_like(other), 0
        factors, pivots, info = routine("getrf", one)(one)
        with np.errstate(all="ignore"):
            if info > 0:
                lower = np.tril(factors, -1) + np.eye(len(one))
                order = rows_of(pivots + 1, len(one))
                return _substitute(np.triu(factors), _substitute(lower, other[order], False)), info
            return routine("getrs", factors)(factors, pivots, other)[0], 0

    answers = each(solve, matrix, right)
    if not answers:
        return np.zeros_like(right), np.zeros(matrix.shape[:-2], np.int32)
    return answers[0], answers[1].astype(np.int32)


def _substitute(matrix, right, upper=True):
    """Solve a triangular system that may be singular: with zeros come infinities, no error."""
    size = len(matrix)
    answer = np.array(right, dtype=np.result_type(matrix, right))
    for row in reversed(range(size)) if upper else range(size):
        done = slice(row + 1, None) if upper else slice(None, row)
        answer[row] = (answer[row] - matrix[row, done] @ answer[done]) / matrix[row, row]
    return answer


def triangular_arrays(matrix, right, upper, unit):
    """Return X of A X = B for triangular arrays of one batch."""

    def solve(one, other):
        if not one.size or not other.size:
            return (np.zeros_like(other),)
        if not unit and not np.diagonal(one).all():
            with np.errstate(all="ignore"):
                return (_substitute(np.triu(one) if upper else np.tril(one), other, upper),)
        return (routine("trtrs", one)(one, other, lower=not upper, unitdiag=unit)[0],)

    answers = each(solve, matrix, right)
    return answers[0] if answers else np.zeros_like(right)


class Triangular(torch.autograd.Function):
    """X of A X = B for a triangular A."""

    @staticmethod
    def forward(ctx, matrix, right, upper, unit):
        """Return X."""
        values = triangular_arrays(
            host.array(matrix.detach()), host.array(right.detach()), upper, unit
        )
        answer = given(values, right)
        ctx.save_for_backward(matrix, answer)
        ctx.how = upper, unit
        return answer

    @staticmethod
    def backward(ctx, grad):
        """Return the gradients of A, on its triangle, and of B."""
        matrix, answer = ctx.saved_tensors
        upper, unit = ctx.how
        right = Triangular.apply(mH(matrix), grad, not upper, unit)
        left = -(right @ mH(answer))
        left = torch.triu(left, int(unit)) if upper else torch.tril(left, -int(unit))
        return left, right, None, None


class Determinant(torch.autograd.Function):
    """The determinant, given as an array beside a function for the inverse's."""

    @staticmethod
    def forward(ctx, matrix, value, inverse):
        """Return the determinants."""
        answer = given(value, matrix)
        ctx.save_for_backward(matrix, answer)
        ctx.inverse = inverse
        return answer

    @staticmethod
    def backward(ctx, grad):
        """Return det(A)* A⁻ᴴ."""
        matrix, answer = ctx.saved_tensors
        turned = mH(Inverse.apply(matrix, ctx.inverse()))
        return (grad * answer.conj()).unsqueeze(-1).unsqueeze(-1) * turned, None, None


class LogDeterminant(torch.autograd.Function):
    """The logarithm of the determinant, of a real one's magnitude, given as an array."""

    @staticmethod
    def forward(ctx, matrix, value, inverse):
        """Return the logarithms."""
        ctx.save_for_backward(matrix)
        ctx.inverse = inverse
        return given(value, matrix)

    @staticmethod
    def backward(ctx, grad):
        """Return A⁻ᴴ."""
        (matrix,) = ctx.saved_tensors
        turned = mH(Inverse.apply(matrix, ctx.inverse()))
        return grad.unsqueeze(-1).unsqueeze(-1) * turned, None, None


# factorizations


def factorize(matrix, pivot=True):
    """Return (LU, pivots from 1, info) of arrays as LAPACK's getrf gives them."""
    rows, columns = matrix.shape[-2:]
    depth = min(rows, columns)

    def lu(one):
        if not one.size:
            return one, np.arange(1, depth + 1), 0
        factors, pivots, info = routine("getrf", one)(one)
        return factors, pivots + 1, info

    answers = each(lu, matrix)
    if not answers:
        batch = matrix.shape[:-2]
        return matrix, np.zeros((*batch, depth), np.int32), np.zeros(batch, np.int32)
    return answers[0], answers[1].astype(np.int32), answers[2].astype(np.int32)


def rows_of(pivots, size):
    """Return which row each one was before LAPACK's exchanges."""
    order = np.arange(size)
    for row, other in enumerate(pivots - 1):
        order[[row, other]] = order[[other, row]]
    return order


def permutations(pivots, size):
    """Return P of A = P L U, an array, from pivots."""
    batch = pivots.shape[:-1]
    flat = pivots.reshape((int(np.prod(batch, dtype=np.int64)), pivots.shape[-1]))
    answer = np.zeros((len(flat), size, size))
    for one, exchanged in zip(answer, flat):
        one[rows_of(exchanged, size), np.arange(size)] = 1
    return answer.reshape((*batch, size, size))


class Factors(torch.autograd.Function):
    """L and U of a square matrix whose rows are in order, given as arrays."""

    @staticmethod
    def forward(ctx, matrix, lower, upper):
        """Return L and U."""
        lower, upper = given(lower, matrix), given(upper, matrix)
        ctx.save_for_backward(lower, upper)
        return lower, upper

    @staticmethod
    def backward(ctx, grad_lower, grad_upper):
        """Return L⁻ᴴ (tril(Lᴴ GL, -1) + triu(GU Uᴴ)) U⁻ᴴ."""
        lower, upper = ctx.saved_tensors
        turned = mH(lower)
        inner = torch.tril(turned @ grad_lower, -1) + torch.triu(grad_upper @ mH(upper))
        left = Triangular.apply(turned, inner, True, True)
        return mH(Triangular.apply(upper, mH(left), True, False)), None, None


def lu(api, matrix):
    """Return (pivots, info) as arrays, and L and U as tensors with gradients."""
    rows, columns = matrix.shape[-2:]
    depth = min(rows, columns)
    packed, pivots, info = factorize(on_host(api, matrix))
    lower = np.tril(packed[..., :depth], -1)
    lower[..., np.arange(depth), np.arange(depth)] = 1
    upper = np.triu(packed[..., :depth, :])
    if not matrix.requires_grad or not flow.is_grad_enabled() or not matrix.numel():
        return (pivots, info, *parted(Constant.apply(matrix, lower, upper)))
    order = given(np.swapaxes(permutations(pivots, rows), -1, -2), matrix)
    ordered = narrow(order, matrix.dtype) @ matrix
    square = ordered[..., :depth, :depth]
    parts = Factors.apply(square, lower[..., :depth, :], upper[..., :depth])
    first, last = parted(parts)
    if rows > depth:
        below = Triangular.apply(mT(last), mT(ordered[..., depth:, :]), False, False)
        first = flow.cat([first, mT(below)], dim=-2)
    if columns > depth:
        beside = Triangular.apply(first, ordered[..., depth:], False, True)
        last = flow.cat([last, beside], dim=-1)
    return pivots, info, first, last


class Cholesky(torch.autograd.Function):
    """The lower factor L of A = L Lᴴ, given as an array."""

    @staticmethod
    def forward(ctx, matrix, values):
        """Return L."""
        answer = given(values, matrix)
        ctx.save_for_backward(answer)
        return answer

    @staticmethod
    def backward(ctx, grad):
        """Return L⁻ᴴ Φ(Lᴴ G) L⁻¹; Φ halves the lower triangle, and mirrors what is below."""
        (answer,) = ctx.saved_tensors
        turned = mH(answer)
        inner = torch.tril(turned @ grad)
        inner = (inner + mH(torch.tril(inner, -1))) * 0.5
        left = Triangular.apply(turned, inner, True, False)
        return mH(Triangular.apply(turned, mH(left), True, False)), None


class FactoredSolution(torch.autograd.Function):
    """X of L Lᴴ X = B."""

    @staticmethod
    def forward(ctx, right, lower):
        """Return X."""
        factor = host.array(lower.detach())
        half = triangular_arrays(factor, host.array(right.detach()), False, False)
        answer = given(triangular_arrays(adjoint(factor), half, True, False), right)
        ctx.save_for_backward(lower, answer)
        return answer

    @staticmethod
    def backward(ctx, grad):
        """Return the gradients of B, and of L as PyTorch gives it, of its upper triangle, too."""
        lower, answer = ctx.saved_tensors
        right = FactoredSolution.apply(grad, lower)
        inner = right @ mH(answer)
        return right, -((inner + mH(inner)) @ lower)


class FactoredInverse(torch.autograd.Function):
    """The inverse of L Lᴴ."""

    @staticmethod
    def forward(ctx, lower):
        """Return the inverse."""
        values = host.array(lower.detach())
        unit = np.broadcast_to(np.eye(values.shape[-1], dtype=values.dtype), values.shape)
        half = triangular_arrays(values, unit, False, False)
        answer = given(adjoint(half) @ half, lower)
        ctx.save_for_backward(lower, answer)
        return answer

    @staticmethod
    def backward(ctx, grad):
        """Return the gradient of L as PyTorch gives it, of its upper triangle, too."""
        lower, answer = ctx.saved_tensors
        return -(answer @ (grad + mH(grad)) @ answer @ lower)


def cholesky_arrays(matrix):
    """Return (L, info) of arrays, of which only the lower triangle is read."""

    def factor(one):
        if not one.size:
            return one, 0
        answer, info = routine("potrf", one)(one, lower=True, clean=True)
        return np.tril(answer), info

    answers = each(factor, matrix)
    if not answers:
        return matrix, np.zeros(matrix.shape[:-2], np.int32)
    return answers[0], answers[1].astype(np.int32)


class Orthogonal(torch.autograd.Function):
    """Q and R of a matrix that is not wider than high, given as arrays."""

    @staticmethod
    def forward(ctx, matrix, q, r):
        """Return Q and R."""
        q, r = given(q, matrix), given(r, matrix)
        ctx.save_for_backward(q, r)
        return q, r

    @staticmethod
    def backward(ctx, grad_q, grad_r):
        """Return (GQ + Q S) R⁻ᴴ; S is what triu(GR Rᴴ - Qᴴ GQ) says, made Hermitian."""
        q, r = ctx.saved_tensors
        inner = torch.triu(grad_r @ mH(r) - mH(q) @ grad_q)
        inner = inner + mH(inner) - torch.diag_embed(_real(_diagonal(inner)))
        inner = q @ inner + grad_q
        return mH(Triangular.apply(r, mH(inner), True, False)), None, None


class Undifferentiable(torch.autograd.Function):
    """Passes tensors on, and refuses to be differentiated."""

    @staticmethod
    def forward(ctx, source, why, *values):
        """Return arrays as tensors."""
        ctx.why, ctx.count = why, len(values)
        return tuple(given(one, source) for one in values)

    @staticmethod
    def backward(ctx, *grads):
        """Raise RuntimeError."""
        raise RuntimeError(ctx.why)


class Constant(torch.autograd.Function):
    """Passes tensors on, whose gradients are 0."""

    @staticmethod
    def forward(ctx, source, *values):
        """Return arrays as tensors."""
        ctx.save_for_backward(source)
        ctx.count = len(values)
        return tuple(given(one, source) for one in values)

    @staticmethod
    def backward(ctx, *grads):
        """Return zeros."""
        (source,) = ctx.saved_tensors
        return (flow.zeros_like(source), *[None] * ctx.count)


class Symmetric(torch.autograd.Function):
    """Eigenvalues and eigenvectors of a Hermitian matrix, given as arrays."""

    @staticmethod
    def forward(ctx, matrix, values, vectors):
        """Return eigenvalues and eigenvectors."""
        values, vectors = given(values, matrix), given(vectors, matrix)
        ctx.save_for_backward(values, vectors)
        return values, vectors

    @staticmethod
    def backward(ctx, grad_values, grad_vectors):
        """Return V (diag(GΛ) + skew(Vᴴ GV) / (λⱼ - λᵢ)) Vᴴ."""
        values, vectors = ctx.saved_tensors
        values, grad_values = values.to(vectors.dtype), grad_values.to(vectors.dtype)
        gaps = values.unsqueeze(-2) - values.unsqueeze(-1)
        gaps = _with_diagonal(gaps, flow.ones_like(values))
        adjoint_vectors = mH(vectors)
        turned = adjoint_vectors @ grad_vectors
        if not torch.any(grad_vectors):  # equal eigenvalues do no harm where only these are used
            inner = torch.diag_embed(grad_values)
        else:
            if vectors.is_complex():
                _check_gauge("linalg_eigh_backward", _diagonal(turned).imag)
            inner = _with_diagonal((turned - mH(turned)) * 0.5 / gaps, grad_values)
        return vectors @ (inner @ adjoint_vectors), None, None


class Eigen(torch.autograd.Function):
    """Eigenvalues and eigenvectors of a matrix, given as arrays."""

    @staticmethod
    def forward(ctx, matrix, values, vectors):
        """Return eigenvalues and eigenvectors."""
        values, vectors = given(values, matrix), given(vectors, matrix)
        ctx.save_for_backward(values, vectors)
        return values, vectors

    @staticmethod
    def backward(ctx, grad_values, grad_vectors):
        """Return V⁻ᴴ (diag(GΛ) + (Vᴴ GV - Vᴴ V diag(Re Vᴴ GV)) / (λⱼ - λᵢ)*) Vᴴ."""
        values, vectors = ctx.saved_tensors
        turned = mH(vectors)
        inner = torch.diag_embed(grad_values)
        if torch.any(grad_vectors):
            own = turned @ grad_vectors
            diagonal = _diagonal(own)
            _check_gauge("linalg_eig_backward", diagonal.imag)
            own = own - turned @ (vectors * _real(diagonal).unsqueeze(-2))
            gaps = (values.unsqueeze(-2) - values.unsqueeze(-1)).conj()
            gaps = _with_diagonal(gaps, flow.ones_like(values))
            inner = _with_diagonal(own / gaps, grad_values)
        inner = inner @ turned
        return Solution.apply(turned, inner, _solved(turned, inner)), None, None


class Singular(torch.autograd.Function):
    """U, S and Vᴴ of the reduced singular value decomposition, given as arrays."""

    @staticmethod
    def forward(ctx, matrix, u, s, vh):
        """Return U, S and Vᴴ."""
        answer = tuple(given(one, matrix) for one in (u, s, vh))
        ctx.save_for_backward(*answer)
        return answer

    @staticmethod
    def backward(ctx, grad_u, grad_s, grad_vh):
        """Return the gradient of the matrix."""
        u, s, vh = ctx.saved_tensors
        rows, columns, depth = u.shape[-2], vh.shape[-1], s.shape[-1]
        s, grad_s = s.to(u.dtype), grad_s.to(u.dtype)
        has_u, has_v = bool(torch.any(grad_u)), bool(torch.any(grad_vh))
        if not has_u and not has_v:
            return u @ (grad_s.unsqueeze(-1) * vh), None, None, None
        squares = s * s
        gaps = _with_diagonal(squares.unsqueeze(-2) - squares.unsqueeze(-1), flow.ones_like(s))
        inner = torch.diag_embed(grad_s)
        phase = []
        if has_u:
            turned = mH(u) @ grad_u
            turned = turned - mH(turned)
            inner = inner + turned * s.unsqueeze(-2) / gaps
            phase.append(_diagonal(turned))
        if has_v:
            turned = vh @ mH(grad_vh)
            turned = turned - mH(turned)
            inner = inner + s.unsqueeze(-1) * turned / gaps
            phase.append(_diagonal(turned))
        if u.is_complex():
            _check_gauge("svd_backward", (sum(phase[1:], phase[0]) * 0.5).imag)
            if len(phase) == 2:
                inner = inner + torch.diag_embed(phase[0] / (s * 2))
        answer = u @ inner @ vh
        if rows > depth and has_u:
            over = grad_u / s.unsqueeze(-2)
            answer = answer + (over - u @ (mH(u) @ over)) @ vh
        if columns > depth and has_v:
            over = grad_vh / s.unsqueeze(-1)
            answer = answer + u @ (over - (over @ mH(vh)) @ vh)
        return answer, None, None, None


def svd_arrays(matrix, full):
    """Return U, S, Vᴴ of arrays, of any size."""
    rows, columns = matrix.shape[-2:]
    if matrix.size:
        return np.linalg.svd(matrix, full_matrices=full)
    batch = matrix.shape[:-2]
    depth = min(rows, columns)
    sides = (rows, columns) if full else (depth, depth)
    left, right = np.eye(rows, sides[0]), np.eye(sides[1], columns)
    left = np.broadcast_to(left.astype(matrix.dtype), (*batch, rows, sides[0]))
    right = np.broadcast_to(right.astype(matrix.dtype), (*batch, sides[1], columns))
    return left, np.zeros((*batch, depth)), right


class PseudoInverse(torch.autograd.Function):
    """The Moore-Penrose inverse, given as an array."""

    @staticmethod
    def forward(ctx, matrix, values):
        """Return the inverse."""
        answer = given(values, matrix)
        ctx.save_for_backward(matrix, answer)
        return answer

    @staticmethod
    def backward(ctx, grad):
        """Return the gradient for a matrix whose rank does not change."""
        matrix, answer = ctx.saved_tensors
        turned, over = mH(answer), mH(grad)
        if matrix.shape[-2] <= matrix.shape[-1]:
            inner = over @ answer
            beside = inner @ turned
            found = beside - mH(answer @ inner) - (matrix @ answer) @ beside
            return found + (turned @ answer) @ (over - inner @ matrix), None
        inner = answer @ over
        beside = turned @ inner
        found = (over - matrix @ inner) @ answer @ turned - mH(inner @ answer)
        return found + beside - (beside @ answer) @ matrix, None


class Exponential(torch.autograd.Function):
    """The matrix exponential."""

    @staticmethod
    def forward(ctx, matrix):
        """Return the exponential."""
        import scipy.linalg

        ctx.save_for_backward(matrix)
        values = host.array(matrix.detach())
        return given(scipy.linalg.expm(values) if values.size else values, matrix)

    @staticmethod
    def backward(ctx, grad):
        """Return the block beside the diagonal of exp([[Aᴴ, G], [0, Aᴴ]])."""
        (matrix,) = ctx.saved_tensors
        if not matrix.numel():
            return flow.zeros_like(matrix)
        size = matrix.shape[-1]
        turned = mH(matrix)
        above = flow.cat([turned, grad], dim=-1)
        below = flow.cat([flow.zeros_like(grad), turned], dim=-1)
        return Exponential.apply(flow.cat([above, below], dim=-2))[..., :size, size:]


def reflected(vectors, scales, right, turned=False):
    """Return H₁ … Hₖ B, or Hₖᴴ … H₁ᴴ B; Hᵢ = 1 - τᵢ vᵢ vᵢᴴ, vᵢ below the diagonal of column i."""
    rows = vectors.shape[-2]
    count = scales.shape[-1]
    scales = scales.conj() if turned else scales
    for place in range(count) if turned else reversed(range(count)):
        below = vectors[..., place + 1 :, place]
        unit = flow.zeros((*below.shape[:-1], rows), dtype=below.dtype, device=below.device)
        unit[..., place] = 1
        if place + 1 < rows:
            kept = flow.zeros(
                (*below.shape[:-1], place + 1), dtype=below.dtype, device=below.device
            )
            unit = unit + flow.cat([kept, below], dim=-1)
        unit = unit.unsqueeze(-1)
        scaled = scales[..., place].unsqueeze(-1).unsqueeze(-1) * unit
        right = right - scaled @ (mH(unit) @ right)
    return right


def batched(one, other, dims=2):
    """Expand the batches of two tensors to their common one."""
    batch = torch.broadcast_shapes(one.shape[:-2], other.shape[: other.ndim - dims])
    ends = one.shape[-2:], other.shape[other.ndim - dims :]
    return _expanded(one, (*batch, *ends[0])), _expanded(other, (*batch, *ends[1]))


def _expanded(tensor, shape):
    return tensor if tuple(tensor.shape) == tuple(shape) else tensor.expand(*shape)


def triangular(A, B, upper, left=True, unit=False):
    """Return X of A X = B, or of X A = B, for triangular A; batches broadcast."""
    dtype = A.dtype
    A, B = batched(wide(A), wide(B))
    if left:
        answer = Triangular.apply(A, B, bool(upper), bool(unit))
    else:
        answer = mT(Triangular.apply(mT(A), mT(B), not upper, bool(unit)))
    return narrow(answer, dtype)

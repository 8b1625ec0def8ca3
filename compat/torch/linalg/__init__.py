"""torch.linalg: norms, factorizations, solutions of matrices and batches of them.

What OneFlow has no operators for is computed by LAPACK on the host, in
`compat.kernels.decompositions`; here are the arguments, the shapes and what PyTorch refuses.
"""

import numbers

import numpy as np
import oneflow as flow
import torch

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import decompositions as lapack
from oneflow_mock.compat.kernels import dims as dims_of
from oneflow_mock.compat.kernels import dtypes, halves, host
from oneflow_mock.compat.kernels import matrix_checks as checks
from oneflow_mock.compat.kernels.decompositions import given, mH, mT, narrow, wide

LinAlgError = torch._C._LinAlgError
_inf = float("inf")


def _into(out, answer):
    """Write an answer, or several, where the caller wants it."""
    if out is None:
        return answer
    if isinstance(out, flow.Tensor):
        return _written(out, answer)
    for place, one in zip(out, answer):
        _written(place, one)
    return type(answer)(tuple(out)) if hasattr(answer, "_fields") else out


def _written(out, answer):
    if tuple(out.shape) != tuple(answer.shape):
        out.resize_(answer.shape)
    return out.copy_(answer)


# norms


class _VectorNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, order, dims):
        """Return the norm over dims, which are kept."""
        answer = _norm_of(input, order, dims)
        ctx.save_for_backward(input, answer)
        ctx.order, ctx.dims = order, dims
        return answer

    @staticmethod
    def backward(ctx, grad):
        """Return PyTorch's subgradient: 0 where the norm is, where it would be infinite."""
        input, answer = ctx.saved_tensors
        order = ctx.order
        if order == 1:
            return input.sign() * grad, None, None
        nothing = answer == 0
        if order == 2:
            return input * (grad / answer).masked_fill(nothing, 0), None, None
        size = input.abs()
        if order in (_inf, -_inf):
            chosen = (size == answer).to(input.dtype)
            if bool(flow.isnan(answer).any()):
                chosen = torch.where(flow.isnan(size), flow.ones_like(chosen), chosen)
            count = chosen.sum(dim=ctx.dims, keepdim=True)
            return input.sign() * chosen / count * grad, None, None
        if order < 1:
            own = (input.sign() * size ** (order - 1)).masked_fill(input == 0, 0)
            return own * grad * answer ** (1 - order), None, None
        scale = (grad / answer ** (order - 1)).masked_fill(nothing, 0)
        if order < 2:
            return input.sign() * size ** (order - 1) * scale, None, None
        return input * size ** (order - 2) * scale, None, None


def _norm_of(input, order, dims):
    if order == 0:
        return (input != 0).to(input.dtype).sum(dim=dims, keepdim=True)
    if order == 2:
        return flow._C.vector_norm(input, 2.0, dims, True)
    size = input.abs()
    if order == 1:
        return size.sum(dim=dims, keepdim=True)
    if order == _inf:
        return size.amax(dim=dims, keepdim=True)
    if order == -_inf:
        return size.amin(dim=dims, keepdim=True)
    return (size**order).sum(dim=dims, keepdim=True) ** (1.0 / order)


def _dims(dim, ndim):
    """Return dimensions as a list without negative ones."""
    if dim is None:
        return list(range(ndim))
    given_dims = list(dim) if isinstance(dim, (tuple, list)) else [dim]
    if not given_dims:
        return list(range(ndim))
    found = []
    for one in given_dims:
        limit = max(ndim, 1)
        if not -limit <= one < limit:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-limit}, {limit - 1}], "
                f"but got {one})"
            )
        if one % limit in found:
            raise RuntimeError(f"dim {one % limit} appears multiple times in the list of dims")
        found.append(one % limit)
    return found


def _cast(api, tensor, dtype):
    if dtype is None:
        return tensor
    if not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(
            f"{api}: dtype should be floating point or complex. Got {checks.kind(dtype)}"
        )
    if tensor.is_complex() != dtype.is_complex and tensor.is_complex():
        raise RuntimeError(
            f"{api}: the dtype of the input ({checks.kind(tensor.dtype)}) should be convertible "
            f"without narrowing to the specified dtype ({checks.kind(dtype)})"
        )
    if not torch.can_cast(tensor.dtype, dtype) or dtypes.promote_types(tensor.dtype, dtype) != (
        dtype
    ):
        raise RuntimeError(
            f"{api}: the dtype of the input ({checks.kind(tensor.dtype)}) should be convertible "
            f"without narrowing to the specified dtype ({checks.kind(dtype)})"
        )
    return narrow(tensor, dtype)


_statistic = hooks.native.get("statistic")
#: What `_statistic` computes: the Euclidean norm, the sum of absolute values.
_SUMMED = {2: 3, 1: 4}


def vector_norm(x, ord=2, dim=None, keepdim=False, *, dtype=None, out=None):
    """Return the norm of order ``ord`` of x as a vector, or of its vectors along ``dim``."""
    api = "linalg.vector_norm"
    checks.floating(api, x, halves=True)
    if isinstance(ord, (str, flow.Tensor)) or not isinstance(ord, numbers.Real):
        raise TypeError(
            f"linalg_vector_norm(): argument 'ord' must be Number, not {type(ord).__name__}"
        )
    dims = _dims(dim, x.ndim)
    x = _cast(api, x, dtype)
    if x.is_complex():
        if ord == 2 and x.ndim and x.numel():
            answer = vector_norm(torch.view_as_real(x), 2, [*dims, x.ndim], keepdim)
            return _into(out, answer.squeeze(-1) if keepdim else answer)
        return vector_norm(torch.abs(x), ord, dim, keepdim, out=out)
    if ord < 0 or ord == _inf:
        _check_identity(x, ord, dim, dims)
    if x.ndim == 0:
        answer = vector_norm(x.reshape(1), ord)
        return _into(out, answer)
    if x.dtype in checks.HALVES and x.requires_grad and x.numel() and ord != 0:
        return _into(out, halves.vector_norm(x, ord, dims, keepdim))
    if _statistic is not None and ord in _SUMMED and x.numel() and not x.is_cuda:
        return _into(out, _statistic(x, _SUMMED[ord], dims_of.bits(x, dims), keepdim, 0.0))
    kept = x.float() if x.dtype in checks.HALVES else x
    if x.numel() == 0:  # OneFlow reduces emptiness to itself
        shape = [1 if place in dims else size for place, size in enumerate(x.shape)]
        fill = _inf if ord < 0 else 0.0
        answer = flow.full(shape, fill, dtype=x.dtype, device=x.device)
        if x.requires_grad and flow.is_grad_enabled():
            if ord == 0:
                answer.requires_grad_(True)
            else:
                (answer,) = lapack.Constant.apply(x, host.array(answer))
    elif x.requires_grad and flow.is_grad_enabled() and ord != 0:
        answer = narrow(_VectorNorm.apply(kept, ord, dims), x.dtype)
    else:
        answer = narrow(_norm_of(kept.detach(), ord, dims), x.dtype)
        if x.requires_grad and flow.is_grad_enabled():
            answer.requires_grad_(True)  # as PyTorch's does, and leads nowhere
    if not keepdim:
        answer = answer.reshape([size for place, size in enumerate(x.shape) if place not in dims])
    return _into(out, answer)


def _check_identity(x, ord, dim, dims):
    words = "because the operation does not have an identity"
    if dim is None or (isinstance(dim, (tuple, list)) and not dim):
        if x.numel() == 0:
            raise RuntimeError(
                f"linalg.vector_norm cannot compute the {ord} norm on an empty tensor {words}"
            )
        return
    for place in dims:
        if x.ndim and x.shape[place] == 0:
            raise RuntimeError(
                f"linalg.vector_norm cannot compute the {ord} norm on the dimension {place}"
                "because this dimension is empty and the operation does not have an identity"
            )


def matrix_norm(A, ord="fro", dim=(-2, -1), keepdim=False, *, dtype=None, out=None):
    """Return the norm ``ord`` ("fro", "nuc", ±1, ±2, ±inf) of the matrices in two dimensions."""
    api = "linalg.matrix_norm"
    checks.floating(api, A, halves=True)
    checks.matrix(api, A)
    if isinstance(dim, int) or len(dim) != 2:
        told = dim if isinstance(dim, int) else ", ".join(map(str, dim))
        raise RuntimeError(f"{api}: dim must be a 2-tuple. Got {told}")
    first, second = (_dims(one, A.ndim)[0] for one in dim)
    if first == second:
        raise RuntimeError(f"{api}: dims must be different. Got ({dim[0]}, {dim[1]})")
    if ord not in ("fro", "nuc", 1, -1, 2, -2, _inf, -_inf):
        raise RuntimeError(f"{api}: Order {ord} not supported.")
    if ord == "fro":
        return vector_norm(A, 2, (first, second), keepdim, dtype=dtype, out=out)
    A = _cast(api, A, dtype)
    if ord in ("nuc", 2, -2):
        checks.floating("linalg.svd", A)
        values = svdvals(A.movedim((first, second), (-2, -1)))
        if ord == "nuc":
            answer = _reduced_values(values, "sum")
        else:
            answer = _reduced_values(values, "max" if ord == 2 else "min")
        if keepdim:
            low, high = sorted((first, second))
            answer = answer.unsqueeze(low).unsqueeze(high)
        return _into(out, answer)
    along, across = (first, second) if abs(ord) == 1 else (second, first)
    answer = vector_norm(A, 1, along, True)
    largest = ord > 0
    if not answer.numel() or A.shape[across] == 0:
        if A.shape[across] == 0 and not largest:
            raise IndexError(
                "amin(): Expected reduction dim to be specified for input.numel() == 0."
            )
        shape = [1 if place in (along, across) else n for place, n in enumerate(A.shape)]
        answer = flow.zeros(tuple(shape), dtype=answer.dtype, device=A.device)
    else:
        answer = (answer.amax if largest else answer.amin)(dim=across, keepdim=True)
    if not keepdim:
        sizes = [n for place, n in enumerate(A.shape) if place not in (first, second)]
        answer = answer.reshape(sizes)
    return _into(out, answer)


def _reduced_values(values, how):
    """Reduce singular values, in descending order, of which there may be none."""
    if values.shape[-1] == 0:
        shape = tuple(values.shape[:-1])
        return narrow(lapack.Constant.apply(values, np.zeros(shape))[0], values.dtype)
    if how == "sum":
        return values.sum(dim=-1)
    return values.amax(dim=-1) if how == "max" else values.amin(dim=-1)


def norm(A, ord=None, dim=None, keepdim=False, *, out=None, dtype=None):
    """Return a vector's or a matrix's norm: of all elements, or over one or two dimensions."""
    dims = [dim] if isinstance(dim, int) else None if dim is None else list(dim)
    if ord is not None:
        if dims is not None and len(dims) not in (1, 2):
            raise RuntimeError(
                "linalg.norm: If dim is specified, it must be of length 1 or 2. "
                f"Got [{', '.join(map(str, dims))}]"
            )
        if dims is None and A.ndim not in (1, 2):
            raise RuntimeError(
                "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. "
                f"Got {A.ndim}D."
            )
        if isinstance(ord, str):
            if dims is not None and len(dims) == 1:
                raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {dims[0]}")
            return matrix_norm(A, ord, dims or (-2, -1), keepdim, dtype=dtype, out=out)
        if len(dims) == 2 if dims is not None else A.ndim == 2:
            return matrix_norm(A, ord, dims or (0, 1), keepdim, dtype=dtype, out=out)
    return vector_norm(A, 2 if ord is None else ord, dims, keepdim, dtype=dtype, out=out)


def cond(A, p=None, *, out=None):
    """Return the condition numbers of matrices with respect to the norm ``p``."""
    api = "linalg.cond"
    checks.matrix(api, A)
    checks.floating(api, A)
    if isinstance(p, str) and p not in ("fro", "nuc"):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    if p is None or (not isinstance(p, str) and abs(p) == 2):
        values = svdvals(A)
        if values.shape[-1] == 0:
            kind = dtypes.to_real(A.dtype)
            return _into(out, flow.zeros(tuple(values.shape[:-1]), dtype=kind, device=A.device))
        if p == -2:
            return _into(out, values[..., -1] / values[..., 0])
        return _into(out, values[..., 0] / values[..., -1])
    rows, columns = A.shape[-2:]
    if rows != columns:
        raise RuntimeError(
            f"linalg.cond(ord={p}): A must be batches of square matrices, but they are {rows} by "
            f"{columns} matrices"
        )
    if not A.numel():
        kind = dtypes.to_real(A.dtype)
        return _into(out, flow.zeros(tuple(A.shape[:-2]), dtype=kind, device=A.device))
    inverse, info = inv_ex(A)
    answer = matrix_norm(A, p) * matrix_norm(inverse, p)
    singular = info != 0
    if bool(singular.any()):
        answer = torch.where(singular, flow.full_like(answer, _inf), answer)
    return _into(out, answer)


# products and views


def diagonal(A, *, offset=0, dim1=-2, dim2=-1):
    """View the diagonals of matrices in two dimensions, by default the last."""
    places = [_dims(dim, A.ndim)[0] for dim in (dim1, dim2)]
    if places[0] == places[1]:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return torch.diagonal(A, offset, *places)


def matmul(input, other, *, out=None):
    """Return the product of matrices (torch.matmul)."""
    return _into(out, torch.matmul(input, other))


def cross(input, other, *, dim=-1, out=None):
    """Return the cross products of the vectors of three along ``dim``."""
    if input.ndim != other.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    place = _dims(dim, input.ndim)[0]
    if not input.ndim or input.shape[place] != 3 or other.shape[place] != 3:
        sizes = [one.shape[place] if one.ndim else 1 for one in (input, other)]
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. "
            f"Got {sizes[0]} and {sizes[1]}"
        )
    input, other = torch.broadcast_tensors(input, other)
    a, b = ([one.narrow(place, at, 1) for at in range(3)] for one in (input, other))
    pieces = [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
    return _into(out, flow.cat(pieces, dim=place))


def vecdot(x, y, *, dim=-1, out=None):
    """Return the dot products of the vectors along ``dim``."""
    checks.floating("linalg.vecdot", x, halves=True)
    if x.dtype != y.dtype:
        raise RuntimeError(
            f"linalg.vecdot: Expected x and y to have the same dtype, but found x of type "
            f"{checks.kind(x.dtype)} and y of type {checks.kind(y.dtype)} instead"
        )
    product = (x.conj() if x.is_complex() else x) * y
    if product.ndim == 0:
        return _into(out, product)
    return _into(out, product.sum(dim=dim))


def multi_dot(tensors, *, out=None):
    """Return the product of matrices in the order that takes the least work.

    The first and the last may be vectors.
    """
    tensors = list(tensors)
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    first_is_row, last_is_column = tensors[0].ndim == 1, tensors[-1].ndim == 1
    if first_is_row:
        tensors[0] = tensors[0].unsqueeze(0)
    if last_is_column:
        tensors[-1] = tensors[-1].unsqueeze(-1)
    for place, one in enumerate(tensors):
        if one.ndim != 2:
            ends = place in (0, len(tensors) - 1)
            name = ("the first" if place == 0 else "the last") if ends else ""
            raise RuntimeError(
                f"multi_dot(): {name} tensor must be 1D or 2D but got {one.ndim}D"
                if ends
                else f"multi_dot(): tensor {place} must be 2D but got {one.ndim}D"
            )
        if one.dtype != tensors[0].dtype:
            raise RuntimeError(
                f"multi_dot(): expected all tensors to have be the same dtype but tensor 0 is "
                f"{checks.kind(tensors[0].dtype)} and tensor {place} {checks.kind(one.dtype)}"
            )
    for place, (one, other) in enumerate(zip(tensors, tensors[1:])):
        if one.shape[1] != other.shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {place} and {place + 1} with shapes {list(one.shape)} and "
                f"{list(other.shape)} cannot be multiplied"
            )
    answer = _chain(tensors)
    if first_is_row:
        answer = answer.squeeze(0)
    if last_is_column:
        answer = answer.squeeze(-1)
    return _into(out, answer)


def _chain(tensors):
    """Multiply matrices in the order of the fewest multiplications."""
    sizes = [one.shape[0] for one in tensors] + [tensors[-1].shape[1]]
    count = len(tensors)
    cost, split = {}, {}
    for start in range(count):
        cost[start, start] = 0
    for length in range(1, count):
        for start in range(count - length):
            end = start + length
            cost[start, end], split[start, end] = min(
                (
                    cost[start, cut]
                    + cost[cut + 1, end]
                    + sizes[start] * sizes[cut + 1] * sizes[end + 1],
                    cut,
                )
                for cut in range(start, end)
            )

    def product(start, end):
        if start == end:
            return tensors[start]
        cut = split[start, end]
        return torch.matmul(product(start, cut), product(cut + 1, end))

    return product(0, count - 1)


def matrix_power(A, n, *, out=None):
    """Return matrices to the power of an integer; of the inverse where it is negative."""
    checks.square("linalg.matrix_power", A)
    if isinstance(n, bool) or not isinstance(n, numbers.Integral):
        raise TypeError(
            f"linalg_matrix_power(): argument 'n' (position 2) must be int, not {type(n).__name__}"
        )
    if n < 0:
        A, n = inv(A), -n
    if n == 0:
        unit = np.broadcast_to(np.eye(A.shape[-1]), tuple(A.shape))
        return _into(out, narrow(lapack.Constant.apply(wide(A), unit)[0], A.dtype))
    answer, square = None, A
    while n:
        if n & 1:
            answer = square if answer is None else torch.matmul(answer, square)
        n >>= 1
        if n:
            square = torch.matmul(square, square)
    return _into(out, answer.clone() if answer is A else answer)


def matrix_exp(A):
    """Return the exponential of matrices."""
    checks.floating("linalg.matrix_exp", A, halves=True)
    checks.square("linalg.matrix_exp", A)
    if A.dtype in checks.HALVES:
        return narrow(matrix_exp(A.float()), A.dtype)
    hooks.host_fallback("torch.linalg.matrix_exp")
    return narrow(lapack.Exponential.apply(wide(A)), A.dtype)


def vander(x, N=None):
    """Return the matrices of powers 0 to N - 1 of each element."""
    if N is not None and N <= 1:
        raise RuntimeError("N must be greater than 1.")
    x = x.reshape(1) if x.ndim == 0 else x
    count = x.shape[-1] if N is None else N
    if not x.is_floating_point() and not x.is_complex():
        x = x.to(flow.int64)
    powers = [flow.ones_like(x)]
    for _ in range(count - 1):
        powers.append(powers[-1] * x)
    return torch.stack(powers, dim=-1)


# determinants, inverses, solutions


def _determinant_parts(api, A):
    """Return, as arrays: LU's diagonal, the sign of the exchanges, and a function for A⁻¹."""
    values = lapack.on_host(api, A)
    packed, pivots, info = lapack.factorize(values)
    corners = np.diagonal(packed, 0, -2, -1)
    order = np.arange(1, pivots.shape[-1] + 1)
    sign = 1.0 - 2.0 * ((pivots != order).sum(-1) % 2)

    def inverse():
        size = values.shape[-1]
        # PyTorch moves a singular factor by the dtype's epsilon, too.
        small = np.where(corners == 0, np.finfo(values.dtype).eps, corners)
        upper = np.triu(packed)
        upper[..., np.arange(size), np.arange(size)] = small
        lower = np.tril(packed, -1) + np.eye(size)
        turned = np.swapaxes(lapack.permutations(pivots, size), -1, -2)
        inner = lapack.triangular_arrays(lower, turned, False, True)
        return lapack.triangular_arrays(upper, inner, True, False)

    return corners, sign, inverse


def _check_lu(api, A):
    checks.square(api, A)
    checks.floating(api, A, halves=True)
    if A.dtype in checks.HALVES:
        raise NotImplementedError(f"\"lu_cpu\" not implemented for '{checks.kind(A.dtype)}'")


def det(A, *, out=None):
    """Return the determinants of matrices."""
    _check_lu("linalg.det", A)
    corners, sign, inverse = _determinant_parts("linalg.det", wide(A))
    value = np.prod(corners, axis=-1) * sign
    return _into(out, narrow(lapack.Determinant.apply(wide(A), value, inverse), A.dtype))


def slogdet(A, *, out=None):
    """Return the signs of the determinants and the logarithms of their magnitudes."""
    _check_lu("linalg.slogdet", A)
    sign, logarithm = _slogdet(A)
    return _into(out, torch.return_types.linalg_slogdet((sign, logarithm)))


def _slogdet(A):
    corners, sign, inverse = _determinant_parts("linalg.slogdet", wide(A))
    with np.errstate(divide="ignore"):
        value = np.log(np.abs(corners)).sum(-1)
    if A.is_complex():
        value = value + 1j * (np.angle(corners).sum(-1) + np.angle(sign))
        whole = lapack.LogDeterminant.apply(wide(A), value, inverse)
        singular = (corners == 0).any(-1)
        size = given(np.where(singular, 0.0, np.ones(np.shape(value))), A)
        signs = torch.polar(size, whole.imag)
        return narrow(signs, A.dtype), narrow(whole.real, dtypes.to_real(A.dtype))
    (signs,) = lapack.Constant.apply(wide(A), np.prod(np.sign(corners), axis=-1) * sign)
    logarithm = lapack.LogDeterminant.apply(wide(A), value, inverse)
    return narrow(signs, A.dtype), narrow(logarithm, A.dtype)


def inv_ex(A, *, check_errors=False, out=None):
    """Return the inverses, and LAPACK's info of each instead of an exception."""
    answer, info = _inverse("linalg.inv_ex", A)
    if check_errors:
        checks.inverse("linalg.inv_ex", info)
    return _into(out, torch.return_types.linalg_inv_ex((answer, given(info, A))))


def inv(A, *, out=None):
    """Return the inverses of matrices; LinAlgError where one is singular."""
    answer, info = _inverse("linalg.inv", A)
    checks.inverse("linalg.inv", info)
    return _into(out, answer)


def _inverse(api, A):
    checks.square(api, A)
    checks.floating(api, A)
    values = lapack.on_host(api, wide(A))
    unit = np.broadcast_to(np.eye(values.shape[-1]), values.shape)
    inverse, info = lapack.solve_arrays(values, unit)
    return narrow(lapack.Inverse.apply(wide(A), inverse), A.dtype), info


def _is_vector(A, B):
    """Tell whether B holds right-hand sides of one column each, by shape (*, n)."""
    return B.ndim == 1 or (A.ndim - 1 == B.ndim and tuple(B.shape) == tuple(A.shape[:-1]))


def solve_ex(A, B, *, left=True, check_errors=False, out=None):
    """Return X of A X = B (or X A = B), and LAPACK's info of each instead of an exception."""
    answer, info = _solve(A, B, left)
    if check_errors:
        checks.solution("torch.linalg.solve_ex", info)
    return _into(out, torch.return_types.linalg_solve_ex((answer, given(info, A))))


def solve(A, B, *, left=True, out=None):
    """Return X of A X = B, or of X A = B; LinAlgError where A is singular."""
    answer, info = _solve(A, B, left)
    checks.solution("torch.linalg.solve", info)
    return _into(out, answer)


def _solve(A, B, left):
    api = "linalg.solve"
    checks.floating(api, A)
    checks.square(api, A)
    checks.same(api, A, B)
    vector = _is_vector(A, B)
    if vector and not left:
        raise RuntimeError(
            f"{api}: Vector broadcasting of the left hand side is not supported for left=False. "
            "In this case linalg.solve is equivalent to B / A.squeeze(-1)"
        )
    right = B.unsqueeze(-1) if vector else B
    checks.matrix(api, right, "B")
    checks.shapes(api, A, right, left)
    dtype = A.dtype
    A, right = lapack.batched(wide(A), wide(right))
    if not left:
        A, right = mT(A), mT(right)
    values, info = lapack.solve_arrays(lapack.on_host(api, A), host.array(right.detach()))
    answer = lapack.Solution.apply(A, right, values)
    if not left:
        answer = mT(answer)
    answer = narrow(answer, dtype)
    return (answer.squeeze(-1) if vector else answer), info


def solve_triangular(A, B, *, upper, left=True, unitriangular=False, out=None):
    """Return X of A X = B, or of X A = B, for triangular A."""
    api = "linalg.solve_triangular"
    checks.floating(api, A)
    checks.matrix(api, B, "B")
    checks.square(api, A)
    checks.same(api, A, B)
    checks.shapes(api, A, B, left)
    hooks.host_fallback(f"torch.{api}")
    return _into(out, lapack.triangular(A, B, upper, left, unitriangular))


def tensorsolve(A, B, dims=None, *, out=None):
    """Return X of tensordot(A, X, X.ndim) = B; ``dims`` of A are moved to its end first."""
    if dims is not None:
        dims = list(dims)
        A = A.movedim(dims, list(range(A.ndim - len(dims), A.ndim)))
    left, right = A.shape[: B.ndim], A.shape[B.ndim :]
    sizes = [int(np.prod(one, dtype=np.int64)) for one in (right, left)]
    if sizes[0] != sizes[1]:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {sizes[0]} != {sizes[1]}"
        )
    answer = solve(A.reshape(sizes[0], sizes[0]), B.reshape(-1))
    return _into(out, answer.reshape(right))


def tensorinv(A, ind=2, *, out=None):
    """Return the inverse of tensordot with A over its first ``ind`` dimensions."""
    if ind <= 0:
        raise RuntimeError(f"Expected a strictly positive integer for 'ind', but got {ind}")
    left, right = list(A.shape[:ind]), list(A.shape[ind:])
    sizes = [int(np.prod(one, dtype=np.int64)) for one in (right, left)]
    if sizes[0] != sizes[1]:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == "
            f"prod(self.shape[:ind]), but got {sizes[0]} != {sizes[1]}"
        )
    answer, info = inv_ex(A.reshape(sizes[0], sizes[0]))
    if info.item():
        raise RuntimeError("Failed to invert the input tensor, because it is singular.")
    return _into(out, answer.reshape(right + left))


# factorizations


def cholesky_ex(A, *, upper=False, check_errors=False, out=None):
    """Return the Cholesky factors, and LAPACK's info of each instead of an exception."""
    answer, info = _cholesky("linalg.cholesky_ex", A, upper)
    if check_errors:
        checks.positive("linalg.cholesky_ex", info)
    return _into(out, torch.return_types.linalg_cholesky_ex((answer, given(info, A))))


def cholesky(A, *, upper=False, out=None):
    """Return L of A = L Lᴴ, or its adjoint; LinAlgError if A is not positive definite."""
    answer, info = _cholesky("linalg.cholesky", A, upper)
    checks.positive("linalg.cholesky", info)
    return _into(out, answer)


def _cholesky(api, A, upper):
    checks.square(api, A)
    checks.floating(api, A, halves=True)
    if A.dtype in checks.HALVES:
        raise NotImplementedError(f"\"cholesky_cpu\" not implemented for '{checks.kind(A.dtype)}'")
    matrix = lapack.on_host(api, wide(A))
    values, info = lapack.cholesky_arrays(lapack.adjoint(matrix) if upper else matrix)
    answer = lapack.Cholesky.apply(wide(A), values)
    return narrow(mH(answer) if upper else answer, A.dtype), info


def qr(A, mode="reduced", *, out=None):
    """Return Q and R of A = Q R; ``mode`` is "reduced", "complete" or "r" (Q is empty)."""
    api = "linalg.qr"
    checks.matrix(api, A)
    checks.floating(api, A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), "
            "'r', or 'complete'"
        )
    rows, columns = A.shape[-2:]
    depth = min(rows, columns)
    source = wide(A)
    values = lapack.on_host(api, source)
    if not values.size:
        size = rows if mode == "complete" else depth
        unit = np.broadcast_to(np.eye(rows, size), (*A.shape[:-2], rows, size))
        found = unit, np.zeros((*A.shape[:-2], size, columns))
    else:
        found = np.linalg.qr(values, "reduced" if mode == "r" else mode)
    if not (A.requires_grad and flow.is_grad_enabled()) or not values.size:
        q, r = lapack.parted(lapack.Constant.apply(source, *found))
    elif mode == "r" or (mode == "complete" and rows > columns):
        which = "mode is 'r'" if mode == "r" else "mode='complete' and nrows > ncols"
        why = (
            f"The derivative of linalg.qr depends on Q: it is not defined where {which}. "
            "Use mode='reduced'."
        )
        q, r = lapack.Undifferentiable.apply(source, why, *found)
    else:
        parts = lapack.Orthogonal.apply(source[..., :depth], found[0], found[1][..., :depth])
        q, r = lapack.parted(parts)
        if columns > depth:
            r = flow.cat([r, mH(q) @ source[..., depth:]], dim=-1)
    if mode == "r":
        q = flow.zeros(0, dtype=A.dtype, device=A.device)
    answer = torch.return_types.linalg_qr((narrow(q, A.dtype), narrow(r, A.dtype)))
    return _into(out, answer)


def eigh(A, UPLO="L", *, out=None):
    """Return eigenvalues, ascending, and eigenvectors of Hermitian matrices."""
    answer = torch.return_types.linalg_eigh(_eigh("linalg.eigh", A, UPLO))
    return _into(out, answer)


def eigvalsh(A, UPLO="L", *, out=None):
    """Return the eigenvalues, ascending, of Hermitian matrices."""
    return _into(out, _eigh("linalg.eigvalsh", A, UPLO)[0])


def _eigh(api, A, UPLO):
    checks.square(api, A)
    if A.dtype not in (flow.float32, flow.float64) and not A.is_complex():
        raise NotImplementedError(
            f"\"linalg_eigh_cpu\" not implemented for '{checks.kind(A.dtype)}'"
        )
    if str(UPLO).upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    source = wide(A)
    matrix = lapack.on_host(api, source)
    if not np.isfinite(matrix).all():
        values = np.full(matrix.shape[:-1], np.nan)
        vectors = np.full(matrix.shape, np.nan, matrix.dtype)
    else:
        values, vectors = np.linalg.eigh(matrix, UPLO=str(UPLO).upper())
    values, vectors = lapack.parted(lapack.Symmetric.apply(source, values, vectors))
    return narrow(values, dtypes.to_real(A.dtype)), narrow(vectors, A.dtype)


def eig(A, *, out=None):
    """Return eigenvalues and eigenvectors, complex ones."""
    return _into(out, torch.return_types.linalg_eig(_eig("linalg.eig", A)))


def eigvals(A, *, out=None):
    """Return the eigenvalues, complex ones."""
    return _into(out, _eig("linalg.eigvals", A)[0])


def _eig(api, A):
    checks.square(api, A)
    checks.floating(api, A)
    dtype = dtypes.to_complex(A.dtype)
    dtypes.check_held(dtype, f"torch.{api}")
    source = wide(A)
    matrix = lapack.on_host(api, source)
    if not np.isfinite(matrix).all():
        raise RuntimeError(f"torch.{api}: input tensor should not contain infs or NaNs.")
    if matrix.size:
        values, vectors = (one.astype(np.complex128) for one in np.linalg.eig(matrix))
    else:
        values, vectors = (np.zeros(n, np.complex128) for n in (matrix.shape[:-1], matrix.shape))
    values, vectors = lapack.parted(lapack.Eigen.apply(source, values, vectors))
    return narrow(values, dtype), narrow(vectors, dtype)


def svd(A, full_matrices=True, *, driver=None, out=None):
    """Return U, S (descending) and Vᴴ of A = U diag(S) Vᴴ."""
    api = "linalg.svd"
    checks.matrix(api, A)
    checks.floating(api, A)
    _check_driver(api, driver)
    answer = torch.return_types.linalg_svd(_svd(api, A, full_matrices))
    return _into(out, answer)


def svdvals(A, *, driver=None, out=None):
    """Return the singular values, descending."""
    api = "linalg.svdvals"
    checks.matrix(api, A)
    checks.floating(api, A)
    _check_driver(api, driver)
    source = wide(A)
    if not (A.requires_grad and flow.is_grad_enabled()) and A.numel():
        values = lapack.on_host(api, source)
        _check_finite(values)
        found = given(np.linalg.svd(values, compute_uv=False), A)
        return _into(out, narrow(found, dtypes.to_real(A.dtype)))
    return _into(out, _svd(api, A, False)[1])


def _check_driver(api, driver):
    if driver is not None:
        raise RuntimeError(f"{api}: keyword argument `driver=` is only supported on CUDA inputs.")


def _check_finite(values):
    finite = np.isfinite(values).all(axis=(-2, -1))
    if not finite.all():
        place = "" if finite.ndim == 0 else f"(Batch element {int(np.argmin(finite.ravel()))}): "
        raise LinAlgError(
            f"linalg.svd: {place}The algorithm failed to converge because the input matrix "
            "contained non-finite values."
        )


def _svd(api, A, full):
    source = wide(A)
    values = lapack.on_host(api, source)
    _check_finite(values)
    u, s, vh = lapack.svd_arrays(values, full)
    depth = s.shape[-1]
    parts = lapack.Singular.apply(source, u[..., :depth], s, vh[..., :depth, :])
    found = lapack.parted(parts)
    kinds = A.dtype, dtypes.to_real(A.dtype), A.dtype
    u_found, s_found, vh_found = (narrow(one, kind) for one, kind in zip(found, kinds))
    if full and u.shape[-1] > depth:
        rest = narrow(lapack.Constant.apply(source, u[..., depth:])[0], A.dtype)
        u_found = flow.cat([u_found, rest], dim=-1) if depth else rest
    if full and vh.shape[-2] > depth:
        rest = narrow(lapack.Constant.apply(source, vh[..., depth:, :])[0], A.dtype)
        vh_found = flow.cat([vh_found, rest], dim=-2) if depth else rest
    return u_found, s_found, vh_found


def _thresholds(api, A, atol, rtol):
    """Return absolute and relative tolerances as arrays of float64."""
    for name, one in (("atol", atol), ("rtol", rtol)):
        if isinstance(one, flow.Tensor) and not one.is_floating_point():
            raise RuntimeError(f"torch.{api}: {name} tensor of integral type is not supported")
    eps = _eps(A)
    usual = eps * max(A.shape[-2:])
    absolute = _numbers(atol) if atol is not None else np.float64(0)
    if rtol is not None:
        relative = _numbers(rtol)
    elif atol is not None:
        relative = np.where(absolute > 0, 0.0, usual)
    else:
        relative = np.float64(usual)
    return absolute, relative


def _eps(A):
    return torch.finfo(dtypes.to_real(A.dtype)).eps


def _numbers(value):
    if isinstance(value, flow.Tensor):
        return host.array(value.detach()).astype(np.float64)
    return np.float64(value)


def matrix_rank(A, tol=None, hermitian=False, *, atol=None, rtol=None, out=None):
    """Return how many singular values (or magnitudes of eigenvalues) exceed the tolerance."""
    api = "linalg.matrix_rank"
    checks.matrix(f"torch.{api}", A, "input")
    checks.floating(api, A)
    if hermitian:
        checks.square(f"torch.{api}", A)
    values = lapack.on_host(api, wide(A))
    if tol is not None:
        absolute, relative = _numbers(tol), np.float64(0)
    else:
        absolute, relative = _thresholds(api, A, atol, rtol)
    if not values.size:
        shape = np.broadcast_shapes(values.shape[:-2], np.shape(absolute), np.shape(relative))
        return _into(out, flow.zeros(tuple(shape), dtype=flow.int64, device=A.device))
    if hermitian:
        found = np.abs(np.linalg.eigvalsh(values))
    else:
        _check_finite(values)
        found = np.linalg.svd(values, compute_uv=False)
    limit = np.maximum(absolute, relative * found.max(-1))
    count = (found > np.asarray(limit)[..., None]).sum(-1)
    return _into(out, given(np.asarray(count), A, np.int64))


def pinv(A, rcond=None, hermitian=False, *, atol=None, rtol=None, out=None):
    """Return the Moore-Penrose inverses; smaller singular values than the tolerance are 0."""
    api = "linalg.pinv"
    checks.matrix(api, A)
    checks.floating(api, A)
    if hermitian:
        checks.square(api, A)
    if isinstance(rcond, bool):  # the place is hermitian's where the tolerances are by name
        rcond, hermitian = None, rcond
    source = wide(A)
    values = lapack.on_host(api, source)
    absolute, relative = _thresholds(api, A, atol, rtol if rcond is None else rcond)
    if not values.size:
        shape = (*A.shape[:-2], A.shape[-1], A.shape[-2])
        return _into(out, narrow(lapack.Constant.apply(source, np.zeros(shape))[0], A.dtype))
    if hermitian:
        found, vectors = np.linalg.eigh(values)
        left, right = vectors, lapack.adjoint(vectors)
    else:
        _check_finite(values)
        left, found, right = np.linalg.svd(values, full_matrices=False)
    size = np.abs(found)
    kept = size > np.asarray(np.maximum(absolute, relative * size.max(-1)))[..., None]
    weights = np.where(kept, 1.0 / np.where(kept, found, 1.0), 0.0)
    inverse = lapack.adjoint(right) @ (weights[..., None] * lapack.adjoint(left))
    if inverse.shape[:-2] != tuple(source.shape[:-2]):
        source = source.expand(*inverse.shape[:-2], *source.shape[-2:])
    return _into(out, narrow(lapack.PseudoInverse.apply(source, inverse), A.dtype))


def lstsq(A, B, rcond=None, *, driver=None, out=None):
    """Return the least-squares solutions of A X = B, residuals, ranks and singular values."""
    api = "torch.linalg.lstsq"
    checks.floating(api, A)
    if A.ndim < 2:
        raise RuntimeError(f"{api}: input must have at least 2 dimensions.")
    if B.ndim < 1:
        raise RuntimeError(f"{api}: other must have at least 1 dimension.")
    if A.dtype != B.dtype:
        raise RuntimeError(
            f"{api}: Expected input and other to have the same dtype, but got input's dtype "
            f"{checks.kind(A.dtype)} and other's dtype {checks.kind(B.dtype)}"
        )
    vector = _is_vector(A, B) and B.ndim == A.ndim - 1
    if A.ndim - B.ndim not in (0, 1) or (A.ndim - B.ndim == 1 and not vector):
        raise RuntimeError(
            f"{api}: input.dim() must be greater or equal to other.dim() and "
            "(input.dim() - other.dim()) <= 1"
        )
    right = B.unsqueeze(-1) if vector else B
    if A.shape[-2] != right.shape[-2]:
        raise RuntimeError(f"{api}: input.size(-2) should match other.size(-{1 if vector else 2})")
    driver = "gelsy" if driver is None else driver
    if driver not in ("gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(
            f"{api}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)"
        )
    rows, columns = A.shape[-2:]
    left, right = lapack.batched(wide(A), wide(right))
    batch = tuple(left.shape[:-2])
    values = lapack.on_host("linalg.lstsq", left)
    limit = float(rcond) if rcond is not None else _eps(A) * max(rows, columns)
    count = np.zeros(batch, np.int64)
    singular = np.zeros((*batch, min(rows, columns)))
    if values.size:
        _check_finite(values)
        u, singular, vh = np.linalg.svd(values, full_matrices=False)
        cut = 0.0 if driver == "gels" else limit
        kept = singular > cut * singular.max(-1, keepdims=True)
        count = kept.sum(-1)
        weights = np.where(kept, 1.0 / np.where(kept, singular, 1.0), 0.0)
        inverse = lapack.adjoint(vh) @ (weights[..., None] * lapack.adjoint(u))
        solution = lapack.PseudoInverse.apply(left, inverse) @ right
    else:
        shape = (*batch, columns, right.shape[-1])
        (solution,) = lapack.Constant.apply(left, np.zeros(shape))
    kind = dtypes.to_real(A.dtype)
    residuals = narrow(lapack.Constant.apply(left, np.zeros(0))[0], kind)
    if rows > columns and (driver == "gels" or bool((count == columns).all())):
        if driver != "gelsy":
            gap = left @ solution - right
            squares = torch.view_as_real(gap).square().sum(-1) if gap.is_complex() else gap * gap
            residuals = narrow(squares.sum(dim=-2), kind)
    if driver == "gels":
        ranks = flow.zeros(0, dtype=flow.int64, device=A.device)
    else:
        ranks = given(np.asarray(count), A, np.int64)
    if driver in ("gelsd", "gelss"):
        magnitudes = narrow(given(singular, A), kind)
    else:
        magnitudes = flow.zeros(0, dtype=kind, device=A.device)
    solution = narrow(solution.squeeze(-1) if vector else solution, A.dtype)
    answer = torch.return_types.linalg_lstsq((solution, residuals, ranks, magnitudes))
    return _into(out, answer)


def lu(A, *, pivot=True, out=None):
    """Return P, L and U of A = P L U."""
    rows = _check_factorable("linalg.lu", A, pivot)
    pivots, _, lower, upper = lapack.lu("linalg.lu", wide(A))
    order = given(lapack.permutations(pivots, rows), A)
    parts = tuple(narrow(one, A.dtype) for one in (order, lower, upper))
    return _into(out, torch.return_types.linalg_lu(parts))


def _check_factorable(api, A, pivot):
    if A.ndim < 2:
        raise RuntimeError(
            f"{api}: Expected tensor with 2 or more dimensions. Got size: {list(A.shape)} instead"
        )
    checks.floating(api, A)
    if not pivot:
        raise RuntimeError("linalg.lu_factor: LU without pivoting is not implemented on the CPU")
    return A.shape[-2]


def lu_factor_ex(A, *, pivot=True, check_errors=False, out=None):
    """Return L and U in one matrix, pivots, and LAPACK's info instead of an exception."""
    answer, pivots, info = _lu_factor("torch.linalg.lu_factor_ex", A, pivot)
    if check_errors:
        checks.factors("torch.linalg.lu_factor_ex", info)
    parts = answer, given(pivots, A), given(info, A)
    return _into(out, torch.return_types.linalg_lu_factor_ex(parts))


def lu_factor(A, *, pivot=True, out=None):
    """Return L and U in one matrix, and pivots; RuntimeError where U is singular."""
    answer, pivots, info = _lu_factor("torch.linalg.lu_factor", A, pivot)
    checks.factors("torch.linalg.lu_factor", info)
    return _into(out, torch.return_types.linalg_lu_factor((answer, given(pivots, A))))


def _lu_factor(api, A, pivot):
    _check_factorable(api, A, pivot)
    pivots, info, lower, upper = lapack.lu("linalg.lu_factor", wide(A))
    rows, columns = A.shape[-2:]
    depth = min(rows, columns)
    square = torch.tril(lower[..., :depth, :], -1) + upper[..., :depth]
    if rows > depth:
        square = flow.cat([square, lower[..., depth:, :]], dim=-2)
    elif columns > depth:
        square = flow.cat([square, upper[..., depth:]], dim=-1)
    return narrow(square, A.dtype), pivots, info


def lu_solve(LU, pivots, B, *, left=True, adjoint=False, out=None):
    """Return X of A X = B, X A = B, or with Aᴴ, from lu_factor's answer for A."""
    api = "linalg.lu_solve"
    checks.floating(api, LU)
    checks.same(api, LU, B)
    if pivots.dtype != flow.int32:
        raise RuntimeError(
            f"{api}: pivots should be a Tensor of scalar type torch.int32. "
            f"Got {checks.kind(pivots.dtype)}"
        )
    checks.square("torch.linalg.lu_solve", LU, "LU")
    checks.matrix(api, B, "B")
    checks.shapes(api, LU, B, left)
    hooks.host_fallback(f"torch.{api}")
    dtype, size = LU.dtype, LU.shape[-1]
    order = given(lapack.permutations(host.array(pivots), size), LU)
    batch = torch.broadcast_shapes(LU.shape[:-2], B.shape[:-2])
    LU, B = lapack.batched(wide(LU), wide(B))
    order = narrow(order.expand(*batch, size, size), LU.dtype)
    if not left:
        B, adjoint = mH(B), not adjoint
    if adjoint:
        turned = mH(LU)
        inner = lapack.triangular(turned, B, False)
        answer = order @ lapack.triangular(turned, inner, True, unit=True)
    else:
        inner = lapack.triangular(LU, mT(order) @ B, False, unit=True)
        answer = lapack.triangular(LU, inner, True)
    return _into(out, narrow(answer if left else mH(answer), dtype))


def ldl_factor_ex(A, *, hermitian=False, check_errors=False, out=None):
    """Return L and D in one matrix, pivots, and LAPACK's info instead of an exception."""
    parts = _ldl("torch.linalg.ldl_factor_ex", A, hermitian)
    if check_errors:
        _check_ldl("torch.linalg.ldl_factor_ex", parts[2])
    answer = tuple(given(one, A) for one in parts)
    answer = (narrow(answer[0], A.dtype), *answer[1:])
    return _into(out, torch.return_types.linalg_ldl_factor_ex(answer))


def ldl_factor(A, *, hermitian=False, out=None):
    """Return L and D of a symmetric (or Hermitian) matrix in one, and pivots."""
    parts = _ldl("torch.linalg.ldl_factor", A, hermitian)
    _check_ldl("torch.linalg.ldl_factor", parts[2])
    answer = narrow(given(parts[0], A), A.dtype), given(parts[1], A)
    return _into(out, torch.return_types.linalg_ldl_factor(answer))


def _ldl(api, A, hermitian):
    from scipy.linalg.lapack import get_lapack_funcs

    checks.square(api, A)
    checks.floating(api, A)
    values = lapack.on_host("linalg.ldl_factor", A)
    name = "hetrf" if hermitian and A.is_complex() else "sytrf"
    (sytrf,) = get_lapack_funcs((name,), dtype=values.dtype)

    def factor(one):
        if not one.size:
            return one, np.zeros(0, np.int32), 0
        factors, pivots, info = sytrf(one, lower=True)
        return np.tril(factors), pivots, info

    found = lapack.each(factor, values)
    if not found:
        batch = values.shape[:-2]
        found = values, np.zeros(values.shape[:-1]), np.zeros(batch)
    return found[0], found[1].astype(np.int32), found[2].astype(np.int32)


def _check_ldl(api, info):
    failed = checks.first_failure(info)
    if failed:
        raise RuntimeError(
            f"{api}{failed[0]}: D[{failed[1]},{failed[1]}] is zero: ldl_solve would divide by it"
        )


def ldl_solve(LD, pivots, B, *, hermitian=False, out=None):
    """Return X of A X = B from ldl_factor's answer for A."""
    api = "torch.linalg.ldl_solve"
    checks.square(api, LD, "LD")
    checks.matrix(api, B, "B")
    checks.floating(api, LD)
    if pivots.dtype not in (flow.int32, flow.int64):
        raise RuntimeError(
            f"{api}: Expected pivots to be integers. Got {checks.kind(pivots.dtype)}"
        )
    checks.same(api, LD, B)
    factors, right = lapack.batched(wide(LD), wide(B))
    values = lapack.on_host("linalg.ldl_solve", factors)
    exchanges = host.array(pivots).astype(np.int64)
    exchanges = np.broadcast_to(exchanges, values.shape[:-1])

    def whole(one, swaps):
        return (_assembled(one, swaps, hermitian),)

    found = lapack.each(whole, values, exchanges)
    matrix = given(found[0] if found else np.zeros(values.shape, values.dtype), LD)
    solved, _ = lapack.solve_arrays(host.array(matrix), host.array(right.detach()))
    return _into(out, narrow(lapack.Solution.apply(matrix, right, solved), B.dtype))


def _assembled(factors, pivots, hermitian):
    """Return A from what LAPACK's sytrf (or hetrf) leaves in the lower triangle."""
    size = len(factors)
    turned = np.conj if hermitian else np.asarray
    blocks, lower = np.zeros((size, size), factors.dtype), np.eye(size, dtype=factors.dtype)
    row = 0
    while row < size:
        step = 1 if pivots[row] > 0 else 2
        for place in range(row, row + step):
            blocks[place, place] = factors[place, place]
        if step == 2:
            blocks[row + 1, row] = factors[row + 1, row]
            blocks[row, row + 1] = turned(factors[row + 1, row])
        own = np.eye(size, dtype=factors.dtype)
        own[row + step :, row : row + step] = factors[row + step :, row : row + step]
        exchange = np.arange(size)
        last = row + step - 1
        other = abs(int(pivots[row])) - 1
        exchange[[last, other]] = exchange[[other, last]]
        lower = lower @ np.eye(size)[exchange] @ own
        row += step
    return lower @ blocks @ turned(lower.T)


def householder_product(A, tau, *, out=None):
    """Return the first columns of the product of the reflections that geqrf leaves in A."""
    api = "torch.linalg.householder_product"
    if A.ndim < 2:
        raise RuntimeError(f"{api}: input must have at least 2 dimensions.")
    rows, columns = A.shape[-2:]
    if rows < columns:
        raise RuntimeError(
            f"{api}: input.shape[-2] must be greater than or equal to input.shape[-1]"
        )
    if columns < tau.shape[-1]:
        raise RuntimeError(f"{api}: input.shape[-1] must be greater than or equal to tau.shape[-1]")
    if A.ndim - tau.ndim != 1:
        raise RuntimeError(
            f"{api}: Expected tau to have one dimension less than input, but got tau.ndim equal "
            f"to {tau.ndim} and input.ndim is equal to {A.ndim}"
        )
    if tuple(A.shape[:-2]) != tuple(tau.shape[:-1]):
        raise RuntimeError(
            f"{api}: Expected batch dimensions of tau to be equal to input.shape[:-2], "
            f"but got {list(tau.shape[:-1])}"
        )
    if A.dtype != tau.dtype:
        raise RuntimeError(
            f"{api}: tau dtype {checks.kind(tau.dtype)} does not match input dtype "
            f"{checks.kind(A.dtype)}"
        )
    unit = flow.eye(rows, columns, dtype=wide(A).dtype, device=A.device)
    unit = unit.expand(*A.shape[:-2], rows, columns)
    if not A.numel() or not tau.numel():
        answer = narrow(unit.clone(), A.dtype)
        if (A.requires_grad or tau.requires_grad) and flow.is_grad_enabled():
            answer.requires_grad_(True)  # as PyTorch's does, and leads nowhere
        return _into(out, answer)
    return _into(out, narrow(lapack.reflected(wide(A), wide(tau), unit), A.dtype))

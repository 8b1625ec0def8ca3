"""Products of matrices and vectors that are added to something (ATen's ``LinearAlgebra.cpp``)."""

import oneflow as flow
import torch

from oneflow_mock.compat.kernels import halves
from oneflow_mock.compat.kernels.operands import integral, wrapped, written, zero_gradient


def addmv(input, mat, vec, *, beta=1, alpha=1, out=None):
    """Return beta * input + alpha * (mat @ vec), of shape (n,) (torch.addmv).

    input broadcasts to (n,), mat is (n, m), vec is (m,). RuntimeError for other shapes.
    """
    _check_ranks("addmv", (mat, 2), (vec, 1))
    if halves.is_half(mat) and input.dtype is mat.dtype and vec.dtype is mat.dtype:
        answer = _half_product(input.expand(mat.shape[0]), mat, vec.unsqueeze(1), beta, alpha)
        return written(answer, out)
    return written(_added(input, torch.matmul(mat, vec), beta, alpha), out)


def addmm(input, mat1, mat2, *, beta=1, alpha=1, out=None):
    """Return beta * input + alpha * (mat1 @ mat2), of shape (n, p) (torch.addmm)."""
    if halves.is_half(mat1) and input.dtype is mat1.dtype and mat2.dtype is mat1.dtype:
        _check_ranks("addmm", (mat1, 2), (mat2, 2))
        if mat1.shape[1] == mat2.shape[0]:
            if input.ndim == 1 and beta == 1 and alpha == 1 and input.shape[0] == mat2.shape[1]:
                # A layer's bias is added before the one rounding.
                return written(torch.nn.functional.linear(mat1, mat2.transpose(0, 1), input), out)
            input = input.expand(mat1.shape[0], mat2.shape[1])
            return written(_half_product(input, mat1, mat2, beta, alpha), out)
    if isinstance(beta, complex) or isinstance(alpha, complex):
        return written(_added(input, torch.matmul(mat1, mat2), beta, alpha), out)
    return written(flow.addmm(input, mat1, mat2, beta=beta, alpha=alpha), out)


def addr(input, vec1, vec2, *, beta=1, alpha=1, out=None):
    """Return beta * input + alpha * (vec1 ⊗ vec2), of shape (n, m) (torch.addr)."""
    _check_ranks("addr", (vec1, 1), (vec2, 1))
    if halves.is_half(vec1) and input.dtype is vec1.dtype and vec2.dtype is vec1.dtype:
        input = input.expand(vec1.shape[0], vec2.shape[0])
        return written(_half_outer(input, vec1, vec2, beta, alpha), out)
    return written(_added(input, vec1.unsqueeze(1) * vec2.unsqueeze(0), beta, alpha), out)


def addbmm(input, batch1, batch2, *, beta=1, alpha=1, out=None):
    """Return beta * input + alpha * the sum of batch1[i] @ batch2[i] (torch.addbmm).

    batch1 is (b, n, m), batch2 is (b, m, p); input broadcasts to (n, p).
    """
    _check_batches("addbmm", batch1, batch2)
    if halves.is_half(batch1) and input.dtype is batch1.dtype and batch2.dtype is batch1.dtype:
        input = input.expand(batch1.shape[1], batch2.shape[2])
        return written(_half_batches(input, batch1, batch2, beta, alpha), out)
    product = torch.bmm(batch1, batch2).sum(dim=0, dtype=batch1.dtype)
    return written(_added(input, product, beta, alpha), out)


def baddbmm(input, batch1, batch2, *, beta=1, alpha=1, out=None):
    """Return beta * input + alpha * (batch1 @ batch2), by batches (torch.baddbmm).

    batch1 is (b, n, m), batch2 is (b, m, p); input broadcasts to (b, n, p).
    """
    _check_batches("baddbmm", batch1, batch2)
    if halves.is_half(batch1) and input.dtype is batch1.dtype and batch2.dtype is batch1.dtype:
        input = input.expand(batch1.shape[0], batch1.shape[1], batch2.shape[2])
        return written(_half_product(input, batch1, batch2, beta, alpha), out)
    return written(_added(input, torch.bmm(batch1, batch2), beta, alpha), out)


def vdot(input, other, *, out=None):
    """Return the dot product of two vectors, the first one conjugated (torch.vdot)."""
    _check_pair("vdot", input, other)
    input = input.conj()
    return written((input * other).sum(dtype=input.dtype), out)


def inner(input, other, *, out=None):
    """Return the products of vectors along the last dimensions (torch.inner).

    input is (*, n), other is (**, n); the answer is (*, **).
    """
    if input.ndim == 0 or other.ndim == 0:
        return written(input * other, out)
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(input.shape)} and {list(other.shape)}"
        )
    size = input.shape[-1]
    left, right = input.reshape(-1, size), other.reshape(-1, size)
    if 0 in (*left.shape, *right.shape):
        answer = (left.unsqueeze(1) * right.unsqueeze(0)).sum(dim=-1, dtype=input.dtype)
    else:
        answer = torch.matmul(left, right.transpose(0, 1))
    return written(answer.reshape(*input.shape[:-1], *other.shape[:-1]), out)


def _check_pair(name, input, other):
    for which, tensor in (("self", input), ("other", other)):
        if tensor.ndim != 1:
            raise RuntimeError(
                f"1D tensors expected, but got {input.ndim}D and {other.ndim}D tensors ({which})"
            )
    if input.dtype != other.dtype:
        raise RuntimeError("dot : expected both vectors to have same dtype")
    if input.shape != other.shape:
        raise RuntimeError(
            "inconsistent tensor size, expected tensor ["
            + str(input.shape[0])
            + "] and src ["
            + str(other.shape[0])
            + "] to have the same number of elements"
        )


def _check_ranks(name, *tensors):
    for tensor, rank in tensors:
        if tensor.ndim != rank:
            raise RuntimeError(f"{name}: Expected a {rank}-D tensor, but got {tensor.ndim}-D")


def _check_batches(name, batch1, batch2):
    _check_ranks(name, (batch1, 3), (batch2, 3))
    if batch1.shape[0] != batch2.shape[0] or batch1.shape[2] != batch2.shape[1]:
        raise RuntimeError(
            f"{name}: batch1 of shape {tuple(batch1.shape)} and batch2 of shape "
            f"{tuple(batch2.shape)} cannot be multiplied"
        )


def _added(input, product, beta, alpha):
    dtype = product.dtype
    if dtype != flow.bool and integral(product):
        beta, alpha = int(beta), int(alpha)
    if dtype == flow.bool:
        product = product & bool(alpha) if alpha != 1 else product
        return product if not beta else product | input
    product = product if alpha == 1 else product * alpha
    if beta == 0:  # whatever is in input, NaN included, does not count
        return zero_gradient(product, input)
    answer = product + (input if beta == 1 else input * beta)
    if answer.shape != product.shape:
        raise RuntimeError(
            f"The expanded size of the tensor {tuple(product.shape)} must match the existing size "
            f"{tuple(input.shape)}"
        )
    return answer


# Halves: the sum is rounded once; the gradients are products that are scaled afterwards.


def _scaled(tensor, factor):
    return tensor if factor == 1 else tensor * factor


def _product_and_sum(input, left, right, beta, alpha):
    product = _scaled(torch.matmul(left, right), alpha)
    product = product.reshape(input.shape)
    return product if beta == 0 else product + _scaled(input, beta)


def _as_matrix(grad, left, right):
    return grad.reshape(*left.shape[:-1], right.shape[-1])


_half_product = halves.stepped(
    _product_and_sum,
    lambda grad, answer, x, left, right, beta, alpha: _scaled(grad, beta),
    lambda grad, answer, x, left, right, beta, alpha: _scaled(
        torch.matmul(_as_matrix(grad, left, right), right.transpose(-1, -2)), alpha
    ),
    lambda grad, answer, x, left, right, beta, alpha: _scaled(
        torch.matmul(left.transpose(-1, -2), _as_matrix(grad, left, right)), alpha
    ),
)


def _one_batch_after_another(input, batch1, batch2, beta, alpha):
    answer = input
    for left, right in zip(batch1, batch2):
        answer = addmm(answer, left, right, beta=beta, alpha=alpha)
        beta = 1
    return answer if len(batch1) else _scaled(input, beta)


_half_batches = halves.stepped(
    _one_batch_after_another,
    lambda grad, answer, x, left, right, beta, alpha: _scaled(grad, beta),
    lambda grad, answer, x, left, right, beta, alpha: _scaled(
        torch.matmul(grad.expand(len(left), *grad.shape), right.transpose(-1, -2)), alpha
    ),
    lambda grad, answer, x, left, right, beta, alpha: _scaled(
        torch.matmul(left.transpose(-1, -2), grad.expand(len(left), *grad.shape)), alpha
    ),
    steps=True,
)


def _outer_and_sum(input, vec1, vec2, beta, alpha):
    def number(value):
        return torch.tensor(value, dtype=input.dtype)

    product = (number(alpha) * vec1).unsqueeze(1) * vec2
    return product if beta == 0 else number(beta) * input + product


_half_outer = halves.stepped(
    _outer_and_sum,
    lambda grad, answer, x, one, other, beta, alpha: _scaled(grad, beta),
    lambda grad, answer, x, one, other, beta, alpha: _scaled(torch.mv(grad, other), alpha),
    lambda grad, answer, x, one, other, beta, alpha: _scaled(torch.mv(grad.t(), one), alpha),
    steps=True,
)


def einsum(equation, *operands):
    """Return the sum of products that an equation names (torch.einsum)."""
    if isinstance(equation, flow.Tensor):
        equation, operands = _from_sublists(equation, *operands)
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = operands[0]
    if len(operands) == 1 and isinstance(equation, str):
        return _einsum_of_one(equation.replace(" ", ""), operands[0])
    return flow.einsum(equation, *operands)


def _einsum_of_one(equation, operand):
    """Return diagonals and sums of one tensor, whose dimensions of size 1 OneFlow gets wrong."""
    names, _, wanted = equation.partition("->")
    is_plain = "..." not in equation and len(names) == operand.ndim
    if not is_plain:
        return flow.einsum(equation, operand)
    given = names
    if "->" not in equation:
        wanted = "".join(sorted(name for name in set(names) if names.count(name) == 1))
    for name in sorted(set(names)):
        while given.count(name) > 1:
            one, other = given.index(name), given.rindex(name)
            if operand.shape[one] != operand.shape[other]:
                raise RuntimeError(
                    f"einsum(): subscript {name} is repeated for operand 0 but the sizes don't "
                    f"match, {operand.shape[other]} != {operand.shape[one]}"
                )
            operand = torch.diagonal(operand, 0, one, other)
            given = given[:one] + given[one + 1 : other] + given[other + 1 :] + name
    if not set(wanted) <= set(given):
        return flow.einsum(equation, operand)
    gone = [place for place, name in enumerate(given) if name not in wanted]
    if gone:
        operand = operand.sum(gone)
    kept = [name for name in given if name in wanted]
    return operand.permute([kept.index(name) for name in wanted])


def _from_sublists(*args):
    """Return the equation and the operands of tensors that are followed by lists of numbers."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

    def spelled(subscripts):
        return "".join("..." if s is Ellipsis else letters[s] for s in subscripts)

    pairs = len(args) // 2
    equation = ",".join(spelled(args[2 * n + 1]) for n in range(pairs))
    if len(args) % 2:
        equation += "->" + spelled(args[-1])
    return equation, args[: 2 * pairs : 2]


def cross(input, other, dim=None, *, out=None):
    """Return the cross products of vectors of three along ``dim`` (torch.cross)."""
    if input.dtype != other.dtype:
        dtype = torch.promote_types(input.dtype, other.dtype)
        input, other = input.to(dtype), other.to(dtype)
    if dim is None:
        sizes = [d for d, size in enumerate(input.shape) if size == 3]
        if not sizes:
            raise RuntimeError("no dimension of size 3 in input")
        dim = sizes[0]
        if input.ndim != other.ndim:
            raise RuntimeError("inconsistent tensors dimensions input and other")
    input, other = torch.broadcast_tensors(input, other)
    dim = wrapped(dim, input.ndim)
    if input.shape[dim] != 3:
        raise RuntimeError(f"dimension {dim} does not have size 3")
    if not input.numel():
        return written(input * other, out)
    one, two, three = ((input.narrow(dim, n, 1), other.narrow(dim, n, 1)) for n in range(3))
    pieces = [a * y - x * b for (a, b), (x, y) in ((two, three), (three, one), (one, two))]
    return written(torch.cat(pieces, dim), out)

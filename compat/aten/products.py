"""Products of matrices and vectors that are added to something (ATen's ``LinearAlgebra.cpp``)."""

import torch


def addmv(input, mat, vec, *, beta=1, alpha=1, out=None):
    """Return beta * input + alpha * (mat @ vec), of shape (n,) (torch.addmv).

    input broadcasts to (n,), mat is (n, m), vec is (m,). RuntimeError for other shapes.
    """
    answer = _added(input, torch.mv(mat, vec), beta, alpha)
    return answer if out is None else out.copy_(answer)


def _added(input, product, beta, alpha):
    product = product if alpha == 1 else product * alpha
    if beta == 0:  # whatever is in input, NaN included, does not count
        return product
    return product + (input if beta == 1 else input * beta)

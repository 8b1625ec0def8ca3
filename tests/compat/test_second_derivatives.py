"""Gradients of factorizations are made of operators, so that they can be differentiated again."""

import pytest

import oneflow_mock

CALLS = [
    "L.inv(a)",
    "L.det(a)",
    "L.slogdet(a)[1]",
    "L.cholesky(a @ a.mT + eye)",
    "L.solve(a, ones)",
    "L.solve_triangular(a, ones, upper=True)",
    "L.qr(a).R",
    "L.lu_factor(a).LU",
    "L.svdvals(a)",
    "L.eigvalsh(a + a.mT)",
    "L.pinv(a)",
    "L.vector_norm(a, 3)",
]


@pytest.mark.parametrize("call", CALLS)
def test_second_derivative_is_that_of_differences(call):
    with oneflow_mock.enable():
        import torch

        generator = torch.Generator().manual_seed(1)
        eye = torch.eye(3, dtype=torch.float64)
        start = torch.randn(3, 3, generator=generator, dtype=torch.float64) + 3 * eye
        names = {"L": torch.linalg, "eye": eye, "ones": torch.ones(3, 2, dtype=torch.float64)}

        def squared_slope(values):
            a = values.detach().requires_grad_(True)
            answer = eval(call, {**names, "a": a})
            (slope,) = torch.autograd.grad(answer.sum(), a, create_graph=True)
            return (slope * slope).sum(), a

        total, a = squared_slope(start)
        (found,) = torch.autograd.grad(total, a)
        step = 1e-5
        for row in range(3):
            for column in range(3):
                by = torch.zeros(3, 3, dtype=torch.float64)
                by[row, column] = step
                rise = squared_slope(start + by)[0].item() - squared_slope(start - by)[0].item()
                assert found[row, column].item() == pytest.approx(
                    rise / (2 * step), rel=1e-4, abs=1e-4
                )

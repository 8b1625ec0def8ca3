"""Indices and assignments that OneFlow lacks or has otherwise; the answers are PyTorch 2.13's."""

import numpy
import pytest

import oneflow_mock

#: (what is assigned to a (2, 3) tensor of zeros, what it holds then)
ASSIGNED = [
    ("x[1:, torch.tensor([[0, 1], [1, 2]])] += 1", [[0, 0, 0], [1, 1, 1]]),
    ("x[torch.tensor([[0, 1], [1, 0]])] = torch.ones(2, 2, 3)", [[1, 1, 1], [1, 1, 1]]),
    ("x[0] = torch.ones(1, 1, dtype=torch.int64)", [[1, 1, 1], [0, 0, 0]]),
    ("x[torch.tensor([False, True])] = torch.tensor(7)", [[0, 0, 0], [7, 7, 7]]),
    ("x[0:0] += 1", [[0, 0, 0], [0, 0, 0]]),
    ("x[numpy.bool_(True)] = 2", [[0, 0, 0], [2, 2, 2]]),
]

#: (the index of a (2, 3) tensor, the class)
REFUSED = [
    ("2**40", IndexError),
    ("2**32 + 1", IndexError),
    ("2**70", ValueError),
    ("slice(None, None, -1)", ValueError),
    ("(slice(None), slice(None, None, 0))", ValueError),
]


@pytest.mark.parametrize("statement, values", ASSIGNED)
def test_assignment(statement, values):
    with oneflow_mock.enable():
        import torch

        x = torch.zeros(2, 3)
        exec(statement, {"torch": torch, "numpy": numpy, "x": x})
        assert x.tolist() == values


@pytest.mark.parametrize("index, expected", REFUSED)
def test_refused(index, expected):
    with oneflow_mock.enable():
        import torch

        x = torch.zeros(2, 3)
        with pytest.raises(expected):
            x[eval(index)]
        with pytest.raises(expected):
            x[eval(index)] = 1
        assert x.tolist() == [[0, 0, 0], [0, 0, 0]]


def test_values_of_another_dtype_are_refused_at_positions():
    with oneflow_mock.enable():
        import torch

        with pytest.raises(RuntimeError):
            torch.zeros(2)[[0, 1]] = torch.tensor(7)


def test_rolled_by_more_than_32_bits():
    with oneflow_mock.enable():
        import torch

        assert torch.arange(3).roll(2**31).tolist() == [1, 2, 0]
        assert type(torch.gradient(torch.ones(3))) is tuple


def test_what_is_picked_can_be_viewed():
    with oneflow_mock.enable():
        import torch

        picked = torch.arange(6).reshape(2, 3)[:, [2, 0]]
        assert picked.view(-1).tolist() == [2, 0, 5, 3]
        assert torch.tensor(3)[torch.tensor(True)].tolist() == [3]


#: (what is done to y = x * 1 of shape (3, 3), the gradient of y's sum in x)
GRADIENTS = [
    ("y[:, [0, 2]] *= 2", [[2, 1, 2], [2, 1, 2], [2, 1, 2]]),
    ("y[[0, 2]] = y[[0, 2]] * 2", [[2, 2, 2], [1, 1, 1], [2, 2, 2]]),
    ("y[1:] *= 2", [[1, 1, 1], [2, 2, 2], [2, 2, 2]]),
    ("y[:, 0] *= 2", [[2, 1, 1], [2, 1, 1], [2, 1, 1]]),
    ("y[:, torch.tensor([0, 2])] = 5.0", [[0, 1, 0], [0, 1, 0], [0, 1, 0]]),
    ("y[y > 4] = 0.0", [[1, 1, 1], [1, 0, 0], [0, 0, 0]]),
]


@pytest.mark.parametrize("statement, gradient", GRADIENTS)
def test_gradients_of_what_is_not_assigned_to(statement, gradient):
    with oneflow_mock.enable():
        import torch

        x = torch.arange(1.0, 10.0).reshape(3, 3).requires_grad_()
        y = x * 1
        exec(statement, {"torch": torch, "y": y})
        y.sum().backward()
        assert x.grad.tolist() == gradient

"""What operators do in place: to which tensor, to which dtype, and what they refuse.

The answers are PyTorch 2.13's.
"""

import numpy
import pytest

import oneflow_mock

WHOLE = "torch.tensor([1, -2, 3])"
PARTS = "torch.tensor([1.0, -2.0, 3.0])"
DOUBLES = "torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)"

#: (the tensor, the statement, what the tensor holds then)
ANSWERS = [
    (WHOLE, "x **= 2", [1, 4, 9]),
    (WHOLE, "x <<= 2", [4, -8, 12]),
    (WHOLE, "x += numpy.int64(2)", [3, 0, 5]),
    (WHOLE, "x *= True", [1, -2, 3]),
    (WHOLE, "x.copy_(7)", [7, 7, 7]),
    (PARTS, f"x -= {DOUBLES}", [0.5, -3.0, 1.0]),
    (PARTS, f"x *= {DOUBLES}", [0.5, -2.0, 6.0]),
    (PARTS, f"x /= {DOUBLES}", [2.0, -2.0, 1.5]),
    (PARTS, f"x.add_({DOUBLES}, alpha=2)", [2.0, 0.0, 7.0]),
    (PARTS, "x.half().mul_(torch.tensor(2.0))", [1.0, -2.0, 3.0]),
    (PARTS, "x.add_(numpy.float32(2))", [3.0, 0.0, 5.0]),
    (PARTS, "x.sub_(torch.tensor([1, 1, 1]))", [0.0, -3.0, 2.0]),
]

#: (the tensor, the statement, how the RuntimeError begins)
REFUSED = [
    (WHOLE, "x.add_(torch.ones(3))", "result type Float can't be cast to the desired output type"),
    (WHOLE, "x += 1.5", "result type Float can't be cast"),
    (WHOLE, "x /= 2", "result type Float can't be cast"),
    (WHOLE, "x **= 2.5", "result type Float can't be cast"),
    (WHOLE, "x.exp_()", "result type Float can't be cast"),
    (WHOLE, "x.clamp_(0.5)", "result type Float can't be cast"),
    (WHOLE, "x *= 1j", "result type ComplexFloat can't be cast"),
    (WHOLE, "x - True", "Subtraction, the `-` operator, with a bool tensor is not supported"),
    ("torch.zeros(1, 3).expand(2, 3)", "x -= torch.ones(2, 3)", "unsupported operation: more than"),
    ("torch.zeros(1, 3).expand(2, 3)", "x.div_(torch.ones(3))", "unsupported operation: more than"),
]

#: (the expression, its list, its dtype)
VALUES = [
    ("2.5 - torch.tensor([4, 6], dtype=torch.uint8)", [-1.5, -3.5], "torch.float32"),
    ("1 << torch.tensor([0, 3])", [1, 8], "torch.int64"),
    ("torch.tensor([1, 2]) << 70", [0, 0], "torch.int64"),
    ("torch.tensor([1.0, 2.0]) == numpy.ones(2)", [True, False], "torch.bool"),
    ("torch.where(torch.tensor([True, False]), 1, numpy.float32(2))", [1.0, 2.0], "torch.float32"),
    ("(torch.tensor([1, 2]) * 1j).imag", [1.0, 2.0], "torch.float32"),
]


@pytest.mark.parametrize("tensor, statement, values", ANSWERS)
def test_the_tensor_itself_is_changed(tensor, statement, values):
    with oneflow_mock.enable():
        import torch

        names = {"torch": torch, "numpy": numpy}
        names["x"] = x = eval(tensor, names)
        exec(statement, names)
        assert names["x"] is x
        assert x.tolist() == values


@pytest.mark.parametrize("tensor, statement, message", REFUSED)
def test_what_the_tensor_cannot_hold_is_refused(tensor, statement, message):
    with oneflow_mock.enable():
        import torch

        names = {"torch": torch}
        names["x"] = x = eval(tensor, names)
        before = x.tolist()
        with pytest.raises(RuntimeError) as refused:
            exec(statement, names)
        assert str(refused.value).startswith(message)
        assert x.tolist() == before


@pytest.mark.parametrize("expression, values, dtype", VALUES)
def test_numbers_beside_tensors(expression, values, dtype):
    with oneflow_mock.enable():
        import torch

        answer = eval(expression, {"torch": torch, "numpy": numpy})
        assert answer.tolist() == values
        assert str(answer.dtype) == dtype


def test_gradients_use_the_values_before():
    with oneflow_mock.enable():
        import torch

        leaf = torch.tensor([2.0, 3.0], requires_grad=True)
        x = leaf * 1
        x **= 2
        x.sum().backward()
        assert leaf.grad.tolist() == [4.0, 6.0]

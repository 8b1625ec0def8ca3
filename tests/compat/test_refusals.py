"""What PyTorch refuses is refused, by the same class of exception, before anything is computed."""

import pytest

import oneflow_mock

SINGULAR = "linalg.inv: The diagonal element 1 is zero, the inversion could not be completed"
#: (the call, the class, how the message begins)
REFUSED = [
    ("torch.linalg.inv(torch.zeros(2, 2))", "torch.linalg.LinAlgError", SINGULAR),
    (
        "torch.linalg.inv(torch.zeros(2, 2, 2))",
        "torch.linalg.LinAlgError",
        "linalg.inv: (Batch element 0): The diagonal element 1 is zero",
    ),
    (
        "torch.linalg.cholesky(-torch.eye(2))",
        "torch.linalg.LinAlgError",
        "linalg.cholesky: The factorization could not be completed because the input is not "
        "positive-definite (the leading minor of order 1 is not positive-definite).",
    ),
    (
        "torch.linalg.solve(torch.zeros(2, 2), torch.ones(2))",
        "torch.linalg.LinAlgError",
        "torch.linalg.solve: The solver failed because the input matrix is singular.",
    ),
    (
        "torch.linalg.svd(torch.full((2, 2), float('nan')))",
        "torch.linalg.LinAlgError",
        "linalg.svd: The algorithm failed to converge because the input matrix contained "
        "non-finite values.",
    ),
    (
        "torch.linalg.det(torch.ones(2, 3))",
        "RuntimeError",
        "linalg.det: A must be batches of square matrices, but they are 2 by 3 matrices",
    ),
    (
        "torch.linalg.norm(torch.ones(2, 3, 4), 2)",
        "RuntimeError",
        "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got 3D.",
    ),
    (
        "torch.linalg.vector_norm(torch.ones(2, dtype=torch.int64))",
        "RuntimeError",
        "linalg.vector_norm: Expected a floating point or complex tensor as input. Got Long",
    ),
    (
        "torch.linalg.vector_norm(torch.ones(3, 2), dim=2)",
        "IndexError",
        "Dimension out of range (expected to be in range of [-2, 1], but got 2)",
    ),
    (
        "torch.linalg.inv(torch.ones(2, 2).half())",
        "RuntimeError",
        "linalg.inv: Low precision dtypes not supported. Got Half",
    ),
    ("torch.linalg.eigh(torch.ones(2, 2, dtype=torch.int64))", "NotImplementedError", ""),
    (
        "torch.linalg.cross(torch.ones(2), torch.ones(2))",
        "RuntimeError",
        "linalg.cross: inputs dimension -1 must have length 3. Got 2 and 2",
    ),
    (
        "torch.linalg.multi_dot([torch.ones(2, 2), torch.ones(3, 3)])",
        "RuntimeError",
        "multi_dot(): tensors 0 and 1 with shapes [2, 2] and [3, 3] cannot be multiplied",
    ),
    ("torch.linalg.matrix_power(torch.ones(2, 2), 2.0)", "TypeError", ""),
    (
        "torch.add(torch.arange(3), torch.arange(3), alpha=1.5)",
        "RuntimeError",
        "For integral input tensors, argument alpha must not be a floating point number.",
    ),
    (
        "torch.nn.functional.smooth_l1_loss(torch.ones(2), torch.ones(2), reduction='most')",
        "ValueError",
        "most is not a valid value for reduction",
    ),
    (
        "torch.add(torch.ones(3), torch.ones(3), alpha=True)",
        "RuntimeError",
        "Boolean alpha only supported for Boolean results.",
    ),
    (
        "torch.add(torch.ones(3), 1, out=torch.empty(3, dtype=torch.int64))",
        "RuntimeError",
        "result type Float can't be cast to the desired output type Long",
    ),
    ("torch.special.zeta(2, 3.0)", "TypeError", "special_zeta() received an invalid combination"),
    ("torch.special.gammainc(1, torch.ones(2))", "TypeError", "special_gammainc(): argument"),
    (
        "torch.special.polygamma(-1, torch.ones(2))",
        "RuntimeError",
        "polygamma(n, x) does not support negative n.",
    ),
    ("F.max_pool2d(torch.ones(1, 1, 4, 4), 2, padding=2)", "RuntimeError", ""),
    ("F.max_pool2d(torch.ones(1, 1, 4, 4), 2, padding=-1)", "RuntimeError", ""),
    ("F.max_pool2d(torch.ones(1, 1, 4), 2)", "RuntimeError", ""),
    ("F.avg_pool2d(torch.ones(1, 1, 4, 4), 2, 0)", "RuntimeError", ""),
    ("F.hardtanh(torch.ones(3), 1.0, -1.0)", "ValueError", "min_val cannot be greater"),
    ("F.huber_loss(torch.ones(3), torch.ones(3), delta=0)", "RuntimeError", "huber_loss does not"),
    ("F.rrelu(torch.ones(3), 0.3, 0.1)", "RuntimeError", "Lower bound should be less than"),
    ("F.prelu(torch.ones(2, 3), torch.ones(2))", "RuntimeError", "Mismatch of parameter numbers"),
    ("F.rms_norm(torch.ones(2, 3), ())", "RuntimeError", "Expected normalized_shape to be at"),
    ("F.embedding(torch.tensor([0]), torch.ones(1, 1, 1))", "RuntimeError", "'weight' must be"),
    ("F.fractional_max_pool2d(torch.ones(1, 4, 4), 2)", "ValueError", "fractional_max_pool2d req"),
    ("F.conv1d(torch.ones(1, 1, 4).long(), torch.ones(1, 1, 2))", "RuntimeError", ""),
]


@pytest.mark.parametrize(("call", "expected", "begins"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refusal(call, expected, begins):
    with oneflow_mock.enable():
        import torch

        names = {"torch": torch, "F": torch.nn.functional}
        with pytest.raises(eval(expected, names)) as refused:
            eval(call, names)
        assert str(refused.value).startswith(begins)


def test_linear_algebra_errors_are_runtime_errors():
    with oneflow_mock.enable():
        import torch

        assert issubclass(torch.linalg.LinAlgError, RuntimeError)
        assert torch.linalg.LinAlgError is torch._C._LinAlgError


def test_a_gradient_that_does_not_exist_is_refused_when_it_is_asked_for():
    with oneflow_mock.enable():
        import torch

        source = torch.ones(2, requires_grad=True)
        answer = torch.special.gammainc(source, torch.ones(2))
        with pytest.raises(NotImplementedError, match="derivative for 'igamma: input'"):
            answer.sum().backward()


#: What OneFlow ends the process for: failed checks, divisions by zero, what is no tensor.
FATAL = [
    ("torch.stack([torch.ones(2, 3), torch.tensor(1.0)])", "RuntimeError"),
    ("torch.stack([torch.ones(3), 3])", "TypeError"),
    ("torch.cat([torch.ones(3), [1]])", "TypeError"),
    ("torch.add(torch.ones(3), 'x')", "TypeError"),
    ("torch.meshgrid(torch.ones(3), None)", "TypeError"),
    ("torch.ones(3)['x']", "TypeError"),
    ("torch.ones(3, 3)[0, [torch.ones(2, 3), 5]]", "ValueError"),
    ("torch.ones(3)[torch.tensor(1.5):]", "TypeError"),
    ("torch.ones(3).view_as('x')", "TypeError"),
    ("torch.ones(3).reshape_as(None)", "TypeError"),
    ("torch.ones(3).reshape((3, 'x'))", "TypeError"),
    ("torch.ones(300).expand(20, 300).add_(1)", "RuntimeError"),
    ("torch.ones(3).expand(2, 3).zero_()", "RuntimeError"),
    ("torch.eye(4, 2**63 - 1)", "RuntimeError"),
    ("torch.empty(2**62, 2**5)", "RuntimeError"),
    ("torch.arange(1, 2**63 - 1, 2)", "RuntimeError"),
    ("torch.ones(3).clamp(object, torch.ones(3))", "TypeError"),
    ("F.conv1d(torch.ones(1, 4, 5), torch.ones(1, 4, 0))", "RuntimeError"),
    ("F.conv_transpose1d(torch.ones(1, 3, 4), torch.ones(3, 3, 3).half())", "RuntimeError"),
    ("F.grid_sample(torch.ones(2, 3, 5, 5), torch.ones(2, 5, 5, 2).long())", "RuntimeError"),
    ("F.max_pool1d(torch.ones(2, 3), 3, dilation=[1, 2, 3])", "RuntimeError"),
    ("F.max_unpool1d(torch.ones(1, 2, 1), torch.zeros(1, 2, 1), 3)", "RuntimeError"),
    ("F.pad(torch.ones(1, 1), [-1, -2, 1, 1])", "RuntimeError"),
    ("F.ctc_loss(torch.zeros(5, 2, 3), torch.ones(2, 4).long(), [5, 5], [4, -1])", "RuntimeError"),
    ("torch.ones(5, 5).index_add_(-1, torch.arange(5), torch.ones(0, 5, 5))", "RuntimeError"),
    ("torch.ones(3).index_add_(0, torch.tensor([0, 1]).byte(), torch.ones(2))", "RuntimeError"),
    ("torch.ones(3).index_add_(0, torch.tensor([2**40, 0]), torch.ones(2))", "IndexError"),
    ("torch.zeros(1, 4).expand(3, 4).sub_(torch.ones(3, 4))", "RuntimeError"),
    ("F.ctc_loss(torch.zeros(0, 4), *[torch.tensor(0)] * 3)", "RuntimeError"),
    ("F.ctc_loss(torch.zeros(3, 1, 4), torch.tensor([[2**40]]), [3], [1])", "RuntimeError"),
    ("F.adaptive_avg_pool2d(torch.ones(2, 3, 5), (2**31, 2**31))", "RuntimeError"),
    ("F.interpolate(torch.ones(2, 3, 4, 4), (2**31, 2**31))", "RuntimeError"),
    ("F.interpolate(torch.ones(2, 0, 4, 4), (2**31, 2**31))", "RuntimeError"),
    ("F.pad(torch.ones(2), (2**31, 2**31), 'replicate')", "NotImplementedError"),
]


def test_no_input_ends_the_process():
    with oneflow_mock.enable():
        import torch

        from oneflow_mock.compat import hooks

        if not hooks.kernels:
            pytest.skip("the native kernels see to it")
        names = {"torch": torch, "F": torch.nn.functional}
        for call, expected in FATAL:
            for _ in range(3):
                with pytest.raises(Exception) as refused:
                    eval(call, names)
                assert type(refused.value).__name__ == expected, call
        # Nothing that was going on is left as it was.
        source = torch.ones(3, requires_grad=True)
        (source * 2).sum().backward()
        assert source.grad.tolist() == [2.0, 2.0, 2.0]


def test_a_tensor_without_dimensions_goes_through_softmax():
    with oneflow_mock.enable():
        import torch

        assert torch.nn.Softmax(0)(torch.tensor(3.0)).item() == 1.0
        assert torch.nn.LogSoftmax(0)(torch.tensor(3.0)).item() == 0.0
        assert torch.log_softmax(torch.ones(5, 0), 0).shape == (5, 0)

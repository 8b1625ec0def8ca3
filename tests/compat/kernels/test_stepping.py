"""An optimizer's steps come out alike over NumPy blocks, OneFlow's tensors, in the native kernels
and in half precision.
"""

import numpy as np
import pytest

import oneflow_mock
from oneflow_mock import kernel_library

KINDS = {
    "SGD": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    "Adam": {"amsgrad": True, "lr": 0.01},
    "AdamW": {"lr": 0.01},
    "RMSprop": {"momentum": 0.5},
    "Adagrad": {},
    "Adadelta": {},
    "Adamax": {},
    "NAdam": {},
    "RAdam": {"lr": 0.1},
    "ASGD": {"t0": 2},
    "Rprop": {},
}


def stepped(kind, options, dtype="float32", transposed=False):
    """Return a parameter after ten steps."""
    import torch

    numbers = np.random.RandomState(0)
    start = torch.from_numpy(numbers.randn(4, 6).astype("float32")).to(getattr(torch, dtype))
    param = torch.nn.Parameter(start.t() if transposed else start)
    optimizer = getattr(torch.optim, kind)([param], **options)
    for _ in range(10):
        grad = torch.from_numpy(numbers.randn(4, 6).astype("float32"))
        param.grad = (grad.t() if transposed else grad).to(param.dtype)
        optimizer.step()
    values = param.detach().float().numpy()
    return values.T if transposed else values


@pytest.fixture(scope="module", autouse=True)
def _mocked():
    with oneflow_mock.enable():
        yield


def through(monkeypatch, large):
    """Send parameters from this size on through NumPy."""
    from oneflow_mock.compat import hooks
    from oneflow_mock.compat.kernels import stepping

    monkeypatch.setattr(hooks, "library", None)
    monkeypatch.setattr(stepping, "_LARGE", large)
    monkeypatch.setattr(stepping, "_BLOCK", 5)


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_and_tensors_agree(kind, monkeypatch):
    through(monkeypatch, 0)
    by_blocks = stepped(kind, KINDS[kind])
    strided = stepped(kind, KINDS[kind], transposed=True)
    through(monkeypatch, 10**9)
    by_tensors = stepped(kind, KINDS[kind])
    np.testing.assert_allclose(by_blocks, by_tensors, rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(by_blocks, strided, rtol=2e-6, atol=1e-6)


@pytest.mark.skipif(not kernel_library.usable(), reason="the native kernels are not built")
@pytest.mark.parametrize("kind", KINDS)
def test_kernels_and_blocks_agree(kind, monkeypatch):
    natively = stepped(kind, KINDS[kind])
    strided = stepped(kind, KINDS[kind], transposed=True)
    exact = stepped(kind, KINDS[kind], "float64")
    through(monkeypatch, 0)
    by_blocks = stepped(kind, KINDS[kind])
    np.testing.assert_allclose(natively, by_blocks, rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(natively, strided, rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(exact, stepped(kind, KINDS[kind], "float64"), rtol=2e-6, atol=1e-6)


@pytest.mark.skipif(not kernel_library.usable(), reason="the native kernels are not built")
def test_what_the_kernels_refuse_is_still_stepped():
    import torch

    params = [torch.nn.Parameter(torch.ones(4, 6)), torch.nn.Parameter(torch.ones(6, 4))]
    params[0].grad = torch.full((6, 4), 2.0).t()  # in another order than the parameter
    params[1].grad = torch.full((6, 4), 2.0)
    torch.optim.SGD(params, lr=0.25).step()
    assert [param.detach().numpy().tolist() for param in params] == [
        [[0.5] * 6] * 4,
        [[0.5] * 4] * 6,
    ]


@pytest.mark.parametrize("natively", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_gradients_are_clipped(natively, dtype, monkeypatch):
    import torch

    if dtype == "bfloat16" and not kernel_library.usable():
        pytest.skip("OneFlow itself does not multiply bfloat16 on a CPU")
    if not natively:
        through(monkeypatch, 0)
    params = [torch.nn.Parameter(torch.zeros(size, dtype=getattr(torch, dtype))) for size in (9, 7)]
    for param in params:
        param.grad = torch.full(param.shape, 2.0).to(param.dtype)
    total = torch.nn.utils.clip_grad_norm_(params, 1.0)
    assert total.dtype == params[0].dtype
    assert float(total.float()) == pytest.approx(8.0, rel=1e-2)
    for param in params:
        np.testing.assert_allclose(param.grad.float().numpy(), 0.25, rtol=1e-2)
    torch.nn.utils.clip_grad_norm_(params, 100.0)
    np.testing.assert_allclose(params[0].grad.float().numpy(), 0.25, rtol=1e-2)


@pytest.mark.parametrize("kind", ["SGD", "AdamW", "RMSprop"])
def test_half_precision_follows(kind, monkeypatch):
    exact = stepped(kind, KINDS[kind])
    halved = stepped(kind, KINDS[kind], "bfloat16")
    np.testing.assert_allclose(halved, exact, rtol=0.05, atol=0.05)
    assert np.abs(halved - exact).max() > 0

"""An optimizer's steps come out alike over NumPy blocks, OneFlow's tensors and half precision."""

import numpy as np
import pytest

import oneflow_mock

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
    from oneflow_mock.compat.kernels import stepping

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


@pytest.mark.parametrize("kind", ["SGD", "AdamW", "RMSprop"])
def test_half_precision_follows(kind, monkeypatch):
    exact = stepped(kind, KINDS[kind])
    halved = stepped(kind, KINDS[kind], "bfloat16")
    np.testing.assert_allclose(halved, exact, rtol=0.05, atol=0.05)
    assert np.abs(halved - exact).max() > 0

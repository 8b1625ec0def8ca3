"""Modules that take their sizes from the first input."""

import pytest

import oneflow_mock


@pytest.fixture()
def torch():
    with oneflow_mock.enable():
        import torch

        yield torch


def test_a_network_takes_its_sizes_from_the_input(torch):
    nn = torch.nn
    net = nn.Sequential(
        nn.LazyConv2d(8, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2, bias=False)
    )
    assert net(torch.ones(2, 3, 6, 6)).shape == (2, 2)
    assert [type(module) for module in net] == [nn.Conv2d, nn.BatchNorm2d, nn.Flatten, nn.Linear]
    assert net[3].weight.shape == (2, 128)
    assert net[1].running_mean.shape == (8,)


def test_draws_what_the_plain_module_draws(torch):
    torch.manual_seed(0)
    plain = torch.nn.Conv1d(4, 6, 2, groups=2)
    lazy = torch.nn.LazyConv1d(6, 2, groups=2)
    torch.manual_seed(0)
    lazy(torch.ones(1, 4, 5))
    assert torch.equal(lazy.weight, plain.weight)
    assert torch.equal(lazy.bias, plain.bias)


def test_loading_gives_the_sizes(torch):
    plain = torch.nn.Linear(4, 3)
    lazy = torch.nn.LazyLinear(3)
    lazy.load_state_dict(plain.state_dict())
    assert not lazy.has_uninitialized_params()
    assert torch.equal(lazy.weight, plain.weight)
    with pytest.raises(RuntimeError):
        torch.nn.Linear(4, 3).load_state_dict(torch.nn.LazyLinear(3).state_dict())


def test_every_norm_takes_a_bias_and_a_dtype(torch):
    for name in ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "InstanceNorm2d"):
        norm = getattr(torch.nn, name)(3, affine=True, bias=False, dtype=torch.float64)
        assert norm.bias is None
        assert norm.weight.dtype == torch.float64

"""Names of torch that are made of others: in place, removed by PyTorch, spelled as in ATen."""

import pytest

import oneflow_mock


@pytest.fixture()
def torch():
    with oneflow_mock.enable():
        import torch

        yield torch


def test_in_place_function_is_the_method_and_returns_its_tensor(torch):
    tensor = torch.tensor([1.0, -1.0])
    assert torch.relu_(tensor) is tensor
    assert tensor.tolist() == [1.0, 0.0]
    assert torch.exp_(input=tensor) is tensor


def test_only_what_exists_is_there_in_place(torch):
    assert hasattr(torch, "selu_")
    assert not hasattr(torch, "cat_")
    assert not hasattr(torch, "resize_as_sparse_")
    assert not hasattr(torch, "_foreach_mm_")


def test_functional_and_torch_share_what_is_one_function(torch):
    for name in ("conv2d", "pixel_shuffle", "hardshrink", "prelu", "bilinear"):
        assert getattr(torch, name) is getattr(torch.nn.functional, name)


@pytest.mark.parametrize("name", ["eig", "symeig", "matrix_rank"])
def test_removed_functions_say_what_to_call_instead(torch, name):
    with pytest.raises(RuntimeError, match=r"removed(.|\n)*torch\.linalg"):
        getattr(torch, name)(torch.eye(2))


def test_lists_of_other_lengths_are_refused(torch):
    with pytest.raises(RuntimeError, match="same number of tensors, got 1 and 2"):
        torch._foreach_add([torch.ones(1)], [torch.ones(1), torch.ones(1)])

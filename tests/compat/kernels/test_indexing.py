"""A position out of range raises, with the native kernels and without, and harms nothing."""

import numpy as np
import pytest

import oneflow_mock
from oneflow_mock import kernel_library

#: (a call with a position out of range, the error, part of its message)
BAD = {
    "F.embedding(torch.tensor([0, 5]), x(5, 3))": (IndexError, "index out of range in self"),
    "F.embedding(torch.tensor([-1]), x(5, 3))": (IndexError, "index out of range in self"),
    "F.embedding(torch.tensor([9]), x(5, 3), padding_idx=1)": (IndexError, "out of range"),
    "torch.nn.Embedding(5, 3)(torch.tensor([[7]]))": (IndexError, "out of range"),
    "x(5, 3).index_select(0, torch.tensor([5]))": (IndexError, "out of range in self"),
    "torch.index_select(x(5, 3), 1, torch.tensor([-4]))": (IndexError, "out of range in self"),
    "x(5, 3).gather(1, torch.tensor([[3]]))": (RuntimeError, "index 3 is out of bounds"),
    "torch.gather(x(5, 3), 0, torch.tensor([[-1]]))": (RuntimeError, "index -1 is out of bounds"),
    "x(5, 3).scatter(1, torch.tensor([[4]]), 1.0)": (RuntimeError, "dimension 1 with size 3"),
    "x(5, 3).scatter_(1, torch.tensor([[4]]), x(1, 1))": (RuntimeError, "out of bounds"),
    "x(5, 3).scatter_add(0, torch.tensor([[5]]), x(1, 1))": (RuntimeError, "out of bounds"),
    "x(5, 3).scatter_add_(0, torch.tensor([[5]]), x(1, 1))": (RuntimeError, "out of bounds"),
    "x(5, 3).index_add(0, torch.tensor([5]), x(1, 3))": (IndexError, "out of range"),
    "x(5, 3).index_add_(0, torch.tensor([5]), x(1, 3))": (IndexError, "out of range"),
    "x(5, 3)[torch.tensor([5])]": (IndexError, "index 5 is out of bounds for dimension 0"),
    "x(5, 3)[torch.tensor([-6])]": (IndexError, "index -6 is out of bounds for dimension 0"),
    "x(5, 3)[torch.tensor([1]), torch.tensor([3])]": (IndexError, "dimension 1 with size 3"),
    "x(5, 3).__setitem__(torch.tensor([5]), 1.0)": (IndexError, "index 5 is out of bounds"),
    "torch.take_along_dim(x(5, 3), torch.tensor([[3]]), 1)": (RuntimeError, "out of bounds"),
    "F.one_hot(torch.tensor([3]), 3)": (RuntimeError, "smaller than num_classes"),
}
#: What OneFlow's own operators answer without a complaint.
SILENT = ("F.one_hot(torch.tensor([3]), 3)",)


@pytest.fixture(autouse=True)
def _mocked():
    with oneflow_mock.enable():
        yield


def x(*shape):
    import torch

    return torch.from_numpy(np.random.RandomState(0).uniform(-1, 1, shape).astype("float32"))


@pytest.mark.parametrize("natively", [True, False])
@pytest.mark.parametrize("text", BAD)
def test_a_position_out_of_range_raises(text, natively, monkeypatch):
    import torch
    import torch.nn.functional as F

    from oneflow_mock.compat import hooks

    if natively and not kernel_library.usable():
        pytest.skip("the native kernels are not built")
    if not natively:
        monkeypatch.setattr(hooks, "library", None)
        if text in SILENT:
            pytest.skip("OneFlow's own operators do not look")
    kind, words = BAD[text]
    with pytest.raises(kind, match=words):
        eval(text, {"torch": torch, "F": F, "x": x})
    # Nothing of it is left for the next call.
    assert torch.equal(x(5, 3)[torch.tensor([4])], x(5, 3)[4:])


def test_sums_by_position_never_change():
    import torch

    table = torch.zeros(7, 40)
    numbers = np.random.RandomState(1)
    index = torch.from_numpy(numbers.randint(0, 7, 3000))
    rows = torch.from_numpy(numbers.randn(3000, 40).astype("float32"))
    first = table.index_add(0, index, rows).numpy()
    for count in (1, 2, 3):
        torch.set_num_threads(count)
        assert np.array_equal(table.index_add(0, index, rows).numpy(), first)


@pytest.mark.parametrize("value", [2.5, 0])
def test_a_view_is_filled_and_nothing_beside_it(value):

    whole = x(5, 6)
    wanted = whole.numpy().copy()
    wanted[::2, 1:5:3] = value
    part = whole[::2, 1:5:3]
    assert (part.fill_(value) if value else part.zero_()) is part
    assert np.array_equal(whole.numpy(), wanted)


def test_where_takes_two_dtypes():
    import torch

    chosen = torch.where(
        torch.tensor([True, False]), torch.tensor([1, 2]), torch.tensor([0.5, 1.5])
    )
    assert chosen.dtype == torch.float32
    assert chosen.tolist() == [1.0, 1.5]
    half = torch.ones(2, dtype=torch.float16)
    assert torch.where(half > 0, half, torch.tensor(2.0)).dtype == torch.float16

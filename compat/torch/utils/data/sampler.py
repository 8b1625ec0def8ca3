"""torch.utils.data.sampler: samplers that go through the data in PyTorch's order."""

from __future__ import annotations

import oneflow as flow
from oneflow.utils.data import sampler as _engine

from oneflow_mock.compat.kernels.generator import Generator
from oneflow_mock.compat.kernels.random import multinomial, randint, randperm

Sampler = _engine.Sampler


def _check_number(num_samples):
    if isinstance(num_samples, bool) or not isinstance(num_samples, int) or num_samples <= 0:
        raise ValueError(
            f"num_samples should be a positive integer value, but got num_samples={num_samples}"
        )


class RandomSampler(_engine.RandomSampler):
    """Goes through the data in random order, or draws from it with replacement."""

    def __init__(self, data_source, replacement=False, num_samples=None, generator=None):
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(self.replacement, bool):
            raise TypeError(
                f"replacement should be a boolean value, but got replacement={self.replacement}"
            )
        _check_number(self.num_samples)

    def __iter__(self):
        size = len(self.data_source)
        generator = self.generator
        if generator is None:
            seed = int(flow.empty((), dtype=flow.int64).random_().item())
            generator = Generator().manual_seed(seed)
        if self.replacement:
            for _ in range(self.num_samples // 32):
                yield from randint(high=size, size=(32,), generator=generator).numpy().tolist()
            rest = self.num_samples % 32
            yield from randint(high=size, size=(rest,), generator=generator).numpy().tolist()
        else:
            for _ in range(self.num_samples // size):
                yield from randperm(size, generator=generator).numpy().tolist()
            order = randperm(size, generator=generator).numpy().tolist()
            yield from order[: self.num_samples % size]


class SubsetRandomSampler(_engine.SubsetRandomSampler):
    """Goes through a list of indices in random order."""

    def __iter__(self):
        order = randperm(len(self.indices), generator=self.generator).numpy()
        for i in order.tolist():
            yield self.indices[i]


class WeightedRandomSampler(Sampler):
    """Draws indices by weight."""

    def __init__(self, weights, num_samples, replacement=True, generator=None):
        _check_number(num_samples)
        if not isinstance(replacement, bool):
            raise ValueError(
                f"replacement should be a boolean value, but got replacement={replacement}"
            )
        tensor = flow.as_tensor(weights, dtype=flow.float64)
        if tensor.ndim != 1:
            raise ValueError(
                "weights should be a 1d sequence but given weights have shape "
                f"{tuple(tensor.shape)}"
            )
        self.weights = tensor
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self):
        drawn = multinomial(
            self.weights, self.num_samples, self.replacement, generator=self.generator
        )
        yield from drawn.numpy().tolist()

    def __len__(self):
        return self.num_samples

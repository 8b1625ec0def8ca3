"""torch.utils.data.distributed: each rank's share of the data, shuffled in PyTorch's order."""

from __future__ import annotations

from oneflow.utils.data import distributed as _engine

from oneflow_mock.compat.kernels.generator import Generator
from oneflow_mock.compat.kernels.random import randperm


class DistributedSampler(_engine.DistributedSampler):
    """Goes through one rank's part of the data."""

    def __iter__(self):
        if not self.shuffle:
            return super().__iter__()
        generator = Generator().manual_seed(self.seed + self.epoch)
        order = randperm(len(self.dataset), generator=generator).numpy().tolist()
        if self.drop_last:
            order = order[: self.total_size]
        while len(order) < self.total_size:
            order += order[: self.total_size - len(order)]
        return iter(order[self.rank : self.total_size : self.num_replicas])

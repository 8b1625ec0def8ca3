"""Modules on several devices or in several processes: of one, they are the module itself."""

from __future__ import annotations

from torch.nn.parallel.data_parallel import DataParallel, data_parallel  # noqa: F401
from torch.nn.parallel.distributed import DistributedDataParallel  # noqa: F401

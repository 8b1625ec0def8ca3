"""torch.utils.data.dataloader: OneFlow's loader with PyTorch's arguments, order and seeds."""

from __future__ import annotations

import multiprocessing

import oneflow as flow
from oneflow.utils.data import dataloader as _engine
from torch.utils.data.sampler import RandomSampler

from oneflow_mock.compat import hooks

_BaseDataLoaderIter = _engine._BaseDataLoaderIter


class _Seeded:
    """An iterator that seeds its workers as PyTorch's does, from the loader's generator."""

    def __init__(self, loader):
        self._loader_generator = loader.generator
        super().__init__(loader)

    @property
    def _base_seed(self):
        return self._drawn_seed

    @_base_seed.setter
    def _base_seed(self, ignored):
        drawn = flow.empty((), dtype=flow.int64).random_(generator=self._loader_generator)
        self._drawn_seed = int(drawn.item())


class _SingleProcessDataLoaderIter(_Seeded, _engine._SingleProcessDataLoaderIter):
    pass


class _MultiProcessingDataLoaderIter(_Seeded, _engine._MultiProcessingDataLoaderIter):
    pass


def _context(given, num_workers):
    """Return the multiprocessing context of a name or of itself; PyTorch's errors for others."""
    if given is None:
        return None
    if num_workers == 0:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading (num_workers > "
            f"0), but got num_workers={num_workers}"
        )
    if isinstance(given, str):
        methods = multiprocessing.get_all_start_methods()
        if given not in methods:
            raise ValueError(
                f"multiprocessing_context option should specify a valid start method in "
                f"{methods!r}, but got multiprocessing_context={given!r}"
            )
        return flow.multiprocessing.get_context(given)
    if not isinstance(given, multiprocessing.context.BaseContext):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string "
            f"specifying the start method, but got multiprocessing_context={given}"
        )
    return given


class DataLoader(_engine.DataLoader):
    """Loads batches of a data set, in this process or by workers."""

    def __init__(
        self,
        dataset,
        batch_size=1,
        shuffle=None,
        sampler=None,
        batch_sampler=None,
        num_workers=0,
        collate_fn=None,
        pin_memory=False,
        drop_last=False,
        timeout=0,
        worker_init_fn=None,
        multiprocessing_context=None,
        generator=None,
        *,
        prefetch_factor=None,
        persistent_workers=False,
        pin_memory_device="",
        in_order=True,
    ):
        if num_workers == 0 and prefetch_factor is not None:
            raise ValueError(
                "prefetch_factor option could only be specified in multiprocessing.let num_workers "
                "> 0 to enable multiprocessing, otherwise set prefetch_factor to None."
            )
        if prefetch_factor is not None and prefetch_factor < 0:
            raise ValueError("prefetch_factor option should be non-negative")
        if persistent_workers and num_workers == 0:
            raise ValueError("persistent_workers option needs num_workers > 0")
        if not in_order:
            hooks.no_effect("torch.utils.data.DataLoader", "in_order")
        shuffle = bool(shuffle)
        if shuffle and sampler is None and batch_sampler is None:
            shuffle, sampler = self._shuffled(dataset, generator)
        super().__init__(
            dataset,
            batch_size,
            shuffle,
            sampler,
            batch_sampler,
            num_workers,
            collate_fn,
            pin_memory,
            drop_last,
            timeout,
            worker_init_fn,
            _context(multiprocessing_context, num_workers),
            generator,
            prefetch_factor=2 if prefetch_factor is None else prefetch_factor,
        )
        # OneFlow starts workers that persist here and now, PyTorch when they are first needed.
        self.__dict__["persistent_workers"] = persistent_workers
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.pin_memory_device = pin_memory_device
        self.in_order = in_order

    @staticmethod
    def _shuffled(dataset, generator):
        """Return what stands for ``shuffle=True``: PyTorch's sampler, where data can be indexed."""
        if isinstance(dataset, _engine.IterableDataset):
            return True, None  # refused with PyTorch's words
        return False, RandomSampler(dataset, generator=generator)

    def _get_iterator(self):
        if self.num_workers == 0:
            return _SingleProcessDataLoaderIter(self)
        self.check_worker_number_rationality()
        return _MultiProcessingDataLoaderIter(self)

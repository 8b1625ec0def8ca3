"""Storages: the flat memory behind tensors."""

from __future__ import annotations

from oneflow_mock.compat.kernels.storage import (  # noqa: F401
    LegacyStorage as _LegacyStorage,
)
from oneflow_mock.compat.kernels.storage import (
    TypedStorage,
    UntypedStorage,
    _load_from_bytes,  # noqa: F401  (pickles name it)
    dtype_of_name,
    warn_of_typed_storage,
)

__all__ = ["TypedStorage", "UntypedStorage"]

_StorageBase = UntypedStorage


def _get_dtype_from_pickle_storage_type(pickle_storage_type: str):
    return dtype_of_name(pickle_storage_type)


def _warn_typed_storage_removal(stacklevel=2) -> None:
    warn_of_typed_storage()

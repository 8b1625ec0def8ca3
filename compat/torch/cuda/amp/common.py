"""Whether mixed precision on CUDA can be had."""

from __future__ import annotations

from oneflow_mock.compat.kernels.devices import cuda_count

__all__ = ["amp_definitely_not_available"]


def amp_definitely_not_available() -> bool:
    """Tell whether there is no CUDA device."""
    return not cuda_count()

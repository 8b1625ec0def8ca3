"""What libraries take from PyTorch's C++ module."""

from __future__ import annotations

from oneflow_mock.compat.kernels.generator import Generator, default_generator  # noqa: F401


class _LinAlgError(RuntimeError):
    """A matrix that cannot be factorized: singular, not positive definite, not finite."""


def _log_api_usage_once(event: str) -> None:
    """Do nothing: nobody counts."""


def _get_privateuse1_backend_name() -> str:
    """Return PyTorch's default."""
    return "privateuseone"


def _cuda_isInBadFork() -> bool:
    """Tell whether CUDA was used before this process was forked."""
    import torch

    return torch.cuda._is_in_bad_fork()


def _cuda_getDeviceCount() -> int:
    """Return how many CUDA devices there are."""
    from oneflow_mock.compat.kernels.devices import cuda_count

    return cuda_count()

"""``torch.backends.cudnn``: its settings, and whether OneFlow can use cuDNN on a device."""

from __future__ import annotations

import oneflow as flow

from oneflow_mock.compat.kernels import flags as _flags
from oneflow_mock.compat.kernels.devices import cuda_count

__all__ = [
    "enabled",
    "deterministic",
    "benchmark",
    "benchmark_limit",
    "allow_tf32",
    "conv",
    "rnn",
    "fp32_precision",
    "flags",
    "set_flags",
    "is_available",
    "version",
    "is_acceptable",
    "CUDNN_TENSOR_DTYPES",
]

enabled = True
deterministic = False
benchmark = False
benchmark_limit = None
allow_tf32 = True
fp32_precision = "none"
conv = _flags.Precision("tf32")
rnn = _flags.Precision("tf32")
CUDNN_TENSOR_DTYPES = {flow.float16, flow.float32, flow.float64}


def is_available() -> bool:
    """Tell whether there is a CUDA device: OneFlow does not load without cuDNN."""
    return cuda_count() > 0


def version():
    """Return the number of the cuDNN that OneFlow 0.9.0 is built for; None without a device."""
    return 8500 if is_available() else None


def is_acceptable(tensor) -> bool:
    """Tell whether cuDNN takes a tensor."""
    return is_available() and enabled and tensor.is_cuda and tensor.dtype in CUDNN_TENSOR_DTYPES


def set_flags(
    _enabled=None,
    _benchmark=None,
    _benchmark_limit=None,
    _deterministic=None,
    _allow_tf32=None,
    _fp32_precision="none",
):
    """Set several at once; return what they were, in PyTorch's order."""
    before = _flags.swap(
        __name__,
        {
            "enabled": _enabled,
            "benchmark": _benchmark,
            "benchmark_limit": _benchmark_limit,
            "deterministic": _deterministic,
            "allow_tf32": _allow_tf32,
            "fp32_precision": _fp32_precision,
        },
    )
    return tuple(before.values())


def flags(
    enabled=False,
    benchmark=False,
    benchmark_limit=10,
    deterministic=False,
    allow_tf32=True,
    fp32_precision="none",
):
    """Set them for a block."""
    return _flags.swapped(
        __name__,
        {
            "enabled": enabled,
            "benchmark": benchmark,
            "benchmark_limit": benchmark_limit,
            "deterministic": deterministic,
            "allow_tf32": allow_tf32,
            "fp32_precision": fp32_precision,
        },
    )

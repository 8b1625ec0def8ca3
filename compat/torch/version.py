"""What build of PyTorch this claims to be."""

from __future__ import annotations

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels.devices import cuda_count

__all__ = ["__version__", "debug", "cuda", "git_version", "hip", "rocm", "xpu"]

__version__ = hooks.torch_version
debug = False
#: OneFlow 0.9.0's libraries are CUDA 11.7's; without a device this is a PyTorch for the CPU.
cuda = "11.7" if cuda_count() else None
git_version = "0" * 40
hip = None
rocm = None
xpu = None

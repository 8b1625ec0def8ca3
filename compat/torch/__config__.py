"""How this was built."""

from __future__ import annotations

import oneflow as flow
import torch


def show() -> str:
    """Return what computes: OneFlow, under PyTorch's name."""
    return f"PyTorch {torch.__version__}, mocked\n  - OneFlow {flow.__version__}\n"


def parallel_info() -> str:
    """Return how many threads compute."""
    return (
        f"ATen/Parallel:\n\tat::get_num_threads() : {torch.get_num_threads()}\n"
        f"\tat::get_num_interop_threads() : {torch.get_num_interop_threads()}\n"
    )

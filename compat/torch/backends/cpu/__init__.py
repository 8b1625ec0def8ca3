"""``torch.backends.cpu``."""

from __future__ import annotations

import torch.cpu


def get_cpu_capability() -> str:
    """Return the widest vector instructions of this CPU, as PyTorch names them."""
    if torch.cpu._is_avx512_supported():
        return "AVX512"
    return "AVX2" if torch.cpu._is_avx2_supported() else "DEFAULT"

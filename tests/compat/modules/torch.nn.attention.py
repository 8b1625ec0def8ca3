# ruff: noqa: F401
# The cases are expressions, one a line.
"""Which attention kernels may be used."""

import torch
from show import show_all
from torch.nn.attention import SDPBackend, sdpa_kernel


def inside(backends):
    """Return which kernels may be used in a block."""
    with sdpa_kernel(backends):
        cuda = torch.backends.cuda
        return cuda.flash_sdp_enabled(), cuda.math_sdp_enabled(), cuda.mem_efficient_sdp_enabled()


show_all(
    r"""
list(SDPBackend.__members__), SDPBackend.MATH, int(SDPBackend.FLASH_ATTENTION)
inside([SDPBackend.MATH]), inside(SDPBackend.FLASH_ATTENTION), inside([])
torch.backends.cuda.flash_sdp_enabled(), torch.backends.cuda.math_sdp_enabled()
sdpa_kernel("x").__enter__()
""",
    {**globals()},
)

"""torch.nn.modules.pixelshuffle: what OneFlow lacks of it."""

import oneflow as flow

import torch.nn.functional as F


class PixelUnshuffle(flow.nn.Module):
    """Rearrange (*, C, H r, W r) to (*, C r², H, W) (torch.nn.PixelUnshuffle)."""

    __constants__ = ["downscale_factor"]

    def __init__(self, downscale_factor):
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input):
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self):
        return f"downscale_factor={self.downscale_factor}"

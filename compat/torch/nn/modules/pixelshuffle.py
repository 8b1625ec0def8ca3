"""torch.nn.modules.pixelshuffle: what OneFlow lacks of it."""

import oneflow as flow
import torch.nn.functional as F


class PixelShuffle(flow.nn.Module):
    """Rearrange (*, C r², H, W) to (*, C, H r, W r) (torch.nn.PixelShuffle)."""

    __constants__ = ["upscale_factor"]

    def __init__(self, upscale_factor):
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input):
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self):
        return f"upscale_factor={self.upscale_factor}"


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

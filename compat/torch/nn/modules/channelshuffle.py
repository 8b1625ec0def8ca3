"""torch.nn.modules.channelshuffle: channels of several groups interleaved."""

import torch.nn.functional as F
from torch.nn import Module


class ChannelShuffle(Module):
    """Interleave the channels of groups (torch.nn.ChannelShuffle)."""

    __constants__ = ["groups"]

    def __init__(self, groups):
        super().__init__()
        self.groups = groups

    def forward(self, input):
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self):
        return f"groups={self.groups}"

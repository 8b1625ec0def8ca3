"""torch.nn.modules.loss: what OneFlow lacks of it."""

import torch.nn.functional as F
from oneflow.nn.modules.loss import _Loss


class HuberLoss(_Loss):
    """Squared within ``delta``, linear beyond (torch.nn.HuberLoss)."""

    __constants__ = ["reduction", "delta"]

    def __init__(self, reduction="mean", delta=1.0):
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input, target):
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)

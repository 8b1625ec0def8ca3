"""torch.nn.modules.dropout: what OneFlow lacks of it."""

import torch.nn.functional as F
from oneflow.nn.modules.dropout import _DropoutNd


class AlphaDropout(_DropoutNd):
    """Dropout that keeps mean and variance of SELU's outputs (torch.nn.AlphaDropout)."""

    def forward(self, input):
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """`AlphaDropout` of whole channels (torch.nn.FeatureAlphaDropout)."""

    def forward(self, input):
        return F.feature_alpha_dropout(input, self.p, self.training)

"""torch.nn.modules.linear: what OneFlow lacks of it, and the keywords its Linear lacks."""

import math

import oneflow as flow
import torch
import torch.nn.functional as F
from oneflow.nn.modules.linear import Linear

from oneflow_mock.compat import hooks


def _forward(self, input):
    return F.linear(input, self.weight, self.bias)


hooks.patch(Linear, "forward", _forward)


class NonDynamicallyQuantizableLinear(Linear):
    """The Linear inside MultiheadAttention."""


class Bilinear(flow.nn.Module):
    """x1ᵀ A x2 + b for (*, in1) and (*, in2), giving (*, out) (torch.nn.Bilinear)."""

    def __init__(
        self, in1_features, in2_features, out_features, bias=True, device=None, dtype=None
    ):
        super().__init__()
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        dtype = dtype or flow.get_default_dtype()
        weight = flow.empty(out_features, in1_features, in2_features, device=device, dtype=dtype)
        self.weight = flow.nn.Parameter(weight)
        made = flow.nn.Parameter(flow.empty(out_features, device=device, dtype=dtype))
        self.register_parameter("bias", made if bias else None)
        self.reset_parameters()

    def reset_parameters(self):
        """Draw weight and bias from U(-1/√in1, 1/√in1)."""
        bound = 1 / math.sqrt(self.weight.shape[1])
        torch.nn.init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            torch.nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, input1, input2):
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self):
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )

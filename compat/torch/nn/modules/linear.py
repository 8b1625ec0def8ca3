"""torch.nn.modules.linear: what OneFlow lacks of it, and the keywords its Linear lacks."""

import math

import oneflow as flow
import torch
import torch.nn.functional as F
from oneflow.nn.modules.linear import Linear
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import UninitializedParameter

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import creation


class _Methods:
    """What OneFlow's Linear is given in the place of its own."""

    def __init__(self, in_features, out_features, bias=True, device=None, dtype=None):
        super(Linear, self).__init__()
        self.in_features = in_features
        self.out_features = out_features
        shape = (out_features, in_features)
        self.weight = flow.nn.Parameter(creation.empty(shape, device=device, dtype=dtype))
        if bias:
            made = creation.empty(out_features, device=device, dtype=dtype)
            self.bias = flow.nn.Parameter(made)
        else:
            self.register_parameter("bias", None)
        self.use_fused_matmul_bias = False  # OneFlow's own forward asks for it
        self.reset_parameters()

    def reset_parameters(self):
        """Draw weight and bias from U(-k, k), k = 1/√(fan in)."""
        torch.nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = torch.nn.init._calculate_fan_in_and_fan_out(self.weight)
            bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0
            torch.nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, input):
        return F.linear(input, self.weight, self.bias)


hooks.patch_methods(Linear, _Methods)


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


class LazyLinear(LazyModuleMixin, Linear):
    """A Linear that takes its in_features from the first input (torch.nn.LazyLinear)."""

    cls_to_become = Linear

    def __init__(self, out_features, bias=True, device=None, dtype=None):
        super().__init__(0, 0, False)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self):
        if not self.has_uninitialized_params() and self.in_features:
            super().reset_parameters()

    def initialize_parameters(self, input):
        if self.has_uninitialized_params():
            with torch.no_grad():
                self.in_features = input.shape[-1]
                self.weight.materialize((self.out_features, self.in_features))
                if self.bias is not None:
                    self.bias.materialize((self.out_features,))
                self.reset_parameters()
        if self.in_features == 0:
            if input.shape[-1] != self.weight.shape[-1]:
                raise AssertionError(
                    f"The in_features inferred from input: {input.shape[-1]} is not equal to "
                    f"in_features from self.weight: {self.weight.shape[-1]}"
                )
            self.in_features = input.shape[-1]

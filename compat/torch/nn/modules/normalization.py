"""torch.nn.modules.normalization: OneFlow's classes, on norms composed for the CPU."""

import oneflow as flow
import torch.nn.functional as F
from oneflow.nn.modules import normalization as engine

from oneflow_mock.compat import hooks


def _group_norm(self, input):
    return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)


def _layer_norm(self, input):
    return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)


def _show_group_norm(self):
    return (
        f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
        f"bias={self.bias is not None}"
    )


def _show_layer_norm(self):
    return (
        f"{tuple(self.normalized_shape)}, eps={self.eps}, "
        f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
    )


hooks.patch(engine.GroupNorm, "extra_repr", _show_group_norm)
hooks.patch(engine.LayerNorm, "extra_repr", _show_layer_norm)
hooks.patch(engine.GroupNorm, "forward", _group_norm)
hooks.patch(engine.LayerNorm, "forward", _layer_norm)
_make_layer_norm = engine.LayerNorm.__init__


def _init_layer_norm(
    self,
    normalized_shape,
    eps=1e-05,
    elementwise_affine=True,
    bias=True,
    device=None,
    dtype=None,
):
    _make_layer_norm(self, normalized_shape, eps, elementwise_affine)
    if elementwise_affine and not bias:
        self.register_parameter("bias", None)
    if device is not None or dtype is not None:
        self.to(device=device, dtype=dtype)


hooks.patch(engine.LayerNorm, "__init__", _init_layer_norm)


class RMSNorm(flow.nn.Module):
    """Divide by the root mean square over the last dimensions (torch.nn.RMSNorm)."""

    __constants__ = ["normalized_shape", "eps", "elementwise_affine"]

    def __init__(
        self, normalized_shape, eps=None, elementwise_affine=True, device=None, dtype=None
    ):
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else normalized_shape
        self.normalized_shape = tuple(shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        if elementwise_affine:
            ones = flow.ones(*self.normalized_shape, device=device, dtype=dtype or flow.float32)
            self.weight = flow.nn.Parameter(ones)
        else:
            self.register_parameter("weight", None)

    def reset_parameters(self):
        """Set the weight to ones."""
        if self.elementwise_affine:
            flow.nn.init.ones_(self.weight)

    def forward(self, x):
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self):
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


class LocalResponseNorm(flow.nn.Module):
    """Divide by a power of the mean square of neighbouring channels (torch.nn)."""

    __constants__ = ["size", "alpha", "beta", "k"]

    def __init__(self, size, alpha=0.0001, beta=0.75, k=1.0):
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input):
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self):
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"

"""torch.nn.modules.batchnorm: OneFlow's classes with PyTorch's keywords, checks and averages."""

import oneflow as flow
import torch.nn.functional as F
from oneflow.nn.modules import batchnorm as engine
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from oneflow_mock.compat import hooks


def _show(self):
    return (
        f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
        f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
    )


_make = engine._NormBase.__init__


def _init(
    self,
    num_features,
    eps=1e-05,
    momentum=0.1,
    affine=True,
    track_running_stats=True,
    device=None,
    dtype=None,
    *,
    bias=True,
):
    _make(self, num_features, eps, momentum, affine, track_running_stats)
    self.channel_axis = 1
    if not bias:
        self.register_parameter("bias", None)
    if device is not None or dtype is not None:
        self.to(device=device, dtype=dtype)


def _reset_parameters(self):
    """Set the weights to one, the biases to zero, and forget the running statistics."""
    self.reset_running_stats()
    if self.affine:
        flow.nn.init.ones_(self.weight)
        if self.bias is not None:
            flow.nn.init.zeros_(self.bias)


def _forward(self, input):
    self._check_input_dim(input)
    factor = 0.0 if self.momentum is None else self.momentum
    tracked = self.training and self.track_running_stats
    if tracked and self.num_batches_tracked is not None:
        self.num_batches_tracked.add_(1)
        if self.momentum is None:
            factor = 1.0 / float(self.num_batches_tracked)
    known = not self.training or self.track_running_stats
    return F.batch_norm(
        input,
        self.running_mean if known else None,
        self.running_var if known else None,
        self.weight,
        self.bias,
        self.training or (self.running_mean is None and self.running_var is None),
        factor,
        self.eps,
    )


hooks.patch(engine._NormBase, "__init__", _init)
hooks.patch(engine._NormBase, "extra_repr", _show)
hooks.patch(engine._NormBase, "reset_parameters", _reset_parameters)
hooks.patch(engine._NormBase, "_version", 2)
hooks.patch(engine._BatchNorm, "__init__", _init)
hooks.patch(engine._BatchNorm, "forward", _forward)


def _checking(kind, dims, text):
    def _check_input_dim(self, input):
        if input.ndim not in dims:
            raise ValueError(f"expected {text} input (got {input.ndim}D input)")

    hooks.patch(kind, "_check_input_dim", _check_input_dim)


if "__init__" in vars(engine.BatchNorm2d):  # which takes no bias
    hooks.patch(engine.BatchNorm2d, "__init__", _init)
_checking(engine.BatchNorm1d, (2, 3), "2D or 3D")
_checking(engine.BatchNorm2d, (4,), "4D")
_checking(engine.BatchNorm3d, (5,), "5D")


class _LazyNormBase(LazyModuleMixin, engine._NormBase):
    """What lazy norms have in common: the channels of the first input are theirs."""

    def __init__(
        self,
        eps=1e-5,
        momentum=0.1,
        affine=True,
        track_running_stats=True,
        device=None,
        dtype=None,
        *,
        bias=True,
    ):
        super().__init__(0, eps, momentum, False, False, device, dtype, bias=False)
        self.affine = affine
        self.track_running_stats = track_running_stats
        if affine:
            self.weight = UninitializedParameter(device=device, dtype=dtype)
            if bias:
                self.bias = UninitializedParameter(device=device, dtype=dtype)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(device=device, dtype=dtype)
            self.running_var = UninitializedBuffer(device=device, dtype=dtype)
            self.num_batches_tracked = flow.tensor(0, dtype=flow.int64, device=device)

    def reset_parameters(self):
        if not self.has_uninitialized_params() and self.num_features:
            super().reset_parameters()

    def initialize_parameters(self, input):
        if not self.has_uninitialized_params():
            return
        self.num_features = input.shape[1]
        for one in (self.weight, self.bias, self.running_mean, self.running_var):
            if one is not None:
                one.materialize((self.num_features,))
        self.reset_parameters()


class LazyBatchNorm1d(_LazyNormBase, engine.BatchNorm1d):
    """A BatchNorm1d that takes its num_features from the first input."""

    cls_to_become = engine.BatchNorm1d


class LazyBatchNorm2d(_LazyNormBase, engine.BatchNorm2d):
    """A BatchNorm2d that takes its num_features from the first input."""

    cls_to_become = engine.BatchNorm2d


class LazyBatchNorm3d(_LazyNormBase, engine.BatchNorm3d):
    """A BatchNorm3d that takes its num_features from the first input."""

    cls_to_become = engine.BatchNorm3d

"""torch.nn.modules.instancenorm: OneFlow's classes, with running statistics."""

import warnings

import torch.nn.functional as F
from oneflow.nn.modules import instancenorm as engine
from torch.nn.modules import batchnorm

from oneflow_mock.compat import hooks

_DIMS = {1: engine.InstanceNorm1d, 2: engine.InstanceNorm2d, 3: engine.InstanceNorm3d}
_make = batchnorm._NormBase.__init__


def _init(
    self,
    num_features,
    eps=1e-05,
    momentum=0.1,
    affine=False,
    track_running_stats=False,
    device=None,
    dtype=None,
    *,
    bias=True,
):
    statistics = (momentum, affine, track_running_stats)
    _make(self, num_features, eps, *statistics, device, dtype, bias=bias)


def _get_no_batch_dim(self):
    return next(dims + 1 for dims, kind in _DIMS.items() if isinstance(self, kind))


def _apply_instance_norm(self, input):
    momentum = self.momentum if self.momentum is not None else 0.0
    return F.instance_norm(
        input,
        self.running_mean,
        self.running_var,
        self.weight,
        self.bias,
        self.training or not self.track_running_stats,
        momentum,
        self.eps,
    )


def _handle_no_batch_input(self, input):
    return self._apply_instance_norm(input.unsqueeze(0)).squeeze(0)


def _forward(self, input):
    self._check_input_dim(input)
    channels = input.ndim - self._get_no_batch_dim()
    if input.shape[channels] != self.num_features:
        if self.affine:
            raise ValueError(
                f"expected input's size at dim={channels} to match num_features "
                f"({self.num_features}), but got: {input.shape[channels]}."
            )
        warnings.warn(
            f"input's size at dim={channels} does not match num_features. You can silence this "
            "warning by not passing in num_features, which is not used because affine=False",
            stacklevel=3,
        )
    if channels == 0:
        return self._handle_no_batch_input(input)
    return self._apply_instance_norm(input)


for _name, _value in {
    "__init__": _init,
    "_apply_instance_norm": _apply_instance_norm,
    "_get_no_batch_dim": _get_no_batch_dim,
    "_handle_no_batch_input": _handle_no_batch_input,
    "forward": _forward,
}.items():
    hooks.patch(engine._InstanceNorm, _name, _value)


def _checking(dims, kind):
    def _check_input_dim(self, input):
        if input.ndim not in (dims + 1, dims + 2):
            raise ValueError(f"expected {dims + 1}D or {dims + 2}D input (got {input.ndim}D input)")

    hooks.patch(kind, "_check_input_dim", _check_input_dim)


for _dims, _kind in _DIMS.items():
    _checking(_dims, _kind)


class LazyInstanceNorm1d(batchnorm._LazyNormBase, engine.InstanceNorm1d):
    """An InstanceNorm1d that takes its num_features from the first input."""

    cls_to_become = engine.InstanceNorm1d


class LazyInstanceNorm2d(batchnorm._LazyNormBase, engine.InstanceNorm2d):
    """An InstanceNorm2d that takes its num_features from the first input."""

    cls_to_become = engine.InstanceNorm2d


class LazyInstanceNorm3d(batchnorm._LazyNormBase, engine.InstanceNorm3d):
    """An InstanceNorm3d that takes its num_features from the first input."""

    cls_to_become = engine.InstanceNorm3d

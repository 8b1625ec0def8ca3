"""torch.nn.modules.padding: padding as modules, all by F.pad."""

import torch.nn.functional as F
from torch.nn import Module


class _Pad(Module):
    """Padding by one way of filling."""

    __constants__ = ["padding"]
    _MODE = "constant"
    _DIMS = 1

    def __init__(self, padding):
        super().__init__()
        sides = 2 * self._DIMS
        self.padding = (padding,) * sides if isinstance(padding, int) else tuple(padding)

    def forward(self, input):
        return F.pad(input, self.padding, self._MODE)

    def extra_repr(self):
        return f"{self.padding}"


class _CircularPadNd(_Pad):
    """Padding by the other end."""

    _MODE = "circular"

    def forward(self, input):
        self._check_input_dim(input)
        return super().forward(input)

    def _check_input_dim(self, input):
        low, high = self._DIMS + 1, self._DIMS + 2
        if input.ndim not in (low, high):
            raise ValueError(f"expected {low}D or {high}D input (got {input.ndim}D input)")


class CircularPad1d(_CircularPadNd):
    """Padding by the other end (torch.nn.CircularPad1d)."""


class CircularPad2d(_CircularPadNd):
    """Padding by the other end (torch.nn.CircularPad2d)."""

    _DIMS = 2


class CircularPad3d(_CircularPadNd):
    """Padding by the other end (torch.nn.CircularPad3d)."""

    _DIMS = 3


class _ConstantPadNd(_Pad):
    """Padding by a number."""

    __constants__ = ["padding", "value"]

    def __init__(self, padding, value):
        super().__init__(padding)
        self.value = value

    def forward(self, input):
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self):
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """Padding by a number (torch.nn.ConstantPad1d)."""


class ConstantPad2d(_ConstantPadNd):
    """Padding by a number (torch.nn.ConstantPad2d)."""

    _DIMS = 2


class ConstantPad3d(_ConstantPadNd):
    """Padding by a number (torch.nn.ConstantPad3d)."""

    _DIMS = 3


class ZeroPad1d(ConstantPad1d):
    """Padding by zeros (torch.nn.ZeroPad1d)."""

    def __init__(self, padding):
        super().__init__(padding, 0.0)

    extra_repr = _Pad.extra_repr


class ZeroPad2d(ConstantPad2d):
    """Padding by zeros (torch.nn.ZeroPad2d)."""

    def __init__(self, padding):
        super().__init__(padding, 0.0)

    extra_repr = _Pad.extra_repr


class ZeroPad3d(ConstantPad3d):
    """Padding by zeros (torch.nn.ZeroPad3d)."""

    def __init__(self, padding):
        super().__init__(padding, 0.0)

    extra_repr = _Pad.extra_repr


class _ReflectionPadNd(_Pad):
    """Padding by the mirror image."""

    _MODE = "reflect"


class ReflectionPad1d(_ReflectionPadNd):
    """Padding by the mirror image (torch.nn.ReflectionPad1d)."""


class ReflectionPad2d(_ReflectionPadNd):
    """Padding by the mirror image (torch.nn.ReflectionPad2d)."""

    _DIMS = 2


class ReflectionPad3d(_ReflectionPadNd):
    """Padding by the mirror image (torch.nn.ReflectionPad3d)."""

    _DIMS = 3


class _ReplicationPadNd(_Pad):
    """Padding by the edge."""

    _MODE = "replicate"


class ReplicationPad1d(_ReplicationPadNd):
    """Padding by the edge (torch.nn.ReplicationPad1d)."""


class ReplicationPad2d(_ReplicationPadNd):
    """Padding by the edge (torch.nn.ReplicationPad2d)."""

    _DIMS = 2


class ReplicationPad3d(_ReplicationPadNd):
    """Padding by the edge (torch.nn.ReplicationPad3d)."""

    _DIMS = 3

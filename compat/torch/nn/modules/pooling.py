"""torch.nn.modules.pooling: pooling as modules, on the functions' checks and keywords."""

import torch.nn.functional as F
from torch.nn import Module

from oneflow_mock.compat.kernels.pooling import listed


def _dims(module):
    """Return how many dimensions a module pools over, by its name."""
    return int(type(module)._DIMS)


def _tuple(value, dims):
    return tuple(listed(value, dims))


class _MaxPoolNd(Module):
    """The largest of each window."""

    __constants__ = ["kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode"]

    def __init__(
        self,
        kernel_size,
        stride=None,
        padding=0,
        dilation=1,
        return_indices=False,
        ceil_mode=False,
    ):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def extra_repr(self):
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )

    def forward(self, input):
        return getattr(F, f"max_pool{_dims(self)}d")(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )


class MaxPool1d(_MaxPoolNd):
    """The largest of each window (torch.nn.MaxPool1d)."""

    _DIMS = 1


class MaxPool2d(_MaxPoolNd):
    """The largest of each window (torch.nn.MaxPool2d)."""

    _DIMS = 2


class MaxPool3d(_MaxPoolNd):
    """The largest of each window (torch.nn.MaxPool3d)."""

    _DIMS = 3


class _MaxUnpoolNd(Module):
    """Maxima put back to their places."""

    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        dims = _dims(self)
        self.kernel_size = _tuple(kernel_size, dims)
        self.stride = _tuple(kernel_size if stride is None else stride, dims)
        self.padding = _tuple(padding, dims)

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"

    def forward(self, input, indices, output_size=None):
        unpool = getattr(F, f"max_unpool{_dims(self)}d")
        return unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool1d(_MaxUnpoolNd):
    """Maxima put back to their places (torch.nn.MaxUnpool1d)."""

    _DIMS = 1


class MaxUnpool2d(_MaxUnpoolNd):
    """Maxima put back to their places (torch.nn.MaxUnpool2d)."""

    _DIMS = 2


class MaxUnpool3d(_MaxUnpoolNd):
    """Maxima put back to their places (torch.nn.MaxUnpool3d)."""

    _DIMS = 3


class _AvgPoolNd(Module):
    """The mean of each window."""

    __constants__ = ["kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"]

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPoolNd):
    """The mean of each window (torch.nn.AvgPool1d)."""

    def __init__(
        self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True
    ):
        super().__init__()
        self.kernel_size = _tuple(kernel_size, 1)
        self.stride = _tuple(kernel_size if stride is None else stride, 1)
        self.padding = _tuple(padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input):
        return F.avg_pool1d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
        )


class _DividedPool(_AvgPoolNd):
    """The mean of each window, or its sum over a divisor."""

    def __init__(
        self,
        kernel_size,
        stride=None,
        padding=0,
        ceil_mode=False,
        count_include_pad=True,
        divisor_override=None,
    ):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input):
        return getattr(F, f"avg_pool{_dims(self)}d")(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class AvgPool2d(_DividedPool):
    """The mean of each window (torch.nn.AvgPool2d)."""

    _DIMS = 2


class AvgPool3d(_DividedPool):
    """The mean of each window (torch.nn.AvgPool3d)."""

    _DIMS = 3


class _LPPoolNd(Module):
    """The p-norm of each window."""

    __constants__ = ["norm_type", "kernel_size", "stride", "ceil_mode"]

    def __init__(self, norm_type, kernel_size, stride=None, ceil_mode=False):
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def extra_repr(self):
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )

    def forward(self, input):
        pool = getattr(F, f"lp_pool{_dims(self)}d")
        return pool(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool1d(_LPPoolNd):
    """The p-norm of each window (torch.nn.LPPool1d)."""

    _DIMS = 1


class LPPool2d(_LPPoolNd):
    """The p-norm of each window (torch.nn.LPPool2d)."""

    _DIMS = 2


class LPPool3d(_LPPoolNd):
    """The p-norm of each window (torch.nn.LPPool3d)."""

    _DIMS = 3


class _AdaptiveMaxPoolNd(Module):
    """The largest of windows of a number."""

    __constants__ = ["output_size", "return_indices"]

    def __init__(self, output_size, return_indices=False):
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def extra_repr(self):
        return f"output_size={self.output_size}"

    def forward(self, input):
        pool = getattr(F, f"adaptive_max_pool{_dims(self)}d")
        return pool(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """The largest of windows of a number (torch.nn.AdaptiveMaxPool1d)."""

    _DIMS = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """The largest of windows of a number (torch.nn.AdaptiveMaxPool2d)."""

    _DIMS = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """The largest of windows of a number (torch.nn.AdaptiveMaxPool3d)."""

    _DIMS = 3


class _AdaptiveAvgPoolNd(Module):
    """Means of windows that give a size."""

    __constants__ = ["output_size"]

    def __init__(self, output_size):
        super().__init__()
        self.output_size = output_size

    def extra_repr(self):
        return f"output_size={self.output_size}"

    def forward(self, input):
        return getattr(F, f"adaptive_avg_pool{_dims(self)}d")(input, self.output_size)


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """Means of windows that give a size (torch.nn.AdaptiveAvgPool1d)."""

    _DIMS = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """Means of windows that give a size (torch.nn.AdaptiveAvgPool2d)."""

    _DIMS = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """Means of windows that give a size (torch.nn.AdaptiveAvgPool3d)."""

    _DIMS = 3


class _FractionalMaxPoolNd(Module):
    """The largest of windows whose places are drawn."""

    __constants__ = ["kernel_size", "return_indices", "output_size", "output_ratio"]

    def __init__(
        self,
        kernel_size,
        output_size=None,
        output_ratio=None,
        return_indices=False,
        _random_samples=None,
    ):
        super().__init__()
        dims = _dims(self)

        def sizes(value):
            return value if isinstance(value, (list, tuple)) else (value,) * dims

        name = type(self).__name__
        self.kernel_size = sizes(kernel_size)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else sizes(output_size)
        self.output_ratio = None if output_ratio is None else sizes(output_ratio)
        if output_size is None and output_ratio is None:
            raise ValueError(
                f"{name} requires specifying either an output size, or a pooling ratio"
            )
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        if output_ratio is not None and not all(0 < ratio < 1 for ratio in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input):
        return getattr(F, f"fractional_max_pool{_dims(self)}d")(
            input,
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            _random_samples=self._random_samples,
        )


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """The largest of windows whose places are drawn (torch.nn.FractionalMaxPool2d)."""

    _DIMS = 2


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """The largest of windows whose places are drawn (torch.nn.FractionalMaxPool3d)."""

    _DIMS = 3

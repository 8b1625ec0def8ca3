"""``torch.layout``, ``torch.memory_format`` and ``torch.qscheme``: names that have no state.

OneFlow has one layout and one order of memory; what a program passes is accepted where it changes
only the strides, and the rest is refused where it is used.
"""

from __future__ import annotations


class _Named:
    __slots__ = ("_name",)

    def __init__(self, *args):
        raise TypeError(f"cannot create 'torch.{type(self).__qualname__}' instances")

    def __repr__(self) -> str:
        return f"torch.{self._name}"

    def __reduce__(self):
        return self._name

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


class layout(_Named):
    """How a tensor's elements are stored."""

    __slots__ = ()

    def __reduce__(self):  # the form in which PyTorch's files hold it
        import torch.serialization

        return torch.serialization._get_layout, (repr(self),)


class memory_format(_Named):
    """Which dimension of a tensor runs fastest in memory."""

    __slots__ = ()


class qscheme(_Named):
    """How a quantized tensor maps integers to numbers."""

    __slots__ = ()


BY_NAME = {}

for _kind, _names in (
    (layout, "strided sparse_coo sparse_csr sparse_csc sparse_bsr sparse_bsc _mkldnn jagged"),
    (memory_format, "contiguous_format channels_last channels_last_3d preserve_format"),
    (
        qscheme,
        "per_tensor_affine per_channel_affine per_tensor_symmetric per_channel_symmetric "
        "per_channel_affine_float_qparams",
    ),
):
    _kind.__module__ = "torch"
    for _name in _names.split():
        BY_NAME[_name] = _kind.__new__(_kind)
        BY_NAME[_name]._name = _name

strided = BY_NAME["strided"]
contiguous_format = BY_NAME["contiguous_format"]
channels_last = BY_NAME["channels_last"]
channels_last_3d = BY_NAME["channels_last_3d"]
preserve_format = BY_NAME["preserve_format"]


def channels_last_strides(shape, format):
    """Return the strides of a tensor of a shape in one of the channels-last formats."""
    ndim = 4 if format is channels_last else 5
    if len(shape) != ndim:
        raise RuntimeError(f"required rank {ndim} tensor to use {format._name} format")
    strides = [0] * ndim
    step = 1
    for dim in (1, *range(ndim - 1, 1, -1), 0):
        strides[dim] = step
        step *= max(shape[dim], 1)
    return tuple(strides)

"""``torch.dtype`` and what a tensor says of its own."""

from __future__ import annotations

import oneflow as flow

from oneflow_mock.compat.kernels import dtypes


def install(patches) -> None:
    """Let OneFlow's dtype class print and pickle as PyTorch's, and tell what PyTorch's tells."""
    for name, value in {
        "__module__": "torch",
        "__repr__": dtypes.repr_of,
        "__str__": dtypes.repr_of,
        "__reduce__": dtypes.name_of,
        "itemsize": property(dtypes.itemsize),
        "abbr": property(lambda self: dtypes.traits(self).abbr),
        "to_real": dtypes.to_real,
        "to_complex": dtypes.to_complex,
        "is_complex": property(dtypes.is_complex),
        "is_signed": property(dtypes.is_signed),
    }.items():
        patches.set(flow.dtype, name, value)


def _is_complex(self) -> bool:
    """Tell whether the dtype is complex."""
    return self.dtype.is_complex


def _is_signed(self) -> bool:
    """Tell whether the dtype has negative numbers."""
    return self.dtype.is_signed


METHODS = {
    "is_complex": _is_complex,
    "is_signed": _is_signed,
    "itemsize": property(lambda self: dtypes.itemsize(self.dtype)),
}

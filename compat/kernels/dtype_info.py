"""The limits of PyTorch's number types, those included that OneFlow cannot hold."""

from __future__ import annotations

import oneflow as flow

#: bits, resolution, eps, smallest normal, largest, smallest (None: minus the largest)
_FLOATS = {
    "float16": (16, 1e-3, 2.0**-10, 2.0**-14, 65504.0, None),
    "bfloat16": (16, 1e-2, 2.0**-7, 2.0**-126, float.fromhex("0x1.fep+127"), None),
    "float32": (32, 1e-6, 2.0**-23, 2.0**-126, float.fromhex("0x1.fffffep+127"), None),
    "float64": (64, 1e-15, 2.0**-52, 2.0**-1022, float.fromhex("0x1.fffffffffffffp+1023"), None),
    "float8_e4m3fn": (8, 1.0, 2.0**-3, 2.0**-6, 448.0, None),
    "float8_e5m2": (8, 1.0, 2.0**-2, 2.0**-14, 57344.0, None),
    "float8_e4m3fnuz": (8, 1.0, 2.0**-3, 2.0**-7, 240.0, None),
    "float8_e5m2fnuz": (8, 1.0, 2.0**-3, 2.0**-15, 57344.0, None),
    "float8_e8m0fnu": (8, 1.0, 1.0, 2.0**-127, 2.0**127, 2.0**-127),
}
_PARTS = {"complex32": "float16", "complex64": "float32", "complex128": "float64"}
_INTEGERS = {
    "uint8": (8, False),
    "int8": (8, True),
    "int16": (16, True),
    "int32": (32, True),
    "int64": (64, True),
    "uint16": (16, False),
    "uint32": (32, False),
    "uint64": (64, False),
}


def dtype_name(dtype, asker: str) -> str:
    """Return ``float32`` for a dtype, or for the stand-in of one that OneFlow lacks."""
    if isinstance(dtype, flow.dtype):
        return str(dtype).rpartition(".")[2]
    api = getattr(dtype, "__placeholder__", "")
    name = api.rpartition(".")[2]
    if name in _FLOATS or name in _PARTS or name in _INTEGERS:
        return name
    raise TypeError(
        f"{asker}(): argument 'type' (position 1) must be torch.dtype, not {type(dtype).__name__}"
    )


class finfo:
    """The limits of a floating point type; of the parts of a complex one."""

    __slots__ = ("bits", "resolution", "eps", "tiny", "smallest_normal", "max", "min", "dtype")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, type=None) -> None:
        name = dtype_name(flow.get_default_dtype() if type is None else type, "finfo")
        name = _PARTS.get(name, name)
        if name not in _FLOATS:
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle "
                "'torch.finfo'"
            )
        bits, resolution, eps, tiny, largest, smallest = _FLOATS[name]
        self.dtype = name
        self.bits = bits
        self.resolution = resolution
        self.eps = eps
        self.tiny = self.smallest_normal = tiny
        self.max = largest
        self.min = -largest if smallest is None else smallest

    def __eq__(self, other):
        return isinstance(other, finfo) and self.dtype == other.dtype

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, "
            f"eps={self.eps:g}, smallest_normal={self.tiny:g}, tiny={self.tiny:g}, "
            f"dtype={self.dtype})"
        )


class iinfo:
    """The limits of an integer type."""

    __slots__ = ("bits", "max", "min", "dtype")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, type) -> None:
        name = dtype_name(type, "iinfo")
        if name == "bool":
            raise TypeError("torch.bool is not supported by torch.iinfo")
        if name not in _INTEGERS:
            raise TypeError(
                "torch.iinfo() requires an integer input type. Use torch.finfo to handle "
                "'torch.iinfo'"
            )
        bits, signed = _INTEGERS[name]
        self.dtype = name
        self.bits = bits
        self.min = -(2 ** (bits - 1)) if signed else 0
        self.max = 2 ** (bits - 1) - 1 if signed else 2**bits - 1

    def __eq__(self, other):
        return isinstance(other, iinfo) and self.dtype == other.dtype

    def __repr__(self) -> str:
        return f"iinfo(min={float(self.min):g}, max={float(self.max):g}, dtype={self.dtype})"


finfo.__module__ = iinfo.__module__ = "torch"

"""PyTorch's number types: OneFlow's own, and stand-ins for those that it lacks.

A stand-in is an instance of ``torch.dtype`` that can be compared, hashed, printed and pickled, so
that tables of dtypes build; making a tensor of one is refused by name.
"""

from __future__ import annotations

import oneflow as flow

from oneflow_mock.compat import hooks

_BASE = flow.dtype
_base_str = _BASE.__str__


class _Traits:
    __slots__ = ("abbr", "category", "itemsize", "name", "scalar", "signed")

    def __init__(self, name, itemsize, category, signed, scalar, abbr) -> None:
        self.name = name
        self.itemsize = itemsize
        #: "bool", "int", "float", "complex", "quantized" or "bits"
        self.category = category
        #: None where PyTorch refuses to say.
        self.signed = signed
        #: What C++ calls it, which PyTorch's errors say.
        self.scalar = scalar
        self.abbr = abbr


def _rows():
    yield "bool", 1, "bool", False, "Bool", "b8"
    for bits, scalar in ((8, "Char"), (16, "Short"), (32, "Int"), (64, "Long")):
        yield f"int{bits}", bits // 8, "int", True, scalar, f"i{bits}"
    for bits, scalar in ((8, "Byte"), (16, "UInt16"), (32, "UInt32"), (64, "UInt64")):
        yield f"uint{bits}", bits // 8, "int", False, scalar, f"u{bits}"
    yield "float16", 2, "float", True, "Half", "f16"
    yield "bfloat16", 2, "float", True, "BFloat16", "bf16"
    yield "float32", 4, "float", True, "Float", "f32"
    yield "float64", 8, "float", True, "Double", "f64"
    yield "complex32", 4, "complex", True, "ComplexHalf", "c32"
    yield "complex64", 8, "complex", True, "ComplexFloat", "c64"
    yield "complex128", 16, "complex", True, "ComplexDouble", "c128"
    for kind in ("e4m3fn", "e4m3fnuz", "e5m2", "e5m2fnuz"):
        yield f"float8_{kind}", 1, "float", True, f"Float8_{kind}", f"f8{kind}"
    yield "float8_e8m0fnu", 1, "float", False, "Float8_e8m0fnu", "f8e8m0fnu"
    yield "float4_e2m1fn_x2", 1, "float", True, "Float4_e2m1fn_x2", "f4e2m1fnx2"
    for bits in range(1, 8):
        yield f"uint{bits}", 1, "int", False, f"UInt{bits}", f"uint{bits}"
        yield f"int{bits}", 1, "int", True, f"Int{bits}", f"int{bits}"
    for name, size, scalar in (
        ("quint8", 1, "QUInt8"),
        ("qint8", 1, "QInt8"),
        ("qint32", 4, "QInt32"),
        ("quint4x2", 1, "QUInt4x2"),
        ("quint2x4", 1, "QUInt2x4"),
    ):
        yield name, size, "quantized", None, scalar, name
    for name in ("bits1x8", "bits2x4", "bits4x2", "bits8", "bits16"):
        abbr = name.replace("bits", "b") if "x" in name else name.replace("bits", "b") + "x1"
        yield name, 2 if name == "bits16" else 1, "bits", None, name.capitalize(), abbr


_traits = {row[0]: _Traits(*row) for row in _rows()}


class _StandIn(_BASE):
    """A dtype that OneFlow has no kernels for, or does not know at all."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        # Something OneFlow can hold, though not compute with: its own way from a pickle.
        _BASE.__setstate__(self, _RECORD)
        self._name = name

    def __eq__(self, other):
        return self is other

    def __ne__(self, other):
        return self is not other

    def __hash__(self):
        return id(self) >> 4

    def __repr__(self) -> str:
        return f"torch.{self._name}"

    __str__ = __repr__

    @property
    def is_floating_point(self):
        return traits(self).category == "float"

    @property
    def is_complex(self):
        return traits(self).category == "complex"

    @property
    def is_signed(self):
        found = traits(self)
        if found.category == "quantized":
            raise RuntimeError("isSignedType not supported for quantized types")
        if found.category == "bits":
            raise RuntimeError("Bits types are undefined")
        return found.signed


_RECORD = 8
_StandIn.__name__ = _StandIn.__qualname__ = "dtype"
_StandIn.__module__ = "torch"

#: What OneFlow names, and with the native kernels has tensors of: PyTorch's name → OneFlow's.
#: Its operators crash on tensors of its complex128, so that one goes by another name (kernel.h).
_NATIVE = {name: name for name in ("int16", "uint16", "uint32", "uint64", "complex64")}
_NATIVE["complex128"] = "int128"
#: Of floats of one byte OneFlow has not even the names: two more are taken (dtypes.h).
_NATIVE["float8_e4m3fn"] = "uint128"
_NATIVE["float8_e5m2"] = "complex32"


def _dtype(name):
    found = getattr(flow, name, None)
    if found is None and name in _NATIVE and "retyped" in hooks.native:
        found = getattr(flow._oneflow_internal, _NATIVE[name])
    return found if isinstance(found, _BASE) else _StandIn(name)


#: PyTorch's name → the dtype.
BY_NAME = {name: _dtype(name) for name in _traits}
_COMPLEX128 = BY_NAME["complex128"]
#: The floats of one byte that OneFlow has tensors of.
EIGHTHS = tuple(
    BY_NAME[name]
    for name in ("float8_e4m3fn", "float8_e5m2")
    if type(BY_NAME[name]) is not _StandIn
)
_by_dtype = {BY_NAME[name]: found for name, found in _traits.items()}
ALIASES = {
    "half": "float16",
    "float": "float32",
    "double": "float64",
    "short": "int16",
    "int": "int32",
    "long": "int64",
    "chalf": "complex32",
    "cfloat": "complex64",
    "cdouble": "complex128",
    "bit": "uint1",
}


def traits(dtype) -> _Traits:
    """Return what is known of a dtype; KeyError for one that PyTorch has not (``record``, …)."""
    return _by_dtype[dtype]


def name_of(dtype) -> str:
    """Return ``float32`` for a dtype, whoever made it."""
    found = _by_dtype.get(dtype)
    return found.name if found is not None else _base_str(dtype).rpartition(".")[2]


def is_held(dtype) -> bool:
    """Tell whether OneFlow has tensors of a dtype."""
    return type(dtype) is not _StandIn


def check_held(dtype, api: str):
    """Return a dtype that OneFlow has tensors of; refuse one that it has not."""
    if type(dtype) is _StandIn:
        raise hooks.refuse(api, f"OneFlow has no tensors of {dtype}")
    return dtype


def repr_of(self) -> str:
    """`repr` and `str` of a dtype."""
    return f"torch.{name_of(self)}"


_is_complex = _BASE.is_complex.__get__
_is_signed = _BASE.is_signed.__get__


def is_complex(self) -> bool:
    """Tell whether the dtype is complex; of complex128 OneFlow does not know."""
    return self == _COMPLEX128 or (_is_complex(self) and self not in EIGHTHS)


def is_signed(self) -> bool:
    """Tell whether the dtype has negative numbers."""
    return _is_signed(self) or is_complex(self) or self in EIGHTHS


def itemsize(self) -> int:
    """Return the bytes of one element."""
    return traits(self).itemsize


def to_real(self):
    """Return the dtype of a complex dtype's parts; the dtype itself for others."""
    return BY_NAME[_PARTS.get(name_of(self), name_of(self))]


def to_complex(self):
    """Return the complex dtype whose parts are of this dtype."""
    name = name_of(self)
    if name in _PARTS:
        return self
    if name not in _WHOLES:
        raise RuntimeError(f"Unknown Complex ScalarType for {traits(self).scalar}")
    return BY_NAME[_WHOLES[name]]


_PARTS = {"complex32": "float16", "complex64": "float32", "complex128": "float64"}
_WHOLES = {
    "float16": "complex32",
    "bfloat16": "complex64",
    "float32": "complex64",
    "float64": "complex128",
}

# Promotion: within a category the later wins, except as said in ``_promoted``.
_ORDER = {
    name: place
    for place, name in enumerate(
        [
            "bool",
            "uint8",
            "int8",
            "int16",
            "int32",
            "int64",
            "float16",
            "bfloat16",
            "float32",
            "float64",
            "complex32",
            "complex64",
            "complex128",
        ]
    )
}


def promote_types(type1, type2):
    """Return the smallest dtype that both convert to by PyTorch's rules."""
    for position, given in enumerate((type1, type2), 1):
        if not isinstance(given, _BASE):
            raise TypeError(
                f"promote_types(): argument 'type{position}' (position {position}) must be "
                f"torch.dtype, not {type(given).__name__}"
            )
    return type1 if type1 == type2 else BY_NAME[_promoted(traits(type1), traits(type2))]


def _promoted(one, other) -> str:
    if one.category == "quantized" or other.category == "quantized":
        raise RuntimeError(
            "promoteTypes with quantized numbers is not handled yet; figure out what the correct "
            f"rules should be, offending types: {one.scalar} {other.scalar}"
        )
    if one.category == "bits" or other.category == "bits":
        raise RuntimeError(f"Promotion from {one.scalar} and {other.scalar} is unsupported.")
    pair = (one, other)
    if any(found.name.startswith("float8") for found in pair):
        raise RuntimeError(
            "Promotion for Float8 Types is not supported, attempted to promote "
            f"{one.scalar} and {other.scalar}"
        )
    for found, beside in (pair, pair[::-1]):
        if found.category == "int" and not found.signed and found.name != "uint8":
            if beside.category == "float":
                return beside.name
            raise RuntimeError(
                "Promotion for uint16, uint32, uint64 types is not supported, attempted to promote "
                f"{one.scalar} and {other.scalar}"
            )
    if one.name not in _ORDER or other.name not in _ORDER:
        raise RuntimeError(f"no promotion is defined for {one.scalar} and {other.scalar}")
    low, high = sorted(pair, key=lambda found: _ORDER[found.name])
    if (low.name, high.name) == ("uint8", "int8"):
        return "int16"
    if (low.name, high.name) == ("float16", "bfloat16"):
        return "float32"
    if high.category == "complex" and low.category == "float":
        parts = _promoted(_traits[_PARTS[high.name]], low) if low.name != _PARTS[high.name] else ""
        return _WHOLES[parts] if parts else high.name
    return high.name


_RANK = {"bool": 0, "bits": 1, "quantized": 1, "int": 1, "float": 2, "complex": 3}


def can_cast(from_, to) -> bool:
    """Tell whether PyTorch's rules allow the conversion in an in-place operation."""
    source, target = traits(from_), traits(to)
    if source.category == "complex":
        return target.category == "complex"
    if target.category == "bool":
        return source.category == "bool"
    return source.category != "float" or target.category != "int" or target.name not in _WIDE


_WIDE = {f"{sign}int{bits}" for bits in (8, 16, 32, 64) for sign in ("", "u")}


def scalar_dtype(value):
    """Return the dtype that a Python number stands for."""
    if isinstance(value, bool):
        return BY_NAME["bool"]
    if isinstance(value, int):
        return BY_NAME["int64"]
    if isinstance(value, complex):
        return to_complex(flow.get_default_dtype())
    return flow.get_default_dtype()


def result_type(tensor1, tensor2):
    """Return the dtype that an operation on tensors and numbers gives.

    A tensor with dimensions outweighs one without, which outweighs a number, unless the lighter one
    is of a higher category.
    """
    best = {0: None, 1: None, 2: None}
    for operand in (tensor1, tensor2):
        if isinstance(operand, flow.Tensor):
            weight, dtype = (0 if operand.ndim else 1), operand.dtype
        elif isinstance(operand, (bool, int, float, complex)):
            weight, dtype = 2, scalar_dtype(operand)
        else:
            kinds = ", ".join(type(given).__name__ for given in (tensor1, tensor2))
            raise TypeError(
                f"result_type() received an invalid combination of arguments - got ({kinds}), but "
                "expected tensors and numbers"
            )
        best[weight] = dtype if best[weight] is None else promote_types(best[weight], dtype)
    answer = None
    for weight in (0, 1, 2):
        dtype = best[weight]
        if dtype is None:
            continue
        if answer is None:
            answer = dtype
        elif _RANK[traits(dtype).category] > _RANK[traits(answer).category]:
            is_complex = dtype.is_complex and answer.is_floating_point
            answer = to_complex(answer) if is_complex else promote_types(answer, dtype)
    return answer

"""Samples in files: what was passed, and what came back, readable with NumPy alone.

A file is an ``.npz`` of two byte arrays: ``index``, a JSON text, and ``data``, the elements of all
tensors one after another. In the index every tensor is a number, the row of ``tensors`` that says
where its elements lie: dtype, shape, strides, where in ``data``, of how many bytes, and whether it
asks for a gradient. Other values are plain JSON where that is unambiguous, and otherwise a mapping
of one key that names the kind: ``{"tuple": [1, 2]}``, ``{"dtype": "int64"}``.
"""

import io
import json
import math
import os

import numpy as np

#: Changes when files written before cannot be read any more, or hold something else: the folder is
#: shared by all checkouts.
FORMAT = 2

#: PyTorch's name of a dtype: NumPy's, of the bytes in a file.
DTYPES = {
    "float64": "<f8",
    "float32": "<f4",
    "float16": "<f2",
    "bfloat16": "<u2",
    "int64": "<i8",
    "int32": "<i4",
    "int16": "<i2",
    "int8": "|i1",
    "uint8": "|u1",
    "uint16": "<u2",
    "uint32": "<u4",
    "uint64": "<u8",
    "bool": "|b1",
    "complex64": "<c8",
    "complex128": "<c16",
    "complex32": "<u4",
}


class CannotStore(Exception):
    """A value that has no neutral form: a function, a sparse tensor."""


def name_of(dtype):
    """Return "float32" for torch.float32."""
    return str(dtype).rpartition(".")[2]


class Writer:
    """Collects the tensors and values of one file."""

    def __init__(self):
        self.tensors = []
        self._parts = []
        self._size = 0
        self._places = {}
        self._numbers = {}

    def add(self, data, dtype, shape, stride, requires_grad=False):
        """Return the number of a tensor of these bytes; equal ones are stored once."""
        at = self._places.get(data)
        if at is None:
            at = self._places[data] = self._size
            self._parts.append(data)
            self._size += len(data)
        row = (dtype, tuple(shape), tuple(stride), at, len(data), bool(requires_grad))
        if row not in self._numbers:
            self._numbers[row] = len(self.tensors)
            self.tensors.append(row)
        return self._numbers[row]

    def write(self, path, index):
        """Write the file in one step."""
        index = {**index, "format": FORMAT, "tensors": self.tensors}
        save(path, index, b"".join(self._parts))


def save(path, index, data):
    text = json.dumps(index, separators=(",", ":"), allow_nan=False).encode("utf-8")
    target = io.BytesIO()
    np.savez_compressed(
        target, index=np.frombuffer(text, np.uint8), data=np.frombuffer(data, np.uint8)
    )
    part = f"{path}.{os.getpid()}.part"
    with open(part, "wb") as file:
        file.write(target.getvalue())
    os.replace(part, path)


def load(path):
    """Return (index, data) of a file."""
    with np.load(path) as arrays:
        return json.loads(arrays["index"].tobytes().decode("utf-8")), arrays["data"]


def elements(index, data, number):
    """Return a tensor's elements as an array of the same shape and strides, in memory of its own.

    bfloat16 comes as uint16.
    """
    dtype, shape, stride, at, size, _ = index["tensors"][number]
    kind = np.dtype(DTYPES[dtype])
    flat = np.array(data[at : at + size]).view(kind)
    strides = [step * kind.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(flat, shape, strides)


def number_text(value):
    """Return a float in JSON: the number, or its name where JSON has none."""
    return value if math.isfinite(value) else {"float": repr(value)}


def leaves(value, kind):
    """Return what is of a kind in a value, in order: an argument that is passed twice is twice."""
    if isinstance(value, kind):
        return [value]
    if isinstance(value, (list, tuple)):
        return [leaf for one in value for leaf in leaves(one, kind)]
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in leaves(one, kind)]
    return []


def pattern(number, shape, imaginary=False):
    """Return what output `number`'s gradient is taken with: small exact numbers, never zero."""
    count = int(np.prod(shape, dtype=np.int64))
    steps = np.arange(count, dtype=np.float64).reshape(shape)
    if imaginary:
        return np.asarray(((steps * 5 + 2) % 7 - 3) / 4 + 0.125)
    return np.asarray(((steps * 7 + number * 3) % 11 - 5) / 4 + 0.125)


def number_of(coded):
    """Return the float that `number_text` wrote."""
    return float(coded["float"] if isinstance(coded, dict) else coded)


def brief(index, coded):
    """Return what is passed as a person would write it: a tensor as "float32[2, 3]"."""
    if isinstance(coded, list):
        return "[" + ", ".join(brief(index, one) for one in coded) + "]"
    if not isinstance(coded, dict):
        return repr(coded)
    (kind, inner), *_ = coded.items()
    if kind in ("tensor", "array"):
        dtype, shape, stride, *_ = index["tensors"][inner]
        dense, plain = 1, []
        for size in reversed(shape):
            plain.insert(0, dense)
            dense *= size
        odd = any(size > 1 and a != b for size, a, b in zip(shape, stride, plain))
        return f"{dtype}{list(shape)}" + (f" of strides {list(stride)}" if dense and odd else "")
    if kind == "tuple":
        return "(" + ", ".join(brief(index, one) for one in inner) + ")"
    if kind == "dict":
        return "{" + ", ".join(f"{brief(index, k)}: {brief(index, v)}" for k, v in inner) + "}"
    if kind in ("dtype", "layout", "memory_format"):
        return f"torch.{inner}"
    return f"torch.Size({inner})" if kind == "size" else str(inner)


def call_text(index, row):
    """Return a sample as a call: "add(float32[5, 5], 2, alpha=3)"."""

    def words(told):
        found = [brief(index, one) for one in told["args"]["tuple"]]
        return ", ".join(
            found + [f"{key}={brief(index, one)}" for key, one in told["options"]["dict"]]
        )

    built = f"({words(row['constructor'])})" if "constructor" in row else ""
    return f"{index['public']}{built}({words(row)})"

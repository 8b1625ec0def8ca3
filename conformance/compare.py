"""Whether what the mock answered is what PyTorch answered; with NumPy alone."""

import math

import ml_dtypes
import numpy as np

from conformance import storage

#: torch.testing.assert_close's defaults: (relative, absolute); 0 for what is not listed.
TOLERANCES = {
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex32": (1e-3, 1e-5),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}


def tolerance_of(dtype, override):
    """Return (relative, absolute): the dtype's, or the database's where that is wider."""
    rtol, atol = TOLERANCES.get(dtype, (0.0, 0.0))
    if override and dtype in TOLERANCES:
        return max(rtol, override[0]), max(atol, override[1])
    return rtol, atol


def numbers(array, dtype):
    """Return elements as they can be computed with: bfloat16 from its bits, halves as float32."""
    if dtype == "bfloat16" and array.dtype == np.uint16:
        array = np.ascontiguousarray(array).view(ml_dtypes.bfloat16)
    if dtype in ("bfloat16", "float16"):
        return array.astype(np.float32)
    return array


def values_differ(expected, found, dtype, override=None, magnitudes=False):
    """Return how two arrays of one dtype and shape differ, or "".

    `magnitudes`: signs and phases are not determined.
    """
    one, other = numbers(expected, dtype), numbers(found, dtype)
    if magnitudes:
        one, other = np.abs(one), np.abs(other)
    rtol, atol = tolerance_of(dtype, override)
    if not rtol and not atol:
        unequal = np.not_equal(one, other)
        if unequal.any():
            return f"value: {int(unequal.sum())} of {unequal.size} differ"
        return ""
    kind = np.complex128 if one.dtype.kind == "c" else np.float64
    with np.errstate(all="ignore"):
        close = np.isclose(other.astype(kind), one.astype(kind), rtol, atol, equal_nan=True)
        if close.all():
            return ""
        gap = np.abs(other.astype(kind) - one.astype(kind))[~close]
        scale = np.abs(one.astype(kind))[~close]
    finite = np.isfinite(gap)
    if not finite.all():
        return f"value: {int((~close).sum())} of {close.size} differ, by nan or inf"
    worst = int(np.argmax(gap))
    relative = gap[worst] / scale[worst] if scale[worst] else math.inf
    return (
        f"value: {int((~close).sum())} of {close.size} differ, "
        f"by up to {gap[worst]:.2g} ({relative:.2g} of it)"
    )


class Comparison:
    """What a file expects, against what was found."""

    def __init__(self, index, data, tensor, described):
        self._index, self._data = index, data
        self._tensor = tensor
        self._described = described

    def tensor(self, number, found, magnitudes=False, uninitialized=False):
        """Return how a found tensor differs from the file's tensor `number`, or ""."""
        dtype, shape = self._index["tensors"][number][:2]
        if not isinstance(found, self._tensor):
            return f"kind: {type(found).__name__}, not a tensor"
        have, array = self._described(found)
        if have != dtype:
            return f"dtype: {have}, not {dtype}"
        if tuple(found.shape) != tuple(shape):
            return f"shape: {tuple(found.shape)}, not {tuple(shape)}"
        if uninitialized:
            return ""
        expected = storage.elements(self._index, self._data, number)
        return values_differ(expected, array(), dtype, self._index.get("tolerance"), magnitudes)

    def value(self, expected, found, free=(), counter=None):
        """Return how a result differs from what the file says in JSON, or "".

        `free`: positions of the tensors whose signs are not determined.
        """
        counter = [0] if counter is None else counter
        if isinstance(expected, dict):
            (kind, inner), *_ = expected.items()
            if kind == "tensor":
                number = counter[0]
                counter[0] += 1
                return self.tensor(inner, found, number in free, self._index["uninitialized"])
            if kind == "tuple":
                for field in expected.get("fields", ()):
                    if not hasattr(found, field):
                        return f"structure: a result without .{field}"
                return self._sequence(inner, found, free, counter)
            if kind == "size":
                return "" if list(found) == inner else f"value: {found}, not {inner}"
            if kind == "float":
                expected = float(inner)
            elif kind == "complex":
                expected = complex(*(storage.number_of(one) for one in inner))
            elif kind in ("dtype", "layout", "memory_format"):
                same = storage.name_of(found) == inner
                return "" if same else f"value: {found}, not {inner}"
            elif kind == "dict":
                if not isinstance(found, dict) or len(found) != len(inner):
                    return f"structure: {type(found).__name__}, not a dict of {len(inner)}"
                if [key for key, _ in inner] != list(found):
                    return f"structure: {list(found)}, not {[key for key, _ in inner]}"
                return self._sequence([v for _, v in inner], list(found.values()), free, counter)
            else:
                return f"structure: {kind} is not compared"
        if isinstance(expected, list):
            return self._sequence(expected, found, free, counter)
        if type(expected) is not type(found):
            return f"kind: {type(found).__name__}, not {type(expected).__name__}"
        if isinstance(expected, (float, complex)):
            dtype = self._index["dtype"]
            if dtype not in TOLERANCES:
                dtype = "float32"
            rtol, atol = tolerance_of(dtype, self._index.get("tolerance"))
            same = np.isclose(found, expected, rtol, atol, equal_nan=True)
        else:
            same = found == expected
        return "" if same else f"value: {found!r}, not {expected!r}"

    def _sequence(self, expected, found, free, counter):
        if not isinstance(found, (list, tuple)):
            return f"structure: {type(found).__name__}, not {len(expected)} values"
        if len(expected) != len(found):
            return f"structure: {len(found)} values, not {len(expected)}"
        for one, other in zip(expected, found):
            differs = self.value(one, other, free, counter)
            if differs:
                return differs
        return ""

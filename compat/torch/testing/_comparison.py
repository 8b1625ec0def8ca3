"""Comparing results within tolerances, with errors that say where and by how much they differ."""

from __future__ import annotations

import cmath
import collections.abc
import warnings

import numpy as np
import oneflow as flow

__all__ = ["assert_close", "assert_allclose", "default_tolerances"]

#: dtype name → (relative, absolute)
_TOLERANCES = {
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex32": (1e-3, 1e-5),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}
_NUMBERS = (int, float, complex, np.number)
_BOOLS = (bool, np.bool_)


def _name(dtype) -> str:
    return str(dtype).rpartition(".")[2]


def default_tolerances(*inputs, dtype_precisions=None):
    """Return ``(rtol, atol)``: the largest of what the inputs' dtypes are compared with."""
    found = []
    for value in inputs:
        dtype = value if isinstance(value, flow.dtype) else value.dtype
        if dtype_precisions is not None:
            found.append(dtype_precisions.get(dtype, (0.0, 0.0)))
        else:
            found.append(_TOLERANCES.get(_name(dtype), (0.0, 0.0)))
    return max(rtol for rtol, _ in found), max(atol for _, atol in found)


class _Differ(Exception):
    """Two values differ; where in the structure is added on the way out."""

    def __init__(self, message, item=(), kind=AssertionError) -> None:
        super().__init__(message)
        self.message = message
        self.item = item
        self.kind = kind


class _Comparison:
    """One call of `assert_close`."""

    def __init__(self, rtol, atol, **options) -> None:
        self.rtol = rtol
        self.atol = atol
        self.options = options

    def compare(self, actual, expected, item=()) -> None:
        """Compare two values, going into sequences and mappings."""
        if self._are(actual, expected, collections.abc.Sequence, but=(str,)):
            self._sequences(actual, expected, item)
        elif self._are(actual, expected, collections.abc.Mapping):
            self._mappings(actual, expected, item)
        elif actual is None or expected is None:
            if actual is not expected:
                raise _Differ(f"None mismatch: {actual} is not {expected}", item)
        elif isinstance(actual, _BOOLS) and isinstance(expected, _BOOLS):
            if bool(actual) is not bool(expected):
                raise _Differ(f"Booleans mismatch: {actual} is not {expected}", item)
        elif isinstance(actual, _NUMBERS) and isinstance(expected, _NUMBERS):
            self._numbers(actual, expected, item)
        elif isinstance(actual, (flow.Tensor, np.ndarray)) and self._related(actual, expected):
            self._tensors(actual, expected, item)
        else:
            raise _Differ(
                "No comparison pair was able to handle inputs of type "
                f"{type(actual)} and {type(expected)}.",
                item,
                TypeError,
            )

    @staticmethod
    def _are(actual, expected, kind, but=()):
        return (
            isinstance(actual, kind)
            and isinstance(expected, kind)
            and not isinstance(actual, but)
            and not isinstance(expected, but)
        )

    def _related(self, actual, expected):
        if not self.options["allow_subclasses"] and type(actual) is not type(expected):
            return False
        return isinstance(expected, type(actual)) or isinstance(actual, type(expected))

    def _sequences(self, actual, expected, item):
        if len(actual) != len(expected):
            raise _Differ(
                f"The length of the sequences mismatch: {len(actual)} != {len(expected)}", item
            )
        for place, (one, other) in enumerate(zip(actual, expected)):
            self.compare(one, other, (*item, place))

    def _mappings(self, actual, expected, item):
        missing, extra = set(expected) - set(actual), set(actual) - set(expected)
        if missing or extra:
            raise _Differ(
                "The keys of the mappings do not match:\nMissing keys in the actual mapping: "
                f"{_ordered(missing)}\nAdditional keys in the actual mapping: {_ordered(extra)}",
                item,
            )
        for key in _ordered(actual):
            self.compare(actual[key], expected[key], (*item, key))

    def _numbers(self, actual, expected, item):
        if self.options["check_dtype"] and type(actual) is not type(expected):
            raise _Differ(f"The (d)types do not match: {type(actual)} != {type(expected)}.", item)
        kinds = {complex: "complex64", float: "float64", int: "int64"}
        actual, expected = (
            value.item() if isinstance(value, np.generic) else value for value in (actual, expected)
        )
        rtol, atol = self._tolerances(kinds[type(actual)], kinds[type(expected)], numbers=True)
        if _is_close(actual, expected, rtol, atol, self.options["equal_nan"]):
            return
        raise _Differ(_scalar_text(actual, expected, rtol, atol), item)

    def _tolerances(self, *names, numbers=False):
        if self.rtol is not None:
            return self.rtol, self.atol
        if numbers and "complex64" in names:
            names = ("complex128",)
        found = [_TOLERANCES.get(name, (0.0, 0.0)) for name in names]
        return max(rtol for rtol, _ in found), max(atol for _, atol in found)

    def _tensors(self, actual, expected, item):
        if isinstance(actual, np.ndarray):
            actual, expected = flow.from_numpy(actual), flow.from_numpy(expected)
        actual, expected = actual.detach(), expected.detach()
        options = self.options
        if actual.shape != expected.shape:
            _unequal("shape", actual.shape, expected.shape, item)
        if options["check_device"] and actual.device != expected.device:
            _unequal("device", actual.device, expected.device, item)
        if options["check_dtype"] and actual.dtype != expected.dtype:
            _unequal("dtype", actual.dtype, expected.dtype, item)
        if options["check_stride"] and actual.stride() != expected.stride():
            _unequal("stride()", tuple(actual.stride()), tuple(expected.stride()), item)
        rtol, atol = self._tolerances(_name(actual.dtype), _name(expected.dtype))
        left, right = _array(actual), _array(expected)
        if left.dtype != right.dtype:
            common = np.promote_types(left.dtype, right.dtype)
            left, right = left.astype(common), right.astype(common)
        with np.errstate(all="ignore"):
            close = _close(left, right, rtol, atol, options["equal_nan"])
            if close.all():
                return
            if left.ndim == 0:
                text = _scalar_text(left.item(), right.item(), rtol, atol, left.dtype)
            else:
                text = _tensor_text(left, right, close, rtol, atol)
        raise _Differ(text, item)


def _unequal(attribute, one, other, item):
    raise _Differ(f"The values for attribute {attribute!r} do not match: {one} != {other}.", item)


def _ordered(keys):
    try:
        return sorted(keys)
    except TypeError:
        return list(keys)


def _array(tensor):
    if tensor.dtype == flow.bfloat16:
        tensor = tensor.float()
    array = tensor.cpu().numpy()
    return array.astype(np.int64) if array.dtype.kind in "biu" else array


def _close(left, right, rtol, atol, equal_nan):
    same = left == right
    if equal_nan and left.dtype.kind in "fc":
        same |= np.isnan(left) & np.isnan(right)
    if rtol == 0 and atol == 0:
        return same
    wide = np.float32 if left.dtype == np.float16 else left.dtype
    difference = np.abs(left.astype(wide) - right.astype(wide))
    allowed = atol + np.abs(rtol * right.astype(wide))
    return same | (np.isfinite(difference) & (difference <= allowed))


def _is_close(actual, expected, rtol, atol, equal_nan):
    if actual == expected:
        return True
    if cmath.isnan(actual) or cmath.isnan(expected):
        return equal_nan and cmath.isnan(actual) and cmath.isnan(expected)
    difference = abs(actual - expected)
    return cmath.isfinite(difference) and difference <= atol + rtol * abs(expected)


def _line(kind, value, index, allowed, exact):
    place = f" at index {index}" if index is not None else ""
    limit = "" if exact else f" (up to {allowed} allowed)"
    return f"{kind} difference: {value}{place}{limit}\n"


def _scalar_text(actual, expected, rtol, atol, dtype=None):
    exact = rtol == 0 and atol == 0
    word = "equal" if exact else "close"
    if dtype is not None and np.dtype(dtype).kind == "f":
        difference = np.abs(np.asarray(actual, dtype) - np.asarray(expected, dtype)).item()
    else:
        difference = abs(actual - expected)
    relative = float("inf") if expected == 0 else difference / abs(expected)
    text = f"Scalars are not {word}!\n\nExpected {expected} but got {actual}.\n"
    text += _line("Absolute", difference, None, atol, exact)
    text += _line("Relative", relative, None, rtol, exact)
    return text.rstrip("\n")


def _tensor_text(left, right, close, rtol, atol):
    exact = rtol == 0 and atol == 0
    count, total = int((~close).sum()), left.size
    difference = np.abs(left - right)
    difference[close] = 0
    base = np.abs(right)
    if left.dtype.kind == "i":
        relative = difference.astype(np.float32) / base.astype(np.float32)
    else:
        relative = difference / base
    relative[close] = 0
    text = f"Tensor-likes are not {'equal' if exact else 'close'}!\n\n"
    text += f"Mismatched elements: {count} / {total} ({count / total:.1%})\n"
    for kind, values, allowed in (("absolute", difference, atol), ("relative", relative, rtol)):
        flat = values.reshape(-1)
        nans = np.isnan(flat)
        place = int(nans.argmax()) if nans.any() else int(flat.argmax())
        index = tuple(int(one) for one in np.unravel_index(place, left.shape))
        text += _line(f"Greatest {kind}", flat[place].item(), index, allowed, exact)
    return text.rstrip("\n")


def assert_close(
    actual,
    expected,
    *,
    allow_subclasses=True,
    rtol=None,
    atol=None,
    equal_nan=False,
    check_device=True,
    check_dtype=True,
    check_layout=True,
    check_stride=False,
    msg=None,
):
    """Raise AssertionError where two values are not close; tensors, numbers, or containers."""
    if (rtol is None) ^ (atol is None):
        missing = "rtol" if rtol is None else "atol"
        raise ValueError(
            f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {missing}."
        )
    comparison = _Comparison(
        rtol,
        atol,
        allow_subclasses=allow_subclasses,
        equal_nan=equal_nan,
        check_device=check_device,
        check_dtype=check_dtype,
        check_stride=check_stride,
    )
    try:
        comparison.compare(actual, expected)
        return
    except _Differ as error:
        found = error
    text = found.message
    if found.item:
        place = "".join(f"[{key!r}]" for key in found.item)
        text += f"\n\nThe failure occurred for item {place}"
    if found.kind is AssertionError and msg is not None:
        text = msg(text) if callable(msg) else msg
    raise found.kind(text)


def assert_allclose(actual, expected, rtol=None, atol=None, equal_nan=True, msg="") -> None:
    """Compare as `assert_close` does, without regard to devices and dtypes."""
    warnings.warn(
        "`torch.testing.assert_allclose()` is deprecated since 1.12 and will be removed in a "
        "future release. Please use `torch.testing.assert_close()` instead. You can find detailed "
        "upgrade instructions in https://github.com/pytorch/pytorch/issues/61844.",
        FutureWarning,
        stacklevel=2,
    )
    if not isinstance(actual, flow.Tensor):
        actual = flow.tensor(actual)
    if not isinstance(expected, flow.Tensor):
        expected = flow.tensor(expected, dtype=actual.dtype)
    if rtol is None and atol is None:
        rtol, atol = default_tolerances(actual, expected)
    assert_close(
        actual,
        expected,
        rtol=rtol,
        atol=atol,
        equal_nan=equal_nan,
        check_device=True,
        check_dtype=False,
        check_stride=False,
        msg=msg or None,
    )

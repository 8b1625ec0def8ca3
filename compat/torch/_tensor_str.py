"""How tensors are printed: PyTorch's layout to the character, computed on the host with NumPy."""

from __future__ import annotations

import contextlib
import math

import numpy as np
import oneflow as flow

from oneflow_mock.compat.kernels import device_spelling, dtypes, host


class __PrinterOptions:
    """What `set_printoptions` sets."""

    def __init__(self) -> None:
        self.precision = 4
        self.threshold = 1000
        self.edgeitems = 3
        self.linewidth = 80
        self.sci_mode = None


PRINT_OPTS = __PrinterOptions()

_PROFILES = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}


def set_printoptions(
    precision=None, threshold=None, edgeitems=None, linewidth=None, profile=None, sci_mode=None
):
    """Set how tensors are printed; what is not given stays, but ``sci_mode``, which is chosen anew.

    ``profile`` is "default", "short" or "full".
    """
    chosen = dict(_PROFILES.get(profile, {}))
    given = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    chosen.update({name: value for name, value in given.items() if value is not None})
    vars(PRINT_OPTS).update(chosen, sci_mode=sci_mode)


def get_printoptions():
    """Return the options as the keywords of `set_printoptions`."""
    return dict(vars(PRINT_OPTS))


@contextlib.contextmanager
def printoptions(**kwargs):
    """Set the options for a block."""
    before = get_printoptions()
    set_printoptions(**kwargs)
    try:
        yield
    finally:
        set_printoptions(**before)


class _Formatter:
    """One width and notation for all elements, chosen from those that are shown."""

    def __init__(self, tensor) -> None:
        self._choose(host.array(tensor))

    @classmethod
    def of(cls, array):
        """Return the formatter for an array on the host."""
        self = cls.__new__(cls)
        self._choose(array)
        return self

    def _choose(self, array):
        self.floating_dtype = array.dtype.kind == "f"
        self.int_mode = True
        self.sci_mode = False
        self.max_width = 1
        if not self.floating_dtype:
            self.max_width = max([1, *(len(str(value)) for value in array.reshape(-1).tolist())])
            return
        values = array.reshape(-1).astype(np.float64)
        values = values[np.isfinite(values) & (values != 0)]
        if not values.size:
            return
        sizes = np.abs(values)
        low, high = sizes.min(), sizes.max()
        self.int_mode = bool((values == np.ceil(values)).all())
        self.sci_mode = PRINT_OPTS.sci_mode
        if self.sci_mode is None:
            with np.errstate(over="ignore"):
                self.sci_mode = bool(high / low > 1000.0 or high > 1.0e8 or low < 1.0e-4)
        extra = 1 if self.int_mode and not self.sci_mode else 0
        text = f"{{:.{self._digits()}}}"
        widths = (len(text.format(value)) + extra for value in values.tolist())
        self.max_width = max([1, *widths])

    def _digits(self):
        if self.sci_mode:
            return f"{PRINT_OPTS.precision}e"
        return "0f" if self.int_mode else f"{PRINT_OPTS.precision}f"

    def width(self):
        """Return how many characters the widest element takes."""
        return self.max_width

    def format(self, value):
        """Return an element's text, padded to the width."""
        if not self.floating_dtype:
            text = str(value)
        else:
            text = f"{{:.{self._digits()}}}".format(value)
            if self.int_mode and not self.sci_mode and math.isfinite(value):
                text += "."
        return text.rjust(self.max_width)


class _ComplexFormatter(_Formatter):
    """Real and imaginary part, each with a width and notation of its own."""

    def _choose(self, array):
        self._real, self._imag = _Formatter.of(array.real), _Formatter.of(array.imag)

    def width(self):
        return self._real.width() + self._imag.width() + 1

    def format(self, value):
        imag = self._imag.format(value.imag).lstrip() + "j"
        sign = "" if imag[0] in "+-" else "+"
        return self._real.format(value.real) + sign + imag


def _edges(array):
    """Return the elements that a summary shows."""
    edge = PRINT_OPTS.edgeitems
    for axis, size in enumerate(array.shape):
        if size > 2 * edge:
            kept = [*range(edge), *range(size - edge, size)]
            array = array.take(kept, axis=axis)
    return array


def get_summarized_data(self):
    """Return the elements of a tensor that a summary shows, as a tensor."""
    return self.new_tensor(_edges(host.array(self)))


def _tensor_str(self, indent):
    """Return the elements, in brackets."""
    if self.numel() == 0:
        return "[]"
    array = host.array(self)
    summarize = array.size > PRINT_OPTS.threshold
    kind = _ComplexFormatter if array.dtype.kind == "c" else _Formatter
    formatter = kind.of(_edges(array) if summarize else array)
    return _nested(array, indent, summarize, formatter)


def _nested(array, indent, summarize, formatter):
    if array.ndim == 0:
        return formatter.format(array.item())
    if array.ndim == 1:
        return _row(array, indent, summarize, formatter)
    edge, count = PRINT_OPTS.edgeitems, array.shape[0]
    if summarize and count > 2 * edge:
        shown = [*range(edge), None, *range(count - edge, count)]
    else:
        shown = list(range(count))
    parts = [
        "..." if i is None else _nested(array[i], indent + 1, summarize, formatter) for i in shown
    ]
    between = "," + "\n" * (array.ndim - 1) + " " * (indent + 1)
    return "[" + between.join(parts) + "]"


def _row(array, indent, summarize, formatter):
    edge, show = PRINT_OPTS.edgeitems, formatter.format
    if summarize and not edge:
        parts = ["..."]
    elif summarize and array.shape[0] > 2 * edge:
        parts = [show(value) for value in array[:edge].tolist()]
        parts += [" ..."]
        parts += [show(value) for value in array[-edge:].tolist()]
    else:
        parts = [show(value) for value in array.tolist()]
    in_line = max(1, (PRINT_OPTS.linewidth - indent) // (formatter.width() + 2))
    lines = [", ".join(parts[i : i + in_line]) for i in range(0, len(parts), in_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _add_suffixes(tensor_str, suffixes, indent, force_newline):
    """Append what follows the elements, on new lines where a line would be too long."""
    parts = [tensor_str]
    used = len(tensor_str) - tensor_str.rfind("\n") + 1
    for suffix in suffixes:
        if force_newline or used + len(suffix) + 2 > PRINT_OPTS.linewidth:
            parts.append(",\n" + " " * indent + suffix)
            used = indent + len(suffix)
            force_newline = False
        else:
            parts.append(", " + suffix)
            used += len(suffix) + 2
    return "".join(parts) + ")"


def _device_suffix(device):
    default = device_spelling.get_default_device()
    if device.type != ("cpu" if default.type not in ("cpu", "cuda") else default.type):
        return [f"device='{device}'"]
    if device.type == "cuda":
        import torch

        if device.index != torch.cuda.current_device():
            return [f"device='{device}'"]
    return []


def _origin_suffix(tensor):
    node = tensor.grad_fn
    if node is not None:
        return [f"grad_fn=<{node.name()}>"]
    return ["requires_grad=True"] if tensor.requires_grad else []


def _str_intern(inp, *, tensor_contents=None):
    name = type(inp).__name__
    prefix = "tensor(" if name in ("Tensor", "Parameter") else f"{name}("
    indent = len(prefix)
    dtype, default = inp.dtype, flow.get_default_dtype()
    suffixes = _device_suffix(inp.device)
    if inp.is_meta:
        contents = "..."
        is_shaped, is_typed = True, dtype != default
    elif inp.numel() == 0:
        contents = "[]"
        is_shaped, is_typed = inp.dim() != 1, dtype != default
    else:
        contents = _tensor_str(inp, indent) if tensor_contents is None else ""
        is_shaped = not PRINT_OPTS.edgeitems
        is_typed = dtype not in (default, dtypes.to_complex(default), flow.int64, flow.bool)
    if is_shaped:
        suffixes.append(f"size={tuple(inp.shape)}")
    if is_typed:
        suffixes.append(f"dtype={dtypes.repr_of(dtype)}")
    suffixes += _origin_suffix(inp)
    contents = contents if tensor_contents is None else tensor_contents
    return _add_suffixes(prefix + contents, suffixes, indent, False)


def _str(self, *, tensor_contents=None):
    """Return the `repr` of a tensor."""
    with flow.no_grad():
        return _str_intern(self, tensor_contents=tensor_contents)

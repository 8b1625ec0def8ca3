"""Calls of torch operators, as text, with the same inputs for PyTorch and for the mock.

Run by any interpreter that has a ``torch``::

    python tests/compat/operator_cases.py answers.jsonl [first case [table]]

Each line of ``operator_cases.txt``, or of a table in ``kernel_cases/``, is evaluated with
``torch``, ``F`` and the input makers below; every tensor in its result, and the gradient of every
floating input that asked for one, is written to the file. Real PyTorch's answers are committed, in
``golden/``, drawn by ``tools/draw_operator_golden.py``.
"""

import itertools
import json
import math
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
TABLE = HERE / "operator_cases.txt"

_leaves = []


class _Probe:
    """How inputs differ from what a case says while its gradient is probed, in float64."""

    on = False
    leaf = element = -1
    step = 0.0


def _values(shape, seed, low, high):
    generator = np.random.RandomState(seed)
    return generator.uniform(low, high, size=shape)


def _to_bfloat16(values):
    """Round to the nearest bfloat16, as float32: any library then casts it without rounding."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32).astype(np.uint64)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16 << 16
    back = rounded.astype(np.uint32).view(np.float32).reshape(np.shape(values))
    return np.where(np.isnan(values), np.float32(np.nan), back).astype(np.float32)


def _tensor(values, dtype):
    import torch

    if _Probe.on and dtype in ("float16", "bfloat16", "float32", "float64"):
        return torch.from_numpy(np.array(values, dtype="float64"))
    if dtype == "bfloat16":
        return torch.from_numpy(_to_bfloat16(values)).to(torch.bfloat16)
    return torch.from_numpy(np.asarray(values, dtype=dtype))


def _leaf(values, dtype):
    if _Probe.on and len(_leaves) == _Probe.leaf:
        values = np.array(values, dtype="float64")
        values.reshape(-1)[_Probe.element] += _Probe.step
    made = _tensor(values, dtype)
    made.requires_grad_(True)
    _leaves.append(made)
    return made


def x(*shape, seed=0, low=-2.0, high=2.0, dtype="float32", grad=False):
    """A tensor of uniform values; the same for the same arguments."""
    values = _values(shape, seed + len(shape), low, high)
    return (_leaf if grad else _tensor)(values, dtype)


def g(*shape, **options):
    """A tensor like `x` whose gradient is compared too."""
    return x(*shape, grad=True, **options)


_SPECIAL = (
    *(0.0, -0.0, math.nan, math.inf, -math.inf, 1.0, -1.0, 1e-40, -1e-40, 6e-8, 1e-30, -1e-30),
    *(88.0, -88.0, 89.5, -104.0, 1e4, -1e4, 65504.0, 3e38, -3e38, 0.5, -0.5, 2.5, 3.5),
)


def special(*shape, dtype="float32", grad=False, finite=False, start=0):
    """A tensor of NaN, infinities, zeros of both signs, denormals and what else is special."""
    values = [value for value in _SPECIAL if math.isfinite(value) or not finite]
    wanted = itertools.islice(itertools.cycle(values), start, start + int(np.prod(shape)))
    with np.errstate(over="ignore"):
        values = np.array(list(wanted), dtype="float64").reshape(shape).astype("float32")
    with np.errstate(over="ignore", under="ignore"):
        return (_leaf if grad else _tensor)(values, dtype)


def i(*shape, seed=0, low=0, high=10, dtype="int64"):
    """A tensor of integers in [low, high)."""
    import torch

    return torch.from_numpy(np.random.RandomState(seed).randint(low, high, shape).astype(dtype))


def b(*shape, seed=0):
    """A tensor of booleans."""
    import torch

    return torch.from_numpy(np.random.RandomState(seed).randint(0, 2, shape).astype(bool))


def net(module, training=True):
    """A module whose parameters hold values that depend on their names only; gradients compared."""
    import torch

    module.train(training)
    if _Probe.on:
        module.double()
    for position, (_, parameter) in enumerate(sorted(module.named_parameters())):
        values = _values(tuple(parameter.shape), 77 + position, -0.5, 0.5)
        if _Probe.on and len(_leaves) == _Probe.leaf:
            values.reshape(-1)[_Probe.element] += _Probe.step
        with torch.no_grad():
            parameter.copy_(_tensor(values, "float32").to(parameter.dtype))
        _leaves.append(parameter)
    return module


def cases(table=TABLE):
    """Return a table's cases, as texts, in order, without headings."""
    lines = (line.strip() for line in Path(table).read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def remarks(text):
    """Return what stands behind a case's ``#``, by name: ``atol=1e-4``, ``no-differences``."""
    words = text.partition("  # ")[2].split()
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def _flatten(value):
    import torch

    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in _flatten(item)]
    return [value]


def _array(tensor):
    """Return a tensor's values; NumPy has no bfloat16, so those come as float32."""
    tensor = tensor.detach().cpu()
    name = str(tensor.dtype).rpartition(".")[2]
    if name == "bfloat16":
        import torch

        return Array(tensor.to(torch.float32).numpy().copy(), name)
    return Array(tensor.numpy().copy(), name)


class Array:
    """Values, and the name of the dtype that they had."""

    def __init__(self, values, dtype=None):
        self.values = np.asarray(values)
        self.dtype = dtype or str(self.values.dtype)


def _weights(value):
    """Return the gradient that a result is given."""
    count = int(np.prod(tuple(value.shape), dtype=np.int64))
    weights = np.linspace(0.5, 1.5, max(count, 1))[:count].reshape(tuple(value.shape))
    return weights


def evaluate(text):
    """Evaluate one case; returns what is in its result, flat."""
    import torch
    import torch.nn.functional as F

    del _leaves[:]
    return _flatten(eval(text, dict(globals(), torch=torch, F=F)))


def answer(text):
    """Evaluate one case; returns its values and gradients as a list of `Array`."""
    import torch

    result = evaluate(text)
    arrays, roots, gradients = [], [], []
    for value in result:
        if isinstance(value, torch.Tensor):
            if _leaves and value.requires_grad:
                roots.append(value)
                gradients.append(_tensor(_weights(value), str(value.dtype).rpartition(".")[2]))
            arrays.append(_array(value))
        else:
            arrays.append(Array(value))
    if roots:
        torch.autograd.backward(roots, gradients)
        arrays += [_array(leaf.grad) for leaf in _leaves if leaf.grad is not None]
    return arrays


def gradient_error(text, elements=5):
    """Compare a case's gradients with finite differences, all in float64.

    Returns what differs, ``""`` if nothing does; None if the case has no gradients in float64.
    """
    import torch

    def loss():
        total = 0.0
        for value in evaluate(text):
            if isinstance(value, torch.Tensor) and value.requires_grad:
                total += float((_array(value).values.astype("float64") * _weights(value)).sum())
        return total

    _Probe.on, _Probe.leaf = True, -1
    try:
        roots = [v for v in evaluate(text) if isinstance(v, torch.Tensor) and v.requires_grad]
        if not roots or any(root.dtype != torch.float64 for root in roots):
            return None
        torch.autograd.backward(roots, [_tensor(_weights(root), "float64") for root in roots])
        gradients = [leaf.grad for leaf in _leaves]
        gradients = [None if one is None else _array(one).values for one in gradients]
        for number, gradient in enumerate(gradients):
            if gradient is None or not gradient.size:
                continue
            size = gradient.size
            for element in sorted({int(round(part * (size - 1))) for part in _spread(elements)}):
                _Probe.leaf, _Probe.element = number, element
                _Probe.step = 1e-5
                above = loss()
                _Probe.step = -1e-5
                expected = (above - loss()) / 2e-5
                found = float(gradient.reshape(-1)[element])
                if not abs(found - expected) <= 1e-6 + 1e-5 * max(abs(expected), abs(above) * 1e-3):
                    return f"input {number}, element {element}: {found}, differences say {expected}"
        return ""
    finally:
        _Probe.on, _Probe.leaf = False, -1


def _spread(count):
    """Return as many numbers from 0 to 1, not evenly: a multiple of a width would hide much."""
    return [0.0, 1.0, *np.random.RandomState(5).uniform(size=count)][:count]


def gradient_errors(target, table=TABLE):
    """Write what `gradient_error` says to ``target``, one line of JSON for each case."""
    import warnings

    warnings.simplefilter("ignore")
    with open(target, "a", encoding="utf-8") as file:
        for text in cases(table):
            try:
                problem = gradient_error(text)
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"
            file.write(json.dumps({"text": text, "problem": problem}) + "\n")
            file.flush()


def main(target, first=0, table=TABLE):
    """Write the cases' answers to ``target``, one line of JSON each, flushed as it goes."""
    import warnings

    warnings.simplefilter("ignore")
    with open(target, "a", encoding="utf-8") as file:
        for number, text in list(enumerate(cases(table)))[int(first) :]:
            file.write(json.dumps({"case": number, "text": text}) + "\n")
            file.flush()
            try:
                arrays = answer(text)
            except Exception as error:
                row = {"case": number, "error": f"{type(error).__name__}: {error}"}
            else:
                row = {"case": number, "values": [_written(array) for array in arrays]}
            file.write(json.dumps(row) + "\n")
            file.flush()


def _written(array):
    values = array.values.reshape(-1)
    data = values.tolist()
    if values.dtype in (np.float16, np.float32):
        data = [float(str(value)) for value in values]  # no more digits than it takes
    return {"dtype": array.dtype, "shape": list(array.values.shape), "data": data}


if __name__ == "__main__":
    main(*sys.argv[1:])

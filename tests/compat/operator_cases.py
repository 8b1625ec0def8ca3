"""Calls of torch operators, as text, with the same inputs for PyTorch and for the mock.

Run by any interpreter that has a ``torch``::

    python tests/compat/operator_cases.py answers.npz [first case]

Each line of ``operator_cases.txt`` is evaluated with ``torch``, ``F`` and the input makers below;
every tensor in its result, and the gradient of every floating input that asked for one, is written
to the file. Real PyTorch's answers are committed: ``golden/operators.jsonl``, drawn by
``tools/draw_operator_golden.py``.
"""

import json
import sys
from pathlib import Path

import numpy as np

_leaves = []


def _values(shape, seed, low, high):
    generator = np.random.RandomState(seed)
    return generator.uniform(low, high, size=shape)


def x(*shape, seed=0, low=-2.0, high=2.0, dtype="float32", grad=False):
    """A tensor of uniform values; the same for the same arguments."""
    import torch

    made = torch.from_numpy(np.asarray(_values(shape, seed + len(shape), low, high), dtype=dtype))
    if grad:
        made.requires_grad_(True)
        _leaves.append(made)
    return made


def g(*shape, **options):
    """A tensor like `x` whose gradient is compared too."""
    return x(*shape, grad=True, **options)


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
    for position, (_, parameter) in enumerate(sorted(module.named_parameters())):
        values = _values(tuple(parameter.shape), 77 + position, -0.5, 0.5).astype("float32")
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(values))
        _leaves.append(parameter)
    return module


def cases():
    """Return the cases' texts, in order, without headings."""
    text = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8")
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _flatten(value):
    import torch

    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in _flatten(item)]
    return [value]


def answer(text):
    """Evaluate one case; returns its values and gradients as a list of NumPy arrays."""
    import torch
    import torch.nn.functional as F

    del _leaves[:]
    scope = dict(globals(), torch=torch, F=F)
    result = _flatten(eval(text, scope))
    arrays = []
    loss = None
    for value in result:
        if isinstance(value, torch.Tensor):
            if _leaves and value.requires_grad:
                weight = torch.from_numpy(
                    np.linspace(0.5, 1.5, max(value.numel(), 1))[: value.numel()]
                    .reshape(tuple(value.shape))
                    .astype(str(value.dtype).rpartition(".")[2])
                )
                term = (value * weight).sum()
                loss = term if loss is None else loss + term
            arrays.append(value.detach().cpu().numpy().copy())
        else:
            arrays.append(np.asarray(value))
    if loss is not None:
        loss.backward()
        for leaf in _leaves:
            if leaf.grad is not None:
                arrays.append(leaf.grad.detach().cpu().numpy().copy())
    return arrays


def main(target, first=0, last=None):
    """Write every case's answer to ``target``, one line of JSON each, flushed as it goes."""
    import warnings

    warnings.simplefilter("ignore")
    with open(target, "a", encoding="utf-8") as file:
        for number, text in list(enumerate(cases()))[first:last]:
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
    return {
        "dtype": str(array.dtype),
        "shape": list(array.shape),
        "data": array.reshape(-1).tolist(),
    }


if __name__ == "__main__":
    main(sys.argv[1], *(int(number) for number in sys.argv[2:]))

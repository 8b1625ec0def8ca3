"""Asks the mock for what a file of samples expects; one process for as many files as it survives.

Run by ``conformance/workers.py`` as ``python -m oneflow_mock -m conformance.ask``. A line of JSON
on the standard input names a file, and the step to begin with; a step is a facet of a sample.
Before each step its number is written, and after it, if it was wrong, in which way: so whoever
reads knows what ended the process.
"""

import functools
import json
import os
import random
import re
import sys
import warnings

# What libraries print must not come between the answers.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import numpy as np  # noqa: E402
import torch  # noqa: E402

from conformance import calls, classes, compare, storage  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
SEED = 42
#: Of one entry and dtype: so many are tried with inputs that are not contiguous.
MOST_STRIDED = 2


def tell(**row):
    answers.write(json.dumps(row) + "\n")
    answers.flush()


class InputError(Exception):
    """The mock cannot even hold an input."""


class Reader:
    """Makes the values of a file anew for each call."""

    def __init__(self, index, data):
        self.index, self.data = index, data
        self.strided = False

    def tensor(self, number, grad):
        dtype, shape, stride, _, _, asks = self.index["tensors"][number]
        array = storage.elements(self.index, self.data, number)
        try:
            if dtype == "bfloat16":
                flat = array
                if array.size:
                    extent = 1 + sum((n - 1) * s for n, s in zip(shape, stride))
                    flat = np.lib.stride_tricks.as_strided(array, (extent,), (array.itemsize,))
                made = torch.from_numpy(compare.numbers(flat, dtype)).to(torch.bfloat16)
                if array.size and not array.flags.c_contiguous:
                    made = made.as_strided(shape, stride)
                else:
                    made = made.reshape(shape)
            elif dtype == "complex32":
                raise TypeError("complex32 has no NumPy form")
            else:
                made = torch.from_numpy(array)
            if self.strided and array.size > 1:
                made = torch.stack([made, torch.zeros_like(made)], -1)[..., 0]
            return made.requires_grad_(True) if grad and asks else made
        except Exception as error:
            raise InputError(f"input of {dtype}: {message(error)}") from error

    def value(self, coded, grad, made):
        if isinstance(coded, list):
            return [self.value(one, grad, made) for one in coded]
        if not isinstance(coded, dict):
            return coded
        (kind, inner), *_ = coded.items()
        if kind == "tensor":
            identity = coded.get("is", -1 - len(made))
            if identity not in made:
                made[identity] = self.tensor(inner, grad)
            return made[identity]
        if kind == "tuple":
            return tuple(self.value(one, grad, made) for one in inner)
        if kind == "size":
            return torch.Size(inner)
        if kind == "dict":
            return {self.value(key, grad, made): self.value(one, grad, made) for key, one in inner}
        if kind == "float":
            return float(inner)
        if kind == "complex":
            return complex(*(float(self.value(one, grad, made)) for one in inner))
        if kind == "slice":
            return slice(*(self.value(one, grad, made) for one in inner))
        if kind == "ellipsis":
            return Ellipsis
        if kind in ("dtype", "layout", "memory_format"):
            return getattr(torch, inner)
        if kind == "device":
            return torch.device(inner)
        if kind == "numpy":
            return np.dtype(coded["of"]).type(self.value(inner, grad, made))
        if kind == "array":
            return storage.elements(self.index, self.data, inner)
        if kind == "call":
            return calls.resolve(inner)(**self.value(coded["options"], grad, made))
        raise LookupError(f"a value of kind {kind}")


def described(tensor):
    """Return (dtype's name, what gives the elements as an array)."""
    name = storage.name_of(tensor.dtype)

    def array():
        plain = tensor.detach()
        if name == "bfloat16":
            plain = plain.float()
        elif name.startswith("complex"):
            plain = plain.resolve_conj()
        return plain.numpy()

    return name, array


def message(error):
    """Return an exception's class and first line, without what differs from call to call."""
    plain = re.sub(r"\x1b\[[\d;]*m", "", str(error)).strip()
    text = (plain.splitlines() or [""])[0].partition("; reached from ")[0]
    return f"{type(error).__name__}: {text[7:] if text.startswith('Error: ') else text}"[:200]


def seeded():
    torch.manual_seed(SEED)
    random.seed(SEED)
    np.random.seed(SEED)


def address_of(tensor):
    try:
        return tensor.data_ptr()
    except NotImplementedError:  # that it cannot be asked is not the operator's fault
        return tensor.detach().numpy().__array_interface__["data"][0]


def extent_of(tensor):
    start = address_of(tensor)
    steps = sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride()))
    return start, start + steps * tensor.element_size()


def views_differ(expected, outputs, inputs):
    """Return "" where each output shares an input's memory exactly where PyTorch's does."""
    ranges = [extent_of(one) for one in inputs if one.numel()]
    for position, output in zip(expected, outputs):
        if not output.numel():
            continue
        start = extent_of(output)[0]
        shares = any(first <= start <= last for first, last in ranges)
        if shares and position is None:
            return "memory: an input's, where PyTorch makes a copy"
        if not shares and position is not None:
            return "memory: a copy, where PyTorch gives a view"
    return ""


def differs(reader, entry, row, facet):
    """Return what is wrong about a facet of a sample, or ""."""
    if entry.get("kind") == "module":
        return module_differs(reader, entry, row, facet)
    if entry.get("kind") == "optimizer":
        options = reader.value(row["options"], False, {})
        expected = row["facets"][facet]["result"]
        return comparison_of(reader).value(expected, classes.stepped(entry, options))
    reader.strided = facet == "strided"
    if reader.strided:
        facet = "function"
    told = row["facets"][facet]
    grad = facet == "gradient"
    made = {}
    try:
        args = reader.value(row["args"], grad, made)
        options = reader.value(row["options"], grad, made)
    except InputError as error:
        return str(error)
    inputs = storage.leaves((args, options), torch.Tensor)
    if told.get("random"):
        seeded()
    if facet == "error":
        return error_differs(entry, args, options, told)
    try:
        if facet == "out":
            options["out"] = outs(reader, told["result"])
        result = calls.run(facet, entry, args, options)
        if facet == "out":
            result = options["out"]
            # What was passed is a plain tuple.
            told["result"].pop("fields", None)
        outputs = storage.leaves(result, torch.Tensor)
    except Exception as error:
        return message(error)
    comparison = comparison_of(reader)
    free = calls.SIGN_FREE.get(entry["name"], ())
    if not grad:
        wrong = comparison.value(told["result"], result, free)
        return wrong or views_differ(told["views"], outputs, inputs)
    outputs = [one.abs() if n in free else one for n, one in enumerate(outputs)]
    return gradients_differ(comparison, told, outputs, inputs)


def comparison_of(reader):
    return compare.Comparison(reader.index, reader.data, torch.Tensor, described)


def gradients_differ(comparison, told, outputs, inputs, parameters=()):
    """Return what is wrong about the gradients of some outputs, or ""."""
    chosen = told["outputs"]
    if max(chosen) >= len(outputs):
        return f"structure: {len(outputs)} tensors"
    for number in chosen:
        if not outputs[number].requires_grad:
            return "gradient: the result has none"
    torch.autograd.backward(
        [outputs[n] for n in chosen], [cotangent(n, outputs[n]) for n in chosen]
    )
    pairs = list(zip(told["gradients"], [one for one in inputs if one.requires_grad]))
    named = dict(parameters)
    for name, number in told.get("parameters", ()):
        if name not in named:
            return f"structure: no parameter {name}"
        pairs.append((number, named[name]))
    for number, leaf in pairs:
        if (number is None) != (leaf.grad is None):
            return "gradient: None" if leaf.grad is None else "gradient: where PyTorch has None"
        if number is not None:
            wrong = comparison.tensor(number, leaf.grad)
            if wrong:
                return "gradient " + wrong
    return ""


def module_differs(reader, entry, row, facet):
    """Return what is wrong about a facet of a module's sample, or ""."""
    comparison = comparison_of(reader)
    built = row["constructor"]
    words = reader.value(built["args"], False, {})
    made = classes.module(entry, words, reader.value(built["options"], False, {}), row["training"])
    state = classes.state(made)
    if facet == "initial":
        if [name for name, _ in state] != [name for name, _ in row["state"]]:
            return f"structure: state {[name for name, _ in state]}"
        for (name, number), (_, one) in zip(row["state"], state):
            wrong = comparison.tensor(number, one)
            if wrong:
                return f"{wrong}, {name}"
        return ""
    if row["state"]:
        tensors = {name: reader.tensor(number, False) for name, number in row["state"]}
        made.load_state_dict(tensors)
    passed = {}
    grad = facet == "gradient"
    args = reader.value(row["args"], grad, passed)
    options = reader.value(row["options"], grad, passed)
    result = classes.forward(made, args, options)
    if not grad:
        return comparison.value(row["facets"][facet]["result"], result)
    inputs = storage.leaves((args, options), torch.Tensor)
    outputs = storage.leaves(result, torch.Tensor)
    told = row["facets"][facet]
    return gradients_differ(comparison, told, outputs, inputs, made.named_parameters())


def error_differs(entry, args, options, told):
    expected = told["error"]
    try:
        calls.run("function", entry, args, options)
    except Exception as error:
        names = [one.__name__ for one in type(error).__mro__]
        # A refusal of what is not there is not the refusal that PyTorch gives.
        lacks = "NotImplementedError" in names and expected != "NotImplementedError"
        lacks = lacks or "UnsupportedTorchAPI" in names
        right = expected.lstrip("_") in [name.lstrip("_") for name in names] and not lacks
        return "" if right else f"not {expected} but {message(error)}"
    return f"not {expected} but nothing"


def outs(reader, coded):
    """Return tensors to write a result into; something else is in them."""
    if "tuple" in coded:
        return tuple(outs(reader, one) for one in coded["tuple"])
    dtype, shape = reader.index["tensors"][coded["tensor"]][:2]
    if dtype == "bool":
        return torch.from_numpy(~storage.elements(reader.index, reader.data, coded["tensor"]))
    return torch.full(tuple(shape), 77, dtype=getattr(torch, dtype))


def cotangent(number, like):
    real = torch.from_numpy(storage.pattern(number, tuple(like.shape)))
    if storage.name_of(like.dtype).startswith("complex"):
        imaginary = torch.from_numpy(storage.pattern(number, tuple(like.shape), True))
        real = torch.complex(real, imaginary)
    return real.to(like.dtype)


def home(public):
    """Return the file, below the checkout, of what a public name is; "OneFlow" for its own."""
    try:
        found = calls.resolve(public)
    except Exception:
        return ""
    found = getattr(found, "fget", None) or found
    while hasattr(found, "__wrapped__"):
        found = found.__wrapped__
    found = getattr(found, "__func__", found)
    if isinstance(found, type):
        own = [vars(found).get(name) for name in ("forward", "step", "__init__")]
        found = next((one for one in own if one), found)
    code = getattr(found, "__code__", None)
    path = os.path.realpath(code.co_filename) if code else ""
    return os.path.relpath(path, ROOT) if path.startswith(ROOT + os.sep) else "OneFlow"


def may_stride(entry, row):
    """Return whether a sample has the same result with inputs that are not contiguous.

    It has in PyTorch, unless the operator is about memory.
    """
    told = row["facets"].get("function", {})
    about_memory = entry["name"].startswith(("as_strided", "resize", "view", "to"))
    if about_memory or entry["uninitialized"] or entry.get("kind") or told.get("random"):
        return False
    return set(told.get("views", (0,))) == {None}


@functools.lru_cache(maxsize=1)
def loaded(path):
    return storage.load(path)


def answer(request):
    index, data = loaded(request["path"])
    if "entries" in index:
        index = {**index, **index["entries"][request["entry"]]}
    reader = Reader(index, data)
    steps = [(row, facet) for row in index["samples"] for facet in row["facets"]]
    steps += [(row, "strided") for row in index["samples"][:MOST_STRIDED] if may_stride(index, row)]
    tell(steps=[[row["sample"], facet] for row, facet in steps], home=home(index["public"]))
    for number, (row, facet) in enumerate(steps):
        if number < request["first"]:
            continue
        tell(at=number)
        try:
            wrong = differs(reader, index, row, facet)
        except Exception as error:
            wrong = message(error)
        if wrong:
            tell(at=number, wrong=wrong)
    tell(done=True)


def main():
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    for line in sys.stdin:
        answer(json.loads(line))


if __name__ == "__main__":
    main()

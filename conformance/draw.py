"""Write what real PyTorch answers to every sample of its operator database.

Run by the reference environment's Python (``python -m conformance`` does it)::

    python -m conformance.draw FOLDER DTYPE [PATTERN...]

For each entry that matches a pattern, one file ``FOLDER/<dtype>/<entry>.npz``, in the form that
``storage.py`` describes; DTYPE ``errors`` stands for the inputs that PyTorch refuses,
``modules`` and ``optimizers`` for the two other databases. A file that
exists is kept. ``FOLDER/entries.json`` lists all entries, drawn or not.
"""

import dataclasses
import fnmatch
import json
import operator
import os
import random
import sys
import warnings
from pathlib import Path

import numpy as np
import torch

from conformance import calls, storage

#: Of one sample, input and output together: larger ones are left out.
MOST_BYTES = 4 << 20
#: Of one entry and dtype: the first so many.
MOST_SAMPLES = 2000
#: Of one entry and dtype: so many are tried with ``out=``.
MOST_OUT = 3
SEED = 42

#: Tests of PyTorch that hold an operator's values against something else computing the same, as is
#: done here; their tolerances count. Others compare compilers, or decompositions.
COMPARING = {
    None: None,
    "TestCommon": (
        None,
        "test_compare_cpu",
        "test_noncontiguous_samples",
        "test_numpy_ref",
        "test_numpy_refs",
        "test_out",
        "test_variant_consistency_eager",
    ),
    "TestUnaryUfuncs": None,
    "TestBinaryUfuncs": None,
    "TestBinaryUfuncsDevice": None,
    "TestReductions": None,
    "TestMasked": None,
    "TestFFT": None,
}


def tolerance(op, dtype):
    """Return the database's own (relative, absolute) for an operator, or None."""
    from torch.testing._internal.common_device_type import precisionOverride, toleranceOverride
    from torch.testing._internal.opinfo.core import DecorateInfo

    rtol = atol = 0.0
    for given in (*op.decorators, *op.skips):
        decorators = (given,)
        if isinstance(given, DecorateInfo):
            tests = COMPARING.get(given.cls_name, ())
            if tests is not None and given.test_name not in tests:
                continue
            if given.device_type not in (None, "cpu") or not given.active_if:
                continue
            if given.dtypes is not None and dtype not in given.dtypes:
                continue
            decorators = given.decorators
        for decorator in decorators:
            if isinstance(decorator, toleranceOverride) and dtype in decorator.d:
                rtol = max(rtol, decorator.d[dtype].rtol)
                atol = max(atol, decorator.d[dtype].atol)
            elif isinstance(decorator, precisionOverride) and dtype in decorator.d:
                atol = max(atol, decorator.d[dtype])
    return [rtol, atol] if rtol or atol else None


class Coder:
    """Turns values into what a file holds."""

    def __init__(self):
        self.writer = storage.Writer()
        self._identities = None

    def tensor(self, value):
        if value.layout != torch.strided:
            raise storage.CannotStore(f"a tensor of layout {value.layout}")
        if value.is_quantized or value.device.type != "cpu":
            raise storage.CannotStore(f"a tensor of {value.dtype} on {value.device}")
        name = storage.name_of(value.dtype)
        if name not in storage.DTYPES:
            raise storage.CannotStore(f"a tensor of {name}")
        grad = value.requires_grad
        plain = value.detach()
        if plain._is_zerotensor():
            plain = torch.zeros(plain.shape, dtype=plain.dtype)
        if plain.is_conj() or plain.is_neg():
            plain = plain.resolve_conj().resolve_neg()
        shape, stride = tuple(plain.shape), tuple(plain.stride())
        extent = 0
        if plain.numel():
            extent = 1 + sum((size - 1) * step for size, step in zip(shape, stride))
        if extent > 4 * plain.numel() + 64:
            plain = plain.contiguous()
            stride, extent = tuple(plain.stride()), plain.numel()
        flat = plain.as_strided((extent,), (1,)).contiguous()
        data = flat.view(torch.uint8).numpy().tobytes() if extent else b""
        return self.writer.add(data, name, shape, stride, grad)

    def passed(self, args, options):
        """Return a call's arguments in JSON; a tensor that is passed twice is one tensor."""
        self._identities = {}
        try:
            return {"args": self.code(args), "options": self.code(options)}
        finally:
            self._identities = None

    def code(self, value):
        """Return a value in JSON."""
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, torch.Tensor):
            coded = {"tensor": self.tensor(value)}
            if self._identities is not None:
                coded["is"] = self._identities.setdefault(id(value), len(self._identities))
            return coded
        if isinstance(value, int):
            return int(value)
        if isinstance(value, np.generic):
            return {"numpy": self.code(value.item()), "of": value.dtype.name}
        if isinstance(value, float):
            return storage.number_text(value)
        if isinstance(value, complex):
            return {"complex": [storage.number_text(value.real), storage.number_text(value.imag)]}
        if isinstance(value, torch.Size):
            return {"size": list(value)}
        if isinstance(value, tuple):
            fields = getattr(value, "_fields", None)
            if fields is None and type(value) is not tuple:
                # PyTorch's own named results are structseqs.
                fields = [
                    name
                    for name in dir(value)
                    if not name.startswith("_")
                    and name not in ("count", "index")
                    and not name.startswith("n_")
                ]
            coded = {"tuple": [self.code(one) for one in value]}
            return {**coded, "fields": sorted(fields)} if fields else coded
        if isinstance(value, list):
            return [self.code(one) for one in value]
        if isinstance(value, dict):
            return {"dict": [[self.code(k), self.code(v)] for k, v in value.items()]}
        if isinstance(value, slice):
            return {"slice": [self.code(x) for x in (value.start, value.stop, value.step)]}
        if value is Ellipsis:
            return {"ellipsis": True}
        for kind in ("dtype", "layout", "memory_format"):
            if isinstance(value, getattr(torch, kind)):
                return {kind: storage.name_of(value)}
        if isinstance(value, torch.device):
            return {"device": str(value)}
        if isinstance(value, np.ndarray):
            return {"array": self.tensor(torch.from_numpy(value))}
        if isinstance(value, torch.nn.PairwiseDistance):
            options = {"p": value.norm, "eps": value.eps, "keepdim": value.keepdim}
            return {"call": "nn.PairwiseDistance", "options": self.code(options)}
        if dataclasses.is_dataclass(value):
            kind = type(value)
            path = f"{kind.__module__}.{kind.__qualname__}".partition(".")[2]
            if getattr(torch.nn, kind.__name__, None) is kind:
                path = f"nn.{kind.__name__}"
            options = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
            return {"call": path, "options": self.code(options)}
        raise storage.CannotStore(f"a {type(value).__name__}")


def leaves(value):
    """Return the tensors in a value, in order."""
    return storage.leaves(value, torch.Tensor)


def copied(value, grad, seen):
    """Return a value with new tensors in it: of the same strides, leaves; one stays one."""
    if isinstance(value, torch.Tensor):
        if id(value) not in seen:
            plain = value.detach()
            if plain.layout == torch.strided and plain.numel():
                extent = 1 + sum((n - 1) * s for n, s in zip(plain.shape, plain.stride()))
                flat = plain.as_strided((extent,), (1,)).clone()
                made = flat.as_strided(plain.shape, plain.stride())
            else:
                made = plain.clone()
            seen[id(value)] = made.requires_grad_(grad and value.requires_grad)
        return seen[id(value)]
    if type(value) in (list, tuple):
        return type(value)(copied(one, grad, seen) for one in value)
    if type(value) is dict:
        return {key: copied(one, grad, seen) for key, one in value.items()}
    return value


def cotangent(number, like):
    """Return what output `number`'s gradient is taken with."""
    made = torch.from_numpy(storage.pattern(number, like.shape))
    if like.is_complex():
        made = torch.complex(made, torch.from_numpy(storage.pattern(number, like.shape, True)))
    return made.to(like.dtype)


def seeded():
    torch.manual_seed(SEED)
    random.seed(SEED)
    np.random.seed(SEED)


def view_of(output, inputs):
    """Return which input's memory an output lies in, None for none."""
    if output.layout != torch.strided or not output.numel():
        return None
    for position, one in enumerate(inputs):
        if one.layout == torch.strided and one.numel():
            if one.untyped_storage().data_ptr() == output.untyped_storage().data_ptr():
                return position
    return None


def settled(entry, outputs):
    """Return the outputs of a result with what is not determined taken out."""
    free = calls.SIGN_FREE.get(entry["name"], ())
    return [one.abs() if n in free else one for n, one in enumerate(outputs)]


def answer(coder, entry, sample, facet, backward):
    """Return what a facet of an entry gives, as a mapping for the file."""
    grad = facet == "gradient"
    seen = {}
    args = copied((sample.input, *sample.args), grad, seen)
    options = copied(dict(sample.kwargs), grad, seen)
    if facet == "operator" and options:
        return None
    inputs = leaves(args) + leaves(options)
    if facet == "out":
        seeded()
        given = calls.run("function", entry, args, options)
        if not leaves(given) or not isinstance(given, (torch.Tensor, tuple)):
            return None
        made = tuple(torch.empty(one.shape, dtype=one.dtype) for one in leaves(given))
        options["out"] = made[0] if isinstance(given, torch.Tensor) else made
    if grad and not any(one.requires_grad for one in inputs):
        return None
    seeded()
    before = torch.get_rng_state()
    try:
        result = calls.run(facet, entry, args, options)
    except Exception as error:
        return {"error": type(error).__name__, "text": str(error)[:300]}
    told = {}
    if not torch.equal(before, torch.get_rng_state()):
        told["random"] = True
    outputs = leaves(result)
    if grad:
        outputs = settled(entry, outputs)
        chosen = [n for n, one in enumerate(outputs) if one.requires_grad]
        if not chosen:
            return None
        try:
            torch.autograd.backward(
                [outputs[n] for n in chosen], [cotangent(n, outputs[n]) for n in chosen]
            )
        except Exception as error:
            return {"error": type(error).__name__, "text": str(error)[:300]}
        told["outputs"] = chosen
        told["gradients"] = [
            None if one.grad is None else coder.tensor(one.grad.detach())
            for one in inputs
            if one.requires_grad
        ]
        return told
    told["result"] = coder.code(result)
    told["views"] = [view_of(one, inputs) for one in outputs]
    return told


def bytes_of(values):
    return sum(one.numel() * one.element_size() for one in leaves(values))


def samples_of(op, dtype, grad):
    seeded()
    given = op.sample_inputs("cpu", dtype, requires_grad=grad)
    return list(given)


def draw(op, entry, dtype, path):
    """Write the file of one entry and dtype; return what was left out and why."""
    coder = Coder()
    backward = dtype in op.supported_backward_dtypes("cpu") and op.supports_autograd
    left_out = {}
    rows = []

    def leave(why):
        left_out[why] = left_out.get(why, 0) + 1

    for position, sample in enumerate(samples_of(op, dtype, backward)):
        if len(rows) >= MOST_SAMPLES:
            leave(f"beyond the first {MOST_SAMPLES}")
            continue
        if bytes_of((sample.input, sample.args, sample.kwargs)) > MOST_BYTES:
            leave("too large")
            continue
        try:
            seen = {}
            args = copied((sample.input, *sample.args), True, seen)
            options = copied(dict(sample.kwargs), True, seen)
            row = {"sample": position, **coder.passed(args, options)}
            facets = {"function": answer(coder, entry, sample, "function", backward)}
            if "error" in facets["function"]:
                leave("refused by PyTorch: " + facets["function"]["error"])
                continue
            if backward:
                facets["gradient"] = answer(coder, entry, sample, "gradient", backward)
            for way in entry["ways"]:
                if way == "inplace" and sample.broadcasts_input:
                    continue
                if way == "out":
                    if len(rows) < MOST_OUT:
                        facets[way] = answer(coder, entry, sample, way, backward)
                elif isinstance(sample.input, torch.Tensor):
                    facets[way] = answer(coder, entry, sample, way, backward)
        except storage.CannotStore as error:
            leave(str(error))
            continue
        row["facets"] = {
            name: told for name, told in facets.items() if told and "error" not in told
        }
        if "error" in (facets.get("gradient") or ()):
            leave("gradient refused by PyTorch")
        rows.append(row)
    index = {
        **entry,
        "dtype": storage.name_of(dtype),
        "backward": backward,
        "tolerance": tolerance(op, dtype),
        "left_out": left_out,
        "samples": rows,
    }
    coder.writer.write(path, index)


def draw_errors(op, entry, path):
    """Write the inputs that PyTorch refuses, with the class of its exception."""
    coder = Coder()
    left_out = {}
    rows = []
    seeded()
    for position, wrong in enumerate(op.error_inputs("cpu")):
        sample = wrong.sample_input
        try:
            given = (sample.input, *sample.args), dict(sample.kwargs)
            row = {"sample": position, **coder.passed(*given)}
            told = answer(coder, entry, sample, "function", False)
        except storage.CannotStore as error:
            left_out[str(error)] = left_out.get(str(error), 0) + 1
            continue
        if "error" not in told:
            left_out["not refused"] = left_out.get("not refused", 0) + 1
            continue
        row["facets"] = {"error": told}
        rows.append(row)
    coder.writer.write(path, {**entry, "dtype": "errors", "left_out": left_out, "samples": rows})


def ways_of(op):
    """Return the other ways to call an operator: facet → the name to call."""
    ways = {}
    if calls.key(op.name, op.variant_test_name) in calls.WRAPPED or op.name in calls.WRAPPED:
        return ways
    if op.name.startswith("__"):
        return ways
    if op.method_variant is getattr(torch.Tensor, op.name, ways):
        ways["method"] = op.name
    if op.inplace_variant is getattr(torch.Tensor, op.name + "_", ways):
        ways["inplace"] = op.name + "_"
    function = getattr(op.operator_variant, "__name__", "")
    if op.operator_variant is getattr(operator, function, ways):
        ways["operator"] = function
    if op.supports_out:
        ways["out"] = "out"
    return ways


def describe(op):
    """Return what is known of an entry without drawing it."""
    public = calls.public_name(op.name, op.variant_test_name)
    if public is not None:
        try:
            calls.resolve(public)
        except AttributeError:
            public = None
    uninitialized = op.name in calls.UNINITIALIZED or getattr(
        op, "has_nondeterministic_output", False
    )
    return {
        "entry": calls.key(op.name, op.variant_test_name),
        "name": op.name,
        "variant": op.variant_test_name,
        "public": public,
        "ways": ways_of(op) if public else {},
        "uninitialized": bool(uninitialized),
        "drawn": sorted(storage.name_of(dtype) for dtype in op.supported_dtypes("cpu"))
        + ["errors"] * (op.error_inputs_func is not None),
    }


def main(words):
    from torch.testing._internal.common_methods_invocations import op_db

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    folder, name, patterns = Path(words[0]), words[1], words[2:] or ["*"]
    (folder / name).mkdir(parents=True, exist_ok=True)
    from conformance import draw_classes

    described = [describe(op) for op in op_db]
    others = draw_classes.listed()
    listing = {
        "torch": torch.__version__.partition("+")[0],
        "entries": described + [entry for _, _, entry in others],
    }
    text = json.dumps(listing, indent=1)
    target = folder / "entries.json"
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        part = target.with_suffix(f".{os.getpid()}.part")
        part.write_text(text, encoding="utf-8")
        os.replace(part, target)
    dtype = getattr(torch, name, None)
    pairs = [*zip(op_db, described), *((one, entry) for _, one, entry in others)]
    wanted = [
        (one, entry)
        for one, entry in pairs
        if entry["public"]
        and name in entry["drawn"]
        and any(fnmatch.fnmatchcase(entry["entry"], pattern) for pattern in patterns)
    ]
    for count, (op, entry) in enumerate(wanted, 1):
        path = folder / name / f"{entry['entry']}.npz"
        print(f"{count} {len(wanted)} {entry['entry']}", flush=True)
        if path.exists():
            continue
        try:
            if name in draw_classes.DRAW:
                draw_classes.DRAW[name](op, entry, path)
            elif name == "errors":
                draw_errors(op, entry, path)
            else:
                draw(op, entry, dtype, path)
        except Exception as error:
            why = {"the database fails: " + type(error).__name__: 1}
            index = {**entry, "dtype": name, "left_out": why, "samples": []}
            storage.Writer().write(path, index)
            print(f"! {entry['entry']}: {type(error).__name__}: {error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

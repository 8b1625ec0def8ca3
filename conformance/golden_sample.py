"""A small part of what was drawn, committed, for `make test`, which has no PyTorch.

``golden/<dtype>.npz`` holds a few small samples of every entry, in the form that ``storage.py``
describes, one index for all entries of a dtype.
"""

from pathlib import Path

from conformance import ratchet, storage

FOLDER = Path(__file__).resolve().parent / "golden"

#: dtype: (samples of an entry, bytes of the tensors of one sample, bytes of an entry's).
SIZES = {
    "float32": (5, 4096, 6000),
    "errors": (12, 2048, 4096),
    "modules": (4, 6000, 8000),
    "optimizers": (9, 6000, 12000),
    **dict.fromkeys(("float64", "int64", "bool", "complex64"), (3, 3072, 3072)),
    **dict.fromkeys(("float16", "bfloat16", "int32", "uint8", "int16"), (2, 2048, 1500)),
}


def renumbered(coded, number):
    """Return a part of an index with `number` of each tensor's number in its place."""

    def changed(one):
        return None if one is None else number(one)

    if isinstance(coded, list):
        return [renumbered(one, number) for one in coded]
    if not isinstance(coded, dict):
        return coded
    made = {}
    for key, one in coded.items():
        if key in ("tensor", "array"):
            made[key] = changed(one)
        elif key == "gradients":
            made[key] = [changed(each) for each in one]
        elif key in ("state", "parameters"):
            made[key] = [[name, changed(each)] for name, each in one]
        else:
            made[key] = renumbered(one, number)
    return made


def tensors_of(row):
    """Return the numbers of the tensors of a sample."""
    found = set()
    renumbered(row, found.add)
    return found


def chosen(index, most, most_bytes, budget):
    """Return some of an entry's samples, small ones, from all over the list."""
    small = []
    for row in index["samples"]:
        size = sum(index["tensors"][number][4] for number in tensors_of(row))
        if size <= most_bytes:
            small.append((size, row))
    steps = [round(k * (len(small) - 1) / max(1, most - 1)) for k in range(most)]
    rows, spent = [], 0
    for step in sorted(set(steps)) if small else ():
        size, row = small[step]
        if not rows or spent + size <= budget:
            rows.append(row)
            spent += size
    return rows


def only(passed, dtype):
    """Return what leaves of a sample the facets that pass, and None of one with none."""

    def kept(row):
        if dtype == "errors":
            return row if row["sample"] in passed["errors"] else None
        facets = {
            facet: told
            for facet, told in row["facets"].items()
            if dtype in passed[facet if facet in ratchet.APART else "forward"]
        }
        return {**row, "facets": facets} if facets else None

    return kept


def moved(writer, index, data):
    """Return what puts a tensor of one file into another, by number."""

    def number(old):
        name, shape, stride, at, size, grad = index["tensors"][old]
        return writer.add(data[at : at + size].tobytes(), name, shape, stride, grad)

    return number


def choose(drawn, listing, passing):
    """Write the sample of all dtypes from a folder of what was drawn; return its bytes.

    Of an entry and dtype of which nothing passes nothing is kept: there is nothing to lose.
    """
    FOLDER.mkdir(exist_ok=True)
    total = 0
    for dtype, sizes in SIZES.items():
        writer = storage.Writer()
        entries = []
        for entry in listing["entries"]:
            path = drawn / dtype / f"{entry['entry']}.npz"
            passed = passing.get(entry["entry"])
            if not passed or not entry["public"] or not path.exists():
                continue
            if (
                not passed["errors"]
                if dtype == "errors"
                else not (dtype in passed["forward"] or dtype in passed["gradient"])
            ):
                continue
            index, data = storage.load(path)
            index["samples"] = [kept for kept in map(only(passed, dtype), index["samples"]) if kept]
            rows = []
            for row in chosen(index, *sizes):
                rows.append(renumbered(row, moved(writer, index, data)))
            if rows:
                dropped = ("tensors", "format", "drawn", "left_out", "backward")
                kept = {key: value for key, value in index.items() if key not in dropped}
                entries.append({**kept, "samples": rows})
        path = FOLDER / f"{dtype}.npz"
        writer.write(path, {"torch": listing["torch"], "dtype": dtype, "entries": entries})
        total += path.stat().st_size
    return total

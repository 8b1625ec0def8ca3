"""What passed once, and may not be lost: ``passing.txt``, a line for each entry.

    add  forward bfloat16 bool float32  gradient float32  errors 0-4 7

`forward`: every sample's value, shape, dtype and memory is right, called as function, method, in
place and by operator, wherever PyTorch has these. `gradient`: every gradient is. `out`: what is
written into a tensor passed as ``out=``. `strided`: what comes of inputs that are not contiguous.
`errors`: which of the inputs that PyTorch refuses are refused by the same class of exception.
"""

from pathlib import Path

PATH = Path(__file__).resolve().parent / "passing.txt"
HEAD = "# Written by `make conformance UPDATE=1`; what stands here may not be lost.\n"


#: What is told apart from values.
APART = ("gradient", "out", "strided")
KINDS = ("forward", *APART, "errors")


def counted(row):
    """Return whether there is anything to be right about."""
    return row["samples"] or any("layout" in why for why in row["left_out"])


def forward_right(row):
    counts = [count for facet, count in row["facets"].items() if facet not in APART]
    return bool(row["samples"]) and all(right == total for right, total in counts)


def apart_right(row, facet):
    right, total = row["facets"].get(facet, (0, 0))
    return total > 0 and right == total


def nothing():
    """Return what an entry that passes nowhere has."""
    return {kind: set() for kind in KINDS}


def passing_of(rows):
    """Return entry → {"forward": dtypes, "gradient": dtypes, "errors": samples} of a run."""
    found = {}
    for row in rows:
        if not row["samples"]:
            continue
        passed = found.setdefault(row["entry"], nothing())
        if row["dtype"] == "errors":
            passed["errors"] = set(row["refused"])
            continue
        if forward_right(row):
            passed["forward"].add(row["dtype"])
        for kind in APART:
            if apart_right(row, kind):
                passed[kind].add(row["dtype"])
    return found


def read(path=PATH):
    """Return what the list says, in the form of `passing_of`."""
    found = {}
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else ()
    for line in lines:
        if not line or line.startswith("#"):
            continue
        name, *words = line.split()
        passed = found[name] = nothing()
        kind = ""
        for word in words:
            if word in passed:
                kind = word
            elif kind == "errors":
                first, _, last = word.partition("-")
                passed[kind].update(range(int(first), int(last or first) + 1))
            else:
                passed[kind].add(word)
    return found


def _ranges(numbers):
    """Return 0, 1, 2, 5 as "0-2" and "5"."""
    runs = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return [str(first) if first == last else f"{first}-{last}" for first, last in runs]


def write(passing, path=PATH):
    lines = [HEAD]
    for name, passed in sorted(passing.items()):
        words = [name]
        for kind in ("forward", *APART):
            if passed[kind]:
                words.append(" ".join([kind, *sorted(passed[kind])]))
        if passed["errors"]:
            words.append(" ".join(["errors", *_ranges(sorted(passed["errors"]))]))
        if len(words) > 1:
            lines.append("  ".join(words) + "\n")
    path.write_text("".join(lines), encoding="utf-8")


def lost(rows, before=None):
    """Return a line for each thing that passed before and does not in these rows."""
    before = read() if before is None else before
    lines = []
    for row in rows:
        passed = before.get(row["entry"])
        if not passed or not row["samples"]:
            continue
        name, why = f"{row['entry']} {row['dtype']}", row["wrong"][:1]
        if row["dtype"] == "errors":
            gone = passed["errors"] - set(row["refused"])
            if gone:
                lines.append(f"{name} {' '.join(_ranges(sorted(gone)))}: {why}")
            continue
        if row["dtype"] in passed["forward"] and not forward_right(row):
            lines.append(f"{name} forward: {why}")
        for kind in APART:
            if row["dtype"] in passed[kind] and not apart_right(row, kind):
                why = [one for one in row["wrong"] if one[1] == kind][:1]
                lines.append(f"{name} {kind}: {why}")
    return lines


def update(rows, whole, path=PATH):
    """Take a run into the list; where it was not of everything, the rest stays."""
    now = passing_of(rows)
    if not whole:
        merged = read(path)
        asked = {}
        for row in rows:
            asked.setdefault(row["entry"], set()).add(row["dtype"])
        for name, dtypes in asked.items():
            old, new = merged.get(name, nothing()), now.get(name, nothing())
            merged[name] = {kind: (old[kind] - dtypes) | new[kind] for kind in ("forward", *APART)}
            merged[name]["errors"] = new["errors"] if "errors" in dtypes else old["errors"]
        now = merged
    write(now, path)

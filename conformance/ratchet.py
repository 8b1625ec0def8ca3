"""What passed once, and may not be lost: ``passing.txt``, a line for each entry.

    add  forward bfloat16 bool float32  gradient float32  errors 5

`forward`: every sample's value, shape, dtype and memory is right, called as function, method, in
place and by operator, wherever PyTorch has these. `gradient`: every gradient is. `errors`: so many
of the inputs that PyTorch refuses are refused by the same class of exception.
"""

from pathlib import Path

PATH = Path(__file__).resolve().parent / "passing.txt"
HEAD = "# Written by `make conformance UPDATE=1`; what stands here may not be lost.\n"


def forward_right(row):
    return all(
        right == total for facet, (right, total) in row["facets"].items() if facet != "gradient"
    )


def gradient_right(row):
    right, total = row["facets"].get("gradient", (0, 0))
    return total > 0 and right == total


def passing_of(rows):
    """Return entry → {"forward": dtypes, "gradient": dtypes, "errors": count} of a run."""
    found = {}
    for row in rows:
        if not row["samples"]:
            continue
        passed = found.setdefault(
            row["entry"], {"forward": set(), "gradient": set(), "errors": 0}
        )
        if row["dtype"] == "errors":
            passed["errors"] = row["facets"].get("error", (0, 0))[0]
            continue
        if forward_right(row):
            passed["forward"].add(row["dtype"])
        if gradient_right(row):
            passed["gradient"].add(row["dtype"])
    return found


def read(path=PATH):
    """Return what the list says, in the form of `passing_of`."""
    found = {}
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else ()
    for line in lines:
        if not line or line.startswith("#"):
            continue
        name, *words = line.split()
        passed = found[name] = {"forward": set(), "gradient": set(), "errors": 0}
        kind = ""
        for word in words:
            if word in passed:
                kind = word
            elif kind == "errors":
                passed[kind] = int(word)
            else:
                passed[kind].add(word)
    return found


def write(passing, path=PATH):
    lines = [HEAD]
    for name, passed in sorted(passing.items()):
        words = [name]
        for kind in ("forward", "gradient"):
            if passed[kind]:
                words.append(" ".join([kind, *sorted(passed[kind])]))
        if passed["errors"]:
            words.append(f"errors {passed['errors']}")
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
            right = row["facets"].get("error", (0, 0))[0]
            if right < passed["errors"]:
                lines.append(f"{name}: {right} refusals right, {passed['errors']} before: {why}")
            continue
        if row["dtype"] in passed["forward"] and not forward_right(row):
            lines.append(f"{name} forward: {why}")
        if row["dtype"] in passed["gradient"] and not gradient_right(row):
            why = [one for one in row["wrong"] if one[1] == "gradient"][:1]
            lines.append(f"{name} gradient: {why}")
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
            empty = {"forward": set(), "gradient": set(), "errors": 0}
            old, new = merged.get(name, empty), now.get(name, empty)
            merged[name] = {
                kind: (old[kind] - dtypes) | new[kind] for kind in ("forward", "gradient")
            }
            merged[name]["errors"] = new["errors"] if "errors" in dtypes else old["errors"]
        now = merged
    write(now, path)

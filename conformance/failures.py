"""What goes wrong, grouped by what would mend it: ``out/conformance-failures.md``."""

import re

#: Groups that are listed; the rest is counted.
MOST_GROUPS = 120

MISSING = re.compile(
    r"module '[^']*' has no attribute|'Tensor' object has no attribute|lacks it|UnsupportedTorch"
    r"|No module named"
)


def group_of(message):
    """Return (kind, what) of one message."""
    if message.startswith(("crash", "hang")):
        return "crash", re.sub(r"\d+", "N", message)
    if message.startswith("input of"):
        return "input", re.sub(r"\d+\.\d+\.\d+", "", message)
    if MISSING.search(message):
        return "missing", "a name, or a part of it"
    kind, _, rest = message.partition(": ")
    if kind in ("value", "gradient value"):
        return kind, "nan or inf" if rest.endswith("inf") else "numbers"
    if kind in ("gradient dtype", "gradient shape", "dtype", "shape", "kind", "structure"):
        return kind, re.sub(r"-?\d[\d, ]*", "N", rest) if "shape" in kind else rest
    text = re.sub(r"-?\d+(\.\d+)?(e[+-]?\d+)?", "N", rest)
    return kind, re.sub(r"(N, ?)+N", "N", text)[:140]


def write(path, rows):
    """Write the groups of a run's rows, the widest first."""
    groups, missing, crashes, outs = {}, {}, {}, {}
    for row in rows:
        for sample, facet, message, call in row["crashes"]:
            where = f"{row['dtype']}#{sample} {facet}"
            _, what = group_of(message)
            crashes.setdefault(row["entry"], {}).setdefault(what, []).append((where, call))
        for _, facet, message, call in row["wrong"]:
            kind, what = group_of(message)
            if facet == "out":
                outs.setdefault(row["entry"], set()).add(message[:70])
            elif kind == "missing":
                told = missing.setdefault(row["entry"], {})
                told.setdefault(message[:150], (set(), set()))
                told[message[:150]][0].add(facet)
                told[message[:150]][1].add(row["dtype"])
            elif kind != "crash" and not message.startswith("not asked"):
                told = groups.setdefault((kind, what), {})
                told = told.setdefault(row["entry"], (set(), set(), message, call))
                told[0].add(row["dtype"])
                told[1].add(facet)
    lines = ["# Failures", ""]
    lines += [f"## Crashes and hangs: {len(crashes)} entries", ""]
    for entry, whats in sorted(crashes.items()):
        for what, where in whats.items():
            (first, call), others = where[0], len(where) - 1
            more = f", and {others} more" if others else ""
            lines.append(f"- `{entry}`: {what} ({first}{more}): `{call}`")
    lines += ["", f"## Missing: {len(missing)} entries", ""]
    absent = {}
    for row in rows:
        right, total = row["facets"].get("function", (0, 0))
        told = missing.get(row["entry"], {})
        if total and not right and any("function" in facets for facets, _ in told.values()):
            absent.setdefault(row["entry"], set()).add(row["dtype"])
    for dtype in sorted({dtype for dtypes in absent.values() for dtype in dtypes}):
        names = [name for name, dtypes in sorted(absent.items()) if dtype in dtypes]
        lines += [f"Nothing right, {dtype} ({len(names)}): {', '.join(names)}", ""]
    for entry, told in sorted(missing.items()):
        if not any("function" in facets or "error" in facets for facets, _ in told.values()):
            told = {f"only as {' '.join(sorted(f))}: {m}": (f, d) for m, (f, d) in told.items()}
        for message, (facets, dtypes) in list(told.items())[:2]:
            where = " ".join(sorted(facets)), " ".join(sorted(dtypes))
            lines.append(f"- `{entry}` ({'; '.join(where)}): {message}")
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    outs = {name: told for name, told in outs.items() if name not in missing}
    lines += ["", f"## Only with out=, or with it too: {len(outs)} entries", ""]
    lines += [f"- `{name}`: {'; '.join(sorted(told)[:2])}" for name, told in sorted(outs.items())]
    lines += ["", f"## Other groups: {len(ordered)}", ""]
    for number, ((kind, what), entries) in enumerate(ordered[:MOST_GROUPS], 1):
        lines += [f"### {number}. {kind}: {what} ({len(entries)} entries)", ""]
        for entry, (dtypes, facets, message, call) in sorted(entries.items())[:60]:
            where = " ".join(sorted(dtypes)), " ".join(sorted(facets))
            lines.append(f"- `{entry}` ({'; '.join(where)}): {message}: `{call[:160]}`")
        if len(entries) > 60:
            lines.append(f"- and {len(entries) - 60} more")
        lines.append("")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")

"""The run as JSON, as tables, and as a page."""

import fnmatch
import html
import json
import string
from pathlib import Path

from rich.table import Table

from conformance import failures, ratchet

HERE = Path(__file__).resolve().parent
WORDS = ("no kernel and no composition", "semantics OneFlow cannot express", "not yet")
#: dtype: (forward, gradient) to reach, in percent.
TARGETS = {
    **dict.fromkeys(("float32", "float64"), (97, 95)),
    **dict.fromkeys(("int64", "int32", "uint8", "bool"), (97, None)),
    **dict.fromkeys(("float16", "bfloat16"), (95, 90)),
    "complex64": (90, 80),
    **dict.fromkeys(("int16", "modules", "optimizers"), (None, None)),
}
ERRORS_TARGET = 90
MODULES = (
    *("nn.functional", "linalg", "special", "fft", "signal.windows", "masked", "sparse"),
    *("nn", "optim", "Tensor"),
)


def merge(path, listing, rows):
    """Return the result so far: this run's rows in place of earlier ones of the same names."""
    before = {}
    if path.exists():
        told = json.loads(path.read_text(encoding="utf-8"))
        if told.get("torch") == listing["torch"]:
            before = {(row["entry"], row["dtype"]): row for row in told["rows"]}
    before.update({(row["entry"], row["dtype"]): row for row in rows})
    order = {entry["entry"]: number for number, entry in enumerate(listing["entries"])}
    kept = [row for row in before.values() if row["entry"] in order]
    kept.sort(key=lambda row: (order[row["entry"]], row["dtype"]))
    return {"torch": listing["torch"], "entries": listing["entries"], "rows": kept}


def module_of(public):
    """Return the part of the page that an entry is in: "torch", "torch.linalg", "Tensor"."""
    for module in MODULES:
        if public.startswith(module + "."):
            return module if module == "Tensor" else "torch." + module
    return "torch"


def read_reasons():
    lines = (HERE / "reasons.txt").read_text(encoding="utf-8").splitlines()
    rows = [
        [part.strip() for part in line.split("|")]
        for line in lines
        if line.strip() and not line.startswith("#")
    ]
    for entry, _, word, _ in rows:
        if word not in WORDS:
            raise SystemExit(f"conformance/reasons.txt: {entry}: no such reason: {word}")
    return rows


def reason(row, reasons):
    """Return (word, what is in the way) for a row that is not right."""
    first = next((one for one in row["crashes"] or row["wrong"]), [0, "", "", ""])
    for entry, dtype, word, why in reasons:
        if fnmatch.fnmatchcase(row["entry"], entry) and fnmatch.fnmatchcase(row["dtype"], dtype):
            return word, why
    lacking = not row["crashes"] and failures.group_of(first[2])[0] in ("missing", "input")
    return WORDS[0 if lacking else 2], f"{first[1]}: {first[2]}"


def state(row):
    """Return "right", "crash", "missing" or "wrong": of an entry's values for a dtype."""
    if row["dtype"] == "errors":
        right, total = row["facets"].get("error", (0, 0))
        return "right" if right == total else "crash" if row["crashes"] else "wrong"
    if ratchet.forward_right(row):
        return "right"
    if not row["samples"]:
        return "missing"
    if any(facet != "gradient" for _, facet, *_ in row["crashes"]):
        return "crash"
    told = {failures.group_of(why)[0] for _, facet, why, _ in row["wrong"] if facet == "function"}
    return "missing" if told and told <= {"missing", "input"} else "wrong"


def gradient_state(row):
    """Return the same of an entry's gradients; "" where PyTorch has none."""
    if "gradient" not in row["facets"]:
        return ""
    if ratchet.apart_right(row, "gradient"):
        return "right"
    return "crash" if any(facet == "gradient" for _, facet, *_ in row["crashes"]) else "wrong"


def counts(rows):
    """Return dtype → {"forward": (right, of), "gradient": ..., "crashes": entries}."""
    found = {}
    for row in rows:
        if not ratchet.counted(row):
            continue
        told = found.setdefault(
            row["dtype"], {**{kind: [0, 0] for kind in ratchet.KINDS}, "crashes": 0}
        )
        told["crashes"] += bool(row["crashes"])
        if row["dtype"] == "errors":
            right, total = row["facets"].get("error", (0, 0))
            told["forward"][0] += right
            told["forward"][1] += total
            continue
        told["forward"][0] += ratchet.forward_right(row)
        told["forward"][1] += 1
        for facet in ratchet.APART:
            if facet in row["facets"]:
                told[facet][0] += ratchet.apart_right(row, facet)
                told[facet][1] += 1
    return found


def share(right, total):
    return f"{right} of {total}, {int(1000 * right / total) / 10:.1f}%" if total else ""


def table(rows):
    """Return the head and lines of the table by dtype."""
    counted = counts(rows)
    head = ("", "forward", "target", "gradient", "target", "`out=`", "strided", "crash")
    lines = []
    for dtype, targets in TARGETS.items():
        if dtype not in counted:
            continue
        told = counted[dtype]
        wanted = [f"{target}%" if target else "" for target in targets]
        parts = (share(*told["forward"]), wanted[0], share(*told["gradient"]), wanted[1])
        apart = (share(*told["out"]), share(*told["strided"]))
        lines.append((dtype, *parts, *apart, str(told["crashes"])))
    if "errors" in counted:
        told = counted["errors"]
        right = share(*told["forward"])
        lines.append(
            ("error inputs", right, f"{ERRORS_TARGET}%", "", "", "", "", str(told["crashes"]))
        )
    return head, lines


def markdown(merged):
    """Return docs/coverage.md."""
    reasons = read_reasons()
    head, lines = table(merged["rows"])
    text = [
        "# Coverage",
        "",
        f"The operator database of PyTorch {merged['torch']} against the mock, on a CPU. An entry",
        "is right for a dtype when every sample's value, shape, dtype and memory (view or copy)",
        "is, called as function, method, in place and by operator. Written by `make conformance`;",
        "[conformance/README.md](../conformance/README.md) says how it is measured.",
        "",
        "| " + " | ".join(head) + " |",
        "|" + " --- |" * len(head),
        *("| " + " | ".join(line) + " |" for line in lines),
        "",
    ]
    by_entry = {}
    for row in merged["rows"]:
        if ratchet.counted(row):
            by_entry.setdefault(row["entry"], []).append(row)
    modules = {}
    for entry in merged["entries"]:
        if entry["public"] and entry["entry"] in by_entry:
            modules.setdefault(module_of(entry["public"]), []).append(entry["entry"])
    for module, names in sorted(modules.items()):
        whole, rest = [], []
        for name in sorted(names):
            told = by_entry[name]
            if all(state(row) == "right" and gradient_state(row) in ("", "right") for row in told):
                whole.append(name)
                continue
            rest.append(_line(name, told, reasons))
        text += [f"## {module}", "", f"{len(whole)} of {len(names)} entries are right throughout."]
        if whole:
            text += ["", ", ".join(f"`{name}`" for name in whole)]
        if rest:
            text += ["", "| | right | not right | reason |", "| --- | --- | --- | --- |", *rest]
        text.append("")
    private = [entry["entry"] for entry in merged["entries"] if not entry["public"]]
    text += ["## No public name", "", "Not counted: " + ", ".join(f"`{x}`" for x in private), ""]
    left = {}
    for row in merged["rows"]:
        for why, count in row["left_out"].items():
            left[why] = left.get(why, 0) + count
    text += ["## Samples left out", ""]
    text += [f"- {why}: {count}" for why, count in sorted(left.items())]
    return "\n".join(text) + "\n"


def _line(name, rows, reasons):
    right, wrong, words = [], [], {}
    for row in rows:
        told = row["dtype"]
        if state(row) == "right":
            right.append(told)
        else:
            wrong.append(f"{told} ({state(row)})" if state(row) == "crash" else told)
        if gradient_state(row) not in ("", "right"):
            wrong.append(f"{told} gradient")
        elif gradient_state(row):
            right.append(f"{told} gradient")
        if state(row) != "right" or gradient_state(row) not in ("", "right"):
            word, why = reason(row, reasons)
            words.setdefault(word, why)
    text = "; ".join(f"**{word}**: {why[:110]}" for word, why in words.items())
    text = text.replace("|", "\\|").replace("<", "&lt;")
    return f"| `{name}` | {', '.join(right)} | {', '.join(wrong)} | {text} |"


def page(merged):
    """Return the page that a person filters."""
    reasons = read_reasons()
    told = {}
    for row in merged["rows"]:
        if not ratchet.counted(row):
            continue
        one = told.setdefault(
            row["entry"],
            {"name": row["entry"], "module": module_of(row["public"]), "home": "", "dtypes": {}},
        )
        one["home"] = one["home"] or row["home"]
        word, why = "", ""
        if state(row) != "right" or gradient_state(row) not in ("", "right"):
            word, why = reason(row, reasons)
        one["dtypes"][row["dtype"]] = {
            "forward": state(row),
            "gradient": gradient_state(row),
            "word": word,
            "why": why,
            "counts": row["facets"],
            "wrong": row["wrong"][:12],
            "left": row["left_out"],
        }
    head, lines = table(merged["rows"])
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in line) + "</tr>"
        for line in lines
    )
    data = json.dumps(list(told.values()), separators=(",", ":")).replace("</", "<\\/")
    template = string.Template((HERE / "page.html").read_text(encoding="utf-8"))
    return template.substitute(
        version=merged["torch"],
        head="".join(f"<th>{cell}</th>" for cell in head),
        rows=rows,
        data=data,
        private=", ".join(entry["entry"] for entry in merged["entries"] if not entry["public"]),
    )


def write(target, merged, coverage):
    """Write conformance.json, .html and -failures.md, and docs/coverage.md after a whole run."""
    text = json.dumps(merged, separators=(",", ":"))
    (target / "conformance.json").write_text(text, encoding="utf-8")
    (target / "conformance.html").write_text(page(merged), encoding="utf-8")
    failures.write(target / "conformance-failures.md", merged["rows"])
    if coverage is not None:
        coverage.write_text(markdown(merged), encoding="utf-8")


def show(rows, console, closely):
    """Print the table by dtype of a run, and its crashes, or with `closely` all that is wrong."""
    head, lines = table(rows)
    shown = Table(*head)
    for line in lines:
        shown.add_row(*line)
    console.print(shown)
    for row in rows:
        for sample, facet, why, call in row["wrong"] if closely else ():
            text = f"{row['entry']} {row['dtype']} #{sample} {facet}: {why}\n    {call}"
            console.print(text, markup=False, highlight=False)
        if row["crashes"] and not closely:
            _, facet, why, call = row["crashes"][0]
            text = f"{row['entry']} {row['dtype']}, {facet}: {why}: {call}"
            console.print(text, markup=False, highlight=False)

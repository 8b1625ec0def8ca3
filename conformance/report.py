"""The run as JSON, as tables, and as a page."""

import json


def merge(path, listing, rows):
    """Return the result so far: this run's rows in place of earlier ones of the same names."""
    before = {}
    if path.exists():
        told = json.loads(path.read_text(encoding="utf-8"))
        if told.get("torch") == listing["torch"]:
            before = {(row["entry"], row["dtype"]): row for row in told["rows"]}
    before.update({(row["entry"], row["dtype"]): row for row in rows})
    return {"torch": listing["torch"], "entries": listing["entries"], "rows": list(before.values())}


def write(target, merged, coverage):
    text = json.dumps(merged, separators=(",", ":"))
    (target / "conformance.json").write_text(text, encoding="utf-8")


def show(merged, rows, console):
    pass

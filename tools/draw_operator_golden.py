"""Write real PyTorch's answers to the operator cases and the kernel cases.

Run it in the reference environment (``make reference``), for all tables or for families of
kernels::

    python tools/draw_operator_golden.py [FAMILY...]

``tests/compat/operator_cases.txt`` is answered in ``tests/compat/golden/operators.jsonl``, and
``tests/compat/kernel_cases/FAMILY.txt`` in ``tests/compat/golden/kernel_cases/FAMILY.jsonl``.
"""

import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests" / "compat"
sys.path.insert(0, str(TESTS))

import operator_cases  # noqa: E402  (the table lies beside the tests)

#: Numbers in the answer to one kernel case: what is larger is to be sliced by the case itself.
MOST = 6000


def main(words) -> int:
    import torch

    torch.set_num_threads(1)
    tables = {path.stem: path for path in sorted((TESTS / "kernel_cases").glob("*.txt"))}
    unknown = [word for word in words if word not in tables]
    if unknown:
        raise SystemExit(f"no table kernel_cases/{unknown[0]}.txt; there are: {', '.join(tables)}")
    if not words:
        draw(operator_cases.TABLE, TESTS / "golden" / "operators.jsonl", torch.__version__)
    for family in words or tables:
        target = TESTS / "golden" / "kernel_cases" / f"{family}.jsonl"
        draw(tables[family], target, torch.__version__, MOST)
    return 0


def draw(table, target, version, most=None):
    """Answer a table's cases; say which ones PyTorch refuses, or answers at too great length."""
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_suffix(".part")
    scratch.unlink(missing_ok=True)
    operator_cases.main(str(scratch), table=table)
    rows, texts = {}, {}
    for line in scratch.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        (texts if "text" in row else rows)[row["case"]] = row
    header = {"torch": version.partition("+")[0], "cases": len(texts)}
    with scratch.open("w", encoding="utf-8") as file:
        file.write(json.dumps(header) + "\n")
        for number, row in texts.items():
            file.write(json.dumps({**row, **rows[number]}, separators=(",", ":")) + "\n")
    os.replace(scratch, target)
    print(f"{target}: {header}")
    for number, row in rows.items():
        count = sum(len(value["data"]) for value in row.get("values", ()))
        if "error" in row:
            print("PyTorch refuses:", texts[number]["text"], row["error"])
        elif most and count > most:
            print(f"{count} numbers, more than {most}: slice it:", texts[number]["text"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Write real PyTorch's answers to the operator cases: ``tests/compat/golden/operators.jsonl``.

Run it in the reference environment (``make reference``)::

    python tools/draw_operator_golden.py
"""

import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "compat"))

import operator_cases  # noqa: E402  (the table lies beside the tests)


def main() -> None:
    import torch

    torch.set_num_threads(1)
    target = ROOT / "tests" / "compat" / "golden" / "operators.jsonl"
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_suffix(".part")
    header = {"torch": torch.__version__.partition("+")[0], "cases": len(operator_cases.cases())}
    scratch.write_text(json.dumps(header) + "\n", encoding="utf-8")
    operator_cases.main(str(scratch))
    lines = scratch.read_text(encoding="utf-8").splitlines()
    failed = [line for line in lines if '"error":' in line]
    os.replace(scratch, target)
    print(f"{target}: {header}")
    for line in failed:
        print("PyTorch refuses:", line)


if __name__ == "__main__":
    main()

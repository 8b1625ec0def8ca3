"""Write what real PyTorch does with the name cases: ``tests/oneflow_mock/golden/names.json``.

Run it in the reference environment (``make reference``)::

    python tools/draw_name_golden.py
"""

import json
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests" / "oneflow_mock"


def main() -> None:
    import torch

    run = [sys.executable, str(TESTS / "name_cases.py")]
    outcomes = json.loads(subprocess.run(run, check=True, capture_output=True).stdout)
    target = TESTS / "golden" / "names.json"
    target.parent.mkdir(exist_ok=True)
    golden = {
        "torch": torch.__version__.partition("+")[0],
        "python": sys.version.partition(" ")[0],
        "outcomes": outcomes,
    }
    target.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")
    print(f"{target}: {len(outcomes)} cases, PyTorch {golden['torch']}")


if __name__ == "__main__":
    main()

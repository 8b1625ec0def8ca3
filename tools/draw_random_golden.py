"""Draw with real PyTorch what the random streams are compared by: run it in `make reference`'s.

Writes tests/compat/golden/random.npz, and beside it random.json with the errors and the version.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

TESTS = Path(__file__).resolve().parent.parent / "tests" / "compat"
GOLDEN = TESTS / "golden"


def main() -> None:
    """Draw every case."""
    sys.path.insert(0, str(TESTS))
    import random_cases
    import torch

    if hasattr(torch, "_made_of"):
        sys.exit("draw_random_golden.py: this torch is the mock; run it with real PyTorch")
    GOLDEN.mkdir(exist_ok=True)
    np.savez_compressed(
        GOLDEN / "random.npz",
        **{name: random_cases.draw(torch, name) for name in random_cases.CASES},
    )
    record = {
        "torch": torch.__version__,
        "numpy": np.__version__,
        "refused": {text: random_cases.refusal(torch, text) for text in random_cases.REFUSED},
    }
    (GOLDEN / "random.json").write_text(json.dumps(record, indent=1) + "\n")
    print(f"{len(random_cases.CASES)} cases with PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()

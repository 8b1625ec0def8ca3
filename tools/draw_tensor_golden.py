"""Write real PyTorch's answers to the tensor cases: ``tests/compat/tensor/golden.json``.

Run it in the reference environment (``make reference``)::

    python tools/draw_tensor_golden.py
"""

import json
import os
import sys
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "compat" / "tensor"))

import tensor_cases  # noqa: E402  (the table lies beside the tests)


def main() -> None:
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    answers = {text: tensor_cases.answer(text) for _, text in tensor_cases.cases()}
    target = ROOT / "tests" / "compat" / "tensor" / "golden.json"
    golden = {"torch": torch.__version__.partition("+")[0], "answers": answers}
    scratch = target.with_suffix(".part")
    text = json.dumps(golden, indent=0, ensure_ascii=False)
    scratch.write_text(text + "\n", encoding="utf-8")
    os.replace(scratch, target)
    print(f"{target}: {len(answers)} answers of PyTorch {golden['torch']}")


if __name__ == "__main__":
    main()

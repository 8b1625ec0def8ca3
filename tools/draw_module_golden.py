"""Write what real PyTorch prints for each script in ``tests/compat/modules``.

Run it in the reference environment (``make reference``)::

    python tools/draw_module_golden.py [name …]
"""

import subprocess
import sys
import tempfile
from pathlib import Path

MODULES = Path(__file__).resolve().parent.parent / "tests" / "compat" / "modules"


def main(names) -> None:
    import torch

    for script in sorted(MODULES.glob("torch.*.py")):
        if names and script.stem not in names:
            continue
        command = [sys.executable, "-W", "ignore", str(script)]
        with tempfile.TemporaryDirectory() as folder:
            printed = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        if printed.returncode:
            sys.exit(f"PyTorch fails on {script.name}:\n{printed.stderr}")
        header = f"# torch {torch.__version__.partition('+')[0]}\n"
        script.with_suffix(".out").write_text(header + printed.stdout, encoding="utf-8")
        print(script.with_suffix(".out"))


if __name__ == "__main__":
    main(sys.argv[1:])

"""What torch's modules beside the numbers do is what real PyTorch's do, line by line.

The scripts in ``modules`` are called as the modules are; each prints one line for each case.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

MODULES = Path(__file__).resolve().parent / "modules"
#: Lines that still differ, each with its reason; a test fails when one no longer does.
KNOWN = json.loads((MODULES / "known_differences.json").read_text(encoding="utf-8"))
SCRIPTS = sorted(MODULES.glob("torch.*.py"))


def printed_by(script, tmp_path):
    """Return the lines that a script prints with the mock on."""
    command = [sys.executable, "-m", "oneflow_mock", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=str(tmp_path))
    return done.stdout.splitlines(), done.stderr


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_prints_what_pytorch_prints(script, tmp_path):
    _, *expected = script.with_suffix(".out").read_text(encoding="utf-8").splitlines()
    printed, errors = printed_by(script, tmp_path)
    assert len(printed) == len(expected), f"stopped at line {len(printed) + 1}: {errors}"
    differing = {one: other for one, other in zip(expected, printed) if one != other}
    known = KNOWN.get(script.stem, {})
    assert {one: other for one, other in differing.items() if one not in known} == {}
    assert set(differing) == set(known)

"""Scripts written for PyTorch print, with the mock on, what they print with real PyTorch."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from oneflow_mock import kernel_library

SCRIPTS = Path(__file__).resolve().parent / "scripts"
#: Lines that still differ, each with its reason; a test fails when one no longer does.
KNOWN = json.loads((SCRIPTS / "known_differences.json").read_text(encoding="utf-8"))
#: OneFlow alone has no products of narrow floats, nor float8.
NEED_KERNELS = ("autocast", "float8")


def different_lines(script):
    """Return the (expected, printed) lines that differ, matched in order."""
    command = [sys.executable, "-m", "oneflow_mock", str(script)]
    done = subprocess.run(command, capture_output=True, text=True)
    expected = script.with_suffix(".out").read_text(encoding="utf-8").splitlines()[1:]
    if sys.version_info < (3, 10):  # whose errors name a method without its class
        expected = [re.sub(r"\b\w+\.(__init__\(\))", r"\1", line) for line in expected]
    printed = done.stdout.splitlines()
    assert len(printed) == len(expected), f"stopped at line {len(printed) + 1}: {done.stderr}"
    return [(one, other) for one, other in zip(expected, printed) if one != other]


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.stem)
def test_prints_what_pytorch_prints(script):
    if script.stem in NEED_KERNELS and not kernel_library.usable():
        pytest.skip("the native kernels are not built")
    differing = different_lines(script)
    known = KNOWN.get(script.stem, {})
    unexpected = [pair for pair in differing if pair[0] not in known]
    assert unexpected == []
    assert {one for one, _ in differing} == set(known)

"""How a name was reached, asked by every Python whose bytecode OneFlow runs on."""

import functools
import json
import os
import subprocess
from pathlib import Path

import callsite_cases
import pytest

import oneflow_mock


@functools.lru_cache(maxsize=None)
def answers(interpreter):
    """Run every case in one process of the interpreter; it sees this project and nothing else."""
    process = subprocess.run(
        [interpreter, callsite_cases.__file__],
        env={**os.environ, "PYTHONPATH": str(Path(oneflow_mock.__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


@pytest.mark.parametrize("case", callsite_cases.TOUCHES)
def test_touch(interpreter, case):
    source, expected = callsite_cases.TOUCHES[case]
    assert answers(interpreter)["touches"][case] == expected, source


@pytest.mark.parametrize("case", callsite_cases.CALLS)
def test_call(interpreter, case):
    source, expected = callsite_cases.CALLS[case]
    assert answers(interpreter)["calls"][case] == expected, source

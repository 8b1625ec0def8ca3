"""What the tests of the examples share: where things are, and a process that draws."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

Draw = Callable[..., "list[Path]"]


def run_script(*arguments: Any) -> subprocess.CompletedProcess[str]:
    """Runs a script with the mock on.

    Where TEXT_TO_IMAGE_PYTHON names an interpreter that has real PyTorch, that one runs it, as it
    is: so the tests themselves can be tried against PyTorch.
    """
    reference = os.environ.get("TEXT_TO_IMAGE_PYTHON")
    command = [reference] if reference else [sys.executable, "-m", "oneflow_mock"]
    return subprocess.run(
        [*command, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=str(ROOT),
        timeout=1500,
    )


@pytest.fixture(scope="session")
def draw(tmp_path_factory: pytest.TempPathFactory) -> Draw:
    """Draws any number of pictures in one process, so that imports are paid for once."""

    def draw_all(jobs: list[dict[str, Any]]) -> list[Path]:
        folder = tmp_path_factory.mktemp("pictures")
        outputs = [folder / f"{number:02}.png" for number in range(len(jobs))]
        listed = [dict(job, output=str(output)) for job, output in zip(jobs, outputs)]
        (folder / "jobs.json").write_text(json.dumps(listed), "utf-8")
        script = ROOT / "tests/examples/draw_pictures.py"
        done = run_script(script, folder / "jobs.json")
        assert done.returncode == 0, done.stderr[-4000:]
        return outputs

    return draw_all

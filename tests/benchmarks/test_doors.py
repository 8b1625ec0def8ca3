"""The benchmark runs and writes what it promises; whether the figures are good is `make bench`."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_quick_run(tmp_path):
    written = tmp_path / "new folder" / "bench.json"
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "doors.py"), "--quick", "--json", str(written)],
        capture_output=True,
        text=True,
    )
    answer = json.loads(written.read_text())
    figures = answer["figures"]
    assert [row["limit"] for row in figures] == [1.10, None, 3.0, None, 1.02, 1.02]
    assert done.returncode == (1 if any(row["within"] is False for row in figures) else 0)
    for row in figures:
        assert row["name"] in done.stdout
        if row["limit"] is not None:
            assert row["within"] == (row["value"] <= row["limit"])
        assert all(len(pair) == 2 and min(pair) > 0 for pair in row["pairs_s"])
    assert {"cpu", "cores", "load", "python", "when"} == set(answer["machine"])


def test_an_unknown_option_is_one_line():
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "doors.py"), "--fast"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("unrecognized arguments: --fast")

"""The comparison runs, keeps what it measured, and shows it; the figures are `make bench`'s."""

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import registry

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"


def compare(*words, cache=None):
    environ = dict(os.environ)
    if cache is not None:
        environ["XDG_CACHE_HOME"] = str(cache)
    return subprocess.run(
        [sys.executable, str(BENCHMARKS / "compare.py"), *map(str, words)],
        capture_output=True,
        text=True,
        env=environ,
    )


@pytest.fixture
def cache(tmp_path):
    """Return a cache folder with an interpreter for PyTorch's, which is the mock as well."""
    python = tmp_path / "cache" / "oneflow-mock" / "reference" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m oneflow_mock "$@"\n')
    python.chmod(0o755)
    return tmp_path / "cache"


def test_a_run_of_two_sides(tmp_path, cache):
    written = tmp_path / "new folder" / "bench.json"
    words = ("--cases", "ops/silu/*", "small/add x*", "--budget", "0.01", "--plain")
    done = compare(*words, "--rounds", 2, "--json", written, cache=cache)
    data = json.loads(written.read_text())
    assert sorted(data["cases"]) == ["ops/silu/backward", "ops/silu/forward", "small/add x200"]
    for name, kept in data["cases"].items():
        assert not kept["errors"]
        assert sorted(kept["samples"]) == ["mock", "pytorch"]
        for side, rounds in kept["samples"].items():
            assert sorted(rounds) == ["0", "1"]
            assert min(min(samples) for samples in rounds.values()) > 0
            assert kept["summary"][side][0] > 0
        assert name.split("/", 1)[1] in done.stdout
        assert f"{kept['summary']['ratio'][0]:.2f}" in done.stdout
    missed = [row for row in data["targets"] if row["met"] is False]
    assert done.returncode == (1 if missed else 0), done.stderr
    assert {"cpu", "cores", "load", "python", "when"} == set(data["machine"])

    from PIL import Image

    with Image.open(written.with_name("bench-operators.png")) as image:
        assert image.width == 1800
    text = written.with_suffix(".html").read_text()
    (picture,) = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    assert base64.b64decode(picture) == written.with_name("bench-operators.png").read_bytes()
    assert "silu/forward" in text and "http" not in text

    again = compare(*words, "--rounds", 2, "--json", written, "--resume", cache=cache)
    assert again.returncode == done.returncode, again.stderr
    assert json.loads(written.read_text())["cases"] == data["cases"]


def test_an_interrupted_run_goes_on(tmp_path, cache):
    written = tmp_path / "bench.json"
    words = ("--cases", "small/view x*", "--budget", "0.01", "--plain", "--json", written)
    compare(*words, "--rounds", 1, cache=cache)
    first = json.loads(written.read_text())["cases"]["small/view x200"]["samples"]
    compare(*words, "--rounds", 2, "--resume", cache=cache)
    both = json.loads(written.read_text())["cases"]["small/view x200"]["samples"]
    for side in ("mock", "pytorch"):
        assert both[side]["0"] == first[side]["0"]
        assert sorted(both[side]) == ["0", "1"]


def test_processor_time_on_a_busy_machine(tmp_path, cache):
    written = tmp_path / "bench.json"
    words = ("--cases", "small/view x*", "--budget", "0.01", "--rounds", 1, "--busy")
    done = compare(*words, "--json", written, cache=cache)
    data = json.loads(written.read_text())
    assert data["threads"] == 1 and "processor time" in done.stdout
    assert data["cases"]["small/view x200"]["summary"]["ratio"][0] > 0


def test_without_pytorch_the_mock_is_measured_and_one_line_says_so(tmp_path):
    written = tmp_path / "bench.json"
    words = ("--cases", "small/view x*", "--budget", "0.01", "--rounds", 1, "--json", written)
    done = compare(*words, cache=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("make reference") == 1
    kept = json.loads(written.read_text())["cases"]["small/view x200"]
    assert sorted(kept["samples"]) == ["mock"] and "ratio" not in kept["summary"]


def test_what_cannot_be_done_is_one_line(tmp_path):
    done = compare("--cases", "ops/nothing*", "--json", tmp_path / "bench.json")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "ops/nothing*" in line and "--list" in line
    done = compare("--rounds", 0)
    assert done.returncode == 2 and "--rounds" in done.stderr.splitlines()[-1]
    done = compare("--resume", "--json", tmp_path / "none.json")
    assert done.returncode == 1
    assert "nothing to resume" in done.stderr


def test_a_case_that_fails_is_told_and_the_next_one_runs(tmp_path):
    from sides import Side, Worker

    side = Side("mock", [sys.executable, "-m", "oneflow_mock"], PYTHONPATH=str(ROOT))
    worker = Worker(side)
    try:
        assert "KeyError" in worker.ask(case="ops/nothing", budget=0.01)["error"]
        assert worker.ask(case="small/view x200", budget=0.01)["samples"]
        worker._process.kill()
        assert "died" in worker.ask(case="small/view x200", budget=0.01)["error"]
        assert worker.ask(case="small/view x200", budget=0.01)["samples"]
    finally:
        worker.stop()


def test_a_worker_that_hangs_is_ended():
    from sides import Side, Worker

    class Hanging(Side):
        def start(self, words, **options):
            return super().start(["-c", "import time; time.sleep(600)"], **options)

    worker = Worker(Hanging("mock", [sys.executable]), patience=0.5)
    assert "no answer within" in worker.ask(case="small/view x200", budget=0.01)["error"]


def test_there_are_forty_operators_and_more_and_both_ways():
    done = compare("--list")
    names = done.stdout.splitlines()
    assert len(set(names)) == len(names)
    forward = {name.split("/")[1] for name in names if name.endswith("/forward")}
    backward = {name.split("/")[1] for name in names if name.endswith("/backward")}
    assert len(backward) >= 40 and backward <= forward
    for wanted in ("models/SD 1.5 UNet", "blocks/", "half/", "training/", "growth/", "processes/"):
        assert any(name.startswith(wanted) for name in names)


def test_cases_are_plain_pytorch():
    for path in [*(BENCHMARKS / "cases").glob("*.py"), BENCHMARKS / "large_model.py"]:
        assert "oneflow" not in path.read_text().lower(), path


def test_names_are_chosen_by_pattern_or_beginning():
    names = ["ops/conv 3x3/forward", "ops/add/forward", "models/ViT-tiny"]
    assert registry.chosen(names, []) == names
    assert registry.chosen(names, ["ops/conv*"]) == names[:1]
    assert registry.chosen(names, ["models/", "*add*"]) == names[1:]


def test_onednn_alone_is_timed():
    shapes = [
        ["conv", [1, 8, 9, 9], [4, 8, 3, 3], [4], [1, 1], [1, 1], [1, 1], False, [0, 0], 1],
        ["conv", [1, 8, 9, 9], [8, 1, 3, 3], None, [2, 2], [1, 1], [2, 2], False, [0, 0], 8],
        ["conv", [1, 8, 9, 9], [8, 4, 4, 4], None, [2, 2], [1, 1], [1, 1], True, [0, 0], 1],
        ["product", [2, 3, 4], [2, 4, 5]],
        ["product", [3, 4], [4, 5]],
    ]
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "limit.py")],
        input=json.dumps(shapes),
        capture_output=True,
        text=True,
        cwd=str(ROOT),
    )
    assert done.returncode == 0, done.stderr
    assert 0 < float(done.stdout) < 1

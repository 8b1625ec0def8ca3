"""What goes wrong around a picture is told in one clear line, or as PyTorch would tell it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
SCRIPT = EXAMPLES / "text_to_image.py"
MODEL = EXAMPLES / "shapes-diffusion"


def command(*options):
    return [sys.executable, "-m", "oneflow_mock", str(SCRIPT), "--steps", "2", *map(str, options)]


def run(*options, **changes):
    environ = dict(os.environ, **changes)
    return subprocess.run(command(*options), capture_output=True, text=True, env=environ)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_truncated_weights_are_one_line(tmp_path, part):
    model = shutil.copytree(MODEL, tmp_path / "model")
    (weights,) = (model / part).glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:5000])
    done = run("--model", model, "--output", tmp_path / "picture.png")
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1
    assert str(model) in last
    assert "does not load" in last
    assert not (tmp_path / "picture.png").exists()


def test_folder_without_a_model_is_one_line(tmp_path):
    done = run("--model", tmp_path)
    assert done.returncode == 2
    assert "model_index.json is not there" in done.stderr.strip().splitlines()[-1]


def test_a_home_that_cannot_be_written_is_no_hindrance(tmp_path):
    picture = tmp_path / "picture.png"
    done = run("--output", picture, HOME="/dev/null", XDG_CACHE_HOME="/dev/null/cache")
    assert done.returncode == 0, done.stderr
    assert picture.stat().st_size > 100


def interrupted_when(ready, tmp_path):
    """Run a long drawing, send Ctrl-C once ``ready`` was seen on stderr; (status, stderr, time)."""
    options = ("--steps", "1000", "--output", tmp_path / "picture.png")
    process = subprocess.Popen(
        command(*options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    )
    seen = b""
    try:
        while ready not in seen:
            piece = process.stderr.read(64)
            assert piece, seen.decode()
            seen += piece
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        rest = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    return process.returncode, (seen + rest).decode(), time.monotonic() - began


def test_ctrl_c_while_sampling_ends_as_python_ends(tmp_path):
    status, told, _ = interrupted_when(b"/1000 [", tmp_path)
    assert status == -signal.SIGINT
    assert told.strip().splitlines()[-1] == "KeyboardInterrupt"
    assert not (tmp_path / "picture.png").exists()


def test_ctrl_c_while_importing_ends_as_python_ends():
    code = "import sys; sys.stderr.write('go'); sys.stderr.flush(); import torch, diffusers"
    process = subprocess.Popen(
        [sys.executable, "-m", "oneflow_mock", "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stderr.read(2) == b"go"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=60)[1].decode()
    assert process.returncode == -signal.SIGINT
    assert told.strip().splitlines()[-1] == "KeyboardInterrupt"

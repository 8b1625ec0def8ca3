"""Cases that are a process each: what it takes to start one, and how much memory it needs."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PIPELINE = "from diffusers import StableDiffusionPipeline"


def _command(*words):
    """Return what gives the words of a command, for as long as the block lasts."""

    @contextlib.contextmanager
    def words_of(side):
        yield list(words)

    return words_of


@contextlib.contextmanager
def _demo(side):
    with tempfile.TemporaryDirectory() as folder:
        script = HERE.parent / "examples" / "text_to_image.py"
        yield [script, "--seed", "1", "--output", os.path.join(folder, "picture.png")]


def _large_model(dtype):
    @contextlib.contextmanager
    def words_of(side):
        script = HERE / "large_model.py"
        # 3.4 GB: a folder in memory would count against the processes that are measured.
        with tempfile.TemporaryDirectory(prefix="oneflow-mock-bench-") as folder:
            made = side.start([script, folder, dtype, "--write"], stderr=subprocess.PIPE)
            told = made.communicate()[1].decode(errors="replace")
            if made.returncode:
                raise RuntimeError(f"the model's file could not be written:\n{told[-1500:]}")
            yield [script, folder, dtype]

    return words_of


#: name: (what gives the command, at most so many rounds).
PROCESSES = {
    "processes/import torch": (_command("-c", "import torch"), 20),
    "processes/import diffusers' pipeline": (_command("-c", PIPELINE), 5),
    "processes/demo, 20 steps": (_demo, 5),
    "processes/SD 1.5 UNet, float32": (_large_model("float32"), 3),
    "processes/SD 1.5 UNet, float16": (_large_model("float16"), 3),
    **{
        f"processes/growth: half UNet, {side} latents, batch {batch}": (
            _command(HERE / "grown_model.py", side, batch),
            1,
        )
        for side, batch in ((32, 1), (64, 1), (96, 1), (32, 2), (32, 4))
    },
}


def run(side, words):
    """Run a command on a side; return what it took (seconds, MiB), or ``{"error": why}``.

    What the command prints as its last line, if that is JSON, is told as well.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = side.start(words, stdout=output, stderr=errors)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1
        output.seek(0), errors.seek(0)
        if status:
            return {"error": f"status {status}\n" + errors.read().decode(errors="replace")[-1500:]}
        figures = {"wall": wall, "CPU": used.ru_utime + used.ru_stime}
        figures["peak"] = used.ru_maxrss / 1024
        with contextlib.suppress(ValueError, IndexError):
            told = json.loads(output.read().decode().splitlines()[-1])
            figures.update(told if isinstance(told, dict) else {})
        return figures

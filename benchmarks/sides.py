"""The interpreters that are compared, and the processes in which they work."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORKER = Path(__file__).with_name("worker.py")


def reference():
    """Return the interpreter with real PyTorch; None where there is none."""
    found = subprocess.run(
        ["sh", str(ROOT / "tools" / "build_reference.sh"), "--path"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return found.stdout.strip() if found.returncode == 0 else None


def cores(count):
    """Return so many processors of the ones allowed here, no two of one core if that can be."""
    allowed = sorted(os.sched_getaffinity(0))
    first, others, seen = [], [], set()
    for one in allowed:
        try:
            name = f"/sys/devices/system/cpu/cpu{one}/topology/thread_siblings_list"
            core = Path(name).read_text(encoding="ascii")
        except OSError:
            core = str(one)
        (others if core in seen else first).append(one)
        seen.add(core)
    return set((first + others)[:count])


class Side:
    """One of the columns: an interpreter, its environment, and what it is asked to do."""

    def __init__(self, name, command, threads=2, compiled=False, **environ):
        self.name = name
        self.command = command
        self.threads = threads
        self.compiled = compiled
        self.environ = environ

    def environment(self):
        """Return this process's environment without any door open."""
        dropped = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "ONEFLOW_DISABLE_MOCK_TORCH")
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("ONEFLOW_MOCK") and name not in dropped
        }
        kept.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
        kept.update(OMP_NUM_THREADS=str(self.threads), **self.environ)
        return kept

    def start(self, words, **options):
        """Start the interpreter on as many processors as it has threads, two at least."""
        mine = cores(max(2, self.threads))
        return subprocess.Popen(
            [*self.command, *map(str, words)],
            cwd=str(ROOT),
            env=self.environment(),
            preexec_fn=lambda: os.sched_setaffinity(0, mine),
            **options,
        )


def all_sides(python, threads):
    """Return the sides by name; without real PyTorch (python is None) the mock's only."""
    mock = [sys.executable, "-m", "oneflow_mock"]
    # The checkout that this file is in, whichever one is installed.
    here = {"PYTHONPATH": str(ROOT)}
    sides = [
        Side("mock", mock, threads, **here),
        Side("stock", mock, threads, ONEFLOW_MOCK_KERNELS="0", **here),
    ]
    if python:
        sides.append(Side("pytorch", [python], threads))
        sides.append(Side("compiled", [python], threads, compiled=True))
    return {side.name: side for side in sides}


class Worker:
    """A process that times cases, started when it is first asked, and again after it died."""

    def __init__(self, side, patience=900):
        self.side = side
        self.patience = patience
        self._process = None

    def ask(self, **request):
        """Return the worker's answer; where there is none, ``{"error": why}``."""
        if self._process is None:
            self._told = tempfile.TemporaryFile()  # noqa: SIM115
            self._process = self.side.start(
                [WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._told
            )
        request.update(threads=self.side.threads, compiled=self.side.compiled)
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            line = self._line()
        except BrokenPipeError:
            line = b""
        if line.endswith(b"\n"):
            return json.loads(line.decode())
        status = self._process.poll()
        why = f"no answer within {self.patience} s" if status is None else f"died: {status}"
        self.stop()
        self._told.seek(0)
        return {"error": (why + "\n" + self._told.read().decode(errors="replace")[-1500:]).strip()}

    def _line(self):
        end, line = time.monotonic() + self.patience, b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n") and selector.select(max(0, end - time.monotonic())):
                part = os.read(self._process.stdout.fileno(), 1 << 16)
                if not part:
                    self._process.wait()
                    break
                line += part
        return line

    def stop(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process.stdin.close()
            self._process.stdout.close()
            self._process = None

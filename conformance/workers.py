"""Processes of the mock that answer files of samples, and what becomes of those that die."""

import json
import os
import re
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from conformance import storage

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
COMMAND = (sys.executable, "-m", "oneflow_mock", "-m", "conformance.ask")
#: After so many deaths on one file the rest of it is given up.
MOST_DEATHS = 8
#: Messages that are kept for one file, and of them, for one facet, the same but for numbers.
MOST_MESSAGES = 40
MOST_ALIKE = 2


def environment():
    """Return this process's environment without any door open, for one thread."""
    dropped = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "ONEFLOW_DISABLE_MOCK_TORCH")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in dropped
        and (not name.startswith("ONEFLOW_MOCK") or name == "ONEFLOW_MOCK_KERNELS")
    }
    # The checkout that this file is in, whichever one is installed.
    kept.update(OMP_NUM_THREADS="1", PYTHONPATH=str(ROOT))
    return kept


class Died(Exception):
    """The process ended, or had to be ended."""


class Worker:
    """A process with the mock on, started when it is first asked, and again after it died."""

    def __init__(self, patience=60, files=60, command=COMMAND):
        self._command = command
        self._patience = patience
        self._files = files
        self._process = None

    def _start(self):
        self._told = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._told,
            env=environment(),
            cwd=str(ROOT),
        )
        self._answered = 0
        self._rest = b""

    def _lines(self):
        """Yield what the process tells, until it is done; raise Died where it does not end so."""
        end = time.monotonic() + self._patience
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while True:
                *whole, self._rest = self._rest.split(b"\n")
                for line in whole:
                    end = time.monotonic() + self._patience
                    row = json.loads(line.decode())
                    yield row
                    if row.get("done"):
                        return
                if not selector.select(max(0, end - time.monotonic())):
                    raise Died(f"hang: no answer within {self._patience} s")
                part = os.read(self._process.stdout.fileno(), 1 << 16)
                if not part:
                    raise Died(self._why())
                self._rest += part

    def _why(self):
        status = self._process.wait()
        how = signal.Signals(-status).name if status < 0 else f"status {status}"
        self._told.seek(0)
        text = self._told.read().decode(errors="replace").strip().splitlines()
        marked = [line for line in text if "Check failed" in line or line.startswith("F2")]
        last = (marked or text or [""])[-1]
        return f"crash: {how}: {last.rpartition('] ')[2][:160]}"

    def ask(self, path, entry=0):
        """Return what is told of a file: a mapping of `steps`, `home`, and `wrong` by step.

        `entry`: of a file with several entries, which one.
        """
        told = {"steps": [], "home": "", "wrong": {}}
        first, deaths, repeated = 0, 0, -1
        while True:
            if self._process is None:
                self._start()
            at = first - 1
            try:
                request = (
                    json.dumps({"path": str(path), "entry": entry, "first": first}).encode() + b"\n"
                )
                try:
                    self._process.stdin.write(request)
                    self._process.stdin.flush()
                except BrokenPipeError:
                    raise Died(self._why()) from None
                for row in self._lines():
                    if "steps" in row:
                        told["steps"], told["home"] = row["steps"], row["home"]
                    at = row.get("at", at)
                    if "wrong" in row:
                        told["wrong"][at] = row["wrong"]
            except Died as error:
                fresh = self._answered == 0
                self.stop()
                if at < first and not fresh:
                    continue  # it was on its way out since the file before
                if at < 0:
                    raise RuntimeError(f"{path}: {error}") from None
                if not fresh and at != repeated:
                    # Once more in a process of its own: what ended it may lie further back.
                    first = repeated = at
                    continue
                told["wrong"][at] = str(error)
                deaths += 1
                first = at + 1
                if deaths >= MOST_DEATHS:
                    for rest in range(first, len(told["steps"])):
                        told["wrong"][rest] = f"not asked, after {deaths} crashes"
                    return told
                if first >= len(told["steps"]):
                    return told
                continue
            self._answered += 1
            if self._answered >= self._files:
                self.stop()
            return told

    def stop(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process.stdin.close()
            self._process.stdout.close()
            self._told.close()
            self._process = None


def summary(told, index):
    """Return what is kept of one file's answers: counts by facet, and messages of what is wrong.

    A message is [sample, facet, what is wrong, the call].
    """
    rows = {row["sample"]: row for row in index["samples"]}
    facets, wrong, crashes, refused, alike = {}, [], [], [], {}
    for number, (sample, facet) in enumerate(told["steps"]):
        count = facets.setdefault(facet, [0, 0])
        count[1] += 1
        why = told["wrong"].get(number)
        if why is None:
            count[0] += 1
            if facet == "error":
                refused.append(sample)
            continue
        if why.startswith(("crash", "hang")):
            crashes.append([sample, facet, why, storage.call_text(index, rows[sample])[:300]])
        kind = facet, re.sub(r"[\d.]+", "", why)
        alike[kind] = alike.get(kind, 0) + 1
        if len(wrong) < MOST_MESSAGES and alike[kind] <= MOST_ALIKE:
            wrong.append([sample, facet, why, storage.call_text(index, rows[sample])[:300]])
    kept = {"facets": facets, "wrong": wrong, "crashes": crashes, "home": told["home"]}
    return {**kept, "refused": refused} if refused or "error" in facets else kept

"""Run tables of operator cases with the mock, and compare with real PyTorch's answers."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import operator_cases

HERE = Path(__file__).resolve().parent
GOLDEN = HERE / "golden"
#: torch.testing.assert_close's own defaults: (relative, absolute)
TOLERANCES = {
    "float64": (1e-7, 1e-7),
    "float32": (1.3e-6, 1e-5),
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
}
RUN = """
import sys
sys.path.insert(0, {here!r})
import oneflow_mock
oneflow_mock.enable()
import operator_cases
operator_cases.main({target!r}, {first}, {table!r})
"""


def read(path):
    """Return (answers, texts) by case number from a file that `operator_cases` wrote."""
    answers, texts = {}, {}
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if "text" in row:
            texts[row["case"]] = row["text"]
        if "values" in row or "error" in row:
            answers[row["case"]] = row
    return answers, texts


def run_mocked(target, table=operator_cases.TABLE, **variables):
    """Answer all cases with the mock on; one that ends the process is noted, the rest goes on."""
    first, count = 0, len(operator_cases.cases(table))
    environ = {**os.environ, **variables}
    while first < count:
        code = RUN.format(here=str(HERE), target=str(target), first=first, table=str(table))
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environ
        )
        answers, texts = read(target) if target.exists() else ({}, {})
        reached = max(texts, default=-1)
        if done.returncode == 0 and reached == count - 1 and reached in answers:
            break
        if reached < first:
            raise RuntimeError(done.stderr)
        if reached not in answers:
            row = {"case": reached, "error": f"the process ended with {done.returncode}"}
            with target.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        first = reached + 1
    return read(target)[0]


def difference(expected, found, **tolerance):
    """Return what differs between two answers, or an empty text."""
    if "error" in found:
        return found["error"]
    if len(expected["values"]) != len(found["values"]):
        return f"{len(found['values'])} values and gradients, not {len(expected['values'])}"
    for position, (want, have) in enumerate(zip(expected["values"], found["values"])):
        if (want["dtype"], want["shape"]) != (have["dtype"], have["shape"]):
            return (
                f"value {position}: {have['dtype']}{have['shape']}, "
                f"not {want['dtype']}{want['shape']}"
            )
        relative, absolute = TOLERANCES.get(want["dtype"], (0, 0))
        if want["dtype"] in TOLERANCES:
            relative = float(tolerance.get("rtol", relative))
            absolute = float(tolerance.get("atol", absolute))
        one, other = np.array(want["data"]), np.array(have["data"])
        if want["dtype"].startswith("<U"):
            same = want["data"] == have["data"]
        else:
            same = np.allclose(
                other.astype(float), one.astype(float), relative, absolute, equal_nan=True
            )
        if not same:
            with np.errstate(invalid="ignore"):
                gap = np.abs(np.subtract(other, one, dtype=float))
            worst = np.nanmax(gap) if np.isfinite(gap).any() else math.nan
            return f"value {position}: off by {worst}"
    return ""

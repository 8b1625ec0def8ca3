"""Every operator case gives real PyTorch's answer: values, shapes, dtypes and gradients."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import operator_cases
import pytest

HERE = Path(__file__).resolve().parent
GOLDEN = HERE / "golden" / "operators.jsonl"
#: torch.testing.assert_close's own defaults: (relative, absolute)
TOLERANCES = {"float64": (1e-7, 1e-7), "float32": (1.3e-6, 1e-5), "float16": (1e-3, 1e-5)}
RUN = """
import sys
sys.path.insert(0, {here!r})
import oneflow_mock
oneflow_mock.enable()
import operator_cases
operator_cases.main({target!r}, {first})
"""

EXPECTED_FAILURES = json.loads((HERE / "operator_failures.json").read_text(encoding="utf-8"))


def read(path):
    """Return (answers, texts) by case number from a file that `operator_cases` wrote."""
    answers, texts = {}, {}
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if "text" in row:
            texts[row["case"]] = row["text"]
        elif "case" in row:
            answers[row["case"]] = row
    return answers, texts


def run_mocked(target):
    """Answer all cases with the mock on; one that ends the process is noted, the rest goes on."""
    first, count = 0, len(operator_cases.cases())
    while first < count:
        code = RUN.format(here=str(HERE), target=str(target), first=first)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
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


def difference(expected, found):
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
        one, other = np.array(want["data"]), np.array(have["data"])
        if want["dtype"].startswith("<U"):
            same = want["data"] == have["data"]
        else:
            same = np.allclose(
                other.astype(float), one.astype(float), relative, absolute, equal_nan=True
            )
        if not same:
            gap = np.abs(np.subtract(other, one, dtype=float))
            worst = np.nanmax(gap) if np.isfinite(gap).any() else math.nan
            return f"value {position}: off by {worst}"
    return ""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    return run_mocked(tmp_path_factory.mktemp("operators") / "answers.jsonl")


GOLDEN_ANSWERS, GOLDEN_TEXTS = read(GOLDEN)


def test_golden_answers_are_of_these_cases():
    assert [GOLDEN_TEXTS[number] for number in sorted(GOLDEN_TEXTS)] == operator_cases.cases()


def test_expected_failures_are_of_these_cases():
    assert set(EXPECTED_FAILURES) <= set(operator_cases.cases())


def _parameters():
    for number, text in enumerate(operator_cases.cases()):
        marks = ()
        if text in EXPECTED_FAILURES:
            marks = pytest.mark.xfail(strict=True, reason=EXPECTED_FAILURES[text])
        yield pytest.param(number, id=text, marks=marks)


@pytest.mark.parametrize("number", _parameters())
def test_answer_is_pytorchs(answers, number):
    assert difference(GOLDEN_ANSWERS[number], answers[number]) == ""


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.unlink(missing_ok=True)
    mocked = run_mocked(target)
    wrong = {n: difference(GOLDEN_ANSWERS[n], mocked[n]) for n in sorted(GOLDEN_ANSWERS)}
    for number, text in wrong.items():
        if text:
            print(f"{GOLDEN_TEXTS[number]}\n      {text[:300]}")
    print(f"{sum(not text for text in wrong.values())} of {len(wrong)} right")

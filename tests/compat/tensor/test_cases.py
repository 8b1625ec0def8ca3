"""Every tensor case gives real PyTorch's answer, text for text."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import tensor_cases  # noqa: E402  (the table lies beside this file)

GOLDEN = json.loads((HERE / "golden.json").read_text(encoding="utf-8"))["answers"]
#: Cases that still differ, each with its reason; a test fails when one no longer does.
KNOWN = json.loads((HERE / "known_differences.json").read_text(encoding="utf-8"))
CASES = tensor_cases.cases()
RUN = """
import sys
sys.path.insert(0, {here!r})
import oneflow_mock
oneflow_mock.enable()
import tensor_cases
tensor_cases.main({target!r}, {first})
"""


def run_mocked(target):
    """Answer all cases with the mock on; one that ends the process is noted, the rest goes on."""
    first = 0
    while first < len(CASES):
        code = RUN.format(here=str(HERE), target=str(target), first=first)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        rows = read(target)
        reached = max(rows, default=-1)
        if done.returncode == 0 and reached == len(CASES) - 1:
            break
        if reached < first:
            raise RuntimeError(done.stderr)
        with target.open("a", encoding="utf-8") as file:
            text = f"the process ended with {done.returncode}"
            file.write(json.dumps({"case": reached, "answer": text}) + "\n")
        first = reached + 1
    return read(target)


def read(path):
    """Return the answers by case number."""
    if not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {row["case"]: row.get("answer") for row in rows}


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    return run_mocked(tmp_path_factory.mktemp("tensors") / "answers.jsonl")


def test_golden_answers_are_of_these_cases():
    assert set(GOLDEN) == {text for _, text in CASES}


def test_known_differences_are_of_these_cases():
    assert set(KNOWN) <= set(GOLDEN)


def _parameters():
    for number, (topic, text) in enumerate(CASES):
        marks = ()
        if text in KNOWN:
            marks = pytest.mark.xfail(strict=True, reason=KNOWN[text])
        yield pytest.param(number, id=f"{topic}: {text}", marks=marks)


@pytest.mark.parametrize("number", list(_parameters()))
def test_answer_is_pytorchs(answers, number):
    assert answers[number] == GOLDEN[CASES[number][1]]


if __name__ == "__main__":
    target = Path(sys.argv[1])
    if target.exists():
        target.unlink()
    mocked = run_mocked(target)
    wrong = [n for n, (_, text) in enumerate(CASES) if mocked[n] != GOLDEN[text]]
    for number in wrong:
        text = CASES[number][1]
        known = " (known)" if text in KNOWN else ""
        print(f"{text}{known}\n   want {GOLDEN[text]!r}\n   have {mocked[number]!r}")
    print(f"{len(CASES) - len(wrong)} of {len(CASES)} right")

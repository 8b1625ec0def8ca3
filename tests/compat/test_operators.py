"""Every operator case gives real PyTorch's answer: values, shapes, dtypes and gradients."""

import json
import sys
from pathlib import Path

import operator_cases
import pytest
from case_runner import GOLDEN, difference, read, run_mocked

HERE = Path(__file__).resolve().parent

EXPECTED_FAILURES = json.loads((HERE / "operator_failures.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    return run_mocked(tmp_path_factory.mktemp("operators") / "answers.jsonl")


GOLDEN_ANSWERS, GOLDEN_TEXTS = read(GOLDEN / "operators.jsonl")


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

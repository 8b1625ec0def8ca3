"""Every kernel case gives real PyTorch's answer, with the native kernels and without them.

``kernel_cases/<family>.txt`` is a table like ``operator_cases.txt``; behind a case may stand
``  # rtol=... atol=...``. What OneFlow's operators alone cannot do is noted, with what happens
instead, in ``kernel_cases/<family>.without.json``; there ``{"atol": 5e-05}`` is what OneFlow's own
products, which are rounded differently on each make of processor, may be off by::

    python tests/compat/test_kernel_cases.py FAMILY... [--note]

prints what is wrong in either way, and writes that file with ``--note``.
"""

import fcntl
import functools
import json
import os
import sys
from pathlib import Path

import operator_cases
import pytest
from case_runner import GOLDEN, difference, read, run_mocked

from oneflow_mock import kernel_library

HERE = Path(__file__).resolve().parent
TABLES = {path.stem: path for path in sorted((HERE / "kernel_cases").glob("*.txt"))}
SWITCH = {"with": "1", "without": "0"}


def golden(family):
    """Return PyTorch's answers by a case's text."""
    answers, texts = read(GOLDEN / "kernel_cases" / f"{family}.jsonl")
    return {text: answers[number] for number, text in texts.items() if number in answers}


@functools.lru_cache(maxsize=None)
def excused(family):
    """Return why cases fail without the kernels, or how far they may be off, by text."""
    path = HERE / "kernel_cases" / f"{family}.without.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def answers(family, kernels, folder):
    """Return the mock's answers by text, computed once for all the workers of a test run."""
    folder.mkdir(exist_ok=True)
    target = folder / f"{family}-{kernels}.jsonl"
    with open(folder / f"{target.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = target.with_suffix(".done")
        if not done.exists():
            run_mocked(target, TABLES[family], ONEFLOW_MOCK_KERNELS=SWITCH[kernels])
            done.touch()
    found, texts = read(target)
    return {text: found[number] for number, text in texts.items() if number in found}


def wrong(family, kernels, text, found):
    """Return what is wrong with the answer to a case, or an empty text."""
    expected = GOLDENS[family]
    if text not in expected:
        return "PyTorch's answer is lacking: tools/draw_operator_golden.py"
    remarks = operator_cases.remarks(text)
    note = excused(family).get(text)
    if kernels == "without" and isinstance(note, dict):
        remarks.update(note)
    return difference(expected[text], found[text], **remarks)


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory):
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "kernel-cases"


GOLDENS = {family: golden(family) for family in TABLES}


@pytest.mark.parametrize("family", TABLES)
def test_golden_answers_are_of_these_cases(family):
    texts = operator_cases.cases(TABLES[family])
    assert len(texts) == len(set(texts))
    assert list(GOLDENS[family]) == texts
    assert set(excused(family)) <= set(texts)
    assert not [text for text, answer in GOLDENS[family].items() if "error" in answer]


def _parameters():
    built = kernel_library.usable()
    for family, table in TABLES.items():
        reasons = excused(family)
        for text in operator_cases.cases(table):
            marks = () if built else pytest.mark.skip(reason="the native kernels are not built")
            yield pytest.param(family, "with", text, id=f"{family}: {text}", marks=marks)
            marks = ()
            if isinstance(reasons.get(text), str):
                marks = pytest.mark.xfail(strict=True, reason=reasons[text])
            yield pytest.param(family, "without", text, id=f"{family} without: {text}", marks=marks)


@pytest.mark.parametrize(("family", "kernels", "text"), list(_parameters()))
def test_answer_is_pytorchs(family, kernels, text, shared_folder):
    found = answers(family, kernels, shared_folder)
    assert wrong(family, kernels, text, found) == ""


def _reason(problem):
    """Return a problem in one line, without the places in OneFlow's sources."""
    if "Cannot find the kernel" in problem or "op_kernel_not_found" in problem:
        return "OneFlow has no kernel for it"
    return problem.strip().splitlines()[-1]


def main(words):
    import tempfile

    for family in [word for word in words if word != "--note"] or TABLES:
        with tempfile.TemporaryDirectory() as folder:
            for kernels in SWITCH:
                found = answers(family, kernels, Path(folder))
                texts = operator_cases.cases(TABLES[family])
                bad = {text: wrong(family, kernels, text, found) for text in texts}
                bad = {text: problem for text, problem in bad.items() if problem}
                print(f"{family} {kernels}: {len(texts) - len(bad)} of {len(texts)} right")
                for text, problem in bad.items():
                    if kernels == "with" or "--note" not in words:
                        print(f"  {text}\n        {problem[:300]}")
        if "--note" in words:
            path = HERE / "kernel_cases" / f"{family}.without.json"
            kept = {text: note for text, note in excused(family).items() if type(note) is dict}
            notes = {**kept, **{text: _reason(problem) for text, problem in bad.items()}}
            path.write_text(
                json.dumps(notes, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
            )


if __name__ == "__main__":
    main(sys.argv[1:])

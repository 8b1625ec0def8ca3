"""The gradients of the kernel cases are what finite differences say, in float64."""

import json
import re
import subprocess
import sys

import operator_cases
import pytest
from case_runner import HERE
from test_kernel_cases import TABLES

from oneflow_mock import kernel_library

RUN = """
import sys
sys.path.insert(0, {here!r})
import oneflow_mock
oneflow_mock.enable()
import operator_cases
operator_cases.gradient_errors({target!r}, {table!r})
"""


def differentiable(table):
    """Return the cases to try: those of another dtype only are one case in float64.

    ``no-differences`` behind a case keeps it out: it has a kink where it is evaluated, say.
    """
    seen = set()
    for text in operator_cases.cases(table):
        same = re.sub(r", dtype=\"\w+\"", "", text.partition("  # ")[0])
        wanted = re.search(r"\b(g|net|grad)\b", text) and "special(" not in text
        if wanted and same not in seen and "no-differences" not in operator_cases.remarks(text):
            seen.add(same)
            yield text


@pytest.fixture(scope="module")
def problems(tmp_path_factory):
    found = {}
    folder = tmp_path_factory.mktemp("gradients")

    def of(family):
        if family not in found:
            table, target = folder / f"{family}.txt", folder / f"{family}.jsonl"
            table.write_text("\n".join(differentiable(TABLES[family])), encoding="utf-8")
            code = RUN.format(here=str(HERE), target=str(target), table=str(table))
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
            rows = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
            found[family] = {row["text"]: row["problem"] for row in rows}, done.stderr
        return found[family]

    return of


@pytest.mark.skipif(not kernel_library.usable(), reason="the native kernels are not built")
@pytest.mark.parametrize("family", TABLES)
def test_gradients_are_what_finite_differences_say(family, problems):
    found, printed = problems(family)
    texts = list(differentiable(TABLES[family]))
    assert list(found) == texts, printed
    assert {text: problem for text, problem in found.items() if problem} == {}

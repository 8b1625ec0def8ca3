"""The pytest door, in pytest runs of its own; one import of torch answers several questions."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

IS_ON = """
def is_on():
    import sys
    switch = sys.modules.get("oneflow_mock.switch")
    return switch is not None and switch.is_enabled()
"""


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("ONEFLOW_", "PYTEST_")):
            monkeypatch.delenv(name)


@pytest.fixture
def run(pytester):
    def run(*args):
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *args, timeout=120)

    return run


def table(result):
    """Return the closing table as {(API, how): (times, first test)}."""
    lines = result.outlines
    start = next(n for n, line in enumerate(lines) if "asked of torch and not there" in line)
    assert lines[start + 1].split() == ["API", "how", "times", "first", "met", "by"]
    found = {}
    for line in lines[start + 2 :]:
        if not line.startswith("torch."):
            break
        api, how, times, first = [part for part in line.split("  ") if part]
        found[api, how.strip()] = (int(times), first)
    return found


def test_it_is_on_before_any_conftest_and_says_so(pytester, run):
    pytester.makeconftest(IS_ON + "ON = is_on()\nimport torch\n")
    pytester.makepyfile(
        IS_ON
        + """
import torch, oneflow, conftest
ON = is_on()

def test_on():
    assert ON and conftest.ON and torch.Tensor is oneflow.Tensor

def test_processes_of_a_test_are_mocked():
    import subprocess, sys
    code = "import sys; print(sys.modules['oneflow_mock.switch'].is_enabled())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "True\\n"
"""
    )
    result = run("--mock-torch", "--strict-markers")
    result.assert_outcomes(passed=2)
    header = [line for line in result.outlines if line.startswith("mock-torch:")]
    assert header == ["mock-torch: oneflow-mock 0.1.0, PyTorch 2.13.0 on OneFlow 0.9.0"]
    assert "oneflow-mock: nothing asked of torch was missing" in result.outlines


def test_it_is_off_unless_asked_for(pytester, run):
    pytester.makepyfile(
        IS_ON
        + """
import os, sys
def test_off():
    assert not is_on()
    loaded = {name for name in sys.modules if name.startswith("oneflow_mock")}
    assert loaded <= {"oneflow_mock", "oneflow_mock.pytest_plugin"}, loaded
    assert not {"oneflow", "torch", "click", "rich"} & set(sys.modules)
    assert not [name for name in os.environ if name.startswith("ONEFLOW_MOCK")]
"""
    )
    result = run("-v")
    result.assert_outcomes(passed=1)
    assert "mock-torch" not in result.stdout.str()


@pytest.mark.parametrize(
    ("ini", "args", "on"),
    [
        ("mock_torch = true", (), True),
        ("mock_torch = false", (), False),
        ("mock_torch = true", ("-o", "mock_torch=false"), False),
        ("addopts = --mock-torch", (), True),
    ],
)
def test_the_ini_file_turns_it_on(pytester, run, ini, args, on):
    pytester.makeini(f"[pytest]\n{ini}\n")
    pytester.makepyfile(IS_ON + f"def test_it(): assert is_on() is {on}")
    result = run(*args)
    result.assert_outcomes(passed=1)
    assert ("mock-torch: oneflow-mock" in result.stdout.str()) is on


def test_a_finished_run_leaves_everything_as_it_was(pytester):
    pytester.makepyfile(test_it=IS_ON + "import torch\ndef test_it(): assert is_on()")
    program = pytester.makepyfile(
        program="""
import os, sys, pytest
import oneflow  # writes variables of its own into the environment
def state():
    # pytest leaves a hook and a variable of its own.
    finders = [finder for finder in sys.meta_path if "pytest" not in type(finder).__module__]
    environ = {name: text for name, text in os.environ.items() if name[:6] != "PYTEST"}
    modules = [name for name in sys.modules if name.split(".")[0] in ("torch", "test_it")]
    return finders, environ, sys.path[:], modules
before = state()
assert pytest.main(["-q", "--mock-torch", "test_it.py", "-p", "no:cacheprovider"]) == 0
sys.modules.pop("test_it", None)
after = state()
for ours, theirs in zip(after, before):
    assert ours == theirs, (ours, theirs)
import oneflow_mock
assert not oneflow_mock.is_enabled()
"""
    )
    result = pytester.runpython(program)
    assert result.ret == 0, result.stderr.str()


MISSING = """
import pytest, torch
from torch.sparse import sampled_addmm

@pytest.fixture
def setup_fails():
    torch.sparse.spdiags(1)

def test_calls():
    sampled_addmm(1)

def test_calls_again():
    sampled_addmm(1)

def test_cause():
    try:
        sampled_addmm(1)
    except NotImplementedError as error:
        raise ValueError("other") from error

def test_context():
    try:
        sampled_addmm(1)
    except NotImplementedError:
        [][1]

def test_setup(setup_fails):
    pass

def test_expected():
    with pytest.raises(NotImplementedError):
        sampled_addmm(1)

def test_good():
    assert torch.tensor([1]).item() == 1

def test_bad():
    assert torch.tensor([1]).item() == 2
"""


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
def test_what_was_missing_is_counted_and_fails(pytester, run, workers):
    pytester.makepyfile(test_missing=MISSING)
    result = run("--mock-torch", *workers)
    result.assert_outcomes(passed=2, failed=5, errors=1)
    found = table(result)
    times, first = found["torch.sparse.sampled_addmm", "called"]
    assert times == 5
    if not workers:
        assert first == "test_missing.py::test_calls"
    assert first.startswith("test_missing.py::test_")
    assert found["torch.sparse.spdiags", "called"] == (1, "test_missing.py::test_setup")
    assert "mock-torch: oneflow-mock 0.1.0" in result.stdout.str()
    assert result.stdout.str().count("asked of torch and not there") == 1


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
def test_what_was_missing_may_count_as_expected(pytester, run, workers):
    pytester.makepyfile(
        test_missing=MISSING,
        test_import="import torch\nclass A(torch.nn.Module): x = torch.sparse.sampled_addmm(1)\n",
    )
    result = run("--mock-torch", "--mock-torch-unsupported=xfail", "-rxs", *workers)
    result.assert_outcomes(passed=2, failed=1, xfailed=5, skipped=1)
    assert len([line for line in result.outlines if line.startswith("XFAIL ")]) == 5
    assert result.stdout.str().count("UnsupportedTorchAPI: torch.sparse.") == 6
    assert ("torch.sparse.sampled_addmm", "called") in table(result)


def test_collection_is_told_by_the_file_it_was_of(pytester, run):
    pytester.makepyfile(
        test_named="from torch.sparse import sampled_addmm, spdiags\ndef test_it(): pass\n",
        test_fails="import torch\ntorch.sparse.sampled_addmm(1)\ndef test_it(): pass\n",
    )
    result = run("--mock-torch")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    found = table(result)
    assert found["torch.sparse.sampled_addmm", "called"] == (1, "collecting test_fails.py")
    assert found["torch.sparse.spdiags", "only named"] == (1, "collecting test_named.py")


def test_the_table_is_short_unless_asked_for_more(pytester, run):
    pytester.makepyfile(
        """
import oneflow_mock.report
def test_many():
    for number in range(40):
        oneflow_mock.report.record(f"torch.x{number}", "called", None)
    oneflow_mock.report.record("torch.y", "host fallback", None)
"""
    )
    result = run("--mock-torch")
    assert len(table(result)) == 25
    assert "and 15 more, shown by -v; --mock-torch-report FILE writes all" in result.outlines
    assert len(table(run("--mock-torch", "-v"))) == 40


OPTIONS = """
import oneflow_mock, torch
from oneflow_mock import switch
def test_options():
    assert switch.settings().strict and switch.settings().torch_version == "1.13.1"
    assert torch.__version__.startswith("1.13.1")
def test_records():
    oneflow_mock.report.record("torch.x", "called", (__file__, 3))
def test_records_too():
    oneflow_mock.report.record("torch.x", "called", (__file__, 5))
"""


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
def test_options_and_the_report_file(pytester, run, workers):
    pytester.makepyfile(test_options="import oneflow_mock.report\n" + OPTIONS)
    args = ["--mock-torch-version=1.13.1", "--mock-torch-strict", "--mock-torch-report=out.json"]
    result = run("--mock-torch", *args, *workers)
    result.assert_outcomes(passed=3)
    assert "PyTorch 1.13.1 on OneFlow" in result.stdout.str()
    document = json.loads((pytester.path / "out.json").read_text())
    assert document["torch"] == "1.13.1"
    rows = {row["api"]: row["count"] for row in document["rows"]}
    assert rows["torch.x"] == 2


def one_error_line(result):
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    lines = [line for line in result.errlines if line.strip()]
    assert len(lines) == 1, lines
    return lines[0]


def test_real_torch_imported_before_is_a_usage_error(pytester, run):
    pytester.makepyfile(torch="__version__ = '2.0'", early="import torch")
    pytester.syspathinsert()
    pytester.makepyfile("def test_it(): pass")
    line = one_error_line(run("-p", "early", "--mock-torch"))
    assert "PyTorch itself has been imported already" in line
    assert "python -m oneflow_mock -m pytest" in line


def test_the_way_out_that_the_usage_error_names_works(pytester):
    pytester.makepyfile(early="import torch")
    pytester.makepyfile(
        test_it="import torch, oneflow\ndef test(): assert torch.Tensor is oneflow.Tensor"
    )
    for options in ([], ["--mock-torch"]):
        done = subprocess.run(
            [sys.executable, "-m", "oneflow_mock", "-m", "pytest", "-p", "early", *options],
            cwd=str(pytester.path),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "1 passed" in done.stdout
        assert "mock-torch: oneflow-mock 0.1.0" in done.stdout


def test_pytest_does_not_mind_that_another_door_imported_the_package():
    from _pytest.assertion.rewrite import AssertionRewriter

    import oneflow_mock

    assert AssertionRewriter.is_rewrite_disabled(oneflow_mock.__doc__)


def test_wrong_options_are_usage_errors(pytester, run):
    pytester.makepyfile("def test_it(): pass")
    line = one_error_line(run("--mock-torch", "--mock-torch-version=banana"))
    assert "not a PyTorch version: 'banana'" in line
    result = run("--mock-torch", "--mock-torch-unsupported=perhaps")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "invalid choice: 'perhaps'" in result.stderr.str()


def test_an_engine_that_cannot_load_is_a_usage_error(pytester, run, monkeypatch):
    package = pytester.mkpydir("oneflow")
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    pytester.makepyfile("def test_it(): pass")
    line = one_error_line(run("--mock-torch"))
    assert "OneFlow" in line and "mend it with" in line


def test_upstreams_off_switch_wins_and_is_told(pytester, run, monkeypatch):
    monkeypatch.setenv("ONEFLOW_DISABLE_MOCK_TORCH", "1")
    pytester.makepyfile(IS_ON + "def test_it(): assert not is_on()")
    result = run("--mock-torch")
    result.assert_outcomes(passed=1)
    assert "mock-torch: off, since ONEFLOW_DISABLE_MOCK_TORCH is set" in result.outlines


def test_the_shell_door_is_seen(pytester, run, monkeypatch):
    from oneflow_mock.settings import Settings, bootstrap_directory

    for name, value in Settings(torch_version="2.0.1").to_environ().items():
        if value is not None:
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", bootstrap_directory())
    pytester.makepyfile("import torch\ndef test_it(): torch.sparse.sampled_addmm(1)")
    result = run("-Werror")
    result.assert_outcomes(failed=1)
    assert "PyTorch 2.0.1 on OneFlow" in result.stdout.str()
    assert ("torch.sparse.sampled_addmm", "called") in table(result)

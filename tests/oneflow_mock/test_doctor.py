"""The doctor finds what was broken on purpose, and each finding comes with a command."""

import json
import os
import subprocess
import sys

import pytest

from oneflow_mock import console_script, doctor, engine, settings
from oneflow_mock.errors import EngineError

OURS = "#!/usr/bin/python\nfrom oneflow_mock.shell.cli import mock_torch\n"
ONEFLOWS = "#!/usr/bin/python\nfrom oneflow.mock_torch.__main__ import main\n"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("ONEFLOW") or name == "PYTHONPATH":
            monkeypatch.delenv(name)


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    """Two folders: where our installer writes, and one that PATH may name before it."""

    class Scripts:
        own = tmp_path / "own bin"
        other = tmp_path / "other bin"

        def write(self, folder, text):
            script = folder / console_script.NAME
            script.write_text(text)
            script.chmod(0o755)
            return str(script)

        def path(self, *folders):
            monkeypatch.setenv("PATH", os.pathsep.join(map(str, folders)))

    made = Scripts()
    made.own.mkdir()
    made.other.mkdir()
    made.path(made.own)
    monkeypatch.setattr(console_script, "path", lambda: str(made.own / console_script.NAME))
    return made


def test_this_installation_is_well():
    done = subprocess.run(
        [sys.executable, "-c", "from oneflow_mock.doctor import main; raise SystemExit(main())"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "imports and computes" in done.stdout
    for name in ("interpreter", "CUDA devices", "shell door", console_script.NAME, "diffusers"):
        assert name in done.stdout
    # a command in a pipe is never folded
    assert len({len(line) for line in done.stdout.splitlines()}) == 1


def test_as_json_and_with_something_wrong(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "_oneflow", lambda: (doctor.Row("OneFlow", "bad", "x", "y"), {}))
    assert doctor.main(as_json=True) == 1
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["OneFlow"] == {"name": "OneFlow", "state": "bad", "found": "x", "mend": "y"}
    assert rows["CUDA devices"]["state"] == "note"


def test_a_long_command_is_given_whole_on_a_narrow_terminal(monkeypatch, capsys):
    from rich import console

    monkeypatch.setattr(console.Console, "is_terminal", True)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "dumb")
    command = "python -m pip install " + "-".join(["a"] * 100)
    monkeypatch.setattr(doctor, "examine", lambda: [doctor.Row("it", "bad", "broken", command)])
    assert doctor.main() == 1
    assert f"it: {command}" in capsys.readouterr().out.splitlines()


def test_what_the_static_check_finds_is_not_imported(monkeypatch):
    def refuse():
        raise EngineError("no libcudnn", "install it")

    monkeypatch.setattr(engine, "check", refuse)
    monkeypatch.setattr(subprocess, "run", None)
    row, answer = doctor._oneflow()
    assert (row.state, row.found, row.mend) == ("bad", "no libcudnn", "install it")
    assert answer == {}


@pytest.mark.parametrize(
    ("code", "found", "mend"),
    [
        ("raise ImportError('libcublas.so.11: file too short')", "libcublas.so.11", "cublas"),
        ("import os; os.abort()", "status -6", "oneflow==0.9.0"),
        ("print('no JSON')", "status 0", "oneflow==0.9.0"),
    ],
)
def test_an_import_that_fails(monkeypatch, tmp_path, code, found, mend):
    fake = tmp_path / "oneflow"
    fake.mkdir()
    if code.startswith("raise"):
        (fake / "__init__.py").write_text(code)
    else:
        (fake / "__init__.py").write_text(code + "\nimport os; os._exit(0)")
    monkeypatch.setattr(engine, "check", lambda: None)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    row, _ = doctor._oneflow()
    assert row.state == "bad"
    assert found in row.found
    assert mend in row.mend


def test_an_import_that_hangs(monkeypatch, tmp_path):
    (tmp_path / "oneflow.py").write_text("import time; time.sleep(60)")
    monkeypatch.setattr(engine, "check", lambda: None)
    monkeypatch.setattr(doctor, "_IMPORT_TIMEOUT", 0.5)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    row, _ = doctor._oneflow()
    assert "did not end within" in row.found


def test_an_interpreter_that_oneflow_does_not_run_on(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 12, 1))
    bad = doctor._interpreter(doctor.Row("OneFlow", "bad", ""))
    assert bad.state == "bad"
    assert "3.10" in bad.mend
    # somebody built OneFlow for it
    assert doctor._interpreter(doctor.Row("OneFlow", "good", "")).state == "good"


@pytest.mark.parametrize(
    ("name", "version", "state"),
    [
        ("numpy", "2.1.0", "bad"),
        ("numpy", "", "bad"),
        ("nvidia-cudnn-cu11", "8.9.0", "note"),
        ("nvidia-cublas-cu11", "", "note"),
    ],
)
def test_libraries(monkeypatch, name, version, state):
    real = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda asked: version if asked == name else real(asked))
    rows = {row.name: row for row in doctor._libraries()}
    assert rows.pop(name).state == state
    assert {row.state for row in rows.values()} == {"good"}


def test_devices(monkeypatch):
    assert doctor._devices({"devices": ["A", "B"]}).found == "A, B"
    there = set()
    monkeypatch.setattr(os.path, "exists", lambda path: path in there)
    assert doctor._devices({"devices": []}).state == "good"
    there.add("/dev/nvidia0")
    assert doctor._devices({"devices": []}).state == "bad"


def test_shell_door(monkeypatch):
    assert doctor._shell_door().found.startswith("closed")

    monkeypatch.setenv(settings.ON, "1")
    row = doctor._shell_door()
    assert row.state == "bad"
    assert "PYTHONPATH" in row.found
    assert console_script.NAME in row.mend

    bootstrap = settings.bootstrap_directory()
    monkeypatch.setenv("PYTHONPATH", settings.pythonpath_with(bootstrap, None))
    monkeypatch.setenv(settings.STRICT, "1")
    row = doctor._shell_door()
    assert row.state == "good"
    assert row.found.startswith("open")
    assert row.found.endswith("strict")

    monkeypatch.setenv(settings.UPSTREAM_OFF, "1")
    row = doctor._shell_door()
    assert (row.state, row.mend) == ("bad", f"unset {settings.UPSTREAM_OFF}")


def test_oneflows_own_mock_on_pythonpath(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/x:/site-packages/oneflow/mock_torch/")
    row = doctor._shell_door()
    assert row.state == "bad"
    assert "/site-packages/oneflow/mock_torch" in row.found


def test_script_is_ours_and_on_path(scripts):
    scripts.write(scripts.own, OURS)
    assert doctor._script().state == "good"
    scripts.path(scripts.other)
    assert doctor._script().state == "note"


def test_script_was_overwritten_by_oneflows(scripts):
    scripts.write(scripts.own, ONEFLOWS)
    row = doctor._script()
    assert row.state == "bad"
    assert "OneFlow's own" in row.found
    assert row.mend == console_script.mend()


def test_another_script_comes_first_on_path(scripts):
    scripts.write(scripts.own, OURS)
    stranger = scripts.write(scripts.other, ONEFLOWS)
    scripts.path(scripts.other, scripts.own)
    row = doctor._script()
    assert row.state == "bad"
    assert stranger in row.found
    code = f"{row.mend}; command -v {console_script.NAME}"
    found = subprocess.check_output(["/bin/sh", "-c", code], text=True).strip()
    assert found == console_script.path()


def test_no_script_at_all(scripts):
    row = doctor._script()
    assert (row.state, row.mend) == ("bad", console_script.mend())


def test_versions_are_those_of_the_files_even_with_the_mock_on(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert doctor._version("torch") == ""
    assert "not installed" in doctor._real_torch().found
    (tmp_path / "torch-1.2.3+cpu.dist-info").mkdir()
    assert doctor._version("torch") == "1.2.3+cpu"
    assert doctor._real_torch().found.startswith("1.2.3+cpu")


def test_the_command():
    command = os.path.join(os.path.dirname(sys.executable), "oneflow-mock")
    assert subprocess.call([command, "doctor"], stdout=subprocess.DEVNULL) == 0

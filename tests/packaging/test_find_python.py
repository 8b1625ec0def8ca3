"""tools/find_python.sh on machines that have one thing or another, made of fake PATHs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "find_python.sh"
HERE = "{}.{}".format(*sys.version_info[:2])

# What pyenv's shim does where no version is selected.
SHIM = 'echo "pyenv: $(basename "$0"): command not found" >&2; exit 127'


class Machine:
    def __init__(self, root):
        self.bin = root / "bin"
        self.home = root / "home of a user"
        self.bin.mkdir()
        self.home.mkdir()
        self.environ = {"PATH": str(self.bin), "HOME": str(self.home)}

    def command(self, path, body):
        path = self.bin / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    def python(self, path, says):
        """Put an interpreter at ``path`` that passes the trial and gives ``says`` as its place."""
        return self.command(path, f'case "$1" in -I) echo "{says}";; *) exit 3;; esac')

    def find(self, *versions, **environ):
        return subprocess.run(
            ["/bin/sh", str(SCRIPT), *versions],
            env={**self.environ, **environ},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def finds(self, *versions, **environ):
        done = self.find(*versions, **environ)
        assert done.returncode == 0, done.stderr
        (line,) = done.stdout.splitlines()
        return line

    def fails(self, *versions, **environ):
        done = self.find(*versions, **environ)
        assert done.returncode == 1
        assert done.stdout == ""
        return done.stderr


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_this_python_through_a_link_on_path(machine):
    (machine.bin / f"python{HERE}").symlink_to(sys.executable)
    found = machine.finds(HERE)
    out = subprocess.check_output([found, "-c", "import sys; print(sys.version)"], text=True)
    assert out.strip() == sys.version.strip()


def test_a_file_that_is_called_python_is_tried_and_its_version_believed(machine):
    other = "3.8" if HERE != "3.8" else "3.9"
    (machine.bin / f"python{other}").symlink_to(sys.executable)
    assert f"bin/python{other}: is there and does not run as CPython {other}" in machine.fails(
        other
    )


def test_newest_first_wherever_it_lies(machine):
    machine.python("python3.8", "/path/3.8")
    machine.python("python3.9", "/path/3.9")
    assert machine.finds() == "/path/3.9"
    machine.python(machine.home / ".pyenv/versions/3.10.4/bin/python", "/pyenv/3.10")
    assert machine.finds() == "/pyenv/3.10"
    machine.python("python3.10", "/path/3.10")
    assert machine.finds() == "/path/3.10"
    assert machine.finds("3.8") == "/path/3.8"


def test_a_shim_that_fails_is_passed_over(machine, tmp_path):
    machine.command("python3.10", SHIM)
    working = tmp_path / "further along"
    machine.python(working / "python3.10", "/path/3.10")
    assert machine.finds(PATH=f"{machine.bin}:{working}") == "/path/3.10"


def test_pyenv_behind_its_shim(machine, tmp_path):
    machine.command("python3.10", SHIM)
    root = tmp_path / "elsewhere"
    machine.command("pyenv", f'[ "$1" = root ] && echo "{root}"')
    machine.python(root / "versions/3.10.13/bin/python", "/pyenv/3.10")
    assert machine.finds() == "/pyenv/3.10"
    (machine.bin / "pyenv").unlink()
    assert machine.finds(PYENV_ROOT=str(root)) == "/pyenv/3.10"


def test_pyenv_3_1_is_not_3_10(machine):
    machine.python(machine.home / ".pyenv/versions/3.1.4/bin/python", "/pyenv/3.1")
    machine.fails("3.10", FIND_PYTHON_OFFLINE="1")


def test_uv_finds_one(machine, tmp_path):
    kept = machine.python(tmp_path / "uv-3.9", "/uv/3.9")
    machine.command("uv", f'case "$*" in "python find"*" 3.9") echo "{kept}";; *) exit 2;; esac')
    assert machine.finds() == "/uv/3.9"


def test_uv_installs_one_when_there_is_no_other(machine, tmp_path):
    kept = tmp_path / "uv-3.10"
    machine.python(tmp_path / "download", "/uv/3.10")
    shutil.copy(str(tmp_path / "download"), str(kept) + ".new")
    machine.command(
        "uv",
        f"""case "$*" in
        "python install 3.10") echo Downloading; /bin/mv "{kept}.new" "{kept}";;
        "python find"*" 3.10") [ -e "{kept}" ] && echo "{kept}";;
        *) exit 2;;
        esac""",
    )
    said = machine.fails(FIND_PYTHON_OFFLINE="1")
    assert "uv python install 3.10" in said.splitlines()[-1]
    assert machine.finds() == "/uv/3.10"


def test_python_variable_wins_and_has_to_work(machine):
    machine.python("python3.10", "/path/3.10")
    mine = machine.python("mine", "/my/own")
    assert machine.finds(PYTHON=str(mine)) == "/my/own"
    assert machine.finds(PYTHON="mine") == "/my/own"
    broken = machine.command("broken", SHIM)
    said = machine.fails(PYTHON=str(broken))
    assert len(said.splitlines()) == 1
    assert f"PYTHON={broken}" in said


def test_none_at_all(machine):
    machine.command("python3.10", SHIM)
    said = machine.fails()
    for looked in (
        f"{machine.bin}/python3.10: is there and does not run",
        "python3.9 on PATH: none",
        f"{machine.home}/.pyenv/versions/3.8*: none",
        "uv: not on PATH",
    ):
        assert looked in said
    assert said.splitlines()[-1].startswith("To get one: pip install uv && uv python install 3.10")


def test_none_but_pyenv_could_build_one(machine):
    machine.command("pyenv", "exit 1")
    assert machine.fails().splitlines()[-1].startswith("To get one: pyenv install 3.10")


def test_no_home_and_no_path_entries_are_survived(machine):
    done = subprocess.run(
        ["/bin/sh", str(SCRIPT)], env={"PATH": ""}, stderr=subprocess.PIPE, cwd=str(machine.home)
    )
    assert done.returncode == 1
    assert b"parameter not set" not in done.stderr
    assert b"To get one" in done.stderr


@pytest.mark.skipif(not shutil.which("dash"), reason="dash is installed by .ci/run")
def test_the_script_is_plain_posix_shell():
    assert subprocess.call(["dash", "-n", str(SCRIPT)]) == 0
    assert os.access(str(SCRIPT), os.X_OK)

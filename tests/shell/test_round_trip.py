"""Before, on and off again in the real shells: the whole environment is compared."""

import os
import shutil
import sys

import pytest
import real_shells

import oneflow_mock
from oneflow_mock import settings
from oneflow_mock.settings import LAZY, ON, REPORT, VERSION

OURS = os.fsencode(settings.bootstrap_directory())
COMMAND = real_shells.COMMAND

ORIGINALS = {
    "nothing set": {},
    "all empty": {"PYTHONPATH": "", ON: "", LAZY: "", REPORT: "", VERSION: ""},
    "empty entries": {"PYTHONPATH": ":/a::/b:", ON: "0", LAZY: "False"},
    "everything odd": {
        "PYTHONPATH": ":".join(real_shells.VALUES.values()),
        REPORT: real_shells.VALUES["all quotes"] + "\n *",
    },
}
EVERY_OPTION = "--lazy --verbose --strict --report 'a  b*' --torch-version 1.13.1"
#: Off, on, on with options, on with others, off, off, on; and off at the end.
SEQUENCE = ["disable", "enable", EVERY_OPTION, "--report", "disable", "disable", ""]


def steps(shell, form, arguments):
    """Return the lines that dump the environment before, after each command, and at the end."""
    lines = ["env -0 > before"]
    for number, words in enumerate([*arguments, "disable"]):
        lines.append(real_shells.form(shell, form, f"{COMMAND} {words}".strip()))
        lines.append(f"env -0 > step{number}")
    return lines


@pytest.mark.parametrize("key", list(ORIGINALS))
@pytest.mark.parametrize("shell, form", real_shells.FORMS)
def test_the_environment_is_as_before(surroundings, shell, form, key):
    folder, environ = surroundings
    environ.update(ORIGINALS[key])
    done = real_shells.run(shell, steps(shell, form, SEQUENCE), folder, environ)
    assert (done.stderr, done.returncode) == ("", 0)
    before = real_shells.environment(folder / "before")
    path = before.get("PYTHONPATH") or b""
    for number, words in enumerate([*SEQUENCE, "disable"]):
        found = real_shells.environment(folder / f"step{number}")
        if words == "disable":
            assert found == before
        else:
            assert found[ON] == b"1"
            assert found["PYTHONPATH"] == (OURS + b":" + path if path else OURS)


@pytest.mark.parametrize("shell, form", real_shells.FORMS)
def test_options_arrive(surroundings, shell, form):
    folder, environ = surroundings
    done = real_shells.run(shell, steps(shell, form, [EVERY_OPTION]), folder, environ)
    assert done.stderr == ""
    found = real_shells.environment(folder / "step0")
    settled = settings.Settings.from_environ(
        {name: os.fsdecode(value) for name, value in found.items()}
    )
    assert settled == settings.Settings(True, True, True, True, "1.13.1", f"{folder}/a  b*")


@pytest.mark.parametrize("shell", list(real_shells.SHELLS))
def test_an_inner_shell_disables_what_an_outer_one_enabled(surroundings, shell):
    folder, environ = surroundings
    environ["PYTHONPATH"] = ""
    inner = ["env -0 > inner", real_shells.form(shell, "quoted", f"{COMMAND} disable")]
    (folder / "inner.script").write_text("\n".join([*inner, "env -0 > after"]) + "\n")
    program = " ".join(real_shells.SHELLS[shell][0])
    lines = [
        f"{program} inner.script",
        "mv after before",
        real_shells.form(shell, "quoted", COMMAND),
        f"{program} inner.script",
    ]
    done = real_shells.run(shell, lines, folder, environ)
    assert done.stderr == ""
    before = real_shells.environment(folder / "before")
    assert real_shells.environment(folder / "inner")[ON] == b"1"
    assert real_shells.environment(folder / "after") == before


@pytest.mark.parametrize(
    "name", ["a  b 'q\" $(touch pwned)`id`", "*[a]? {b,c} # !! ~ caf\u00e9 \u6a21", "new\nline\n"]
)
@pytest.mark.parametrize("shell, form", real_shells.FORMS)
def test_any_folder_can_hold_the_installation(surroundings, shell, form, name):
    """The package lies in the folder; a Python started from the shell runs its bootstrap."""
    folder, environ = surroundings
    site = folder / name
    site.mkdir()
    package = os.path.dirname(oneflow_mock.__file__)
    shutil.copytree(package, str(site / "oneflow_mock"), ignore=shutil.ignore_patterns("shell"))
    bootstrap = settings.bootstrap_directory()
    shutil.copytree(os.path.dirname(bootstrap), str(site / "oneflow_mock" / "shell"))
    real_shells.launcher(folder / "bin", f"sys.path.insert(0, {str(site)!r})")
    (folder / "probe.py").write_text(
        "import sys, oneflow_mock\n"
        "print(oneflow_mock.is_enabled(), 'sitecustomize' in sys.modules)\n"
    )
    lines = [
        "env -0 > before",
        real_shells.form(shell, form, COMMAND),
        "env -0 > on",
        f"{sys.executable} probe.py",
        real_shells.form(shell, form, f"{COMMAND} disable"),
        f"{sys.executable} probe.py",
        "env -0 > after",
    ]
    done = real_shells.run(shell, lines, folder, environ)
    assert done.stderr == ""
    ours = os.path.join(str(site), "oneflow_mock", "shell", "bootstrap")
    assert real_shells.environment(folder / "on")["PYTHONPATH"] == os.fsencode(ours)
    assert real_shells.environment(folder / "after") == real_shells.environment(folder / "before")
    assert done.stdout.splitlines() == ["True False", "False False"]
    assert not (folder / "pwned").exists()


@pytest.mark.parametrize("shell", list(real_shells.SHELLS))
@pytest.mark.parametrize("words", ["--bad", "--shell nonsense", "enable --torch-version x"])
def test_eval_of_a_mistake_fails_and_changes_nothing(surroundings, shell, words):
    folder, environ = surroundings
    status = "$status" if shell in ("fish", "tcsh") else "$?"
    lines = [
        "env -0 > before",
        real_shells.form(shell, "unquoted", f"{COMMAND} {words}"),
        f"echo {status}",
        "env -0 > after",
    ]
    done = real_shells.run(shell, lines, folder, environ)
    assert done.stdout == "1\n"
    assert done.stderr.count("\n") == 1
    assert real_shells.environment(folder / "after") == real_shells.environment(folder / "before")


@pytest.mark.parametrize("shell", ["bash", "dash", "zsh"])
def test_a_careful_script_stops_at_a_mistake_and_runs_otherwise(surroundings, shell):
    folder, environ = surroundings
    for words, said in (("", "reached"), ("--bad", "")):
        lines = ["set -eu", f'eval "$({COMMAND} {words})"', "echo reached"]
        lines += [f'eval "$({COMMAND} disable)"'] if said else []
        done = real_shells.run(shell, lines, folder, environ)
        assert done.stdout.strip() == said
        assert (done.returncode == 0) is bool(said)


@pytest.mark.parametrize("words", ["status", "--help"])
@pytest.mark.parametrize("shell, form", real_shells.FORMS)
def test_what_people_read_is_no_code(surroundings, shell, form, words):
    folder, environ = surroundings
    lines = ["env -0 > before", real_shells.form(shell, form, f"{COMMAND} {words}")]
    done = real_shells.run(shell, [*lines, "env -0 > after"], folder, environ)
    assert done.stdout == "" and "oneflow-mock" in done.stderr
    assert real_shells.environment(folder / "after") == real_shells.environment(folder / "before")


def test_every_python_from_such_a_shell_is_mocked(surroundings):
    folder, environ = surroundings
    (folder / "child.py").write_text(
        "import multiprocessing, os, subprocess, sys\n"
        "def ask(_=0):\n"
        "    import importlib.util\n"
        "    return importlib.util.find_spec('torch').loader.__class__.__module__\n"
        "if __name__ == '__main__':\n"
        "    print(ask())\n"
        "    for method in ('spawn', 'forkserver', 'fork'):\n"
        "        with multiprocessing.get_context(method).Pool(1) as pool:\n"
        "            print(pool.apply(ask))\n"
        "    code = 'from child import ask; print(ask())'\n"
        "    run = [sys.executable, '-c', code]\n"
        "    for environ in (None, dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))):\n"
        "        sys.stdout.flush()\n"
        "        subprocess.run(run, env=environ, check=True)\n"
    )
    environ["PYTHONPATH"] = str(folder)
    lines = [f'eval "$({COMMAND})"', f"{sys.executable} child.py"]
    done = real_shells.run("bash", lines, folder, environ)
    assert (done.stderr, done.returncode) == ("", 0)
    answers = done.stdout.split()
    assert len(answers) == 6
    assert all(answer.startswith("oneflow_mock.") for answer in answers), answers

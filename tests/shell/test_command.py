"""What oneflow-mock-torch answers, on which stream, to whom, and how fast."""

import os
import pty
import re
import resource
import subprocess
import sys

import pytest
import real_shells

from oneflow_mock import settings
from oneflow_mock.settings import LAZY, ON, REPORT, STRICT, UPSTREAM_OFF, VERBOSE, VERSION
from oneflow_mock.shell import parent

CPU_LIMIT = 0.150


@pytest.fixture
def ask(surroundings):
    """Run the command with piped output; keywords are environment variables."""
    folder, environ = surroundings

    def ask(*words, prologue="", **more):
        command = real_shells.launcher(folder / "bin", prologue)
        return subprocess.run(
            [command, *words],
            stdout=-1,
            stderr=-1,
            text=True,
            timeout=60,
            cwd=str(folder),
            env={**environ, **more},
        )

    return ask


def bash(*words):
    return (*words, "--shell", "bash")


def assignments(code):
    """Read what the bash dialect prints; spelt bytes are ASCII here."""
    found = dict(re.findall(r"export (\w+)=([^;]*)", code.strip()))
    return {
        name: re.sub(r"\\x(..)", lambda byte: chr(int(byte[1], 16)), value.strip("$'"))
        for name, value in found.items()
    }


@pytest.mark.parametrize(
    "words, expected",
    [
        ((), {}),
        (("enable",), {}),
        (("--lazy", "--verbose"), {LAZY: "1", VERBOSE: "1"}),
        (("enable", "--lazy"), {LAZY: "1"}),
        (("--verbose", "enable"), {VERBOSE: "1"}),
        (("--strict",), {STRICT: "1"}),
        (("--torch-version", "1.13.1"), {VERSION: "1.13.1"}),
        (("--torch-version=2.0.0+cpu",), {VERSION: "2.0.0+cpu"}),
        (("--report",), {REPORT: "-"}),
        (("--report", "--strict"), {REPORT: "-", STRICT: "1"}),
        (("--report", "enable"), {REPORT: "-"}),
        (("enable", "--report", "/tmp/r.json"), {REPORT: "/tmp/r.json"}),
        (("--report=/tmp/r.json",), {REPORT: "/tmp/r.json"}),
        (("--report", "./enable"), {REPORT: "{here}/enable"}),
    ],
)
def test_enable(ask, surroundings, words, expected):
    done = ask(*bash(*words))
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.count("\n") == 1
    found = assignments(done.stdout)
    found.pop("ONEFLOW_MOCK_SAVED")
    wanted = {name: value.format(here=surroundings[0]) for name, value in expected.items()}
    assert found == {"PYTHONPATH": settings.bootstrap_directory(), ON: "1", **wanted}


def test_upstreams_variables_are_kept(ask):
    done = ask(*bash("--strict"), **{LAZY: "True", VERBOSE: "1"})
    assert LAZY not in done.stdout and VERBOSE not in done.stdout and STRICT in done.stdout


def test_disable_where_nothing_is_on_does_nothing(ask):
    done = ask(*bash("disable"))
    assert (done.stdout, done.stderr, done.returncode) == (":\n", "", 0)


@pytest.mark.parametrize(
    "words, said",
    [
        (("--lazzy",), "unknown option --lazzy; did you mean --lazy?"),
        (("--nonsense",), "unknown option --nonsense"),
        (("-x",), "unknown option -x"),
        (("disabel",), "unknown word 'disabel'; did you mean disable?"),
        (("on",), "unknown word 'on'"),
        (("enable", "disable"), "unexpected extra argument (disable)"),
        (("--shell", "zhs"), "unknown shell 'zhs'; did you mean zsh?; write --shell and one of"),
        (("--shell", "xonsh"), "bash, zsh, sh, fish, csh, powershell"),
        (("--shell", ""), "unknown shell ''"),
        (("--shell",), "option '--shell' requires an argument"),
        (("--torch-version", "latest"), "'latest' is not a PyTorch version"),
        (("--torch-version", "2"), "--torch-version 2.13.0"),
        (("--torch-version", "2.0; rm -rf /"), "is not a PyTorch version"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_mend(ask, words, said):
    done = ask(*words)
    assert said in done.stderr
    assert re.fullmatch(r"oneflow-mock-torch: .*; for all words and options: .*\n", done.stderr)
    assert (done.stdout, done.returncode) == ("false\n", 2)


@pytest.mark.parametrize(
    "words, failure",
    [
        (("--shell", "fish", "--bad"), "false\n"),
        (("--bad", "--shell=pwsh"), "$global:LASTEXITCODE = 1\n"),
        (("--bad", "--shell", "-"), "false\n"),
    ],
)
def test_a_mistake_makes_eval_fail(ask, words, failure):
    assert ask(*words).stdout == failure


def test_no_engine_is_one_line_and_a_failure(ask):
    prologue = (
        "import oneflow_mock.engine as engine\n"
        "from oneflow_mock.errors import EngineError\n"
        "def check(): raise EngineError('OneFlow is\\nnot here', 'pip install it')\n"
        "engine.check = check\n"
    )
    for words in ((), ("enable",), ("--lazy",)):
        done = ask(*words, prologue=prologue)
        said = "oneflow-mock-torch: OneFlow is not here; mend it with: pip install it\n"
        assert (done.stderr, done.stdout, done.returncode) == (said, "false\n", 1)
    for words in ("disable",), ("status",):
        assert ask(*words, prologue=prologue).returncode == 0, "off must work without an engine"


@pytest.mark.parametrize(
    "directory, said",
    [
        ("/a:b", "PYTHONPATH cannot name /a:b"),
        ("/nowhere", "there is no sitecustomize.py in /nowhere"),
    ],
)
def test_a_folder_that_cannot_work_is_one_line(ask, directory, said):
    prologue = (
        f"from oneflow_mock import settings\nsettings.bootstrap_directory = lambda: {directory!r}\n"
    )
    done = ask(prologue=prologue)
    assert said in done.stderr and "; mend it with: " in done.stderr
    assert (done.stderr.count("\n"), done.stdout, done.returncode) == (1, "false\n", 1)


@pytest.mark.parametrize("words", [("--help",), ("-h",), ("disable", "--help")])
def test_help_never_reaches_eval(ask, words):
    done = ask(*words)
    assert (done.stdout, done.returncode) == ("", 0)
    for word in ("enable", "disable", "status", "--lazy", "--report [FILE]", "--shell", "| source"):
        assert word in done.stderr


def on_terminal(command, environ):
    """Run a command with a terminal as its standard output; return status, terminal, stderr."""
    master, slave = pty.openpty()
    process = subprocess.Popen(command, stdout=slave, stderr=-1, env=environ, text=True)
    os.close(slave)
    _, stderr = process.communicate(timeout=60)
    shown = b""
    while True:
        try:
            part = os.read(master, 4096)
        except OSError:  # what Linux says when the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(master)
    return process.returncode, shown.decode(), stderr


@pytest.mark.parametrize(
    "shell, usage",
    [
        ("bash", 'eval "$({})"'),
        ("sh", 'eval "$({})"'),
        ("fish", "{} | source"),
        ("csh", 'eval "`{}`"'),
        ("powershell", "Invoke-Expression ({})"),
    ],
)
@pytest.mark.parametrize("words", [(), ("disable",), ("--report", "a b")])
def test_on_a_terminal_it_says_how_to_use_it(surroundings, shell, usage, words):
    _, environ = surroundings
    words = [*words, "--shell", shell]
    status, shown, stderr = on_terminal(["oneflow-mock-torch", *words], environ)
    typed = " ".join("'a b'" if word == "a b" else word for word in words)
    assert stderr.endswith("type: " + usage.format(f"oneflow-mock-torch {typed}") + "\n")
    assert (shown, status, stderr.count("\n")) == ("", 1, 1)


def test_on_a_terminal_a_path_is_repeated(surroundings):
    folder, environ = surroundings
    command = str(folder / "bin" / "oneflow-mock-torch")
    environ["PATH"] = environ["PATH"].partition(os.pathsep)[2]
    *_, stderr = on_terminal([command, "--shell=zsh"], environ)
    assert f'eval "$({command} --shell=zsh)"' in stderr


def test_on_a_terminal_help_and_mistakes_look_as_anywhere(surroundings):
    _, environ = surroundings
    status, shown, stderr = on_terminal(["oneflow-mock-torch", "--help"], environ)
    assert (status, stderr) == (0, "") and "Usage:" in shown
    status, shown, stderr = on_terminal(["oneflow-mock-torch", "--bad"], environ)
    assert (status, shown) == (2, "") and "unknown option --bad" in stderr


def test_a_full_disk_is_one_line(surroundings):
    _, environ = surroundings
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            ["oneflow-mock-torch"], stdout=full, stderr=-1, env=environ, text=True
        )
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert lines and all("No space left on device" in line for line in lines[:1])
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


OURS = settings.bootstrap_directory()


@pytest.mark.parametrize(
    "environ, said",
    [
        ({}, " is off: ONEFLOW_MOCK_TORCH is not set; mend it with: eval"),
        ({ON: "1"}, f" is off: PYTHONPATH lacks {OURS}; mend it with: eval"),
        ({ON: "1", "PYTHONPATH": OURS}, " is on: every Python started from here"),
        ({ON: "1", "PYTHONPATH": OURS}, "options: none"),
        ({ON: "1", "PYTHONPATH": OURS}, f"{sys.executable}: Python {sys.version.split()[0]}"),
        ({ON: "1", "PYTHONPATH": OURS, VERSION: "1.13.1"}, "OneFlow as torch 1.13.1"),
        ({ON: "1", "PYTHONPATH": OURS, LAZY: "1", REPORT: "/r"}, "options: lazy, report /r"),
        ({ON: "1", "PYTHONPATH": OURS, REPORT: "-"}, "options: report on stderr"),
        ({ON: "0", "PYTHONPATH": OURS}, " is off: "),
        (
            {ON: "1", "PYTHONPATH": OURS, UPSTREAM_OFF: "1"},
            f" is off: {UPSTREAM_OFF} is set; mend it with: unset {UPSTREAM_OFF}",
        ),
        (
            {ON: "1", "PYTHONPATH": "{here}/custom:" + OURS},
            " is off: the sitecustomize in {here}/custom comes before ours",
        ),
        ({ON: "1", "PYTHONPATH": OURS + ":{here}/custom"}, " is on: "),
    ],
)
def test_status_is_for_people(ask, surroundings, environ, said):
    here = str(surroundings[0])
    os.mkdir(os.path.join(here, "custom"))
    with open(os.path.join(here, "custom", "sitecustomize.py"), "w"):
        pass
    environ = {name: value.replace("{here}", here) for name, value in environ.items()}
    done = ask("status", **environ)
    assert (done.stdout, done.returncode) == ("", 0)
    assert said.replace("{here}", here) in done.stderr


def test_enabling_against_upstreams_off_switch_is_told(ask):
    done = ask(*bash(), **{UPSTREAM_OFF: "1"})
    assert done.returncode == 0 and ON in done.stdout
    assert done.stderr.endswith(f"type: unset {UPSTREAM_OFF}\n")


def test_disabling_what_was_on_before_is_told(ask):
    before = {ON: "1", "PYTHONPATH": OURS}
    enabled = assignments(ask(*bash("--strict"), **before).stdout)
    done = ask(*bash("disable"), **{**before, **enabled})
    assert "it is on again" in done.stderr
    done = ask(*bash("disable"), **before)
    assert (done.stderr, done.stdout) == ("", f"unset {ON}; unset PYTHONPATH\n")


FORMS = {
    "bash": r"export \w+=\$'",
    "zsh": r"export \w+=\$'",
    "dash": r'\w+="\$\(printf',
    "fish": r"set -gx",
    "tcsh": r"setenv",
}


@pytest.mark.parametrize("how", ["direct", "by env and nice", "from a script file", "as login"])
@pytest.mark.parametrize("shell", list(FORMS))
def test_the_asking_shell_is_recognised(surroundings, shell, how):
    folder, environ = surroundings
    program = real_shells.need(shell)
    other = "/bin/fish" if shell != "fish" else "/bin/bash"
    environ["SHELL"] = other
    line = f"{folder}/bin/oneflow-mock-torch --report 'a b'"
    if how == "by env and nice":
        line = "env nice " + line
    script = folder / "deploy"
    script.write_text(f"#!{program}\n{line}; true\n")
    script.chmod(0o755)
    if how == "from a script file":
        command, options = [str(script)], {}
    elif how == "as login":
        command, options = ["-" + shell, "-c", line + "; true"], {"executable": program}
    else:
        command, options = [program, "-c", line + "; true"], {}
    done = subprocess.run(
        command, cwd=str(folder), env=environ, stdout=-1, stderr=-1, text=True, **options
    )
    assert re.search(FORMS[shell], done.stdout), done.stdout + done.stderr


@pytest.mark.parametrize(
    "ancestors, environ, name",
    [
        (["python3", "/usr/bin/fish"], {"SHELL": "/bin/zsh"}, "fish"),
        (["make", "python3"], {"SHELL": "/bin/zsh"}, "zsh"),
        ([], {"SHELL": "/usr/bin/xonsh"}, "sh"),
        ([], {}, "sh"),
    ],
)
def test_the_guess_ends_with_sh(monkeypatch, ancestors, environ, name):
    monkeypatch.setattr(parent, "_ancestors", lambda pid: iter(ancestors))
    assert parent.guess(environ).name == name


@pytest.mark.parametrize(
    "listing, name",
    [
        ("%d 70 /opt/uv\\n70 60 -tcsh\\n60 1 bash", "csh"),
        ("%d 1 /Applications/A Terminal/zsh", "zsh"),
        ("1 0 launchd", "sh"),
    ],
)
def test_without_proc_ps_tells_the_ancestors(tmp_path, monkeypatch, listing, name):
    ps = tmp_path / "ps"
    ps.write_text(f"#!/bin/sh\nprintf '{listing}\\n'\n".replace("%d", str(os.getppid())))
    ps.chmod(0o755)
    monkeypatch.setattr(parent, "_PROC", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert parent.guess({}).name == name
    ps.unlink()
    assert parent.guess({"SHELL": "/bin/fish"}).name == "fish", "no ps at all"


@pytest.mark.parametrize("words", [(), ("disable",), ("status",), ("--help",), ("--bad",)])
def test_it_imports_nothing_heavy(ask, words):
    prologue = (
        "import atexit\n"
        "heavy = ('oneflow', 'numpy', 'torch', 'rich', 'asyncio')\n"
        "atexit.register(lambda: sys.stderr.write('LOADED %s' % [n for n in heavy if n in"
        " sys.modules]))\n"
    )
    assert ask(*words, prologue=prologue).stderr.endswith("LOADED []")


@pytest.mark.parametrize("words", [(), ("disable",), ("status",), ("--help",), ("--bad",)])
def test_it_answers_quickly(surroundings, words):
    folder, environ = surroundings
    command = [str(folder / "bin" / "oneflow-mock-torch"), *words]

    def seconds():
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, stdout=-1, stderr=-1, env=environ)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    # The first run may compile; the rest differ by what else the machine does.
    assert min(seconds() for _ in range(5)) < CPU_LIMIT


def test_doctor_gives_its_status(surroundings, tmp_path):
    _, environ = surroundings
    code = (
        "import sys, types\n"
        "fake = types.ModuleType('oneflow_mock.doctor')\n"
        "fake.main = lambda as_json=False: 3 if as_json else 1\n"
        "import oneflow_mock\n"
        "oneflow_mock.doctor = sys.modules['oneflow_mock.doctor'] = fake\n"
        "from oneflow_mock.shell.cli import main\n"
        "print(main(['doctor']), main(['doctor', '--json']), main(['doctr']))\n"
        "assert main([]) == 0\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=-1, stderr=-1, env=environ, text=True
    )
    statuses, *shown = done.stdout.splitlines()
    assert statuses == "1 3 2" and "  doctor  " in "\n".join(shown)
    assert done.stderr.count("\n") == 1 and "doctr" in done.stderr

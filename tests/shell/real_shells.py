"""Run scripts in the real shells, and the command under test from a PATH of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

COMMAND = "oneflow-mock-torch"

#: How each shell is started, and every way its users have of running what a command prints.
SHELLS = {
    "bash": (
        ["bash", "--norc", "--noprofile"],
        {"unquoted": "eval $({})", "quoted": 'eval "$({})"'},
    ),
    "dash": (["dash"], {"unquoted": "eval $({})", "quoted": 'eval "$({})"'}),
    "zsh": (["zsh", "-f"], {"unquoted": "eval $({})", "quoted": 'eval "$({})"'}),
    "fish": (
        ["fish", "--no-config"],
        {"unquoted": "eval ({})", "quoted": 'eval "$({})"', "piped": "{} | source"},
    ),
    "tcsh": (["tcsh", "-f"], {"unquoted": "eval `{}`", "quoted": 'eval "`{}`"'}),
}
FORMS = [(shell, form) for shell, (_, forms) in SHELLS.items() for form in forms]

#: What has broken somebody's activation script, or could.
VALUES = {
    "plain": "/usr/lib/python",
    "empty": "",
    "space": "a b",
    "spaces": "  a   b  ",
    "tab": "a\tb\t",
    "single quote": "it's",
    "double quote": 'say "so"',
    "all quotes": "'\"`'\"`",
    "substitution": "$(touch pwned)${HOME}$HOME$$",
    "backticks": "`touch pwned`",
    "newline": "one\ntwo",
    "newlines": "\n\none\n\ntwo\n\n",
    "only a newline": "\n",
    "carriage return": "one\r\ntwo",
    "globs": "* ? [a-z]* {a,b} ~ ~root /*",
    "extended globs": "@(a|b)+(c)!(d) ^a#b",
    "exclamation": "wow! !! !-1 !$",
    "backslashes": "\\a\\\\b\\n\\040\\",
    "operators": "a;b&c|d<e>f(g)",
    "comment": "# not a comment #",
    "percent": "%s %d %% 100%",
    "digit after escape": " 1\n2*3",
    "dash": "-n",
    "equals": "=ls:=ls:~",
    "non-ASCII": "caf\u00e9/\u6a21\u578b/\U0001f600",
    "smart quotes": "\u2018a\u2019 \u201cb\u201d",
    "no UTF-8": os.fsdecode(b"\xff\xfe\xc3("),
    "control": "\x01\x1b[0m\x7f",
    "path": "/a:/b c::/d:",
}


def need(program: str) -> str:
    """Return the path of a program; without it skip here, and fail where CI=true."""
    found = shutil.which(program)
    if found is None:
        message = f"{program} is not installed; get it with: apt-get install {program}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found


def form(shell: str, name: str, command: str) -> str:
    """Return the line that has ``shell`` run what ``command`` prints."""
    return SHELLS[shell][1][name].replace("{}", command)


def run(shell, lines, cwd, environ=None, **options):
    """Run a script of ``lines`` in a real shell; ``options`` are subprocess.run's."""
    need(shell)
    script = os.path.join(str(cwd), "script." + shell)
    with open(script, "w") as opened:
        opened.write("\n".join(lines) + "\n")
    command = SHELLS[shell][0] + [script]
    options.setdefault("timeout", 60)
    return subprocess.run(
        command, cwd=str(cwd), env=environ, stdout=-1, stderr=-1, text=True, **options
    )


def environment(dump) -> dict:
    """Read what ``env -0 > dump`` wrote."""
    entries = dump.read_bytes().split(b"\0")
    pairs = (entry.partition(b"=") for entry in entries if entry)
    # The last argument of the last command is the shell's, and changes with every line.
    return {name.decode(): value for name, _, value in pairs if name != b"_"}


def launcher(folder, prologue: str = "") -> str:
    """Write the command's script into ``folder``, for this interpreter; return its path."""
    path = folder / COMMAND
    path.write_text(
        f"#!{sys.executable}\nimport sys\n{prologue}\n"
        "from oneflow_mock.shell.cli import mock_torch\nsys.exit(mock_torch())\n"
    )
    path.chmod(0o755)
    return str(path)


def clean(**more: str) -> dict:
    """Return this process's environment without a trace of any mock, and ``more``."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ONEFLOW_", "PYTHON")) and name != "SHELL"
    }
    environ.update(more)
    return environ

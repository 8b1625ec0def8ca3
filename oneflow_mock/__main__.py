"""The runner's command line: ``python -m oneflow_mock [options] script.py args...``

Parsed by hand: whatever follows the script is the script's, ``--report`` takes its value only after
``=``, and importing click would take longer than all the rest that happens before the script.

Exit status 2 means that nothing was started: a wrong option, or no OneFlow that could be loaded.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

USAGE = """\
usage: python -m oneflow_mock [options] script.py [args...]
       python -m oneflow_mock [options] -m module [args...]
       python -m oneflow_mock [options] -c code [args...]
       python -m oneflow_mock [options] [- [args...]]
"""

HELP = f"""{USAGE}
Run a PyTorch program on OneFlow, as plain python would run it; every Python that it starts is
mocked too. A folder or a zip file with a __main__.py is a script as well; without any, Python's
prompt comes up. Options of Python itself go before -m: python -u -m oneflow_mock script.py

options:
  --torch-version V  the PyTorch release to look like (default: {{default}})
  --report[=FILE]    at exit, list what was asked of torch and is missing: a table on stderr,
                     or JSON in FILE; one report for the script and all its child processes
  --strict           raise at the first touch of a missing name or of a keyword without effect
  --lazy             as upstream's option of this name
  --verbose          as upstream's option of this name
  --version          show versions and exit
  -h, --help         show this and exit
"""

_FLAGS = ("--lazy", "--strict", "--verbose")
_OPTIONS = (*_FLAGS, "--help", "--report", "--torch-version", "--version")

# What the interpreter itself takes and people may write in the wrong place.
_INTERPRETERS = tuple("-" + letter for letter in "bBdEiIOqsSuvWxX")


class UsageError(Exception):
    """The command line is wrong; ``str()`` is one line."""


def parse(args: list[str]) -> tuple[dict[str, Any], list[str], str]:
    """Split the command line into (settings to change, what Python is to run, action).

    The action is ``"run"``, ``"help"`` or ``"version"``. UsageError where an option is wrong.
    """
    changes: dict[str, Any] = {}
    rest = list(args)
    while rest:
        word = rest[0]
        if word == "-" or not word.startswith("-") or word[:2] in ("-m", "-c"):
            break
        del rest[0]
        if word == "--":
            break
        option, equals, value = word.partition("=")
        if word in ("-h", "--help"):
            return changes, rest, "help"
        if word == "--version":
            return changes, rest, "version"
        if word in _FLAGS:
            changes[word[2:]] = True
        elif option == "--report":
            if equals and not value:
                raise UsageError("--report= needs a file; without one write --report")
            changes["report"] = value or "-"
        elif option == "--torch-version":
            if not equals:
                if not rest:
                    raise UsageError("--torch-version needs a version, such as 2.13.0")
                value = rest.pop(0)
            changes["torch_version"] = value
        elif option in _OPTIONS:
            raise UsageError(f"option {option} takes no value")
        else:
            raise UsageError(_unknown(option))
    return changes, rest, "run"


def _unknown(option: str) -> str:
    if option[:2] in _INTERPRETERS:
        return (
            f"unknown option {option}; options of Python itself go before -m: "
            f"python {option} -m oneflow_mock ..."
        )
    from difflib import get_close_matches

    close = get_close_matches(option, _OPTIONS, n=1)
    if close:
        return f"unknown option {option}; did you mean {close[0]}?"
    return f"unknown option {option}; see python -m oneflow_mock --help"


def main(args: list[str] | None = None) -> NoReturn:
    """Run what the command line names; leaves by SystemExit, by an exception, or by exec."""
    from oneflow_mock import runner, settings

    runner.die_quietly()
    command_line = sys.argv[1:] if args is None else args
    try:
        changes, rest, action = parse(command_line)
        base = settings.Settings.from_environ()
        chosen = base.replace(enabled=True, **changes)
        if action == "help":
            print(HELP.format(default=settings.DEFAULT_TORCH_VERSION), end="")
            sys.exit(0)
        if action == "version":
            print(f"{runner.versions(chosen.torch_version)}, Python {sys.version.split()[0]}")
            sys.exit(0)
        if chosen.torch_version != settings.DEFAULT_TORCH_VERSION:
            from oneflow_mock import manifest

            manifest.release(chosen.torch_version)
    except (UsageError, ValueError) as problem:
        _refuse(problem)
    if settings.is_true(os.environ.get(settings.UPSTREAM_OFF)):
        name = settings.UPSTREAM_OFF
        print(f"oneflow-mock: {name} is set, so the mock stays off", file=sys.stderr)
        chosen = chosen.replace(enabled=False)
    else:
        _look_around()
    runner.run(rest, chosen, command_line)


def _look_around() -> None:
    """End here, in one line, where OneFlow cannot be loaded; warn of what else is amiss."""
    from oneflow_mock import console_script, engine
    from oneflow_mock.errors import EngineError

    try:
        engine.check()
    except EngineError as problem:
        _refuse(problem)
    warning = console_script.check()
    if warning:
        print(f"oneflow-mock: {warning}", file=sys.stderr)


def _refuse(problem: Exception) -> NoReturn:
    print(f"oneflow-mock: {problem}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()

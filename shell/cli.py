"""The commands ``oneflow-mock-torch`` and ``oneflow-mock``.

Standard output carries shell code and nothing else, since a shell is about to run it. What people
are to read goes to stderr, and so does help unless standard output is a terminal.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress

import click

from oneflow_mock import __version__
from oneflow_mock.errors import EngineError, MockError
from oneflow_mock.settings import (
    DEFAULT_TORCH_VERSION,
    ON,
    UPSTREAM_OFF,
    Settings,
    bootstrap_directory,
    is_true,
)

from . import dialects, parent, status, variables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ACTIONS = ("enable", "disable", "status")


def mock_torch(words: Sequence[str] | None = None) -> int:
    """Run ``oneflow-mock-torch`` and return its exit status."""
    words = list(sys.argv[1:] if words is None else words)
    code = _run(_mock_torch, status.COMMAND, words)
    if code and not sys.stdout.isatty():
        # eval of nothing succeeds, and the script would go on with whatever torch there is.
        with suppress(OSError):
            _print(_failure(words))
    return code


def main(words: Sequence[str] | None = None) -> int:
    """Run ``oneflow-mock`` and return its exit status."""
    words = list(sys.argv[1:] if words is None else words)
    return _run(_main, "oneflow-mock", words or ["--help"])


def _show_help(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(context.get_help(), err=not sys.stdout.isatty())
        context.exit()


@click.command(
    add_help_option=False,
    help=f"""
Have every Python started from this shell import OneFlow as torch.

\b
  eval "$({status.COMMAND})"            bash, zsh, sh
  {status.COMMAND} | source             fish
  eval "`{status.COMMAND}`"             csh, tcsh
  Invoke-Expression ({status.COMMAND})  PowerShell

enable, which needs no word, prints the shell code that turns the mock on. Enabling again starts
from the settings before the first time. disable prints the code that puts every variable back as
it was. status says on stderr whether the mock is on. Options are for enable.
""",
)
@click.argument("action", required=False, metavar="[enable|disable|status]")
@click.option("--lazy", is_flag=True, help="Upstream's option, with its meaning.")
@click.option("--verbose", is_flag=True, help="Upstream's option: say what was missing.")
@click.option("--strict", is_flag=True, help="Raise at the first touch of what is missing.")
@click.option(
    "--report",
    is_flag=False,
    flag_value="-",
    metavar="[FILE]",
    help="Say at exit what torch was asked for in vain: a table, or JSON in FILE.",
)
@click.option(
    "--torch-version",
    metavar="VERSION",
    help=f"The PyTorch version to claim; {DEFAULT_TORCH_VERSION} unless said otherwise.",
)
@click.option(
    "--shell",
    metavar="SHELL",
    help=f"Write for {', '.join(dialects.DIALECTS)}; by default for the shell that asks.",
)
@click.option(
    "-h",
    "--help",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_help,
    help="Show this and exit.",
)
def _mock_torch(
    action: str | None,
    lazy: bool,
    verbose: bool,
    strict: bool,
    report: str | None,
    torch_version: str | None,
    shell: str | None,
) -> None:
    if action is None and report in ACTIONS:  # a report file of that name is written ./enable
        action, report = report, "-"
    if action is not None and action not in ACTIONS:
        raise click.UsageError(f"unknown word {action!r}{_meant(action, ACTIONS)}")
    dialect = _dialect(shell)
    environ = _environ()
    if action == "status":
        click.echo(status.describe(environ), err=True)
        return
    if action == "disable":
        changes = variables.disable(environ)
    else:
        _check_installation()
        before = Settings.from_environ(variables.original(environ))
        wanted = Settings(
            lazy=lazy or before.lazy,
            verbose=verbose or before.verbose,
            strict=strict or before.strict,
            torch_version=_version(torch_version) or before.torch_version,
            report=_report(report) or before.report,
        )
        changes = variables.enable(environ, wanted)
    if sys.stdout.isatty():
        raise MockError(
            "nothing is changed yet, as only the shell itself can change its variables; type: "
            + dialect.usage.format(command=_typed())
        )
    _print(dialect.code(changes))
    _warn({**environ, **changes})


def _failure(words: Sequence[str]) -> str:
    # The command line may be beyond reading, so the shell is looked for in its text.
    asked = re.search(r"--shell[= ](\S+)", " ".join(words))
    dialect = dialects.find(asked[1]) if asked else None
    return (dialect or parent.guess(os.environ)).failure


def _dialect(shell: str | None) -> dialects.Dialect:
    if shell is None:
        return parent.guess(os.environ)
    dialect = dialects.find(shell)
    if dialect is None:
        known = tuple(dialects.DIALECTS)
        raise click.UsageError(
            f"unknown shell {shell!r}{_meant(shell, known)}; write --shell and one of "
            + ", ".join(known)
        )
    return dialect


def _version(text: str | None) -> str | None:
    if text is not None and not re.match(r"\d+\.\d+(\.\w+)*(\+[\w.]+)?$", text):
        raise click.UsageError(
            f"{text!r} is not a PyTorch version; write it like --torch-version "
            + DEFAULT_TORCH_VERSION
        )
    return text


def _report(file: str | None) -> str | None:
    # The programs that will write it may be started in other folders than this command.
    return os.path.abspath(file) if file and file != "-" else file


def _check_installation() -> None:
    from oneflow_mock import engine

    engine.check()
    directory = bootstrap_directory()
    if os.pathsep in directory:
        raise EngineError(
            f"PYTHONPATH cannot name {directory}, which holds a {os.pathsep!r}",
            "moving the virtual environment to another folder",
        )
    if not os.path.isfile(os.path.join(directory, "sitecustomize.py")):
        raise EngineError(
            f"oneflow-mock is not whole: there is no sitecustomize.py in {directory}",
            engine.install("oneflow-mock", force=True),
        )


def _environ() -> Mapping[str, str]:
    """Return the shell's variables: where the mock is on, this process has changed some by now."""
    try:
        with open("/proc/self/environ", "rb") as environ:
            entries = environ.read().split(b"\0")
    except OSError:
        return os.environ
    pairs = (os.fsdecode(entry).partition("=") for entry in entries if b"=" in entry)
    return {name: value for name, _, value in pairs}


def _warn(after: variables.Changes) -> None:
    """Say on stderr where the shell will not be as one would think after this."""
    enabled = after.get(variables.SAVED) is not None
    if enabled and is_true(after.get(UPSTREAM_OFF)):
        _complain(f"the mock stays off while {UPSTREAM_OFF} is set; type: unset {UPSTREAM_OFF}")
    if not enabled and is_true(after.get(ON)) and not status.off_because(after):
        _complain("the mock was on already when it was enabled here, so it is on again")


def _typed() -> str:
    """Return the command line as the user would type it again."""
    from shlex import quote
    from shutil import which

    program = sys.argv[0]
    name = status.COMMAND if which(status.COMMAND) == program else program
    return " ".join(quote(word) for word in [name, *sys.argv[1:]])


def _meant(word: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches

    return "".join(f"; did you mean {near}?" for near in get_close_matches(word, known, 1))


class _Commands(click.Group):
    """The commands; those that take more than this file are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), "kernels"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "kernels":
            from .kernels import kernels

            return kernels
        return super().get_command(ctx, cmd_name)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=f"Look after oneflow-mock. What turns it on in a shell is {status.COMMAND}.",
)
@click.version_option(__version__, prog_name="oneflow-mock")
def _main() -> None:
    pass


@_main.command(help="Say what is wrong with this installation, and what mends it.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
def doctor(as_json: bool) -> int:
    from oneflow_mock import doctor

    return doctor.main(as_json)


def _run(command: click.Command, name: str, words: list[str]) -> int:
    """Run ``command`` and return its exit status; whatever goes wrong is one line on stderr."""
    try:
        return command.main(words, prog_name=name, standalone_mode=False) or 0
    except click.UsageError as error:
        line, code = f"{_explained(error)}; for all words and options: {name} --help", 2
    except click.ClickException as error:
        line, code = error.format_message(), 1
    except (MockError, OSError) as error:
        detail = getattr(error, "detail", "")  # what a compiler said
        if detail:
            click.echo(detail, err=True)
        line, code = str(error), 1
    except (click.Abort, KeyboardInterrupt):
        line, code = "interrupted", 130
    _complain(line, name)
    return code


def _explained(error: click.UsageError) -> str:
    if isinstance(error, click.NoSuchOption):
        near = f"; did you mean {error.possibilities[0]}?" if error.possibilities else ""
        return f"unknown option {error.option_name}{near}"
    text = error.format_message().rstrip(".")
    return text[:1].lower() + text[1:]


def _complain(line: str, name: str = status.COMMAND) -> None:
    click.echo(f"{name}: {' '.join(line.split())}", err=True)


def _print(code: str) -> None:
    try:
        print(code, flush=True)
    except OSError:
        # What is left in the buffer would be complained about once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise

"""``oneflow-mock kernels``: build, look at and remove the native kernels."""

from __future__ import annotations

import os
import sys
import time

import click

from oneflow_mock import kernel_build, kernel_library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@click.group(
    invoke_without_command=True,
    help="Build, look at and remove the native kernels, which make OneFlow fast on a CPU.",
)
@click.pass_context
def kernels(context: click.Context) -> None:
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@kernels.command(
    help="""
Compile the native kernels for this machine, unless that is done already.

It takes g++, up to three minutes, and a folder in ~/.cache (or $XDG_CACHE_HOME).
"""
)
@click.option("--force", is_flag=True, help="Compile everything anew.")
@click.option(
    "--level",
    type=click.Choice([*kernel_library.LEVEL_FLAGS, "all"]),
    help="The instruction set to compile for; by default the best one of this processor. "
    f"{kernel_library.SANITIZED} is for `make sanitize`.",
)
@click.option(
    "--if-possible",
    is_flag=True,
    help="Succeed where there is no compiler, or the processor is too old: for makefiles.",
)
def build(force: bool, level: str | None, if_possible: bool) -> None:
    levels = None
    if level is not None:
        levels = list(kernel_library.LEVELS) if level == "all" else [level]
    if if_possible and not (kernel_library.compiler() and kernel_library.levels()):
        click.echo("the native kernels are left out: there is no g++, or no AVX2", err=True)
        return
    started = time.monotonic()
    with _Progress() as progress:
        paths = kernel_build.build(levels, force, progress.tell, progress.wait)
    took = f" in {time.monotonic() - started:.0f} s" if progress.anything else ": built before"
    for path in paths:
        click.echo(f"{path}{took}", err=True)


@kernels.command(help="Say whether the native kernels are in use; 1 if they could be and are not.")
def status() -> int:
    found = kernel_library.find()
    folder = kernel_library.cache_folder()
    rows = [
        ("kernels", "in use" if found.state == kernel_library.READY else found.line()),
        ("library", found.path or "none"),
        ("processor", ", ".join(kernel_library.levels()) or "without AVX2"),
        ("compiler", kernel_library.compiler() or "none"),
        ("cache", f"{folder}, {_megabytes(kernel_build.size_of_cache())}"),
    ]
    for name, value in rows:
        click.echo(f"{name + ':':11}{value}")
    return int(found.state in (kernel_library.MISSING, kernel_library.BROKEN))


@kernels.command(help="Remove everything that was built, of this and of other versions.")
def clean() -> None:
    size = kernel_build.clean()
    click.echo(f"{kernel_library.cache_folder()}: {_megabytes(size)} removed", err=True)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


class _Progress:
    """A bar on a terminal, else a line for each file."""

    def __init__(self) -> None:
        self.anything = False
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self):
        if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

            columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("kernels", total=None)
        return self

    def __exit__(self, *error):
        if self._bar is not None:
            self._bar.stop()

    def tell(self, name: str, done: int, total: int) -> None:
        """Show that a file has been compiled."""
        self.anything = True
        if self._bar is not None:
            self._bar.update(self._task, description=name, completed=done, total=total)
        else:
            click.echo(f"{done}/{total} {name}", err=True)

    def wait(self) -> None:
        """Show that another process is at it."""
        if self._bar is not None:
            self._bar.update(self._task, description="another process is building them")
        else:
            click.echo("another process is building them: waiting for it", err=True)

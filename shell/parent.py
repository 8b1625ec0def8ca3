"""Which shell is to run what the command prints."""

from __future__ import annotations

import os
from contextlib import suppress

from . import dialects

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PROC = "/proc"
# A launcher or two (env, nice, uv run) may stand between the command and its shell.
_NEAREST = 6


def guess(environ: Mapping[str, str]) -> dialects.Dialect:
    """Return the dialect of the nearest shell among the ancestors, else of ``$SHELL``, else sh."""
    for program in _ancestors(os.getppid()):
        dialect = dialects.find(program)
        if dialect is not None:
            return dialect
    return dialects.find(environ.get("SHELL", "")) or dialects.DIALECTS["sh"]


def _ancestors(pid: int) -> Iterator[str]:
    """Yield the names of the nearest ancestors' programs, the parent's first."""
    if not os.path.isdir(f"{_PROC}/self"):
        yield from _ancestors_by_ps(pid)
        return
    for _ in range(_NEAREST):
        try:
            with open(f"{_PROC}/{pid}/stat", "rb") as stat:
                head, _, tail = stat.read().rpartition(b")")
        except OSError:
            return
        # The kernel knows a script by its own name, and the shell that runs it by its file.
        with suppress(OSError):  # another user's process
            yield os.readlink(f"{_PROC}/{pid}/exe")
        yield os.fsdecode(head.partition(b"(")[2])
        pid = int(tail.split()[1])
        if pid < 1:
            return


def _ancestors_by_ps(pid: int) -> Iterator[str]:
    import subprocess

    try:
        listing = subprocess.run(
            ["ps", "-axo", "pid=,ppid=,comm="], stdout=subprocess.PIPE, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return
    processes = {}
    for line in os.fsdecode(listing).splitlines():
        child, parent, program = line.split(None, 2)
        processes[int(child)] = (int(parent), program)
    for _ in range(_NEAREST):
        if pid not in processes:
            return
        pid, program = processes[pid]
        yield program

"""What a run asked of torch and did not get: counted while it runs, told when it ends.

``record()`` is called by whatever stands in for a missing name, swallows a keyword or computes on
the host. ``start()`` arranges for the rows to be shown at exit: as a table on stderr for ``-``,
else as JSON in a file. A run is a process and all that descend from it: the first one to start a
report puts the run's name into the environment, its descendants find it there and add their rows
to the same file. A program started later, outside that family, begins a new report. A process
that never used torch leaves no trace: the shell door reaches every Python there is.

The importer loads this module while a program starts, so what only the end needs (json, rich,
tempfile, fcntl) is imported at the end.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
from _thread import RLock
from collections import namedtuple

from .settings import REPORT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .settings import Settings

NAMED = "named"
CALLED = "called"
KEYWORD = "keyword"
HOST_FALLBACK = "host fallback"

SCHEMA = 1

#: ``<root pid>-<time>:<kind>:<file the rows are gathered in>``; set by the first process of a run.
RUN = "ONEFLOW_MOCK_REPORT_RUN"

# What becomes of the gathered rows: a table on stderr, JSON in the gathering file itself, or JSON
# written to something that cannot be replaced atomically, such as /dev/stdout or a pipe.
# "nowhere" keeps descendants from complaining again about a report that cannot be written.
_TABLE, _FILE, _STREAM, _NOWHERE = "table", "file", "stream", "nowhere"

_LOCK_PATIENCE = 5.0
_FLUSH_EVERY = 1.0
_NEVER = float("inf")

Row = namedtuple("Row", "api how detail count file line first_seen")
Row.__doc__ = """One thing that torch was asked for: ``how`` it was, how often, and where first.

``how`` is ``"named"``, ``"called"``, ``"keyword"`` (accepted, without effect) or ``"host
fallback"``; ``file`` and ``line`` are the first place in the user's code, None where unknown;
``first_seen`` is in seconds since the epoch and orders places seen by different processes.
"""

_lock = RLock()
_counts: dict[tuple[str, str, str], list] = {}
_flushed: dict[tuple[str, str, str], int] = {}
_total = 0
_run: _Run | None = None
_hooked = False


def record(api: str, how: str, where: tuple[str, int] | None, detail: str = "") -> None:
    """Count one use of ``api``; ``where`` is the file and line in the user's code."""
    global _total
    key = (api, how, detail)
    with _lock:
        _total += 1
        entry = _counts.get(key)
        if entry is not None:
            entry[0] += 1
            return
        now = time.time()
        _counts[key] = [1, where, now]
    run = _run
    if run is not None and now >= run.due:
        # Whatever kills the program later, most of its report is in the file.
        run.due = now + _FLUSH_EVERY
        flush()


def rows() -> list[Row]:
    """Return what this process has recorded so far, in the order of first sight."""
    with _lock:
        return [_row(key, entry, entry[0]) for key, entry in _counts.items()]


def total() -> int:
    """Return how often ``record`` was called: whoever watches can tell that nothing happened."""
    return _total


def clear() -> None:
    """Forget what this process has recorded."""
    with _lock:
        _counts.clear()
        _flushed.clear()


def start(settings: Settings) -> None:
    """Show the report when this process ends, as ``settings.report`` says; again: no effect.

    A report file that cannot be written is told in one line, now rather than at the end of a long
    run, and never changes the program's exit status.
    """
    global _run
    if not settings.report:
        return
    try:
        run = _join(settings) or _found(settings)
    except OSError as problem:  # a relative path, and no working directory any more
        _complain(settings.report, problem)
        return
    if _run is not None and _run.name == run.name:
        return
    os.environ[RUN] = run.name
    if run.kind == _NOWHERE:
        return
    _run = run
    if run.kind == _FILE:
        # Descendants may work in other directories.
        os.environ[REPORT] = run.gathering
    _hook()


def flush() -> None:
    """Add what was recorded since the last flush to the run's report.

    Called at exit, and now and then when something new is met; call it before ``os._exit``.
    """
    run = _run
    if run is None:
        return
    with _lock:
        fresh = []
        for key, entry in _counts.items():
            count = entry[0] - _flushed.get(key, 0)
            if count:
                fresh.append(_row(key, entry, count))
                _flushed[key] = entry[0]
        used_torch = bool(fresh) or "oneflow" in sys.modules
        first_time = used_torch and not run.counted
        run.counted = run.counted or used_torch
    if not fresh and not first_time:
        return
    try:
        with _FileLock(run.gathering):
            old = _load(run.gathering)
            if old is None or old["run"] != run.name:
                old = _document(run, [], 0)
            merged = _merge([_row_from(row) for row in old["rows"]], fresh)
            processes = old["processes"] + first_time
            document = _document(run, merged, processes, old["oneflow"])
            if run.kind == _FILE or run.is_root or _is_alive(run.root):
                _store(run.gathering, document)
            else:
                # Nobody is left who would show the gathered rows.
                _show(run, document)
    except OSError as problem:
        if run.due != _NEVER or run.kind != _FILE:
            _complain(run.target, problem)
        run.due = _NEVER


def table_lines(found: Iterable[Row]) -> list[tuple[str, str, str, str]]:
    """Return (api, how, times, first place) for a table; the most serious first.

    What was both named and called is one line, since whoever calls something names it first.
    """
    found = list(found)
    called = {row.api for row in found if row.how == CALLED}
    shown = [row for row in found if not (row.how == NAMED and row.api in called)]
    order = {CALLED: 0, KEYWORD: 1, HOST_FALLBACK: 2, NAMED: 3}
    shown.sort(key=lambda row: (order.get(row.how, 4), -row.count, row.api, row.detail))
    return [(row.api, _how(row), str(row.count), _place(row)) for row in shown]


class _Run:
    """The report that this process adds to."""

    __slots__ = ("name", "kind", "gathering", "target", "torch_version", "root", "due", "counted")

    def __init__(
        self, name: str, kind: str, gathering: str, target: str, torch_version: str, root: int
    ) -> None:
        self.name = name
        self.kind = kind
        self.gathering = gathering
        self.target = target
        self.torch_version = torch_version
        self.root = root
        self.fork()

    def fork(self) -> None:
        """Forget what only holds for one process."""
        self.due = 0.0 if self.kind == _FILE else _NEVER
        self.counted = False

    @property
    def is_root(self) -> bool:
        return self.root == os.getpid()


def _row(key: tuple[str, str, str], entry: list, count: int) -> Row:
    file, line = entry[1] or (None, None)
    return Row(*key, count=count, file=file, line=line, first_seen=entry[2])


def _join(settings: Settings) -> _Run | None:
    """Return the run that the environment names, if it is this report's."""
    name = os.environ.get(RUN, "")
    stamp, _, rest = name.partition(":")
    kind, _, gathering = rest.partition(":")
    root = stamp.partition("-")[0]
    if not root.isdigit() or not gathering or kind not in (_TABLE, _FILE, _STREAM, _NOWHERE):
        return None
    asked = settings.report
    if kind in (_TABLE, _STREAM):
        same = _kind(asked) == kind
    else:
        same = _kind(asked) == _FILE and os.path.realpath(asked) == gathering
    if not same:
        return None
    return _Run(name, kind, gathering, asked, settings.torch_version, int(root))


def _found(settings: Settings) -> _Run:
    """Begin a new report; where it cannot be written say so, and send it nowhere."""
    asked = settings.report
    pid = os.getpid()
    stamp = f"{pid}-{time.time_ns()}"

    def run_of(kind: str, gathering: str) -> _Run:
        name = f"{stamp}:{kind}:{gathering}"
        return _Run(name, kind, gathering, asked, settings.torch_version, pid)

    kind = _kind(asked)
    if kind == _FILE:
        run = run_of(kind, os.path.realpath(asked))
    else:
        import tempfile

        name = f"oneflow-mock-report-{stamp}.json"
        run = run_of(kind, os.path.join(tempfile.gettempdir(), name))
    problem = _obstacle(run.gathering) if kind == _FILE else None
    if problem is not None:
        _complain(asked, problem)
        return run_of(_NOWHERE, run.gathering)
    return run


def _is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name, in parentheses, may hold anything; the state follows it.
            return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except (OSError, IndexError):
        return False


def _kind(asked: str) -> str:
    """Tell what kind of thing was asked for; a device or a pipe must not be renamed over."""
    if asked == "-":
        return _TABLE
    path = os.path.abspath(asked)
    if path.startswith(("/dev/", "/proc/")):
        return _STREAM
    unusual = os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)
    return _STREAM if unusual else _FILE


def _obstacle(path: str) -> OSError | None:
    """Return why a report cannot be put in ``path``, if that can be known beforehand."""
    folder = os.path.dirname(path)
    if os.path.isdir(path):
        return IsADirectoryError(0, "it is a directory")
    if not os.path.isdir(folder):
        return FileNotFoundError(0, "there is no such directory")
    if not os.access(folder, os.W_OK | os.X_OK):
        return PermissionError(0, "the directory is not writable")
    if os.path.exists(path) and os.path.getsize(path) and _load(path) is None:
        return FileExistsError(0, "it exists and is not a report of oneflow-mock")
    return None


def _hook() -> None:
    global _hooked
    if _hooked:
        return
    _hooked = True
    atexit.register(_at_exit)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_in_forked_child)
    _hook_multiprocessing()


def _hook_multiprocessing() -> None:
    """Flush in processes that multiprocessing ends by ``os._exit``, where atexit does not run.

    Such a process empties the list of finalizers before it runs its after-fork functions, and
    then its target: which of them comes after this call is not known here, so both are used.
    """
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.register_after_fork(_anchor, _finalize)
        _finalize(_anchor)


class _Anchor:
    """Something to hang an after-fork function on: multiprocessing holds it weakly."""


_anchor = _Anchor()


def _finalize(anchor: _Anchor) -> None:
    sys.modules["multiprocessing.util"].Finalize(None, flush, exitpriority=-1000)


def _in_forked_child() -> None:
    global _lock
    _lock = RLock()
    clear()
    if _run is not None:
        _run.fork()
    _hook_multiprocessing()


def _at_exit() -> None:
    run = _run
    flush()
    if run is None or not run.is_root or run.kind == _FILE:
        return
    try:
        with _FileLock(run.gathering):
            document = _load(run.gathering)
            if document is None:
                return
            os.unlink(run.gathering)
        _show(run, document)
    except OSError as problem:
        _complain(run.target, problem)


def _show(run: _Run, document: dict[str, Any]) -> None:
    if run.kind == _TABLE:
        _print_table(document)
    elif run.kind == _STREAM:
        # Python flushes its own streams after atexit; what they hold was written before.
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
        with open(_opened(run.target), "w", encoding="utf-8") as target:
            target.write(_dump(document))


def _opened(path: str) -> int:
    """Open a device or a pipe; /dev/stdout and its like mean the stream as it is, not anew."""
    name = {"/dev/stdout": "/dev/fd/1", "/dev/stderr": "/dev/fd/2"}.get(path, path)
    directory, number = os.path.split(name)
    if directory in ("/dev/fd", "/proc/self/fd") and number.isdigit():
        return os.dup(int(number))
    return os.open(path, os.O_WRONLY | os.O_APPEND)


def _print_table(document: dict[str, Any]) -> None:
    stream = sys.stderr
    if stream is None or stream.closed:
        return
    found = [_row_from(row) for row in document["rows"]]
    versions = f"PyTorch {document['torch']} on OneFlow {document['oneflow'] or 'not imported'}"
    if not found:
        print(f"oneflow-mock: nothing asked of torch was missing ({versions})", file=stream)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    processes = document["processes"]
    family = f", {processes} processes" if processes > 1 else ""
    print(f"oneflow-mock: asked of torch and not there ({versions}{family})", file=stream)
    table = Table()
    for name in ("API", "how", "times", "first place"):
        table.add_column(name, justify="right" if name == "times" else "left", overflow="fold")
    for line in table_lines(found):
        table.add_row(*(Text(cell) for cell in line))
    # A file or a pipe has no width; folded names could not be searched for.
    width = None if stream.isatty() else 1000
    Console(file=stream, width=width, markup=False, highlight=False, emoji=False).print(table)


def _how(row: Row) -> str:
    if row.how == NAMED:
        return "only named"
    if row.how == KEYWORD:
        return f"keyword {row.detail} had no effect" if row.detail else "keyword had no effect"
    if row.how == HOST_FALLBACK and row.detail:
        return f"host fallback: {row.detail}"
    return row.how


def _place(row: Row) -> str:
    if row.file is None or row.line is None:
        return row.file or ""
    file = row.file
    try:
        here = os.path.join(os.getcwd(), "")
    except OSError:  # the program removed the folder it worked in
        return f"{file}:{row.line}"
    return f"{file[len(here) :] if file.startswith(here) else file}:{row.line}"


def _document(
    run: _Run, found: Iterable[Row], processes: int, engine_version: str | None = None
) -> dict[str, Any]:
    from . import __version__

    engine = sys.modules.get("oneflow")
    return {
        "schema": SCHEMA,
        "run": run.name,
        "oneflow_mock": __version__,
        "torch": run.torch_version,
        "oneflow": getattr(engine, "__version__", engine_version),
        "processes": processes,
        "rows": [row._asdict() for row in found],
    }


def _merge(old: Iterable[Row], new: Iterable[Row]) -> list[Row]:
    together: dict[tuple, Row] = {}
    for row in [*old, *new]:
        key = (row.api, row.how, row.detail)
        other = together.get(key, row)
        first = min(row, other, key=lambda each: each.first_seen)
        count = row.count if other is row else row.count + other.count
        together[key] = first._replace(count=count)
    return sorted(together.values(), key=lambda row: row.first_seen)


def _row_from(fields: dict[str, Any]) -> Row:
    return Row(**{name: fields[name] for name in Row._fields})


def _load(path: str) -> dict[str, Any] | None:
    """Return the report in ``path``, or None where there is none that this version can add to."""
    import json

    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        if document["schema"] != SCHEMA:
            return None
        for row in document["rows"]:
            _row_from(row)
        return document if {"run", "oneflow", "processes"} <= set(document) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _dump(document: dict[str, Any]) -> str:
    import json

    # ASCII, because file names with surrogates are not UTF-8.
    return json.dumps(document, indent=1) + "\n"


def _store(path: str, document: dict[str, Any]) -> None:
    """Put ``document`` into ``path`` in one step: a reader, or a kill, never meets half of it."""
    scratch = f"{path}.{os.getpid()}.{time.time_ns()}.tmp"
    mode = 0o600 if document["run"].split(":")[1] != _FILE else 0o666
    try:
        handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(handle, "w", encoding="utf-8") as file:
            file.write(_dump(document))
        os.replace(scratch, path)
    except OSError:
        if os.path.exists(scratch):
            os.unlink(scratch)
        raise


class _FileLock:
    """One process at a time adds to a report.

    The directory is locked, not a file of its own that would stay behind; the lock goes with the
    process that holds it. A lock that cannot be had in a few seconds is done without: at worst
    another process's rows are lost, where waiting could hang a program at its exit.
    """

    def __init__(self, path: str) -> None:
        self._directory = os.path.dirname(path) or "."
        self._handle = -1

    def __enter__(self) -> None:
        try:
            import fcntl

            self._handle = os.open(self._directory, os.O_RDONLY)
        except (ImportError, OSError):
            return
        deadline = time.monotonic() + _LOCK_PATIENCE
        while True:
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    return
                time.sleep(0.01)
            except OSError:
                return

    def __exit__(self, *error: object) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _complain(path: str, problem: OSError) -> None:
    stream = sys.stderr
    if stream is not None and not stream.closed:
        reason = problem.strerror or problem
        print(f"oneflow-mock: cannot write the report to {path}: {reason}", file=stream)

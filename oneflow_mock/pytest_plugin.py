"""The pytest door: ``pytest --mock-torch``, or ``mock_torch = true`` in the ini file.

Loaded in every pytest run of an environment that has oneflow-mock, so it does nothing until asked:
the hooks that watch a run are registered only when the mock is on. It is switched on before any
conftest is imported, and for the processes that tests start too. PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import os
import sys

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from oneflow_mock.settings import Settings

_UNSUPPORTED = ("fail", "xfail")

# Where the rows that a test added travel with its report, from xdist's workers as well.
_LUGGAGE = "oneflow_mock_rows"

_TABLE_LENGTH = 25


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("oneflow-mock", "PyTorch programs on OneFlow (oneflow-mock)")
    group.addoption(
        "--mock-torch",
        action="store_true",
        help="redirect `import torch` to OneFlow, before any conftest or test is imported",
    )
    group.addoption("--mock-torch-version", metavar="V", help="the PyTorch release to look like")
    group.addoption(
        "--mock-torch-strict",
        action="store_true",
        help="raise at the first touch of a missing name or of a keyword without effect",
    )
    group.addoption(
        "--mock-torch-unsupported",
        choices=_UNSUPPORTED,
        default="fail",
        help="what a test counts as that ends with UnsupportedTorchAPI (default: fail)",
    )
    group.addoption(
        "--mock-torch-report",
        metavar="FILE",
        help="write what was asked of torch and is missing to FILE, as JSON; - for stderr",
    )
    parser.addini("mock_torch", "redirect `import torch` to OneFlow", type="bool", default=False)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    options = early_config.known_args_namespace
    asked = options.mock_torch or early_config.getini("mock_torch")
    if not asked and not _is_on_already():
        return
    from oneflow_mock import settings, switch

    if asked and settings.is_true(os.environ.get(settings.UPSTREAM_OFF)):
        early_config.pluginmanager.register(_Off(), "oneflow_mock_off")
        return
    if asked:
        chosen = _settings(options, settings.Settings.from_environ())
        _check(chosen)
        # Undone in the opposite order of this.
        early_config.add_cleanup(_in_environ(chosen))
        early_config.add_cleanup(switch.enable(chosen).disable)
    watch = _Watch(switch.settings().torch_version, options.mock_torch_unsupported)
    early_config.pluginmanager.register(watch, "oneflow_mock_watch")


def _is_on_already() -> bool:
    """Tell whether another door has let the mock in, without importing anything to find out."""
    switch = sys.modules.get("oneflow_mock.switch")
    return switch is not None and switch.is_enabled()


def _settings(options: Any, base: Settings) -> Settings:
    changes: dict[str, Any] = {"enabled": True}
    if options.mock_torch_version is not None:
        changes["torch_version"] = options.mock_torch_version
    if options.mock_torch_strict:
        changes["strict"] = True
    if options.mock_torch_report is not None:
        changes["report"] = options.mock_torch_report
    return base.replace(**changes)


def _check(chosen: Settings) -> None:
    """End in one line, as a usage error, where the mock cannot be switched on."""
    from oneflow_mock import engine, manifest, switch
    from oneflow_mock.errors import EngineError

    try:
        manifest.release(chosen.torch_version)
        engine.check()
    except (ValueError, EngineError) as problem:
        raise pytest.UsageError(f"--mock-torch: {problem}") from None
    if switch.holds_real_torch():
        raise pytest.UsageError(
            "--mock-torch comes too late: PyTorch itself has been imported already, by a plugin or "
            "by the program that runs pytest; start it with: python -m oneflow_mock -m pytest"
        )


def _in_environ(chosen: Settings) -> Callable[[], None]:
    """Let the processes that tests start be mocked too; return what takes that back."""
    from oneflow_mock import runner

    before = runner.write_environ(chosen)

    def restore() -> None:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    return restore


class _Off:
    """Says that upstream's variable had the last word."""

    def pytest_report_header(self) -> str:
        from oneflow_mock import settings

        return f"mock-torch: off, since {settings.UPSTREAM_OFF} is set"


class _Watch:
    """Hooks of a run with the mock on: what was missing, which test met it, what that counts as."""

    def __init__(self, torch_version: str, unsupported: str) -> None:
        self._torch_version = torch_version
        self._unsupported = unsupported
        self._total = 0
        self._seen: dict[tuple[str, str, str], int] = {}
        # Rows on their way to whoever writes the table: [api, how, detail, count, first test].
        self._pending: list[list] = []
        self._found: dict[tuple[str, str, str], list] = {}

    def pytest_report_header(self) -> str:
        from oneflow_mock import runner

        return f"mock-torch: {runner.versions(self._torch_version)}"

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
        outcome = yield
        result = outcome.get_result()  # type: ignore[attr-defined]
        self._note(item.nodeid)
        if self._pending:
            setattr(result, _LUGGAGE, self._pending)
            self._pending = []
        missing = _unsupported_in(call.excinfo) if result.outcome == "failed" else None
        if missing is not None and self._unsupported == "xfail":
            result.outcome = "skipped"
            result.wasxfail = f"{type(missing).__name__}: {missing}"

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Iterator[None]:
        outcome = yield
        result = outcome.get_result()  # type: ignore[attr-defined]
        self._note(f"collecting {collector.nodeid or '.'}")
        call = getattr(result, "call", None)
        missing = _unsupported_in(call and call.excinfo) if result.outcome == "failed" else None
        if missing is not None and self._unsupported == "xfail":
            # A file that cannot be imported has no tests that could be expected to fail.
            result.outcome = "skipped"
            result.longrepr = (str(collector.path), None, f"{type(missing).__name__}: {missing}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._gather(getattr(report, _LUGGAGE, ()))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        from oneflow_mock import report

        self._note("after the last test")
        output = getattr(session.config, "workeroutput", None)
        if output is None:
            self._gather(self._pending)
        else:
            output[_LUGGAGE] = self._pending
        self._pending = []
        # An xdist worker is not ended by the interpreter.
        report.flush()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._gather(getattr(node, "workeroutput", {}).get(_LUGGAGE, ()))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        write = terminalreporter.write_line
        if not self._found:
            if terminalreporter.verbosity >= 0:
                write("oneflow-mock: nothing asked of torch was missing")
            return
        terminalreporter.ensure_newline()
        terminalreporter.section("asked of torch and not there")
        from oneflow_mock.report import Row, table_lines

        rows = [
            # The first test stands where a report has the first place in the code.
            Row(*key, count=count, file=test, line=None, first_seen=0.0)
            for key, (count, test) in self._found.items()
        ]
        lines = [("API", "how", "times", "first met by"), *table_lines(rows)]
        more = 0
        if terminalreporter.verbosity <= 0:
            lines, more = lines[: _TABLE_LENGTH + 1], max(0, len(lines) - _TABLE_LENGTH - 1)
        api, how, times = (max(len(line[column]) for line in lines) for column in range(3))
        for line in lines:
            write(f"{line[0]:<{api}}  {line[1]:<{how}}  {line[2]:>{times}}  {line[3]}")
        if more:
            write(f"and {more} more, shown by -v; --mock-torch-report FILE writes all")

    def _note(self, where: str) -> None:
        """Take what was recorded since the last time, and say that it was ``where``."""
        from oneflow_mock import report

        total = report.total()
        if total == self._total:
            return
        self._total = total
        for row in report.rows():
            key = (row.api, row.how, row.detail)
            before = self._seen.get(key, 0)
            self._seen[key] = row.count
            # Somebody may have cleared the rows meanwhile.
            count = row.count - before if row.count >= before else row.count
            if count and row.how != report.HOST_FALLBACK:
                self._pending.append([*key, count, where])

    def _gather(self, rows: Any) -> None:
        for api, how, detail, count, where in rows:
            self._found.setdefault((api, how, detail), [0, where])[0] += count


def _unsupported_in(excinfo: Any) -> BaseException | None:
    """Return the UnsupportedTorchAPI among an exception, its causes and its contexts, if any."""
    from oneflow_mock.errors import UnsupportedTorchAPI

    waiting = [excinfo.value if excinfo is not None else None]
    known = set()
    while waiting:
        error = waiting.pop()
        if error is None or id(error) in known:
            continue
        if isinstance(error, UnsupportedTorchAPI):
            return error
        known.add(id(error))
        waiting += [error.__context__, error.__cause__]
    return None

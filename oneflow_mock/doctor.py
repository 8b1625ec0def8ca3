"""``oneflow-mock doctor``: what is installed here, and for each thing that is wrong, the command.

Everything is looked at from outside: OneFlow is imported in a process of its own, and versions are
read from metadata on ``sys.path``, because with the mock on this process sees an emulated PyTorch.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from . import __version__, console_script, engine, kernel_library
from .errors import EngineError
from .settings import ON, UPSTREAM_OFF, Settings, is_true

GOOD, NOTE, BAD = "good", "note", "bad"

_STACK = (
    "diffusers",
    "transformers",
    "accelerate",
    "peft",
    "safetensors",
    "huggingface_hub",
    "tokenizers",
    "Pillow",
)

# Importing takes a second; a minute and a half is a disk that is still reading four gigabytes.
_IMPORT_TIMEOUT = 90

_IMPORT = """
import json, sys
try:
    import oneflow
    answer = {"version": oneflow.__version__, "devices": []}
    if oneflow.cuda.is_available():
        for index in range(oneflow.cuda.device_count()):
            try:
                answer["devices"].append(oneflow.cuda.get_device_name(index))
            except Exception:
                answer["devices"].append("cuda:%d" % index)
    answer["sum"] = float(oneflow.ones(3).sum())
except BaseException as exc:
    from oneflow_mock.engine import explain
    error = explain(exc)
    answer = {"problem": error.problem, "mend": error.mend}
sys.stdout.write("\\n" + json.dumps(answer))
"""


class Row:
    """One line of the table: what was looked at, how it is, and how to mend it if it is bad."""

    def __init__(self, name: str, state: str, found: str, mend: str = "") -> None:
        self.name = name
        self.state = state
        self.found = found
        self.mend = mend

    def __repr__(self) -> str:
        return f"Row({self.name!r}, {self.state!r}, {self.found!r}, {self.mend!r})"


def main(as_json: bool = False) -> int:
    """Print the table, or the same as JSON; 1 if something is bad, else 0."""
    rows = examine()
    if as_json:
        print(json.dumps([vars(row) for row in rows], indent=2))
    else:
        _print(rows)
    return 1 if any(row.state == BAD for row in rows) else 0


def examine() -> list[Row]:
    """Look at everything and return the rows."""
    oneflow, answer = _oneflow()
    rows = [_itself(), _interpreter(oneflow), oneflow, *_libraries(), _devices(answer)]
    rows.append(_kernels())
    rows += [_shell_door(), _script(), *_stack(), _real_torch()]
    return rows


def _itself() -> Row:
    return Row("oneflow-mock", GOOD, f"{__version__} in {os.path.dirname(__file__)}")


def _interpreter(oneflow: Row) -> Row:
    problem = engine.interpreter_problem()
    # Somebody may have built OneFlow for another Python.
    if problem is not None and oneflow.state == BAD:
        return Row("interpreter", BAD, problem.problem, problem.mend)
    name = {"cpython": "CPython"}.get(sys.implementation.name, sys.implementation.name)
    return Row("interpreter", GOOD, f"{name} {sys.version.split()[0]}, {sys.executable}")


def _oneflow() -> tuple[Row, dict]:
    """Check OneFlow's files, then import it for real; return the row and what the import said."""
    try:
        engine.check()
    except EngineError as error:
        return Row("OneFlow", BAD, error.problem, error.mend), {}
    environ = dict(os.environ)
    environ[UPSTREAM_OFF] = "1"
    command = [sys.executable, "-c", _IMPORT]
    try:
        done = subprocess.run(
            command, env=environ, capture_output=True, text=True, timeout=_IMPORT_TIMEOUT
        )
    except subprocess.TimeoutExpired:
        found = f"`import oneflow` did not end within {_IMPORT_TIMEOUT} s"
        return Row("OneFlow", BAD, found, f'{sys.executable} -c "import oneflow"'), {}
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        found = f"`import oneflow` ended with status {done.returncode}: {last}"
        return Row("OneFlow", BAD, found, engine.install(engine.ONEFLOW, force=True)), {}
    if "problem" in answer:
        return Row("OneFlow", BAD, answer["problem"], answer["mend"]), {}
    if answer["sum"] != 3.0:
        found = f"OneFlow {answer['version']} adds 1 + 1 + 1 to {answer['sum']}"
        return Row("OneFlow", BAD, found, engine.install(engine.ONEFLOW, force=True)), {}
    return Row("OneFlow", GOOD, f"{answer['version']}, imports and computes"), answer


def _libraries() -> list[Row]:
    rows = []
    for _, requirement, _ in engine.LIBRARIES:
        name, wanted = requirement.split("==")
        version = _version(name)
        if version == wanted:
            rows.append(Row(name, GOOD, version))
        elif version:
            found = f"{version}; OneFlow {engine.VERSION} was tried with {wanted}"
            rows.append(Row(name, NOTE, found))
        else:
            # The system's own will do: whether there is one is OneFlow's row.
            rows.append(Row(name, NOTE, "not installed as a package"))
    numpy = _version("numpy")
    if not numpy or numpy.split(".")[0] != "1":
        found = f"{numpy or 'missing'}; OneFlow {engine.VERSION} needs NumPy 1"
        rows.append(Row("numpy", BAD, found, engine.install(engine.NUMPY)))
    else:
        rows.append(Row("numpy", GOOD, numpy))
    return rows


def _devices(answer: dict) -> Row:
    name = "CUDA devices"
    if not answer:
        return Row(name, NOTE, "unknown: OneFlow does not import")
    if answer["devices"]:
        return Row(name, GOOD, ", ".join(answer["devices"]))
    if os.path.exists("/dev/nvidia0"):
        found = "there is one, and OneFlow cannot use it: it needs a driver for CUDA 11.7 or newer"
        return Row(name, BAD, found, "nvidia-smi")
    return Row(name, GOOD, "none; OneFlow computes on the CPU")


def _kernels() -> Row:
    name = "native kernels"
    try:
        found = kernel_library.find()
    except OSError as error:
        return Row(name, BAD, str(error), f"{kernel_library.BUILD} --force")
    if found.state == kernel_library.READY:
        return Row(name, GOOD, f"in use: {found.path}")
    if found.state == kernel_library.BROKEN:
        return Row(name, BAD, found.problem, found.mend)
    if found.state != kernel_library.MISSING:
        return Row(name, NOTE, found.problem)
    if kernel_library.compiler() is None:
        return Row(name, NOTE, "not built, as there is no C++ compiler", found.mend)
    return Row(name, NOTE, "not built; without them OneFlow is slow on a CPU", found.mend)


def _shell_door() -> Row:
    from .shell import status

    name = "shell door"
    for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep):
        if _is_oneflows_own(entry):
            found = f"PYTHONPATH holds OneFlow's own mock, {entry}"
            return Row(name, BAD, found, "unset PYTHONPATH")
    if not is_true(os.environ.get(ON)):
        return Row(name, GOOD, f'closed; eval "$({console_script.NAME})" opens it')
    reason, _, mend = status.off_because(os.environ).partition("; mend it with: ")
    if reason:
        return Row(name, BAD, f"opened, and yet the mock is off: {reason}", mend)
    settings = Settings.from_environ()
    options = [word for word in ("lazy", "verbose", "strict") if getattr(settings, word)]
    return Row(name, GOOD, ", ".join([f"open, as PyTorch {settings.torch_version}", *options]))


def _is_oneflows_own(folder: str) -> bool:
    return os.path.normpath(folder).endswith(os.path.join("oneflow", "mock_torch"))


def _script() -> Row:
    from shlex import quote
    from shutil import which

    name = console_script.NAME
    wrong = console_script.check()
    if wrong:
        problem, _, mend = wrong.partition("; mend it with: ")
        return Row(name, BAD, problem, mend)
    own = console_script.path()
    found = which(name)
    owners = {console_script.ONEFLOW: "OneFlow's own", console_script.OTHER: "somebody else's"}
    if found is not None:
        owner = console_script.whose(found)
        if owner == console_script.OURS:
            return Row(name, GOOD, f"{found}, this project's")
        folder = quote(os.path.dirname(own))
        return Row(
            name, BAD, f"on PATH it is {found}, {owners[owner]}", f'export PATH={folder}:"$PATH"'
        )
    if os.path.exists(own):
        return Row(name, NOTE, f"{own}, this project's, is not on PATH")
    return Row(name, BAD, "there is none", console_script.mend())


def _stack() -> list[Row]:
    rows = []
    for name in _STACK:
        version = _version(name)
        rows.append(Row(name, GOOD, version) if version else Row(name, NOTE, "not installed"))
    return rows


def _real_torch() -> Row:
    version = _version("torch")
    if version:
        return Row("real PyTorch", GOOD, f"{version} is installed; out of the way with the mock on")
    return Row("real PyTorch", GOOD, "not installed, and not needed")


def _version(name: str) -> str:
    """Return the installed version, as the files say: the mock answers for torch in metadata."""
    for folder in sys.path:
        version = engine.distribution_version(folder or ".", name)
        if version:
            return version
    return ""


def _print(rows: list[Row]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    marks = {GOOD: ("good", "green"), NOTE: ("note", "yellow"), BAD: ("BAD", "bold red")}
    table = Table()
    headings = ["looked at", "is", "found"]
    if any(row.mend for row in rows):
        headings.append("mend it with")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        mark, style = marks[row.state]
        cells = [Text(row.name), Text(mark, style=style), Text(row.found), Text(row.mend)]
        table.add_row(*cells[: len(headings)])
    console = Console()
    # Nobody reads a pipe at 80 columns, and a folded command cannot be copied.
    # On a dumb terminal rich believes a width only together with a height.
    wanted = Console(width=1000, height=25).measure(table).maximum
    if not console.is_terminal:
        console = Console(width=wanted, height=25)
    console.print(table)
    if wanted > console.width:
        for row in rows:
            if row.mend:
                console.print(Text(f"{row.name}: {row.mend}"), soft_wrap=True)

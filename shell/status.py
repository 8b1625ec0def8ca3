"""Whether the mock is on in this shell, and if not, why not."""

from __future__ import annotations

import os
import sys

from oneflow_mock import __version__
from oneflow_mock.settings import ON, UPSTREAM_OFF, Settings, bootstrap_directory, is_true

from . import parent
from .variables import PYTHONPATH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

COMMAND = "oneflow-mock-torch"


def off_because(environ: Mapping[str, str | None]) -> str:
    """Return why a Python started with ``environ`` has the mock off, ``""`` where it is on.

    Where a command mends it, the reason ends with that command.
    """
    if is_true(environ.get(UPSTREAM_OFF)):
        return f"{UPSTREAM_OFF} is set; mend it with: unset {UPSTREAM_OFF}"
    mend = "mend it with: " + parent.guess(os.environ).usage.format(command=COMMAND)
    if not is_true(environ.get(ON)):
        return f"{ON} is not set; {mend}"
    directory = bootstrap_directory()
    entries = (environ.get(PYTHONPATH) or "").split(os.pathsep)
    if directory not in entries:
        return f"PYTHONPATH lacks {directory}; {mend}"
    for entry in entries[: entries.index(directory)]:
        if _has_sitecustomize(entry):
            return f"the sitecustomize in {entry} comes before ours on PYTHONPATH; {mend}"
    return ""


def describe(environ: Mapping[str, str]) -> str:
    """Return what ``oneflow-mock-torch status`` tells, in a few lines."""
    off = off_because(environ)
    python = f"{sys.executable}: Python {sys.version.split()[0]}, OneFlow {_oneflow_version()}"
    if off:
        return f"oneflow-mock {__version__} is off: {off}\n{python}"
    settings = Settings.from_environ(environ)
    options = [name for name in ("lazy", "verbose", "strict") if getattr(settings, name)]
    if settings.report:
        options.append("report " + ("on stderr" if settings.report == "-" else settings.report))
    return (
        f"oneflow-mock {__version__} is on: every Python started from here imports OneFlow "
        f"as torch {settings.torch_version}\n"
        f"options: {', '.join(options) or 'none'}\n{python}"
    )


def _has_sitecustomize(folder: str) -> bool:
    base = os.path.join(folder, "sitecustomize")
    return any(os.path.exists(base + end) for end in (".py", ".pyc", "/__init__.py"))


def _oneflow_version() -> str:
    if sys.version_info >= (3, 8):
        from importlib import metadata
    else:
        import importlib_metadata as metadata
    try:
        return metadata.version("oneflow")
    except metadata.PackageNotFoundError:
        return "is not installed"

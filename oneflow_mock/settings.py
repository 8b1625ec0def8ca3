"""Options and environment variables, as one immutable object.

The bootstrap reads this in every Python that starts while the shell door is open, so the module
imports only what the interpreter has imported already (dataclasses alone would cost more than
the whole bootstrap may).
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing would cost more than reading the settings
    from collections.abc import Mapping

ON = "ONEFLOW_MOCK_TORCH"
LAZY = "ONEFLOW_MOCK_TORCH_LAZY"
VERBOSE = "ONEFLOW_MOCK_TORCH_VERBOSE"
STRICT = "ONEFLOW_MOCK_TORCH_STRICT"
VERSION = "ONEFLOW_MOCK_TORCH_VERSION"
REPORT = "ONEFLOW_MOCK_REPORT"
UPSTREAM_OFF = "ONEFLOW_DISABLE_MOCK_TORCH"

#: The PyTorch release whose names and version are shown unless another one is asked for.
DEFAULT_TORCH_VERSION = "2.13.0"

_FALSE = ("", "0", "false", "off", "no", "n", "f")


def is_true(text: str | None) -> bool:
    """Tell whether an environment variable's text means yes; unset, empty, 0, off and no do not."""
    return text is not None and text.strip().lower() not in _FALSE


class Settings:
    """How the mock is to behave; compare and copy freely, never change in place.

    Attributes: ``enabled``, ``lazy``, ``verbose``, ``strict`` (bool), ``torch_version`` (str),
    ``report`` (``""`` for none, ``"-"`` for a table on stderr, else a JSON file's path).
    """

    __slots__ = ("enabled", "lazy", "verbose", "strict", "torch_version", "report")

    enabled: bool
    lazy: bool
    verbose: bool
    strict: bool
    torch_version: str
    report: str

    def __init__(
        self,
        enabled: bool = True,
        lazy: bool = False,
        verbose: bool = False,
        strict: bool = False,
        torch_version: str = DEFAULT_TORCH_VERSION,
        report: str = "",
    ) -> None:
        values = (enabled, lazy, verbose, strict, torch_version, report)
        for name, value in zip(self.__slots__, values):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Settings are immutable; use replace({name}=...)")

    __delattr__ = __setattr__  # type: ignore[assignment]

    def _astuple(self) -> tuple:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and self._astuple() == other._astuple()

    def __hash__(self) -> int:
        return hash(self._astuple())

    def __reduce__(self) -> tuple:
        return (Settings, self._astuple())

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"Settings({shown})"

    def replace(self, **changes: object) -> Settings:
        """Return a copy with the named fields changed; TypeError for one that does not exist."""
        values = dict(zip(self.__slots__, self._astuple()))
        unknown = [name for name in changes if name not in values]
        if unknown:
            raise TypeError(f"unknown option {unknown[0]!r}; the options are {self.__slots__}")
        values.update(changes)
        return Settings(**values)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings that a shell or a parent process left in ``environ``."""
        off = is_true(environ.get(UPSTREAM_OFF))
        return cls(
            enabled=is_true(environ.get(ON)) and not off,
            lazy=is_true(environ.get(LAZY)),
            verbose=is_true(environ.get(VERBOSE)),
            strict=is_true(environ.get(STRICT)),
            torch_version=environ.get(VERSION) or DEFAULT_TORCH_VERSION,
            report=environ.get(REPORT, ""),
        )

    def to_environ(self) -> dict[str, str | None]:
        """Return the variables that say the same; None means that the variable is to be unset."""
        version = self.torch_version
        return {
            ON: "1" if self.enabled else "0",
            LAZY: "1" if self.lazy else None,
            VERBOSE: "1" if self.verbose else None,
            STRICT: "1" if self.strict else None,
            VERSION: None if version == DEFAULT_TORCH_VERSION else version,
            REPORT: self.report or None,
        }


def bootstrap_directory() -> str:
    """Return the folder whose sitecustomize turns the mock on, for PYTHONPATH."""
    here = os.path.dirname(os.path.abspath(__file__))
    inside = os.path.join(here, "shell", "bootstrap")
    if os.path.isdir(inside):  # installed from a wheel
        return inside
    return os.path.join(os.path.dirname(here), "shell", "bootstrap")  # an editable install


def pythonpath_with(directory: str, old: str | None) -> str:
    """Return a PYTHONPATH that starts with ``directory``, once."""
    rest = pythonpath_without(directory, old)
    # An empty PYTHONPATH names no folder; one that ends in a separator names the working one.
    return directory if rest is None or not old else directory + os.pathsep + rest


def pythonpath_without(directory: str, old: str | None) -> str | None:
    """Return ``old`` less every entry that is exactly ``directory``; None where nothing is left.

    Empty entries are kept: in a PYTHONPATH they stand for the working directory.
    """
    if old is None:
        return None
    kept = [entry for entry in old.split(os.pathsep) if entry != directory]
    return os.pathsep.join(kept) if kept else None

"""Read the manifest: the names that a PyTorch release has, by module and kind.

The data lies in ``oneflow_mock/compat/manifest/<major.minor>.jsonl``, written by
``tools/make_manifest.py`` from PyTorch itself. A line is parsed when its module is first asked for.
"""

from __future__ import annotations

import json
import os

KINDS = ("function", "class", "exception", "data")


class Entry:
    """What PyTorch's module holds.

    Attributes: ``kinds`` maps a name to one of `KINDS`; ``origins`` maps a re-exported name to
    ``(module, qualified name)``; ``imports`` maps a name to the module it is bound to; ``exported``
    is ``__all__`` or None; ``members`` and ``bases`` describe the classes the module defines.
    """

    __slots__ = (
        "name",
        "package",
        "eager",
        "exported",
        "kinds",
        "origins",
        "imports",
        "members",
        "bases",
    )

    def __init__(self, line: dict) -> None:
        self.name = line["module"]
        self.package = line["package"]
        self.eager = line["eager"]
        self.exported = line.get("all")
        self.kinds = {}
        self.origins = {}
        for kind in KINDS:
            for text in line.get(kind, ()):
                name, _, origin = text.partition("=")
                self.kinds[name] = kind
                if origin:
                    module, _, qualified = origin.partition(":")
                    self.origins[name] = (module or self.name, qualified)
        self.imports = dict(text.split("=", 1) for text in line.get("import", ()))
        self.members = line.get("members", {})
        self.bases = line.get("bases", {})


class Manifest:
    """The modules of one PyTorch release; index with a dotted name, or use ``get``."""

    def __init__(self, path: str) -> None:
        self._path = path
        with open(path, "rb") as file:
            header = json.loads(file.readline())
            self._start = file.tell()
        self.version = header["torch"]
        self._places: dict = header["places"]
        self._entries: dict = {}

    def __contains__(self, module: str) -> bool:
        return module in self._places

    def modules(self) -> list[str]:
        """Return every module's name, sorted."""
        return sorted(self._places)

    def get(self, module: str) -> Entry | None:
        """Return the entry of a module, or None where PyTorch has no such module."""
        entry = self._entries.get(module)
        if entry is None and module in self._places:
            place, length = self._places[module]
            with open(self._path, "rb") as file:
                file.seek(self._start + place)
                entry = self._entries[module] = Entry(json.loads(file.read(length)))
        return entry


def directory() -> str:
    """Return the folder that holds the manifests."""
    from oneflow_mock.importer import compat_directory

    return os.path.join(compat_directory(), "manifest")


def release(version: str) -> tuple[int, int]:
    """Return (major, minor); ValueError where ``version`` is not a PyTorch version."""
    parts = version.split("+")[0].split(".")
    try:
        return int(parts[0]), int(parts[1])
    except (ValueError, IndexError):
        raise ValueError(f"not a PyTorch version: {version!r} (expected e.g. 2.13.0)") from None


def nearest(version: str, have: list[str]) -> str:
    """Return the release in ``have`` ("2.13", …) whose names stand for ``version``.

    The newest that is not newer, else the oldest.
    """
    asked = release(version)
    ordered = sorted(have, key=release)
    older = [name for name in ordered if release(name) <= asked]
    return older[-1] if older else ordered[0]


def load(version: str) -> Manifest:
    """Return the manifest that stands for a PyTorch version."""
    folder = directory()
    have = [name[: -len(".jsonl")] for name in os.listdir(folder) if name.endswith(".jsonl")]
    return Manifest(os.path.join(folder, nearest(version, have) + ".jsonl"))

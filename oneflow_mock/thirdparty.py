"""Patches of libraries that reach around torch: ``compat/thirdparty/<path of the module>.py``.

Such a file defines ``patch(module, patches)``. It is run when the library's module has been
imported, or, where that was before, when torch is; what it changes by way of ``patches`` is put
back when the mock is switched off.
"""

from __future__ import annotations

import importlib.abc
import os
import sys

from oneflow_mock.importer import find_elsewhere


class Patcher:
    """Finds the files in a folder, and the modules that they are for."""

    def __init__(self, folder: str, patches) -> None:
        self._patches = patches
        self._paths = _patch_files(folder)
        self._searching: set = set()
        self._patched: dict = {}

    def find(self, fullname: str, path, target):
        """Return the real spec of a module that has a patch, with a loader that runs it too."""
        if fullname not in self._paths or fullname in self._searching:
            return None
        self._searching.add(fullname)
        try:
            spec = find_elsewhere(fullname, path, target)
        finally:
            self._searching.discard(fullname)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _PatchingLoader(spec.loader, self)
        return spec

    def patch_loaded(self) -> None:
        """Patch the modules that were imported while nobody looked."""
        for name in self._paths:
            loaded = sys.modules.get(name)
            if loaded is not None:
                self.patch(name, loaded)

    def patch(self, name: str, loaded) -> None:
        """Run the patch of a module, once."""
        if self._patched.get(name) is loaded:
            return
        self._patched[name] = loaded
        path = self._paths[name]
        namespace = {"__name__": f"oneflow_mock.compat.thirdparty.{name}", "__file__": path}
        with open(path, encoding="utf-8") as file:
            exec(compile(file.read(), path, "exec"), namespace)
        namespace["patch"](loaded, self._patches)


class _PatchingLoader(importlib.abc.Loader):
    """The real loader of a library's module, followed by our patch of it."""

    def __init__(self, real, patcher: Patcher) -> None:
        self._real = real
        self._patcher = patcher

    def __getattr__(self, name):
        return getattr(self._real, name)  # get_code and get_data, for runpy and pkgutil

    def create_module(self, spec):
        return self._real.create_module(spec)

    def exec_module(self, loaded) -> None:
        loaded.__spec__.loader = loaded.__loader__ = self._real
        self._real.exec_module(loaded)
        self._patcher.patch(loaded.__name__, loaded)


def _patch_files(folder):
    """Return module name → path of the patches in a folder that is laid out as modules are."""
    found = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            stem, suffix = os.path.splitext(os.path.relpath(path, folder))
            parts = stem.split(os.sep)
            if parts[-1] == "__init__":
                parts.pop()
            if suffix == ".py" and parts:
                found[".".join(parts)] = path
    return found

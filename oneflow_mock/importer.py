"""The finder: how ``import torch`` reaches OneFlow.

The only file that touches ``sys.meta_path``. Importing it costs nothing: what is needed to build a
torch module is imported when the first one is asked for.
"""

from __future__ import annotations

import os
import sys
from _frozen_importlib import ModuleSpec

import oneflow_mock
from oneflow_mock import gate
from oneflow_mock.gate import is_torch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def compat_directory() -> str:
    """Return the folder of overlays, without importing anything."""
    for folder in oneflow_mock.__path__:
        inside = os.path.join(os.path.abspath(folder), "compat")
        if os.path.isdir(inside):
            return inside
    return os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "compat")


class Finder:
    """Stands first on ``sys.meta_path`` while the mock is on, and keeps its modules while off.

    ``serving`` tells whether it answers for torch; ``kept`` is what left ``sys.modules`` when the
    mock was switched off, and ``left`` the names of what did not (see `switch`).
    """

    def __init__(self, settings) -> None:
        self.settings = settings
        self.serving = False
        self.kept: dict = {}
        self.left: frozenset = frozenset()
        self._build: Any = None

    def find_spec(self, fullname, path=None, target=None):
        if not is_torch(fullname):
            build = self._build
            return None if build is None else build.thirdparty.find(fullname, path, target)
        if gate.holds_back(fullname, sys._getframe(1)):
            return _late_spec(fullname)
        if not self.serving:
            # Perhaps it was taken off just now, so that the next finder has changed places.
            return None if self in sys.meta_path else find_elsewhere(fullname, path, target)
        if self._build is None:
            return _late_spec(fullname) if fullname == "torch" else None
        return self._build.find(fullname)

    def find_distributions(self, *args, **kwargs):
        """Show importlib.metadata a distribution named torch (see `distribution`)."""
        from oneflow_mock import distribution

        return distribution.find(self.settings.torch_version, *args, **kwargs)

    def invalidate_caches(self) -> None:
        pass

    def build(self):
        """Return the builder of torch modules, made when it is first needed."""
        if self._build is None:
            from oneflow_mock.loader import Builder

            self._build = Builder(self)
        return self._build

    def set(self, settings) -> None:
        """Behave as the settings say from now on."""
        self.settings = settings
        if self._build is not None:
            self._build.apply_settings()

    def open(self, settings) -> None:
        """Answer for torch, with what was changed on OneFlow's classes changed again."""
        self.set(settings)
        if self._build is not None:
            self._build.reopen()
        self.serving = True

    def close(self) -> None:
        """Answer no more, and undo what building torch modules changed on OneFlow's classes."""
        self.serving = False
        if self._build is not None:
            self._build.close()


def install(finder: Finder) -> None:
    """Put a finder in front of ``sys.meta_path``."""
    sys.meta_path.insert(0, finder)


def remove(finder: Finder) -> None:
    """Take a finder off ``sys.meta_path``; harmless where it is not there."""
    sys.meta_path[:] = [other for other in sys.meta_path if other is not finder]


def find_elsewhere(fullname: str, path=None, target=None):
    """Ask the finders that are on ``sys.meta_path`` now, the mock's included."""
    for finder in list(sys.meta_path):
        find_spec = getattr(finder, "find_spec", None)
        spec = find_spec(fullname, path, target) if find_spec is not None else None
        if spec is not None:
            return spec
    return None


def _late_spec(fullname):
    loader: Any = _LateLoader()
    if fullname != "torch":
        return ModuleSpec(fullname, loader)
    folder = os.path.join(compat_directory(), "torch")
    spec = ModuleSpec(fullname, loader, origin=os.path.join(folder, "__init__.py"))
    spec.submodule_search_locations = [folder]
    return spec


class _LateLoader:
    """Finds a torch module when it is loaded: the finder itself must not wait or import."""

    def create_module(self, spec):
        gate.wait()
        parent = spec.name.rpartition(".")[0]
        path = None
        if parent:
            __import__(parent)
            path = sys.modules[parent].__path__
        for finder in sys.meta_path:
            if isinstance(finder, Finder) and finder.serving:
                finder.build()
        found = find_elsewhere(spec.name, path)
        if found is None:
            raise ModuleNotFoundError(f"No module named {spec.name!r}", name=spec.name)
        module = found.loader.create_module(found)
        vars(spec).update(vars(found))
        return module

    def exec_module(self, module) -> None:
        module.__spec__.loader.exec_module(module)

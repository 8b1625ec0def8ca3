"""The finder and the loader: how ``import torch`` reaches OneFlow.

The only file that touches ``sys.meta_path``. Importing it costs nothing: what is needed to build a
torch module is imported when the first one is asked for.
"""

from __future__ import annotations

import sys


def is_torch(fullname: str) -> bool:
    """Tell whether a dotted name is torch or below it; torchvision is not."""
    return fullname == "torch" or fullname.startswith("torch.")


class Finder:
    """Stands first on ``sys.meta_path`` while the mock is on."""

    def __init__(self, settings) -> None:
        self.settings = settings
        self._build = None

    def find_spec(self, fullname, path=None, target=None):
        if not is_torch(fullname):
            build = self._build
            return build.find_patched(fullname, path, target) if build is not None else None
        return self.build().find(fullname)

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

            self._build = Builder(self.settings)
        return self._build

    def close(self) -> None:
        """Undo what building torch modules changed on OneFlow's classes."""
        if self._build is not None:
            self._build.close()

    def reopen(self) -> None:
        """Make those changes again, for the modules that were built."""
        if self._build is not None:
            self._build.reopen()


def install(settings) -> Finder:
    """Put a finder in front of ``sys.meta_path`` and return it."""
    finder = Finder(settings)
    sys.meta_path.insert(0, finder)
    return finder


def replace(old: Finder, new: Finder) -> None:
    """Put a finder in the place of another."""
    sys.meta_path[:] = [new if other is old else other for other in sys.meta_path]


def remove(finder: Finder) -> None:
    """Take a finder off ``sys.meta_path``; harmless where it is not there."""
    sys.meta_path[:] = [other for other in sys.meta_path if other is not finder]

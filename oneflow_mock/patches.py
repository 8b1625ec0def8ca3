"""One table of what was changed on classes that are not ours, and how it was before."""

from __future__ import annotations

import contextlib
import types
from _thread import RLock

_ABSENT = object()


def _held(owner, name):
    """Return what the owner itself holds under a name; ``__module__`` hides in C slots."""
    return owner.__module__ if name == "__module__" else vars(owner).get(name, _ABSENT)


def _put(owner, name, value):
    if value is _ABSENT:
        delattr(owner, name)
    else:
        setattr(owner, name, value)


class Patches:
    """Changes to classes and modules, each with the original beside it; the first original wins.

    ``restore`` undoes them and ``reapply`` makes them again. In between a new one is only noted,
    since another thread may still be looking names up while the mock is switched off.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._originals: dict = {}
        self._values: dict = {}
        self._is_applied = True

    def set(self, owner, name: str, value) -> None:
        """Set ``owner.name``, remembering what the owner's own namespace held before."""
        key = (id(owner), name)
        with self._lock:
            if self._is_applied:
                before = _held(owner, name)
                setattr(owner, name, value)
                self._originals.setdefault(key, (owner, name, before))
            self._values[key] = (owner, name, value)

    def original(self, owner, name: str):
        """Return what ``owner.name`` was before the first change; AttributeError if nothing."""
        found = self._originals.get((id(owner), name))
        if found is not None and found[2] is not _ABSENT:
            return found[2]
        return getattr(owner, name)

    def adopt(self, value, module: str, name: str) -> None:
        """Give OneFlow's own Python classes and functions the home that PyTorch's have.

        Pickles, reprs and tracebacks then say what PyTorch's would.
        """
        if not isinstance(value, (type, types.FunctionType)) or value.__name__ != name:
            return
        if (value.__module__ or "").partition(".")[0] != "oneflow":
            return
        with contextlib.suppress(AttributeError, TypeError):  # a static C type keeps its name
            self.set(value, "__module__", module)

    def restore(self) -> None:
        """Put everything back, the newest change first."""
        with self._lock:
            self._is_applied = False
            for key, (owner, name, before) in reversed(list(self._originals.items())):
                self._values[key] = (owner, name, _held(owner, name))
                _put(owner, name, before)
            self._originals.clear()

    def reapply(self) -> None:
        """Make the changes again that the last ``restore`` undid."""
        with self._lock:
            self._is_applied = True
            for owner, name, value in list(self._values.values()):
                if value is not _ABSENT:
                    self.set(owner, name, value)

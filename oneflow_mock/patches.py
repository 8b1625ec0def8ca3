"""One table of what was changed on classes that are not ours, and how it was before."""

from __future__ import annotations

import contextlib
import types
from _thread import RLock

_ABSENT = object()


#: What a class or function says of itself; held in C, not in its namespace.
_IDENTITY = ("__module__", "__name__", "__qualname__")


def _held(owner, name):
    """Return what the owner itself holds under a name."""
    return getattr(owner, name) if name in _IDENTITY else vars(owner).get(name, _ABSENT)


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
        """Give a class or function the name and home that PyTorch's has.

        Pickles, reprs and tracebacks then say what PyTorch's would. A class, or a function in C,
        under another name than its own is an alias and left alone.
        """
        is_function = isinstance(value, types.FunctionType)
        if "." in name or (value.__name__ != name and not is_function):
            return
        with contextlib.suppress(AttributeError, TypeError):  # a static C type keeps its name
            self.set(value, "__module__", module)
            if is_function and value.__qualname__ != name:
                self.set(value, "__name__", name)
                self.set(value, "__qualname__", name)

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

"""One table of what was changed on classes that are not ours, and how it was before."""

from __future__ import annotations

import types

_ABSENT = object()


def _held(owner, name):
    """Return what the owner itself holds under a name; ``__module__`` hides in C slots."""
    return owner.__module__ if name == "__module__" else vars(owner).get(name, _ABSENT)


class Patches:
    """Changes to classes and modules, each with the original beside it; the first original wins."""

    def __init__(self) -> None:
        self._saved: list = []
        self._seen: set = set()
        self._undone: list = []

    def set(self, owner, name: str, value) -> None:
        """Set ``owner.name``, remembering what the owner's own namespace held before."""
        key = (id(owner), name)
        if key not in self._seen:
            self._seen.add(key)
            self._saved.append((owner, name, _held(owner, name)))
        setattr(owner, name, value)

    def original(self, owner, name: str):
        """Return what ``owner.name`` was before the first change; AttributeError if nothing."""
        for other, saved, value in self._saved:
            if other is owner and saved == name and value is not _ABSENT:
                return value
        return getattr(owner, name)

    def adopt(self, value, module: str, name: str) -> None:
        """Give OneFlow's own Python classes and functions the home that PyTorch's have.

        Pickles, reprs and tracebacks then say what PyTorch's would.
        """
        if not isinstance(value, (type, types.FunctionType)) or value.__name__ != name:
            return
        if (value.__module__ or "").partition(".")[0] != "oneflow":
            return
        try:
            self.set(value, "__module__", module)
        except (AttributeError, TypeError):  # a static C type keeps its name
            self._forget_last(value)

    def _forget_last(self, owner) -> None:
        self._saved.pop()
        self._seen.discard((id(owner), "__module__"))

    def restore(self) -> None:
        """Put everything back, the newest change first."""
        self._undone = []
        while self._saved:
            owner, name, value = self._saved.pop()
            self._undone.append((owner, name, _held(owner, name)))
            if value is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, value)
        self._seen.clear()

    def reapply(self) -> None:
        """Make the changes again that the last ``restore`` undid."""
        undone, self._undone = self._undone, []
        for owner, name, value in reversed(undone):
            self.set(owner, name, value)

"""The version as a string that compares as a version."""

from __future__ import annotations

from oneflow_mock.compat import hooks

__all__ = ["TorchVersion"]


class TorchVersion(str):
    """A string that compares, with what can be read as a version, as a version does."""

    def _compare(self, other, method):
        from packaging import version

        try:
            return getattr(version.Version(self), method)(_version(other))
        except version.InvalidVersion:
            return getattr(super(), method)(other)

    def __gt__(self, other):
        return self._compare(other, "__gt__")

    def __lt__(self, other):
        return self._compare(other, "__lt__")

    def __ge__(self, other):
        return self._compare(other, "__ge__")

    def __le__(self, other):
        return self._compare(other, "__le__")

    def __eq__(self, other):
        return self._compare(other, "__eq__")

    def __ne__(self, other):
        return not self == other

    __hash__ = str.__hash__


def _version(other):
    from packaging.version import Version

    if isinstance(other, Version):
        return other
    if isinstance(other, str):
        return Version(other)
    try:
        return Version(".".join(str(part) for part in other))
    except TypeError:
        raise ValueError(f"I can't handle {type(other)} to compare with a version") from None


def __getattr__(name):
    if name not in ("InvalidVersion", "Version"):
        raise AttributeError(name)
    from packaging import version  # costs every program that imports torch 4 ms otherwise

    return getattr(version, name)


__version__ = TorchVersion(hooks.torch_version)

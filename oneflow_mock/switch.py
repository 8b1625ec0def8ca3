"""On, off, nested: the one switch that every door throws.

The only file that touches ``sys.modules``. Light, since the bootstrap imports it in every Python
that starts; OneFlow is imported with the first torch module.
"""

from __future__ import annotations

import sys
from _thread import RLock

from oneflow_mock import importer
from oneflow_mock.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_lock = RLock()
_handles: list[Handle] = []
_finder: Any = None
_before: frozenset = frozenset()
_real: dict = {}
_stash: dict = {}


class Handle:
    """One ``enable()``; leave it, or call ``disable``, and that one is undone."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._finder: Any = None

    def disable(self) -> None:
        """Undo this enable; harmless the second time. The last one switches the mock off."""
        with _lock:
            if self in _handles:
                position = _handles.index(self)
                del _handles[position]
                _settle()

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *error: object) -> None:
        self.disable()


def enable(settings: Settings | None = None, **options: Any) -> Handle:
    """Redirect ``import torch`` to OneFlow until the returned handle is disabled.

    Options are the fields of `Settings`, or a whole one. Real torch modules that are loaded already
    are put aside, and one warning names who still holds them. TypeError for an unknown option.
    """
    with _lock:
        base = settings if settings is not None else Settings.from_environ()
        chosen = base.replace(enabled=True, **options)
        if chosen.torch_version != base.torch_version or options:
            from oneflow_mock import manifest  # it needs json, which the bootstrap cannot afford

            manifest.release(chosen.torch_version)
        handle = Handle(chosen)
        _handles.append(handle)
        try:
            _settle()
        except BaseException:
            _handles.remove(handle)
            _settle()
            raise
        return handle


def disable() -> None:
    """Switch the mock off, however often it was enabled; harmless where it is off."""
    with _lock:
        _handles.clear()
        _settle()


def is_enabled() -> bool:
    """Tell whether ``import torch`` gives OneFlow."""
    return bool(_handles)


def settings() -> Settings:
    """Return the settings of the innermost enable; the environment's where the mock is off."""
    return _handles[-1].settings if _handles else Settings.from_environ()


def holds_real_torch() -> bool:
    """Tell whether real PyTorch is loaded, so that switching on comes too late for some modules."""
    found = sys.modules.get("torch")
    return found is not None and not _is_ours(found)


def _is_ours(found: Any) -> bool:
    return type(found).__module__ == "oneflow_mock.module"


def _settle() -> None:
    """Bring the finder and ``sys.modules`` into the state that the handles ask for."""
    global _finder
    wanted = _handles[-1].settings if _handles else None
    if _finder is not None and wanted is None:
        _switch_off()
    elif _finder is None and wanted is not None:
        _switch_on(wanted)
    elif _finder is not None and wanted != _finder.settings:
        if not _same_modules(wanted, _finder.settings):
            _switch_off()
            _switch_on(wanted)
        else:
            _finder.settings = wanted


def _same_modules(one: Settings, other: Settings) -> bool:
    return (one.torch_version, one.strict) == (other.torch_version, other.strict)


def _switch_on(wanted: Settings) -> None:
    global _finder, _before
    _put_real_torch_aside()
    _before = frozenset(sys.modules)
    _finder = importer.install(wanted)
    kept = _stash.pop((wanted.torch_version, wanted.strict), None)
    if kept is not None:
        finder, modules = kept
        finder.settings = wanted
        importer.replace(_finder, finder)
        _finder = finder
        finder.reopen()
        for name, found in modules.items():
            sys.modules.setdefault(name, found)
    if wanted.report:
        from oneflow_mock import report

        report.start(wanted)


def _switch_off() -> None:
    global _finder
    finder, _finder = _finder, None
    importer.remove(finder)
    taken = _take_out_dependents()
    finder.close()
    _stash[(finder.settings.torch_version, finder.settings.strict)] = (finder, taken)
    sys.modules.update(_real)
    _real.clear()


def _put_real_torch_aside() -> None:
    """Take real torch out of ``sys.modules``, and name in one warning who holds it already."""
    found = {
        name: loaded
        for name, loaded in list(sys.modules.items())
        if importer.is_torch(name) and not _is_ours(loaded)
    }
    if not found:
        return
    holders = _holders({id(loaded) for loaded in found.values()}, found)
    for name in found:
        del sys.modules[name]
    _real.update(found)
    import warnings

    who = f"; these modules hold it and keep it: {', '.join(holders)}" if holders else ""
    warnings.warn(
        f"oneflow-mock was switched on after real PyTorch had been imported{who}. "
        "Switch it on first: see python -m oneflow_mock --help",
        RuntimeWarning,
        stacklevel=5,
    )


def _holders(wanted: set, besides: dict) -> list[str]:
    """Return the top-level names of modules that hold one of the objects, by identity."""
    names = set()
    for name, loaded in list(sys.modules.items()):
        if name in besides or name.partition(".")[0] in ("torch", "oneflow", "oneflow_mock"):
            continue
        values = getattr(loaded, "__dict__", None)
        if values and any(id(value) in wanted for value in list(values.values())):
            names.add(name if name == "__main__" else name.partition(".")[0])
    return sorted(names)


def _take_out_dependents() -> dict:
    """Take the mock's torch, and what was imported on top of it, out of ``sys.modules``.

    A library that was imported while the mock was on is bound to it. Extension modules stay: most
    cannot be loaded twice. What is taken out comes back, the same objects, at the next enable.
    """
    ours = {
        name: loaded
        for name, loaded in list(sys.modules.items())
        if importer.is_torch(name) and _is_ours(loaded)
    }
    new = {name: loaded for name, loaded in list(sys.modules.items()) if name not in _before}
    dependents = _dependents(new, ours) if ours else set()
    taken = dict(ours)
    for name, loaded in new.items():
        if name.partition(".")[0] in dependents and not _is_extension(loaded):
            taken[name] = loaded
    for name in taken:
        sys.modules.pop(name, None)
        parent, _, child = name.rpartition(".")
        holder = sys.modules.get(parent)
        if parent in _before and getattr(holder, child, None) is taken[name]:
            delattr(holder, child)
    return taken


def _dependents(new: dict, ours: dict) -> set:
    """Return the top-level names of new packages that hold a torch module or anything from one."""
    modules = {id(loaded) for loaded in ours.values()}
    names = set()
    for name, loaded in new.items():
        top = name.partition(".")[0]
        if top in names or top in ("oneflow", "oneflow_mock") or importer.is_torch(name):
            continue
        for value in list(getattr(loaded, "__dict__", {}).values()):
            if id(value) in modules or importer.is_torch(_home(value)):
                names.add(top)
                break
    return names


def _home(value: object) -> str:
    if not isinstance(value, type) and not callable(value):
        return ""
    try:
        home = value.__module__
    except Exception:  # a lazy object of some library that answers attributes by raising
        return ""
    return home if isinstance(home, str) else ""


def _is_extension(loaded: Any) -> bool:
    spec = getattr(loaded, "__spec__", None)
    origin = getattr(spec, "origin", None) or ""
    return origin.endswith((".so", ".pyd")) or origin == "built-in"

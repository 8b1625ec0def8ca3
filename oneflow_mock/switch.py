"""On, off, nested: the one switch that every door throws.

The only file that touches ``sys.modules``. Light, since the bootstrap imports it in every Python
that starts; OneFlow is imported with the first torch module.
"""

from __future__ import annotations

import os
import sys

from oneflow_mock import gate, importer
from oneflow_mock.settings import UPSTREAM_OFF, Settings, is_true

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_handles: list[Handle] = []
_finder: importer.Finder | None = None
#: The finders that were switched off, by what their modules depend on.
_finders: dict = {}
#: What was in ``sys.modules`` when the mock was switched on: all names, and what left it.
_before: frozenset = frozenset()
_aside: dict = {}


class Handle:
    """One ``enable()``; leave it, or call ``disable``, and that one is undone."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def disable(self) -> None:
        """Undo this enable; harmless the second time. The last one switches the mock off."""
        with gate.switching:
            if self in _handles:
                _handles.remove(self)
                _settle()

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *error: object) -> None:
        self.disable()


def enable(settings: Settings | None = None, **options: Any) -> Handle:
    """Redirect ``import torch`` to OneFlow until the returned handle is disabled.

    Options are the fields of `Settings`, or a whole one. Real torch modules that are loaded already
    are put aside, and one warning names who still holds them. TypeError for an unknown option.
    Where the environment has upstream's ``ONEFLOW_DISABLE_MOCK_TORCH=1``, nothing is switched on.
    """
    base = settings if settings is not None else Settings.from_environ()
    chosen = base.replace(enabled=True, **options)
    if chosen.torch_version != base.torch_version or options:
        from oneflow_mock import manifest  # it needs json, which the bootstrap cannot afford

        manifest.release(chosen.torch_version)
    handle = Handle(chosen)
    if is_true(os.environ.get(UPSTREAM_OFF)):
        return handle
    with gate.switching:
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
    with gate.switching:
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
    wanted = _handles[-1].settings if _handles else None
    current = _finder.settings if _finder is not None else None
    if wanted == current:
        return
    if _finder is not None and wanted is not None and _modules_of(wanted) == _modules_of(current):
        _finder.set(wanted)
    else:
        _switch(_finder, wanted)
    if wanted is not None and wanted.report:
        from oneflow_mock import report

        report.start(wanted)


def _modules_of(settings: Any) -> tuple:
    """Return what torch modules depend on, once they are made."""
    return settings.torch_version, settings.strict


def _switch(old: importer.Finder | None, wanted: Settings | None) -> None:
    """Put one finder in the place of another, or of none, and their modules with them."""
    global _finder
    new = None
    if old is None:
        _warn_of_real_torch()
    if wanted is not None:
        new = _finders.pop(_modules_of(wanted), None) or importer.Finder(wanted)
        importer.install(new)
    gate.close()
    try:
        if old is not None:
            _switch_off(old)
        if new is not None and wanted is not None:
            _switch_on(new, wanted)
        gate.settle()
    finally:
        if old is not None:
            importer.remove(old)
        _finder = new
        gate.open_again()


def _switch_on(finder: importer.Finder, wanted: Settings) -> None:
    global _before
    packages = {name.partition(".")[0] for name in finder.kept}.union(("torch",))
    since = [name for name in _of_packages(packages) if name not in finder.left]
    _aside.update(_take_out(since))
    _before = frozenset(sys.modules)
    _put_in(finder.kept)
    finder.open(wanted)


def _switch_off(finder: importer.Finder) -> None:
    finder.kept = _take_out(_bound_to_torch())
    finder.left = frozenset(sys.modules)
    finder.close()
    _put_in(_aside)
    _aside.clear()
    _finders[_modules_of(finder.settings)] = finder


def _take_out(names: list[str]) -> dict:
    """Take modules out of ``sys.modules`` and off parents that stay; return them by name."""
    taken = {name: sys.modules.pop(name) for name in names}
    for name, module in taken.items():
        parent, _, child = name.rpartition(".")
        holder = vars_of(sys.modules.get(parent))
        if holder.get(child) is module:
            del holder[child]
    return taken


def _put_in(modules: dict) -> None:
    """Put modules back that `_take_out` returned."""
    for name, module in modules.items():
        parent, _, child = name.rpartition(".")
        if parent and parent not in modules:
            vars_of(sys.modules.get(parent))[child] = module
    sys.modules.update(modules)


def vars_of(module: Any) -> dict:
    """Return a module's namespace as it is; an empty one for anything else in ``sys.modules``."""
    kind = type(sys)
    return vars(kind)["__dict__"].__get__(module) if isinstance(module, kind) else {}


def _warn_of_real_torch() -> None:
    """Name in one warning who holds real torch modules, which stay as they are."""
    if not any(gate.is_torch(name) for name in sys.modules):
        return
    held = _packages_held()
    holders = sorted(name for name, packages in held.items() if "torch" in packages)
    who = f"; these modules hold it and keep it: {', '.join(holders)}" if holders else ""
    import warnings

    warnings.warn(
        f"oneflow-mock was switched on after real PyTorch had been imported{who}. "
        "Switch it on first: see python -m oneflow_mock --help",
        RuntimeWarning,
        stacklevel=5,
    )


def _of_packages(packages: set) -> list[str]:
    """Return the modules that belong to packages, less extension modules."""
    return [
        name
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in packages and not _is_extension(module)
    ]


def _bound_to_torch() -> list[str]:
    """Return the mock's torch modules and, of those imported since, the ones bound to them.

    A package that holds anything of torch's, or of such a package, is bound to it as a whole.
    Extension modules are not, as most cannot be loaded twice, nor what is being imported now.
    """
    held = _packages_held(besides=_before)
    bound = {"torch"}
    while True:
        more = {name for name, packages in held.items() if packages & bound} - bound
        if not more:
            break
        bound |= more
    return [
        name
        for name in _of_packages(bound)
        if _is_ours(sys.modules[name]) or not (name in _before or _is_initializing(name))
    ]


def _packages_held(besides: frozenset = frozenset()) -> dict:
    """Return for each loaded package, but torch and what it stands on, whose objects it holds."""
    held: dict = {}
    for name, module in list(sys.modules.items()):
        package = name.partition(".")[0]
        if name not in besides and package not in ("torch", "oneflow", "oneflow_mock"):
            held.setdefault(package, set()).update(_homes(module))
    return held


def _homes(module: Any) -> set:
    """Return the packages that the objects in a module's namespace come from.

    What is OneFlow's own is torch's too, unless the module names OneFlow itself.
    """
    homes, names_engine = set(), False
    for value in list(vars_of(module).values()):
        if isinstance(value, type(sys)):
            home = str(vars_of(value).get("__name__", ""))
            names_engine = names_engine or home.partition(".")[0] == "oneflow"
        elif isinstance(value, type) or type(value).__name__ in _FUNCTIONS:
            home = value.__module__
        else:
            home = type(value).__module__
        homes.add(home.partition(".")[0] if isinstance(home, str) else "")
    if "oneflow" in homes and not names_engine:
        homes.add("torch")
    return homes


_FUNCTIONS = ("function", "builtin_function_or_method")


def _is_initializing(name: str) -> bool:
    return getattr(getattr(sys.modules[name], "__spec__", None), "_initializing", False)


def _is_extension(module: Any) -> bool:
    origin = getattr(vars_of(module).get("__spec__"), "origin", None) or ""
    return origin.endswith((".so", ".pyd")) or origin == "built-in"

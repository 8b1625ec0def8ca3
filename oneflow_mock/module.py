"""The module type: an attribute comes from the overlay, then the engine, then the manifest.

What is found is stored in the module's ``__dict__``, so a second access costs what it costs in
PyTorch; a placeholder is not, so that ``hasattr`` stays honest.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from threading import RLock

from oneflow_mock import callsite, report, unsupported

_MISSING = object()


class Parts:
    """What one torch module is made of.

    ``overlay`` is the namespace of our file (None without one), ``engine`` OneFlow's module of the
    same path (None without one), ``entry`` the manifest's, ``strict`` forbids placeholders.
    """

    __slots__ = ("overlay", "engine", "entry", "strict", "placeholders", "patches")

    def __init__(self, overlay, engine, entry, strict, patches) -> None:
        self.overlay = overlay
        self.engine = engine
        self.entry = entry
        self.strict = strict
        self.patches = patches
        self.placeholders: dict = {}

    def is_placeholder(self) -> bool:
        """Tell whether PyTorch has the module and nobody here has anything of it."""
        return self.overlay is None and self.engine is None

    def knows(self, name: str) -> bool:
        """Tell whether PyTorch's module has the name."""
        entry = self.entry
        return entry is not None and (name in entry.kinds or name in entry.imports)


_lock = RLock()
_EMPTY = Parts(None, None, None, False, None)


class TorchModule(types.ModuleType):
    """A module under ``torch``; ``_made_of`` is kept out of its ``__dict__``."""

    __slots__ = ("_made_of",)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._made_of = _EMPTY

    def __getattr__(self, name):
        found = _find(self, name)
        if found is not _MISSING:
            self.__dict__[name] = found
            return found
        return _absent(self, name)

    def __dir__(self):
        names = set(self.__dict__)
        entry = self._made_of.entry
        if entry is not None:
            candidates = set(entry.kinds) | set(entry.imports)
            names |= {name for name in candidates if _has(self, name)}
        return sorted(names)


def parts(module: TorchModule) -> Parts:
    """Return what a torch module is made of."""
    return module._made_of


def _has(module, name):
    try:
        return _find(module, name) is not _MISSING
    except ImportError:
        return False


def _find(module, name):
    """Return what the module gives for a name, or _MISSING."""
    home = module._made_of
    entry = home.entry
    if home.overlay is not None:
        value = home.overlay.get(name, _MISSING)
        if value is not _MISSING and _is_public(home, name):
            return value
    if name == "__all__" and entry is not None and entry.exported is not None:
        return [exported for exported in entry.exported if _has(module, exported)]
    if name.startswith("__") and name.endswith("__") and not home.knows(name):
        return _MISSING
    if entry is None:
        return _MISSING
    if name in entry.imports:
        return _imported(entry.imports[name])
    kind = entry.kinds.get(name)
    if kind is None:
        return _MISSING
    origin = entry.origins.get(name)
    if origin is not None and origin != (module.__name__, name):
        value = _from_origin(origin)
        if value is not _MISSING:
            return value
    value = getattr(home.engine, name, _MISSING) if home.engine is not None else _MISSING
    if value is _MISSING or not _fits(kind, value):
        return _MISSING
    home.patches.adopt(value, module.__name__, name)
    return value


def _is_public(home, name):
    """Tell whether a name of an overlay is meant for programs: PyTorch has it, or ``__all__``."""
    return home.knows(name) or name in home.overlay.get("__all__", ())


def _imported(target):
    """Return the module that a name of a module is bound to, unless it would be a placeholder."""
    try:
        if target.partition(".")[0] == "torch" and target not in sys.modules:
            if importlib.util.find_spec(target) is None:
                return _MISSING
        return importlib.import_module(target)
    except ImportError:
        return _MISSING


def _from_origin(origin):
    """Return a re-exported name from the module that defines it, where that one has it."""
    module, qualified = origin
    first, _, rest = qualified.partition(".")
    if module.partition(".")[0] == "torch":
        found = _imported(module)
        value = _find(found, first) if isinstance(found, TorchModule) else _MISSING
    else:
        try:
            value = getattr(importlib.import_module(module), first, _MISSING)
        except ImportError:
            return _MISSING
    for part in rest.split(".") if rest else ():
        value = vars(value).get(part, _MISSING) if isinstance(value, type) else _MISSING
    return value


def _fits(kind, value):
    """Tell whether an object of the engine can stand for what PyTorch has under the name."""
    if isinstance(value, types.ModuleType):
        return False
    if kind in ("class", "exception"):
        return isinstance(value, type)
    if kind == "function":
        return callable(value)
    return True


def _absent(module, name):
    """Give a placeholder, or raise what PyTorch would, for a name that is in none of the layers."""
    here = module.__name__
    frame = callsite.caller()
    home = module._made_of
    error = AttributeError(f"module {here!r} has no attribute {name!r}")
    if frame is None or not home.knows(name) or name.startswith("__"):
        raise error
    loading = callsite.instruction(frame)
    if loading not in callsite.LOADS:
        raise error
    caught = (ImportError,) if loading == "IMPORT_FROM" else (AttributeError,)
    if callsite.is_caught(frame, caught):
        raise error
    if callsite.is_import_system(sys._getframe(2)):
        raise error  # its look for a submodule; IMPORT_FROM asks again
    target = home.entry.imports.get(name)
    return placeholder(module, name) if target is None else importlib.import_module(target)


def placeholder(module: TorchModule, name: str):
    """Return the placeholder of a missing name, the same one each time, and record it."""
    home = module._made_of
    api = f"{module.__name__}.{name}"
    where = callsite.user_place()
    report.record(api, "named", where)
    if home.strict:
        raise unsupported.UnsupportedTorchAPI(unsupported.message(api, where), api)
    with _lock:
        return _placeholder(module, name)


def _placeholder(module, name):
    """Make or find a placeholder; a re-exported one is the one of its home, as the object is."""
    home = module._made_of
    if name not in home.placeholders:
        entry = home.entry
        origin, qualified = entry.origins.get(name, (module.__name__, name))
        other = sys.modules.get(origin)
        if other is not module and isinstance(other, TorchModule):
            if qualified in other._made_of.entry.kinds:
                home.placeholders[name] = _placeholder(other, qualified)
                return home.placeholders[name]
        home.placeholders[name] = unsupported.make(
            module.__name__, name, entry.kinds[name], entry.members.get(name, ())
        )
    return home.placeholders[name]

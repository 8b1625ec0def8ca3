"""The module type: an attribute comes from the overlay, then the engine, then the manifest.

What is found is stored in the module's ``__dict__``, so a second access costs what it costs in
PyTorch; a placeholder is not, so that ``hasattr`` stays honest.
"""

from __future__ import annotations

import sys
import types
from _thread import RLock

from oneflow_mock import callsite, gate, report, unsupported

_MISSING = object()
_lock = RLock()
_namespace_of = vars(types.ModuleType)["__dict__"].__get__


class Parts:
    """What one torch module is made of, and how a name is looked up in it.

    ``overlay`` is the namespace of our file (None without one), ``engine`` OneFlow's module of the
    same path (None without one), ``entry`` the manifest's (None where only an overlay has the
    module), ``builder`` what made the module; ``is_placeholder`` where nobody here has anything of
    it, ``is_filled`` once every name has been looked up.
    """

    __slots__ = ("builder", "engine", "entry", "is_filled", "is_placeholder", "module", "overlay")

    def __init__(self, module, builder) -> None:
        name = module.__name__
        self.module = module
        self.builder = builder
        self.overlay: dict | None = None
        self.engine = builder.engine(name)
        self.entry = builder.manifest.get(name)
        self.is_placeholder = not builder.can_import(name)
        self.is_filled = False

    def knows(self, name: str) -> bool:
        """Tell whether PyTorch's module has the name."""
        entry = self.entry
        return entry is not None and (name in entry.kinds or name in entry.imports)

    def names(self) -> set[str]:
        """Return every name that PyTorch's module has, or that the overlay exports."""
        exported = set((self.overlay or {}).get("__all__", ()))
        entry = self.entry
        return exported if entry is None else exported.union(entry.kinds, entry.imports)

    def has(self, name: str) -> bool:
        """Tell whether a name is there, without importing a module to find out."""
        if name in _namespace_of(self.module):
            return True
        entry = self.entry
        if entry is not None and name in entry.imports and name not in (self.overlay or ()):
            return self.builder.can_import(entry.imports[name])
        return _find(self, name) is not _MISSING

    def get(self, name: str):
        """Return what the module has under a name: its ``__getattr__``."""
        value = _find(self, name)
        if value is _MISSING:
            return _absent(self, name)
        _namespace_of(self.module)[name] = value
        return value

    def fill(self) -> None:
        """Look every name up, for whoever reads the module's ``__dict__`` itself."""
        self.is_filled = True
        namespace = _namespace_of(self.module)
        for name in self.names().difference(namespace):
            value = _find(self, name)
            if value is not _MISSING:
                namespace.setdefault(name, value)


class TorchModule(types.ModuleType):
    """A module under ``torch``.

    Attributes are looked up by a ``__getattr__`` in the module's own namespace: one on the class
    would be asked, by way of Python, about every attribute that there is.
    """

    __slots__ = ("_made_of",)
    _made_of: Parts

    @property
    def __dict__(self):  # type: ignore[override]
        made_of = getattr(self, "_made_of", None)
        if made_of is not None and not made_of.is_filled and not is_initializing(self):
            made_of.fill()
        return _namespace_of(self)

    def __setattr__(self, name, value):
        if not self._is_own_submodule(name, value):
            super().__setattr__(name, value)

    def _is_own_submodule(self, name, value):
        """Tell whether the import system binds a submodule that is not to be seen.

        A placeholder, so that hasattr stays honest; or one whose name is a function's or class's,
        which PyTorch's package imports over it.
        """
        if not isinstance(value, TorchModule) or value.__name__ != f"{self.__name__}.{name}":
            return False
        entry = self._made_of.entry
        return is_placeholder(value) or (entry is not None and name in entry.kinds)

    def __dir__(self):
        own = set(_namespace_of(self)).difference(("__getattr__",))
        made_of = getattr(self, "_made_of", None)
        if made_of is not None:
            own.update(name for name in made_of.names() if made_of.has(name))
        return sorted(own)


TorchModule.__name__ = TorchModule.__qualname__ = "module"  # as messages show it


def make_up(module: TorchModule, parts: Parts) -> None:
    """Give a module what it is made of."""
    module._made_of = parts
    _namespace_of(module)["__getattr__"] = parts.get


def parts_of(module: TorchModule) -> Parts:
    """Return what a module is made of."""
    return module._made_of


def is_placeholder(module: TorchModule) -> bool:
    """Tell whether PyTorch has the module and nobody here has anything of it."""
    return module._made_of.is_placeholder


def is_initializing(module: types.ModuleType) -> bool:
    """Tell whether the import system is still running a module."""
    return getattr(_namespace_of(module).get("__spec__"), "_initializing", False)


def _find(parts: Parts, name: str):
    """Return what the module gives for a name, or _MISSING."""
    entry = parts.entry
    value = _from_overlay(parts, name)
    if value is not _MISSING or entry is None:
        _adopt(parts, name, value)
        return value
    if name == "__all__" and entry.exported is not None:
        return [exported for exported in entry.exported if parts.has(exported)]
    if name in entry.imports:
        return _imported(parts, entry.imports[name])
    if name not in entry.kinds:
        return _MISSING
    if name in entry.origins:
        value = _from_origin(parts, *entry.origins[name])
    if value is _MISSING:
        value = _from_engine(parts, name)
    if value is _MISSING and name not in entry.origins:
        value = _from_package(parts, name)
    _adopt(parts, name, value)
    return value


def _from_overlay(parts, name):
    """Return a public name of our file; one that has a ``__getattr__`` loads some names late."""
    overlay = parts.overlay
    if overlay is None or not _is_public(parts, name):
        return _MISSING
    value = overlay.get(name, _MISSING)
    if value is _MISSING and "__getattr__" in overlay:
        try:
            value = overlay["__getattr__"](name)
        except AttributeError:
            return _MISSING
    return value


def _from_engine(parts, name):
    value = getattr(parts.engine, name, _MISSING) if parts.engine is not None else _MISSING
    return value if value is not _MISSING and _fits(parts.entry.kinds[name], value) else _MISSING


def _from_package(parts, name):
    """Return what a package re-exports from this module, where only the package has it here."""
    home = parts.entry.name
    package = home.rpartition(".")[0]
    while package:
        found = _imported(parts, package)
        above = found._made_of if isinstance(found, TorchModule) else None
        if above is not None and above.entry is not None:
            if above.entry.origins.get(name) == (home, name):
                return _own(above, name)
        package = package.rpartition(".")[0]
    return _MISSING


def _own(parts, name):
    """Return what the overlay or the engine's module of the same path has under a name."""
    value = _from_overlay(parts, name)
    return _from_engine(parts, name) if value is _MISSING and parts.entry is not None else value


def _adopt(parts, name, value):
    """Let a class or function of OneFlow's or ours say the home and name that PyTorch's has.

    Not where nobody would find it there.
    """
    if not isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)):
        return
    stated = str(value.__module__)
    if stated.partition(".")[0] not in ("oneflow", "oneflow_mock") and not _is_misnamed(
        parts.builder.manifest.get(stated), value
    ):
        return
    here = parts.module.__name__
    origins = parts.entry.origins if parts.entry is not None else {}
    module, qualified = origins.get(name, (here, name))
    if module != here and not _is_found(parts, module, qualified, value):
        module, qualified = here, name
    parts.builder.patches.adopt(value, module, qualified)


def _is_misnamed(stated, value):
    """Tell whether a function of an overlay is known by a private name, or at home elsewhere."""
    if not isinstance(value, types.FunctionType) or stated is None:
        return False
    return value.__name__ not in stated.kinds or value.__name__ in stated.origins


def _is_found(parts, module, name, value):
    """Tell whether another torch module would give a value under a name."""
    found = _imported(parts, module) if gate.is_torch(module) else None
    if not isinstance(found, TorchModule):
        return False
    home = found._made_of
    if home.entry is None or name not in home.entry.kinds or name in home.entry.origins:
        return False
    return _own(home, name) is value or _from_package(home, name) is value


def _is_public(parts, name):
    """Tell whether a name of an overlay is meant for programs: PyTorch has it, or ``__all__``."""
    if parts.entry is None and name == "__all__":
        return name in parts.overlay
    return parts.knows(name) or name in parts.overlay.get("__all__", ())


def _imported(parts, target):
    """Return the module that a name of a module is bound to, unless it would be a placeholder."""
    if not parts.builder.can_import(target):
        return _MISSING
    try:
        return parts.builder.import_module(target)
    except ImportError:
        return _MISSING


def _from_origin(parts, home, qualified):
    """Return a re-exported name from the module that defines it, where that one has it."""
    first, _, rest = qualified.partition(".")
    found = _imported(parts, home)
    if isinstance(found, TorchModule):
        value = _find(found._made_of, first)
    else:
        value = getattr(found, first, _MISSING)
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


def _absent(parts, name):
    """Give a placeholder, or raise what PyTorch would, for a name that is in none of the layers."""
    error = AttributeError(f"module {parts.module.__name__!r} has no attribute {name!r}")
    target = _submodule(parts, name)
    if name.startswith("__") or not (target or parts.knows(name)):
        raise error
    # The import system asks before it looks for a submodule; IMPORT_FROM asks again afterwards.
    if callsite.is_import_system(sys._getframe(2)) or not callsite.is_plain_load(callsite.caller()):
        raise error
    return parts.builder.import_module(target) if target else placeholder(parts, name)


def _submodule(parts, name):
    """Return the module that a name stands for in PyTorch, or once it was imported; else ""."""
    fullname = f"{parts.module.__name__}.{name}"
    if fullname in sys.modules:
        return fullname
    return parts.entry.imports.get(name, "") if parts.entry is not None else ""


def placeholder(parts: Parts, name: str):
    """Return the placeholder of a missing name, the same one each time, and record it."""
    api = f"{parts.module.__name__}.{name}"
    if parts.builder.settings.strict:
        where = unsupported.note(api, report.NAMED)
        raise unsupported.UnsupportedTorchAPI(unsupported.message(api, where), api)
    with _lock:
        made = _placeholder(parts, name, api)
    unsupported.note(made.__placeholder__, report.NAMED)
    return made


def _placeholder(parts, name, api):
    """Make or find a placeholder: one for all the modules that re-export the name."""
    entry, known = parts.entry, parts.builder.placeholders
    home = module, qualified = entry.origins.get(name, (entry.name, name))
    if home not in known:
        definer = parts.builder.manifest.get(module)
        members = definer.members.get(qualified, ()) if definer is not None else ()
        known[home] = unsupported.make(api, module, qualified, entry.kinds[name], members)
    return known[home]

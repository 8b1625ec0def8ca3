"""Write the manifest of a PyTorch release: which modules it has, and which names of what kind.

Run it with an interpreter that has real PyTorch (``make reference`` builds one)::

    python tools/make_manifest.py compat/manifest/2.13.jsonl

The first line says where each module's line starts after it and how long it is, so that a reader
takes only what it needs. Then one line of JSON per module, sorted by name, so that two releases can
be compared with diff:

``module``    dotted name
``package``   true for a package
``eager``     true where ``import torch`` alone imports it
``all``       its ``__all__``, where it has one
``function``, ``class``, ``exception``, ``data``
              names by kind; a name that is defined elsewhere is written ``name=module:qualname``
              (or ``name=:qualname`` where the qualified name alone differs)
``import``    modules it holds, as ``name=module``
``members``   for each class that the module itself defines: the names it adds to its bases
``bases``     for each such class: its bases that are defined in torch, as ``module:qualname``
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import sys
import types
import warnings
from pathlib import Path

#: Trees that no program uses by name, and that import half of the world.
SKIPPED = ("torch.testing._internal", "torch.utils.benchmark.examples", "torch.contrib")
#: Members that every class has.
COMMON_MEMBERS = frozenset(dir(type("Plain", (), {}))) | {"__slots__", "__annotations__"}


def module_names(eager: set[str]) -> list[str]:
    """Return every module below torch that a program may reach by an ordinary import."""
    import torch

    names = set(eager)
    for found in pkgutil.walk_packages(torch.__path__, "torch.", onerror=lambda name: None):
        if found.name.startswith(SKIPPED) or found.name.endswith("__main__"):
            continue
        private = [part for part in found.name.split(".")[1:] if part.startswith("_")]
        if not private or found.name.count(".") == 1:
            names.add(found.name)
    return sorted(name for name in names if not name.startswith(SKIPPED))


def origin(value: object, name: str, module: str) -> str:
    """Return where a function or class is defined, in the form that the manifest writes."""
    home = getattr(value, "__module__", None)
    qualified = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if not isinstance(home, str) or not isinstance(qualified, str) or "<" in qualified:
        return name
    if home == module and qualified == name:
        return name
    root = home.partition(".")[0]
    if root in ("torch", "typing", "builtins") or root in sys.stdlib_module_names:
        found = sys.modules.get(home)
        for part in qualified.split("."):
            found = getattr(found, part, None)
        if found is value:
            return f"{name}={home if home != module else ''}:{qualified}"
    return name


def members(cls: type) -> list[str]:
    """Return the names that the class itself defines, without those that every class has."""
    return sorted(name for name in vars(cls) if name not in COMMON_MEMBERS and name.isidentifier())


def bases(cls: type) -> list[str]:
    """Return the bases that torch defines."""
    return [
        f"{base.__module__}:{base.__qualname__}"
        for base in cls.__bases__
        if (base.__module__ or "").partition(".")[0] == "torch"
    ]


def describe(module: types.ModuleType, name: str, eager: bool) -> dict:
    """Return the manifest's line for one module."""
    line: dict = {"module": name, "package": hasattr(module, "__path__"), "eager": eager}
    exported = getattr(module, "__all__", None)
    if isinstance(exported, (list, tuple, set)):
        line["all"] = sorted(item for item in exported if isinstance(item, str))
    kinds: dict[str, list[str]] = {
        key: [] for key in ("function", "class", "exception", "data", "import")
    }
    own: dict[str, list[str]] = {}
    parents: dict[str, list[str]] = {}
    for key in sorted(set(dir(module))):
        if key.startswith("__") and key.endswith("__") and key not in ("__version__",):
            continue
        try:
            value = getattr(module, key)
        except Exception:
            continue
        if isinstance(value, types.ModuleType):
            kinds["import"].append(f"{key}={value.__name__}")
        elif inspect.isclass(value):
            kind = "exception" if issubclass(value, BaseException) else "class"
            entry = origin(value, key, name)
            kinds[kind].append(entry)
            if (value.__module__ or "").startswith("torch") and "=" not in entry:
                own[key] = members(value)
                parents[key] = bases(value)
        elif callable(value):
            kinds["function"].append(origin(value, key, name))
        else:
            kinds["data"].append(key)
    line.update((kind, entries) for kind, entries in kinds.items() if entries)
    for field, table in (("members", own), ("bases", parents)):
        filled = {cls: names for cls, names in table.items() if names}
        if filled:
            line[field] = filled
    return line


def main(target: str) -> None:
    warnings.simplefilter("ignore")
    import torch

    eager = {
        name
        for name, module in sys.modules.items()
        if name.partition(".")[0] == "torch" and isinstance(module, types.ModuleType)
    }
    # First what a bare `import torch` shows: importing the rest adds attributes to it.
    lines = {name: describe(sys.modules[name], name, True) for name in sorted(eager)}
    for name in module_names(eager):
        if name in lines:
            continue
        try:
            module = importlib.import_module(name)
        except BaseException as error:
            print(f"left out {name}: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        lines[name] = describe(module, name, False)
    while True:  # private modules that are reached as attributes of those, or are their packages
        named = {
            target.partition("=")[2] for line in lines.values() for target in line.get("import", ())
        }
        named.update(name.rpartition(".")[0] for name in lines)
        more = sorted(
            name
            for name in named - set(lines)
            if name.startswith("torch.") and not name.startswith(SKIPPED) and name in sys.modules
        )
        if not more:
            break
        for name in more:
            lines[name] = describe(sys.modules[name], name, False)
    texts = {name: json.dumps(lines[name], separators=(",", ":")) for name in sorted(lines)}
    places, place = {}, 0
    for name, text in texts.items():
        places[name] = [place, len(text)]  # JSON is ASCII here: characters are bytes
        place += len(text) + 1
    header = {"torch": torch.__version__.partition("+")[0], "places": places}
    whole = [json.dumps(header, separators=(",", ":")), *texts.values()]
    Path(target).write_text("\n".join(whole) + "\n", encoding="ascii")
    print(f"{target}: {len(lines)} modules, {Path(target).stat().st_size} bytes")


if __name__ == "__main__":
    main(sys.argv[1])

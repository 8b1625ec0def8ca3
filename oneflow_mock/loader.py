"""Build torch modules out of overlay, engine and manifest: imported with the first of them."""

from __future__ import annotations

import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import types

from oneflow_mock import (
    callsite,
    engine_settings,
    kernel_library,
    manifest,
    module,
    report,
    unsupported,
)
from oneflow_mock.engine_loader import load_engine
from oneflow_mock.gate import is_torch
from oneflow_mock.importer import compat_directory
from oneflow_mock.patches import Patches
from oneflow_mock.thirdparty import Patcher

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Builder:
    """Finds and runs torch modules for one finder, and holds what belongs to all of them."""

    def __init__(self, finder) -> None:
        self.finder = finder
        self.manifest = manifest.load(finder.settings.torch_version)
        self.patches = Patches()
        self._flow: Any = None
        self.placeholders: dict = {}
        self.loader = Loader(self)
        folder = compat_directory()
        self.thirdparty = Patcher(os.path.join(folder, "thirdparty"), self.patches)
        self._overlays = os.path.join(folder, "torch")
        self._parents: list = []

    @property
    def settings(self):
        """Return the settings of the mock as it is now."""
        return self.finder.settings

    def overlay(self, fullname: str):
        """Return the path of our file for a torch module, or None."""
        relative = fullname.split(".")[1:]
        stem = os.path.join(self._overlays, *relative)
        for path in (os.path.join(stem, "__init__.py"), stem + ".py"):
            if os.path.isfile(path):
                return path
        return None

    def engine(self, fullname: str):
        """Return OneFlow's module of the same path, or None."""
        name = "oneflow" + fullname[len("torch") :]
        if name not in sys.modules and self._engine_file(fullname) is not None:
            try:
                return importlib.import_module(name)
            except ImportError:
                return None
        return self._loaded_engine(fullname)

    def _loaded_engine(self, fullname):
        """Return OneFlow's module of the same path if it is loaded, as attribute or by name."""
        found = sys.modules.get("oneflow" + fullname[len("torch") :])
        if found is None:
            found = sys.modules["oneflow"]
            for part in fullname.split(".")[1:]:
                found = getattr(found, part, None)
        return found if isinstance(found, types.ModuleType) else None

    def _engine_file(self, fullname):
        """Return the path of OneFlow's source file for a module, or None."""
        root = os.path.dirname(sys.modules["oneflow"].__file__ or "")
        stem = os.path.join(root, *fullname.split(".")[1:])
        for path in (os.path.join(stem, "__init__.py"), stem + ".py"):
            if os.path.isfile(path):
                return path
        return None

    def can_import(self, name: str) -> bool:
        """Tell without importing whether a module is there to be imported; no placeholder is."""
        if not is_torch(name):
            return name in sys.modules or _is_installed(name)
        if not self.finder.serving:
            return name in self.finder.kept and not module.is_placeholder(self.finder.kept[name])
        if name == "torch" or self.overlay(name) is not None:
            return True
        if name not in self.manifest:
            return False
        # A folder with overlays and none of its own: PyTorch's package only gathers what is in it.
        folder = os.path.join(self._overlays, *name.split(".")[1:])
        return bool(os.path.isdir(folder) or self._engine_file(name) or self._loaded_engine(name))

    def import_module(self, name: str):
        """Import a module; after the mock was switched off, a torch module as it was then."""
        if self.finder.serving or not is_torch(name):
            found = importlib.import_module(name)
        else:
            found = self.finder.kept.get(name)
        if is_torch(name) and not self.made(found):  # switched off, perhaps just now
            raise ModuleNotFoundError(f"No module named {name!r} (oneflow-mock is off)", name=name)
        return found

    def made(self, found) -> bool:
        """Tell whether something is one of this builder's torch modules."""
        return isinstance(found, module.TorchModule) and module.parts_of(found).builder is self

    def find(self, fullname: str):
        """Return the spec of a torch module; None where there is none, or a probe asks for it."""
        overlay = self.overlay(fullname)
        if overlay is None and fullname not in self.manifest:
            return None
        if not self.can_import(fullname):
            frame = callsite.caller()
            looked_for = _looked_for(frame)
            if looked_for not in ("", fullname):
                self._parents.append(fullname)
            elif looked_for or _is_probe(frame):
                self._drop_parents()
                return None
        spec = importlib.machinery.ModuleSpec(
            fullname,
            self.loader,
            origin=overlay or self._origin(fullname),
            is_package=self.is_package(fullname),
        )
        spec.has_location = spec.origin is not None
        if spec.submodule_search_locations is not None:
            relative = fullname.split(".")[1:]
            spec.submodule_search_locations.append(os.path.join(self._overlays, *relative))
        return spec

    def note_placeholder(self, fullname: str) -> None:
        """Record that a missing module is imported, and with --strict refuse it."""
        if fullname in self._parents:
            return
        where = unsupported.note(fullname, report.NAMED)
        if self.settings.strict:
            message = unsupported.message(fullname, where)
            raise unsupported.UnsupportedTorchAPI(message, fullname)

    def _drop_parents(self):
        """Take back the placeholders that were imported to look below them."""
        while self._parents:
            sys.modules.pop(self._parents.pop(), None)

    def is_package(self, fullname: str) -> bool:
        """Tell whether a torch module is a package, in PyTorch or as an overlay of its own."""
        if os.path.basename(self.overlay(fullname) or "") == "__init__.py":
            return True
        entry = self.manifest.get(fullname)
        return entry is not None and entry.package

    def _origin(self, fullname):
        if fullname == "torch":
            return os.path.join(self._overlays, "__init__.py")
        loaded = self._loaded_engine(fullname)
        return self._engine_file(fullname) or getattr(loaded, "__file__", None)

    def prepare(self) -> None:
        """Load the engine and lay what compat needs to know before the first overlay runs."""
        is_new = "oneflow" not in sys.modules
        self._flow = load_engine()
        engine_settings.run_at_once(self._flow, kernel_library.loaded, self.patches)
        from oneflow_mock.compat import hooks

        hooks.engine_is_new = is_new
        self.apply_settings()
        from oneflow_mock.compat import tensor  # its files ask hooks what there is

        tensor.install(self.patches)

    def complete(self, torch_module) -> None:
        """Do what needs torch itself: methods of its overlay's functions, patches of libraries."""
        from oneflow_mock.compat import tensor

        members: set = set()
        for home, name in (("torch", "Tensor"), ("torch._C", "TensorBase")):
            entry = self.manifest.get(home)
            members.update(entry.members.get(name, ()) if entry is not None else ())
        namespace = module.parts_of(torch_module).overlay or {}
        tensor.expose(self.patches, namespace, members)
        self.thirdparty.patch_loaded()

    def close(self) -> None:
        """Put back what was changed on classes that are not ours."""
        self.patches.restore()
        engine_settings.run_queued(kernel_library.loaded)

    def reopen(self) -> None:
        """Change them again, as they were when the mock was switched off."""
        self.patches.reapply()
        if self._flow is not None:
            engine_settings.run_at_once(self._flow, kernel_library.loaded, self.patches)
        if "torch" in self.finder.kept:
            self.thirdparty.patch_loaded()

    def apply_settings(self) -> None:
        """Tell the rest of the mock how it is to behave."""
        from oneflow_mock.compat import hooks

        unsupported.verbose = self.settings.verbose
        vars(hooks).update(
            torch_version=self.settings.torch_version,
            strict=self.settings.strict,
            record=unsupported.note,
            refuse=unsupported.refuse,
            refuse_attribute=unsupported.refuse_attribute,
            patch=self.patches.set,
            native=kernel_library.functions(),
            kernels=kernel_library.loaded is not None,
            set_kernel_threads=kernel_library.set_threads,
            library=kernel_library.loaded,
        )


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, AttributeError, ValueError):
        return False


class Loader(importlib.abc.Loader):
    """Runs one torch module."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder

    def create_module(self, spec):
        if not self._builder.can_import(spec.name):
            self._builder.note_placeholder(spec.name)
        return module.TorchModule(spec.name)

    def exec_module(self, torch_module) -> None:
        if torch_module.__name__ != "torch":
            self._run(torch_module)
            return
        # Next to nothing of what is made now is garbage, and looking for it takes 20 ms.
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            self._builder.prepare()
            self._run(torch_module)
            self._builder.complete(torch_module)
        finally:
            if was_enabled:
                gc.enable()

    def _run(self, torch_module) -> None:
        builder, name = self._builder, torch_module.__name__
        parts = module.Parts(torch_module, builder)
        module.make_up(torch_module, parts)
        path = builder.overlay(name)
        if path is not None:
            parts.overlay = _namespace(torch_module, path)
            code = importlib.machinery.SourceFileLoader(name, path).get_code(name)
            exec(code or "", parts.overlay)
            if parts.overlay.get("__doc__"):
                torch_module.__doc__ = parts.overlay["__doc__"]

    def get_source(self, fullname):
        """Return the text of our overlay, for inspect and linecache; None where there is none."""
        path = self._builder.overlay(fullname)
        if path is None:
            return None
        return importlib.machinery.SourceFileLoader(fullname, path).get_source(fullname)

    def is_package(self, fullname):
        return self._builder.is_package(fullname)


def _namespace(torch_module, path):
    return {
        "__name__": torch_module.__name__,
        "__file__": path,
        "__package__": torch_module.__package__,
        "__spec__": torch_module.__spec__,
        "__loader__": torch_module.__loader__,
        "__builtins__": __builtins__,
    }


def _looked_for(frame) -> str:
    """Return the module that importlib.util.find_spec is looking for; "" if it is not the frame's.

    It imports the parents of what it looks for.
    """
    if frame is None or frame.f_code.co_filename != importlib.util.__file__:
        return ""
    return frame.f_locals.get("fullname", "")


def _is_probe(frame) -> bool:
    """Tell whether a module is looked for rather than imported, or its absence would be caught."""
    if frame is not None and frame.f_code.co_filename == importlib.__file__:  # import_module
        frame = frame.f_back
    if frame is None or os.path.basename(frame.f_code.co_filename) == "pkgutil.py":
        return True
    return callsite.is_caught(frame, (ModuleNotFoundError,))

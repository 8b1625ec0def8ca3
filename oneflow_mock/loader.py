"""Build torch modules out of overlay, engine and manifest: imported with the first of them."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import tempfile
import types

from oneflow_mock import callsite, engine, manifest, module, report, unsupported
from oneflow_mock.patches import Patches

#: What OneFlow 0.9.0 writes on stderr at every import on a machine without InfiniBand or a GPU.
_NOISE = (b"libibverbs not available", b"CUDA driver version is insufficient")


class Builder:
    """Finds and runs torch modules for one enabled mock."""

    def __init__(self, settings) -> None:
        import oneflow_mock.compat as compat

        self.settings = settings
        self.manifest = manifest.load(settings.torch_version)
        self.patches = Patches()
        self.loader = Loader(self)
        folder = os.path.abspath(list(compat.__path__)[0])
        self._overlays = os.path.join(folder, "torch")
        self._thirdparty = os.path.join(folder, "thirdparty")
        self._patched = _patch_files(self._thirdparty)
        self._searching: set = set()

    def overlay(self, fullname: str):
        """Return the path of our file for a torch module, or None."""
        relative = fullname.split(".")[1:]
        stem = os.path.join(self._overlays, *relative)
        for path in (os.path.join(stem, "__init__.py"), stem + ".py"):
            if os.path.isfile(path) and stem != self._overlays + ".py":
                return path
        return None

    def engine(self, fullname: str):
        """Return OneFlow's module of the same path, or None."""
        parts = fullname.split(".")[1:]
        root = load_engine()
        if not parts:
            return root
        stem = os.path.join(os.path.dirname(root.__file__), *parts)
        name = ".".join(["oneflow", *parts])
        if name in sys.modules:
            return sys.modules[name]
        if os.path.isfile(stem + ".py") or os.path.isfile(os.path.join(stem, "__init__.py")):
            try:
                return importlib.import_module(name)
            except ImportError:
                return None
        found = root
        for part in parts:
            found = getattr(found, part, None)
        return found if isinstance(found, types.ModuleType) else None

    def has(self, fullname: str) -> bool:
        """Tell whether a torch module has anything of ours or of OneFlow's in it."""
        if self.overlay(fullname) is not None or self.engine(fullname) is not None:
            return True
        # A folder with overlays and none of its own: PyTorch's package only gathers what is in it.
        return os.path.isdir(os.path.join(self._overlays, *fullname.split(".")[1:]))

    def find(self, fullname: str):
        """Return the spec of a torch module; None where there is none, or a probe may not see it."""
        overlay = self.overlay(fullname)
        if overlay is None and fullname not in self.manifest:
            return None
        if overlay is None and fullname != "torch" and not self.has(fullname):
            if _is_probe(fullname):
                return None
            report.record(fullname, "named", callsite.user_place())
            if self.settings.strict:
                where = callsite.user_place()
                raise unsupported.UnsupportedTorchAPI(
                    unsupported.message(fullname, where), fullname
                )
        entry = self.manifest.get(fullname)
        package = entry.package if entry is not None else overlay.endswith("__init__.py")
        spec = importlib.machinery.ModuleSpec(
            fullname, self.loader, origin=overlay or self._origin(fullname), is_package=package
        )
        spec.has_location = spec.origin is not None
        if package:
            relative = fullname.split(".")[1:]
            spec.submodule_search_locations.append(os.path.join(self._overlays, *relative))
        return spec

    def _origin(self, fullname):
        if fullname == "torch":
            return os.path.join(self._overlays, "__init__.py")
        return getattr(self.engine(fullname), "__file__", None)

    def find_patched(self, fullname, path, target):
        """Return the real spec of a library's module that has a post-import patch, else None."""
        patch = self._patched.get(fullname)
        if patch is None or fullname in self._searching:
            return None
        self._searching.add(fullname)
        try:
            for finder in sys.meta_path:
                find_spec = getattr(finder, "find_spec", None)
                spec = find_spec(fullname, path, target) if find_spec is not None else None
                if spec is not None and spec.loader is not None:
                    spec.loader = _PatchingLoader(spec.loader, patch, self.patches)
                    return spec
        finally:
            self._searching.discard(fullname)
        return None

    def close(self) -> None:
        """Put back what was changed on classes that are not ours."""
        self.patches.restore()

    def reopen(self) -> None:
        """Change them again, as they were when the mock was switched off."""
        self.patches.reapply()


class Loader(importlib.abc.Loader):
    """Runs one torch module."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder

    def create_module(self, spec):
        return module.TorchModule(spec.name)

    def exec_module(self, torch_module) -> None:
        builder, name = self._builder, torch_module.__name__
        if name == "torch":
            _prepare(builder)
        path = builder.overlay(name)
        namespace = None
        if path is not None:
            namespace = _namespace(torch_module, path)
        torch_module._made_of = module.Parts(
            namespace,
            builder.engine(name),
            builder.manifest.get(name),
            builder.settings.strict,
            builder.patches,
        )
        if path is not None:
            code = importlib.machinery.SourceFileLoader(name, path).get_code(name)
            exec(code, namespace)
            if name == "torch":
                _expose_methods(builder, namespace)
            if namespace.get("__doc__"):
                torch_module.__doc__ = namespace["__doc__"]

    def get_source(self, fullname):
        """Return the text of our overlay, for inspect and linecache; None where there is none."""
        path = self._builder.overlay(fullname)
        if path is None:
            return None
        return importlib.machinery.SourceFileLoader(fullname, path).get_source(fullname)

    def is_package(self, fullname):
        entry = self._builder.manifest.get(fullname)
        return bool(entry and entry.package)


def _namespace(torch_module, path):
    return {
        "__name__": torch_module.__name__,
        "__file__": path,
        "__package__": torch_module.__package__,
        "__spec__": torch_module.__spec__,
        "__loader__": torch_module.__loader__,
        "__builtins__": __builtins__,
    }


class _PatchingLoader(importlib.abc.Loader):
    """The real loader of a library's module, followed by our patch of it."""

    def __init__(self, real, path, patches) -> None:
        self._real = real
        self._path = path
        self._patches = patches

    def create_module(self, spec):
        return self._real.create_module(spec)

    def exec_module(self, loaded) -> None:
        loaded.__spec__.loader = loaded.__loader__ = self._real
        self._real.exec_module(loaded)
        name = "oneflow_mock.compat.thirdparty." + loaded.__name__
        namespace = {"__name__": name, "__file__": self._path}
        with open(self._path, encoding="utf-8") as file:
            exec(compile(file.read(), self._path, "exec"), namespace)
        namespace["patch"](loaded, self._patches)


def _patch_files(folder):
    """Return module name → path of the patches in ``compat/thirdparty``, laid out as modules are."""
    found = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".py") and (name != "__init__.py" or parent != folder):
                path = os.path.join(parent, name)
                relative = os.path.relpath(path, folder)[: -len(".py")]
                dotted = relative.replace(os.sep, ".")
                found[dotted[: -len(".__init__")] if name == "__init__.py" else dotted] = path
    return found


def _is_probe(fullname: str) -> bool:
    """Tell whether a module is looked for rather than imported, or its absence would be caught."""
    frame = callsite.caller()
    path = frame.f_code.co_filename if frame is not None else ""
    if path == importlib.util.__file__:  # it imports the parents of what it looks for
        return frame.f_locals.get("fullname", fullname) == fullname
    if os.path.basename(path) == "pkgutil.py":
        return True
    if path == importlib.__file__ and frame.f_back is not None:
        frame = frame.f_back
    return frame is None or callsite.is_caught(frame, (ModuleNotFoundError,))


def load_engine():
    """Import OneFlow, less the lines that it prints at every import; EngineError if it is broken."""
    loaded = sys.modules.get("oneflow")
    if loaded is not None:
        return loaded
    engine.check()
    try:
        with _Quiet(), _Undisturbed():
            return importlib.import_module("oneflow")
    except ImportError as error:
        if str(error).startswith("KeyboardInterrupt"):
            # OneFlow's compiled part turns whatever happens in it into an ImportError.
            raise KeyboardInterrupt from None
        raise engine.explain(error) from error


class _Undisturbed:
    """Put back what OneFlow's import changes for the whole process.

    It takes SIGINT over and exits at once, so a program would get no KeyboardInterrupt; one that
    comes while OneFlow loads is kept for the end. It sets the variables of a launcher for its own
    start, which accelerate and every child process would take for a sign of being launched.
    """

    _VARIABLES = ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "RANK", "LOCAL_RANK")

    def __enter__(self):
        import ctypes
        import signal

        # The handler of C, which unlike Python's can be set in any thread.
        get, self._set = ctypes.pythonapi["PyOS_getsig"], ctypes.pythonapi["PyOS_setsig"]
        get.restype = self._set.restype = ctypes.c_void_p
        self._set.argtypes = (ctypes.c_int, ctypes.c_void_p)
        self._signal = signal
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        self._handler = get(int(signal.SIGINT))
        self._environ = {name: os.environ.get(name) for name in self._VARIABLES}

    def __exit__(self, *error):
        for name, value in self._environ.items():
            if value is None:
                os.environ.pop(name, None)
        self._set(int(self._signal.SIGINT), self._handler)
        self._signal.pthread_sigmask(self._signal.SIG_SETMASK, self._mask)


class _Quiet:
    """Hold stderr back while OneFlow loads, then pass on all but its two known lines."""

    def __enter__(self):
        self._file = self._saved = None
        try:
            sys.stderr.flush()
            self._file = tempfile.TemporaryFile()
            self._saved = os.dup(2)
            os.dup2(self._file.fileno(), 2)
        except (OSError, AttributeError, ValueError):  # no usable stderr, or nowhere to keep it
            self._saved = None
        return self

    def __exit__(self, *error):
        if self._saved is None:
            return
        os.dup2(self._saved, 2)
        os.close(self._saved)
        self._file.seek(0)
        held = self._file.read().splitlines(keepends=True)
        self._file.close()
        rest = b"".join(line for line in held if not any(noise in line for noise in _NOISE))
        if rest:
            os.write(2, rest)


def _prepare(builder: Builder) -> None:
    """Load the engine and lay what compat needs to know before the first overlay runs."""
    is_new = "oneflow" not in sys.modules
    load_engine()
    from oneflow_mock.compat import hooks

    hooks.engine_is_new = is_new
    hooks.torch_version = builder.settings.torch_version
    hooks.strict = builder.settings.strict
    hooks.record = lambda api, how, detail="": report.record(
        api, how, callsite.user_place(), detail
    )
    hooks.refuse = unsupported.refuse
    hooks.refuse_attribute = unsupported.refuse_attribute
    hooks.patch = builder.patches.set
    from oneflow_mock.compat import tensor

    tensor.install(builder.patches)


def _expose_methods(builder: Builder, namespace) -> None:
    """Give the Tensor class the methods that the torch overlay's functions stand for."""
    from oneflow_mock.compat import tensor

    base = builder.manifest.get("torch._C")
    members = set(builder.manifest.get("torch").members.get("Tensor", ()))
    members.update(base.members.get("TensorBase", ()) if base is not None else ())
    tensor.expose(builder.patches, namespace, members)

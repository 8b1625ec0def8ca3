"""``torch`` as importlib.metadata sees it: a distribution of the emulated version."""

from __future__ import annotations

import importlib
import sys
import types

_CLASSES: dict = {}


def find(version, context=None, **_):
    """Yield a distribution named torch where a metadata query asks for it, or for all."""
    name = getattr(context, "name", None)
    if name is not None and name.replace("_", "-").lower() != "torch":
        return
    if context is not None and "path" in vars(context):  # a search of certain folders
        return
    yield _distribution_class()(version)


def _metadata():
    """Return the metadata library that is asking: the standard one, or its backport."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        top = frame.f_globals.get("__name__", "").partition(".")
        if top[0] == "importlib_metadata":
            return importlib.import_module("importlib_metadata")
        if frame.f_globals.get("__name__", "").startswith("importlib.metadata"):
            return importlib.import_module("importlib.metadata")
        frame = frame.f_back
    name = "importlib.metadata" if sys.version_info >= (3, 8) else "importlib_metadata"
    return importlib.import_module(name)


def _distribution_class():
    metadata = _metadata()
    cls = _CLASSES.get(metadata.__name__)
    if cls is None:
        cls = _CLASSES[metadata.__name__] = _make(metadata)
    return cls


def _make(metadata):
    class TorchDistribution(metadata.Distribution):  # type: ignore[name-defined]
        """What pip would have written beside PyTorch, as far as a program reads it."""

        def __init__(self, version) -> None:
            self._files = {
                "METADATA": f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n"
                "Summary: PyTorch's API on OneFlow, by oneflow-mock\n",
                "PKG-INFO": None,
                "top_level.txt": "torch\n",
                "INSTALLER": "oneflow-mock\n",
                "RECORD": "torch/__init__.py,,\n",
                "entry_points.txt": None,
            }

        def read_text(self, filename):
            return self._files.get(filename)

        def locate_file(self, path):
            import os

            import oneflow_mock.compat as compat

            return os.path.join(list(compat.__path__)[0], str(path))

    return TorchDistribution

"""``torch.ops``: the operators that programs define; PyTorch's own are not listed here."""

from __future__ import annotations

import sys

from oneflow_mock.compat.kernels.operators import OpNamespace

__all__ = ["load_library", "loaded_libraries", "import_module"]

loaded_libraries: set = set()


def load_library(path) -> None:
    """Refuse a library of PyTorch operators: it is linked to PyTorch's own."""
    import os

    from oneflow_mock.compat import hooks

    if not os.path.exists(path):
        raise OSError(f"Could not load this library: {os.path.abspath(path)}")
    raise hooks.refuse("torch.ops.load_library", "the library is linked to PyTorch's own")


def import_module(module) -> None:
    """Import a module that defines operators."""
    import importlib

    importlib.import_module(module)


class _Ops(type(sys.modules[__name__])):
    """The module type, with a namespace behind every name."""

    __slots__ = ()

    def __getattr__(self, name):
        if name in __all__ or name.startswith("__"):
            return super().__getattr__(name)
        found = self.__dict__[name] = OpNamespace(name)
        return found


sys.modules[__name__].__class__ = _Ops

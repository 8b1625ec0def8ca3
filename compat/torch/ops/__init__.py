"""``torch.ops``: the operators that programs define; PyTorch's own are not listed here."""

from __future__ import annotations

import os
import sys

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels.operators import OpNamespace

__all__ = ["load_library", "loaded_libraries", "import_module"]

loaded_libraries: set = set()


def load_library(path) -> None:
    """Refuse a library of PyTorch operators: it is linked to PyTorch's own."""
    if not os.path.exists(path):
        raise OSError(f"Could not load this library: {os.path.abspath(path)}")
    raise hooks.refuse("torch.ops.load_library", "the library is linked to PyTorch's own")


def import_module(module) -> None:
    """Import a module that defines operators."""
    import importlib

    importlib.import_module(module)


# PyTorch's own namespaces: modules there, empty here.
globals().update(
    {
        name: OpNamespace(name)
        for name in (
            "_native aten debug_mode_ops debugprims export higher_order inductor mkl mkldnn onednn "
            "prim prims profiler quantized rngprims"
        ).split()
    }
)


class _Ops(type(sys.modules[__name__])):
    """The module type, with a namespace behind every name."""

    __slots__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(f"module 'torch.ops' has no attribute {name!r}")
        found = OpNamespace(name)
        setattr(self, name, found)
        return found


sys.modules[__name__].__class__ = _Ops

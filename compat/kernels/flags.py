"""Settings that lie as plain attributes in a module, and blocks that change them for a while."""

from __future__ import annotations

import contextlib
import sys


def swap(module: str, values: dict) -> dict:
    """Set attributes of a loaded module, except to None; return what they were before."""
    here = sys.modules[module]
    before = {name: getattr(here, name) for name in values}
    for name, value in values.items():
        if value is not None:
            setattr(here, name, value)
    return before


@contextlib.contextmanager
def swapped(module: str, values: dict):
    """Do so for a block."""
    before = swap(module, values)
    try:
        yield
    finally:
        here = sys.modules[module]
        for name, value in before.items():
            setattr(here, name, value)


class Precision:
    """``torch.backends.cudnn.conv`` and its like: an object whose precision can be set."""

    __slots__ = ("fp32_precision",)

    def __init__(self, fp32_precision: str = "none") -> None:
        self.fp32_precision = fp32_precision

    def __getattr__(self, name):
        raise AttributeError("Unknown attribute " + name)

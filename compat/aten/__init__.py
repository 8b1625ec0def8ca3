"""Operators of the torch namespace that OneFlow lacks or gets wrong, one file per family.

A public function of a file here is ``torch.<name>``, and the Tensor method of that name where
PyTorch's Tensor has one, so its first parameter is the tensor; with a method ``f`` comes ``f_``.
Nothing has to be listed anywhere else. A file is imported when one of its names is first asked for:
a program pays for what it uses. Families are those of PyTorch's ``aten/src/ATen/native``.
"""

from __future__ import annotations

import functools
import importlib
import os
import re

import oneflow as flow

#: The file whose functions are not methods.
FUNCTIONS_ONLY = "outputs"
_FOLDER = os.path.dirname(__file__)
#: A public name at the margin: ``def name``, ``name = …``.
_DEFINED = re.compile(r"^(?:def ([a-zA-Z]\w*)\(|([a-zA-Z]\w*) = )", re.MULTILINE)


@functools.lru_cache(maxsize=None)
def families() -> dict:
    """Return operator → name of the file that defines it, without importing one."""
    found = {}
    for file in sorted(os.listdir(_FOLDER)):
        if file.endswith(".py") and file != "__init__.py":
            with open(os.path.join(_FOLDER, file), encoding="utf-8") as source:
                for name in _DEFINED.findall(source.read()):
                    found[name[0] or name[1]] = file[:-3]
    return found


def find(name: str):
    """Return an operator by name; AttributeError where no file here has it."""
    family = families().get(name)
    if family is None:
        raise AttributeError(name)
    return getattr(importlib.import_module(f"{__name__}.{family}"), name)


class Late:
    """A Tensor method made of one of these operators when it is first asked for."""

    __slots__ = ("make", "name", "patches")

    def __init__(self, name: str, make, patches) -> None:
        self.name = name
        self.make = make
        self.patches = patches

    def __get__(self, instance, owner):
        method = self.make()
        self.patches.set(flow.Tensor, self.name, method)
        return method if instance is None else method.__get__(instance, owner)

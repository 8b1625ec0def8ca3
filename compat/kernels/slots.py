"""Read and set the C slots of a type, where Python has no way to.

OneFlow's Tensor has no room for a ``__dict__`` and its Size is a static type; both need a slot
changed. Everything here is checked against what Python itself says of the type first.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import sys

_WORD = ctypes.sizeof(ctypes.c_void_p)
#: Position of a slot in PyTypeObject, in words; the same from CPython 3.7 to 3.10.
_POSITIONS = {
    "tp_name": 3,
    "tp_basicsize": 4,
    "tp_repr": 11,
    "tp_str": 17,
    "tp_dictoffset": 36,
    "tp_new": 39,
}
_modified = ctypes.pythonapi.PyType_Modified
_modified.argtypes = [ctypes.py_object]
_modified.restype = None


class _Probe:
    def __repr__(self) -> str:
        return ""

    def __str__(self) -> str:
        return ""


@functools.lru_cache(maxsize=1)
def usable() -> bool:
    """Tell whether types of this interpreter are laid out as this file takes them to be."""
    probes = (_Probe, type, dict, type("_Slotted", (), {"__slots__": ("a", "b")}))
    if ctypes.c_char_p.from_address(id(dict) + _POSITIONS["tp_name"] * _WORD).value != b"dict":
        return False
    return all(
        read(probe, "tp_basicsize") == probe.__basicsize__
        and read(probe, "tp_dictoffset") == probe.__dictoffset__
        for probe in probes
    )


def read(cls: type, slot: str) -> int:
    """Return a slot of a type as a number."""
    return ctypes.c_ssize_t.from_address(id(cls) + _POSITIONS[slot] * _WORD).value


def write(cls: type, slot: str, value: int) -> None:
    """Set a slot of a type, and let the interpreter forget what it cached of it."""
    ctypes.c_ssize_t.from_address(id(cls) + _POSITIONS[slot] * _WORD).value = value
    _modified(cls)


def new_instance(make, cls: type):
    """Make an instance of a class written in Python whose base has OneFlow's deallocator.

    CPython 3.7 lets go of the class twice more than it took hold of it: when OneFlow keeps the
    instance, and with OneFlow's own letting go.
    """
    made = make(cls)
    if sys.version_info < (3, 8):
        _hold(cls)
        _hold(cls)
    return made


_hold = ctypes.pythonapi.Py_IncRef
_hold.argtypes = [ctypes.py_object]
_hold.restype = None


class Slots:
    """The slots of one type as attributes, so that they can be patched and restored."""

    def __init__(self, cls: type) -> None:
        self.__dict__.update({slot: read(cls, slot) for slot in _POSITIONS})
        self.__dict__["cls"] = cls

    def __setattr__(self, slot, value):
        write(self.cls, slot, value)
        self.__dict__[slot] = value


class Namespace:
    """The namespace of a type as attributes, so that they can be patched and restored.

    For a static type, which cannot be assigned to, and for ``__dict__``, which no type lets one
    assign. ``__repr__`` and ``__str__`` are found through slots: they are pointed at the function
    of the interpreter that looks the method up, or back at what they were.
    """

    def __init__(self, cls: type) -> None:
        (namespace,) = gc.get_referents(cls.__dict__)
        own = {slot: read(cls, slot) for slot in ("tp_repr", "tp_str")}
        self.__dict__.update(namespace)
        self.__dict__["_home"] = (cls, namespace, own)

    def __setattr__(self, name, value):
        cls, namespace, own = self._home
        namespace[name] = value
        self.__dict__[name] = value
        slot = {"__repr__": "tp_repr", "__str__": "tp_str"}.get(name)
        if slot is not None:
            python = type(value).__name__ == "function"
            write(cls, slot, read(_Probe, slot) if python else own[slot])
        _modified(cls)

    def __delattr__(self, name):
        cls, namespace, own = self._home
        del namespace[name], self.__dict__[name]
        slot = {"__repr__": "tp_repr", "__str__": "tp_str"}.get(name)
        if slot is not None:
            write(cls, slot, own[slot])
        _modified(cls)

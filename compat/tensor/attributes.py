"""Python attributes on tensors: ``p.is_sharded = True``.

OneFlow's Tensor is a C type without a ``__dict__``. Its deallocator clears one where there is one
(it was written for subclasses), so the class is given room for it: attribute access then costs
what it did, and the attributes die with the tensor, whose Python object OneFlow keeps as long as
its C++ one. That cannot be done to tensors that exist already: where there are any (OneFlow was
used before the mock was switched on), the attributes live in a side table instead.
"""

from __future__ import annotations

import ctypes
import gc
import sys

import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import slots

_TYPES = (flow.Tensor, flow.nn.Parameter)
_WORD = ctypes.sizeof(ctypes.c_void_p)
#: Where a subclass written in Python has its ``__dict__``: after OneFlow's own four words.
_DICT = 4 * _WORD

_dict_of = ctypes.pythonapi.PyObject_GenericGetDict
_dict_of.argtypes = [ctypes.py_object, ctypes.c_void_p]
_dict_of.restype = ctypes.py_object


class Absent:
    """What PyTorch's Tensor has under a name and nobody here provides."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance, owner):
        raise hooks.refuse_attribute(f"torch.Tensor.{self.name}")


def install(patches) -> None:
    """Make tensors take attributes."""
    if not _can_hold_dicts():
        for name, value in _TABLE_METHODS.items():
            patches.set(flow.Tensor, name, value)
        patches.set(_namespace, "__dict__", property(_make_slot, _set_table_dict))
        return
    for layout in _layouts:
        slots.write(layout.cls, "tp_basicsize", _DICT + _WORD)
        patches.set(layout, "tp_dictoffset", _DICT)
    patches.set(_namespace, "__dict__", property(_get_dict, _set_dict))


_layouts = [slots.Slots(cls) for cls in _TYPES]
_namespace = slots.Namespace(flow.Tensor)


def _can_hold_dicts() -> bool:
    """Tell whether every tensor there is, if any, has room for a ``__dict__``."""
    if not slots.usable():
        return False
    if all(cls.__basicsize__ >= _DICT + _WORD for cls in _TYPES):
        return True
    if any(cls.__basicsize__ != _DICT for cls in _TYPES):
        return False
    return hooks.engine_is_new or not _may_exist()


def _may_exist() -> bool:
    """Tell whether there may be tensors: references to the classes that no container explains.

    An instance holds a reference to its class that the garbage collector does not see.
    """
    seen = {id(cls): 0 for cls in _TYPES}
    for holder in gc.get_referrers(flow.Tensor, flow.nn.Parameter):
        for held in gc.get_referents(holder):
            if id(held) in seen:
                seen[id(held)] += 1
    del holder, held
    tensors = sys.getrefcount(flow.Tensor) - seen[id(flow.Tensor)]
    parameters = sys.getrefcount(flow.nn.Parameter) - seen[id(flow.nn.Parameter)]
    return tensors > 1 or parameters > 1  # the call itself holds one


def _get_dict(self):
    return _dict_of(self, None)


def _set_dict(self, value):
    if not isinstance(value, dict):
        raise TypeError(f"__dict__ must be set to a dictionary, not a '{type(value).__name__}'")
    own = _dict_of(self, None)
    own.clear()
    own.update(value)


# The side table: tensors are held by it, so that no other can take their place in memory, until a
# garbage collection finds that nobody else holds them.

_table: dict = {}
_entries_before_sweep = 1000


def _slot(self):
    found = _table.get(id(self))
    return None if found is None else found[1]


def _make_slot(self):
    found = _slot(self)
    if found is None:
        if len(_table) >= _entries_before_sweep:
            _sweep()
        if not _table:
            gc.callbacks.append(_on_collection)
        found = {}
        _table[id(self)] = (self, found)
    return found


def _on_collection(phase, info) -> None:
    if phase == "start" and info["generation"] == 2:
        _sweep()


def _sweep() -> None:
    global _entries_before_sweep
    for key in list(_table):
        tensor, _ = entry = _table[key]
        # Held by ``tensor``, the entry and the call; in C++ by the Python object alone.
        if sys.getrefcount(tensor) <= 3 and _uses(tensor) <= 1:
            del _table[key]
        del tensor, entry
    _entries_before_sweep = max(1000, 2 * len(_table))
    if not _table and _on_collection in gc.callbacks:
        gc.callbacks.remove(_on_collection)


def _uses(tensor) -> int:
    """Return how many owners the C++ tensor has: the count in its shared_ptr's control block."""
    control = ctypes.c_void_p.from_address(id(tensor) + 3 * _WORD).value
    return 0 if control is None else ctypes.c_int32.from_address(control + _WORD).value


def _getattr(self, name):
    found = _slot(self)
    if found is not None and name in found:
        return found[name]
    for cls in type(self).__mro__:
        value = vars(cls).get(name)
        if isinstance(value, Absent):
            return value.__get__(self, cls)
    raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")


def _setattr(self, name, value):
    try:
        object.__setattr__(self, name, value)
    except AttributeError:
        if hasattr(type(self), name):
            raise
        _make_slot(self)[name] = value


def _delattr(self, name):
    found = _slot(self)
    if found is None or name not in found:
        object.__delattr__(self, name)
    else:
        del found[name]


def _set_table_dict(self, value):
    if not isinstance(value, dict):
        raise TypeError(f"__dict__ must be set to a dictionary, not a '{type(value).__name__}'")
    own = _make_slot(self)
    own.clear()
    own.update(value)


_TABLE_METHODS = {
    "__getattr__": _getattr,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
}

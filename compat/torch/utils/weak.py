"""Dictionaries whose keys are told apart by identity and held weakly; tensors cannot be here."""

from __future__ import annotations

import weakref
from collections.abc import MutableMapping

import oneflow as flow

from oneflow_mock.compat import hooks

__all__ = ["TensorWeakRef", "WeakIdRef", "WeakIdKeyDictionary", "WeakTensorKeyDictionary"]


def _check(key):
    if isinstance(key, flow.Tensor):
        raise hooks.refuse("torch.utils.weak", "OneFlow's tensors cannot be held weakly")


class WeakIdRef(weakref.ref):
    """A weak reference that equals another by the identity of the object."""

    __slots__ = ("_id",)

    def __new__(cls, key, callback=None):
        _check(key)
        return super().__new__(cls, key, callback)

    def __init__(self, key, callback=None) -> None:
        self._id = id(key)
        super().__init__(key, callback)

    def __hash__(self):
        return self._id

    def __eq__(self, other):
        mine, yours = self(), other()
        if mine is not None and yours is not None:
            return mine is yours
        return self is other


class WeakIdKeyDictionary(MutableMapping):
    """A dictionary by the identity of keys that it does not keep alive."""

    def __init__(self, dict=None, ref_type=WeakIdRef) -> None:
        self.data: dict = {}
        self.ref_type = ref_type
        held = weakref.ref(self)

        def remove(key):
            owner = held()
            if owner is not None:
                owner.data.pop(key, None)

        self._remove = remove
        if dict is not None:
            self.update(dict)

    def __getitem__(self, key):
        return self.data[self.ref_type(key)]

    def __setitem__(self, key, value) -> None:
        self.data[self.ref_type(key, self._remove)] = value

    def __delitem__(self, key) -> None:
        del self.data[self.ref_type(key)]

    def __contains__(self, key) -> bool:
        try:
            return self.ref_type(key) in self.data
        except TypeError:
            return False

    def __iter__(self):
        for reference in list(self.data):
            found = reference()
            if found is not None:
                yield found

    def __len__(self) -> int:
        return len(self.data)

    def keyrefs(self):
        """Return the weak references."""
        return list(self.data)

    def copy(self):
        """Return a dictionary with the same keys and values."""
        made = type(self)()
        made.update(self.items())
        return made

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {id(self):#x}>"


WeakTensorKeyDictionary = WeakIdKeyDictionary


class TensorWeakRef:
    """A weak reference to a tensor."""

    def __init__(self, tensor) -> None:
        _check(tensor)
        self.ref = weakref.ref(tensor)

    def __call__(self):
        return self.ref()

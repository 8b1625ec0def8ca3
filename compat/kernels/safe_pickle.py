"""An unpickler for files of unknown origin: tensors, containers and what a user allows.

Python's own unpickler written in Python does the work; the instructions that could run code (find
a name, call, build, create) are replaced by ones that look in a list first, and all but those
that PyTorch's restricted unpickler knows are refused.
"""

from __future__ import annotations

import _compat_pickle
import pickle
import warnings
from collections import Counter, OrderedDict

import oneflow as flow

from oneflow_mock.compat.kernels import dtypes, storage

#: Never allowed, whatever a user says.
_BLOCKED = ("sys", "os", "posix", "nt")

#: What a user allowed: an object, or a pair of object and name.
allowed_by_user: set = set()

#: What a file may call while it is loaded with ``weights_only=True``.
_REBUILDERS = (
    "_rebuild_parameter",
    "_rebuild_parameter_with_state",
    "_rebuild_qtensor",
    "_rebuild_tensor",
    "_rebuild_tensor_v2",
    "_rebuild_tensor_v3",
    "_rebuild_sparse_tensor",
    "_rebuild_meta_tensor_no_storage",
    "_rebuild_nested_tensor",
    "_rebuild_wrapper_subclass",
    "_rebuild_device_tensor_from_numpy",
    "_rebuild_device_tensor_from_cpu_tensor",
)

_OPCODES = (
    "APPEND APPENDS BINFLOAT BINGET BININT BININT1 BININT2 BINPERSID BINPUT BINUNICODE BUILD "
    "EMPTY_DICT EMPTY_LIST EMPTY_SET EMPTY_TUPLE GLOBAL LONG1 LONG_BINGET LONG_BINPUT MARK "
    "NEWFALSE NEWOBJ NEWTRUE NONE PROTO REDUCE SETITEM SETITEMS SHORT_BINSTRING STOP TUPLE TUPLE1 "
    "TUPLE2 TUPLE3"
).split()


class _Dispatch(dict):
    def __missing__(self, key):
        raise pickle.UnpicklingError(f"Unsupported operand {key}")


class StorageType:
    """What ``torch.FloatStorage`` stands for in a file: a dtype."""

    def __init__(self, name: str) -> None:
        self._dtype = storage.dtype_of_name(name)

    @property
    def dtype(self):
        """The dtype of the elements."""
        return self._dtype

    def __str__(self) -> str:
        return f"StorageType(dtype={self.dtype})"


_defaults: dict = {}


def allowed_by_default() -> dict:
    """Return what a file may name: full name → object."""
    if not _defaults:
        _defaults.update(_make_defaults())
    return _defaults


def _make_defaults():
    import _codecs

    import torch

    found = {
        "collections.OrderedDict": OrderedDict,
        "collections.Counter": Counter,
        "torch.nn.parameter.Parameter": flow.nn.Parameter,
        "torch.serialization._get_layout": torch.serialization._get_layout,
        "torch.Size": torch.Size,
        "torch.Tensor": flow.Tensor,
        "torch.device": torch.device,
        "torch.storage.UntypedStorage": storage.UntypedStorage,
        "torch.storage.TypedStorage": storage.TypedStorage,
        "_codecs.encode": _codecs.encode,
        "builtins.bytearray": bytearray,
        "builtins.set": set,
        "builtins.complex": complex,
        "torch._tensor._rebuild_from_type_v2": torch._tensor._rebuild_from_type_v2,
    }
    found.update({f"torch.{name}": dtype for name, dtype in dtypes.BY_NAME.items()})
    for module in ("torch", "torch.cuda"):
        for name in storage.legacy_classes_of(module):
            found[f"{module}.{name}"] = StorageType(name)
    for name in _REBUILDERS:
        found[f"torch._utils.{name}"] = getattr(torch._utils, name)
    return found


def user_allowed() -> dict:
    """Return what the user allowed: full name → object."""
    found = {}
    for item in allowed_by_user:
        if isinstance(item, tuple):
            if len(item) != 2:
                raise ValueError(
                    "Expected tuple of length 2 (global, str of callable full path), but got tuple "
                    f"of length: {len(item)}"
                )
            if type(item[1]) is not str:
                raise TypeError(
                    "Expected second item in tuple to be str of callable full path, but got: "
                    f"{type(item[1])}"
                )
            found[item[1]] = item[0]
        else:
            found[f"{item.__module__}.{item.__qualname__}"] = item
    return found


def _full_name(module, name):
    if (module, name) in _compat_pickle.NAME_MAPPING:
        module, name = _compat_pickle.NAME_MAPPING[module, name]
    elif module in _compat_pickle.IMPORT_MAPPING:
        module = _compat_pickle.IMPORT_MAPPING[module]
    return module, f"{module}.{name}"


class Unpickler(pickle._Unpickler):  # type: ignore[name-defined]
    """Reads one object; UnpicklingError for anything that is not allowed."""

    dispatch = _Dispatch(
        {
            code: pickle._Unpickler.dispatch[code]  # type: ignore[attr-defined]
            for code in (getattr(pickle, name)[0] for name in _OPCODES)
        }
    )

    def __init__(self, file, *, encoding="bytes", **options) -> None:
        super().__init__(file, fix_imports=True, encoding=encoding, errors="strict")
        self._allowed = list(allowed_by_default().values())
        self._allowed += user_allowed().values()

    def persistent_load(self, pid):
        """Refuse; replaced by who reads a file of tensors."""
        raise pickle.UnpicklingError("unsupported persistent id encountered")

    def find_class(self, module, name):
        """Return what a name stands for, without looking it up in any module."""
        module, full = _full_name(module, name)
        if module in _BLOCKED:
            raise pickle.UnpicklingError(
                f"Trying to load unsupported GLOBAL {full} whose module {module} is blocked."
            )
        for known in (allowed_by_default(), user_allowed()):
            if full in known:
                return known[full]
        if full.startswith("builtins."):
            full = full[len("builtins.") :]
        raise pickle.UnpicklingError(
            f"Unsupported global: GLOBAL {full} was not an allowed global by default. Please use "
            f"`torch.serialization.add_safe_globals([{full}])` or the "
            f"`torch.serialization.safe_globals([{full}])` context manager to allowlist this "
            "global if you trust this class/function."
        )

    def _is_allowed(self, value) -> bool:
        return any(value is one for one in self._allowed)

    def _load_reduce(self):
        arguments, function = self.stack.pop(), self.stack[-1]
        if not self._is_allowed(function):
            text = f"Trying to call reduce for unrecognized function {function}"
            if hasattr(function, "__self__"):
                text += f" which belongs to {function.__self__}"
            raise pickle.UnpicklingError(text)
        self.stack[-1] = function(*arguments)

    def _load_newobj(self):
        arguments, cls = self.stack.pop(), self.stack.pop()
        if cls is flow.nn.Parameter:
            self.append(flow.nn.Parameter(*arguments))
        elif isinstance(cls, type) and self._is_allowed(cls):
            self.append(cls.__new__(cls, *arguments))
        else:
            raise pickle.UnpicklingError(
                "Can only create new object for nn.Parameter or classes allowlisted via "
                f"`add_safe_globals` but got {cls}"
            )

    def _load_build(self):
        state, instance = self.stack.pop(), self.stack[-1]
        kind = type(instance)
        if kind is flow.Tensor:
            instance.set_(*state)
        elif kind is OrderedDict:
            instance.__dict__.update(state)
        elif kind is flow.nn.Parameter or self._is_allowed(kind):
            _set_state(instance, state)
        else:
            raise pickle.UnpicklingError(
                "Can only build Tensor, Parameter, OrderedDict or types allowlisted via "
                f"`add_safe_globals`, but got {kind}"
            )

    def _load_append(self):
        item = self.stack.pop()
        self._list("append to").append(item)

    def _load_appends(self):
        items = self.pop_mark()
        self._list("extend").extend(items)

    def _list(self, word):
        target = self.stack[-1]
        if type(target) is not list:
            raise pickle.UnpicklingError(f"Can only {word} lists, but got {type(target)}")
        return target

    def _load_setitem(self):
        value, key = self.stack.pop(), self.stack.pop()
        self._mapping("SETITEM")[key] = value

    def _load_setitems(self):
        items = self.pop_mark()
        target = self._mapping("SETITEMS")
        for place in range(0, len(items), 2):
            target[items[place]] = items[place + 1]

    def _mapping(self, opcode):
        target = self.stack[-1]
        if type(target) not in (dict, OrderedDict, Counter):
            raise pickle.UnpicklingError(
                f"Can only {opcode} for dict, collections.OrderedDict, collections.Counter, but "
                f"got {type(target)}"
            )
        return target

    def _load_binpersid(self):
        pid = self.stack.pop()
        if type(pid) is not tuple and type(pid) is not int:
            raise pickle.UnpicklingError(
                f"persistent_load id must be tuple or int, but got {type(pid)}"
            )
        if type(pid) is tuple and pid and pid[0] not in ("storage", b"storage"):
            raise pickle.UnpicklingError(
                f"Only persistent_load of storage is allowed, but got {type(pid[0])}"
            )
        self.append(self.persistent_load(pid))

    def _load_proto(self):
        self.proto = self.read(1)[0]
        if self.proto != 2:
            warnings.warn(
                f"Detected pickle protocol {self.proto} in the checkpoint, which was not the "
                "default pickle protocol used by `torch.load` (2). The weights_only Unpickler "
                "might not support all instructions implemented by this protocol, please file an "
                "issue for adding support if you encounter this.",
                stacklevel=2,
            )

    def load(self):
        """Return the object; UnpicklingError where the stream is not a pickle."""
        try:
            return super().load()
        except (IndexError, KeyError, AttributeError, TypeError, UnicodeDecodeError) as error:
            raise pickle.UnpicklingError(f"not a pickle of weights: {error!r}") from error

    for _code, _method in {
        "REDUCE": _load_reduce,
        "NEWOBJ": _load_newobj,
        "BUILD": _load_build,
        "APPEND": _load_append,
        "APPENDS": _load_appends,
        "SETITEM": _load_setitem,
        "SETITEMS": _load_setitems,
        "BINPERSID": _load_binpersid,
        "PROTO": _load_proto,
    }.items():
        dispatch[getattr(pickle, _code)[0]] = _method
    del _code, _method


def _set_state(instance, state):
    if hasattr(instance, "__setstate__"):
        instance.__setstate__(state)
        return
    slots = None
    if isinstance(state, tuple) and len(state) == 2:
        state, slots = state
    if state:
        instance.__dict__.update(state)
    for name, value in (slots or {}).items():
        setattr(instance, name, value)


def load(file, *, encoding="ASCII", **options):
    """Return the object that a file's next pickle holds."""
    return Unpickler(file, encoding=encoding).load()


def globals_of(file) -> set:
    """Return the full names that a pickle names, without loading it."""
    import pickletools

    return {
        _full_name(*argument.split(" ", 1))[1]
        for opcode, argument, _ in pickletools.genops(file)
        if opcode.name == "GLOBAL"
    }

"""``torch.device`` as PyTorch spells it, on OneFlow's device class.

OneFlow's device always has an index and is of type cpu or cuda. A plain instance means what a
tensor's ``device`` means in PyTorch: ``cpu`` without an index, ``cuda`` with one. What PyTorch can
write besides (``cuda`` without an index, ``cpu:0``, ``meta``, ``mps``) is a subclass that remembers
how it was written.
"""

from __future__ import annotations

import threading

import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels.devices import DEVICE_TYPES, cuda_count

_new = flow.device.__new__
_init = flow.device.__init__
_base_type = flow.device.type
_base_index = flow.device.index


class Spelled(flow.device):
    """A device that OneFlow's class alone cannot express."""

    __slots__ = ("_type", "_index")

    def __new__(cls, *args, **kwargs):
        return new_device(cls, *args, **kwargs)

    def __init__(self, *args, **kwargs):
        pass

    @property
    def type(self):
        return self._type

    @property
    def index(self):
        return self._index

    def __eq__(self, other):
        if not isinstance(other, flow.device):
            return NotImplemented
        return (self._type, self._index) == (other.type, other.index)

    def __ne__(self, other):
        if not isinstance(other, flow.device):
            return NotImplemented
        return (self._type, self._index) != (other.type, other.index)

    def __hash__(self):
        return hash((self._type, self._index))


Spelled.__name__ = Spelled.__qualname__ = "device"
Spelled.__module__ = "torch"


def _make(cls, text):
    device = _new(cls)
    _init(device, text)
    return device


CPU = _make(flow.device, "cpu")


def index_of(self):
    """``index`` of a plain device: None for the CPU."""
    return None if _base_type.__get__(self) == "cpu" else _base_index.__get__(self)


def repr_of(self) -> str:
    """`repr` of a device."""
    if self.index is None:
        return f"device(type='{self.type}')"
    return f"device(type='{self.type}', index={self.index})"


def str_of(self) -> str:
    """`str` of a device."""
    return self.type if self.index is None else f"{self.type}:{self.index}"


def reduce_of(self):
    """Pickle a device as PyTorch does."""
    arguments = (self.type,) if self.index is None else (self.type, self.index)
    return flow.device, arguments


_DEVICE = flow.device
_WANTED = " * (torch.device device)\n * (str type, int index = -1)\n"


def new_device(cls, *args, **kwargs):
    """``torch.device(...)``: a device, a string with or without an index, or a number."""
    if len(args) == 1 and not kwargs:
        first = args[0]
        if type(first) is _DEVICE:
            return first
        if type(first) is str and first in _KNOWN:
            return _KNOWN[first]
    named = dict(zip(("type", "index"), args))
    if len(args) > 2 or not set(kwargs) <= {"type", "index", "device"} or set(kwargs) & set(named):
        raise _invalid(args, kwargs)
    named.update(kwargs)
    kind, index = named.get("type", named.get("device")), named.get("index")
    if isinstance(kind, flow.device) and index is None:
        return kind
    if isinstance(kind, int) and not isinstance(kind, bool) and index is None:
        return _accelerator(kind)
    if not isinstance(kind, str):
        raise _invalid(args, kwargs)
    if index is not None and (isinstance(index, bool) or not isinstance(index, int)):
        raise TypeError(
            f"device(): argument 'index' (position 2) must be int, not {type(index).__name__}"
        )
    return _spell(*_parse(kind, index))


def _invalid(args, kwargs):
    given = [type(value).__name__ for value in args]
    given += [f"{name}={type(value).__name__}" for name, value in kwargs.items()]
    got = ", ".join(given) + (", " if kwargs else "")
    return TypeError(
        f"device() received an invalid combination of arguments - got ({got}), but expected one "
        f"of:\n{_WANTED}"
    )


def _accelerator(index):
    if not cuda_count():
        raise RuntimeError("Cannot access accelerator device when none is available.")
    return _spell("cuda", index)


def _parse(text, index):
    if not text:
        raise RuntimeError("Device string must not be empty")
    kind, colon, number = text.partition(":")
    if colon:
        if not number.isdigit() or (len(number) > 1 and number[0] == "0"):
            raise RuntimeError(f"Invalid device string: '{text}'")
        if index is not None:
            raise RuntimeError(
                "type (string) must not include an index because index was passed explicitly: "
                + text
            )
        index = int(number)
    if kind not in DEVICE_TYPES:
        raise RuntimeError(
            f"Expected one of {', '.join(DEVICE_TYPES)} device type at start of device string: "
            f"{kind}"
        )
    if index is not None and index < 0:
        raise RuntimeError("Device index must not be negative")
    return kind, index


def _spell(kind, index):
    if kind == "cpu" and index is None:
        return CPU
    has_cuda = kind == "cuda" and cuda_count() > 0
    if has_cuda and index is not None:
        return _make(flow.device, f"cuda:{index}")
    # OneFlow ends the process where a device that is not there is used: it gets to see the CPU,
    # and whoever makes tensors calls ``usable`` first.
    device = _make(Spelled, "cuda" if has_cuda else "cpu")
    device._type = kind
    device._index = index
    return device


META = _spell("meta", None)
#: The devices that programs name again and again, by their names.
_KNOWN = {"cpu": CPU, "meta": META}


def usable(device):
    """Return a device, given as PyTorch lets one, on which OneFlow can make tensors.

    PyTorch's error for one that is not there. ``meta`` is returned as it is.
    """
    if type(device) is _DEVICE or device is META:
        return device
    if isinstance(device, (str, int)) and not isinstance(device, bool):
        device = new_device(flow.device, device)
    if not isinstance(device, flow.device):
        raise TypeError(f"argument 'device' must be torch.device, not {type(device).__name__}")
    if type(device) is flow.device or device.type == "meta":
        return device
    if device.type == "cpu":
        return CPU
    if device.type == "cuda" and cuda_count():
        return device
    if device.type in ("cuda", "xpu"):
        raise AssertionError(f"Torch not compiled with {device.type.upper()} enabled")
    if device.type == "mps":
        raise RuntimeError("PyTorch is not linked with support for mps devices")
    raise hooks.refuse(f"device {device}", "OneFlow has the devices cpu and cuda")


class _Default(threading.local):
    device = None  # what set_default_device said
    stack = ()  # what ``with device:`` says


_default = _Default()


def current():
    """Return the device that makers of tensors use when told none."""
    if _default.stack:
        return _default.stack[-1]
    return CPU if _default.device is None else _default.device


def chosen(device):
    """Return the device that a maker of tensors is told, else the default; None for the CPU."""
    if device is None:
        device = current()
        return None if device is CPU else device
    return device


def get_default_device():
    """Return the device that new tensors are made on."""
    device = current()
    if device.type == "cuda" and device.index is None:
        return new_device(flow.device, "cuda", 0)
    return device


def set_default_device(device) -> None:
    """Set the device that new tensors are made on; None for the CPU."""
    _default.device = None if device is None else new_device(flow.device, device)


def enter(self):
    """Make new tensors on a device until the block is left."""
    _default.stack += (self,)
    return self


def leave(self, *error):
    """Undo the last ``enter``."""
    _default.stack = _default.stack[:-1]


def decorate(self, function):
    """Run a function with a device as the default."""
    import functools

    @functools.wraps(function)
    def on_device(*args, **kwargs):
        with self:
            return function(*args, **kwargs)

    return on_device

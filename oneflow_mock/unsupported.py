"""What a name turns into that PyTorch has, and that neither OneFlow nor an overlay provides.

A placeholder can be named, subclassed, annotated with, given to isinstance and used as a decorator;
using its value in any other way raises `UnsupportedTorchAPI`.
"""

from __future__ import annotations

import functools
import sys
import typing

from oneflow_mock import callsite, report
from oneflow_mock.errors import UnsupportedTorchAPI, UnsupportedTorchAttribute

#: Whether what goes into the report is told on stderr at once (``--verbose``).
verbose = False

#: Uses that need the value itself. Subscripts are not among them: they stand in annotations.
_NEEDS_VALUE = (
    *("iter", "len", "contains", "int", "float", "complex", "index", "enter"),
    *("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "floordiv", "mod"),
    *("pow", "matmul", "neg", "abs", "invert", "and", "xor", "lt", "le", "gt", "ge"),
)


def engine_version() -> str:
    """Return the version of the OneFlow that is loaded, or "0.9.0" before it is."""
    return getattr(sys.modules.get("oneflow"), "__version__", "0.9.0")


def message(api: str, where, why: str = "") -> str:
    """Return the text of an `UnsupportedTorchAPI`."""
    reached = f"; reached from {where[0]}:{where[1]}" if where else ""
    reason = f" ({why})" if why else ""
    return (
        f"{api}: OneFlow {engine_version()} lacks it{reason}{reached}. PyTorch has it: to add it, "
        f"see CONTRIBUTING.md of oneflow-mock; to list all that a program asks for, run it with "
        f"--report"
    )


def note(api: str, how: str, detail: str = "") -> tuple[str, int] | None:
    """Add to the run's report, and return where in the user's code it happened."""
    where = callsite.user_place()
    report.record(api, how, where, detail)
    if verbose and sys.stderr is not None:
        place = f" at {where[0]}:{where[1]}" if where else ""
        print(f"oneflow-mock: {api}: {how}{place} {detail}".rstrip(), file=sys.stderr)
    return where


def refuse(api: str, why: str = "") -> UnsupportedTorchAPI:
    """Record a call of a missing API and return the exception to raise."""
    return UnsupportedTorchAPI(message(api, note(api, report.CALLED, why), why), api)


def refuse_attribute(api: str) -> UnsupportedTorchAttribute:
    """Return the error for a missing attribute of an object; a probe for it is not recorded."""
    is_use = callsite.is_plain_load(callsite.user_frame())
    where = note(api, report.CALLED) if is_use else callsite.user_place()
    return UnsupportedTorchAttribute(message(api, where), api)


class Placeholder:
    """A function or a value that is missing."""

    def __init__(self, api: str, module: str, name: str, kind: str) -> None:
        self.__module__ = module
        self.__name__ = self.__qualname__ = name
        self.__placeholder__ = api
        self._kind = kind

    def __call__(self, *args, **kwargs):
        frame = callsite.caller()
        if frame is not None and callsite.is_decorator(frame):
            return _decorate(self.__placeholder__, args)
        raise refuse(self.__placeholder__)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(f"{self.__placeholder__!r} has no attribute {name!r}")
        if self._kind == "data" and callsite.is_plain_load(callsite.caller()):
            return _member(self.__placeholder__, self.__module__, self.__name__, name)
        raise refuse_attribute(f"{self.__placeholder__}.{name}")

    def __getitem__(self, item):
        return self

    def __bool__(self):
        if self._kind == "data":
            raise refuse(self.__placeholder__)
        return True

    def __mro_entries__(self, bases):
        return (make_class(self.__placeholder__, self.__module__, self.__name__, ()),)

    def __reduce__(self):
        return self.__qualname__

    def __repr__(self):
        return f"<{self.__placeholder__}: not in OneFlow {engine_version()}>"

    def __or__(self, other):
        return typing.Union[typing.Any, other]

    __ror__ = __or__

    def __instancecheck__(self, instance):
        return False

    __subclasscheck__ = __instancecheck__


def _refusal(operation: str):
    def method(self, *args):
        raise refuse(self.__placeholder__)

    method.__name__ = f"__{operation}__"
    return method


for _operation in _NEEDS_VALUE:
    setattr(Placeholder, f"__{_operation}__", _refusal(_operation))


def _decorate(api, args):
    """Stand in for a missing decorator: what it would have decorated refuses to run."""
    note(api, report.NAMED, "used as a decorator")
    target = args[0] if len(args) == 1 else None
    if isinstance(target, type):
        return _refusing_class(api, target)
    if callable(target):
        return _refusing_function(api, target)
    return functools.partial(_decorate_with, api)


def _decorate_with(api, target):
    return _decorate(api, (target,))


def _refusing_function(api, function):
    @functools.wraps(function)
    def refusing(*args, **kwargs):
        raise refuse(api, f"it decorates {function.__qualname__}")

    return refusing


def _refusing_class(api, cls):
    def __new__(owner, *args, **kwargs):
        raise refuse(api, f"it decorates {cls.__qualname__}")

    cls.__new__ = __new__
    return cls


def _new(cls, *args, **kwargs):
    """Stand for ``__new__`` of a placeholder class, which may also be a decorator."""
    missing = next(base for base in cls.__mro__ if "__placeholder__" in vars(base))
    frame = callsite.caller()
    if missing is cls and frame is not None and callsite.is_decorator(frame):
        return _decorate(cls.__placeholder__, args)
    derived = "" if missing is cls else f"{cls.__qualname__} derives from it"
    raise refuse(missing.__placeholder__, derived)


def _member(api, module, name, member):
    return Placeholder(f"{api}.{member}", module, f"{name}.{member}", "data")


def make_class(api: str, module: str, name: str, members) -> type:
    """Return a placeholder class, without a metaclass so that it mixes with any other base."""
    namespace = {
        "__module__": module,
        "__qualname__": name,
        "__placeholder__": api,
        "__new__": _new,
        "__class_getitem__": classmethod(lambda cls, item: cls),
    }
    for member in members:
        if not member.startswith("__"):
            namespace[member] = _member(api, module, name, member)
    return type(name.rpartition(".")[2], (), namespace)


def make_exception(api: str, module: str, name: str) -> type:
    """Return an exception class that nobody raises: it can be named in ``except``."""
    return type(name, (RuntimeError,), {"__module__": module, "__placeholder__": api})


def make(api: str, module: str, name: str, kind: str, members=()):
    """Return the placeholder for what ``module`` defines as ``name``, reached as ``api``."""
    if kind == "class":
        return make_class(api, module, name, members)
    if kind == "exception":
        return make_exception(api, module, name)
    return Placeholder(api, module, name, kind)


def is_placeholder(value) -> bool:
    """Tell whether a value is a placeholder, or a class that is one itself."""
    if isinstance(value, type):
        return "__placeholder__" in vars(value)
    return type(value) is Placeholder

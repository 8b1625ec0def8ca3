"""What a name turns into that PyTorch has, and that neither OneFlow nor an overlay provides.

A placeholder can be named, subclassed, annotated with, given to isinstance and used as a decorator;
calling it raises `UnsupportedTorchAPI`.
"""

from __future__ import annotations

import functools
import typing

from oneflow_mock import callsite, report
from oneflow_mock.errors import UnsupportedTorchAPI, UnsupportedTorchAttribute


def engine_version() -> str:
    """Return the version of the OneFlow that is loaded, or "0.9.0" before it is."""
    import sys

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


def refuse(api: str, why: str = "") -> UnsupportedTorchAPI:
    """Record a call of a missing API and return the exception to raise."""
    where = callsite.user_place()
    report.record(api, "called", where, why)
    return UnsupportedTorchAPI(message(api, where, why), api)


def refuse_attribute(api: str) -> UnsupportedTorchAttribute:
    """Return the error for a missing attribute of a class; a probe for it is not recorded."""
    frame = callsite.user_frame()
    where = callsite.user_place()
    if (
        frame is not None
        and callsite.instruction(frame) in callsite.LOADS
        and not callsite.is_caught(frame, (AttributeError,))
    ):
        report.record(api, "called", where)
    return UnsupportedTorchAttribute(message(api, where), api)


class _PlaceholderType(type):
    """The type of placeholder classes: everything but instantiation works."""

    def __call__(cls, *args, **kwargs):
        frame = callsite.caller()
        if cls.__dict__.get("__placeholder__") and frame and callsite.is_decorator(frame):
            return _decorate(cls.__placeholder__, args)
        raise refuse(cls._api())

    def _api(cls):
        return next(base.__placeholder__ for base in cls.__mro__ if "__placeholder__" in vars(base))

    def __instancecheck__(cls, instance):
        return False if "__placeholder__" in vars(cls) else super().__instancecheck__(instance)

    def __subclasscheck__(cls, other):
        return cls in getattr(other, "__mro__", ())

    def __repr__(cls):
        return f"<class '{cls.__module__}.{cls.__qualname__}'>"


class _Placeholder:
    """A function or a value that is missing."""

    def __init__(self, module: str, name: str, members=()) -> None:
        self.__module__ = module
        self.__name__ = self.__qualname__ = name
        self.__placeholder__ = f"{module}.{name}"

    def __call__(self, *args, **kwargs):
        frame = callsite.caller()
        if frame is not None and callsite.is_decorator(frame):
            return _decorate(self.__placeholder__, args)
        raise refuse(self.__placeholder__)

    def __mro_entries__(self, bases):
        return (make_class(self.__module__, self.__name__, ()),)

    def __reduce__(self):
        return self.__qualname__

    def __repr__(self):
        return f"<{self.__placeholder__}: not in OneFlow {engine_version()}>"

    def __or__(self, other):
        return typing.Union[typing.Any, other]

    __ror__ = __or__

    def __instancecheck__(self, instance):
        return False

    def __bool__(self):
        raise refuse(self.__placeholder__)

    __iter__ = __len__ = __int__ = __float__ = __index__ = None  # type: ignore[assignment]


def _decorate(api, args):
    """Stand in for a missing decorator: what it would have decorated refuses to run."""
    report.record(api, "named", callsite.user_place(), "used as a decorator")
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


def make_class(module: str, name: str, members) -> type:
    """Return a placeholder class; its members are placeholders too."""
    api = f"{module}.{name}"
    namespace = {"__module__": module, "__qualname__": name, "__placeholder__": api}
    namespace["__class_getitem__"] = classmethod(lambda cls, item: cls)
    for member in members:
        if not member.startswith("__"):
            namespace[member] = _Placeholder(module, f"{name}.{member}")
    return _PlaceholderType(name.rpartition(".")[2], (), namespace)


def make_exception(module: str, name: str) -> type:
    """Return an exception class that nobody raises: it can be named in ``except``."""
    return type(name, (RuntimeError,), {"__module__": module, "__placeholder__": f"{module}.{name}"})


def make(module: str, name: str, kind: str, members=()):
    """Return the placeholder for a name of a manifest kind."""
    if kind == "class":
        return make_class(module, name, members)
    if kind == "exception":
        return make_exception(module, name)
    return _Placeholder(module, name)


def is_placeholder(value) -> bool:
    """Tell whether a value is a placeholder, or a class that is one itself."""
    if isinstance(value, type):
        return "__placeholder__" in vars(value)
    return type(value) is _Placeholder

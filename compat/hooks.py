"""What overlays may ask of the mock, filled in by it before the first overlay runs.

Overlays never import the mock itself: they call these.
"""

from __future__ import annotations

import types
import warnings

#: The PyTorch version that is claimed, such as "2.13.0".
torch_version = "2.13.0"
#: Whether a keyword without effect is an error.
strict = False
#: Whether OneFlow was loaded just now, by the mock, so that no tensor can exist yet.
engine_is_new = False
#: What the native kernels have beside OneFlow's operators, by name; empty without them.
native: dict = {}
#: Whether the native kernels are loaded; without them overlays compose OneFlow's operators.
kernels = False
#: The native kernels' shared library, for the functions it exports; None without them.
library = None

_warned: set = set()


def record(api: str, how: str, detail: str = "") -> None:
    """Add to the run's report; replaced by the mock."""


def refuse(api: str, why: str = "") -> Exception:
    """Return the exception for a call that cannot be answered; replaced by the mock."""
    return NotImplementedError(f"{api}: {why}")


def refuse_attribute(api: str) -> Exception:
    """Return the AttributeError for a method or attribute that is missing; replaced by the mock."""
    return AttributeError(f"{api}: missing")


def patch(owner, name: str, value) -> None:
    """Set ``owner.name`` until the mock is switched off; replaced by the mock."""
    setattr(owner, name, value)


def patch_methods(owner, source) -> None:
    """Set the methods of a class, and of its bases, on another one, as if they were written there.

    What Python says of a wrong call names the class, so their names are those of the owner's.
    """
    for cls in reversed(source.__mro__[:-1]):
        for name, found in list(vars(cls).items()):
            if isinstance(found, types.FunctionType):
                method = types.FunctionType(
                    found.__code__, found.__globals__, name, found.__defaults__, found.__closure__
                )
                method.__kwdefaults__ = found.__kwdefaults__
                method.__doc__ = found.__doc__
                method.__qualname__ = f"{owner.__name__}.{name}"
                patch(owner, name, method)


def set_kernel_threads(count: int) -> None:
    """Say how many threads a native kernel may use; replaced by the mock."""


def host_fallback(api: str) -> None:
    """Report that ``api`` was computed on the host with NumPy or SciPy."""
    record(api, "host fallback")


def no_effect(api: str, keyword: str) -> None:
    """Report a keyword that is accepted and changes nothing here.

    One warning per API and keyword; with ``--strict`` an error.
    """
    if strict:
        raise refuse(api, f"the argument {keyword!r} has no effect on OneFlow")
    record(api, "keyword", keyword)
    if (api, keyword) not in _warned:
        _warned.add((api, keyword))
        warnings.warn(f"{api}: the argument {keyword!r} has no effect on OneFlow", stacklevel=3)

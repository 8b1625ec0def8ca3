"""What is added to OneFlow's Tensor, one file per topic, through one registry.

A file of this folder that defines ``METHODS`` (name → function or property) has them set on
``oneflow.Tensor`` while the mock is on; nothing has to be listed anywhere else. A function of the
``torch`` overlay becomes a method by itself where PyTorch's Tensor has one of the same name, and a
method ``f`` gives ``f_`` where PyTorch has that too and OneFlow does not. `compat.aten` holds
the operators that are imported late.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import types

import oneflow as flow

from oneflow_mock.compat import aten
from oneflow_mock.compat.kernels import shared_arrays
from oneflow_mock.compat.kernels.operands import check_held
from oneflow_mock.compat.tensor import attributes

_topical: set = set()


def install(patches) -> None:
    """Set every topic's methods on the Tensor class, through a registry that can restore them."""
    shared_arrays.install(patches)
    _topical.clear()
    for found in pkgutil.iter_modules(__path__):
        topic = importlib.import_module(f"{__name__}.{found.name}")
        for name, value in getattr(topic, "METHODS", {}).items():
            patches.set(flow.Tensor, name, value)
            _topical.add(name)
        setup = getattr(topic, "install", None)
        if setup is not None:
            setup(patches)


def expose(patches, namespace, members) -> None:
    """Make methods of the torch overlay's functions, and of operators their in-place forms.

    ``namespace`` is the overlay's; ``members`` are the names that PyTorch's Tensor has. What a
    topic file has set stays.
    """
    for name, value in namespace.items():
        if isinstance(value, types.FunctionType) and name in members and name not in _topical:
            patches.set(flow.Tensor, name, value)
    for name, family in aten.families().items():
        if name not in namespace and family != aten.FUNCTIONS_ONLY:
            _expose_late(patches, name, members)
    present = set(dir(flow.Tensor))  # to ask for an attribute would import its file
    for name in members:
        base = name[:-1]
        if name.endswith("_") and not name.startswith("_") and name not in present:
            if base in present and base in members:
                patches.set(flow.Tensor, name, in_place(name, getattr(flow.Tensor, base)))
    present = set(dir(flow.Tensor))
    for name in members:
        if name not in present and not name.startswith("__"):
            patches.set(flow.Tensor, name, attributes.Absent(name))
    from oneflow_mock.compat.kernels import meta  # whose classes are made with what Tensor has

    meta.forget_methods()


def _expose_late(patches, name, members):
    """Make methods of an operator whose file is not imported yet."""
    makers = {
        name: functools.partial(aten.find, name),
        f"{name}_": lambda: in_place(f"{name}_", aten.find(name)),
    }
    for method, make in makers.items():
        if method in members and method not in _topical:
            patches.set(flow.Tensor, method, aten.Late(method, make, patches))


def find(name):
    """Return a method of Tensor that is there, None for one that is not."""
    for owner in flow.Tensor.__mro__:
        found = vars(owner).get(name)
        if found is not None:
            return None if isinstance(found, attributes.Absent) else getattr(flow.Tensor, name)
    return None


def in_place(name, function):
    """Return the in-place form of a method: the answer is written into the tensor itself."""

    @functools.wraps(function, assigned=("__doc__",), updated=())
    def method(input, *args, **kwargs):  # which torch's functions of the name are called by
        if not flow.is_grad_enabled() or not input.requires_grad:
            answer = function(input, *args, **kwargs)
            check_held(answer.dtype, input)
            input.copy_(answer)
            return input
        # The answer's gradient may need the values that are about to be overwritten.
        input[...] = function(input.clone(), *args, **kwargs)
        return input

    method.__name__ = name
    method.__qualname__ = f"Tensor.{name}"
    return method

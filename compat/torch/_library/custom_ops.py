"""Operators made of Python functions."""

from __future__ import annotations

import contextlib

from oneflow_mock.compat.kernels import operators

__all__ = ["custom_op", "CustomOpDef"]

OPDEFS: dict = {}


def custom_op(name, fn=None, *, mutates_args, device_types=None, schema=None, tags=None):
    """Make an operator of a function: it is called as before, and found in ``torch.ops``."""

    def make(fn):
        import torch

        text = schema
        if text is None:
            text = torch.library.infer_schema(fn, mutates_args=mutates_args)
        namespace, _, short = name.partition("::")
        if not short:
            raise ValueError(f"Expected `{name}` to be of the form `namespace::name`")
        return CustomOpDef(namespace, short, text, fn, device_types)

    return make if fn is None else make(fn)


class CustomOpDef:
    """An operator made of a function."""

    def __init__(self, namespace, name, schema, fn, device_types=None) -> None:
        self._namespace = namespace
        self._name = name
        self._schema = schema
        self._init_fn = fn
        self._operator = operators.define(
            self._qualname, schema, opaque=True, replace=self._qualname in OPDEFS
        )
        OPDEFS[self._qualname] = self
        self.register_kernel(device_types)(fn)

    @property
    def _qualname(self):
        return f"{self._namespace}::{self._name}"

    @property
    def _opoverload(self):
        import torch

        return getattr(getattr(torch.ops, self._namespace), self._name).default

    def __call__(self, *args, **kwargs):
        return self._operator(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._qualname})>"

    @contextlib.contextmanager
    def set_kernel_enabled(self, device_type, enabled=True):
        """Leave a device's kernel out, or use it again, for a block."""
        disabled = self._operator.disabled
        before = device_type in disabled
        (disabled.discard if enabled else disabled.add)(device_type)
        try:
            yield
        finally:
            (disabled.add if before else disabled.discard)(device_type)

    def register_kernel(self, device_types, fn=None):
        """Add a kernel for one or several device types; all of them without."""

        def register(fn):
            several = [device_types] if isinstance(device_types, str) else device_types
            for one in several or [None]:
                self._operator.register(one, fn)
            return fn

        return register if fn is None else register(fn)

    def register_fake(self, fn):
        """Keep the function that tells shapes: nothing is traced, so nothing calls it."""
        self._operator.fake = fn
        return fn

    def register_autograd(self, backward, *, setup_context=None) -> None:
        """Give the operator a backward."""
        self._operator.backward = backward
        self._operator.setup_context = setup_context

    def register_vmap(self, func=None):
        """Keep nothing: ``torch.vmap`` is not had here."""
        return func if func is not None else self.register_vmap


def _maybe_get_opdef(op):
    if isinstance(op, CustomOpDef):
        return op
    if isinstance(op, operators.OpOverload):
        op = op.name()
    return OPDEFS.get(op)

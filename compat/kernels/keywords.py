"""PyTorch's other names for arguments: ``axis`` for ``dim``, ``keepdims``, ``input`` by keyword."""

from __future__ import annotations

import functools

from oneflow_mock.compat.kernels import operands

_RENAMED = {"axis": "dim", "keepdims": "keepdim"}


def spelled(function, name=None, first="input"):
    """Return an operator that takes the keywords which NumPy's users write, and ``out``.

    ``function`` takes the tensor (or ``first``) by place; a call without keywords reaches it as
    it is.
    """
    name = name or function.__name__

    def operator(*args, **kwargs):
        if kwargs:
            if first in kwargs:
                args = (kwargs.pop(first), *args)
            for other, usual in _RENAMED.items():
                if other in kwargs:
                    kwargs[usual] = kwargs.pop(other)
            out = kwargs.pop("out", None)
            dtype = kwargs.pop("dtype", None)
            if dtype is not None:
                args = (args[0].to(dtype), *args[1:])
            if out is not None:
                return operands.written(function(*args, **kwargs), out)
            if dtype is not None:  # OneFlow's sum of int32 is int64
                answer = function(*args, **kwargs)
                return answer if answer.dtype is dtype else answer.to(dtype)
        return function(*args, **kwargs)

    functools.update_wrapper(operator, function, assigned=("__doc__",), updated=())
    operator.__name__ = operator.__qualname__ = name
    operator.__module__ = "torch"
    return operator

"""How tensors with Python attributes, and tensors of subclasses, come out of a file."""

from __future__ import annotations

import oneflow as flow
from torch._utils import _set_obj_state

Tensor = flow.Tensor


def _rebuild_from_type(func, type, args, dict):
    result = func(*args)
    if type is not Tensor:
        result = result.as_subclass(type)
        result.__dict__ = dict
    return result


def _rebuild_from_type_v2(func, new_type, args, state):
    result = func(*args)
    if type(result) is not new_type:
        result = result.as_subclass(new_type)
    setter = getattr(type(result), "__setstate__", Tensor.__setstate__)
    if setter is not Tensor.__setstate__:
        result.__setstate__(state)
        return result
    return _set_obj_state(result, state)

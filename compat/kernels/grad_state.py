"""OneFlow's switch for recording gradients, as a setting instead of a scope."""

from __future__ import annotations

import threading

import oneflow as flow
from oneflow._oneflow_internal.autograd import AutoGradMode

is_grad_enabled = flow._oneflow_internal.autograd.is_grad_enabled


class _State(threading.local):
    guard = None
    inference = False


_state = _State()


def set_grad_enabled(mode: bool) -> None:
    """Switch recording on or off for this thread, until it is switched again.

    OneFlow's guard puts the mode before it back when it dies, so the one before dies first.
    """
    _state.guard = None
    _state.guard = AutoGradMode(mode)


def is_inference_mode_enabled() -> bool:
    """Tell whether this thread is inside ``inference_mode``."""
    return _state.inference


def set_inference_mode(mode: bool) -> None:
    """Say whether this thread is inside ``inference_mode``."""
    _state.inference = mode

"""Switching the recording of gradients on and off: as a block, a decorator, or a call."""

from __future__ import annotations

from torch.utils._contextlib import _DecoratorContextManager, _NoParamDecoratorContextManager

from oneflow_mock.compat.kernels import grad_state

__all__ = [
    "no_grad",
    "enable_grad",
    "set_grad_enabled",
    "inference_mode",
    "set_multithreading_enabled",
]


class no_grad(_NoParamDecoratorContextManager):
    """Record no gradients: ``with no_grad():``, ``@no_grad`` or ``@no_grad()``."""

    def __init__(self) -> None:
        self.prev = False

    def __enter__(self) -> None:
        self.prev = grad_state.is_grad_enabled()
        grad_state.set_grad_enabled(False)

    def __exit__(self, exc_type, exc_value, traceback) -> None:
        grad_state.set_grad_enabled(self.prev)


class enable_grad(_NoParamDecoratorContextManager):
    """Record gradients again: ``with enable_grad():``, ``@enable_grad`` or ``@enable_grad()``."""

    def __enter__(self) -> None:
        self.prev = grad_state.is_grad_enabled()
        grad_state.set_grad_enabled(not grad_state.is_inference_mode_enabled())

    def __exit__(self, exc_type, exc_value, traceback) -> None:
        grad_state.set_grad_enabled(self.prev)


class set_grad_enabled(_DecoratorContextManager):
    """Record gradients or do not: from the call on, or for a block, or for a function."""

    def __init__(self, mode) -> None:
        self.prev = grad_state.is_grad_enabled()
        self.mode = mode
        grad_state.set_grad_enabled(bool(mode))

    def __call__(self, orig_func):
        grad_state.set_grad_enabled(self.prev)
        return super().__call__(orig_func)

    def __enter__(self) -> None:
        grad_state.set_grad_enabled(bool(self.mode))

    def __exit__(self, exc_type, exc_value, traceback) -> None:
        grad_state.set_grad_enabled(self.prev)

    def __str__(self) -> str:
        return f"torch.autograd.grad_mode.set_grad_enabled(mode={self.mode})"

    __repr__ = __str__

    def clone(self):
        """Return a manager that sets the same mode."""
        return self.__class__(self.mode)


class inference_mode(_DecoratorContextManager):
    """Record no gradients, as `no_grad`; ``inference_mode(False)`` leaves the mode again."""

    def __new__(cls, mode=True):
        if isinstance(mode, bool):
            return super().__new__(cls)
        return cls()(mode)

    def __init__(self, mode=True) -> None:
        self.mode = mode

    def __enter__(self) -> None:
        self._before = grad_state.is_grad_enabled(), grad_state.is_inference_mode_enabled()
        grad_state.set_inference_mode(self.mode)
        grad_state.set_grad_enabled(not self.mode)

    def __exit__(self, exc_type, exc_value, traceback) -> None:
        recording, inference = self._before
        grad_state.set_inference_mode(inference)
        grad_state.set_grad_enabled(recording)

    def clone(self):
        """Return a manager of the same mode."""
        return self.__class__(self.mode)


class set_multithreading_enabled(_DecoratorContextManager):
    """Let backward passes use several threads or not: OneFlow decides by itself."""

    def __init__(self, mode) -> None:
        self.mode = mode

    def __enter__(self) -> None:
        pass

    def __exit__(self, exc_type, exc_value, traceback) -> None:
        pass

    def clone(self):
        """Return a manager of the same mode."""
        return self.__class__(self.mode)

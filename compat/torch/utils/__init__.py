"""``torch.utils``."""

from __future__ import annotations

from oneflow_mock.compat import hooks


def set_module(obj, mod) -> None:
    """Set the module that an object says it is from."""
    if not isinstance(mod, str):
        raise TypeError("The mod argument should be a string")
    obj.__module__ = mod


def swap_tensors(t1, t2) -> None:
    """Exchange what two tensors hold: values, gradients and Python attributes."""
    if type(t1) is not type(t2):
        raise hooks.refuse("torch.utils.swap_tensors", "tensors of different classes")
    for one in (t1, t2):
        if not one.is_leaf:
            raise RuntimeError("Cannot swap t1 or t2 if it has a grad_fn")
    first, second = t1.detach(), t2.detach()
    wants = t1.requires_grad, t2.requires_grad
    grads = t1.grad, t2.grad
    t1.data, t2.data = second, first
    t1.requires_grad_(wants[1])
    t2.requires_grad_(wants[0])
    t1.grad, t2.grad = grads[1], grads[0]
    held = dict(t1.__dict__), dict(t2.__dict__)
    for one, values in ((t1, held[1]), (t2, held[0])):
        one.__dict__.clear()
        one.__dict__.update(values)

"""The recorded graph: hooks on what it saves."""

from __future__ import annotations

import contextlib

import oneflow as flow

from oneflow_mock.compat import hooks

__all__ = ["saved_tensors_hooks", "save_on_cpu", "disable_saved_tensors_hooks", "Node"]

Node = flow._oneflow_internal.FunctionNode


class saved_tensors_hooks:
    """Pack what a block's operators save for the backward pass, and unpack it there."""

    def __init__(self, pack_hook, unpack_hook) -> None:
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self) -> None:
        if _disabled:
            raise RuntimeError(_disabled[-1])
        flow._oneflow_internal.autograd.graph.append_new_hooks(self.pack_hook, self.unpack_hook)

    def __exit__(self, *args) -> None:
        flow._oneflow_internal.autograd.graph.pop_hooks()


_disabled: list = []


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message):
    """Let a block's `saved_tensors_hooks` fail with a message."""
    _disabled.append(error_message)
    try:
        yield
    finally:
        _disabled.pop()


class save_on_cpu(saved_tensors_hooks):
    """Keep what a block's operators save on the CPU, until the backward pass."""

    def __init__(self, pin_memory=False, device_type="cuda") -> None:
        def pack(tensor):
            kept = tensor.detach().to("cpu")
            return tensor.device, kept.pin_memory() if pin_memory else kept

        def unpack(packed):
            device, tensor = packed
            return tensor.to(device)

        super().__init__(pack, unpack)


def increment_version(tensor) -> None:
    """Do nothing: OneFlow does not count changes of a tensor."""


def get_gradient_edge(tensor):
    """Refuse: OneFlow's backward pass cannot start or end at an edge."""
    raise hooks.refuse("torch.autograd.graph.get_gradient_edge", "edges of the graph")


@contextlib.contextmanager
def allow_mutation_on_saved_tensors():
    """Refuse: OneFlow cannot tell that a saved tensor was changed."""
    raise hooks.refuse(
        "torch.autograd.graph.allow_mutation_on_saved_tensors",
        "OneFlow cannot tell that a saved tensor was changed",
    )
    yield

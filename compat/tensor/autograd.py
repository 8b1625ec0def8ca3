"""What a tensor tells and takes of gradients."""

from __future__ import annotations

from collections import OrderedDict

import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import devices, grad_names

_grad = flow.Tensor.grad.__get__
_set_grad = flow.Tensor.grad.__set__
_grad_fn = flow.Tensor.grad_fn.__get__
_register_hook = flow.Tensor.register_hook
_register_accumulated = flow.Tensor._register_post_grad_accumulation_hook
_retain_grad = flow.Tensor.retain_grad
_requires_grad = flow.Tensor.requires_grad_
_does_require_grad = flow.Tensor.requires_grad.__get__
_assign_requires_grad = flow.Tensor.requires_grad.__set__
_pin_memory = flow.Tensor.pin_memory
_backward = flow.Tensor.backward
_Node = flow._oneflow_internal.FunctionNode
_node_name = _Node.name
_next_nodes = _Node.next_functions.__get__

#: Where a tensor's ``__dict__`` keeps its hooks, which copies and pickles leave behind.
HOOKS = "_backward_hooks"
#: Where it notes that the gradient of a result is kept.
RETAINS = "_retains_grad"


def install(patches) -> None:
    """Let the nodes of the graph say what PyTorch's say."""
    for name, value in {
        "name": lambda self: grad_names.name_of(_node_name(self)),
        "__repr__": _node_repr,
        "__str__": _node_repr,
        "next_functions": property(_next_functions),
    }.items():
        patches.set(_Node, name, value)


def _node_repr(self):
    return f"<{self.name().rpartition('::')[2]} object at {hex(id(self))}>"


def _next_functions(self):
    return tuple((node, 0) for node in _next_nodes(self))


def _origin(self):
    """Return the node that made the tensor; None for one that no operation made."""
    return None if self.is_leaf else _grad_fn(self)


def _add_hook(self, hook):
    """Call ``hook(grad)`` when the gradient is known; what it returns takes its place."""
    from torch.utils.hooks import RemovableHandle

    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    table = self.__dict__.get(HOOKS)
    if table is None:
        table = OrderedDict()
        setattr(self, HOOKS, table)
        runs = _RunConjugate if self.is_complex() and not self.is_leaf else _Run
        _register_hook(self, runs(table))
    handle = RemovableHandle(table)
    table[handle.id] = hook
    return handle


class _Run:
    """What OneFlow calls, once, for all of a tensor's hooks."""

    __slots__ = ("table",)

    def __init__(self, table) -> None:
        self.table = table

    def __call__(self, grad):
        changed = None
        for hook in list(self.table.values()):
            answer = hook(grad)
            if answer is None:
                continue
            if not isinstance(answer, flow.Tensor):
                raise TypeError(f"expected Variable, but hook returned '{type(answer).__name__}'")
            grad = changed = answer
        return changed


class _RunConjugate(_Run):
    """The same for a complex result, whose gradient flows as its conjugate."""

    __slots__ = ()

    def __call__(self, grad):
        conj = hooks.native["conj"]
        changed = super().__call__(conj(grad))
        return None if changed is None else conj(changed)


def _add_accumulated_hook(self, hook):
    """Call ``hook(tensor)`` each time a gradient has been added to a leaf's.

    The tensor is held by its hook from then on.
    """
    from torch.utils.hooks import RemovableHandle

    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if not self.is_leaf:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    table = OrderedDict()
    handle = RemovableHandle(table)
    table[handle.id] = hook

    def run(grad):
        for one in list(table.values()):
            one(self)

    _register_accumulated(self, run)
    return handle


def _keep_grad(self):
    """Keep the gradient of a tensor that an operation made."""
    if not self.requires_grad:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if not self.is_leaf:
        _retain_grad(self)
        self.__dict__[RETAINS] = True


def _assign_grad(self, grad):
    """Set the gradient; one that is no tensor, or not like this one, would end the process."""
    if grad is not None:
        if not isinstance(grad, flow.Tensor):
            raise TypeError(
                "assigned grad expected to be a Tensor or None but got grad of type "
                + type(grad).__name__
            )
        if grad is self:
            raise RuntimeError("can't assign Variable as its own grad")
        if grad.shape != self.shape:
            raise RuntimeError(
                f"attempting to assign a gradient of size '{list(grad.shape)}' to a tensor of size "
                f"'{list(self.shape)}'. Please ensure that the gradient and the tensor are the "
                "same size"
            )
        if grad.dtype != self.dtype:
            raise RuntimeError(
                f"attempting to assign a gradient with dtype '{grad.dtype}' to a tensor with "
                f"grad_dtype '{self.dtype}'. The gradient must match the tensor's dtype"
            )
        if grad.device != self.device:
            raise RuntimeError(
                f"attempting to assign a gradient with device type '{grad.device.type}' to a "
                f"tensor with device type '{self.device.type}'. Please ensure that the gradient "
                "and the tensor are on the same device"
            )
    _set_grad(self, grad)


def _forget_grad(self):
    _set_grad(self, None)


def _require(self, requires_grad=True):
    """Set whether gradients of the tensor are computed, and return it."""
    if requires_grad and not self.is_floating_point():
        if not self.is_complex():
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        conjugate_gradient(self)
    return _requires_grad(self, requires_grad)


def _conjugated(grad):
    return hooks.native["conj"](grad)


def conjugate_gradient(leaf):
    """Have a complex leaf get its gradient, which flows as its conjugate (``dtypes.cpp``)."""
    if not leaf.requires_grad:
        _requires_grad(leaf, True)
        _register_hook(leaf, _conjugated)


def _set_requires_grad(self, requires_grad):
    if requires_grad and self.is_complex():
        conjugate_gradient(self)
    _assign_requires_grad(self, requires_grad)


def _detach_in_place(self):
    """Take the tensor out of the graph; OneFlow can only where it is a leaf."""
    if not self.is_leaf:
        raise hooks.refuse("torch.Tensor.detach_", "a tensor cannot leave the graph in place")
    return self.requires_grad_(False)


def _run_backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None):
    """Add gradients of the tensor to the graph's leaves, or to ``inputs`` only."""
    retain_graph = create_graph if retain_graph is None else retain_graph
    if self.is_lazy:
        return _backward(self, gradient, retain_graph, create_graph)
    if not self.requires_grad:
        raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")
    if gradient is None and self.numel() != 1:
        raise RuntimeError("grad can be implicitly created only for scalar outputs")
    if gradient is not None and gradient.is_complex() and inputs is None:
        gradient = hooks.native["conj"](gradient)
    try:
        if inputs is None:
            return _backward(self, gradient, retain_graph, create_graph)
        return _backward_to(self, inputs, gradient, retain_graph, create_graph)
    except Exception as error:
        if type(error).__name__ != "Exception":  # OneFlow's own, without a type that tells more
            raise
        raise _as_pytorch_says(str(error)) from None


def _backward_to(self, inputs, gradient, retain_graph, create_graph):
    import torch

    torch.autograd.backward(self, gradient, retain_graph, create_graph, inputs=inputs)


def _as_pytorch_says(text):
    """Return PyTorch's error for one of OneFlow's, which have no type of their own."""
    if "has been released" in text:
        return RuntimeError(
            "Trying to backward through the graph a second time (or directly access saved tensors "
            "after they have already been freed). Saved intermediate values of the graph are freed "
            "when you call .backward() or autograd.grad(). Specify retain_graph=True if you need "
            "to backward through the graph a second time or if you need to access saved tensors "
            "after calling backward."
        )
    return RuntimeError(text.strip().splitlines()[0])


def _pin(self, device=None):
    """Return the tensor in memory that a CUDA device can copy from by itself."""
    if not devices.cuda_count():
        raise RuntimeError("Cannot access accelerator device when none is available.")
    return _pin_memory(self)


def _share(self):
    """Let other processes see the memory: OneFlow sends tensors by copying."""
    hooks.record("torch.Tensor.share_memory_", "keyword", "memory is not shared")
    return self


METHODS = {
    "grad": property(_grad, _assign_grad, _forget_grad),
    "grad_fn": property(_origin),
    "register_hook": _add_hook,
    "register_post_accumulate_grad_hook": _add_accumulated_hook,
    "backward": _run_backward,
    "retain_grad": _keep_grad,
    "requires_grad": property(_does_require_grad, _set_requires_grad),
    "requires_grad_": _require,
    "detach_": _detach_in_place,
    "pin_memory": _pin,
    "share_memory_": _share,
    "retains_grad": property(lambda self: self.__dict__.get(RETAINS, False)),
    "output_nr": property(lambda self: 0),
}

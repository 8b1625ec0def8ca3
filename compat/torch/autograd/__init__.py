"""Gradients: going back through the graph that operators record."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import oneflow as flow
from oneflow._oneflow_internal import TensorTuple
from oneflow._oneflow_internal import autograd as engine
from torch.autograd import function, functional, grad_mode, graph, profiler  # noqa: F401
from torch.autograd.function import Function  # noqa: F401

from oneflow_mock.compat import hooks
from oneflow_mock.compat.tensor import autograd as nodes


def _as_tuple(value, count=None):
    if value is None and count is not None:
        return (None,) * count
    if isinstance(value, flow.Tensor):
        return (value,)
    return tuple(value)


def _start(outputs, given):
    """Return the gradients to start from: ones where none is given, for single elements."""
    made = []
    if len(given) < len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(given)} gradients")
    for place, (output, grad) in enumerate(zip(outputs, given)):
        if not output.requires_grad:
            raise RuntimeError(
                f"element {place} of tensors does not require grad and does not have a grad_fn"
            )
        if grad is None:
            if output.numel() != 1:
                raise RuntimeError("grad can be implicitly created only for scalar outputs")
            if output.is_complex():
                raise RuntimeError(
                    "grad can be implicitly created only for real scalar outputs but got "
                    f"{output.dtype}"
                )
            grad = flow.ones_like(output)
        elif not isinstance(grad, flow.Tensor):
            raise TypeError(
                "gradients can be either Tensors or None, but got " + type(grad).__name__
            )
        elif grad.shape != output.shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{place}] has a shape of {grad.shape} and "
                f"output[{place}] has a shape of {output.shape}."
            )
        # The gradient of a complex tensor flows as its conjugate.
        made.append(hooks.native["conj"](grad) if grad.is_complex() else grad)
    return made


def _reached(outputs) -> dict:
    """Return the nodes that the outputs were computed through, by identity."""
    found: dict = {}
    waiting = [nodes._grad_fn(output) for output in outputs]
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in found:
            continue
        found[id(node)] = node
        waiting.extend(nodes._next_nodes(node))
    return found


def grad(
    outputs,
    inputs,
    grad_outputs=None,
    retain_graph=None,
    create_graph=False,
    only_inputs=True,
    allow_unused=None,
    is_grads_batched=False,
    materialize_grads=False,
):
    """Return the gradients of outputs with respect to inputs."""
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
            "allow_unused=False."
        )
    if is_grads_batched:
        raise hooks.refuse("torch.autograd.grad", "batched gradients")
    if not only_inputs:
        warnings.warn(
            "only_inputs argument is deprecated and is ignored now (defaults to True). To "
            "accumulate gradient for other parts of the graph, please use "
            "torch.autograd.backward.",
            FutureWarning,
            stacklevel=2,
        )
    outputs, inputs = _as_tuple(outputs), _as_tuple(inputs)
    given = _start(outputs, _as_tuple(grad_outputs, len(outputs)))
    for one in inputs:
        if not one.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    reached = _reached(outputs)
    starts = {id(output) for output in outputs}
    used = [id(one) in starts or id(nodes._grad_fn(one)) in reached for one in inputs]
    tolerant = allow_unused or materialize_grads
    if not tolerant and not all(used):
        raise RuntimeError(
            f"The differentiated Tensor at index {used.index(False)} appears to not have been used "
            "in the graph. Set allow_unused=True if this is the desired behavior."
        )
    retain_graph = create_graph if retain_graph is None else retain_graph
    wanted = [one for one, is_used in zip(inputs, used) if is_used]
    found: list = []
    if wanted:
        found = list(_run(engine.grad, outputs, wanted, given, retain_graph, create_graph))
    results = [
        _result(one, found.pop(0)) if is_used else None for one, is_used in zip(inputs, used)
    ]
    if materialize_grads:
        results = [
            flow.zeros_like(one) if result is None else result
            for one, result in zip(inputs, results)
        ]
    return tuple(results)


def _result(input, gradient):
    """Return a gradient as the caller gets it; a leaf's hook has turned it already."""
    if gradient is None or input.is_leaf or not gradient.is_complex():
        return gradient
    return hooks.native["conj"](gradient)


def backward(
    tensors,
    grad_tensors=None,
    retain_graph=None,
    create_graph=False,
    grad_variables=None,
    inputs=None,
) -> None:
    """Add the gradients of tensors to the leaves of the graph, or to ``inputs`` only."""
    if grad_variables is not None:
        warnings.warn(
            "`grad_variables` is deprecated. Use `grad_tensors` instead.",
            FutureWarning,
            stacklevel=2,
        )
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to "
                "`backward()`. Please only use `grad_tensors`."
            )
        grad_tensors = grad_variables
    tensors = _as_tuple(tensors)
    given = _start(tensors, _as_tuple(grad_tensors, len(tensors)))
    retain_graph = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        _run(engine.backward, tensors, given, retain_graph, create_graph)
        return
    chosen = tuple(inputs.values()) if isinstance(inputs, Mapping) else _as_tuple(inputs)
    if not chosen:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    found = grad(tensors, chosen, grad_tensors, retain_graph, create_graph, allow_unused=True)
    for one, result in zip(chosen, found):
        if result is not None:
            one.grad = result if one.grad is None else one.grad + result


def _run(go, outputs, *arguments):
    """Call OneFlow's engine; its errors, which have no type of their own, become PyTorch's."""
    *lists, retain_graph, create_graph = arguments
    tuples = [TensorTuple(list(one)) for one in (outputs, *lists)]
    try:
        return go(*tuples, bool(retain_graph), bool(create_graph))
    except Exception as error:
        if type(error).__name__ != "Exception":
            raise
        raise nodes._as_pytorch_says(str(error)) from None


def variable(*args, **kwargs):
    """Raise: it is the name of a module's, kept from old times."""
    raise RuntimeError("torch.autograd.variable(...) is deprecated, use torch.tensor(...) instead")


def _is_checkpoint_valid() -> bool:
    return True

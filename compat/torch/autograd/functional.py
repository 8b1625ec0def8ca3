"""Jacobians, Hessians and products with them, by running the backward pass."""

from __future__ import annotations

import oneflow as flow

from oneflow_mock.compat import hooks

__all__ = ["vjp", "jvp", "jacobian", "hessian", "hvp", "vhp"]


def _as_tuple(value, name, function):
    if isinstance(value, flow.Tensor):
        return (value,), False
    if isinstance(value, (list, tuple)) and all(isinstance(one, flow.Tensor) for one in value):
        return tuple(value), True
    raise TypeError(
        f"The {name} given to {function} must be either a Tensor or a tuple of Tensors but the "
        f"given {name} has type {type(value)}."
    )


def _prepared(inputs, create_graph):
    """Return inputs that ask for gradients, apart from the caller's own unless graphs are kept."""
    made = []
    for one in inputs:
        if create_graph and one.requires_grad:
            made.append(one.view(one.shape))
        elif create_graph:
            made.append(one.detach().clone().requires_grad_())
        else:
            made.append(one.detach().requires_grad_())
    return tuple(made)


def _finished(values, create_graph):
    return tuple(values) if create_graph else tuple(one.detach() for one in values)


def _packed(values, several):
    return tuple(values) if several else values[0]


def _grads(outputs, inputs, vectors, create_graph, strict, who="The output"):
    """Return the gradients, zeros for inputs that the outputs do not depend on."""
    pairs = [(one, vector) for one, vector in zip(outputs, vectors) if one.requires_grad]
    found = [None] * len(inputs)
    if pairs:
        found = _unused_allowed(
            [one for one, _ in pairs], inputs, [vector for _, vector in pairs], create_graph
        )
    for place, (grad, one) in enumerate(zip(found, inputs)):
        if grad is None:
            if strict:
                raise RuntimeError(
                    f"{who} of the user-provided function is independent of input {place}. "
                    "This is not allowed in strict mode."
                )
            found[place] = flow.zeros_like(one)
    return found


def _unused_allowed(outputs, inputs, vectors, create_graph):
    import torch

    return list(
        torch.autograd.grad(
            outputs,
            inputs,
            vectors,
            retain_graph=True,
            create_graph=create_graph,
            allow_unused=True,
        )
    )


def _vectors(v, outputs, function):
    if v is None:
        if len(outputs) == 1 and outputs[0].numel() == 1:
            return (flow.ones_like(outputs[0]),)
        raise RuntimeError(
            "The vector v can only be None if the user-provided function returns a single Tensor "
            "with a single element."
            if function != "jvp"
            else "The vector v can only be None if the input to the user-provided function is a "
            "single Tensor with a single element."
        )
    vectors, _ = _as_tuple(v, "v", function)
    if len(vectors) != len(outputs):
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(outputs)} but got {len(vectors)}."
        )
    for place, (vector, one) in enumerate(zip(vectors, outputs)):
        if vector.shape != one.shape:
            prefix = "" if len(vectors) == 1 else f"Entry {place} in "
            raise RuntimeError(
                f"{prefix}v has invalid size: should be {one.shape} but got {vector.shape}."
            )
    return vectors


def vjp(func, inputs, v=None, create_graph=False, strict=False):
    """Return the outputs, and the product of a vector with the Jacobian."""
    with flow.enable_grad():
        inputs, several_in = _as_tuple(inputs, "inputs", "vjp")
        inputs = _prepared(inputs, create_graph)
        outputs, several_out = _as_tuple(
            func(*inputs), "outputs of the user-provided function", "vjp"
        )
        vectors = _vectors(v, outputs, "vjp")
        grads = _grads(outputs, inputs, vectors, create_graph, strict)
    return (
        _packed(_finished(outputs, create_graph), several_out),
        _packed(_finished(grads, create_graph), several_in),
    )


def jvp(func, inputs, v=None, create_graph=False, strict=False):
    """Return the outputs, and the product of the Jacobian with a vector, by going back twice."""
    with flow.enable_grad():
        inputs, _ = _as_tuple(inputs, "inputs", "jvp")
        inputs = _prepared(inputs, create_graph)
        vectors = _vectors(v, inputs, "jvp")
        outputs, several_out = _as_tuple(
            func(*inputs), "outputs of the user-provided function", "jvp"
        )
        dummies = tuple(flow.zeros_like(one).requires_grad_() for one in outputs)
        grads = _grads(outputs, inputs, dummies, True, strict)
        products = _grads(grads, dummies, vectors, create_graph, False)
    return (
        _packed(_finished(outputs, create_graph), several_out),
        _packed(_finished(products, create_graph), several_out),
    )


def jacobian(
    func, inputs, create_graph=False, strict=False, vectorize=False, strategy="reverse-mode"
):
    """Return the Jacobian of a function, one backward pass for each element of the output."""
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your '
            'function has more outputs than inputs, "forward-mode" tends to be more performant.'
        )
    if strategy == "forward-mode":
        raise hooks.refuse("torch.autograd.functional.jacobian", "forward mode")
    with flow.enable_grad():
        inputs, several_in = _as_tuple(inputs, "inputs", "jacobian")
        inputs = _prepared(inputs, create_graph)
        outputs, several_out = _as_tuple(
            func(*inputs), "outputs of the user-provided function", "jacobian"
        )
        rows = []
        for number, one in enumerate(outputs):
            flat = one.reshape(-1)
            columns: list = [[] for _ in inputs]
            for place in range(flat.numel()):
                unit = flow.zeros_like(flat)
                unit[place] = 1
                found = _grads([flat], inputs, [unit], create_graph, strict, f"Output {number}")
                for column, grad in zip(columns, found):
                    column.append(grad)
            rows.append(
                tuple(
                    flow.stack(column, 0).view((*one.shape, *source.shape))
                    if column
                    else flow.zeros(*one.shape, *source.shape, dtype=one.dtype)
                    for column, source in zip(columns, inputs)
                )
            )
        rows = [_packed(_finished(row, create_graph), several_in) for row in rows]
    return tuple(rows) if several_out else rows[0]


def _single(func, name):
    def run(*inputs):
        output = func(*inputs)
        if not isinstance(output, flow.Tensor):
            raise RuntimeError(f"The function given to {name} should return a single Tensor")
        if output.numel() != 1:
            raise RuntimeError(
                f"The Tensor returned by the function given to {name} should contain a single "
                "element"
            )
        return output.reshape(())

    return run


def hessian(
    func,
    inputs,
    create_graph=False,
    strict=False,
    vectorize=False,
    outer_jacobian_strategy="reverse-mode",
):
    """Return the Hessian of a function with a single element as output."""
    scalar = _single(func, "hessian")
    several = isinstance(inputs, (list, tuple))

    def gradient(*arguments):
        found = jacobian(scalar, arguments, create_graph=True, strict=strict)
        return found if several else found[0]

    return jacobian(gradient, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


def _gradient(func, inputs, name, create_graph, strict):
    scalar = _single(func, name)
    output = scalar(*inputs)
    return output, _grads([output], inputs, [flow.ones_like(output)], True, strict)


def vhp(func, inputs, v=None, create_graph=False, strict=False):
    """Return the output, and the product of a vector with the Hessian."""
    with flow.enable_grad():
        inputs, several = _as_tuple(inputs, "inputs", "vhp")
        inputs = _prepared(inputs, create_graph)
        vectors = _vectors(v, inputs, "vhp")
        output, gradient = _gradient(func, inputs, "vhp", create_graph, strict)
        products = _grads(gradient, inputs, vectors, create_graph, strict)
    return (
        _finished([output], create_graph)[0],
        _packed(_finished(products, create_graph), several),
    )


def hvp(func, inputs, v=None, create_graph=False, strict=False):
    """Return the output, and the product of the Hessian with a vector."""
    with flow.enable_grad():
        inputs, several = _as_tuple(inputs, "inputs", "hvp")
        inputs = _prepared(inputs, create_graph)
        vectors = _vectors(v, inputs, "hvp")
        output, gradient = _gradient(func, inputs, "hvp", create_graph, strict)
        dummies = tuple(flow.zeros_like(one).requires_grad_() for one in inputs)
        back = _grads(gradient, inputs, dummies, True, strict)
        products = _grads(back, dummies, vectors, create_graph, False)
    return (
        _finished([output], create_graph)[0],
        _packed(_finished(products, create_graph), several),
    )

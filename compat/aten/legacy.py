"""Tensor's older and rarer methods, those of one element after another among them."""

import warnings

import oneflow as flow


def fill_diagonal_(input, fill_value, wrap=False):
    """Fill the diagonal, of a tall matrix again and again where told (Tensor.fill_diagonal_)."""
    if input.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    shape = tuple(input.shape)
    if input.ndim > 2 and len(set(shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    rows = flow.arange(shape[0] if wrap and input.ndim == 2 else min(shape))
    if input.ndim == 2 and wrap:
        # One row of the wrapped diagonal is left out between one and the next.
        columns = rows % (shape[1] + 1)
        kept = flow.nonzero(columns < shape[1]).reshape(-1)
        rows, columns = rows[kept], columns[kept]
        input[rows, columns] = fill_value
    elif rows.numel():
        input[(rows,) * input.ndim] = fill_value
    return input


def map_(input, tensor, callable):
    """Replace each element by what a function makes of it and another one (Tensor.map_)."""
    return _mapped("map_", input, (tensor,), callable)


def map2_(input, x, y, callable):
    """Replace each element by what a function makes of it and two others (Tensor.map2_)."""
    return _mapped("map2_", input, (x, y), callable)


def _mapped(name, input, others, function):
    for one in (input, *others):
        if one.requires_grad:
            raise RuntimeError(
                f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() "
                "instead."
            )
    words = ("other",) if len(others) == 1 else ("x", "y")
    for word, one in zip(words, others):
        if one.dtype is not input.dtype:
            raise TypeError(f"{name}: expected {input.type()} for '{word}' (got {one.type()})")
    values = [one.expand(*input.shape).reshape(-1).tolist() for one in (input, *others)]
    found = [function(*given) for given in zip(*values)]
    answer = flow.tensor(found, dtype=input.dtype, device=input.device)
    return input.copy_(answer.reshape(input.shape)) if found else input


def resize(input, *sizes):
    """Return a view of another shape, as many elements as before (Tensor.resize)."""
    warnings.warn("non-inplace resize is deprecated", stacklevel=2)
    return _resized(input, sizes)


def resize_as(input, tensor):
    """Return a view of another tensor's shape (Tensor.resize_as)."""
    warnings.warn("non-inplace resize_as is deprecated", stacklevel=2)
    return _resized(input, tuple(tensor.shape))


def _resized(input, sizes):
    count = 1
    for size in sizes:
        count *= size
    if count != input.numel():
        raise RuntimeError(
            f"requested resize to {'x'.join(map(str, sizes))} ({count} elements in total), but the "
            f"given tensor has a size of {'x'.join(map(str, input.shape))} ({input.numel()} "
            "elements). autograd's resize can only change the shape of a given tensor, while "
            "preserving the number of elements. "
        )
    return input.contiguous().view(*sizes)


def const_data_ptr(input):
    """Return the address of the elements (Tensor.const_data_ptr)."""
    return input.data_ptr()


def module_load(input, other, assign=False):
    """Return what a parameter takes from a state dictionary (Tensor.module_load)."""
    return other.detach() if assign else input.copy_(other).detach()

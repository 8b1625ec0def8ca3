"""``torch.compiler``: a compiled function is the function itself, so nothing is ever compiling."""

from __future__ import annotations

import functools

from oneflow_mock.compat import hooks

_is_compiling_flag = False
_is_exporting_flag = False


def compile(*args, **kwargs):
    """Return what ``torch.compile`` returns."""
    import torch

    return torch.compile(*args, **kwargs)


def reset() -> None:
    """Forget compiled code: there is none."""


def is_compiling() -> bool:
    """Return False: code runs as Python."""
    return False


def is_dynamo_compiling() -> bool:
    """Return False: code runs as Python."""
    return False


def is_exporting() -> bool:
    """Return False: nothing is exported."""
    return False


def list_backends(exclude_tags=("debug", "experimental")):
    """Return the back ends by name: the one that runs Python as it is."""
    return [] if "debug" in (exclude_tags or ()) else ["eager"]


def allow_in_graph(fn):
    """Return the function or list of functions, as PyTorch does."""
    if isinstance(fn, (list, tuple)):
        return [allow_in_graph(one) for one in fn]
    assert callable(fn), "allow_in_graph expects a callable"
    return fn


def assume_constant_result(fn):
    """Return the function: it is called each time."""
    return fn


def disable(fn=None, recursive=True, *, reason=None):
    """Return the function: it runs as Python already; with or without parentheses."""
    return fn if fn is not None else functools.partial(disable, recursive=recursive)


def substitute_in_graph(original_fn, **kwargs):
    """Return a decorator that keeps the function it is given."""
    return lambda traceable_fn: traceable_fn


def cudagraph_mark_step_begin() -> None:
    """Mark a step of a CUDA graph: there is none."""


def wrap_numpy(fn):
    """Return a function that takes and gives tensors where ``fn`` takes and gives arrays."""
    import torch
    from torch.utils._pytree import tree_map_only

    @functools.wraps(fn)
    def wrapped(*args, **kwargs):
        import numpy

        args, kwargs = tree_map_only(torch.Tensor, lambda x: x.numpy(), (args, kwargs))
        out = fn(*args, **kwargs)
        return tree_map_only(numpy.ndarray, torch.as_tensor, out)

    return wrapped


class set_stance:
    """Say how compiled code is to behave; usable as a function, context manager or decorator."""

    def __init__(self, stance="default", *, skip_guard_eval_unsafe=False, force_backend=None):
        self.stance = stance

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error) -> None:
        pass

    def __call__(self, fn):
        return fn


def nested_compile_region(fn=None, *args, **kwargs):
    """Return the function: regions matter to a compiler only."""
    return fn if fn is not None else nested_compile_region


def set_enable_guard_collectives(enabled: bool) -> bool:
    """Return the setting before: compiled code has no guards here."""
    return False


def save_cache_artifacts():
    """Return None: nothing was compiled, so nothing can be kept."""
    return None


def load_compiled_function(*args, **kwargs):
    """Refuse: such a file holds compiled code."""
    raise hooks.refuse("torch.compiler.load_compiled_function", "the file holds compiled code")

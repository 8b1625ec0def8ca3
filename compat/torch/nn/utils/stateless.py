"""Calling a module with other parameters and buffers than its own."""

from __future__ import annotations

import contextlib
import warnings

__all__ = ["functional_call"]


def _tied(module) -> dict:
    """Return, for each name of a parameter or buffer, all names of the same tensor."""
    names: dict = {}
    for name, tensor in _named(module):
        names.setdefault(id(tensor), set()).add(name)
    return {name: group for group in names.values() for name in group}


def _named(module):
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)


def _holder(module, name):
    """Return the dictionary that holds a tensor, and the key; None where there is none."""
    *path, last = name.split(".")
    for part in path:
        module = module._modules.get(part)
        if module is None:
            return None
    for held in (module._parameters, module._buffers):
        if last in held:
            return held, last
    return None


def _check(module, given, wanted):
    missing, unexpected = sorted(set(wanted) - set(given)), sorted(set(given) - set(wanted))
    if missing or unexpected:
        text = f"Error(s) in reparametrizing for {type(module).__name__}:"
        for word, names in (("Unexpected", unexpected), ("Missing", missing)):
            if names:
                text += f"\n\t{word} key(s): {', '.join(map(repr, names))}."
        raise RuntimeError(text)


@contextlib.contextmanager
def _reparametrize_module(
    module, parameters_and_buffers, tie_weights=False, strict=False, stack_weights=False
):
    """Let a module hold other tensors for a block."""
    given = dict(parameters_and_buffers)
    groups = _tied(module)
    if tie_weights:
        for name in list(given):
            for other in groups.get(name, ()):
                if other not in given:
                    given[other] = given[name]
                elif given[other] is not given[name] and other in parameters_and_buffers:
                    raise ValueError(
                        f"functional_call got multiple values for keys {sorted(groups[name])}, "
                        "which are tied. Consider using tie_weights=False"
                    )
    if strict:
        _check(module, given, groups)
    saved = []
    try:
        for name, tensor in given.items():
            place = _holder(module, name)
            if place is not None:
                held, key = place
                saved.append((held, key, held[key]))
                held[key] = tensor
        yield
    finally:
        for held, key, tensor in reversed(saved):
            held[key] = tensor


def _functional_call(
    module, parameters_and_buffers, args=None, kwargs=None, *, tie_weights=True, strict=False
):
    if args is None:
        args = ()
    elif not isinstance(args, tuple):
        args = (args,)
    with _reparametrize_module(
        module, parameters_and_buffers, tie_weights=tie_weights, strict=strict
    ):
        return module(*args, **(kwargs or {}))


def functional_call(
    module, parameters_and_buffers, args=None, kwargs=None, *, tie_weights=True, strict=False
):
    """Call a module with other parameters and buffers: the name from before ``torch.func``."""
    warnings.warn(
        "This API is deprecated as of PyTorch 2.0 and will be removed in a future version of "
        "PyTorch. Please use torch.func.functional_call instead which is a drop-in replacement "
        "for this API.",
        FutureWarning,
        stacklevel=2,
    )
    return _functional_call(
        module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict
    )

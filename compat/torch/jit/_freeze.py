"""Freezing: the module that ``torch.jit.script`` gave back is the Python one already."""

from __future__ import annotations


def freeze(mod, preserved_attrs=None, optimize_numerics=True):
    """Return the module; like PyTorch's, only one in evaluation mode is taken."""
    if mod.training:
        raise RuntimeError(
            "Freezing is currently only implemented for modules in eval mode. "
            "Please call .eval() on your module before freezing."
        )
    return mod


def optimize_for_inference(mod, other_methods=None):
    """Return the module in evaluation mode: there is nothing to optimise further."""
    return mod.eval()

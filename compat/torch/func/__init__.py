"""Functions of functions: calling modules without their state."""

from __future__ import annotations

import oneflow as flow
from torch.nn.utils.stateless import _functional_call

__all__ = ["functional_call", "stack_module_state", "replace_all_batch_norm_modules_"]


def functional_call(
    module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights=True, strict=False
):
    """Call a module with other parameters and buffers, from one dictionary or several."""
    given = parameter_and_buffer_dicts
    if isinstance(given, (list, tuple)):
        if not all(isinstance(one, dict) for one in given):
            raise ValueError(
                "Expected all elements of parameter_and_buffer_dicts to be dictionaries"
            )
        names = [name for one in given for name in one]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(
                f"{repeated} appeared in multiple dictionaries; behavior of functional call is "
                "ambiguous"
            )
        given = {name: tensor for one in given for name, tensor in one.items()}
    elif not isinstance(given, dict):
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
            f"{type(given)}"
        )
    return _functional_call(module, given, args, kwargs, tie_weights=tie_weights, strict=strict)


def stack_module_state(models):
    """Return the parameters and the buffers of several like modules, stacked."""
    if len(models) == 0:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if not (all(one.training for one in models) or all(not one.training for one in models)):
        raise RuntimeError(
            "stack_module_state: Expected all models to have the same training/eval mode."
        )
    if not all(type(one) is type(models[0]) for one in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")

    def stacked(each):
        made = {}
        for name in each[0]:
            tensors = [one[name] for one in each]
            joined = flow.stack([tensor.detach() for tensor in tensors])
            made[name] = joined.requires_grad_(tensors[0].requires_grad)
        return made

    return (
        stacked([dict(one.named_parameters()) for one in models]),
        stacked([dict(one.named_buffers()) for one in models]),
    )


def replace_all_batch_norm_modules_(root):
    """Let a module's batch norms compute from the batch only."""
    for module in root.modules():
        if isinstance(module, flow.nn.modules.batchnorm._BatchNorm):
            module.track_running_stats = False
            module.running_mean = module.running_var = module.num_batches_tracked = None
    return root

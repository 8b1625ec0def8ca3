"""torch.nn.utils.clip_grad: gradients held below a norm or a value."""

import functools
import types
import warnings

import oneflow as flow
import torch

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import stepping


def _no_grad(func):
    @functools.wraps(func)
    def quiet(*args, **kwargs):
        with flow.no_grad():
            return func(*args, **kwargs)

    return quiet


def _listed(tensors):
    return [tensors] if isinstance(tensors, flow.Tensor) else list(tensors)


def _norm(tensor, order):
    tensor = tensor.detach()
    if hooks.kernels and not tensor.is_cuda:
        return torch.linalg.vector_norm(tensor, order)
    if tensor.dtype == flow.bfloat16:  # which OneFlow does not sum on a CPU
        return _norm(tensor.float(), order).to(flow.bfloat16)
    if order == 2.0:
        return (tensor * tensor).sum().sqrt()
    if order == float("inf"):
        return tensor.abs().max()
    return flow.linalg.vector_norm(tensor, order)


@_no_grad
def _get_total_norm(tensors, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Return the norm of tensors as of one vector."""
    tensors = _listed(tensors)
    order = float(norm_type)
    if not tensors:
        return torch.tensor(0.0)
    device = tensors[0].device
    norms = stepping.norms(tensors) if order == 2.0 else None
    if norms is not None:
        total = _norm(norms, order).to(tensors[0].dtype)
    else:
        total = _norm(flow.stack([_norm(tensor, order).to(device) for tensor in tensors]), order)
    if error_if_nonfinite and not bool(torch.isfinite(total)):
        raise RuntimeError(
            f"The total norm of order {order} for gradients from `parameters` is non-finite, so "
            "it cannot be clipped. To disable this error and scale the gradients by the "
            "non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    return total


@_no_grad
def _clip_grads_with_norm_(parameters, max_norm, total_norm, foreach=None):
    """Scale gradients so that their norm, which is given, does not exceed ``max_norm``."""
    grads = [param.grad for param in _listed(parameters) if param.grad is not None]
    if not grads:
        return
    total_norm = total_norm if total_norm.dtype == flow.float64 else total_norm.float()
    factor = torch.clamp(float(max_norm) / (total_norm + 1e-6), max=1.0)
    if stepping.scale(grads, factor):
        return
    for grad in grads:
        grad.mul_(factor.to(grad.device))


@_no_grad
def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Scale gradients so that their norm, as of one vector, is at most ``max_norm``.

    Returns the norm before.
    """
    generated = isinstance(parameters, types.GeneratorType)
    parameters = _listed(parameters)
    if generated and not parameters:
        warnings.warn(
            "`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=3
        )
    grads = [param.grad for param in parameters if param.grad is not None]
    total = _get_total_norm(grads, norm_type, error_if_nonfinite, foreach)
    _clip_grads_with_norm_(parameters, max_norm, total, foreach)
    return total


def clip_grad_norm(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """`clip_grad_norm_`, under its older name."""
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of "
        "`torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


@_no_grad
def clip_grad_value_(parameters, clip_value, foreach=None):
    """Hold every element of the gradients within ± ``clip_value``."""
    bound = float(clip_value)
    for param in _listed(parameters):
        if param.grad is not None:
            param.grad.clamp_(min=-bound, max=bound)

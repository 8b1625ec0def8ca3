"""Normalization with its statistics (ATen's ``native_*_norm``)."""

import torch

from oneflow_mock.compat.kernels import halves, norms
from oneflow_mock.compat.kernels.operands import empty_of


def native_layer_norm(input, normalized_shape, weight, bias, eps):
    """Return the normalized input, the means and the reciprocal deviations."""
    shape = tuple(normalized_shape)
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
            "element, but got normalized_shape = []"
        )
    if tuple(input.shape[input.ndim - len(shape) :]) != shape or input.ndim < len(shape):
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape [*, "
            f"{', '.join(map(str, shape))}], but got input of size{list(input.shape)}"
        )
    for name, tensor in (("weight", weight), ("bias", bias)):
        if tensor is not None and tuple(tensor.shape) != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list(tensor.shape)} and normalized_shape = {list(shape)}"
            )
    dims = list(range(input.ndim - len(shape), input.ndim))
    if not input.numel():
        kept = [1 if d in dims else n for d, n in enumerate(input.shape)]
        return empty_of(input, input.shape), input.new_zeros(kept), input.new_zeros(kept)
    if input.dtype in halves.HALVES:
        answer = norms.layer_norm(input, len(shape), weight, bias, eps)
        return (answer, *_moments(input.detach(), dims, True, eps))
    mean = input.mean(dim=dims, keepdim=True)
    scale = torch.rsqrt(torch.var(input, dims, False, True) + eps)
    return _affine((input - mean) * scale, weight, bias), mean.detach(), scale.detach()


def _moments(input, dims, keepdim, eps, stepped=False):
    """Return means and reciprocal deviations of halves; the variance is rounded where told."""
    values = input.float()
    mean = values.mean(dim=dims, keepdim=keepdim)
    variance = torch.var(values, dims, False, keepdim)
    if stepped and input.dtype == torch.bfloat16:
        count = input.numel() // max(variance.numel(), 1)
        variance = ((variance * count).to(input.dtype) / count).float()
    scale = torch.rsqrt(variance + eps)
    return mean.to(input.dtype), scale.to(input.dtype)


def _affine(answer, weight, bias):
    answer = answer if weight is None else answer * weight
    return answer if bias is None else answer + bias


def native_group_norm(input, weight, bias, N, C, HxW, group, eps):
    """Return the normalized input, the means and the reciprocal deviations of groups."""
    rows = input.reshape(N, group, (C // group) * HxW)
    if input.dtype in halves.HALVES and input.numel():
        answer = norms.group_norm(input, group, weight, bias, eps)
        return (answer, *_moments(rows, [2], False, eps))
    mean = rows.mean(dim=2)
    scale = torch.rsqrt(torch.var(rows, 2, False) + eps)
    answer = ((rows - mean.unsqueeze(2)) * scale.unsqueeze(2)).reshape(input.shape)
    shape = [1, C] + [1] * (input.ndim - 2)
    weight = None if weight is None else weight.reshape(*shape)
    bias = None if bias is None else bias.reshape(*shape)
    return _affine(answer, weight, bias), mean, scale


def native_batch_norm(
    input, weight, bias, running_mean, running_var, training, momentum, eps, *, out=None
):
    """Return the normalized input, the means and the reciprocal deviations of channels."""
    dims = [d for d in range(input.ndim) if d != 1]
    if input.dtype in halves.HALVES and input.numel():
        answer = norms.batch_norm(
            input, running_mean, running_var, weight, bias, training, momentum, eps
        )
        if training:
            saved = _moments(input.detach(), dims, False, eps, True)
        else:
            saved = input.new_zeros(0), input.new_zeros(0)
        answer = (answer, *saved)
        return answer if out is None else tuple(p.copy_(one) for p, one in zip(out, answer))
    shape = [-1 if d == 1 else 1 for d in range(input.ndim)]
    if training:
        mean = input.mean(dim=dims)
        variance = torch.var(input, dims, False)
        scale = torch.rsqrt(variance + eps)
        count = input.numel() // input.shape[1]
        for running, value in (
            (running_mean, mean),
            (running_var, variance * (count / max(count - 1, 1))),
        ):
            if running is not None:
                running.copy_(running * (1 - momentum) + value.detach() * momentum)
        saved = mean.detach(), scale.detach()
    else:
        mean, scale = running_mean, torch.rsqrt(running_var + eps)
        saved = input.new_zeros(0), input.new_zeros(0)
    answer = (input - mean.reshape(*shape)) * scale.reshape(*shape)
    weight = None if weight is None else weight.reshape(*shape)
    bias = None if bias is None else bias.reshape(*shape)
    answer = (_affine(answer, weight, bias), *saved)
    if out is None:
        return answer
    return tuple(place.copy_(one) for place, one in zip(out, answer))

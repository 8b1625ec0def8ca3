"""Losses of float16 and bfloat16, with the roundings of PyTorch's kernels and gradients."""

from __future__ import annotations

import torch

from oneflow_mock.compat.kernels.halves import stepped, wide


def _reduced(loss, reduction):
    if reduction == "none":
        return loss
    return loss.mean() if reduction == "mean" else loss.sum()


def _share(input, reduction):
    """Return one element's part in the loss, in the input's dtype."""
    part = 1.0 / input.numel() if reduction == "mean" and input.numel() else 1.0
    return torch.tensor(part, dtype=input.dtype)


def _averaged(grad, input, reduction):
    return grad / input.numel() if reduction == "mean" else grad


def _mse_gradient(grad, loss, input, target, reduction):
    factor = torch.tensor(
        2.0 / input.numel() if reduction == "mean" and input.numel() else 2.0, dtype=input.dtype
    )
    return factor * (input - target) * grad


def _squares(input, target, reduction):
    gap = input - target
    return _reduced(gap * gap, reduction)


#: (input, target, reduction)
mse = stepped(
    _squares,
    _mse_gradient,
    lambda grad, loss, input, target, reduction: (
        -_mse_gradient(grad, loss, input, target, reduction)
    ),
    steps=True,
)


def _smooth(input, target, beta, reduction):
    size = (wide(input) - wide(target)).abs()
    loss = torch.where(size < beta, 0.5 * size * size / (beta or 1.0), size - 0.5 * beta)
    return _reduced(loss.to(input.dtype), reduction)


def _smooth_gradient(grad, loss, input, target, beta, reduction):
    gap, scale = wide(input) - wide(target), wide(grad)
    if reduction == "mean" and input.numel():
        scale = scale * (1.0 / input.numel())
    slope = torch.where(gap.abs() < beta, scale * gap / (beta or 1.0), torch.sign(gap) * scale)
    return slope.to(input.dtype)


#: (input, target, beta, reduction)
smooth_l1 = stepped(
    _smooth,
    _smooth_gradient,
    lambda *values: -_smooth_gradient(*values),
    steps=True,
)


def _huber(input, target, delta, reduction):
    size = (wide(input) - wide(target)).abs()
    loss = torch.where(size < delta, 0.5 * size * size, delta * (size - 0.5 * delta))
    return _reduced(loss.to(input.dtype), reduction)


def _huber_gradient(grad, loss, input, target, delta, reduction):
    gap, bound = input - target, torch.tensor(delta, dtype=input.dtype)
    share = _share(input, reduction)
    beyond = torch.sign(gap) * (share * grad * bound)
    return torch.where(gap.abs() < bound, share * gap * grad, beyond)


#: (input, target, delta, reduction)
huber = stepped(
    _huber,
    _huber_gradient,
    lambda *values: -_huber_gradient(*values),
    steps=True,
)


def _entropy(input, target, weight, reduction):
    below = torch.log1p(-input).clamp(min=-100)
    loss = (target - 1) * below - target * torch.log(input).clamp(min=-100)
    return _reduced(loss if weight is None else loss * weight, reduction)


def _entropy_gradient(grad, loss, input, target, weight, reduction):
    slope = grad * (input - target) / ((1 - input) * input).clamp(min=1e-12)
    return _averaged(slope if weight is None else slope * weight, input, reduction)


def _entropy_target_gradient(grad, loss, input, target, weight, reduction):
    slope = -torch.logit(input) * grad
    return _averaged(slope if weight is None else slope * weight, input, reduction)


#: (input, target, weight or None, reduction)
binary_cross_entropy = stepped(_entropy, _entropy_gradient, _entropy_target_gradient, steps=True)


def _log_sigmoid(input):
    return torch.nn.functional.logsigmoid(input)


def _logits(input, target, weight, pos_weight, reduction):
    logs = _log_sigmoid(input)
    if pos_weight is not None:
        logs = ((pos_weight - 1) * target + 1) * logs
    loss = (1 - target) * input - logs
    return _reduced(loss if weight is None else loss * weight, reduction)


def _logits_gradient(grad, loss, input, target, weight, pos_weight, reduction):
    if pos_weight is None:
        slope = (torch.sigmoid(input) - target) * grad
    else:
        wanted = pos_weight * target
        slope = (((wanted + 1) - target) * torch.sigmoid(input) - wanted) * grad
    return _averaged(slope if weight is None else slope * weight, input, reduction)


def _logits_target_gradient(grad, loss, input, target, weight, pos_weight, reduction):
    if pos_weight is None:
        slope = -input * grad
    else:
        slope = (_log_sigmoid(-input) - _log_sigmoid(input) * pos_weight) * grad
    return _averaged(slope if weight is None else slope * weight, input, reduction)


#: (input, target, weight or None, pos_weight or None, reduction)
binary_cross_entropy_with_logits = stepped(
    _logits, _logits_gradient, _logits_target_gradient, steps=True
)


def _soft_margin(input, target, reduction):
    return _reduced(torch.log1p(torch.exp(-target * input)), reduction)


def _soft_margin_gradient(grad, loss, input, target, reduction):
    size = torch.exp(-target * input)
    part = -1.0 / input.numel() if reduction == "mean" and input.numel() else -1.0
    return target * size * part / (size + 1) * grad


#: (input, target, reduction)
soft_margin = stepped(
    _soft_margin,
    _soft_margin_gradient,
    lambda grad, loss, input, target, reduction: _soft_margin_gradient(
        grad, loss, target, input, reduction
    ),
    steps=True,
)


def added_up(values):
    """Return the sum of a vector of halves, rounded at each addition, by lots as PyTorch has it."""
    if not values.shape[0]:
        return values.sum()
    first, values = values[0], values[1:]
    while values.shape[0] > 1:
        count = values.shape[0]
        lot = min(count, 16)
        rest = -count % lot
        if rest:
            values = torch.cat([values, values.new_zeros(rest)])
        rows = values.reshape(-1, lot)
        total = rows[:, 0]
        for place in range(1, lot):
            total = total + rows[:, place]
        values = total
    return values[0] + first if values.shape[0] else first


def _likelihood(input, target, weight, scale, reduction):
    loss = -input.gather(1, target.unsqueeze(1)).squeeze(1) * scale
    if reduction == "none":
        return loss
    total = added_up(loss.reshape(-1))
    return total / added_up(scale.reshape(-1)) if reduction == "mean" else total


def _likelihood_gradient(grad, loss, input, target, weight, scale, reduction):
    if reduction == "mean":
        grad = grad / added_up(scale.reshape(-1))
    places = torch.zeros_like(input)
    return places.scatter(1, target.unsqueeze(1), (-grad * scale).unsqueeze(1))


#: (log-probabilities (N, C, *), classes (N, *), weight of classes or None, of targets, reduction)
nll = stepped(_likelihood, _likelihood_gradient, steps=True)

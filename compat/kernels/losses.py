"""The losses of torch.nn.functional, with PyTorch's keywords, on OneFlow's operators.

``size_average`` and ``reduce`` are the older spelling of ``reduction``.
"""

from __future__ import annotations

import math
import warnings

import oneflow as flow
import torch
import torch.nn.functional as F

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import half_losses, halves

_native = hooks.native.get("cross_entropy")
_squared_error = hooks.native.get("squared_error", lambda *args: None)


def reduced(loss, reduction):
    """Return the mean, the sum or the loss itself."""
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise ValueError(f"{reduction} is not a valid value for reduction")


def _chosen(reduction, size_average, reduce):
    """Return the reduction that was asked for, in whatever spelling."""
    if size_average is None and reduce is None:
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"{reduction} is not a valid value for reduction")
        return reduction
    if reduce is False:
        chosen = "none"
    else:
        chosen = "sum" if size_average is False else "mean"
    warnings.warn(
        "size_average and reduce args will be deprecated, please use reduction='"
        f"{chosen}' instead.",
        stacklevel=3,
    )
    return chosen


def _matched(input, target):
    """Return both at one shape, with PyTorch's warning where they had two."""
    if tuple(input.shape) == tuple(target.shape):
        return input, target
    warnings.warn(
        f"Using a target size ({target.shape}) that is different to the input size "
        f"({input.shape}). This will likely lead to incorrect results due to broadcasting. "
        "Please ensure they have the same size.",
        stacklevel=3,
    )
    return torch.broadcast_tensors(input, target)


def mse_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """The squared differences."""
    reduction = _chosen(reduction, size_average, reduce)
    input, target = _matched(input, target)
    if weight is not None:
        loss = (input - target) ** 2 * weight
        return loss.sum() / weight.sum() if reduction == "mean" else reduced(loss, reduction)
    if halves.is_half(input) and target.dtype is input.dtype:
        return half_losses.mse(input, target, reduction)
    if reduction != "none":
        loss = _squared_error(input, target, reduction == "mean")
        if loss is not None:
            return loss
    return flow._C.mse_loss(input, target, reduction)


def l1_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """The absolute differences."""
    reduction = _chosen(reduction, size_average, reduce)
    input, target = _matched(input, target)
    loss = (input - target).abs()
    if weight is not None:
        loss = loss * weight
        if reduction == "mean":
            return loss.sum() / weight.sum()
    return reduced(loss, reduction)


def cross_entropy(
    input,
    target,
    weight=None,
    size_average=None,
    ignore_index=-100,
    reduce=None,
    reduction="mean",
    label_smoothing=0.0,
):
    """The cross entropy of logits (N, C, *) and classes (N, *) or probabilities (N, C, *)."""
    reduction = _chosen(reduction, size_average, reduce)
    of_classes = not target.is_floating_point()
    if of_classes and _native is not None and input.ndim > 1 and not halves.is_half(input):
        # Smoothed, the loss has a gradient by the weight too.
        ready = weight is None or not (weight.requires_grad or weight.is_cuda)
        if ready and not (input.is_cuda or input.is_lazy):
            return _native_cross_entropy(
                input, target, weight, ignore_index, reduction, label_smoothing
            )
    plain = of_classes and weight is None and not label_smoothing and not halves.is_half(input)
    if plain and input.ndim == 2 and target.ndim == 1 and input.shape[0]:
        return flow._C.cross_entropy(input, target, None, ignore_index, reduction, 0.0)
    if input.ndim == 1:
        loss = cross_entropy(
            input.unsqueeze(0),
            target.unsqueeze(0),
            weight,
            ignore_index=ignore_index,
            reduction=reduction,
            label_smoothing=label_smoothing,
        )
        return loss.squeeze(0) if reduction == "none" else loss
    logs = torch.log_softmax(input, 1)
    classes = input.shape[1]
    lead = (1, classes) + (1,) * (input.ndim - 2)
    weighted = logs if weight is None else logs * weight.reshape(lead)
    if target.is_floating_point():
        wanted = target * (1 - label_smoothing) + label_smoothing / classes
        loss = -(weighted * wanted).sum(1)
        if reduction == "mean":
            return loss.sum() / (input.numel() / classes)
        return reduced(loss, reduction)
    loss = F.nll_loss(logs, target, weight, ignore_index=ignore_index, reduction=reduction)
    if not label_smoothing:
        return loss
    kept = (target != ignore_index).to(logs.dtype)
    smooth = -weighted.sum(1) * kept
    if reduction == "mean":
        scale = kept
        if weight is not None:
            known = torch.where(target != ignore_index, target, torch.zeros_like(target))
            scale = kept * weight[known.reshape(-1)].reshape(known.shape)
        smooth = smooth.sum() / scale.sum()
    else:
        smooth = reduced(smooth, reduction)
    return (1 - label_smoothing) * loss + label_smoothing / classes * smooth


def _native_cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing):
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(
            f"label_smoothing must be between 0.0 and 1.0. Got: {float(label_smoothing):g}"
        )
    classes = input.shape[1]
    # The kernel passes over what is no class; here is found out whether that is right.
    known = target.numpy()
    inside = (known >= 0) & (known < classes)
    counted = int(inside.sum())
    if 0 <= ignore_index < classes or counted < known.size:
        ignored = known == ignore_index
        if not (inside | ignored).all():
            wrong = known[~(inside | ignored)].flat[0]
            raise IndexError(f"Target {wrong} is out of bounds.")
        if 0 <= ignore_index < classes:
            counted -= int(ignored.sum())
            target = torch.where(target == ignore_index, -1, target)
    loss, weights = _native(input, target.to(flow.int64), weight, label_smoothing)
    if reduction != "mean":
        return reduced(loss, reduction)
    if weight is not None:
        return loss.sum() / weights.sum()
    if counted == known.size and counted:
        return loss.mean()
    return loss.sum() / counted if counted else loss.sum() * math.nan


def binary_cross_entropy(
    input, target, weight=None, size_average=None, reduce=None, reduction="mean"
):
    """The cross entropy of probabilities and targets."""
    reduction = _chosen(reduction, size_average, reduce)
    if tuple(input.shape) != tuple(target.shape):
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}) is deprecated. Please ensure they have the same size."
        )
    if weight is not None:
        weight = weight.expand(input.shape)
    if halves.is_half(input) and target.dtype is input.dtype:
        return half_losses.binary_cross_entropy(input, target, weight, reduction)
    return flow._C.binary_cross_entropy_loss(input, target, weight, reduction)


def binary_cross_entropy_with_logits(
    input,
    target,
    weight=None,
    size_average=None,
    reduce=None,
    reduction="mean",
    pos_weight=None,
):
    """The cross entropy of logits and targets."""
    reduction = _chosen(reduction, size_average, reduce)
    if tuple(input.shape) != tuple(target.shape):
        raise ValueError(
            f"Target size ({target.shape}) must be the same as input size ({input.shape})"
        )
    if halves.is_half(input) and target.dtype is input.dtype:
        return half_losses.binary_cross_entropy_with_logits(
            input, target, weight, pos_weight, reduction
        )
    positive = F.softplus(-input)
    if pos_weight is None:
        loss = (1 - target) * input + positive
    else:
        loss = (1 - target) * input + ((pos_weight - 1) * target + 1) * positive
    return reduced(loss if weight is None else loss * weight, reduction)


def kl_div(input, target, size_average=None, reduce=None, reduction="mean", log_target=False):
    """The Kullback-Leibler divergence of log-probabilities from a target."""
    if reduction == "batchmean" and size_average is None and reduce is None:
        total = kl_div(input, target, reduction="sum", log_target=log_target)
        return total / input.shape[0] if input.ndim else total
    reduction = _chosen(reduction, size_average, reduce)
    if reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support "
            "size.'batchmean' divides only by the batch size, and aligns with the KL div math "
            "definition.'mean' will be changed to behave the same as 'batchmean' in the next "
            "major release.",
            stacklevel=2,
        )
    if halves.is_half(input):
        if log_target:
            loss = torch.exp(target) * (target - input)
        else:
            loss = torch.xlogy(target, target) - target * input
        return reduced(loss, reduction)
    return flow._C.kl_div_loss(input, target, log_target, reduction)


def poisson_nll_loss(
    input,
    target,
    log_input=True,
    full=False,
    size_average=None,
    eps=1e-8,
    reduce=None,
    reduction="mean",
):
    """The negative log likelihood of counts by a Poisson distribution."""
    reduction = _chosen(reduction, size_average, reduce)
    if log_input:
        loss = torch.exp(input) - target * input
    else:
        loss = input - target * torch.log(input + eps)
    if full:
        stirling = target * torch.log(target) - target + 0.5 * torch.log(2 * math.pi * target)
        loss = loss + torch.where(target > 1, stirling, torch.zeros_like(stirling))
    return reduced(loss, reduction)


def gaussian_nll_loss(input, target, var, full=False, eps=1e-6, reduction="mean"):
    """The negative log likelihood of targets by normal distributions."""
    if isinstance(var, float):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = var * torch.ones_like(input)
    elif bool((var < 0).any()):
        raise ValueError("var has negative entry/entries")
    if tuple(var.shape) != tuple(input.shape):
        if tuple(input.shape[:-1]) == tuple(var.shape):
            var = var.unsqueeze(-1)
        elif not (
            input.ndim == var.ndim
            and sum(own for one, own in zip(input.shape, var.shape) if one != own) == 1
        ):
            raise ValueError("var is of incorrect size")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(reduction + " is not valid")
    # The bound is no part of the graph: a variance below it still gets a gradient.
    var = var + (var.detach().clamp(min=eps) - var.detach())
    loss = 0.5 * (torch.log(var) + (input - target) ** 2 / var)
    return reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


def hinge_embedding_loss(
    input, target, margin=1.0, size_average=None, reduce=None, reduction="mean"
):
    """The input where the target is 1, what it lacks of the margin where it is -1."""
    reduction = _chosen(reduction, size_average, reduce)
    zeros = torch.zeros_like(input)
    far = torch.where(target == 1, zeros, torch.clamp(torch.rsub(input, margin), min=0))
    near = torch.where(target == -1, zeros, input)
    return reduced(far + near, reduction)


def soft_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """The logistic loss of targets 1 and -1."""
    reduction = _chosen(reduction, size_average, reduce)
    if halves.is_half(input) and target.dtype is input.dtype:
        return half_losses.soft_margin(*torch.broadcast_tensors(input, target), reduction)
    return reduced(torch.log1p(torch.exp(-target * input)), reduction)


def cosine_embedding_loss(
    input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"
):
    """One minus the cosine where the target is 1, what exceeds the margin where it is -1."""
    reduction = _chosen(reduction, size_average, reduce)
    if not input1.is_floating_point():
        input1 = input1.float()
    if not input2.is_floating_point():
        input2 = input2.float()
    tiny = torch.finfo(input1.dtype).eps
    product = (input1 * input2).sum(-1)
    first, second = (input1 * input1).sum(-1) + tiny, (input2 * input2).sum(-1) + tiny
    cosine = product / torch.sqrt(first * second)
    zeros = torch.zeros_like(cosine)
    alike = torch.where(target == 1, 1 - cosine, zeros)
    apart = torch.where(target == -1, torch.clamp(cosine - margin, min=0), zeros)
    return reduced(alike + apart, reduction)


def margin_ranking_loss(
    input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"
):
    """What the first input, by the target's sign, is not ahead of the second by the margin."""
    reduction = _chosen(reduction, size_average, reduce)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.shape}, input2: {input2.shape}, target: {target.shape} "
        )
    return reduced(torch.clamp(-target * (input1 - input2) + margin, min=0), reduction)


def multilabel_soft_margin_loss(
    input, target, weight=None, size_average=None, reduce=None, reduction="mean"
):
    """The binary cross entropy of logits, averaged over the classes."""
    reduction = _chosen(reduction, size_average, reduce)
    loss = target * F.softplus(-input) + (1 - target) * F.softplus(input)
    loss = loss if weight is None else loss * weight
    return reduced(loss.sum(-1) / input.shape[-1], reduction)


def multi_margin_loss(
    input,
    target,
    p=1,
    margin=1.0,
    weight=None,
    size_average=None,
    reduce=None,
    reduction="mean",
):
    """By how much other classes come within the margin of the right one."""
    reduction = _chosen(reduction, size_average, reduce)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.ndim != 1:
        raise ValueError("weight must be one-dimensional")
    if target.dtype != torch.int64:
        raise RuntimeError("multi_margin_loss: expected targets of int64")
    rows = input.reshape(1, -1) if input.ndim < 2 else input
    classes = target.reshape(-1)
    right = rows.gather(1, classes.unsqueeze(1))
    loss = torch.clamp(margin - right + rows, min=0)
    loss = loss if p == 1 else loss * loss
    if weight is not None:
        loss = loss * weight[classes].unsqueeze(1)
    others = F.one_hot(classes, rows.shape[1]) == 0
    loss = (loss * others.to(loss.dtype)).sum(1) / rows.shape[1]
    return reduced(loss.squeeze(0) if target.ndim == 0 else loss, reduction)


def multilabel_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """By how much other classes come within one of each right class; targets end at -1."""
    reduction = _chosen(reduction, size_average, reduce)
    alone = input.ndim < 2
    if target.dtype != torch.int64:
        raise RuntimeError("multilabel_margin_loss: expected targets of int64")
    if input.ndim > 1 and target.shape != input.shape:
        raise RuntimeError(
            f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}"
        )
    rows = input.reshape(1, -1) if alone else input
    labels = target.reshape(1, -1) if alone else target
    ended = torch.cumsum((labels < 0).to(torch.int64), 1) > 0
    classes = torch.where(ended, torch.zeros_like(labels), labels)
    valid = (~ended).to(rows.dtype)
    right = rows.gather(1, classes)
    chosen = (F.one_hot(classes, rows.shape[1]).to(rows.dtype) * valid.unsqueeze(2)).sum(1)
    others = (chosen == 0).to(rows.dtype)
    gaps = torch.clamp(1 - right.unsqueeze(2) + rows.unsqueeze(1), min=0)
    gaps = gaps * valid.unsqueeze(2) * others.unsqueeze(1)
    loss = gaps.sum((1, 2)) / rows.shape[1]
    return reduced(loss.squeeze(0) if alone else loss, reduction)


def triplet_margin_loss(
    anchor,
    positive,
    negative,
    margin=1.0,
    p=2,
    eps=1e-6,
    swap=False,
    size_average=None,
    reduce=None,
    reduction="mean",
):
    """What an anchor is not nearer to the positive than to the negative, by the margin."""
    reduction = _chosen(reduction, size_average, reduce)

    def distance(one, other):
        return F.pairwise_distance(one, other, p, eps)

    return triplet_margin_with_distance_loss(
        anchor,
        positive,
        negative,
        distance_function=distance,
        margin=margin,
        swap=swap,
        reduction=reduction,
    )


def triplet_margin_with_distance_loss(
    anchor,
    positive,
    negative,
    *,
    distance_function=None,
    margin=1.0,
    swap=False,
    reduction="mean",
):
    """`triplet_margin_loss` by any distance."""
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative "
            f"{negative.ndim}D inputs"
        )
    distance = distance_function or F.pairwise_distance
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = torch.minimum(far, distance(positive, negative))
    return reduced(torch.clamp(margin + near - far, min=0), reduction)


def ctc_loss(
    log_probs,
    targets,
    input_lengths,
    target_lengths,
    blank=0,
    reduction="mean",
    zero_infinity=False,
):
    """The connectionist temporal classification loss; log_probs (T, N, C)."""
    if not log_probs.numel():
        raise RuntimeError("log_probs tensor must not be empty")
    alone = log_probs.ndim == 2
    log_probs = log_probs.unsqueeze(1) if alone else log_probs
    lengths = [
        torch.as_tensor(length, dtype=torch.int64).reshape(-1).to(log_probs.device)
        for length in (input_lengths, target_lengths)
    ]
    if alone:
        targets = targets.reshape(1, -1)
    _check_lengths(log_probs, targets, *lengths)
    _check_labels(log_probs, targets, blank)
    longest = int(lengths[1].max()) if targets.ndim == 1 else targets.shape[1]
    loss = flow._C.ctc_loss(log_probs, targets, *lengths, longest, blank, zero_infinity, "none")
    if reduction == "mean":
        return (loss / lengths[1].clamp(min=1).to(loss.dtype)).mean()
    return reduced(loss.squeeze(0) if alone and reduction == "none" else loss, reduction)


def _check_labels(log_probs, targets, blank):
    """Raise for a label that is no class: the kernel would read beyond the probabilities."""
    classes = log_probs.shape[2]
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    if targets.numel() and not 0 <= int(targets.min()) <= int(targets.max()) < classes:
        raise RuntimeError(f"ctc_loss: targets must be labels from 0 to {classes - 1}")


def _check_lengths(log_probs, targets, input_lengths, target_lengths):
    """Raise for lengths beyond what is there: the kernel would read beyond it."""
    if log_probs.ndim != 3:
        raise RuntimeError(f"ctc_loss: log_probs must be 2-D or 3-D, got {log_probs.ndim}-D")
    batch = log_probs.shape[1]
    for name, lengths in (("input_lengths", input_lengths), ("target_lengths", target_lengths)):
        if lengths.numel() != batch:
            raise RuntimeError(f"{name} must be of size batch_size")
        if batch and int(lengths.min()) < 0:
            raise RuntimeError(f"Expected {name} to have value at least 0")
    if batch and int(input_lengths.max()) > log_probs.shape[0]:
        raise RuntimeError(
            f"Expected input_lengths to have value at most {log_probs.shape[0]}, but got value "
            f"{int(input_lengths.max())}"
        )
    if targets.ndim == 1:
        room, wanted = targets.shape[0], int(target_lengths.sum())
    else:
        if targets.ndim != 2 or targets.shape[0] != batch:
            raise RuntimeError(
                "Expected targets to be of shape (batch, longest target) or one dimension, got "
                f"{list(targets.shape)}"
            )
        room, wanted = targets.shape[1], int(target_lengths.max()) if batch else 0
    if wanted > room:
        raise RuntimeError(
            f"Expected tensor to have size at least {wanted} at dimension {targets.ndim - 1}, but "
            f"got size {list(targets.shape)} (while checking arguments for ctc_loss)"
        )


def linear_cross_entropy(
    input,
    linear_weight,
    target,
    *,
    linear_bias=None,
    weight=None,
    reduction="mean",
    ignore_index=None,
    label_smoothing=0.0,
    options=None,
):
    """The cross entropy of a linear layer's logits; whole, whatever the options say."""
    if input.ndim not in (1, 2):
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {input.ndim}")
    if linear_weight.ndim < 2:
        raise RuntimeError(
            f"expected linear_weight with dimensionality at least 2, got {linear_weight.ndim}"
        )
    if input.shape[-1] != linear_weight.shape[-1]:
        raise RuntimeError(
            "expected equal input and linear_weight last dimensions (in_features), got "
            f"{input.shape[-1]} and {linear_weight.shape[-1]}, respectively"
        )
    if linear_bias is not None and linear_bias.shape != linear_weight.shape[:-1]:
        raise RuntimeError(
            f"expected linear_bias shape {tuple(linear_weight.shape[:-1])}, "
            f"got {tuple(linear_bias.shape)}"
        )
    if linear_weight.ndim > 2 and input.ndim == 1:
        raise RuntimeError(
            f"a loss of more dimensions, by linear_weight of shape {tuple(linear_weight.shape)}, "
            f"requires batched input, got unbatched input with shape {tuple(input.shape)}"
        )
    if ignore_index is not None:
        if tuple(target.shape) == (*input.shape[:-1], *linear_weight.shape[:-1]):
            raise RuntimeError(
                "ignore_index cannot be specified when target contains probabilities"
            )
    lead, inner = input.shape[:-1], linear_weight.shape[:-1]
    bias = None if linear_bias is None else linear_bias.reshape(-1)
    logits = F.linear(input, linear_weight.reshape(-1, linear_weight.shape[-1]), bias)
    logits = logits.reshape(*lead, *inner)
    # In chunks the loss is computed in float32.
    if options is not None and halves.is_half(logits):
        widened, weight = logits.float(), halves.wide(weight)
        target = halves.wide(target)
    else:
        widened = logits
    loss = cross_entropy(
        widened,
        target,
        weight=weight,
        ignore_index=-100 if ignore_index is None else ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )
    return loss if loss.dtype is logits.dtype else loss.to(logits.dtype)

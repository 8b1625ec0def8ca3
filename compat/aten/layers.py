"""What torch.nn.functional computes, by the arguments of ATen's operators of the same names.

Reductions are numbers here: 1 "mean", 2 "sum", all others "none". PyTorch's schema says that the
mean is what is taken without one; its functions take none.
"""

import oneflow as flow
import torch
from torch.nn import functional as F

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import dropout as dropouts
from oneflow_mock.compat.kernels import lookups, losses, norms


def _reduction(number):
    return {1: "mean", 2: "sum"}.get(number, "none")


# what is one function by both names

conv1d = F.conv1d
conv2d = F.conv2d
conv3d = F.conv3d
conv_transpose1d = F.conv_transpose1d
conv_transpose2d = F.conv_transpose2d
conv_transpose3d = F.conv_transpose3d
conv_tbc = F.conv_tbc
bilinear = F.bilinear
prelu = F.prelu
hardshrink = F.hardshrink
rms_norm = F.rms_norm
pixel_shuffle = F.pixel_shuffle
pixel_unshuffle = F.pixel_unshuffle
channel_shuffle = F.channel_shuffle
native_channel_shuffle = F.native_channel_shuffle
avg_pool1d = F.avg_pool1d
pairwise_distance = F.pairwise_distance
pdist = F.pdist


def convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups):
    """Convolve (N, C, *) with as many dimensions as the weight has (torch.convolution)."""
    dims = weight.ndim - 2
    if not 1 <= dims <= 3:
        raise RuntimeError(f"weight should have at least three dimensions, got {weight.ndim}")
    stride, padding, dilation, output_padding = (
        list(one) * dims if len(one) == 1 else one
        for one in (stride, padding, dilation, output_padding)
    )
    if transposed:
        kernel = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[dims - 1]
        return kernel(input, weight, bias, stride, padding, output_padding, groups, dilation)
    kernel = (F.conv1d, F.conv2d, F.conv3d)[dims - 1]
    return kernel(input, weight, bias, stride, padding, dilation, groups)


# dropout


def _check_probability(p):
    if not 0 <= p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p}")


def dropout(input, p, train):
    """Drop elements with probability p, where ``train`` (torch.dropout)."""
    _check_probability(p)
    return F.dropout(input, p, train)


def alpha_dropout(input, p, train):
    """Drop elements, keeping mean and variance under SELU (torch.alpha_dropout)."""
    _check_probability(p)
    return F.alpha_dropout(input, p, train)


def feature_dropout(input, p, train):
    """Drop whole channels of (N, C, *) (torch.feature_dropout)."""
    _check_probability(p)
    return dropouts.dropped(input, p, train, False, True)


def feature_alpha_dropout(input, p, train):
    """Drop whole channels, as alpha_dropout does (torch.feature_alpha_dropout)."""
    _check_probability(p)
    return F.feature_alpha_dropout(input, p, train)


def native_dropout(input, p, train):
    """Return what dropout gives, and which elements stay, as bool (torch.native_dropout)."""
    if train is False:
        return input.clone(), torch.ones_like(input.detach(), dtype=torch.bool)
    kept = torch.empty(input.shape, device=input.device).bernoulli_(1 - p).to(torch.bool)
    return input * kept * (0.0 if p == 1 else 1 / (1 - p)), kept


# rows


def embedding(weight, indices, padding_idx=-1, scale_grad_by_freq=False, sparse=False):
    """Return the rows of a table at the indices; a negative padding_idx is none."""
    padding_idx = None if padding_idx < 0 else padding_idx
    return F.embedding(indices, weight, padding_idx, None, 2.0, scale_grad_by_freq, sparse)


def embedding_renorm_(weight, indices, max_norm, norm_type):
    """Scale the rows that are looked up down to a norm, in place (torch.embedding_renorm_)."""
    if indices.numel():
        lookups.renormalise(weight, indices, max_norm, norm_type)
    return weight


_MODES = ("sum", "mean", "max")


def embedding_bag(
    weight,
    indices,
    offsets,
    scale_grad_by_freq=False,
    mode=0,
    sparse=False,
    per_sample_weights=None,
    include_last_offset=False,
    padding_idx=None,
):
    """Return the bags' sums (0), means (1) or maxima (2), and what their gradient needs.

    These are the bag of each index, the sizes of the bags, and which rows the maxima are from;
    as in PyTorch, sums leave most of it out.
    """
    if mode not in (0, 1, 2):
        raise RuntimeError(f"Expected mode to be 0, 1 or 2, but got {mode}")
    starts = offsets
    if include_last_offset and (
        mode == 2 or padding_idx is not None or weight.dtype == torch.float64
    ):
        starts, include_last_offset = offsets[:-1], False  # the last bag takes what is left
    answer = F.embedding_bag(
        indices,
        weight,
        starts,
        None,
        2.0,
        scale_grad_by_freq,
        _MODES[mode],
        sparse,
        per_sample_weights,
        include_last_offset,
        padding_idx,
    )
    whole = torch.promote_types(indices.dtype, offsets.dtype)
    count = answer.shape[0]
    ends = torch.arange(indices.shape[0], device=indices.device).unsqueeze(1)
    bags = (ends >= offsets[:count].to(torch.int64)).to(torch.int64).sum(dim=1) - 1
    if mode == 0:
        length = count if weight.requires_grad else offsets.shape[0]
        sizes = torch.zeros(length, dtype=whole, device=indices.device)
        if padding_idx is None and weight.dtype != torch.float64:
            bags = bags[:0]
        return answer, bags.to(whole), sizes, sizes.clone()
    kept = torch.ones_like(bags)
    if padding_idx is not None:
        kept = (indices != padding_idx % weight.shape[0]).to(torch.int64)
    members = (bags.unsqueeze(0) == torch.arange(count).unsqueeze(1)).to(torch.int64) * kept
    sizes = members.sum(dim=1).to(whole)
    if mode == 1:
        return answer, bags.to(whole), sizes, sizes.clone()
    return answer, bags.to(whole), sizes, _highest(weight, indices, members).to(whole)


def _highest(weight, indices, members):
    """Return for each bag and column the index of the first row that has the maximum."""
    found = torch.zeros((members.shape[0], weight.shape[1]), dtype=torch.int64)
    for bag, row in enumerate(members):
        own = indices[row.to(torch.bool)].to(torch.int64)
        if own.shape[0]:
            found[bag] = own[weight.detach()[own].argmax(dim=0)]
    return found


# norms


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-05, cudnn_enable=True):
    """Normalise over the last dimensions (torch.layer_norm)."""
    return F.layer_norm(input, normalized_shape, weight, bias, eps)


def group_norm(input, num_groups, weight=None, bias=None, eps=1e-05, cudnn_enabled=True):
    """Normalise (N, C, *) over groups of channels (torch.group_norm)."""
    return F.group_norm(input, num_groups, weight, bias, eps)


def batch_norm(
    input, weight, bias, running_mean, running_var, training, momentum, eps, cudnn_enabled
):
    """Normalise each channel of (N, C, *) over the batch (torch.batch_norm)."""
    return norms.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, cudnn_enabled
):
    """Normalise each channel of each sample of (N, C, *) (torch.instance_norm)."""
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RuntimeError(
            "Expected running_mean and running_var to be defined when use_input_stats is false"
        )
    return F.instance_norm(
        input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
    )


# activations


def celu(input, alpha=1.0):
    """Return max(0, x) + min(0, alpha (exp(x / alpha) - 1)) (torch.celu)."""
    return F.celu(input, alpha)


def threshold(input, threshold, value, *, out=None):
    """Return x where it exceeds the threshold, ``value`` elsewhere (torch.threshold)."""
    answer = F.threshold(input, threshold, value)
    return answer if out is None else out.copy_(answer)


def rrelu(input, lower=1.0 / 8, upper=1.0 / 3, training=False, generator=None):
    """Leaky ReLU whose slope is drawn in training (torch.rrelu)."""
    if generator is not None and training:
        raise hooks.refuse("torch.rrelu", "generator")
    return F.rrelu(input, lower, upper, training)


# pools


def _pool(name, with_indices=False):
    work = getattr(F, name)

    def pool(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
        stride = kernel_size if stride is None or stride in ((), []) else stride
        return work(input, kernel_size, stride, padding, dilation, ceil_mode, with_indices)

    pool.__name__ = pool.__qualname__ = f"{name}_with_indices" if with_indices else name
    pool.__module__ = "torch"
    pool.__doc__ = f"See torch.nn.functional.{name}."
    return pool


max_pool1d = _pool("max_pool1d")
max_pool2d = _pool("max_pool2d")
max_pool3d = _pool("max_pool3d")
max_pool1d_with_indices = _pool("max_pool1d", True)


def adaptive_max_pool1d(input, output_size):
    """Return maxima of parts, and where they are (torch.adaptive_max_pool1d)."""
    return F.adaptive_max_pool1d(input, output_size, True)


# losses


def kl_div(input, target, reduction=0, *, log_target=False):
    """Return the divergence; a mean is over all elements (torch.kl_div)."""
    loss = F.kl_div(input, target, reduction="none", log_target=log_target)
    return losses.reduced(loss, _reduction(reduction))


def ctc_loss(
    log_probs,
    targets,
    input_lengths,
    target_lengths,
    blank=0,
    reduction=0,
    zero_infinity=False,
):
    """See torch.nn.functional.ctc_loss."""
    return F.ctc_loss(
        log_probs,
        targets,
        input_lengths,
        target_lengths,
        blank,
        _reduction(reduction),
        zero_infinity,
    )


def cosine_embedding_loss(input1, input2, target, margin=0.0, reduction=0):
    """See torch.nn.functional.cosine_embedding_loss."""
    return F.cosine_embedding_loss(input1, input2, target, margin, reduction=_reduction(reduction))


def hinge_embedding_loss(input, target, margin=1.0, reduction=0):
    """See torch.nn.functional.hinge_embedding_loss."""
    return F.hinge_embedding_loss(input, target, margin, reduction=_reduction(reduction))


def margin_ranking_loss(input1, input2, target, margin=0.0, reduction=0):
    """See torch.nn.functional.margin_ranking_loss."""
    return F.margin_ranking_loss(input1, input2, target, margin, reduction=_reduction(reduction))


def triplet_margin_loss(
    anchor, positive, negative, margin=1.0, p=2.0, eps=1e-06, swap=False, reduction=0
):
    """See torch.nn.functional.triplet_margin_loss; the margin may be negative."""
    near = F.pairwise_distance(anchor, positive, p, eps)
    far = F.pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = torch.minimum(far, F.pairwise_distance(positive, negative, p, eps))
    return losses.reduced(torch.clamp(margin + near - far, min=0), _reduction(reduction))


def poisson_nll_loss(input, target, log_input, full, eps, reduction):
    """See torch.nn.functional.poisson_nll_loss."""
    return F.poisson_nll_loss(
        input, target, log_input, full, None, eps, reduction=_reduction(reduction)
    )


def binary_cross_entropy_with_logits(input, target, weight=None, pos_weight=None, reduction=0):
    """See torch.nn.functional.binary_cross_entropy_with_logits."""
    return F.binary_cross_entropy_with_logits(
        input, target, weight, reduction=_reduction(reduction), pos_weight=pos_weight
    )


# grids and recurrent cells


def affine_grid_generator(theta, size, align_corners):
    """See torch.nn.functional.affine_grid."""
    return F.affine_grid(theta, size, align_corners)


def rnn_tanh_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """Return the next state (N, hidden) of a cell with tanh."""
    return torch.tanh(F.linear(input, w_ih, b_ih) + F.linear(hx, w_hh, b_hh))


def rnn_relu_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """Return the next state (N, hidden) of a cell with relu."""
    return torch.relu(F.linear(input, w_ih, b_ih) + F.linear(hx, w_hh, b_hh))


def lstm_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """Return the next state and cell, each (N, hidden); ``hx`` are those before."""
    if len(hx) != 2:
        raise RuntimeError("lstm_cell expects two hidden states")
    gates = F.linear(input, w_ih, b_ih) + F.linear(hx[0], w_hh, b_hh)
    into, forget, new, outward = flow.chunk(gates, 4, -1)
    cell = torch.sigmoid(forget) * hx[1] + torch.sigmoid(into) * torch.tanh(new)
    return torch.sigmoid(outward) * torch.tanh(cell), cell


def gru_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """Return the next state (N, hidden)."""
    given = flow.chunk(F.linear(input, w_ih, b_ih), 3, -1)
    kept = flow.chunk(F.linear(hx, w_hh, b_hh), 3, -1)
    reset, update = (torch.sigmoid(given[place] + kept[place]) for place in (0, 1))
    new = torch.tanh(given[2] + reset * kept[2])
    return new + update * (hx - new)

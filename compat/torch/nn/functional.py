"""torch.nn.functional where OneFlow's differs: names, keywords, shapes it aborts on, defaults.

Each function follows the page of the same name in PyTorch's documentation; shapes as there.
"""

import math
import operator

import oneflow as flow
import oneflow.nn.functional as engine
import torch
from torch.overrides import (  # noqa: F401
    has_torch_function,
    has_torch_function_unary,
    has_torch_function_variadic,
)

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import (
    attention,
    half_losses,
    halves,
    indexing,
    norms,
    operands,
)
from oneflow_mock.compat.kernels.activations import (  # noqa: F401
    celu,
    celu_,
    gelu,
    glu,
    gumbel_softmax,
    hardshrink,
    hardsigmoid,
    hardswish,
    leaky_relu,
    leaky_relu_,
    logsigmoid,
    mish,
    relu,
    relu6,
    relu_,
    selu,
    selu_,
    silu,
    softplus,
    softshrink,
    softsign,
    threshold,
    threshold_,
)
from oneflow_mock.compat.kernels.constants import empty
from oneflow_mock.compat.kernels.dropout import (  # noqa: F401  (they live where the streams do)
    alpha_dropout,
    dropout,
    dropout1d,
    dropout2d,
    dropout3d,
    feature_alpha_dropout,
)
from oneflow_mock.compat.kernels.fractional_pooling import (  # noqa: F401
    fractional_max_pool2d,
    fractional_max_pool2d_with_indices,
    fractional_max_pool3d,
    fractional_max_pool3d_with_indices,
)
from oneflow_mock.compat.kernels.lookups import (  # noqa: F401
    cosine_similarity,
    embedding,
    embedding_bag,
    normalize,
    pairwise_distance,
    pdist,
)
from oneflow_mock.compat.kernels.losses import (  # noqa: F401
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cosine_embedding_loss,
    cross_entropy,
    ctc_loss,
    gaussian_nll_loss,
    hinge_embedding_loss,
    kl_div,
    l1_loss,
    linear_cross_entropy,
    margin_ranking_loss,
    mse_loss,
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
    poisson_nll_loss,
    soft_margin_loss,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)
from oneflow_mock.compat.kernels.pooling import (  # noqa: F401
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool1d_with_indices,
    adaptive_max_pool2d,
    adaptive_max_pool2d_with_indices,
    adaptive_max_pool3d,
    adaptive_max_pool3d_with_indices,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    fold,
    local_response_norm,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_pool1d,
    max_pool1d_with_indices,
    max_pool2d,
    max_pool2d_with_indices,
    max_pool3d,
    max_pool3d_with_indices,
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
    unfold,
)


def _pair(value, dims):
    return list(value) if isinstance(value, (list, tuple)) else [value] * dims


def _inplace(input, result, inplace):
    return input.copy_(result) if inplace else result


def _reduced(loss, reduction):
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    _check_reduction(reduction)
    return loss


def _check_reduction(reduction):
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")


def _legacy_reduction(reduction, size_average, reduce):
    if size_average is None and reduce is None:
        _check_reduction(reduction)
        return reduction
    if reduce is False:
        return "none"
    return "sum" if size_average is False else "mean"


# linear and convolution


def linear(input, weight, bias=None, *, out=None):
    """Return input weightᵀ + bias; input (*, in), weight (out, in) or (in,), bias (out)."""
    if out is not None:
        return out.copy_(linear(input, weight, bias))
    if input.dim() > 1 and weight.dim() == 2:
        answer = _matmul(input, weight, False, True)
        if bias is not None:
            answer += bias
        return answer
    if weight.ndim == 1:
        answer = torch.matmul(input, weight)
        return answer if bias is None else answer + bias
    return linear(input.unsqueeze(0), weight, bias).squeeze(0)


_matmul = flow._C.matmul


if "linear" in hooks.native:
    _composed_linear, _native_linear = linear, hooks.native["linear"]

    def linear(input, weight, bias=None, *, out=None):
        """Return input weightᵀ + bias; input (*, in), weight (out, in) or (in,), bias (out)."""
        answer = _native_linear(input, weight, bias)
        if answer is None:
            return _composed_linear(input, weight, bias, out=out)
        return answer if out is None else out.copy_(answer)


def _same_padding(weight, dilation, dims):
    """Return (padding per dimension, extra on the right) that keeps the size at stride 1."""
    total = [d * (k - 1) for d, k in zip(_pair(dilation, dims), weight.shape[2:])]
    return [t // 2 for t in total], [t % 2 for t in total]


#: Integers are convolved in float64, which is exact up to 2⁵³.
_WHOLE = (flow.int64, flow.int32, flow.uint8, flow.int8)


def _is_whole(input, weight, bias):
    dtype = input.dtype
    return dtype in _WHOLE and weight.dtype == dtype and (bias is None or bias.dtype == dtype)


def _wrong_ranks(name, dims, input, weight):
    """Return the error for tensors with whose dimensions OneFlow would end the process."""
    if weight.ndim != dims + 2:
        return RuntimeError(
            f"{name}: expected weight to be a {dims + 2}-dimensional tensor, but got a tensor of "
            f"size {list(weight.shape)}"
        )
    return RuntimeError(
        f"Expected {dims + 1}D (unbatched) or {dims + 2}D (batched) input to {name}, but got input "
        f"of size: {list(input.shape)}"
    )


def _convolution(kernel, dims, name):
    def convolution(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
        if _is_whole(input, weight, bias):
            parts = [None if one is None else one.double() for one in (input, weight, bias)]
            found = convolution(*parts, stride, padding, dilation, groups)
            return found.to(input.dtype)
        if isinstance(padding, str):
            if padding == "valid":
                padding = 0
            elif padding == "same":
                if any(step != 1 for step in _pair(stride, dims)):
                    raise RuntimeError("padding='same' is not supported for strided convolutions")
                padding, extra = _same_padding(weight, dilation, dims)
                if any(extra):
                    sides = [side for right in reversed(extra) for side in (0, right)]
                    input = pad(input, sides)
            else:
                raise ValueError(
                    f"Invalid padding string {padding!r}, should be one of 'valid', 'same'"
                )
        if input.ndim == dims + 1:
            batched = convolution(
                input.unsqueeze(0), weight, bias, stride, padding, dilation, groups
            )
            return batched.squeeze(0)
        if weight.ndim != dims + 2 or input.ndim != dims + 2:
            raise _wrong_ranks(name, dims, input, weight)
        if input.dtype is not weight.dtype:
            raise RuntimeError(
                f"expected input and weight to have the same dtype, but got {input.dtype} "
                f"and {weight.dtype}"
            )
        return kernel(
            input,
            weight,
            bias,
            _pair(stride, dims),
            _pair(padding, dims),
            _pair(dilation, dims),
            groups,
        )

    convolution.__name__ = convolution.__qualname__ = name
    convolution.__doc__ = f"Convolve as torch.nn.functional.{name}; a batch, or one sample."
    return convolution


conv1d = _convolution(flow._C.conv1d, 1, "conv1d")
conv2d = _convolution(flow._C.conv2d, 2, "conv2d")
conv3d = _convolution(flow._C.conv3d, 3, "conv3d")


_NARROW = (flow.float16, flow.bfloat16)


def _transposed(kernel, dims, name):
    def convolution(
        input,
        weight,
        bias=None,
        stride=1,
        padding=0,
        output_padding=0,
        groups=1,
        dilation=1,
    ):
        if _is_whole(input, weight, bias):
            parts = [None if one is None else one.double() for one in (input, weight, bias)]
            options = (stride, padding, output_padding, groups, dilation)
            return convolution(*parts, *options).to(input.dtype)
        if input.ndim == dims + 1:
            batched = convolution(
                input.unsqueeze(0), weight, bias, stride, padding, output_padding, groups, dilation
            )
            return batched.squeeze(0)
        if weight.ndim != dims + 2 or input.ndim != dims + 2:
            raise _wrong_ranks(name, dims, input, weight)
        if input.requires_grad and not weight.requires_grad:
            # OneFlow's gradient for the input ends the process unless the weight has one too.
            weight = weight.detach().requires_grad_(flow.is_grad_enabled())
        if bias is not None and input.dtype in _NARROW and input.dtype is weight.dtype:
            # The bias is added in a step of its own, which would round a second time.
            wide = [one.float() for one in (input, weight, bias)]
            return convolution(*wide, stride, padding, output_padding, groups, dilation).to(
                input.dtype
            )
        return kernel(
            input,
            weight,
            bias,
            _pair(stride, dims),
            _pair(padding, dims),
            _pair(output_padding, dims),
            groups,
            _pair(dilation, dims),
        )

    convolution.__name__ = convolution.__qualname__ = name
    convolution.__doc__ = f"Convolve as torch.nn.functional.{name}; a batch, or one sample."
    return convolution


conv_transpose1d = _transposed(flow._C.deconv1d, 1, "conv_transpose1d")
conv_transpose2d = _transposed(flow._C.deconv2d, 2, "conv_transpose2d")
conv_transpose3d = _transposed(flow._C.deconv3d, 3, "conv_transpose3d")


def conv_tbc(input, weight, bias, pad=0):
    """Convolve (T, N, in) with a weight (width, in, out); the answer is (T', N, out)."""
    for name, tensor, ndim in (("input", input, 3), ("weight", weight, 3), ("bias", bias, 1)):
        if tensor.ndim != ndim:
            what = "time, batch, in_channel" if name == "input" else "kernel_width, in, out"
            dims = "must have 1 dim" if ndim == 1 else f"must have 3 dims: {what}"
            raise RuntimeError(f"conv_tbc: {name} {dims}")
    answer = conv1d(input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, padding=pad)
    return answer.permute(2, 0, 1).contiguous()


# activations


def prelu(input, weight):
    """Return x where positive, weight x elsewhere; weight (1) or (channels)."""
    if weight.ndim > 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}"
        )
    if weight.numel() != 1:
        if input.ndim == 0:
            raise RuntimeError("Not allow zero-dim input tensor.")
        channels = input.shape[1] if input.ndim > 1 else 1
        if channels != weight.numel():
            raise RuntimeError(
                "Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                f"{weight.numel()} and channel size = {channels}."
            )
    elif input.ndim == 0:
        weight = weight.reshape(())
    if weight.numel() > 1 and input.ndim > 1:
        weight = weight.reshape(-1, *[1] * (input.ndim - 2))
    return flow.where(input > 0, input, input * weight)


def elu(input, alpha=1.0, inplace=False):
    """Return max(0, x) + min(0, alpha (exp(x) - 1))."""
    return _inplace(input, flow._C.elu(input, alpha), inplace)


def elu_(input, alpha=1.0):
    """`elu` in place."""
    return elu(input, alpha, True)


def hardtanh_(input, min_val=-1.0, max_val=1.0):
    """`hardtanh` in place."""
    return hardtanh(input, min_val, max_val, True)


def softmax(input, dim=None, _stacklevel=3, dtype=None):
    """Return the softmax along ``dim``, in ``dtype`` if given."""
    dim = _softmax_dim("softmax", input.ndim) if dim is None else dim
    return torch.softmax(input, dim, dtype=dtype)


def log_softmax(input, dim=None, _stacklevel=3, dtype=None):
    """Return the logarithm of the softmax along ``dim``, in ``dtype`` if given."""
    dim = _softmax_dim("log_softmax", input.ndim) if dim is None else dim
    return torch.log_softmax(input, dim, dtype=dtype)


def softmin(input, dim=None, _stacklevel=3, dtype=None):
    """Return the softmax of the negated input."""
    return softmax(-input, dim, _stacklevel, dtype)


def _softmax_dim(name, ndim):
    import warnings

    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include "
        "dim=X as an argument.",
        stacklevel=3,
    )
    return 0 if ndim in (0, 1, 3) else 1


def hardtanh(input, min_val=-1.0, max_val=1.0, inplace=False):
    """Hold the input within [min_val, max_val]."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    if not input.is_floating_point() and min_val == min_val and max_val == max_val:
        min_val, max_val = int(min_val), int(max_val)
    return _inplace(input, torch.clamp(input, min_val, max_val), inplace)


def tanhshrink(input):
    """Return x - tanh(x)."""
    return input - flow.tanh(input)


def rrelu(input, lower=1.0 / 8, upper=1.0 / 3, training=False, inplace=False):
    """Leaky ReLU whose slope is drawn from [lower, upper] in training, their middle otherwise."""
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    if training:
        return _inplace(input, _random_slopes(input, lower, upper), inplace)
    return _inplace(input, flow._C.leaky_relu(input, (lower + upper) / 2), inplace)


def rrelu_(input, lower=1.0 / 8, upper=1.0 / 3, training=False):
    """`rrelu` in place."""
    return rrelu(input, lower, upper, training, True)


def _random_slopes(input, lower, upper):
    """Multiply what is not positive by slopes, one drawn for each, in order."""
    falling = input.detach() <= 0
    places = flow.nonzero(falling.reshape(-1)).reshape(-1)
    count = places.shape[0]
    if not count:
        return input.clone()
    drawn = torch.empty(count, dtype=flow.float64).uniform_(lower, upper)
    slopes = flow.ones(input.numel(), dtype=input.dtype, device=input.device)
    slopes[places] = drawn.to(input.device, input.dtype)
    return input * slopes.reshape(input.shape)


# normalisation


def batch_norm(
    input,
    running_mean,
    running_var,
    weight=None,
    bias=None,
    training=False,
    momentum=0.1,
    eps=1e-5,
):
    """Normalise each channel of (N, C, *) over the batch, or by running statistics."""
    if input.ndim == 1 and not input.numel():
        return input.clone()
    if training and input.numel() == input.shape[1]:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {input.shape}"
        )
    return norms.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def group_norm(input, num_groups, weight=None, bias=None, eps=1e-05):
    """Normalise (N, C, *) over groups of channels; weight and bias (C)."""
    if input.ndim < 2:
        raise RuntimeError(
            f"Expected at least 2 dimensions for input tensor but received {input.ndim}"
        )
    if input.shape[1] % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of "
            f"shape {list(input.shape)} and num_groups={num_groups}"
        )
    return norms.group_norm(input, num_groups, weight, bias, eps)


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-05):
    """Normalise over the last dimensions, whose sizes are ``normalized_shape``."""
    shape = tuple(normalized_shape)
    if tuple(input.shape[-len(shape) :]) != shape:
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape "
            f"[*, {', '.join(map(str, shape))}], but got input of size{list(input.shape)}"
        )
    return norms.layer_norm(input, len(shape), weight, bias, eps)


def rms_norm(input, normalized_shape, weight=None, eps=None):
    """Divide by the root mean square over the last dimensions; eps defaults to the dtype's."""
    shape = tuple(normalized_shape)
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
            "element, but got normalized_shape = []"
        )
    if tuple(input.shape[-len(shape) :]) != shape:
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape "
            f"[*{', '.join(map(str, shape))}], but got input of size{list(input.shape)}"
        )
    eps = torch.finfo(input.dtype).eps if eps is None else eps
    return norms.rms_norm(input, len(tuple(normalized_shape)), weight, eps)


def instance_norm(
    input,
    running_mean=None,
    running_var=None,
    weight=None,
    bias=None,
    use_input_stats=True,
    momentum=0.1,
    eps=1e-05,
):
    """Normalise each channel of each sample of (N, C, *); running statistics change in place."""
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    if halves.is_half(input) and input.numel():
        return _instances_of_halves(input, running_mean, running_var, weight, bias, momentum, eps)
    if running_mean is not None or running_var is not None:
        with flow.no_grad():
            rows = input.detach().reshape(input.shape[0], input.shape[1], -1)
            for running, found in (
                (running_mean, rows.mean(2)),
                (running_var, rows.var(2, unbiased=True)),
            ):
                if running is not None:
                    running.mul_(1 - momentum).add_(found.mean(0) * momentum)
    return norms.group_norm(input, input.shape[1], weight, bias, eps)


def _instances_of_halves(input, mean, variance, weight, bias, momentum, eps):
    """Normalise as a batch of one sample, whose statistics are rounded."""
    samples, channels = input.shape[:2]

    def repeated(tensor):
        return None if tensor is None else tensor.repeat(samples)

    running = [repeated(mean), repeated(variance)]
    answer = norms.batch_norm(
        input.reshape(1, samples * channels, *input.shape[2:]),
        *running,
        repeated(weight),
        repeated(bias),
        True,
        momentum,
        eps,
    )
    for kept, found in zip((mean, variance), running):
        if kept is not None:
            kept.copy_(found.reshape(samples, channels).mean(0))
    return answer.reshape(input.shape)


# attention and embedding


def scaled_dot_product_attention(
    query,
    key,
    value,
    attn_mask=None,
    dropout_p=0.0,
    is_causal=False,
    scale=None,
    enable_gqa=False,
):
    """Return softmax(query keyᵀ scale + mask) value over (*, heads, length, size).

    A boolean mask says which keys take part; another one is added to the scores.
    """
    if is_causal and attn_mask is not None:
        raise RuntimeError(
            "_scaled_dot_product_attention: Explicit attn_mask should not be set when "
            "is_causal=True"
        )
    if dropout_p == 0.0:
        answer = _fused_attention(query, key, value, attn_mask, is_causal, scale, enable_gqa)
        if answer is not None:
            return answer
    if enable_gqa and query.shape[-3] != key.shape[-3]:
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], dim=-3)
        value = value.repeat_interleave(query.shape[-3] // value.shape[-3], dim=-3)
    lead = tuple(query.shape[:-2])
    if tuple(key.shape[:-2]) != lead:
        lead = tuple(torch.broadcast_shapes(lead, key.shape[:-2], value.shape[:-2]))
        query = query.expand(*lead, *query.shape[-2:])
        key = key.expand(*lead, *key.shape[-2:])
        value = value.expand(*lead, *value.shape[-2:])
    thin = (lambda weights: dropout(weights, dropout_p)) if dropout_p > 0.0 else None
    return attention.attention(query, key, value, attn_mask, is_causal, scale, thin)


def _fused_attention(query, key, value, mask, causal, scale, grouped):
    lead, other = tuple(query.shape[:-2]), tuple(key.shape[:-2])
    if other != lead or tuple(value.shape[:-2]) != lead:
        if grouped:
            if other[:-1] != lead[:-1] or tuple(value.shape[:-2]) != other or query.ndim < 3:
                return None
            if other[-1] == 0 or lead[-1] % other[-1]:
                raise RuntimeError(
                    "Number of heads in key and value must divide the number of heads in query"
                )
        else:
            lead = torch.broadcast_shapes(lead, other, value.shape[:-2])
            query, key, value = (
                each.expand(*lead, *each.shape[-2:]) for each in (query, key, value)
            )
    return attention.fused(query, key, value, mask, causal, scale)


def multi_head_attention_forward(
    query,
    key,
    value,
    embed_dim_to_check,
    num_heads,
    in_proj_weight,
    in_proj_bias,
    bias_k,
    bias_v,
    add_zero_attn,
    dropout_p,
    out_proj_weight,
    out_proj_bias,
    training=True,
    key_padding_mask=None,
    need_weights=True,
    attn_mask=None,
    use_separate_proj_weight=False,
    q_proj_weight=None,
    k_proj_weight=None,
    v_proj_weight=None,
    static_k=None,
    static_v=None,
    average_attn_weights=True,
    is_causal=False,
):
    """Attend with ``num_heads`` heads: query (L, N, E), key and value (S, N, E), or without N.

    Returns the answer and the weights, averaged over the heads, or None instead of them.
    """
    batched = query.ndim == 3
    if not batched:
        query, key, value = (each.unsqueeze(1) for each in (query, key, value))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    length, batch, size = query.shape
    if use_separate_proj_weight:
        matrices = (q_proj_weight, k_proj_weight, v_proj_weight)
    else:
        matrices = torch.chunk(in_proj_weight, 3)
    offsets = (None,) * 3 if in_proj_bias is None else torch.chunk(in_proj_bias, 3)
    inner = [
        linear(each, matrix, offset)
        for each, matrix, offset in zip((query, key, value), matrices, offsets)
    ]
    if bias_k is not None and bias_v is not None:
        if static_k is not None or static_v is not None:
            raise AssertionError("bias cannot be added to static key or value.")
        for place, added in ((1, bias_k), (2, bias_v)):
            inner[place] = flow.cat([inner[place], added.expand(1, batch, size)], dim=0)
        attn_mask, key_padding_mask = _one_key_more(attn_mask, key_padding_mask)
    heads = [
        each.reshape(each.shape[0], batch, num_heads, size // num_heads).permute(1, 2, 0, 3)
        for each in inner
    ]
    for place, given in ((1, static_k), (2, static_v)):
        if given is not None:
            heads[place] = given.reshape(batch, num_heads, -1, size // num_heads)
    if add_zero_attn:
        nothing = flow.zeros(
            (batch, num_heads, 1, size // num_heads), dtype=query.dtype, device=query.device
        )
        heads[1:] = [flow.cat([each, nothing], dim=2) for each in heads[1:]]
        attn_mask, key_padding_mask = _one_key_more(attn_mask, key_padding_mask)
    mask = _attention_mask(attn_mask, key_padding_mask, batch, num_heads, query.dtype)
    kept = []

    def thin(weights):
        if training and dropout_p > 0.0:
            weights = dropout(weights, dropout_p)
        kept.append(weights)
        return weights

    causal = is_causal and mask is None
    answer = None
    if not need_weights and not (training and dropout_p > 0.0):
        answer = attention.fused(*heads, mask=mask, causal=causal)
    if answer is None:
        answer = attention.attention(*heads, mask=mask, causal=causal, dropout=thin)
    answer = answer.permute(2, 0, 1, 3).reshape(length, batch, size)
    answer = linear(answer, out_proj_weight, out_proj_bias)
    weights = None
    if need_weights:
        weights = kept[0].mean(dim=1) if average_attn_weights else kept[0]
    if not batched:
        answer = answer.squeeze(1)
        weights = None if weights is None else weights.squeeze(0)
    return answer, weights


def _one_key_more(*masks):
    """Return masks that let one more key take part, the last."""
    return [None if mask is None else pad(mask, (0, 1)) for mask in masks]


def _attention_mask(attn_mask, padding, batch, heads, dtype):
    """Return both masks as one to be added to (N, heads, L, S) scores, or None."""

    def added(mask):
        if mask.dtype != flow.bool:
            return mask
        return flow.zeros(*mask.shape, dtype=dtype).masked_fill(mask, float("-inf"))

    if attn_mask is not None:
        attn_mask = added(attn_mask)
        if attn_mask.ndim == 3:
            attn_mask = attn_mask.reshape(batch, heads, *attn_mask.shape[1:])
    if padding is None:
        return attn_mask
    padding = added(padding).reshape(batch, 1, 1, -1)
    return padding if attn_mask is None else attn_mask + padding


def bilinear(input1, input2, weight, bias=None):
    """Return input1ᵀ weight input2 + bias; (*, in1), (*, in2), (out, in1, in2), (out)."""
    if not input1.numel():
        sources = [one for one in (input1, input2, weight, bias) if one is not None]
        return empty((*input1.shape[:-1], weight.shape[0]), *sources)
    rows = torch.einsum(
        "bi,oij,bj->bo",
        input1.reshape(-1, input1.shape[-1]),
        weight,
        input2.reshape(-1, input2.shape[-1]),
    )
    rows = rows.reshape(*input1.shape[:-1], weight.shape[0])
    return rows if bias is None else rows + bias


def _no_class(position, dim, size):
    if position < 0:
        return RuntimeError("Class values must be non-negative.")
    return RuntimeError("Class values must be smaller than num_classes.")


def one_hot(tensor, num_classes=-1):
    """Return int64 (*, classes) with 1 at each index; classes default to the largest plus one."""
    if num_classes == -1:
        num_classes = int(tensor.max().item()) + 1
    if hooks.library is not None and num_classes > 0 and tensor.dtype in (flow.int64, flow.int32):
        answer = flow._C.one_hot(tensor, num_classes)
        indexing.settled(_no_class)
        return answer
    classes = flow.arange(num_classes, dtype=tensor.dtype, device=tensor.device)
    return (tensor.unsqueeze(-1) == classes).to(flow.int64)


# shape


def pad(input, pad, mode="constant", value=None):
    """Pad the last dimensions by (left, right) pairs, the last dimension first."""
    sides = [int(side) for side in pad]
    is_odd = len(sides) % 2 or len(sides) > 2 * input.ndim or not sides
    if is_odd or min(sides) < 0 or max(sides) > _LARGE_SIDE:
        _check_sides(input, sides)
    if mode == "constant":
        return _pad_constant(input, sides, 0 if value is None else value)
    if mode == "circular":
        return _pad_circular(input, sides)
    if mode not in ("reflect", "replicate"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    padded = len(sides) // 2
    if input.ndim - padded not in (1, 2) or padded > 3:
        raise NotImplementedError(
            f"Padding size {len(sides)} is not supported for {input.ndim}D input tensor: 2D or 3D "
            "inputs take 2, 3D or 4D ones 4, 4D or 5D ones 6"
        )
    if hooks.kernels and input.ndim - padded in (1, 2) and padded in (1, 2) and min(sides) >= 0:
        if mode == "reflect":
            for position in range(padded):
                left, right = sides[2 * position : 2 * position + 2]
                _check_mirrored(input, input.ndim - 1 - position, left, right)
        if input.ndim - padded == 2:
            return engine.pad(input, sides, mode=mode)
        return engine.pad(input.unsqueeze(0), sides, mode=mode).squeeze(0)
    if input.ndim == 4 and padded == 2 and min(sides) >= 0 and mode == "replicate":
        return engine.pad(input, sides, mode=mode)
    for position in range(padded):
        dim = input.ndim - 1 - position
        left, right = sides[2 * position : 2 * position + 2]
        input = _pad_edge(input, dim, left, right, mode)
    return input


_LARGE_SIDE = 1 << 20


def _check_sides(input, sides):
    """Raise for sides that cut off more than there is, or add more than memory holds."""
    if len(sides) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(sides) > 2 * input.ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got "
            f"padding length {len(sides)} and input of dimension {input.ndim}"
        )
    shape = list(input.shape)
    for position in range(len(sides) // 2):
        left, right = sides[2 * position : 2 * position + 2]
        dim = input.ndim - 1 - position
        shape[dim] += left + right
        if shape[dim] < 0:
            raise RuntimeError(
                f"The input size {input.shape[dim]}, plus negative padding {left} and {right}, "
                f"resulted in a negative output size, which is invalid. Check dimension {dim} of "
                "your input."
            )
    operands.check_room(shape)


def _check_mirrored(input, dim, left, right):
    if max(left, right) >= input.shape[dim]:
        raise RuntimeError(
            "Padding size should be less than the corresponding input dimension, but got: padding "
            f"({left}, {right}) at dimension {dim} of input {list(input.shape)}"
        )


def _pad_edge(input, dim, left, right, mode):
    """Pad one dimension by its mirror image or its ends."""
    size = input.shape[dim]
    if mode == "reflect":
        _check_mirrored(input, dim, left, right)
    if not left and not right:
        return input
    places = [abs(place) if mode == "reflect" else max(place, 0) for place in range(-left, size)]
    last = size - 1
    beyond = range(size, size + right)
    places += [2 * last - place if mode == "reflect" else last for place in beyond]
    if right < 0:
        places = places[:right]
    return input.index_select(dim, flow.tensor(places, dtype=flow.int64, device=input.device))


def _pad_constant(input, sides, value):
    if len(sides) % 2 or len(sides) // 2 > input.ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension"
        )
    if input.dtype == flow.bool:
        return _pad_constant(input.to(flow.uint8), sides, int(value)).to(flow.bool)
    if input.dtype == flow.bfloat16:  # which OneFlow's operator does not take for a floating one
        return _pad_constant(input.float(), sides, value).to(flow.bfloat16)
    if not any(sides):
        return input.clone()
    return flow._C.pad(input, sides, "constant", value)


def _pad_circular(input, sides):
    for position in range(len(sides) // 2):
        dim = input.ndim - 1 - position
        left, right = sides[2 * position], sides[2 * position + 1]
        if min(left, right) < 0:
            kept = input.shape[dim] + min(left, 0) + min(right, 0)
            input = input.narrow(dim, max(-left, 0), kept)
            left, right = max(left, 0), max(right, 0)
        size = input.shape[dim]
        pieces = [input.narrow(dim, size - left, left)] if left else []
        pieces.append(input)
        pieces += [input.narrow(dim, 0, right)] if right else []
        input = flow.cat(pieces, dim=dim)
    return input


grid_sample = halves.rounded_once(engine.grid_sample)


def pixel_shuffle(input, upscale_factor):
    """Rearrange (*, C r², H, W) to (*, C, H r, W r)."""
    r = upscale_factor
    if r == 1:
        return input.clone()
    lead, (channels, height, width) = list(input.shape[:-3]), input.shape[-3:]
    n = len(lead)
    y = input.reshape(*lead, channels // (r * r), r, r, height, width)
    y = y.permute(*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return y.reshape(*lead, channels // (r * r), height * r, width * r)


def pixel_unshuffle(input, downscale_factor):
    """Rearrange (*, C, H r, W r) to (*, C r², H, W)."""
    r = downscale_factor
    if r == 1:
        return input.clone()
    lead, (channels, height, width) = list(input.shape[:-3]), input.shape[-3:]
    n = len(lead)
    y = input.reshape(*lead, channels, height // r, r, width // r, r)
    y = y.permute(*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return y.reshape(*lead, channels * r * r, height // r, width // r)


def channel_shuffle(input, groups):
    """Interleave the channels of (N, C, *) between groups."""
    shape = list(input.shape)
    y = input.reshape(shape[0], groups, shape[1] // groups, *shape[2:])
    return y.transpose(1, 2).reshape(*shape)


native_channel_shuffle = channel_shuffle


def interpolate(
    input,
    size=None,
    scale_factor=None,
    mode="nearest",
    align_corners=None,
    recompute_scale_factor=None,
    antialias=False,
):
    """Resize the spatial dimensions of (N, C, *) to ``size`` or by ``scale_factor``."""
    dims = input.ndim - 2
    if mode in ("nearest", "area", "nearest-exact"):
        if align_corners is not None:
            raise ValueError(
                "align_corners option can only be set with the interpolating modes: "
                "linear | bilinear | bicubic | trilinear"
            )
    if antialias and not (mode in ("bilinear", "bicubic", "lanczos") and dims == 2):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires "
            "a 4-D tensor as input"
        )
    if mode == "lanczos" and dims == 2 and (align_corners or not antialias):
        which = (
            "does not support align_corners=True" if align_corners else "requires antialias=True"
        )
        raise ValueError(f"Lanczos mode {which}")
    if (size is None) == (scale_factor is None):
        both = "only one of size or" if size is not None else "either size or"
        raise ValueError(f"{both} scale_factor should be defined")
    given = scale_factor if size is None else size
    if isinstance(given, (list, tuple)) and len(given) != dims:
        raise ValueError(
            "Input and output must have the same number of spatial dimensions, but got input with "
            f"spatial dimensions of {list(input.shape[2:])} and "
            f"{'size' if size is not None else 'scale_factor'} of {given}"
        )
    if recompute_scale_factor and size is not None:
        raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
    if isinstance(given, float) and not given < _LARGE_SIDE:
        operands.check_room([int(min(given, 1 << 62)), *input.shape])
    if mode == "nearest-exact":
        if recompute_scale_factor:
            factors = _pair(scale_factor, dims)
            size = [int(math.floor(n * by)) for n, by in zip(input.shape[2:], factors)]
        return _nearest_exact(input, size, scale_factor, dims)
    have = input.shape[2:]
    if size is not None:
        wanted = size = [operator.index(side) for side in _pair(size, dims)]
        operands.check_room([max(side, 1) for side in (*input.shape[:2], *wanted)])
    else:
        factors = [float(factor) for factor in _pair(scale_factor, dims)]
        wanted = [int(side * factor) for side, factor in zip(have, factors)]
        if recompute_scale_factor or mode == "area":
            size = wanted
    if min(wanted, default=1) <= 0 or 0 in have:
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input {list(have)} "
            f"and output {list(wanted)}"
        )
    if mode == "area" and 1 <= dims <= 3:
        return (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[dims - 1](
            input, wanted
        )
    if antialias:
        from oneflow_mock.compat.kernels import antialiasing

        return antialiasing.resize(
            input, wanted, mode, bool(align_corners), None if size is not None else factors
        )
    if (mode, dims) not in _RESIZE:
        raise NotImplementedError(
            "Input Error: Only 3D, 4D and 5D input Tensors supported (got "
            f"{input.ndim}D) for the modes: nearest | linear | bilinear | bicubic | trilinear | "
            f"lanczos | area | nearest-exact (got {mode})"
        )
    kernel, names = _RESIZE[mode, dims]
    if size is not None:
        factors = [side / had for side, had in zip(wanted, have)]
    options = dict(zip(names, factors))
    if mode != "nearest":
        options["align_corners"] = bool(align_corners)
    return kernel(input, output_size=size, data_format="channels_first", **options)


_SCALES = ("depth_scale", "height_scale", "width_scale")
_RESIZE = {
    ("nearest", 1): (flow._C.upsample_nearest_1d, ("scale_factor",)),
    ("nearest", 2): (flow._C.upsample_nearest_2d, _SCALES[1:]),
    ("nearest", 3): (flow._C.upsample_nearest_3d, _SCALES),
    ("linear", 1): (flow._C.upsample_linear_1d, ("scale_factor",)),
    ("bilinear", 2): (flow._C.upsample_bilinear_2d, _SCALES[1:]),
    ("bicubic", 2): (flow._C.upsample_bicubic_2d, _SCALES[1:]),
    ("trilinear", 3): (flow._C.upsample_trilinear_3d, _SCALES),
}


def _nearest_exact(input, size, scale_factor, dims):
    for position in range(dims):
        dim = 2 + position
        have = input.shape[dim]
        if size is not None:
            want = _pair(size, dims)[position]
            step = have / want
        else:
            factor = _pair(scale_factor, dims)[position]
            want, step = int(math.floor(have * factor)), 1.0 / factor
        places = [min(int((place + 0.5) * step), have - 1) for place in range(want)]
        input = input.index_select(dim, flow.tensor(places, dtype=flow.int64))
    return input


def upsample(input, size=None, scale_factor=None, mode="nearest", align_corners=None):
    """`interpolate`, under its older name."""
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input, size=None, scale_factor=None):
    """`interpolate` by the nearest neighbour, under its older name."""
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input, size=None, scale_factor=None):
    """`interpolate`, bilinear with aligned corners, under its older name."""
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


# losses


def smooth_l1_loss(input, target, size_average=None, reduce=None, reduction="mean", beta=1.0):
    """Squared below ``beta``, absolute above; reduced by "mean", "sum" or "none"."""
    reduction = _legacy_reduction(reduction, size_average, reduce)
    if halves.is_half(input) and target.dtype is input.dtype:
        return half_losses.smooth_l1(*torch.broadcast_tensors(input, target), beta, reduction)
    if beta == 0.0:
        return flow._C.l1_loss(input, target, reduction)
    return flow._C.smooth_l1_loss(input, target, beta, reduction)


def huber_loss(input, target, reduction="mean", delta=1.0, weight=None):
    """Squared within ``delta``, linear beyond."""
    _check_reduction(reduction)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    if halves.is_half(input) and target.dtype is input.dtype and weight is None:
        return half_losses.huber(*torch.broadcast_tensors(input, target), delta, reduction)
    same = input.shape == target.shape and input.dtype is target.dtype is flow.float32
    if same and weight is None and delta <= 1e6 and input.numel():
        # The kernel's factor is a float32: exact enough for these only.
        return flow._C.smooth_l1_loss(input, target, delta, reduction) * delta
    gap = (input - target).abs()
    near = torch.clamp(gap, max=delta)
    loss = 0.5 * near * near + delta * (gap - near)
    return _reduced(loss if weight is None else loss * weight, reduction)


def nll_loss(
    input,
    target,
    weight=None,
    size_average=None,
    ignore_index=-100,
    reduce=None,
    reduction="mean",
):
    """Negative log likelihood of (N, C, *) log-probabilities for the classes in (N, *)."""
    reduction = _legacy_reduction(reduction, size_average, reduce)
    if input.ndim == 1:
        batched = nll_loss(
            input.unsqueeze(0), target.unsqueeze(0), weight, None, ignore_index, None, reduction
        )
        return batched.squeeze(0) if reduction == "none" else batched
    kept = (target != ignore_index).to(input.dtype)
    classes = torch.where(target != ignore_index, target, torch.zeros_like(target))
    if halves.is_half(input) and not (weight is not None and weight.requires_grad):
        scale = kept if weight is None else kept * weight[classes]
        return half_losses.nll(input, classes, weight, scale, reduction)
    loss = -input.gather(1, classes.unsqueeze(1)).squeeze(1)
    scale = kept if weight is None else kept * weight[classes.reshape(-1)].reshape(classes.shape)
    loss = loss * scale
    return loss.sum() / scale.sum() if reduction == "mean" else _reduced(loss, reduction)

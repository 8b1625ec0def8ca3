"""The elementwise functions of torch.nn.functional whose keywords or defaults OneFlow changed."""

from __future__ import annotations

import oneflow as flow
import torch


def _put(input, result, inplace):
    return input.copy_(result) if inplace else result


def relu(input, inplace=False):
    """Return max(0, x)."""
    return flow._C.relu(input, inplace)


def relu_(input):
    """`relu` in place."""
    return flow._C.relu(input, True)


def relu6(input, inplace=False):
    """Return x held within [0, 6]."""
    if not input.is_floating_point():
        return _put(input, torch.clamp(input, 0, 6), inplace)
    return _put(input, torch.clamp(input, 0.0, 6.0), inplace)


def leaky_relu(input, negative_slope=0.01, inplace=False):
    """Return x where positive, negative_slope x elsewhere."""
    return _put(input, flow._C.leaky_relu(input, negative_slope), inplace)


def leaky_relu_(input, negative_slope=0.01):
    """`leaky_relu` in place."""
    return leaky_relu(input, negative_slope, True)


def selu(input, inplace=False):
    """Return the scaled exponential linear unit."""
    return _put(input, flow._C.selu(input), inplace)


def selu_(input):
    """`selu` in place."""
    return selu(input, True)


def celu(input, alpha=1.0, inplace=False):
    """Return max(0, x) + min(0, alpha (exp(x / alpha) - 1))."""
    return _put(input, flow._C.celu(input, alpha=alpha), inplace)


def celu_(input, alpha=1.0):
    """`celu` in place."""
    return celu(input, alpha, True)


def silu(input, inplace=False):
    """Return x sigmoid(x)."""
    return _put(input, flow._C.silu(input), inplace)


def mish(input, inplace=False):
    """Return x tanh(softplus(x))."""
    return _put(input, flow._C.mish(input), inplace)


def hardswish(input, inplace=False):
    """Return x relu6(x + 3) / 6."""
    return _put(input, flow._C.hardswish(input), inplace)


def hardsigmoid(input, inplace=False):
    """Return relu6(x + 3) / 6."""
    return _put(input, flow._C.hardsigmoid(input), inplace)


def gelu(input, approximate="none", *, out=None):
    """Return x by the normal distribution's probability below it, or its "tanh" approximation."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    answer = flow._C.gelu_with_approximate(input, approximate)
    return answer if out is None else out.copy_(answer)


def glu(input, dim=-1):
    """Return the first half along ``dim`` by the sigmoid of the second."""
    return flow._C.glu(input, dim)


def logsigmoid(input, *, out=None):
    """Return log(sigmoid(x))."""
    answer = flow._C.logsigmoid(input)
    return answer if out is None else out.copy_(answer)


def softplus(input, beta=1.0, threshold=20.0, *, out=None):
    """Return log(1 + exp(beta x)) / beta, and x itself where beta x exceeds the threshold."""
    answer = flow._C.softplus(input, beta, threshold)
    return answer if out is None else out.copy_(answer)


def softsign(input):
    """Return x / (1 + |x|)."""
    if not input.is_floating_point():
        return input / (1 + torch.abs(input))
    return flow._C.softsign(input)


def hardshrink(input, lambd=0.5, *, out=None):
    """Return x, but zero within ± lambd."""
    answer = flow._C.hardshrink(input, lambd=lambd)
    return answer if out is None else out.copy_(answer)


def softshrink(input, lambd=0.5, *, out=None):
    """Return x nearer to zero by lambd."""
    answer = flow._C.softshrink(input, alpha=lambd)
    return answer if out is None else out.copy_(answer)


def threshold(input, threshold, value, inplace=False):
    """Return x where it exceeds the threshold, ``value`` elsewhere."""
    if not input.is_floating_point():
        kept = torch.where(input > threshold, input, torch.full_like(input, value))
        return _put(input, kept, inplace)
    return _put(input, flow._C.threshold(input, threshold=threshold, value=value), inplace)


def threshold_(input, threshold, value):
    """`threshold` in place."""
    kept = flow._C.threshold(input, threshold=threshold, value=value)
    return _put(input, kept, True)


def gumbel_softmax(logits, tau=1, hard=False, eps=1e-10, dim=-1):
    """Return a sample of the Gumbel-softmax distribution; one-hot, with its gradient, if hard."""
    noise = -torch.log(torch.empty_like(logits.detach()).exponential_())
    soft = torch.softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    place = soft.detach().argmax(dim, keepdim=True)
    chosen = torch.zeros_like(logits.detach()).scatter_(dim, place, 1.0)
    return chosen - soft.detach() + soft

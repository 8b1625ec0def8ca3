"""torch.nn.modules._functions: functions with gradients of their own, behind modules."""

import torch


class CrossMapLRN2d(torch.autograd.Function):
    """Divide (N, C, H, W) by a power of what neighbouring channels hold.

    The windows are PyTorch's: the first channel is in all of them, and those of the gradient lie
    one channel lower than those of the answer.
    """

    @staticmethod
    def forward(ctx, input, size, alpha=1e-4, beta=0.75, k=1):
        if input.dim() != 4:
            raise ValueError(f"CrossMapLRN2d: Expected input to be 4D, got {input.dim()}D instead.")
        ctx.size, ctx.alpha, ctx.beta = size, alpha, beta
        ahead = int((size - 1) / 2 + 1)
        of, other = _places(input)
        window = (other < of + ahead) & ((other > of - ahead) | (other == 0))
        scale = _mixed(window, input * input) * (alpha / size) + k
        output = scale.pow(-beta) * input
        ctx.save_for_backward(input, output, scale)
        return output

    @staticmethod
    def backward(ctx, grad_output):
        input, output, scale = ctx.saved_tensors
        size, start = ctx.size, int(ctx.size - (ctx.size - 1) / 2)
        channels = input.shape[1]
        if start > size - 1:
            raise RuntimeError(
                f"start ({start}) + length ({channels}) exceeds dimension size "
                f"({channels + size - 1})."
            )
        of, other = _places(input)
        window = (other >= of - start) & (other < of + size - start)
        ratio = _mixed(window, grad_output * output / scale)
        slope = 2 * ctx.alpha * ctx.beta / size
        return scale.pow(-ctx.beta) * grad_output - slope * input * ratio, None, None, None, None


def _places(input):
    places = torch.arange(input.shape[1], device=input.device)
    return places.unsqueeze(1), places.unsqueeze(0)


def _mixed(window, input):
    """Return for each channel the sum of those in its window, a row of booleans."""
    rows = torch.matmul(window.to(input.dtype), input.flatten(2))
    return rows.reshape(input.shape)

"""Models without the wait for their initialization."""

from __future__ import annotations

import torch


def filled(make, seed=0):
    """Return the model that make() builds, in eval mode, with weights from a seed.

    One vector of random numbers, over and over, scaled as initializations are: it takes the time of
    a copy, where drawing the 860 million weights of Stable Diffusion takes ten seconds.
    """
    with torch.device("meta"):
        model = make()
    model.to_empty(device="cpu").requires_grad_(False).eval()
    torch.manual_seed(seed)
    numbers = torch.rand(1 << 20) * 2 - 1
    for name, weight in model.named_parameters():
        if weight.dim() < 2:
            weight.fill_(1.0 if name.endswith("weight") else 0.0)
            continue
        bound = weight[0].numel() ** -0.5
        flat = weight.view(-1)
        for start in range(0, flat.numel(), numbers.numel()):
            part = flat[start : start + numbers.numel()]
            part.copy_(numbers[: part.numel()]).mul_(bound)
    for name, buffer in model.named_buffers():
        if name.endswith("position_ids"):
            buffer.copy_(torch.arange(buffer.shape[-1]).expand(buffer.shape))
        elif name.endswith(("running_var", "running_mean")):
            buffer.fill_(1.0 if name.endswith("running_var") else 0.0)
        else:
            buffer.zero_()
    return model

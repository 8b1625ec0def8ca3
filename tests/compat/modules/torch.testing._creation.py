"""Tensors to compute on."""

import torch
from show import show
from torch.testing import make_tensor


def text(*shape, **options):
    torch.manual_seed(3)
    options.setdefault("dtype", torch.float32)
    made = make_tensor(*shape, device="cpu", **options)
    values = [round(float(one), 4) for one in made.detach().flatten().float().tolist()]
    return made.dtype, tuple(made.shape), made.is_contiguous(), made.requires_grad, values


show("float", lambda: text(3, 2))
show("int", lambda: text((3,), dtype=torch.int64))
show("bool", lambda: text(4, dtype=torch.bool))
show("noncontiguous", lambda: text(2, 3, noncontiguous=True))
show("range", lambda: text(3, low=0, high=1, requires_grad=True))
show("bytes", lambda: text(5, dtype=torch.uint8))
show("no zeros", lambda: text(9, dtype=torch.int32, low=-1, high=2, exclude_zero=True))
show("no gradient", lambda: text(3, dtype=torch.int64, requires_grad=True))
show("empty range", lambda: text(3, low=2, high=1))
show("nan", lambda: text(3, low=float("nan")))
show("double", lambda: text(3, dtype=torch.float64))
show("outside", lambda: text(2, dtype=torch.uint8, low=300, high=400))
show("no dimensions", lambda: text(()))
show("one value", lambda: text(2, low=1, high=1))

"""float8_e4m3fn and float8_e5m2: made, converted, moved about, saved; not computed with."""

import copy
import io

import torch
from torch import nn

torch.manual_seed(0)
scales = (1e-7, 1e-5, 1e-3, 0.02, 0.3, 1, 20, 300, 3e4, 1e6)
special = [float("inf"), -float("inf"), float("nan"), 0.0, -0.0, 448, 464, 480, 57344, 61440, 65536]
many = torch.cat([torch.randn(500) * scale for scale in scales] + [torch.tensor(special)])
REFUSED = (
    lambda a: a.numpy(),
    lambda a: a + a,
    lambda a: a + torch.ones(2, 2),
    lambda a: a.sum(),
    lambda a: a < a,
    lambda a: a.exp(),
    lambda a: torch.promote_types(a.dtype, torch.float32),
)


def saved(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    buffer.seek(0)
    return torch.load(buffer)


for dtype in (torch.float8_e4m3fn, torch.float8_e5m2):
    print(dtype, dtype.is_floating_point, dtype.is_complex, dtype.is_signed, dtype.itemsize)
    print(torch.finfo(dtype))
    print(torch.arange(256, dtype=torch.uint8).view(dtype).float().tolist())
    for source in (torch.float32, torch.float64, torch.float16):
        print(many.to(source).to(dtype).view(torch.uint8).tolist())
    print(torch.arange(-5, 6).to(dtype).to(torch.int64), torch.tensor([True, False]).to(dtype))
    a = torch.tensor([[1.0, 2.5], [-0.3, 100.0]]).to(dtype)
    print(a, a.float(), a.bfloat16(), a.half(), a.double(), a.bool(), a.to(torch.float8_e5m2))
    print(
        torch.zeros(2, dtype=dtype), torch.ones(2, dtype=dtype), torch.full((2,), 1.5, dtype=dtype)
    )
    print(torch.tensor([1.0, 2.0], dtype=dtype), torch.empty_like(a).dtype, torch.ones_like(a))
    print(a.view(4), a.t(), a.t().contiguous(), a[0], a[:, 1], a[1:, 1:], a[torch.tensor([1, 0])])
    print(a[torch.tensor([True, False])], torch.cat([a, a]), torch.stack([a, a]), a.flip(0))
    print(a.clone(), torch.zeros(2, 2).copy_(a), a.clone().copy_(torch.ones(2, 2)), a.split(1))
    print(a.clone().fill_(3), a.clone().zero_(), a.index_select(0, torch.tensor([1])))
    print(a.repeat(2, 1), a.permute(1, 0), a.expand(2, 2, 2), a.unsqueeze(0).squeeze(0))
    changed = a.clone()
    changed[0] = 2.0
    changed[1, 0] = a[0, 1]
    print(changed, a[0, 1].item(), a.tolist(), a.element_size(), a.nbytes, a.type())
    print(a.is_floating_point(), a.is_complex(), a.untyped_storage().nbytes())
    print(saved(a), saved({"w": a.t()})["w"], copy.deepcopy(a), nn.Parameter(a).requires_grad)
    for refused in REFUSED:
        try:
            print("accepted", refused(a))
        except (RuntimeError, TypeError) as error:
            print("refused", isinstance(error, RuntimeError))
    w = torch.ones(2, requires_grad=True)
    (w * 2).to(dtype).to(torch.float32).sum().backward()
    print(w.grad)
    layer = nn.Linear(2, 2)
    print(layer.to(dtype).weight.dtype, layer.state_dict()["weight"].dtype, layer.weight.float())
    print(layer.to(torch.float32).weight.dtype)

# Memory seen as other dtypes, that OneFlow does not make either.
print(torch.ones(4).view(torch.complex64), torch.ones(2, dtype=torch.complex128).view(torch.int64))
print(torch.ones(3).view(torch.uint32), torch.ones(3, 2)[1:].view(torch.complex64))
print(torch.arange(250, 256, dtype=torch.uint8), torch.arange(256, dtype=torch.uint8).sum())
print(torch.arange(3, dtype=torch.int16).fill_(7), torch.arange(3, dtype=torch.int16).zero_())

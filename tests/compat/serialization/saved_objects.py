"""What the files in this folder hold: made the same way by real PyTorch and with the mock on."""

import collections

import torch


def objects():
    """Return name → object."""
    x = torch.arange(24.0).reshape(2, 3, 4)
    shared = torch.ones(3)
    names = "float32 float64 float16 bfloat16 int8 uint8 int32 int64 bool".split()
    return {
        "tensor": x,
        "views": [x[0], x[1], x, x.transpose(0, 1), x[1, 1:]],
        "dtypes": {name: torch.arange(5).to(getattr(torch, name)) for name in names},
        "scalars": [torch.tensor(3.5), torch.tensor(2), torch.tensor(True), torch.zeros(0, 3)],
        "state": collections.OrderedDict([("a.weight", torch.ones(3, 4)), ("a.bias", shared)]),
        "parameters": [
            torch.nn.Parameter(torch.ones(2, 2)),
            torch.nn.Parameter(torch.ones(2), requires_grad=False),
            torch.ones(2, requires_grad=True),
        ],
        "shared": [shared, shared, shared.detach(), shared.view(3, 1)],
        "expanded": torch.ones(1, 3).expand(4, 3),
        "storage": [torch.arange(4.0).untyped_storage()],
        "plain": {
            "dtype": torch.float16,
            "device": torch.device("cpu"),
            "other": torch.device("cuda", 1),
            "size": torch.Size([2, 3]),
            "numbers": [None, True, 1, -1, 300, 70000, 2**40, 1.5, 3j],
            "texts": ["é", b"ab", ("t",)],
            "set": {1},
            "layout": torch.strided,
            "counter": collections.Counter("aab"),
        },
        "nothing": None,
    }


def named_tensors():
    """Return what the safetensors file holds."""
    x = torch.arange(6).reshape(2, 3)
    names = "float32 float64 float16 bfloat16 int8 uint8 int32 int64 bool".split()
    found = {name: x.to(getattr(torch, name)) for name in names}
    found["empty"] = torch.empty(0, 3)
    found["scalar"] = torch.tensor(3.5)
    return found


def described(value):
    """Return all that a file has to keep of an object, as plain values."""
    if isinstance(value, torch.Tensor):
        return {
            "type": type(value).__name__,
            "dtype": str(value.dtype),
            "shape": list(value.shape),
            "stride": list(value.stride()) if value.numel() else None,
            "offset": value.storage_offset() if value.numel() else None,
            "requires_grad": value.requires_grad,
            "values": value.detach().double().tolist(),
        }
    if isinstance(value, dict):
        kind = type(value).__name__
        return {"type": kind, "items": [[key, described(one)] for key, one in value.items()]}
    if isinstance(value, (list, tuple)):
        return {"type": type(value).__name__, "items": [described(one) for one in value]}
    if torch.is_storage(value):
        return {"type": "storage", "bytes": list(value)}
    return repr(value)

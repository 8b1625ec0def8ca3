"""ParameterDict, DataParallel."""

import copy

import torch
from torch import nn

held = nn.ParameterDict({"b": torch.ones(2), "a": nn.Parameter(torch.zeros(1, 3)), "c": 3})
print(held, list(held), len(held), "a" in held, held["c"], held.get("x", 5))
print([name for name, _ in held.named_parameters()])
held["z"] = torch.ones(1)
print(held.popitem(), held.pop("c"), list(held.keys()), list(reversed(held)))
joined = held | nn.ParameterDict({"n": torch.ones(1)})
print(list(joined), held.setdefault("s", torch.ones(1)).shape)
print(type(held.fromkeys(["a", "b"])).__name__, list(held.copy()))
held |= joined
print(list(held), sorted(held.state_dict()), list(copy.deepcopy(held)))
held.clear()
print(len(held), held)
for wrong in (
    lambda: held.update(3),
    lambda: held.update([1]),
    lambda: held.update([(1, 2, 3)]),
    lambda: held.__setitem__(3, 1),
    lambda: held(1),
):
    try:
        wrong()
    except Exception as error:
        print(type(error).__name__, error)
parallel = nn.DataParallel(nn.Linear(2, 3))
print(parallel, parallel(torch.ones(1, 2)).shape, sorted(parallel.state_dict()))

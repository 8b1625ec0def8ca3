"""Views keep where they start, whatever takes them out of the graph."""

import copy

import torch
from show import show

rows = torch.arange(12.0).reshape(2, 6)
row = rows[1]


def parameter():
    made = torch.nn.Parameter(rows.clone()[1])
    return made.reshape(2, 3).detach(), made[2:].detach()


def shared_parameter():
    whole = torch.zeros(2, 3)
    made = torch.nn.Parameter(whole[1])
    with torch.no_grad():
        made[0] = 7
    return whole


def assigned():
    whole, target = torch.arange(6.0).reshape(2, 3), torch.zeros(3)
    target.data = whole[1]
    target[1] = 55
    return target[1:], whole


def of_graph():
    x = torch.ones(4, requires_grad=True)
    y = (x * torch.arange(4.0))[1:]
    cut = y.detach()
    return cut[1:], cut.requires_grad, cut.is_leaf, y.requires_grad


def written_through():
    whole = torch.arange(6)
    whole[3:].detach()[0] = 9
    return whole


show(
    "detach", lambda: (row.detach()[2:], row.detach().reshape(2, 3), row.detach().storage_offset())
)
show("data", lambda: (row.data[2:], row.data.reshape(2, 3), row.data.storage_offset()))
show("columns", lambda: (rows[..., 1::2].detach().flatten(), rows[..., 1::2].data[0]))
show("transposed", lambda: rows[:, 1:3].detach().t())
show("copy", lambda: (copy.copy(row)[2:], copy.deepcopy(row)[2:]))
show("parameter", parameter)
show("a parameter that shares", shared_parameter)
show("assigned", assigned)
show("bool", lambda: ((rows > 7)[1].detach()[1:], torch.nn.Parameter((rows > 7)[1], False)[1:]))
show("bfloat16", lambda: torch.arange(6).bfloat16()[2:].detach()[1:].float())
show("of the graph", of_graph)
show("written through", written_through)
show("as a tensor", lambda: torch.Tensor(row)[2:])

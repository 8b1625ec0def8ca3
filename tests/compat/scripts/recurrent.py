"""Recurrent layers and cells: values, gradients, packed and unbatched input, errors."""

import torch
from torch import nn
from torch.nn.utils import rnn as packing


def filled(module):
    with torch.no_grad():
        for number, parameter in enumerate(module.parameters()):
            values = torch.linspace(-1, 0.7 + number / 9, parameter.numel())
            parameter.copy_(values.reshape(parameter.shape).sin())
    return module


def shown(value):
    if isinstance(value, tuple):
        return [shown(part) for part in value]
    numbers = [round(number, 4) + 0.0 for number in value.detach().reshape(-1)[:5].tolist()]
    return numbers, tuple(value.shape)


def attempt(function):
    try:
        return function()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


x = torch.linspace(-1, 1, 24).reshape(3, 4, 2).requires_grad_(True)
for kind, options in (
    (nn.LSTM, {}),
    (nn.LSTM, {"num_layers": 2, "bidirectional": True, "batch_first": True}),
    (nn.LSTM, {"proj_size": 2}),
    (nn.GRU, {"bias": False}),
    (nn.RNN, {"nonlinearity": "relu", "num_layers": 2}),
):
    layer = filled(kind(2, 3, **options))
    layer.flatten_parameters()
    print(layer, [name for name, _ in layer.named_parameters()])
    output, hidden = layer(x)
    print(shown(output), shown(hidden))
    x.grad = None
    output.sum().backward()
    print(shown(x.grad), shown(layer.weight_hh_l0.grad))
    print(shown(layer(x[0].detach())[0]))
    for lengths in ([4, 3, 1], [1, 4, 2]):
        packed = packing.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        output, hidden = layer(packed)
        print(type(output).__name__, shown(output.data), shown(hidden))
        print(shown(packing.pad_packed_sequence(output)[0]))
    for wrong in (torch.ones(2), torch.ones(2, 3, 5), x.double()):
        print(attempt(lambda wrong=wrong, layer=layer: layer(wrong)))
for kind in nn.LSTMCell, nn.GRUCell, nn.RNNCell:
    cell = filled(kind(2, 3))
    print(cell, shown(cell(x[0])))
    answer = cell(x[0, 0], cell(x[0, 0]))
    print(shown(answer))
    x.grad = None
    (answer[0] if isinstance(answer, tuple) else answer).sum().backward()
    print(shown(x.grad), shown(cell.weight_hh.grad))
    print(attempt(lambda cell=cell: cell(x)))
print(attempt(lambda: nn.LSTM(0, 2)), attempt(lambda: nn.LSTM(2, 2, bias=1)))
print(attempt(lambda: nn.GRU(2, 2, proj_size=1)), attempt(lambda: nn.LSTM(2, 2, dropout=2)))
torch.manual_seed(0)
print(shown(nn.LSTM(2, 3).weight_hh_l0), shown(nn.GRUCell(2, 3).weight_ih))

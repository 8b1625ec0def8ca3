"""torch.nn.Transformer and its parts: values, gradients, masks, structure, errors."""

import warnings

import torch
from torch import nn

warnings.simplefilter("ignore")


def filled(module):
    with torch.no_grad():
        for number, (_, parameter) in enumerate(sorted(module.named_parameters())):
            values = torch.linspace(-0.5, 0.6 + number / 50, parameter.numel())
            parameter.copy_((3 * values).sin().reshape(parameter.shape))
    return module


def shown(value):
    numbers = value.detach().reshape(-1)
    picked = numbers[:: max(1, numbers.numel() // 6)].tolist()
    return [f"{number + 0.0:.3g}" for number in picked], tuple(value.shape)


def attempt(function):
    try:
        return function()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


x = (torch.arange(40.0).reshape(5, 1, 8) / 7).sin().repeat(1, 2, 1)
x[:, 1] *= 0.5
memory = (torch.arange(48.0).reshape(6, 1, 8) / 5).cos().repeat(1, 2, 1)
causal = nn.Transformer.generate_square_subsequent_mask(5)
print(causal.tolist())
padding = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
for options in (
    {},
    {"batch_first": True, "activation": "gelu"},
    {"norm_first": True, "bias": False},
    {"activation": torch.tanh, "layer_norm_eps": 0.1},
):
    layer = filled(nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, **options))
    inputs = x.transpose(0, 1) if options.get("batch_first") else x
    inputs = inputs.clone().requires_grad_(True)
    answer = layer(inputs)
    answer.square().sum().backward()
    print(shown(answer), shown(inputs.grad), shown(layer.linear1.weight.grad))
    print(shown(layer(inputs, src_mask=causal)), shown(layer(inputs, causal, is_causal=True)))
    print(shown(layer(inputs, src_key_padding_mask=padding)))
    print(shown(layer(inputs[:, 0] if not options.get("batch_first") else inputs[0])))
print(layer)
layer = filled(nn.TransformerDecoderLayer(8, 2, 12, dropout=0.0))
print(shown(layer(x, memory)), shown(layer(x, memory, tgt_mask=causal, tgt_is_causal=True)))
print(layer)
encoder_layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.1, batch_first=True)
encoder = filled(nn.TransformerEncoder(encoder_layer, 2, norm=nn.LayerNorm(8))).eval()
inputs = x.transpose(0, 1)
print(shown(encoder(inputs, src_key_padding_mask=padding)))
with torch.no_grad():
    print(shown(encoder(inputs, src_key_padding_mask=padding)[1, -1]))
    print(shown(encoder(inputs, mask=causal)))
print([name for name, _ in encoder.named_parameters()][:4], encoder.use_nested_tensor)
model = nn.Transformer(8, 2, 1, 2, 12, dropout=0.0)
print(model)
filled(model)
print(shown(model(memory, x, tgt_mask=causal)))
model(memory, x).sum().backward()
print(shown(model.encoder.layers[0].linear1.weight.grad))
print(sorted(model.state_dict())[:6])
for wrong in (
    lambda: model(memory, x[:, :1]),
    lambda: model(memory[..., :4], x),
    lambda: nn.TransformerEncoderLayer(8, 2, activation="tanh"),
    lambda: nn.TransformerEncoderLayer(8, 3),
):
    print(attempt(wrong))
warnings.simplefilter("error")
print(attempt(lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2), 1)))
warnings.simplefilter("ignore")
torch.manual_seed(0)
print(shown(nn.TransformerEncoderLayer(8, 2, 12).self_attn.in_proj_weight))
print(shown(nn.Transformer(8, 2, 1, 1, 12).decoder.layers[0].linear2.weight))

"""torch.nn.utils: parametrizations, weight and spectral norm, clipping, packing, fusion."""

import copy
import warnings

import torch
from torch import nn
from torch.nn.utils import (
    clip_grad_norm_,
    clip_grad_value_,
    parameters_to_vector,
    parametrizations,
    parametrize,
    vector_to_parameters,
)
from torch.nn.utils import rnn as packing

warnings.simplefilter("ignore")


def shown(tensor):
    return [round(value, 4) + 0.0 for value in tensor.detach().reshape(-1)[:6].tolist()]


def filled(module):
    with torch.no_grad():
        for number, parameter in enumerate(module.parameters()):
            values = torch.linspace(-1, 1.25 + number, parameter.numel())
            parameter.copy_(values.reshape(parameter.shape))
    return module


def attempt(function):
    try:
        return function()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


x = torch.linspace(-1, 1, 12).reshape(1, 3, 4)
for dim in 0, 1, None:
    conv = parametrizations.weight_norm(filled(nn.Conv1d(3, 2, 2)), dim=dim)
    print(type(conv).__name__, list(conv.state_dict()), isinstance(conv, nn.Conv1d))
    print(tuple(conv.parametrizations.weight.original0.shape))
    (conv(x) ** 2).sum().backward()
    print(shown(conv.weight), shown(conv.parametrizations.weight.original0.grad))
    print(shown(conv.parametrizations.weight.original1.grad))
print(conv)
conv.weight = torch.ones(2, 3, 2)
print(shown(conv.weight), shown(conv.parametrizations.weight.original0))
twin = copy.deepcopy(conv)
print(type(twin).__name__, shown(twin.weight), twin.parametrizations is conv.parametrizations)
parametrize.remove_parametrizations(conv, "weight")
print(type(conv).__name__, list(conv.state_dict()), shown(conv.weight), conv.weight.requires_grad)
old = filled(nn.Conv1d(3, 2, 2))
nn.utils.weight_norm(old)
print([name for name, _ in old.named_parameters()], shown(old(x)), type(old.weight).__name__)
new = parametrizations.weight_norm(nn.Conv1d(3, 2, 2))
print(new.load_state_dict(old.state_dict()), shown(new(x)))
nn.utils.remove_weight_norm(old)
print([name for name, _ in old.named_parameters()], shown(old(x)))
print(attempt(lambda: nn.utils.remove_weight_norm(old)))

torch.manual_seed(0)
for make in parametrizations.spectral_norm, nn.utils.spectral_norm:
    linear = make(filled(nn.Linear(4, 3)))
    print(sorted(linear.state_dict()))
    for _ in range(3):
        linear(x)
    linear.zero_grad()
    linear(x).sum().backward()
    print(
        shown(linear.weight),
        shown(linear.bias.grad),
        round(torch.linalg.norm(linear.weight).item(), 3),
    )
    print(
        [shown(parameter.grad) for name, parameter in linear.named_parameters() if "orig" in name]
    )
nn.utils.remove_spectral_norm(linear)
print(sorted(linear.state_dict()))


class Symmetric(nn.Module):
    def forward(self, X):
        return X.triu() + X.triu(1).transpose(-1, -2)

    def right_inverse(self, A):
        return A.triu()


class Doubled(nn.Module):
    def forward(self, X):
        return 2 * X


layer = filled(nn.Linear(3, 3))
print(attempt(lambda: parametrize.register_parametrization(layer, "nothing", Symmetric())))
parametrize.register_parametrization(layer, "weight", Symmetric())
print(layer)
print(shown(layer.weight), [name for name, _ in layer.named_parameters()])
parametrize.register_parametrization(layer, "weight", Doubled())
print(
    shown(layer.weight),
    parametrize.is_parametrized(layer),
    parametrize.is_parametrized(layer, "bias"),
)
print(attempt(lambda: setattr(layer, "weight", torch.ones(3, 3))))
print(parametrize.type_before_parametrizations(layer).__name__)
with parametrize.cached():
    print(layer.weight is layer.weight)
print(layer.weight is layer.weight)
parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
print(shown(layer.weight), type(layer).__name__, hasattr(layer, "parametrizations"))
print(attempt(lambda: parametrize.register_parametrization(layer, "weight", nn.Flatten(0))))

# gradients
weights = [nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(1))]
for order in 2.0, 1.0, float("inf"), 3:
    for number, weight in enumerate(weights[:2]):
        weight.grad = torch.full(weight.shape, 2.0 + number)
    print(order, clip_grad_norm_(weights, 1.5, norm_type=order), shown(weights[0].grad))
weights[0].grad = torch.tensor([[1.0, -4.0], [0.1, 2.0]])
clip_grad_value_(weights, 1.5)
print(shown(weights[0].grad), clip_grad_norm_([weights[2]], 1.0), clip_grad_norm_(weights[1], 9.0))
print(nn.utils.get_total_norm([torch.ones(4), torch.ones(5)]))
weights[0].grad = torch.full((2, 2), float("nan"))
print(attempt(lambda: clip_grad_norm_(weights, 1.0, error_if_nonfinite=True)))
vector = parameters_to_vector(weights)
print(shown(vector), vector.shape)
vector_to_parameters(torch.arange(8.0), weights)
print([shown(weight) for weight in weights], weights[0].requires_grad)

# packing
batch = torch.arange(24.0).reshape(3, 4, 2)
for lengths, keywords in (([4, 3, 1], {}), ([2, 4, 1], {"enforce_sorted": False})):
    packed = packing.pack_padded_sequence(batch, lengths, batch_first=True, **keywords)
    print(shown(packed.data), packed.batch_sizes.tolist(), packed.sorted_indices)
    padded, sizes = packing.pad_packed_sequence(packed, batch_first=True, padding_value=-1.0)
    print(tuple(padded.shape), padded[1].tolist(), sizes.tolist())
rows = [torch.ones(2), torch.zeros(3), torch.full((1,), 2.0)]
print(packing.pad_sequence(rows).tolist(), packing.pad_sequence(rows, True, 9.0).tolist())
print(packing.pad_sequence(rows, True, padding_side="left").tolist())
packed = packing.pack_sequence(rows, enforce_sorted=False)
print(packed.data.tolist(), [row.tolist() for row in packing.unpack_sequence(packed)])
print(attempt(lambda: packing.pack_padded_sequence(batch, [1, 4, 2], batch_first=True)))

# fusion, initial values
conv, norm = filled(nn.Conv1d(3, 2, 2)).eval(), nn.BatchNorm1d(2).eval()
norm.running_mean.copy_(torch.tensor([0.5, -0.5]))
norm.running_var.copy_(torch.tensor([2.0, 0.3]))
fused = nn.utils.fuse_conv_bn_eval(conv, norm)
print(torch.allclose(fused(x), norm(conv(x)), atol=1e-6), shown(fused.bias))
bare = nn.utils.skip_init(nn.Linear, 3, 2)
print(tuple(bare.weight.shape), bare.weight.device, bare.bias.requires_grad)

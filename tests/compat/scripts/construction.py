"""How modules are made: their arguments, who initializes them, what a subclass may say."""

import torch
from torch import nn


def fails(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except Exception as error:
        print(type(error).__name__, str(error).splitlines()[:1])
    else:
        print("no error")


def described(module):
    return {
        name: (tuple(p.shape), p.dtype, p.device, p.requires_grad)
        for name, p in module.named_parameters()
    }


torch.manual_seed(5)
for module in (
    nn.Linear(2, 3),
    nn.Linear(2, 3, bias=False, dtype=torch.float64),
    nn.Linear(2, 3, True, "meta", torch.float16),
    nn.LayerNorm(4),
    nn.LayerNorm([2, 4], eps=1e-3, bias=False),
    nn.LayerNorm((4,), elementwise_affine=False),
    nn.LayerNorm(4, device="meta", dtype=torch.float64),
    nn.GroupNorm(2, 4),
    nn.GroupNorm(2, 4, affine=False),
    nn.GroupNorm(2, 4, 1e-3, True, "cpu", torch.float64, bias=False),
):
    print(module, described(module), list(module._parameters))
    print([p.unique().tolist() for p in module.parameters() if p.dim() == 1 and not p.is_meta][:1])
fails(nn.GroupNorm, 3, 4)
fails(nn.Linear, 2)
fails(nn.Linear, 2, 3, nothing=1)
fails(nn.LayerNorm)
fails(nn.GroupNorm, 2, 4, nothing=1)
print(nn.LayerNorm(4).normalized_shape, nn.GroupNorm(2, 4).num_channels)
print(nn.Linear(2, 3).in_features)

# Libraries replace the functions that initialize, to save their time.
called = []
names = ("kaiming_uniform_", "uniform_", "ones_", "zeros_")
kept = {name: getattr(nn.init, name) for name in names}
for name in kept:
    setattr(nn.init, name, lambda tensor, *a, _name=name, **k: called.append(_name))
for make in (
    lambda: nn.Linear(2, 3),
    lambda: nn.LayerNorm(3),
    lambda: nn.GroupNorm(1, 3),
    lambda: nn.Conv2d(1, 2, 3),
    lambda: nn.LayerNorm(3, elementwise_affine=False),
):
    called.clear()
    make()
    print(called)
for name, function in kept.items():
    setattr(nn.init, name, function)

# The random numbers that are drawn, and that none are for tensors without values.
torch.manual_seed(0)
print([round(v, 6) for v in nn.Linear(2, 2).weight.flatten().tolist()])
torch.manual_seed(0)
nn.Linear(5, 5, device="meta")
with torch.device("meta"):
    print(described(nn.Linear(2, 2)), described(nn.LayerNorm(2)), described(nn.GroupNorm(1, 2)))
print([round(v, 6) for v in nn.Linear(2, 2).weight.flatten().tolist()])
linear = nn.Linear(2, 2)
before = linear.weight.clone()
linear.reset_parameters()
print(torch.equal(before, linear.weight), linear.weight.requires_grad, linear.weight.is_leaf)
norm = nn.LayerNorm(2)
nn.init.constant_(norm.weight, 3.0)
norm.reset_parameters()
print(norm.weight.tolist())

# Registration is where accelerate steps in, to make models without their memory.
registered = []
kept_register = nn.Module.register_parameter


def register(module, name, param):
    kept_register(module, name, param)
    if param is not None:
        registered.append((type(module).__name__, name))
        module._parameters[name] = type(param)(param.to("meta"), requires_grad=param.requires_grad)


nn.Module.register_parameter = register
made = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3), nn.GroupNorm(1, 3), nn.Conv2d(3, 2, 1))
nn.Module.register_parameter = kept_register
print(registered)
print(described(made), {type(p).__name__ for p in made.parameters()})
print({k: v.device.type for k, v in made.state_dict().items()})
source = {k: torch.ones(v.shape) for k, v in made.state_dict().items()}
print(made.load_state_dict(source, assign=True), {p.device.type for p in made.parameters()})
print(all(type(p) is nn.Parameter and p.requires_grad for p in made.parameters()))


class Base:
    def __init__(self, *args, **kwargs):
        print("Base", args, kwargs)


class Calls(nn.Module, Base):
    call_super_init = True


class Plain(nn.Module, Base):
    pass


Calls(1, a=2)
Plain()
fails(Plain, 1)
fails(Plain, a=1)


class Own(nn.Module):
    @property
    def training(self):
        return self.__dict__.get("_mode", "unset")

    @training.setter
    def training(self, mode):
        self.__dict__["_mode"] = mode


print(Own().training, Own().eval().training, "training" in vars(Own()))
plain = nn.Module()
print(plain.training, plain._parameters, plain._buffers, plain._modules, list(plain.parameters()))


class Found(nn.Module):
    """Finds attributes in its own way, as diffusers' models do."""

    def __getattr__(self, name):
        if name == "virtual":
            return 7
        return super().__getattr__(name)


found = Found()
fails(found.register_parameter, "virtual", nn.Parameter(torch.ones(1)))
fails(found.register_buffer, "training", torch.ones(1))
fails(found.add_module, "forward", nn.Linear(1, 1))
fails(plain.register_parameter, "training", None)
fails(plain.register_buffer, "forward", None)
fails(plain.add_module, "_modules", None)
found.nothing = None
found.p = nn.Parameter(torch.ones(1))
found.p = None
print(found.p, "p" in found._parameters, found.nothing, "nothing" in vars(found))
found.m = nn.Linear(1, 1)
found.m = None
print(found.m, list(found._modules))
found.register_buffer("b", torch.ones(1))
found.b = None
print(found.b, list(found._buffers), found.state_dict())

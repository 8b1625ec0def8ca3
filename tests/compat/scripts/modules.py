"""torch.nn.Module: registration, hooks, state dicts, conversion, errors."""

import copy
import io
import pickle
from collections import OrderedDict

import torch
from torch import nn


def fails(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except Exception as error:
        print(type(error).__name__, str(error).splitlines())
    else:
        print("no error")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.norm = nn.BatchNorm1d(3)
        self.last = nn.Sequential(OrderedDict(act=nn.ReLU(), out=nn.Linear(3, 1)))
        self.scale = nn.Parameter(torch.ones(1))
        self.register_buffer("seen", torch.zeros(2))
        self.register_buffer("scratch", torch.zeros(2), persistent=False)
        self.other = None

    def forward(self, x, factor=1.0):
        return self.last(self.norm(self.first(x))) * self.scale * factor


net = Net()
with torch.no_grad():
    for p in net.parameters():
        p.fill_(0.5)
print(net)
print(list(net.state_dict()))
print([n for n, _ in net.named_parameters()], [n for n, _ in net.named_buffers()])
print([n for n, _ in net.named_modules()], [n for n, _ in net.named_children()])
print(net.state_dict()._metadata)
print(net.get_submodule("last.out"), net.get_parameter("first.weight").shape)
fails(net.get_submodule, "last.nothing")
fails(getattr, net, "nothing")
print("scratch" in dir(net), hasattr(net, "seen"), isinstance(net.seen, torch.Tensor))
fails(net.register_parameter, "a.b", None)
fails(net.register_parameter, "first", None)
fails(net.register_buffer, "x", 3)
fails(setattr, net, "scale", torch.ones(1))
fails(net.add_module, "m", 3)
net.late = nn.Buffer(torch.ones(3), persistent=False)
print([n for n, _ in net.named_buffers()], "late" in net.state_dict())
del net.late

calls = []
x = torch.tensor([[1.0, 2.0], [3.0, -1.0]])
handles = [
    net.register_forward_pre_hook(lambda m, a: calls.append(("pre", len(a)))),
    net.register_forward_pre_hook(
        lambda m, a, k: calls.append(("pre kwargs", sorted(k))), with_kwargs=True
    ),
    net.register_forward_hook(lambda m, a, o: calls.append(("post", tuple(o.shape)))),
    net.register_forward_hook(lambda m, a, k, o: o + 1, with_kwargs=True, prepend=True),
]
net.eval()
print(net(x, factor=2.0).tolist(), calls)
for handle in handles:
    handle.remove()
del calls[:]
net(x)
print(calls, net.training, net.norm.training)

seen = []
layer = nn.Linear(2, 2)
with torch.no_grad():
    layer.weight.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    layer.bias.zero_()
layer.register_full_backward_hook(
    lambda m, gi, go: seen.append(([g.tolist() for g in gi], [g.tolist() for g in go]))
)
inputs = torch.ones(1, 2, requires_grad=True)
layer(inputs).sum().backward()
print(seen, inputs.grad.tolist(), layer.weight.grad.tolist())
layer.zero_grad()
print(layer.weight.grad)

target = Net()
print(target.load_state_dict(net.state_dict()))
print(torch.equal(target.first.weight, net.first.weight))
fails(target.load_state_dict, {"first.weight": torch.zeros(2, 2), "what": torch.zeros(1)})
print(target.load_state_dict({"scale": torch.tensor([2.0])}, strict=False))
target.load_state_dict({"scale": torch.tensor([5.0])}, strict=False, assign=True)
print(target.scale, isinstance(target.scale, nn.Parameter))
order = []
target.register_load_state_dict_post_hook(lambda m, keys: order.append(len(keys.missing_keys)))
target.register_state_dict_post_hook(lambda m, s, p, meta: order.append(("saved", p)))
target.load_state_dict(net.state_dict())
target.state_dict()
print(order)


class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.count = 0

    def get_extra_state(self):
        return {"count": self.count}

    def set_extra_state(self, state):
        self.count = state["count"]


one, two = Counter(), Counter()
one.count = 7
print(one.state_dict())
two.load_state_dict(one.state_dict())
print(two.count)

half = copy.deepcopy(net).half()
print(half.first.weight.dtype, half.norm.num_batches_tracked.dtype, net.first.weight.dtype)
print(net.double().first.bias.dtype, net.to(torch.float32).first.bias.dtype)
fails(net.to, torch.int64)
print(sum(p.numel() for p in net.parameters()), net.requires_grad_(False).scale.requires_grad)
again = pickle.loads(pickle.dumps(net))
print(again.first.weight.tolist() == net.first.weight.tolist(), list(again.state_dict())[:2])

shared = nn.Linear(2, 2, bias=False)
tied = nn.ModuleList([shared, shared])
print(len(list(tied.parameters())), len(list(tied.named_parameters(remove_duplicate=False))))
print(len(list(tied.modules())), list(tied.state_dict()))
with torch.device("meta"):
    empty = nn.Linear(3, 4)
print(empty.weight.device, empty.weight.is_meta, tuple(empty.weight.shape))
fails(empty.to, "cpu")
print(empty.to_empty(device="cpu").weight.device)
empty.compile()
print(nn.Module().forward.__name__)
fails(nn.Module(), 1)
fails(nn.Linear, 1, 2, nothing=3)
print(nn.ModuleDict({"a": nn.ReLU()})["a"], "a" in nn.ModuleDict({"a": nn.ReLU()}))
listed = nn.ParameterList([nn.Parameter(torch.zeros(2)) for _ in range(2)])
print(len(listed), [n for n, _ in listed.named_parameters()])
sequence = nn.Sequential(nn.ReLU(), nn.Tanh())
sequence.append(nn.Identity())
print(sequence[-1], len(sequence), sequence[:2])
sequence.apply(lambda m: order.append(type(m).__name__))
print(order[-4:])
buffer = io.BytesIO()
torch.save(net.state_dict(), buffer)
buffer.seek(0)
print(list(torch.load(buffer))[:3])

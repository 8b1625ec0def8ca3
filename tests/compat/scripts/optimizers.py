"""Every optimizer: twenty steps each, states, groups, state dicts, hooks, errors."""

import copy
import io
import pickle
import warnings

import numpy as np
import torch
from torch import nn, optim
from torch.optim.optimizer import register_optimizer_step_pre_hook, required

CASES = {
    "SGD": [{"lr": 0.1}, {"lr": 0.05, "momentum": 0.9, "dampening": 0.1, "weight_decay": 0.1}],
    "SGD nesterov": [{"lr": 0.05, "momentum": 0.9, "nesterov": True, "maximize": True}],
    "Adam": [{}, {"lr": 0.1, "betas": (0.5, 0.9), "weight_decay": 0.1, "amsgrad": True}],
    "Adam again": [{"foreach": True}, {"fused": True}, {"lr": torch.tensor(0.01)}],
    "AdamW": [{"lr": 0.01}, {"lr": 0.01, "amsgrad": True, "maximize": True}],
    "RMSprop": [{}, {"momentum": 0.5, "weight_decay": 0.1}, {"centered": True}],
    "Adagrad": [{}, {"lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.3}],
    "Adadelta": [{}, {"weight_decay": 0.1, "lr": 0.5}],
    "Adamax": [{}, {"weight_decay": 0.1}],
    "NAdam": [{}, {"weight_decay": 0.1, "decoupled_weight_decay": True}],
    "RAdam": [{"lr": 0.01}, {"weight_decay": 0.1, "betas": (0.9, 0.9)}],
    "ASGD": [{}, {"t0": 3, "weight_decay": 0.1}],
    "Rprop": [{}, {"etas": (0.4, 1.3)}],
    "Adafactor": [{}, {"lr": 0.1, "weight_decay": 0.1, "maximize": True}],
}


def parameters():
    numbers = np.random.RandomState(0)
    shapes = (3, 4), (5,), ()
    arrays = [np.asarray(numbers.randn(*shape), dtype="float32") for shape in shapes]
    return [nn.Parameter(torch.from_numpy(array.reshape(s))) for array, s in zip(arrays, shapes)]


def train(optimizer, params, steps=20, seed=1):
    numbers = np.random.RandomState(seed)
    for _ in range(steps):
        for param in params:
            grad = np.asarray(numbers.randn(*param.shape) * 0.1, dtype="float32")
            param.grad = torch.from_numpy(grad.reshape(tuple(param.shape)))
        optimizer.step()


def brief(values):
    return [f"{value:.4g}" for value in np.asarray(values, dtype="float64").reshape(-1)[:3]]


for title, options in CASES.items():
    for keywords in options:
        params = parameters()
        optimizer = getattr(optim, title.split()[0])(params, **keywords)
        train(optimizer, params)
        print(title, sorted(keywords), [brief(param.detach().numpy()) for param in params])
        state = optimizer.state_dict()["state"]
        for key, value in state.get(0, {}).items():
            print("   ", key, value.dtype, tuple(value.shape), brief(value.numpy()))
    print(optimizer)

for search in None, "strong_wolfe":
    params = [nn.Parameter(torch.tensor([-1.2, 1.0]))]
    optimizer = optim.LBFGS(params, lr=0.5, max_iter=10, line_search_fn=search)

    def rosenbrock(optimizer=optimizer, params=params):
        optimizer.zero_grad()
        x, y = params[0][0], params[0][1]
        loss = 100 * (y - x * x) ** 2 + (1 - x) ** 2
        loss.backward()
        return loss

    losses = [f"{optimizer.step(rosenbrock).item():.2g}" for _ in range(3)]
    print("LBFGS", search, losses, optimizer.state[params[0]]["n_iter"])

# groups, state dicts
params = parameters()
optimizer = optim.AdamW(
    [{"params": params[:1]}, {"params": params[1], "lr": 0.5, "weight_decay": 0}], lr=0.1
)
print([len(group["params"]) for group in optimizer.param_groups], optimizer.param_groups[1]["lr"])
optimizer.add_param_group({"params": params[2], "betas": (0.8, 0.9)})
train(optimizer, params, 3)
state = optimizer.state_dict()
print(list(state), [group["params"] for group in state["param_groups"]], list(state["state"]))
print(state["param_groups"][2])
others = parameters()
other = optim.AdamW([{"params": [param]} for param in others])
other.load_state_dict(copy.deepcopy(state))
print(other.param_groups[1]["lr"], [group["betas"] for group in other.param_groups])
with torch.no_grad():
    for mine, yours in zip(others, params):
        mine.copy_(yours)
train(optimizer, params, 2, seed=5)
train(other, others, 2, seed=5)
print([bool(torch.equal(mine, yours)) for mine, yours in zip(others, params)])
print(other.state[others[0]]["step"].item(), state["state"][0]["step"].item())
file = io.BytesIO()
torch.save(optimizer.state_dict(), file)
file.seek(0)
loaded = torch.load(file)
other.load_state_dict(loaded)
print(other.state[others[1]]["step"], list(loaded["state"][1]))
again = pickle.loads(pickle.dumps(optim.SGD(parameters(), lr=0.1, momentum=0.9)))
print(again.param_groups[0]["momentum"], len(again.param_groups[0]["params"]))
named = optim.SGD(nn.Linear(2, 3).named_parameters(), lr=0.1)
print(named.param_groups[0]["param_names"], named.state_dict()["param_groups"][0]["param_names"])

# zero_grad, closures, hooks
params = parameters()
optimizer = optim.SGD(params, lr=0.1)
train(optimizer, params, 1)
optimizer.zero_grad(set_to_none=False)
print([float(param.grad.abs().sum()) for param in params])
optimizer.zero_grad()
print([param.grad for param in params], dict(optimizer.state))
calls = []
optimizer.register_step_pre_hook(lambda opt, args, kwargs: calls.append("before"))
optimizer.register_step_post_hook(lambda opt, args, kwargs: calls.append("after"))
handle = register_optimizer_step_pre_hook(lambda *given: calls.append("global"))
optimizer.register_state_dict_post_hook(lambda opt, state: dict(state, extra=1))


def closure():
    optimizer.zero_grad()
    loss = sum((param**2).sum() for param in params)
    loss.backward()
    calls.append("closure")
    return loss


print(f"{optimizer.step(closure).item():.4g}", calls, optimizer.state_dict()["extra"])
handle.remove()
optimizer.step()
print(calls[4:])
print(isinstance(optimizer, optim.Optimizer), issubclass(optim.AdamW, optim.Adam))


class Halving(optim.Optimizer):
    def __init__(self, params, factor=0.5):
        super().__init__(params, {"factor": factor})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for param in group["params"]:
                param.mul_(group["factor"])
                self.state[param]["halved"] = self.state[param].get("halved", 0) + 1


param = nn.Parameter(torch.ones(2))
halving = Halving([param])
halving.step()
halving.step()
print(param.tolist(), halving.state_dict(), halving)


def attempt(function):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return function()
        except Exception as error:
            return f"{type(error).__name__}: {error}"


param = nn.Parameter(torch.ones(2))
for wrong in (
    lambda: optim.SGD([], lr=0.1),
    lambda: optim.SGD(param, lr=0.1),
    lambda: optim.SGD([param * 2], lr=0.1),
    lambda: optim.SGD([1], lr=0.1),
    lambda: optim.SGD([param], lr=-1),
    lambda: optim.SGD([param], momentum=-1),
    lambda: optim.SGD([param], nesterov=True),
    lambda: optim.SGD([{"params": {param}}]),
    lambda: optim.SGD([{"params": [param]}, {"params": [param]}]),
    lambda: optim.SGD([param, param]),
    lambda: optim.SGD([("a", param), nn.Parameter(torch.ones(1))]),
    lambda: optim.SGD([param]).add_param_group([param]),
    lambda: optim.Adam([param], betas=(1.0, 0.9)),
    lambda: optim.Adam([param], eps=-1),
    lambda: optim.Adam([param], lr=torch.tensor([1.0, 2.0])),
    lambda: optim.Adam([param], lr=torch.tensor(1.0), foreach=True),
    lambda: optim.Adam([param], fused=True, foreach=True),
    lambda: optim.Rprop([param], etas=(1.0, 0.9)),
    lambda: optim.Adadelta([param], rho=2),
    lambda: optim.LBFGS([{"params": [param]}, {"params": [nn.Parameter(torch.ones(1))]}]),
    lambda: optim.SGD([param]).load_state_dict({"state": {}, "param_groups": []}),
    lambda: optim.SGD([param]).load_state_dict({"state": {}, "param_groups": [{"params": []}]}),
    lambda: optim.Optimizer([param], {}).step(),
    lambda: optim.Optimizer([param], {"lr": required}),
):
    print(attempt(wrong))

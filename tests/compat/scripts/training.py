"""A small training: autograd, optimizers, schedulers, clipping, checkpoints."""

import torch
import torch.nn.functional as F
from torch import nn, optim


def rounded(values):
    return [round(float(value), 4) for value in values]


torch.manual_seed(0)
x = torch.linspace(-1, 1, 32).unsqueeze(1)
y = x**2 + 0.1 * torch.sin(10 * x)
MAKERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=1e-4),
    "nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: optim.Adam(p, lr=0.01),
    "adamw": lambda p: optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "amsgrad": lambda p: optim.Adam(p, lr=0.01, amsgrad=True),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01),
    "adagrad": lambda p: optim.Adagrad(p, lr=0.1),
}
for name, make in MAKERS.items():
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = make(net.parameters())
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = F.mse_loss(net(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    print(name, rounded(losses[::5]), rounded(scheduler.get_last_lr()))

for scheduler_name, options in {
    "StepLR": dict(step_size=2, gamma=0.5),
    "ExponentialLR": dict(gamma=0.9),
    "MultiStepLR": dict(milestones=[1, 3]),
    "LambdaLR": dict(lr_lambda=lambda epoch: 0.95**epoch),
    "LinearLR": dict(total_iters=4),
    "ConstantLR": dict(total_iters=2),
    "CosineAnnealingLR": dict(T_max=5),
    "CosineAnnealingWarmRestarts": dict(T_0=3),
    "PolynomialLR": dict(total_iters=5),
    "OneCycleLR": dict(max_lr=1.0, total_steps=8),
}.items():
    optimizer = optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = getattr(optim.lr_scheduler, scheduler_name)(optimizer, **options)
    rates = []
    for _ in range(6):
        optimizer.step()
        scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
    print(scheduler_name, rounded(rates))

w = torch.tensor([1.0, 2.0], requires_grad=True)
(w * w).sum().backward()
(w * 3).sum().backward()
print(w.grad, w.grad_fn, w.is_leaf)
with torch.no_grad():
    z = w * 2
print(z.requires_grad, (w * 2).requires_grad, torch.is_grad_enabled())
a = torch.tensor([2.0], requires_grad=True)
(first,) = torch.autograd.grad(a**3, a, create_graph=True)
(second,) = torch.autograd.grad(first, a)
print(first.item(), second.item())


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, value):
        ctx.save_for_backward(value)
        return value * value

    @staticmethod
    def backward(ctx, grad):
        (value,) = ctx.saved_tensors
        return 2 * value * grad


b = torch.tensor([3.0], requires_grad=True)
Square.apply(b).backward()
print(b.grad)
c = torch.ones(3, requires_grad=True)
c.register_hook(lambda grad: grad * 10)
(c * 2).sum().backward()
print(c.grad)
d = (torch.ones(2, requires_grad=True) * 2).detach()
print(d.requires_grad, d)


@torch.no_grad()
def quiet(value):
    return value * 2


print(quiet(w).requires_grad)
state = optimizer.state_dict()
print(sorted(state), sorted(state["param_groups"][0])[:4])
checkpointed = torch.utils.checkpoint.checkpoint(lambda v: v.sin(), w, use_reentrant=False)
checkpointed.sum().backward()
print(rounded(w.grad))

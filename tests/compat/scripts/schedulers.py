"""Every learning rate schedule: rates, momentum, states, warnings, errors."""

import copy
import warnings

import torch
from torch import nn, optim
from torch.optim import lr_scheduler
from torch.optim.swa_utils import SWALR, AveragedModel, get_ema_multi_avg_fn, update_bn


def make(lr=0.1, kind=optim.SGD, **options):
    params = [nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))]
    return kind([{"params": params[0]}, {"params": params[1], "lr": 2 * lr}], lr=lr, **options)


class Halving:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, epoch):
        return self.factor**epoch


def shown(values):
    return [f"{float(value):.6g}" for value in values]


CASES = [
    ("LambdaLR", {"lr_lambda": lambda epoch: 0.95**epoch}),
    ("LambdaLR", {"lr_lambda": [Halving(0.5), Halving(0.3)]}),
    ("MultiplicativeLR", {"lr_lambda": lambda epoch: 0.9}),
    ("StepLR", {"step_size": 2, "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [1, 3, 3], "gamma": 0.5}),
    ("ConstantLR", {"factor": 0.25, "total_iters": 3}),
    ("LinearLR", {"start_factor": 0.2, "total_iters": 4}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("PolynomialLR", {"total_iters": 5, "power": 2.0}),
    ("CosineAnnealingLR", {"T_max": 4, "eta_min": 0.01}),
    ("CosineAnnealingWarmRestarts", {"T_0": 2, "T_mult": 2, "eta_min": 0.01}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": [0.1, 0.2], "step_size_up": 3}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 2, "mode": "triangular2"}),
    (
        "CyclicLR",
        {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 2, "mode": "exp_range", "gamma": 0.9},
    ),
    ("OneCycleLR", {"max_lr": 1.0, "total_steps": 10}),
    (
        "OneCycleLR",
        {
            "max_lr": [1.0, 2.0],
            "epochs": 2,
            "steps_per_epoch": 5,
            "three_phase": True,
            "anneal_strategy": "linear",
        },
    ),
]
for name, options in CASES:
    optimizer = make(momentum=0.9)
    scheduler = getattr(lr_scheduler, name)(optimizer, **options)
    print(name, shown(scheduler.get_last_lr()), scheduler.last_epoch)
    for _ in range(9):
        optimizer.step()
        scheduler.step()
        rates = [group["lr"] for group in optimizer.param_groups]
        momentum = [group["momentum"] for group in optimizer.param_groups]
        print("   ", shown(rates), shown(momentum))
    state = copy.deepcopy(scheduler.state_dict())
    print(sorted(state))
    fresh = getattr(lr_scheduler, name)(make(momentum=0.9), **options)
    fresh.optimizer.load_state_dict(optimizer.state_dict())
    fresh.load_state_dict(state)
    fresh.optimizer.step()
    if name != "OneCycleLR":
        fresh.step()
    print(fresh.last_epoch, shown(fresh.get_last_lr()))

optimizer = make(kind=optim.AdamW)
scheduler = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=5)
for _ in range(4):
    optimizer.step()
    scheduler.step()
print(shown(optimizer.param_groups[0]["betas"]), shown(scheduler.get_last_lr()))

optimizer = make()
warmup = lr_scheduler.LinearLR(optimizer, 0.1, total_iters=3)
decay = lr_scheduler.CosineAnnealingLR(optimizer, 5)
scheduler = lr_scheduler.SequentialLR(optimizer, [warmup, decay], [3])
rates = []
for _ in range(8):
    rates.append(scheduler.get_last_lr()[0])
    optimizer.step()
    scheduler.step()
print(shown(rates), sorted(scheduler.state_dict()))
scheduler.load_state_dict(scheduler.state_dict())

optimizer = make()
scheduler = lr_scheduler.ChainedScheduler(
    [lr_scheduler.ConstantLR(optimizer, 0.5, 3), lr_scheduler.ExponentialLR(optimizer, 0.9)]
)
rates = []
for _ in range(5):
    optimizer.step()
    scheduler.step()
    rates.append(scheduler.get_last_lr()[1])
print(shown(rates))

for options in (
    {},
    {"mode": "max", "threshold_mode": "abs", "cooldown": 1, "min_lr": [0.01, 0.02]},
):
    optimizer = make()
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.3, patience=1, **options)
    rates = []
    for metric in [1.0, 0.9, 0.95, 0.95, torch.tensor(0.9), 0.9, 0.9, 0.95, 0.8, 0.9]:
        scheduler.step(metric)
        rates.append(scheduler.get_last_lr()[0])
    print(shown(rates), scheduler.num_bad_epochs, scheduler.best)
    print(sorted(scheduler.state_dict()))

optimizer = make(lr=torch.tensor(0.1))
rate = optimizer.param_groups[0]["lr"]
scheduler = lr_scheduler.StepLR(optimizer, 1, 0.5)
optimizer.step()
scheduler.step()
print(rate, optimizer.param_groups[0]["lr"] is rate)


class Own(lr_scheduler.LRScheduler):
    def get_lr(self):
        return [rate / (1 + self.last_epoch) for rate in self.base_lrs]


optimizer = make()
scheduler = Own(optimizer)
optimizer.step()
scheduler.step()
print(shown(scheduler.get_last_lr()), isinstance(scheduler, lr_scheduler.LRScheduler))
print(issubclass(lr_scheduler._LRScheduler, lr_scheduler.LRScheduler))


def attempt(function):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return function()
        except Exception as error:
            return f"{type(error).__name__}: {error}"


early = lr_scheduler.StepLR(make(), 1)
overridden = lr_scheduler.StepLR(make(), 1)
overridden.optimizer.step = lambda: None
for wrong in (
    early.step,
    overridden.step,
    early.get_lr,
    lambda: lr_scheduler.StepLR(3, 1),
    lambda: lr_scheduler.StepLR(make(), 1, last_epoch=3),
    lambda: lr_scheduler.ExponentialLR(make(), 0.9).step(3),
    lambda: lr_scheduler.LambdaLR(make(), [max]),
    lambda: lr_scheduler.MultiplicativeLR(make(), 3),
    lambda: lr_scheduler.ConstantLR(make(), 2),
    lambda: lr_scheduler.LinearLR(make(), 0),
    lambda: lr_scheduler.LinearLR(make(), 1, 2),
    lambda: lr_scheduler.SequentialLR(make(), [], []),
    lambda: lr_scheduler.SequentialLR(early.optimizer, [early], [1]),
    lambda: lr_scheduler.ChainedScheduler([]),
    lambda: lr_scheduler.ReduceLROnPlateau(make(), factor=1.0),
    lambda: lr_scheduler.ReduceLROnPlateau(make(), "up"),
    lambda: lr_scheduler.CyclicLR(make(kind=optim.Adagrad), 0.1, 0.2),
    lambda: lr_scheduler.CyclicLR(make(), 0.1, 0.2, mode="up"),
    lambda: lr_scheduler.CosineAnnealingWarmRestarts(make(), 0),
    lambda: lr_scheduler.CosineAnnealingWarmRestarts(make(), 1, 0),
    lambda: lr_scheduler.CosineAnnealingWarmRestarts(make(), 1).step(-1),
    lambda: lr_scheduler.OneCycleLR(make(), 0.1),
    lambda: lr_scheduler.OneCycleLR(make(), 0.1, -1),
    lambda: lr_scheduler.OneCycleLR(make(), 0.1, 5, pct_start=2),
    lambda: lr_scheduler.OneCycleLR(make(), 0.1, 5, anneal_strategy="up"),
    lambda: lr_scheduler.OneCycleLR(make(), [0.1], 5),
):
    print(attempt(wrong))

# averages of weights
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
swa = AveragedModel(net)
ema = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)
optimizer = optim.SGD(net.parameters(), lr=0.5)
scheduler = SWALR(optimizer, swa_lr=0.05, anneal_epochs=3)
data = [torch.arange(8.0).reshape(4, 2) / 8, torch.ones(3, 2) * torch.arange(3.0).unsqueeze(1)]
for _ in range(3):
    optimizer.zero_grad()
    net(data[0]).sum().backward()
    optimizer.step()
    swa.update_parameters(net)
    ema.update_parameters(net)
    scheduler.step()
    print(shown(scheduler.get_last_lr()))
update_bn(data, swa)
print(swa.n_averaged, list(swa.state_dict())[:3], shown(swa.module[0].bias))
print(shown(ema.module[0].bias), shown(ema.module[1].running_var))
print([f"{value:.4f}" for value in swa.module[1].running_mean.tolist()], swa(data[0]).shape)

"""Scaling of losses, and autocast where there is no CUDA."""

import torch
from show import show, warned


def trained(bad_step):
    weights = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer = torch.optim.SGD([weights], lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=2)
    seen = []
    for step in range(6):
        optimizer.zero_grad()
        loss = (weights * weights).sum() * (float("inf") if step == bad_step else 1)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        state = scaler.state_dict()
        seen.append((state["scale"], state["_growth_tracker"], weights.detach().clone()))
    return seen


def prepared():
    weights = torch.nn.Parameter(torch.ones(1))
    scaler = torch.amp.GradScaler("cpu")
    return scaler, weights, torch.optim.SGD([weights], lr=0.1)


def unscaled_twice():
    scaler, weights, optimizer = prepared()
    scaler.scale(weights.sum()).backward()
    scaler.unscale_(optimizer)
    scaler.unscale_(optimizer)


def stepped_twice():
    scaler, weights, optimizer = prepared()
    scaler.scale(weights.sum()).backward()
    scaler.step(optimizer)
    scaler.step(optimizer)


def without_gradients():
    scaler, weights, optimizer = prepared()
    scaler.scale(weights.sum())
    scaler.step(optimizer)


def reloaded():
    scaler = torch.amp.GradScaler("cpu")
    scaler.load_state_dict(torch.amp.GradScaler("cpu", init_scale=4.0).state_dict())
    return scaler.get_scale(), scaler.state_dict()


class Cast(torch.autograd.Function):
    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float16)
    def forward(ctx, x):
        return x * 2

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")
    def backward(ctx, grad):
        return grad * 2


def cast():
    x = torch.ones(2, requires_grad=True)
    y = Cast.apply(x)
    y.sum().backward()
    return y.dtype, x.grad


cuda_amp = torch.cuda.amp
show("an overflow", lambda: trained(3))
show("none", lambda: trained(-1))
show("unscaled twice", unscaled_twice)
show("stepped twice", stepped_twice)
show("without gradients", without_gradients)
show("not scaled", lambda: torch.amp.GradScaler("cpu").step(None))
show("nothing to update", lambda: torch.amp.GradScaler("cpu").update())
show("a list", lambda: [len(one) for one in prepared()[0].scale([torch.ones(1), torch.ones(2)])])
show("no tensor", lambda: torch.amp.GradScaler("cpu").scale(3))
show("no growth", lambda: torch.amp.GradScaler("cpu", growth_factor=0.5))
show("state", reloaded)
show("empty state", lambda: torch.amp.GradScaler("cpu").load_state_dict({}))
show("no CUDA to scale for", lambda: warned(torch.amp.GradScaler))
show("nothing scaled then", lambda: torch.amp.GradScaler().scale(3))
show("old scaler", lambda: warned(cuda_amp.GradScaler))
show("no CUDA to cast on", lambda: warned(lambda: torch.autocast("cuda")))
show("old autocast", lambda: warned(lambda: cuda_amp.autocast(enabled=False)))
show("float32 on the CPU", lambda: warned(lambda: torch.autocast("cpu", dtype=torch.float32)))
show("off", lambda: torch.autocast("cpu", enabled=False)(lambda x: x + 1)(2))
show("no device", lambda: torch.autocast(3))
show("unknown device", lambda: torch.autocast("foo"))
show("available", lambda: [torch.amp.is_autocast_available(one) for one in ("cpu", "cuda", "mps")])
show("custom", cast)

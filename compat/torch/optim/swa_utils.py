"""torch.optim.swa_utils: averages of a model's weights along its training."""

import math
from copy import deepcopy
from itertools import chain

import oneflow as flow
import torch
from torch.nn import Module
from torch.optim.lr_scheduler import (
    LRScheduler,
    _format_param,
    _warn_get_lr_called_within_step,
)


def _check_decay(decay):
    if decay < 0.0 or decay > 1.0:
        raise ValueError(
            f"Invalid decay value {decay} provided. Please provide a value in [0,1] range."
        )


def get_ema_multi_avg_fn(decay=0.999):
    """Return a function that moves averages towards parameters by 1 - decay."""
    _check_decay(decay)

    @torch.no_grad()
    def ema_update(ema_param_list, current_param_list, _):
        for average, current in zip(ema_param_list, current_param_list):
            if average.is_floating_point():
                average.add_((current - average) * (1 - decay))
            else:
                average.copy_(average * decay + current * (1 - decay))

    return ema_update


def get_swa_multi_avg_fn():
    """Return a function that makes running means of parameters, given how many came before."""

    @torch.no_grad()
    def swa_update(averaged_param_list, current_param_list, num_averaged):
        count = float(num_averaged) + 1
        for average, current in zip(averaged_param_list, current_param_list):
            average.copy_(average + (current - average) / count)

    return swa_update


def get_ema_avg_fn(decay=0.999):
    """Return a function that gives the exponential moving average of one parameter."""
    _check_decay(decay)

    @torch.no_grad()
    def ema_update(ema_param, current_param, num_averaged):
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_swa_avg_fn():
    """Return a function that gives the running mean of one parameter."""

    @torch.no_grad()
    def swa_update(averaged_param, current_param, num_averaged):
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


class AveragedModel(Module):
    """A copy of a model whose weights are averages (torch.optim.swa_utils.AveragedModel)."""

    def __init__(self, model, device=None, avg_fn=None, multi_avg_fn=None, use_buffers=False):
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", torch.tensor(0, dtype=torch.long, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args, **kwargs):
        """Run the averaged model."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model):
        """Take a model's present weights into the averages."""
        mine, theirs = self.module.parameters(), model.parameters()
        if self.use_buffers:
            mine, theirs = chain(mine, self.module.buffers()), chain(theirs, model.buffers())
        averages = [average.detach() for average in mine]
        current = [value.detach().to(average.device) for average, value in zip(averages, theirs)]
        with flow.no_grad():
            if self.n_averaged.item() == 0:
                for average, value in zip(averages, current):
                    average.copy_(value)
            elif self.avg_fn is not None:
                for average, value in zip(averages, current):
                    count = self.n_averaged.to(average.device)
                    average.copy_(self.avg_fn(average, value, count))
            else:
                update = self.multi_avg_fn or get_swa_multi_avg_fn()
                for alike in _alike(averages, current):
                    update(*alike, self.n_averaged.to(alike[0][0].device))
            if not self.use_buffers:
                for average, value in zip(self.module.buffers(), model.buffers()):
                    average.detach().copy_(value.detach().to(average.device))
            self.n_averaged += 1


def _alike(averages, current):
    """Part two lists of tensors by device and dtype."""
    groups = {}
    for average, value in zip(averages, current):
        pair = groups.setdefault((str(average.device), average.dtype), ([], []))
        pair[0].append(average)
        pair[1].append(value)
    return groups.values()


@torch.no_grad()
def update_bn(loader, model, device=None):
    """Compute the running statistics of a model's batch norms anew from data."""
    momenta = {
        module: module.momentum
        for module in model.modules()
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)
    }
    if not momenta:
        return
    was_training = model.training
    model.train()
    for module in momenta:
        module.reset_running_stats()
        module.momentum = None
    for batch in loader:
        if isinstance(batch, (list, tuple)):
            batch = batch[0]
        model(batch if device is None else batch.to(device))
    for module, momentum in momenta.items():
        module.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """To a constant rate within some epochs (torch.optim.swa_utils.SWALR)."""

    def __init__(self, optimizer, swa_lr, anneal_epochs=10, anneal_strategy="cos", last_epoch=-1):
        rates = _format_param("swa_lr", optimizer, swa_lr)
        for group, rate in zip(optimizer.param_groups, rates):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self._anneal_strategy = anneal_strategy
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _share(self, step):
        """Return the final rate's part in the mixture at a step."""
        done = max(0, min(1, step / max(1, self.anneal_epochs)))
        return done if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * done)) / 2

    def get_lr(self):
        """Return the rates of the next epoch, from the last ones."""
        _warn_get_lr_called_within_step(self)
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._share(step - 1), self._share(step)
        rates = []
        for group in self.optimizer.param_groups:
            final = group["swa_lr"]
            first = final if before == 1 else (group["lr"] - before * final) / (1 - before)
            rates.append(final * now + first * (1 - now))
        return rates

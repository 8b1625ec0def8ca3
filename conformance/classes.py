"""Modules and optimizers: what is done with one, on real PyTorch and on the mock alike."""

import random

import numpy as np

from conformance import calls, storage

SEED = 42
#: Shapes of the parameters that an optimizer is given, and how many steps it takes.
SHAPES = ((3, 4), (5,), (2, 1, 3))
STEPS = 4


def seeded():
    import torch

    torch.manual_seed(SEED)
    random.seed(SEED)
    np.random.seed(SEED)


def module(entry, args, options, training):
    """Return a module as its constructor makes it from the one seed."""
    seeded()
    made = calls.resolve(entry["public"])(*args, **options)
    return made.train(training)


def state(made):
    """Return the names and tensors of what a module keeps, those that it has already."""
    import torch

    return [
        (name, one)
        for name, one in made.state_dict().items()
        if isinstance(one, torch.Tensor) and "Uninitialized" not in type(one).__name__
    ]


def forward(made, args, options):
    seeded()
    return made(*args, **options)


def stepped(entry, options, steps=STEPS):
    """Return an optimizer's parameters after some steps, and what it keeps of each."""
    import torch

    params = []
    for number, shape in enumerate(SHAPES):
        values = storage.pattern(number, shape).astype(np.float32)
        params.append(torch.nn.Parameter(torch.from_numpy(values)))
    optimizer = calls.resolve(entry["public"])(params, **options)

    def closure():
        optimizer.zero_grad()
        loss = sum((one * one * (number + 1) + one).sum() for number, one in enumerate(params))
        loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(closure)
    kept = optimizer.state_dict()
    return {
        "params": [one.detach() for one in params],
        "state": {
            str(number): {key: told[key] for key in sorted(told)}
            for number, told in sorted(kept["state"].items())
        },
        "groups": sorted(kept["param_groups"][0]),
    }

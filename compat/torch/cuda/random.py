"""Random numbers on CUDA: OneFlow's generators; without a device, nothing happens."""

from __future__ import annotations

import oneflow as flow

from oneflow_mock.compat.kernels.devices import cuda_count

__all__ = [
    "get_rng_state",
    "get_rng_state_all",
    "set_rng_state",
    "set_rng_state_all",
    "manual_seed",
    "manual_seed_all",
    "seed",
    "seed_all",
    "initial_seed",
]


def _generator(device):
    import torch

    if not cuda_count():
        raise AssertionError("Torch not compiled with CUDA enabled")
    return flow.default_generator(f"cuda:{torch.cuda._index(device, optional=True)}")


def get_rng_state(device="cuda"):
    """Return the state of a device's generator, in OneFlow's form."""
    return _generator(device).get_state()


def get_rng_state_all():
    """Return the states of all devices' generators."""
    return [get_rng_state(index) for index in range(cuda_count())]


def set_rng_state(new_state, device="cuda") -> None:
    """Set the state of a device's generator to one that `get_rng_state` gave."""
    if cuda_count():
        _generator(device).set_state(new_state)


def set_rng_state_all(new_states) -> None:
    """Set the states of all devices' generators."""
    for index, state in enumerate(new_states):
        set_rng_state(state, index)


def manual_seed(seed) -> None:
    """Seed the current device's generator."""
    seed = int(seed)
    if cuda_count():
        _generator(None).manual_seed(seed)


def manual_seed_all(seed) -> None:
    """Seed the generators of all devices."""
    seed = int(seed)
    if cuda_count():
        flow._oneflow_internal.ManualSeedAllCudaGenerator(seed)


def seed() -> None:
    """Seed the current device's generator with a number nobody knows."""
    if cuda_count():
        _generator(None).seed()


def seed_all() -> None:
    """Seed the generators of all devices with one number nobody knows."""
    if cuda_count():
        manual_seed_all(_generator(0).seed())


def initial_seed() -> int:
    """Return the seed of the current device's generator."""
    return _generator(None).initial_seed()

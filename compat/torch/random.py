"""torch.random: the default generators, and putting them back as they were."""

from __future__ import annotations

import contextlib
import warnings

import oneflow as flow

from oneflow_mock.compat.kernels.generator import (  # noqa: F401
    default_generator,
    manual_seed,
    seed,
)

_fork_rng_warned_already = False


def set_rng_state(new_state):
    """Set the state of the CPU's default generator."""
    default_generator.set_state(new_state)


def get_rng_state():
    """Return the state of the CPU's default generator, a tensor of bytes."""
    return default_generator.get_state()


_manual_seed_impl = manual_seed


def initial_seed():
    """Return the seed that the CPU's default generator was started with."""
    return default_generator.initial_seed()


def _cuda_generators(devices):
    """Return OneFlow's default generators of some CUDA devices."""
    found = []
    for device in devices:
        name = device if isinstance(device, (str, flow.device)) else f"cuda:{device}"
        if flow.device(name).type == "cuda":
            found.append(flow._oneflow_internal.default_generator(str(flow.device(name))))
    return found


@contextlib.contextmanager
def fork_rng(
    devices=None, enabled=True, _caller="fork_rng", _devices_kw="devices", device_type=None
):
    """Put the random states back on leaving: the CPU's, and those of the given CUDA devices."""
    global _fork_rng_warned_already
    if not enabled or device_type == "meta":
        yield
        return
    if devices is None:
        count = flow.cuda.device_count() if flow.cuda.is_available() else 0
        if count > 1 and not _fork_rng_warned_already:
            warnings.warn(
                f"CUDA reports that you have {count} available devices, and you have used "
                f"{_caller} without explicitly specifying which devices are being used. Every one "
                f"is saved, which is slow; name those that you use by the {_devices_kw!r} keyword "
                "argument.",
                stacklevel=3,
            )
            _fork_rng_warned_already = True
        devices = range(count)
    generators = _cuda_generators(devices)
    saved = get_rng_state()
    states = [generator.get_state() for generator in generators]
    try:
        yield
    finally:
        set_rng_state(saved)
        for generator, state in zip(generators, states):
            generator.set_state(state)


def thread_safe_generator():
    """Return the generator of the DataLoader's worker thread one is in; None outside of one."""
    from torch.utils.data import get_worker_info

    worker = get_worker_info()
    if worker is None or getattr(worker, "worker_method", None) != "thread":
        return None
    return getattr(getattr(worker, "rng", None), "torch_generator", None)

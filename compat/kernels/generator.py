"""torch.Generator, and the generators that are there without one being made.

On the CPU a generator's numbers are PyTorch's; on other devices OneFlow's kernels draw from it.
"""

from __future__ import annotations

import numbers
import os
import threading

import numpy as np
import oneflow as flow

from oneflow_mock.compat.kernels.devices import cuda_count, device_type
from oneflow_mock.compat.kernels.mersenne import DEFAULT_SEED, STATE_BYTES, Mersenne

_internal = flow._oneflow_internal

#: OneFlow's own, taken before the mock puts another in its place.
_seed_engine = _internal.manual_seed


def _unpacked(seed) -> int:
    """Return a seed as the unsigned 64-bit integer that PyTorch makes of it."""
    if isinstance(seed, (bool, np.bool_)) or not isinstance(seed, numbers.Integral):
        raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
    seed = int(seed)
    if not -(1 << 63) <= seed < 1 << 64:
        raise ValueError("Overflow when unpacking long long")
    return seed & ((1 << 64) - 1)


def _signed(seed: int) -> int:
    """Return an unsigned 64-bit seed as the signed one that OneFlow takes."""
    return seed - (1 << 64) if seed >> 63 else seed


def _nondeterministic_seed() -> int:
    return int.from_bytes(os.urandom(8), "little")


class Generator(_internal.Generator):
    """torch.Generator: a stream of random numbers with a seed and a state.

    It is one of OneFlow's generators as well, so that OneFlow's kernels take it; on the CPU its
    own stream is PyTorch's.
    """

    __slots__ = ("lock", "stream")

    def __init__(self, device=None) -> None:
        kind = _generator_kind(device)
        super().__init__("cpu" if kind == "cpu" else str(flow.device(device)))
        self.stream = Mersenne(DEFAULT_SEED)
        self.lock = threading.RLock()

    def manual_seed(self, seed):
        """Start the stream of a seed; return the generator."""
        self._restart(_unpacked(seed))
        return self

    def seed(self):
        """Start the stream of a seed from the operating system, and return that seed."""
        seed = _nondeterministic_seed()
        self._restart(seed)
        return seed

    def _restart(self, seed: int) -> None:
        with self.lock:
            self.stream.seed(seed)
            super().manual_seed(_signed(seed))

    def initial_seed(self):
        """Return the seed that the stream was started with."""
        return self.stream.initial_seed

    def get_state(self):
        """Return the state as a tensor of bytes, on the CPU in PyTorch's layout."""
        if self.device.type != "cpu":
            return super().get_state()
        with self.lock:
            return flow.from_numpy(self.stream.save().copy())

    def set_state(self, new_state):
        """Continue from a state; return the generator."""
        if not isinstance(new_state, flow.Tensor):
            raise TypeError(f"expected a torch.ByteTensor, but got {type(new_state).__name__}")
        if new_state.dtype != flow.uint8:
            raise TypeError("RNG state must be a torch.ByteTensor")
        if self.device.type != "cpu":
            super().set_state(new_state)
            return self
        if new_state.numel() != STATE_BYTES:
            raise RuntimeError(
                f"Expected a CPUGeneratorImplState of size {STATE_BYTES} but found the input RNG "
                f"state size to be {new_state.numel()}"
            )
        with self.lock:
            try:
                self.stream.load(new_state.cpu().numpy())
            except ValueError as error:
                raise RuntimeError(str(error)) from None
        return self

    def clone_state(self):
        """Return a generator of its own with the same state."""
        return Generator(self.device).set_state(self.get_state())

    def get_offset(self):
        """Raise: a CPU stream has no offset."""
        raise RuntimeError("CPU Generator does not use offset")

    def set_offset(self, offset):
        """Raise: a CPU stream has no offset."""
        raise RuntimeError("CPU Generator does not use offset")

    def graphsafe_get_state(self):
        """Raise: CPU generators have none."""
        raise NotImplementedError("graphsafe_get_state is not supported in this Generator")

    def graphsafe_set_state(self, state):
        """Raise: CPU generators have none."""
        raise NotImplementedError("graphsafe_set_state is not supported in this Generator")

    @property
    def _cdata(self):
        return id(self)

    def __reduce__(self):
        # A device by its name: OneFlow's devices cannot be pickled.
        device = "cpu" if self.device.type == "cpu" else str(self.device)
        return (Generator, (device,), (self.initial_seed(), None, self.get_state()))

    def __reduce_ex__(self, protocol):
        return self.__reduce__()

    def __setstate__(self, state):
        seed, _, words = state
        self.manual_seed(seed)
        self.set_state(words)


Generator.__module__ = "torch._C"


def _generator_kind(device) -> str:
    if device is None:
        return "cpu"
    if not isinstance(device, (str, int, flow.device)) or isinstance(device, bool):
        raise TypeError(
            "Generator(): argument 'device' (position 1) must be torch.device, not "
            + type(device).__name__
        )
    kind = device_type(device)
    if kind == "cpu":
        return kind
    if kind != "cuda":
        raise RuntimeError(f"Device type {kind} is not supported for torch.Generator() api.")
    if not cuda_count():
        raise RuntimeError(
            "Cannot get CUDA generator without ATen_cuda library: OneFlow finds no CUDA device here"
        )
    return kind


#: What is drawn from where no generator is given: seeded by the operating system, as PyTorch's.
default_generator = Generator()
default_generator.stream.seed(_nondeterministic_seed())


def seed_all(seed: int) -> None:
    """Start the default generators of every device, OneFlow's among them, with one seed."""
    default_generator.manual_seed(seed)
    _seed_engine(_signed(_unpacked(seed)))


def manual_seed(seed):
    """torch.manual_seed: seed the default generators of all devices; return the CPU's."""
    seed_all(int(seed))
    return default_generator


def seed():
    """torch.seed: seed them from the operating system, and return the seed."""
    chosen = _nondeterministic_seed()
    seed_all(chosen)
    return chosen


def generator_of(api: str, generator, kind: str = "cpu") -> Generator:
    """Return the generator to draw from, the default one for None; PyTorch's error for another."""
    if generator is None:
        return default_generator
    if not isinstance(generator, Generator):
        raise TypeError(
            f"{api}(): argument 'generator' must be torch.Generator, not "
            + type(generator).__name__
        )
    if generator.device.type != kind:
        raise RuntimeError(
            f"Expected a '{kind}' device type for generator but found '{generator.device.type}'"
        )
    return generator

"""PyTorch's CPU random stream: its mt19937 words, its saved state, byte for byte.

NumPy has the same generator, so the words come from there, in bulk and without a Python loop.
Nothing here knows OneFlow.
"""

from __future__ import annotations

import numpy as np
from numpy.random import MT19937
from numpy.random.bit_generator import ISeedSequence

#: The seed of a generator that nobody has seeded.
DEFAULT_SEED = 67280421310721

_WORDS = 624

#: The bytes that ``torch.Generator.get_state()`` returns: seed, words left, the words one in each
#: eight bytes, the second half of a normal pair that was not asked for yet.
_STATE = np.dtype(
    [
        ("seed", "<u8"),
        ("left", "<i4"),
        ("seeded", "<i4"),
        ("next", "<u8"),
        ("words", "<u8", (_WORDS,)),
        ("normal_x", "<f8"),
        ("normal_y", "<f8"),
        ("normal_rho", "<f8"),
        ("normal_is_valid", "<i4"),
        ("padding", "<i4"),
        ("float_normal", "<f4"),
        ("float_normal_is_valid", "<i4"),
    ]
)

STATE_BYTES = _STATE.itemsize

_HIGH = np.uint64(32)


class _NoEntropy(ISeedSequence):
    """Spares a stream that is seeded right after the hashing that NumPy seeds it with."""

    _words = np.ones(_WORDS, np.uint32)

    def generate_state(self, n_words, dtype=np.uint32):
        return self._words


class Mersenne:
    """One stream of random words; what is drawn from it is drawn in PyTorch's order."""

    __slots__ = ("_address", "_bits", "float_normal", "initial_seed", "normal", "words")

    def __init__(self, seed: int = DEFAULT_SEED) -> None:
        self._bits = MT19937(_NO_ENTROPY)
        self._address: int | None = None
        #: ``words(n)``: the next n words of 32 bits, each in an uint64.
        self.words = self._bits.random_raw
        self.seed(seed)

    def seed(self, seed: int) -> None:
        """Start the stream of a seed, an integer below 2**64 of which mt19937 takes 32 bits."""
        self._bits._legacy_seeding(seed & 0xFFFFFFFF)
        self.initial_seed = seed
        #: The second normal of a Box-Muller pair, where only the first was asked for.
        self.normal: float | None = None
        #: Never set by a CPU kernel of PyTorch, but part of the state.
        self.float_normal: float | None = None

    def long_words(self, count: int) -> np.ndarray:
        """Return the next words of 64 bits: two of the stream each, the high one first."""
        pairs = self.words(2 * count)
        high = pairs[0::2] << _HIGH
        high |= pairs[1::2]
        return high

    @property
    def address(self) -> int:
        """Where NumPy keeps the words and the place of the next one: what random.cpp takes."""
        if self._address is None:
            self._address = self._bits.ctypes.state_address
        return self._address

    def skip(self, count: int) -> None:
        """Leave out some words."""
        self._bits.random_raw(count, output=False)

    def save(self) -> np.ndarray:
        """Return the state as PyTorch writes it."""
        engine = self._bits.state["state"]
        state = np.zeros((), _STATE)
        position = int(engine["pos"])
        # After seeding, both generators have yet to make the first block of words; PyTorch writes
        # this as position 0, NumPy as 624. A block used up is 624 in both.
        if position == _WORDS and int(engine["key"][0]) == self.initial_seed & 0xFFFFFFFF:
            position = 0
        state["seed"] = self.initial_seed
        state["left"] = 1 if position == 0 else _WORDS + 1 - position
        state["seeded"] = 1
        state["next"] = position
        state["words"] = engine["key"]
        if self.normal is not None:
            state["normal_is_valid"] = 1
            state["normal_y"] = self.normal
        if self.float_normal is not None:
            state["float_normal_is_valid"] = 1
            state["float_normal"] = self.float_normal
        return np.frombuffer(state.tobytes(), np.uint8)

    def load(self, saved: np.ndarray) -> None:
        """Continue from a state that PyTorch or ``save`` has written; ValueError if it is none."""
        state = np.frombuffer(saved.tobytes(), _STATE)[0]
        left, position = int(state["left"]), int(state["next"])
        is_unused = left == 1 and position == 0
        if not state["seeded"] or not (
            is_unused or (position > 0 and left + position == _WORDS + 1)
        ):
            raise ValueError("Invalid mt19937 state")
        self._bits.state = {
            "bit_generator": "MT19937",
            "state": {
                "key": state["words"].astype(np.uint32),
                "pos": _WORDS if is_unused else position,
            },
        }
        self.initial_seed = int(state["seed"])
        self.normal = float(state["normal_y"]) if state["normal_is_valid"] else None
        self.float_normal = (
            float(state["float_normal"]) if state["float_normal_is_valid"] & 0xFF else None
        )


_NO_ENTROPY = _NoEntropy()


class Cursor:
    """Uniform doubles one at a time, for samplers that cannot know how many they will need.

    Words are drawn ahead; leaving the ``with`` block puts the stream where PyTorch's would be.
    """

    __slots__ = ("_ahead", "_before", "_block", "_stream", "_used")

    def __init__(self, stream: Mersenne, guess: int) -> None:
        self._stream = stream
        self._block = max(64, guess)

    def __enter__(self) -> Cursor:
        self._before = self._stream._bits.state
        self._ahead = iter(())
        self._used = 0
        return self

    def uniform(self) -> float:
        """Return the next double of [0, 1), of 53 bits."""
        value = next(self._ahead, None)
        if value is None:
            self._ahead = iter(doubles(self._stream.long_words(self._block)).tolist())
            value = next(self._ahead)
        self._used += 1
        return value

    def __exit__(self, *error) -> None:
        self._stream._bits.state = self._before
        self._stream.skip(2 * self._used)


_MASK24 = np.uint32((1 << 24) - 1)
_MASK53 = np.uint64((1 << 53) - 1)


def doubles(long_words: np.ndarray) -> np.ndarray:
    """Turn words of 64 bits into doubles of [0, 1): the low 53 bits of each."""
    values = (long_words & _MASK53).astype(np.float64)
    values *= 2.0**-53
    return values


def bits24(words: np.ndarray) -> np.ndarray:
    """Return the low 24 bits of words of 32 bits, as int32."""
    return (words.view(np.uint32)[0::2] & _MASK24).view(np.int32)


def floats(words: np.ndarray) -> np.ndarray:
    """Turn words of 32 bits into floats of [0, 1): the low 24 bits of each."""
    values = bits24(words).astype(np.float32)
    values *= np.float32(2.0**-24)
    return values

"""Keep NumPy arrays alive that tensors share, until the main program can let them go.

OneFlow drops its reference to an array on its own thread. Where that is the last reference, the
array is freed there, without Python's lock, and the process ends sooner or later in a failed check
(``list_hook.h``; ``t = from_numpy(a); v = t[0]; del a, t; v.item()`` in a loop shows it). So
every array is held here too, and let go by a later call once nobody else has it.
"""

from __future__ import annotations

import sys

import oneflow as flow

_from_numpy = flow.from_numpy
_held: list = []
_SWEEP_COUNT = 512
_SWEEP_BYTES = 1 << 26
#: References to an array that only this module has: the list, the loop's name and the call.
_OURS = 3

_next_count = _SWEEP_COUNT
_new_bytes = 0


def from_numpy(ndarray):
    """Return an array as a tensor that shares its memory (OneFlow's own, made safe)."""
    global _new_bytes
    made = _from_numpy(ndarray)
    base = ndarray.base
    if base is None or not _held or base is not _held[-1].base:
        _new_bytes += ndarray.nbytes  # else of memory that was counted with the one before
    _held.append(ndarray)
    if len(_held) >= _next_count or _new_bytes >= _SWEEP_BYTES:
        sweep()
    return made


def sweep() -> None:
    """Let go of the arrays that no tensor and nobody else has any more."""
    global _next_count, _new_bytes
    _held[:] = [array for array in _held if sys.getrefcount(array) > _OURS]
    _next_count = max(_SWEEP_COUNT, 2 * len(_held))
    _new_bytes = 0


def install(patches) -> None:
    """Put the safe form in the place of OneFlow's, before anybody takes it by name."""
    patches.set(flow, "from_numpy", from_numpy)

"""Give back the memory that only the loading of OneFlow's libraries took.

The dynamic linker looks at nearly all of the libraries' code, 130 MB of it, which counts as the
process's resident memory from then on, although little of it ever runs. Code that nobody has
changed can be let go: what is needed is mapped anew, from the file system's cache.
"""

from __future__ import annotations

import ctypes
import os

from . import engine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_DONTNEED = 4  # MADV_DONTNEED, of <sys/mman.h>
#: Smaller mappings are not worth a call.
_LEAST = 1 << 20


def release_code() -> None:
    """Let go of the pages of the code of OneFlow's libraries; do nothing where that is unknown."""
    try:
        release = ctypes.CDLL(None).madvise
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as lines:
            mappings = list(_code(lines))
    except (OSError, AttributeError, ValueError):
        return
    release.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for start, end in mappings:
        release(start, end - start, _DONTNEED)


def _code(lines) -> Iterator[tuple[int, int]]:
    """Yield where the code of OneFlow's libraries lies.

    Of those it is known that the linker changes nothing in it (they have no DT_TEXTREL): what is
    changed would be lost.
    """
    packages = os.path.dirname(engine.folder())
    ours = tuple(os.path.join(packages, name) for name in ("oneflow" + os.sep, "oneflow.libs"))
    ours += (os.path.join(packages, "nvidia"),)
    for line in lines:
        where, access, _, _, _, *path = line.rstrip("\n").split(maxsplit=5)
        if access != "r-xp" or not path:
            continue
        start, end = (int(one, 16) for one in where.split("-"))
        if end - start < _LEAST:
            continue
        if path[0].startswith(ours) or os.path.basename(path[0]).startswith("libdnnl.so"):
            yield start, end

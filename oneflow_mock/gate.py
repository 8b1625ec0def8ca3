"""Keep switching and importing apart: no import of torch is half done while the mock is switched.

A thread that switches waits until no other one is importing torch; one that begins to import torch
meanwhile waits for the switch. The import system tells nobody when an import ends, so the threads'
frames are looked at.

Finders are called with the import system's one lock held: a finder that waited, or imported
anything itself, could wait for a thread that waits for that lock. So it asks `holds_back` only, and
the loader waits.
"""

from __future__ import annotations

import os
import sys
import time
from _thread import RLock, get_ident

#: Held by the thread that switches.
switching = RLock()

_PATIENCE = 60.0
_is_closed = False
#: Threads that are about to import torch and wait for a switch to end.
_waiting: set = set()


def is_torch(fullname: str) -> bool:
    """Tell whether a dotted name is torch or below it; torchvision is not."""
    return fullname == "torch" or fullname.startswith("torch.")


def close() -> None:
    """Let no import of torch begin from now on, and wait for those that have; needs `switching`."""
    global _is_closed
    deadline = time.monotonic() + _PATIENCE
    while True:
        _is_closed = False  # those underway may wait for one that would be held back
        _wait_for_others(deadline)
        _is_closed = True
        if not _is_anyone_importing() or time.monotonic() > deadline:
            return


def settle() -> None:
    """Wait until whoever began to import torch since `close` has come to a halt."""
    _wait_for_others(time.monotonic() + _PATIENCE)


def open_again() -> None:
    """Let imports go on, in the state that there is now."""
    global _is_closed
    _is_closed = False


def holds_back(fullname: str, frame) -> bool:
    """Tell whether the import of a torch module, about to begin in ``frame``, is to wait."""
    if not _is_closed:
        return False
    imports = list(_imports_of_torch(frame))
    return imports[:1] == [fullname] and _is_first_step(imports)


def wait() -> None:
    """Wait until there is no switch in progress."""
    if not _is_closed:
        return
    me = get_ident()
    _waiting.add(me)
    try:
        with switching:
            pass
    finally:
        _waiting.discard(me)


def _wait_for_others(deadline: float) -> None:
    while _is_anyone_importing() and time.monotonic() < deadline:
        time.sleep(0.0005)


def _is_anyone_importing() -> bool:
    me = get_ident()
    return any(
        thread != me and thread not in _waiting and _is_underway(frame)
        for thread, frame in sys._current_frames().items()
    )


def _is_underway(frame) -> bool:
    """Tell whether a switch would disturb what a thread does."""
    imports = list(_imports_of_torch(frame))
    # One that waits for another thread's import to end has done nothing yet itself.
    is_blocked = frame.f_code.co_name == "acquire" and _is_import_system(frame)
    return bool(imports) and not (is_blocked and _is_first_step(imports))


def _is_first_step(imports) -> bool:
    """Tell whether the innermost of imports is the first: it is for the others' own parent."""
    return all(name == imports[0] or name.startswith(f"{imports[0]}.") for name in imports)


def _imports_of_torch(frame):
    """Yield the names of the torch modules whose import a frame is within, innermost first."""
    while frame is not None:
        if frame.f_code.co_name == "_find_and_load" and _is_import_system(frame):
            name = frame.f_locals.get("name", "")
            if is_torch(name):
                yield name
        frame = frame.f_back


def _is_import_system(frame) -> bool:
    return frame.f_code.co_filename.startswith("<frozen importlib")


def _in_forked_child() -> None:
    global switching, _is_closed
    switching = RLock()
    _is_closed = False
    _waiting.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_forked_child)

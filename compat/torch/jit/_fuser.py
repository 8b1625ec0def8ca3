"""Settings of PyTorch's script fuser, which is not here: results do not depend on them."""

from __future__ import annotations

import contextlib


@contextlib.contextmanager
def optimized_execution(should_optimize):
    """Run the block: nothing here is optimised by a script compiler."""
    yield


@contextlib.contextmanager
def fuser(name):
    """Run the block: there is no fuser to choose."""
    if name not in ("fuser0", "fuser1", "fuser2", "fuser3"):
        raise Exception(f"unrecognized fuser option (name: {name})")
    yield


def set_fusion_strategy(strategy):
    """Return the strategy before, as PyTorch does: none is followed here."""
    return [("STATIC", 2), ("DYNAMIC", 10)]

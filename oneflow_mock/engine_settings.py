"""How OneFlow runs on a CPU: everything that is set around its import, with reason and figure.

Figures are of 2 cores (Intel Xeon, AVX-512), in microseconds, with PyTorch's after the slash.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes
    from types import ModuleType
    from typing import Any

    from oneflow_mock.patches import Patches

#: ``1`` leaves operators to OneFlow's threads, as without the native kernels.
QUEUE = "ONEFLOW_MOCK_QUEUE"

_VARIABLES = {
    # The scheduler's thread computes, instead of handing each operator to a worker. It matters
    # where operators are queued (see `settle`).
    "ONEFLOW_VM_COMPUTE_ON_WORKER_THREAD": "0",
    # OpenMP's threads, which only OneFlow's own kernels and a second thread's use, sleep between
    # kernels: where other programs compute, too, threads that spin take away the processor from
    # those that they wait for. The native kernels' threads spin while that pays (``team.cpp``).
    "OMP_WAIT_POLICY": "passive",
}
#: What else of the user's says the same as one of ours.
_SYNONYMS = {"OMP_WAIT_POLICY": ("GOMP_SPINCOUNT", "KMP_BLOCKTIME")}


class Variables:
    """Set variables while OneFlow and the kernels load, which is when they are read.

    What the user has set stays. No program sees them, nor its children, which load OneFlow by
    this way themselves.
    """

    def __enter__(self):
        self._ours = [
            name
            for name in _VARIABLES
            if not any(given in os.environ for given in (name, *_SYNONYMS.get(name, ())))
        ]
        for name in self._ours:
            os.environ[name] = _VARIABLES[name]

    def __exit__(self, *error):
        for name in self._ours:
            os.environ.pop(name, None)


def settle(flow: ModuleType) -> None:
    """Start what OneFlow would start later.

    OneFlow makes its streams when they are first used, and a thread that makes one lets go of
    Python's lock and takes it again while it holds a lock of OneFlow's: with two threads that is a
    deadlock (4 of 6 runs). Made here, all is well.
    """
    internal: Any = getattr(flow, "_oneflow_internal", None)
    if hasattr(internal, "eager"):  # no stand-in for OneFlow
        internal.eager.Sync()
        flow.empty(1)
        internal.eager.Sync()


_has_graph = False


def run_at_once(flow: ModuleType, kernels: ctypes.CDLL | None, patches: Patches) -> None:
    """Have operators run on the thread that calls them, with the native kernels (``engine.cpp``).

    Memory shared with NumPy is then written when the call returns, as in PyTorch. ``relu`` of 4
    elements takes 2.4 instead of 4.2 to 8 / 0.8, ``sum().item()`` 4.6 instead of 44 / 1.3. CUDA
    needs OneFlow's threads, and so do a program of several processes and an ``nn.Graph``, which
    runs beside the operators: the first one switches back for good.
    """
    if kernels is None or _has_graph or os.environ.get(QUEUE, "") not in ("", "0"):
        return
    internal: Any = flow._oneflow_internal
    if flow.env.get_world_size() > 1 or internal.CudaGetDeviceCount():
        return
    internal.eager.Sync()
    if not kernels.ofm_run_at_once(1):
        return
    init = patches.original(flow.nn.Graph, "__init__")

    def __init__(self, *args, **kwargs):
        global _has_graph
        _has_graph = True
        kernels.ofm_run_at_once(0)
        init(self, *args, **kwargs)

    patches.set(flow.nn.Graph, "__init__", __init__)


def run_queued(kernels: ctypes.CDLL | None) -> None:
    """Leave operators to OneFlow's threads again."""
    if kernels is not None:
        kernels.ofm_run_at_once(0)

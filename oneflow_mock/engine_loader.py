"""Import OneFlow without what its import does to the process around it."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile

from oneflow_mock import engine, engine_memory, engine_settings, kernel_library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: What OneFlow 0.9.0 writes on stderr at every import on a machine without InfiniBand or a GPU.
_NOISE = (b"libibverbs not available", b"CUDA driver version is insufficient")


def load_engine():
    """Import OneFlow, less the lines that it always prints; EngineError if it is broken."""
    loaded = sys.modules.get("oneflow")
    if loaded is not None:
        return loaded
    engine.check()
    try:
        with _Quiet(), _Undisturbed(), engine_settings.Variables():
            loaded = importlib.import_module("oneflow")
            kernel_library.load()  # before the first operator runs
            engine_memory.release_code()
            engine_settings.settle(loaded)
            return loaded
    except ImportError as error:
        if str(error).startswith("KeyboardInterrupt"):
            # OneFlow's compiled part turns whatever happens in it into an ImportError.
            raise KeyboardInterrupt from None
        raise engine.explain(error) from error


class _Undisturbed:
    """Put back what OneFlow's import changes for the whole process.

    It takes SIGINT over and exits at once, so a program would get no KeyboardInterrupt; one that
    comes while OneFlow loads is kept for the end. It sets the variables of a launcher for its own
    start, which accelerate and every child process would take for a sign of being launched.
    """

    _VARIABLES = ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "RANK", "LOCAL_RANK")

    def __enter__(self):
        import ctypes
        import signal

        # The handler of C, which unlike Python's can be set in any thread.
        get, self._set = ctypes.pythonapi["PyOS_getsig"], ctypes.pythonapi["PyOS_setsig"]
        get.restype = self._set.restype = ctypes.c_void_p
        self._set.argtypes = (ctypes.c_int, ctypes.c_void_p)
        self._signal = signal
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        self._handler = get(int(signal.SIGINT))
        self._environ = {name: os.environ.get(name) for name in self._VARIABLES}

    def __exit__(self, *error):
        for name, value in self._environ.items():
            if value is None:
                os.environ.pop(name, None)
        self._set(int(self._signal.SIGINT), self._handler)
        self._signal.pthread_sigmask(self._signal.SIG_SETMASK, self._mask)


class _Quiet:
    """Hold stderr back while OneFlow loads, then pass on all but its two known lines."""

    _file: Any = None
    _saved: int | None = None

    def __enter__(self):
        try:
            sys.stderr.flush()
            self._file = tempfile.TemporaryFile()
            self._saved = os.dup(2)
            os.dup2(self._file.fileno(), 2)
        except (OSError, AttributeError, ValueError):  # no usable stderr, or nowhere to keep it
            self._saved = None
        return self

    def __exit__(self, *error):
        if self._saved is None:
            return
        os.dup2(self._saved, 2)
        os.close(self._saved)
        self._file.seek(0)
        held = self._file.read().splitlines(keepends=True)
        self._file.close()
        rest = b"".join(line for line in held if not any(noise in line for noise in _NOISE))
        if rest:
            os.write(2, rest)

"""Print what a program can see of its surroundings, one JSON object: run by test_runner.py."""

from __future__ import annotations

import inspect
import json
import os
import signal
import sys
import threading
import warnings

SETTINGS = ("ONEFLOW_MOCK", "ONEFLOW_DISABLE_MOCK")


def environ():
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    entries = kept.pop("PYTHONPATH", "").split(os.pathsep)
    kept["PYTHONPATH"] = os.pathsep.join(entry for entry in entries if "bootstrap" not in entry)
    return kept


def described(value):
    return None if value is None else f"{type(value).__name__} {getattr(value, 'name', '')}"


def spec_of(spec):
    if spec is None:
        return None
    return [spec.name, spec.origin, spec.cached, spec.parent, type(spec.loader).__name__]


def stack():
    return [(frame.filename, frame.function) for frame in inspect.stack()[1:]]


def surroundings():
    module = sys.modules["__main__"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.warn("one frame above the program", stacklevel=4)
    flags = [name for name in dir(sys.flags) if name[0] != "_" and name not in ("count", "index")]
    return {
        "argv": sys.argv,
        "orig_argv": getattr(sys, "orig_argv", None),
        "executable": [sys.executable, sys.prefix, sys.base_prefix, sys.exec_prefix],
        "path": [entry for entry in sys.path if "bootstrap" not in entry],
        "flags": {name: getattr(sys.flags, name) for name in flags},
        "warnoptions": sys.warnoptions,
        "xoptions": sys._xoptions,
        "recursion limit": sys.getrecursionlimit(),
        "hooks": [
            sys.excepthook is sys.__excepthook__,
            sys.displayhook is sys.__displayhook__,
            sys.gettrace() is None,
            sys.getprofile() is None,
            threading.excepthook is getattr(threading, "__excepthook__", threading.excepthook)
            if hasattr(threading, "excepthook")
            else True,
        ],
        "threads": [thread.name for thread in threading.enumerate()],
        "signals": {
            str(number): str(signal.getsignal(number))
            for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGTERM, signal.SIGHUP)
        },
        "streams": [
            [stream.encoding, stream.errors, stream.line_buffering, stream.isatty()]
            for stream in (sys.stdin, sys.stdout, sys.stderr)
        ],
        "directory": os.getcwd(),
        "environ": environ(),
        "name": __name__,
        "file": globals().get("__file__"),
        "doc": __doc__,
        "package": __package__,
        "cached": globals().get("__cached__"),
        "spec": spec_of(__spec__),
        "loader": described(__loader__),
        "builtins": type(__builtins__).__name__,
        "globals": sorted(name for name in globals() if name.startswith("__")),
        "main is this": module.__dict__ is globals(),
        "main": [module.__name__, repr(module).split(" from ")[0]],
        "warning": [caught[0].filename, caught[0].lineno],
        "stack": stack(),
        "heavy": sorted({"oneflow", "torch", "numpy", "click", "rich"} & set(sys.modules)),
        "tracebacks": [
            getattr(sys, name, None) for name in ("last_type", "last_value", "last_traceback")
        ],
    }


found = surroundings()
for name in os.environ.get("OMIT", "").split():
    del found[name]
print(json.dumps(found, indent=1, sort_keys=True))

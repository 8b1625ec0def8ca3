"""oneflow-mock: unmodified PyTorch programs on OneFlow's kernels.

``enable()`` redirects ``import torch`` to OneFlow and returns a handle that is also a context
manager; ``disable()`` puts everything back. Importing this package loads neither OneFlow nor
NumPy: what it names is imported when it is first used.

PYTEST_DONT_REWRITE: by the time pytest looks, another door may have imported this already.
"""

__version__ = "0.1.0"

__all__ = [
    "EngineError",
    "MockError",
    "RealTorchImported",
    "UnsupportedTorchAPI",
    "disable",
    "enable",
    "is_enabled",
]

_HOMES = {
    "enable": "switch",
    "disable": "switch",
    "is_enabled": "switch",
    "EngineError": "errors",
    "MockError": "errors",
    "RealTorchImported": "errors",
    "UnsupportedTorchAPI": "errors",
}


def __getattr__(name):
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    module = __import__(f"{__name__}.{home}", fromlist=[name])
    value = globals()[name] = getattr(module, name)
    return value

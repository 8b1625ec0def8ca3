"""Settings of PyTorch's compiler: they can be set, and nothing is compiled."""

from __future__ import annotations

import contextlib
import sys

__all__ = [
    "suppress_errors",
    "cache_size_limit",
    "recompile_limit",
    "accumulated_cache_size_limit",
    "accumulated_recompile_limit",
    "verbose",
    "capture_scalar_outputs",
    "capture_dynamic_output_shape_ops",
    "dynamic_shapes",
    "assume_static_by_default",
    "automatic_dynamic_shapes",
    "inline_inbuilt_nn_modules",
    "optimize_ddp",
    "allow_unspec_int_on_nn_module",
    "disable",
    "patch",
]

suppress_errors = verbose = capture_scalar_outputs = capture_dynamic_output_shape_ops = False
cache_size_limit = recompile_limit = 8
accumulated_cache_size_limit = accumulated_recompile_limit = 256
dynamic_shapes = assume_static_by_default = automatic_dynamic_shapes = True
inline_inbuilt_nn_modules = optimize_ddp = True
allow_unspec_int_on_nn_module = disable = False


@contextlib.contextmanager
def patch(*args, **kwargs):
    """Change settings for a block."""
    here = sys.modules[__name__]
    changes = dict(args[0]) if len(args) == 1 else dict([args]) if args else {}
    changes.update(kwargs)
    before = {name: getattr(here, name, None) for name in changes}
    for name, value in changes.items():
        setattr(here, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(here, name, value)

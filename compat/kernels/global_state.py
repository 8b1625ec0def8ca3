"""Settings of the whole program that PyTorch keeps: they are kept here, too.

Where OneFlow has the setting it is passed on; where its results do not depend on it, it is only
remembered.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings

import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import autocast

# determinism

_deterministic = {"mode": False, "warn_only": False}


def use_deterministic_algorithms(mode, *, warn_only=False) -> None:
    """Ask for algorithms that give the same result each time: OneFlow's on the CPU do."""
    if not isinstance(mode, bool):
        raise TypeError(
            "_set_deterministic_algorithms(): argument 'mode' (position 1) must be bool, not "
            f"{type(mode).__name__}"
        )
    _deterministic.update(mode=mode, warn_only=warn_only)


def are_deterministic_algorithms_enabled() -> bool:
    """Tell whether they were asked for."""
    return _deterministic["mode"]


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Tell whether others are to warn only."""
    return _deterministic["warn_only"]


def get_deterministic_debug_mode() -> int:
    """Return 0, 1 or 2: nothing, warn, or error."""
    if not _deterministic["mode"]:
        return 0
    return 1 if _deterministic["warn_only"] else 2


def set_deterministic_debug_mode(debug_mode) -> None:
    """Set it by number or by name."""
    if not isinstance(debug_mode, (int, str)):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    names = {"default": 0, "warn": 1, "error": 2}
    if isinstance(debug_mode, str):
        if debug_mode not in names:
            raise RuntimeError(
                "invalid value of debug_mode, expected one of `default`, `warn`, `error`, but got "
                f"{debug_mode}"
            )
        debug_mode = names[debug_mode]
    if debug_mode not in (0, 1, 2):
        raise RuntimeError(
            f"invalid value of debug_mode, expected 0, 1, or 2, but got {debug_mode}"
        )
    use_deterministic_algorithms(debug_mode > 0, warn_only=debug_mode == 1)


# precision and warnings

_precision = ["highest"]
_warn_always = [False]


def get_float32_matmul_precision() -> str:
    """Return ``highest``, ``high`` or ``medium``."""
    return _precision[0]


def set_float32_matmul_precision(precision) -> None:
    """Say how exact products of float32 matrices have to be: OneFlow's are as exact as asked."""
    if not isinstance(precision, str):
        raise RuntimeError(
            f"set_float32_matmul_precision expects a str, but got {type(precision).__name__}"
        )
    if precision not in ("highest", "high", "medium"):
        warnings.warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the current "
            f"setFloat32MatmulPrecision call has no effect.",
            stacklevel=2,
        )
        return
    import torch

    _precision[0] = precision
    torch.backends.cuda.matmul.allow_tf32 = precision != "highest"


def is_warn_always_enabled() -> bool:
    """Tell whether warnings come every time."""
    return _warn_always[0]


def set_warn_always(b) -> None:
    """Remember whether PyTorch's own warnings are to come every time."""
    if not isinstance(b, bool):
        raise RuntimeError(f"setWarnOnlyOnce expects a bool, but got {type(b).__name__}")
    _warn_always[0] = b


# threads

_threads = {"inside": None, "between": None}


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _checked_count(name, count):
    if not isinstance(count, int) or isinstance(count, bool):
        raise RuntimeError(f"{name} expects an int, but got {type(count).__name__}")
    if count <= 0:
        raise RuntimeError(f"{name} expects a positive integer")
    return count


def get_num_threads() -> int:
    """Return how many threads compute one operator."""
    if _threads["inside"] is None:
        given = os.environ.get("OMP_NUM_THREADS", "")
        return int(given) if given.isdigit() and int(given) > 0 else _processors()
    return _threads["inside"]


def set_num_threads(int) -> None:
    """Set how many threads compute one operator."""
    count, before = _checked_count("set_num_threads", int), get_num_threads()
    _threads["inside"] = count
    hooks.set_kernel_threads(count)
    if min(count, _processors()) != min(before, _processors()):
        with _silence():  # OneFlow prints a warning for as many threads as there are processors
            flow._oneflow_internal._set_num_threads(count)


@contextlib.contextmanager
def _silence():
    """Keep what C++ prints in a block off the standard output."""
    sys.stdout.flush()
    saved = os.dup(1)
    try:
        with open(os.devnull, "wb") as sink:
            os.dup2(sink.fileno(), 1)
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)


def get_num_interop_threads() -> int:
    """Return how many operators are computed at a time, as far as anybody asked."""
    return _threads["between"] or _processors()


def set_num_interop_threads(int) -> None:
    """Remember how many operators may be computed at a time: OneFlow computes one."""
    count = _checked_count("set_num_interop_threads", int)
    if _threads["between"] is not None:
        raise RuntimeError(
            "Error: cannot set number of interop threads after parallel work has started or "
            "set_num_interop_threads called"
        )
    _threads["between"] = count


def set_flush_denormal(mode) -> bool:
    """Return False: OneFlow cannot be told to take denormal numbers for zero."""
    return False


# autocast

_other_dtypes: dict = {}


def _kind(device_type):
    from oneflow_mock.compat.kernels.devices import device_type as checked

    return checked(device_type)


def is_autocast_enabled(device_type="cuda") -> bool:
    """Tell whether operators on a kind of device are cast."""
    kind = _kind(device_type)
    if kind == "cuda":
        return flow._oneflow_internal.is_autocast_enabled()
    return kind == "cpu" and autocast.is_enabled()


def set_autocast_enabled(device_type, enabled=None) -> None:
    """Switch casting of operators on a kind of device (CUDA, if only ``enabled`` is given)."""
    if enabled is None:
        device_type, enabled = "cuda", device_type
    kind = _kind(device_type)
    if kind == "cuda":
        flow._oneflow_internal.set_autocast_enabled(bool(enabled))
    elif kind == "cpu" and (hooks.kernels or not enabled):
        autocast.set_enabled(enabled)
    elif enabled:
        hooks.no_effect("torch.set_autocast_enabled", "enabled")


def is_autocast_cpu_enabled() -> bool:
    """Tell whether operators on the CPU are cast."""
    return autocast.is_enabled()


def set_autocast_cpu_enabled(enabled) -> None:
    """Switch casting of operators on the CPU."""
    set_autocast_enabled("cpu", enabled)


def get_autocast_dtype(device_type):
    """Return the dtype that operators on a kind of device are cast to."""
    kind = _kind(device_type)
    if kind == "cuda":
        return flow._oneflow_internal.get_autocast_gpu_dtype()
    if kind == "cpu":
        return autocast.dtype()
    default = flow.float16 if kind == "mps" else flow.bfloat16
    return _other_dtypes.get(kind, default)


def set_autocast_dtype(device_type, dtype) -> None:
    """Set the dtype that operators on a kind of device are cast to."""
    kind = _kind(device_type)
    if kind == "cuda":
        flow._oneflow_internal.set_autocast_gpu_dtype(dtype)
    elif kind == "cpu":
        autocast.set_dtype(dtype)
    else:
        _other_dtypes[kind] = dtype


def get_autocast_gpu_dtype():
    """Return the dtype that operators on CUDA are cast to."""
    return get_autocast_dtype("cuda")


def set_autocast_gpu_dtype(dtype) -> None:
    """Set the dtype that operators on CUDA are cast to."""
    set_autocast_dtype("cuda", dtype)


def get_autocast_cpu_dtype():
    """Return the dtype that operators on the CPU are cast to."""
    return get_autocast_dtype("cpu")


def set_autocast_cpu_dtype(dtype) -> None:
    """Set the dtype that operators on the CPU are cast to."""
    set_autocast_dtype("cpu", dtype)


def is_autocast_cache_enabled() -> bool:
    """Tell whether cast weights are kept."""
    return flow._oneflow_internal.is_autocast_cache_enabled()


def set_autocast_cache_enabled(enabled) -> None:
    """Say whether cast weights are kept."""
    flow._oneflow_internal.set_autocast_cache_enabled(bool(enabled))


def clear_autocast_cache() -> None:
    """Forget cast weights."""
    flow._oneflow_internal.clear_autocast_cache()
    autocast.clear_cache()


def autocast_increment_nesting() -> int:
    """Count a block of autocast."""
    return autocast.enter()


def autocast_decrement_nesting() -> int:
    """Count a block of autocast that has ended."""
    return autocast.leave()


# what torch tells of itself

has_openmp = has_lapack = has_spectral = True
has_mkl = False


def compiled_with_cxx11_abi() -> bool:
    """Return False: OneFlow's wheel is built with the older ABI."""
    return False


def is_vulkan_available() -> bool:
    """Return False: there is no such device."""
    return False


def is_anomaly_enabled() -> bool:
    """Return False: OneFlow's backward pass has no such mode."""
    return False


def is_anomaly_check_nan_enabled() -> bool:
    """Return True, PyTorch's default."""
    return True


def get_file_path(*path_components) -> str:
    """Return a path below torch's own folder's parent."""
    import torch

    return os.path.join(os.path.dirname(os.path.dirname(torch.__file__)), *path_components)


def typename(obj) -> str:
    """Return the name of an object's type; of a tensor, its type from before dtypes."""
    if isinstance(obj, flow.Tensor):
        return obj.type()
    named = obj if hasattr(obj, "__qualname__") else type(obj)
    module = getattr(named, "__module__", None) or ""
    name = named.__qualname__
    return name if module in ("", "builtins") else f"{module}.{name}"


def is_storage(obj) -> bool:
    """Tell whether an object is a storage."""
    from oneflow_mock.compat.kernels.storage import TypedStorage, UntypedStorage

    return type(obj) in (UntypedStorage, TypedStorage)


def compile(
    model=None,
    *,
    fullgraph=False,
    dynamic=None,
    backend="inductor",
    mode=None,
    options=None,
    disable=False,
    **kwargs,
):
    """Return the function or module itself: what PyTorch compiles gives the same results."""
    if mode is not None and options is not None:
        raise RuntimeError(
            "Either mode or options can be specified, but both can't be specified at the same time."
        )
    if model is None:
        return lambda model: compile(model, mode=mode, options=options, disable=disable)
    if not callable(model):
        raise AssertionError(f"A callable function is expected, but {type(model)} is provided.")
    if not disable:
        hooks.record("torch.compile", "keyword", "runs eagerly")
    return model


# conditions

_HOPE = (
    "Expected cond to be True, but got False. (Could this error message be improved? If so, please "
    "report an enhancement request to PyTorch.)"
)


def _check_with(error_type, cond, message) -> None:
    if not isinstance(cond, bool):
        raise TypeError(f"cond must be a bool, but got {type(cond)}")
    if cond:
        return
    if message is None:
        raise error_type(_HOPE)
    if not callable(message):
        raise TypeError("message must be a callable")
    raise error_type(str(message()))


def _check(cond, message=None) -> None:
    _check_with(RuntimeError, cond, message)


def _check_is_size(i, message=None, *, max=None) -> None:
    _check(i >= 0, message)
    if max is not None:
        _check(i <= max, message)


def _check_index(cond, message=None) -> None:
    _check_with(IndexError, cond, message)


def _check_value(cond, message=None) -> None:
    _check_with(ValueError, cond, message)


def _check_type(cond, message=None) -> None:
    _check_with(TypeError, cond, message)


def _check_not_implemented(cond, message=None) -> None:
    _check_with(NotImplementedError, cond, message)


def _check_tensor_all_with(error_type, cond, message=None) -> None:
    if not isinstance(cond, flow.Tensor):
        raise TypeError(f"cond must be a tensor, but got {type(cond)}")
    if cond.dtype != flow.bool:
        raise TypeError(f"cond tensor must have dtype torch.bool, but got {cond.dtype}")
    _check_with(error_type, bool(cond.to(flow.int32).min().item()), message)


def _check_tensor_all(cond, message=None) -> None:
    _check_tensor_all_with(RuntimeError, cond, message)


def _assert(condition, message) -> None:
    assert condition, message


# numbers that PyTorch's tracer would leave open: here they are always known


def sym_not(a):
    """Return ``not a``."""
    return not a


def sym_int(a):
    """Return a number rounded towards zero."""
    return int(a)


def sym_float(a):
    """Return a number as a float."""
    return float(a)


def sym_max(a, b):
    """Return the larger number, in the wider type of the two."""
    return type(a + b)(max(a, b))


def sym_min(a, b):
    """Return the smaller number, in the wider type of the two."""
    return type(a + b)(min(a, b))


def sym_ite(b, t, f):
    """Return one of two values."""
    return t if b else f


def sym_sum(args):
    """Return the sum of a sequence."""
    return sum(args)


# errors


class OutOfMemoryError(RuntimeError):
    """A device has no memory left."""


class AcceleratorError(RuntimeError):
    """An accelerator failed."""


class FatalError(Exception):
    """PyTorch failed beyond repair."""


for _error in (OutOfMemoryError, AcceleratorError, FatalError):
    _error.__module__ = "torch"

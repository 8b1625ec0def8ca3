"""Tensors as other dtypes, on other devices, as arrays and as Python numbers."""

from __future__ import annotations

import numpy as np
import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import (
    device_spelling,
    dtypes,
    formats,
    host,
    legacy_types,
    meta,
    retyped,
)

_convert = flow._C.to
_DTYPE = flow.dtype
_DEVICE = flow.device
_CPU = device_spelling.CPU
_META = device_spelling.META
_item = flow.Tensor.item
_cpu = flow.Tensor.cpu
_global_to = flow.Tensor.to
_old_numpy = flow.Tensor.numpy
_contiguous = flow.Tensor.contiguous


def _to(self, *args, **kwargs):
    """Return the tensor with another dtype or device, or both; itself where nothing changes."""
    if len(args) == 1 and (not kwargs or (len(kwargs) == 1 and "non_blocking" in kwargs)):
        first = args[0]
        kind = type(first)
        if kind is _DTYPE:
            return _convert(self, first) if not self.is_lazy else _global_to(self, first)
        if first is _CPU or (kind is str and first == "cpu"):
            if self.is_local and not self.is_cuda:
                return self
        elif first is _META or (kind is str and first == "meta"):
            return meta.like(self)
        elif isinstance(first, flow.Tensor):
            return _type_as(self, first)
    elif len(args) == 2 and not kwargs and args[0] is _CPU and type(args[1]) is _DTYPE:
        if self.is_local and not self.is_cuda:
            return _convert(self, args[1])
    if "placement" in kwargs or "sbp" in kwargs or self.is_global:
        return _global_to(self, *args, **kwargs)
    device, dtype, copy, format = parse_to(args, kwargs)
    return convert(self, device, dtype, copy, format)


_ORDERS = {
    "device": ("device", "dtype", "non_blocking", "copy"),
    "dtype": ("dtype", "non_blocking", "copy"),
    "other": ("other", "non_blocking", "copy"),
}


_KEYWORDS = frozenset({"device", "dtype", "non_blocking", "copy", "memory_format"})


def parse_to(args, kwargs):
    """Return (device, dtype, copy, memory_format) of the arguments of ``Tensor.to``."""
    if not args and kwargs.keys() <= _KEYWORDS:
        given = kwargs
    else:
        given = _named(args, kwargs)
    if "other" in given:
        device, dtype = given["other"].device, given["other"].dtype
    else:
        device, dtype = given.get("device"), given.get("dtype")
    if dtype is not None and type(dtype) is not _DTYPE:
        dtype = _checked_dtype(dtype, args, kwargs)
    if device is not None and type(device) is not _DEVICE:
        if not isinstance(device, (str, int, _DEVICE)) or isinstance(device, bool):
            raise _invalid(args, kwargs)
        device = device_spelling.usable(device)
    return device, dtype, bool(given.get("copy")), given.get("memory_format")


def _named(args, kwargs):
    """Return the arguments of ``Tensor.to`` by their names."""
    kind = "device"
    if args:
        first = args[0]
        if isinstance(first, (_DTYPE, type)):
            kind = "dtype"
        elif isinstance(first, flow.Tensor):
            kind = "other"
    elif "other" in kwargs:
        kind = "other"
    order = _ORDERS[kind]
    given = dict(zip(order, args))
    for name in kwargs:
        if name in given or not (name in order or name == "dtype" or name == "memory_format"):
            raise _invalid(args, kwargs)
    if len(args) > len(order):
        raise _invalid(args, kwargs)
    given.update(kwargs)
    return given


def _checked_dtype(dtype, args, kwargs):
    named = {float: flow.float64, int: flow.int64, bool: flow.bool}
    if isinstance(dtype, type) and dtype in named:
        return named[dtype]
    if not isinstance(dtype, _DTYPE):
        raise _invalid(args, kwargs)
    return dtypes.check_held(dtype, "torch.Tensor.to")


def _invalid(args, kwargs):
    given = [type(value).__name__ for value in args]
    given += [f"{name}={type(value).__name__}" for name, value in kwargs.items()]
    got = ", ".join(given) + (", " if kwargs else "")
    return TypeError(
        f"to() received an invalid combination of arguments - got ({got}), but expected one of:\n"
        " * (torch.device device = None, torch.dtype dtype = None, bool non_blocking = False, "
        "bool copy = False, *, torch.memory_format memory_format = None)\n"
        " * (torch.dtype dtype, bool non_blocking = False, bool copy = False, *, "
        "torch.memory_format memory_format = None)\n"
        " * (Tensor other, bool non_blocking = False, bool copy = False, *, "
        "torch.memory_format memory_format = None)\n"
    )


def convert(self, device, dtype, copy=False, format=None):
    """Return the tensor on a device, of a dtype; None for what it has."""
    if format is not None:
        check_format("torch.Tensor.to", self, format)
    if meta.is_meta(self) or device is _META:
        return _convert_meta(self, device, dtype, copy)
    if device is _CPU:
        device = device if self.is_cuda else None
    elif device is not None:
        if device == self.device:
            device = None
        elif device.type == "meta":
            return _convert_meta(self, device, dtype, copy)
    if dtype is None and device is None:
        return self.clone() if copy else self
    if device is None:
        return _convert(self, dtype, copy) if copy else _convert(self, dtype)
    if dtype is None:
        return _convert(self, device=device, copy=copy)
    return _convert(self, device=device, dtype=dtype, copy=copy)


def _convert_meta(self, device, dtype, copy):
    if device is not None and device.type != "meta":
        raise meta.no_data()
    same = dtype is None or dtype == self.dtype
    if same and not copy and meta.is_meta(self):
        return self
    return meta.like(self, dtype)


def check_format(api, tensor, format):
    """Accept a memory format: OneFlow has one, so the others change nothing."""
    if not isinstance(format, formats.memory_format):
        raise TypeError(
            f"{api.rpartition('.')[2]}(): argument 'memory_format' must be torch.memory_format, "
            f"not {type(format).__name__}"
        )
    if format in (formats.channels_last, formats.channels_last_3d):
        formats.channels_last_strides(tensor.shape, format)
        hooks.no_effect(api, "memory_format")


def _to_char(self, memory_format=None):
    """Return the tensor as int8."""
    return _convert(self, flow.int8)


_CHANNELS_LAST = (formats.channels_last, formats.channels_last_3d)


def _converting(name):
    dtype = getattr(flow, name)

    def method(self, memory_format=None):
        if memory_format is None:
            return _convert(self, dtype)
        answer = _convert(self, dtype)
        if memory_format in _CHANNELS_LAST and answer is self:
            return self.clone()
        return answer

    method.__name__ = name
    method.__qualname__ = f"Tensor.{name}"
    method.__doc__ = f"Return the tensor as {name}."
    return method


def _to_new(name, dtype):
    def method(self, memory_format=None):
        return _convert(self, dtypes.check_held(dtype, f"torch.Tensor.{name}"))

    method.__name__ = name
    method.__qualname__ = f"Tensor.{name}"
    return method


def _to_cpu(self, memory_format=None):
    """Return the tensor on the CPU: itself where it is there."""
    if memory_format is not None:
        check_format("torch.Tensor.cpu", self, memory_format)
    return self if self.is_local and not self.is_cuda else _cpu(self)


def _to_cuda(self, device=None, non_blocking=False, memory_format=None):
    """Return the tensor on a CUDA device."""
    if device is None:
        device = "cuda"
    elif isinstance(device, int):
        device = f"cuda:{device}"
    return convert(self, device_spelling.usable(device), None, False, memory_format)


def _type_as(self, other):
    """Return the tensor with another one's dtype and device."""
    if self.is_local and not self.is_cuda and not other.is_cuda:
        if not (meta.is_meta(self) or meta.is_meta(other)):
            return _convert(self, other.dtype)
    return convert(self, other.device, other.dtype)


def _type(self, dtype=None, non_blocking=False, **kwargs):
    """Return the name of the tensor's type; with a type, the tensor converted to it."""
    if dtype is None:
        return legacy_types.name_of(self)
    if isinstance(dtype, _DTYPE):
        return convert(self, None, dtypes.check_held(dtype, "torch.Tensor.type"))
    device, found = legacy_types.resolve(dtype)
    return convert(self, device, dtypes.check_held(found, "torch.Tensor.type"))


def _numpy(self, *, force=False):
    """Return the values as an array that shares the tensor's memory.

    ``force`` copies what cannot be shared, and leaves the gradient behind.
    """
    if self.is_lazy or self.is_global:
        return _old_numpy(self)
    if not force:
        if self.requires_grad:
            raise RuntimeError(
                "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() "
                "instead."
            )
        if self.is_cuda:
            raise TypeError(
                f"can't convert {self.device} device type tensor to numpy. "
                "Use Tensor.cpu() to copy the tensor to host memory first."
            )
    if self.dtype is flow.bfloat16 or self.dtype in dtypes.EIGHTHS:
        raise TypeError(f"Got unsupported ScalarType {dtypes.traits(self.dtype).scalar}")
    return host.array(self)


def _array(self, dtype=None, copy=None):
    """Let NumPy read the tensor."""
    array = self.numpy()
    if dtype is not None:
        array = array.astype(dtype, copy=False)
    return array.copy() if copy and array.base is not None else array


def _array_wrap(self, array, context=None, return_scalar=False):
    """Return what a NumPy function made of the tensor as a tensor."""
    array = np.asarray(array)
    return flow.from_numpy(np.ascontiguousarray(array).reshape(array.shape))


def _tolist(self):
    """Return the values as nested lists; a number where there are no dimensions."""
    return host.array(self).tolist()


def _checked_item(self):
    """Return the only value as a Python number."""
    try:
        return _item(self)
    except RuntimeError:
        count = self.numel()
        if count == 1 and self.dtype in retyped.SIZED:
            return host.array(self).item()
        if count == 1:
            raise
        raise RuntimeError(
            f"a Tensor with {count} elements cannot be converted to Scalar"
        ) from None


def _bool(self):
    count = self.numel()
    if count == 1:
        return bool(_checked_item(self))
    what = "no values" if count == 0 else "more than one value"
    raise RuntimeError(f"Boolean value of Tensor with {what} is ambiguous")


def _number(self):
    if self.numel() != 1:
        raise ValueError("only one element tensors can be converted to Python scalars")
    return _checked_item(self)


def _int(self):
    return int(_number(self))


def _float(self):
    return float(_number(self))


def _complex(self):
    return complex(_number(self))


def _index(self):
    if self.numel() == 1 and not self.is_floating_point():
        value = _item(self)
        return int(value)
    raise TypeError("only integer tensors of a single element can be converted to an index")


def _len(self):
    shape = self.shape
    if not shape:
        raise TypeError("len() of a 0-d tensor")
    return shape[0]


def _iter(self):
    if self.ndim == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(flow._C.unbind(self, 0) if self.shape[0] else ())


def _contains(self, element):
    if isinstance(element, (flow.Tensor, int, float, complex)):
        return bool((element == self).any().item())
    raise RuntimeError(
        f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}."
    )


def _make_contiguous(self, memory_format=None):
    """Return the tensor with its elements in order in memory: itself where they are."""
    if memory_format is not None:
        check_format("torch.Tensor.contiguous", self, memory_format)
    return _contiguous(self)


METHODS = {
    "to": _to,
    "cpu": _to_cpu,
    "cuda": _to_cuda,
    "type": _type,
    "type_as": _type_as,
    "numpy": _numpy,
    "__array__": _array,
    "__array_wrap__": _array_wrap,
    "tolist": _tolist,
    "item": _checked_item,
    "__bool__": _bool,
    "__int__": _int,
    "__float__": _float,
    "__complex__": _complex,
    "__index__": _index,
    "__len__": _len,
    "__iter__": _iter,
    "__contains__": _contains,
    "contiguous": _make_contiguous,
    **{
        name: _converting(dtype)
        for name, dtype in (
            ("half", "float16"),
            ("float", "float32"),
            ("double", "float64"),
            ("bfloat16", "bfloat16"),
            ("long", "int64"),
            ("int", "int32"),
            ("byte", "uint8"),
            ("bool", "bool"),
        )
    },
    "char": _to_char,
    "short": _to_new("short", dtypes.BY_NAME["int16"]),
    "cfloat": _to_new("cfloat", dtypes.BY_NAME["complex64"]),
    "cdouble": _to_new("cdouble", dtypes.BY_NAME["complex128"]),
    "chalf": _to_new("chalf", dtypes.BY_NAME["complex32"]),
}

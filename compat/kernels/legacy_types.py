"""``torch.FloatTensor`` and the other types that PyTorch had before dtypes."""

from __future__ import annotations

import oneflow as flow

from oneflow_mock.compat.kernels import creation, device_spelling, dtypes, formats

_NAMES = {
    "FloatTensor": "float32",
    "DoubleTensor": "float64",
    "HalfTensor": "float16",
    "BFloat16Tensor": "bfloat16",
    "ByteTensor": "uint8",
    "CharTensor": "int8",
    "ShortTensor": "int16",
    "IntTensor": "int32",
    "LongTensor": "int64",
    "BoolTensor": "bool",
}


class tensortype(type):
    """The type of the legacy types: calling one makes a tensor, isinstance looks at the dtype."""

    def __call__(cls, *args, **kwargs):
        dtype = dtypes.check_held(cls.dtype, f"{cls.__module__}.{cls.__name__}")
        device = kwargs.get("device", "cuda" if cls.is_cuda else None)
        try:
            return creation.legacy(args, dtype, device)
        except AssertionError as error:
            raise TypeError(
                f"type {cls.__module__}.{cls.__name__} not available. {error}."
            ) from None

    def __instancecheck__(cls, instance):
        return (
            isinstance(instance, flow.Tensor)
            and instance.dtype == cls.dtype
            and instance.is_cuda == cls.is_cuda
        )


tensortype.__module__ = "torch"


def _make(module, name):
    return tensortype(
        name,
        (),
        {
            "__module__": module,
            "dtype": dtypes.BY_NAME[_NAMES[name]],
            "is_cuda": module == "torch.cuda",
            "is_sparse": False,
            "layout": formats.strided,
        },
    )


CPU = {name: _make("torch", name) for name in _NAMES}
CUDA = {name: _make("torch.cuda", name) for name in _NAMES}
_BY_DTYPE = {dtype: name for name, dtype in _NAMES.items()}
_BY_NAME = {
    f"{kind.__module__}.{name}": kind for kinds in (CPU, CUDA) for name, kind in kinds.items()
}


def name_of(tensor) -> str:
    """Return what ``tensor.type()`` says."""
    module = "torch.cuda" if tensor.is_cuda else "torch"
    wanted = dtypes.name_of(tensor.dtype)
    return f"{module}.{_BY_DTYPE.get(wanted) or dtypes.traits(tensor.dtype).scalar + 'Tensor'}"


def resolve(kind):
    """Return (device, dtype) of a legacy type, or of the name of one."""
    found = _BY_NAME.get(kind, kind) if isinstance(kind, str) else kind
    if kind == "torch.Tensor" or kind is flow.Tensor:
        return device_spelling.CPU, flow.get_default_dtype()
    if not isinstance(found, tensortype):
        raise ValueError(f"invalid type: '{kind}'")
    if found.is_cuda:
        return device_spelling.usable("cuda"), found.dtype
    return device_spelling.CPU, found.dtype


def set_default_tensor_type(t) -> None:
    """Set the default dtype, and for a CUDA type the default device, by a legacy type."""
    device, dtype = resolve(t)
    set_default_dtype(dtype)
    device_spelling.set_default_device(None if device.type == "cpu" else device)


def set_default_dtype(d) -> None:
    """Set the dtype of tensors made of Python's floats."""
    if not isinstance(d, flow.dtype):
        raise TypeError(
            "invalid dtype object: only floating-point types are supported as the default type"
        )
    if not d.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    _set_default_dtype(dtypes.check_held(d, "torch.set_default_dtype"))


_set_default_dtype = flow.set_default_dtype

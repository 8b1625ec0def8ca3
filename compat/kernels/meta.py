"""Tensors on the ``meta`` device: a shape and a dtype without values.

Each is of a subclass of Tensor or Parameter over a single element, so a model can be laid out
without its memory being taken. Their methods answer with meta tensors; OneFlow's functions, which
do not know of them, compute with zeros.
"""

from __future__ import annotations

import functools
import sys
import types

import oneflow as flow

from oneflow_mock.compat import aten, hooks
from oneflow_mock.compat.kernels import device_spelling, slots

DEVICE = device_spelling.META

_detach = flow.Tensor.detach
_set_data = flow.Tensor.data.__set__
_new_tensor = flow.Tensor.__new__
if sys.version_info < (3, 8):
    _new_tensor = functools.partial(slots.new_instance, _new_tensor)
_init_tensor = flow.Tensor.__init__
_init_parameter = flow.nn.Parameter.__init__


def empty(shape, dtype, requires_grad=False):
    """Return a meta tensor."""
    made = _over(_layout(shape, dtype))
    return made.requires_grad_(True) if requires_grad else made


def _over(held):
    """Return a meta tensor whose data is that of another tensor."""
    if not _methods_are_known:
        _take_methods()
    made = _new_tensor(MetaTensor)
    hold = hooks.native.get("hold")
    if hold is not None:
        hold(made, held)
    else:
        _init_tensor(made)
        _set_data(made, held)
    return made


#: (shape, dtype) → what all meta tensors of them are laid over: models have few different ones.
_layouts: dict = {}
_MOST_LAYOUTS = 1024


def _layout(shape, dtype):
    key = (shape, dtype) if type(shape) is tuple else (tuple(shape), dtype)
    found = _layouts.get(key)
    if found is None:
        if len(_layouts) >= _MOST_LAYOUTS:
            _layouts.clear()
        found = _layouts[key] = _one_element(*key)
    return found


def _one_element(shape, dtype):
    with flow.no_grad():
        if 0 in shape:
            return flow._C.empty(shape, dtype=dtype)
        one = flow._C.constant((1,) * len(shape), 0, dtype=dtype)
        return flow._C.expand(one, shape) if shape else one


def parameter(tensor, requires_grad):
    """Return a parameter on the meta device, like a tensor."""
    if not _methods_are_known:
        _take_methods()
    made = _new_tensor(MetaParameter)
    held = tensor if is_meta(tensor) else _layout(tensor.shape, tensor.dtype)
    _init_parameter(made, held, requires_grad)
    return made


def like(tensor, dtype=None):
    """Return a meta tensor of a tensor's shape, and its dtype unless told one."""
    if dtype is None and is_meta(tensor):
        return _over(tensor)
    return empty(tensor.shape, tensor.dtype if dtype is None else dtype)


def is_meta(tensor) -> bool:
    """Tell whether a tensor is on the meta device."""
    return isinstance(tensor, _CLASSES)


def no_data():
    """Return PyTorch's error for asking a meta tensor for its values."""
    return NotImplementedError("Cannot copy out of meta tensor; no data!")


def _data(self):
    return _over(self)


def _assign_data(self, other):
    if not is_meta(other):
        raise RuntimeError(
            "Attempted to call `variable.set_data(tensor)`, but `variable` and `tensor` have "
            "incompatible tensor type."
        )
    _set_data(self, other)


def _to(self, *args, **kwargs):
    """Return the tensor with another dtype; itself where nothing changes."""
    from oneflow_mock.compat.tensor import conversion

    device, dtype, copy, format = conversion.parse_to(args, kwargs)
    return conversion.convert(self, device, dtype, copy, format)


def _cast(dtype):
    return lambda self, memory_format=None: _to(self, dtype)


def _clone(self, *, memory_format=None):
    return empty(self.shape, self.dtype, self.requires_grad)


def _contiguous(self, memory_format=None):
    return self


def _is_contiguous(self, memory_format=None):
    return True


def _stride(self, dim=None):
    strides, step = [], 1
    for size in reversed(self.shape):
        strides.insert(0, step)
        step *= max(size, 1)
    return tuple(strides) if dim is None else strides[dim]


def _refuse_values(self, *args, **kwargs):
    raise no_data()


def _item(self):
    raise RuntimeError("Tensor.item() cannot be called on meta tensors")


def _numpy(self, *, force=False):
    raise TypeError(
        "can't convert meta device type tensor to numpy. Use Tensor.cpu() to copy the tensor to "
        "host memory first."
    )


def _deepcopy(self, memo):
    if id(self) not in memo:
        if isinstance(self, flow.nn.Parameter):
            memo[id(self)] = parameter(self, self.requires_grad)
        else:
            memo[id(self)] = empty(self.shape, self.dtype, self.requires_grad)
    return memo[id(self)]


def _reduce_ex(self, protocol):
    from torch import _utils

    arguments = (self.dtype, tuple(self.shape), self.stride(), self.requires_grad)
    return _utils._rebuild_meta_tensor_no_storage, arguments


_OWN = {
    "device": property(lambda self: DEVICE),
    "is_meta": property(lambda self: True),
    "is_cuda": property(lambda self: False),
    "data": property(_data, _assign_data),
    "detach": _data,
    "to": _to,
    **{
        name: _cast(dtype)
        for name, dtype in {
            "bfloat16": flow.bfloat16,
            "bool": flow.bool,
            "byte": flow.uint8,
            "char": flow.int8,
            "double": flow.float64,
            "float": flow.float32,
            "half": flow.float16,
            "int": flow.int32,
            "long": flow.int64,
        }.items()
    },
    "clone": _clone,
    "contiguous": _contiguous,
    "is_contiguous": _is_contiguous,
    "stride": _stride,
    "storage_offset": lambda self: 0,
    "data_ptr": lambda self: 0,
    "numpy": _numpy,
    "cpu": _refuse_values,
    "tolist": _refuse_values,
    "item": _item,
    "__array__": _refuse_values,
    "__bool__": _item,
    "__deepcopy__": _deepcopy,
    "__reduce_ex__": _reduce_ex,
}
#: Methods that concern the tensor itself, look at its device, or tell what is no tensor.
_AS_THEY_ARE = frozenset(
    [
        "type",
        "type_as",
        "cuda",
        "requires_grad_",
        "register_hook",
        "retain_grad",
        "backward",
        "new_empty",
        "new_zeros",
        "new_ones",
        "new_full",
        "new_tensor",
        "dim",
        "element_size",
        "is_complex",
        "is_floating_point",
        "ndimension",
        "nelement",
        "numel",
        "size",
    ]
)
_FUNCTIONS = (types.FunctionType, types.MethodDescriptorType, types.BuiltinFunctionType)
_VIEWS = ("T", "mT", "H", "mH", "real", "imag")

_methods_are_known = False


def forget_methods() -> None:
    """Look Tensor's methods up again before the next meta tensor is made: there may be more."""
    global _methods_are_known
    _methods_are_known = False


def _take_methods():
    """Have each method and view of Tensor's answer with meta tensors."""
    global _methods_are_known
    _methods_are_known = True
    kept = _OWN.keys() | _AS_THEY_ARE
    for name in dir(flow.Tensor):
        if name in kept or name.startswith("_") or name in vars(MetaTensor):
            continue
        home = next(cls for cls in flow.Tensor.__mro__ if name in vars(cls))
        if name in _VIEWS:
            answer = property(_viewing(name))
        elif isinstance(vars(home)[name], (*_FUNCTIONS, aten.Late)):
            answer = _method(name)
        else:
            continue
        for cls in _CLASSES:
            setattr(cls, name, answer)


def _method(name):
    def method(self, *args, **kwargs):
        return _call(self, name, *args, **kwargs)

    method.__name__ = name
    method.__qualname__ = f"Tensor.{name}"
    return method


def _viewing(name):
    return lambda self: _meta_of(getattr(_plain(self), name))


def _call(self, name, *args, **kwargs):
    """Call a method: what it computes from zeros has the right shape and dtype."""
    if name.endswith("_") and not name.endswith("__") or name == "__setitem__":
        return self  # there is nothing to write
    answer = getattr(_plain(self), name)(*map(_plain, args), **kwargs)
    return _meta_of(answer)


def _plain(value):
    return _detach(value) if isinstance(value, flow.Tensor) and is_meta(value) else value


def _meta_of(answer):
    if isinstance(answer, flow.Tensor):
        return like(answer)
    if isinstance(answer, (tuple, list)) and not isinstance(answer, flow.Size):
        return type(answer)(map(_meta_of, answer))
    return answer


def _operator(name):
    def method(self, *args):
        return _call(self, name, *args)

    return method


_OPERATORS = [
    f"__{prefix}{name}__"
    for name in ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"]
    for prefix in ("", "r")
]
_OPERATORS += ["__and__", "__or__", "__xor__", "__neg__", "__abs__", "__invert__"]
_OPERATORS += [
    "__lt__",
    "__le__",
    "__gt__",
    "__ge__",
    "__eq__",
    "__ne__",
    "__getitem__",
    "__setitem__",
]


def _new(cls, *args, **kwargs):
    """Make a tensor or parameter of the kind that its arguments say."""
    return cls.__base__(*args, **kwargs)


def _make_class(base, module):
    namespace = {"__slots__": (), "__module__": module, "__new__": _new, "__hash__": base.__hash__}
    namespace.update(_OWN)
    namespace.update({name: _operator(name) for name in _OPERATORS})
    return type(base)(base.__name__, (base,), namespace)


MetaTensor = _make_class(flow.Tensor, "torch")
MetaParameter = _make_class(flow.nn.Parameter, "torch.nn.parameter")
_CLASSES = (MetaTensor, MetaParameter)

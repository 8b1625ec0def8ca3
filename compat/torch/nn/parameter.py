"""torch.nn.parameter: buffers that register themselves; Parameter is OneFlow's.

Parameters and buffers whose size is not known yet keep their class once it is: OneFlow's tensors
cannot change theirs.
"""

import oneflow as flow

from oneflow_mock.compat.kernels import creation


class _BufferType(type(flow.Tensor)):
    """The type of Buffer: its instances are tensors that are marked as buffers."""

    def __instancecheck__(cls, instance):
        if super().__instancecheck__(instance):
            return True
        return isinstance(instance, flow.Tensor) and getattr(instance, "_is_buffer", False)


class Buffer(flow.Tensor, metaclass=_BufferType):
    """A tensor that becomes a buffer where it is assigned to a module (torch.nn.Buffer).

    ``persistent`` says whether the module's state dict has it.
    """

    def __new__(cls, data=None, *, persistent=True):
        made = flow.empty(0) if data is None else data.detach().requires_grad_(data.requires_grad)
        made.persistent = persistent
        made._is_buffer = True
        return made


class UninitializedTensorMixin:
    """What parameters and buffers without a size have in common."""

    def materialize(self, shape, device=None, dtype=None):
        """Give it a size, and memory that holds no particular values."""
        dtype = flow.Tensor.dtype.__get__(self) if dtype is None else dtype
        flow.Tensor.data.__set__(self, creation.empty(shape, dtype=dtype, device=device))
        self.__dict__["_is_materialized"] = True

    @property
    def shape(self):
        if not is_lazy(self):
            return flow.Tensor.shape.__get__(self)
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually "
            "happens in `load_state_dict` when trying to load an uninitialized parameter into an "
            "initialized one. Call `forward` to initialize the parameters before accessing their "
            "attributes."
        )

    def share_memory_(self):
        if not is_lazy(self):
            return flow.Tensor.share_memory_(self)
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to "
            "initialize the parameters before calling `module.share_memory()`."
        )

    def __repr__(self):
        return f"<{type(self).__name__}>" if is_lazy(self) else super().__repr__()


class UninitializedParameter(UninitializedTensorMixin, flow.nn.Parameter):
    """A parameter whose size is not known yet."""

    def __new__(cls, requires_grad=True, device=None, dtype=None):
        data = creation.empty(0, device=device, dtype=dtype)
        return flow.Tensor._make_subclass(cls, data, requires_grad)

    def __deepcopy__(self, memo):
        if not is_lazy(self):
            return super().__deepcopy__(memo)
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.device, self.dtype)
        return memo[id(self)]


class UninitializedBuffer(UninitializedTensorMixin, flow.Tensor):
    """A buffer whose size is not known yet."""

    def __new__(cls, requires_grad=False, device=None, dtype=None, persistent=True):
        data = creation.empty(0, device=device, dtype=dtype)
        made = flow.Tensor._make_subclass(cls, data, requires_grad)
        made.persistent = persistent
        made._is_buffer = True
        return made


def is_lazy(param):
    """Tell whether a parameter or buffer has no size yet."""
    return isinstance(param, UninitializedTensorMixin) and not param.__dict__.get(
        "_is_materialized", False
    )

"""torch.nn.parameter: buffers that register themselves; Parameter is OneFlow's."""

import oneflow as flow


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

"""Tensors on their way to another process: by memory that both can see.

The receiver gets the values; OneFlow's tensors cannot move into shared memory, so what the sender
changes afterwards stays with it.
"""

from __future__ import annotations

import contextlib

import numpy as np
import oneflow as flow

from oneflow_mock.compat.kernels import dtypes, memory

#: Fewer bytes than this travel in the message itself.
_SMALL = 4096


def reducers() -> dict:
    """Return how multiprocessing is to send tensors, by class."""
    return {flow.Tensor: reduce_tensor, flow.nn.Parameter: reduce_tensor}


def reduce_tensor(tensor):
    """Say how a tensor is sent."""
    is_parameter = isinstance(tensor, flow.nn.Parameter)
    if tensor.requires_grad and not tensor.is_leaf:
        raise RuntimeError(
            "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd "
            "does not support crossing process boundaries.  If you just want to transfer the "
            "data, call detach() on the tensor before serializing (e.g., putting it on the queue)."
        )
    if getattr(tensor, "is_meta", False) or tensor.is_cuda:
        return tensor.__reduce_ex__(2)
    data = memory.bytes_of(tensor.detach().contiguous()) if tensor.numel() else b""
    looks = dtypes.name_of(tensor.dtype), tuple(tensor.shape), tensor.requires_grad, is_parameter
    if len(data) < _SMALL:
        return rebuild_small, (bytes(data), *looks)
    from oneflow.multiprocessing import shared_memory

    shared = shared_memory.SharedMemory(create=True, size=len(data))
    np.frombuffer(shared.buf, np.uint8, len(data))[:] = data
    return rebuild_shared, (shared, *looks)


def rebuild_small(data, name, shape, requires_grad, is_parameter):
    """Return a tensor of bytes that came in the message."""
    array = memory.empty(len(data))
    array[:] = np.frombuffer(data, np.uint8)
    tensor = memory.over(array, dtypes.BY_NAME[name], shape)
    return _finished(tensor, requires_grad, is_parameter)


def rebuild_shared(shared, name, shape, requires_grad, is_parameter):
    """Return a tensor over shared memory, which goes with it."""
    count = dtypes.itemsize(dtypes.BY_NAME[name])
    for size in shape:
        count *= size
    array = np.frombuffer(shared.buf, np.uint8, count)
    tensor = memory.over(array, dtypes.BY_NAME[name], shape)

    def release():
        with contextlib.suppress(Exception):
            shared.close()
            shared.unlink()

    tensor._register_storage_delete_hook(release)
    return _finished(tensor, requires_grad, is_parameter)


def _finished(tensor, requires_grad, is_parameter):
    if is_parameter:
        return flow.nn.Parameter(tensor, requires_grad)
    return tensor.requires_grad_() if requires_grad else tensor

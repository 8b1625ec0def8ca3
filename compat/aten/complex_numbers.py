"""Complex numbers (ATen's ``ComplexHelper.h``, ``TensorFactories.cpp``, ``UnaryOps.cpp``).

What maps complex to real numbers is computed on the view of real and imaginary parts, whose
gradient is the complex tensor's.
"""

import oneflow as flow
import torch

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import dtypes


def view_as_real(input):
    """Return a view of shape (*, 2) of a complex tensor's real and imaginary parts."""
    if not input.is_complex():
        raise RuntimeError("view_as_real is only supported for complex tensors")
    return hooks.native["view_as_real"](input)


def view_as_complex(input):
    """Return a complex view of shape (*) of a float tensor of shape (*, 2)."""
    if not input.is_floating_point() or input.dtype == torch.bfloat16:
        raise RuntimeError(
            "view_as_complex is only supported for half, float and double tensors, but got a "
            f"tensor of scalar type: {_word(input)}"
        )
    dtypes.check_held(dtypes.to_complex(input.dtype), "torch.view_as_complex")
    if input.ndim == 0:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if input.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    stride = input.stride()
    if stride[-1] != 1:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    if any(step % 2 for step in stride[:-1]):
        raise RuntimeError("Tensor must have a stride divisible by 2 for all but last dimension")
    if input.storage_offset() % 2:
        raise RuntimeError("Tensor must have a storage_offset divisible by 2")
    return hooks.native["view_as_complex"](input)


def complex(real, imag, *, out=None):
    """Return real + imag j, broadcast, of two tensors of one floating point dtype."""
    _check_parts(real, imag)
    answer = _joined(real, imag)
    return answer if out is None else out.copy_(answer)


def polar(abs, angle, *, out=None):
    """Return abs * (cos(angle) + sin(angle) j), of two tensors of one floating point dtype."""
    _check_parts(abs, angle)
    answer = _joined(abs * flow.cos(angle), abs * flow.sin(angle))
    return answer if out is None else out.copy_(answer)


def _check_parts(one, other):
    if not (one.is_floating_point() and other.is_floating_point()):
        raise RuntimeError(
            "Expected both inputs to be Half, Float or Double tensors but got "
            f"{_word(one)} and {_word(other)}"
        )
    if one.dtype != other.dtype:
        raise RuntimeError(
            f"Expected object of scalar type {_word(one)} but got scalar type {_word(other)} for "
            "second argument"
        )


def _word(input):
    return dtypes.traits(input.dtype).scalar


def _joined(real, imag):
    dtypes.check_held(dtypes.to_complex(real.dtype), "torch.complex")
    pairs = flow.stack([*torch.broadcast_tensors(real, imag)], -1)
    return hooks.native["view_as_complex"](pairs)

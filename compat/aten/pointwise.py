"""Products and quotients that are added to something (ATen's ``PointwiseOps.cpp``)."""

import oneflow as flow
import torch

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import halves
from oneflow_mock.compat.kernels.operands import spread, written


def addcmul(input, tensor1, tensor2, *, value=1, out=None):
    """Return input + value tensor1 tensor2 (torch.addcmul)."""
    if input.dtype in halves.HALVES:
        answer = _half_addcmul(*spread(input, tensor1, tensor2), value)
    else:
        answer = _native_addcmul(input, tensor1, tensor2, value)
        if answer is None:
            answer = _addcmul(input, tensor1, tensor2, value=value)
    return answer if out is None else written(answer, out)


def addcdiv(input, tensor1, tensor2, *, value=1, out=None):
    """Return input + value tensor1 / tensor2 (torch.addcdiv)."""
    if input.dtype in halves.HALVES:
        answer = _half_addcdiv(*spread(input, tensor1, tensor2), value)
    else:
        answer = _addcdiv(input, tensor1, tensor2, value=value)
    return answer if out is None else written(answer, out)


def addcmul_(input, tensor1, tensor2, *, value=1):
    """Add value tensor1 tensor2 in place (torch.Tensor.addcmul_)."""
    if input.dtype in halves.HALVES:
        return _half_in_place(_half_addcmul, input, tensor1, tensor2, value)
    return _addcmul_in_place(input, tensor1, tensor2, value=value)


def addcdiv_(input, tensor1, tensor2, *, value=1):
    """Add value tensor1 / tensor2 in place (torch.Tensor.addcdiv_)."""
    if input.dtype in halves.HALVES:
        return _half_in_place(_half_addcdiv, input, tensor1, tensor2, value)
    return _addcdiv_in_place(input, tensor1, tensor2, value=value)


_addcmul, _addcdiv = flow.addcmul, flow.addcdiv
_native_addcmul = hooks.native.get("addcmul", lambda *args: None)
# This file is imported when the methods of these names are its own already.
_addcmul_in_place, _addcdiv_in_place = flow._C.addcmul_, flow._C.addcdiv_


def _half_in_place(work, input, tensor1, tensor2, value):
    from oneflow_mock.compat.tensor import in_place

    def computed(one):
        return work(*spread(one, tensor1, tensor2), value)

    return in_place("addcmul_", computed)(input)


_half_addcmul = halves.stepped(
    lambda x, a, b, value: x + value * a * b,
    lambda grad, answer, x, a, b, value: grad,
    lambda grad, answer, x, a, b, value: grad * (b * value),
    lambda grad, answer, x, a, b, value: grad * (a * value),
)
_half_addcdiv = halves.stepped(
    lambda x, a, b, value: x + value * a / b,
    lambda grad, answer, x, a, b, value: grad,
    lambda grad, answer, x, a, b, value: grad * (torch.tensor(value, dtype=b.dtype) / b),
    lambda grad, answer, x, a, b, value: -grad * (value * a / (b * b)),
)

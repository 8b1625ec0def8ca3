# ruff: noqa: E501, F401
# The cases are expressions, one a line.
"""Storages, and tensors over memory that exists already."""

import numpy as np
import torch
import torch.utils.dlpack
from show import show_all

data = bytearray(range(12))
x = torch.arange(6.0).reshape(2, 3)


def shared(over):
    """Change a buffer, and return what a tensor over it shows."""
    buffer = bytearray(4)
    tensor = over(buffer)
    buffer[1] = 7
    tensor[2] = 9
    return tensor.tolist(), list(buffer)


def viewed(tensor, dtype):
    """Change a view of another dtype, and return what the tensor shows."""
    tensor.view(dtype)[0] = 0x3F800000
    return tensor


show_all(
    r"""
torch.zeros(3).untyped_storage()
torch.tensor([1.0, 2.0]).storage()
torch.tensor([1, 2]).untyped_storage().nbytes(), len(torch.tensor([1, 2]).untyped_storage()), torch.tensor([1, 2]).storage().size()
torch.tensor([1, 2]).untyped_storage().tolist()
torch.tensor([1, 2, 3])[1:].untyped_storage().nbytes(), torch.tensor([1, 2, 3])[1:].storage_offset()
x.data_ptr() == x.untyped_storage().data_ptr(), x[1:].data_ptr() - x.data_ptr(), x[1:].untyped_storage().data_ptr() == x.data_ptr(), x.t().data_ptr() == x.data_ptr()
torch.empty(0).data_ptr(), torch.empty(0).untyped_storage().nbytes()
x.detach().data_ptr() == x.data_ptr(), x.clone().data_ptr() == x.data_ptr(), x.view(-1).data_ptr() == x.data_ptr()
torch.zeros(3).storage().pickle_storage_type(), torch.zeros(3).bool().storage().dtype, torch.zeros(3).storage_type()
torch.FloatStorage([1.0, 2.0]), torch.LongStorage([1]).tolist(), torch.FloatStorage(3).size()
isinstance(torch.zeros(1).storage(), torch.FloatStorage), isinstance(torch.zeros(1).storage(), torch.LongStorage)
torch.UntypedStorage([1, 2, 3]), torch.UntypedStorage(5).nbytes(), torch.UntypedStorage().nbytes()
torch.UntypedStorage([1, 2, 3])[1], torch.UntypedStorage([1, 2, 3])[1:].tolist(), torch.UntypedStorage([1, 2, 3])[-1]
torch.UntypedStorage([1, 2, 3])[7]
torch.UntypedStorage([1, 2, 3]).clone().tolist(), torch.UntypedStorage([1, 2, 3]).resize_(2).tolist(), torch.UntypedStorage([1, 2]).fill_(7).tolist()
torch.UntypedStorage([1, 2, 3]).device, torch.UntypedStorage(2, device="meta").device, torch.UntypedStorage([1]).is_cuda
torch.FloatStorage([1.0, 2.0])[1], torch.FloatStorage([1.0, 2.0]).int(), torch.FloatStorage([1.0]).fill_(3)
torch.FloatStorage([1.0, 2.0])[0:1]
torch.FloatStorage([1.5]).double(), torch.FloatStorage([1.5]).type(), torch.FloatStorage([1.5]).element_size()
torch.TypedStorage([1, 2], dtype=torch.int8), torch.TypedStorage(2, dtype=torch.float64).nbytes()
torch.UntypedStorage.from_buffer(b"abcd", dtype=torch.uint8).tolist()
torch.FloatStorage.from_buffer(bytes(8), byte_order="little").tolist()
torch.frombuffer(data, dtype=torch.uint8), torch.frombuffer(data, dtype=torch.int32), torch.frombuffer(data, dtype=torch.float32, count=1, offset=4)
torch.frombuffer(data, dtype=torch.bfloat16), torch.frombuffer(data, dtype=torch.float32, requires_grad=True).requires_grad
torch.frombuffer(data, dtype=torch.int64)
torch.frombuffer(data, dtype=torch.float32, offset=20)
torch.frombuffer(data, dtype=torch.float32, offset=-1)
torch.frombuffer(data, dtype=torch.float32, count=9)
torch.frombuffer(data, dtype=torch.float32, count=0)
torch.frombuffer(bytearray(), dtype=torch.float32)
torch.frombuffer(3, dtype=torch.float32)
torch.frombuffer(data, dtype=torch.int32, requires_grad=True)
shared(lambda b: torch.frombuffer(b, dtype=torch.uint8))
torch.asarray([1, 2.0]), torch.asarray(3), torch.asarray(np.arange(3)), torch.asarray(data, dtype=torch.uint8)[:3]
torch.asarray(torch.UntypedStorage([0, 0, 128, 63]), dtype=torch.float32), torch.asarray(torch.UntypedStorage([1, 2]), dtype=torch.uint8)
torch.asarray(x) is x, torch.asarray(x, copy=True) is x, torch.asarray(x, dtype=torch.float64).dtype
torch.asarray(x, dtype=torch.float64, copy=False)
torch.asarray([1], copy=False)
torch.asarray("abc")
torch.asarray(None)
torch.zeros(2, 4).view(torch.float64), torch.tensor([1.0]).view(torch.int32), torch.tensor([1.0]).view(torch.uint8), torch.tensor([1.0]).view(dtype=torch.int32)
torch.tensor([1.0, -2.0]).bfloat16().view(torch.uint8), torch.tensor([16256], dtype=torch.int32).view(torch.uint8)[:2].view(torch.bfloat16)
torch.zeros(2, 3).view(torch.float64)
torch.zeros(2, 3).t().view(torch.float64)
torch.zeros(()).view(torch.int8)
torch.zeros(3)[1:].view(torch.float64)
viewed(torch.zeros(2), torch.int32)
torch.empty(0).set_(torch.arange(6.0).untyped_storage(), 1, (2, 2), (2, 1))
torch.zeros(2).is_set_to(torch.zeros(2)), x.is_set_to(x)
torch.zeros(2, 3).nbytes, torch.zeros(2, 3).half().nbytes, torch.zeros(2).is_shared()
torch.from_dlpack(np.ones(2)), np.from_dlpack(torch.arange(3.0)), torch.zeros(2).__dlpack_device__()
torch.ones(2, requires_grad=True).__dlpack__()
torch.utils.dlpack.DLDeviceType.kDLCPU
""",
    {**globals()},
)

"""The memory behind a tensor: where it lies, and tensors laid over memory that exists already."""

from __future__ import annotations

import ctypes

import numpy as np
import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import dtypes, retyped

#: PyTorch's name of a dtype → the NumPy type whose bytes are the same; bfloat16 has none.
NUMPY = {
    "bool": np.bool_,
    "uint8": np.uint8,
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "float16": np.float16,
    "float32": np.float32,
    "float64": np.float64,
}
#: OneFlow's dtype → NumPy's, for those that both have.
_ELEMENTS = {dtypes.BY_NAME[name]: np.dtype(array) for name, array in NUMPY.items()}
_BYTE = _ELEMENTS[flow.uint8]
_HALF = np.dtype(np.float16, copy=True)  # where it stands for bfloat16
_BFLOAT = 4  # DLPack's code
_ALIGNMENT = 64


class _Device(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_int32), ("index", ctypes.c_int32)]


class _Type(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class _Managed(ctypes.Structure):
    """The head of DLPack's DLManagedTensor."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device", _Device),
        ("ndim", ctypes.c_int32),
        ("dtype", _Type),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


_pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
_pointer_of.restype = ctypes.c_void_p
_pointer_of.argtypes = [ctypes.py_object, ctypes.c_char_p]


def _described(tensor):
    """Return a capsule with OneFlow's own description of a tensor, and the description."""
    capsule = flow.to_dlpack(tensor)
    return capsule, _Managed.from_address(_pointer_of(capsule, b"dltensor"))


def address(tensor) -> int:
    """Return where the tensor's first element lies; 0 for an empty tensor, as PyTorch says."""
    if tensor.numel() == 0:
        return 0
    if tensor.dtype == flow.bool:
        if tensor.is_cuda:
            return _described(tensor.to(flow.uint8))[1].data
        return _cut(tensor).numpy().ctypes.data
    if tensor.dtype in retyped.SIZED and not tensor.is_cuda:
        return retyped.array(tensor).ctypes.data
    _, found = _described(_cut(tensor))
    return found.data + found.byte_offset


_cut = flow.Tensor.detach


def detached(tensor):
    """Return the same values outside of the graph, over the same memory.

    OneFlow's own ``detach`` (and ``data``) forgets where in the memory a view starts: whatever is
    viewed of it then, its first row, say, is looked for at the memory's start.
    """
    offset = tensor.storage_offset()
    if not offset or tensor.numel() == 0:
        return _cut(tensor)
    with flow.no_grad():
        return flow._C.as_strided(tensor, tensor.shape, tensor.stride(), offset)


def at_start(tensor):
    """Return a tensor over the same memory that OneFlow takes for the start of a memory.

    For where OneFlow takes over the memory of another tensor and forgets its start again.
    """
    if not tensor.storage_offset() or tensor.numel() == 0:
        return tensor
    size, stride = tuple(tensor.shape), tensor.stride()
    if tensor.is_cuda:
        return _reinterpret_described(tensor, tensor.dtype, size, stride)
    last = sum((one - 1) * step for one, step in zip(size, stride))
    owner = _cut(tensor)
    held = as_bytes(owner, address(tensor), (last + 1) * element_size(tensor))
    return over(held, tensor.dtype, size, stride)


def element_size(tensor) -> int:
    """Return the bytes of one element."""
    return dtypes.itemsize(tensor.dtype)


def extent(tensor) -> int:
    """Return the bytes from the storage's start to the end of the tensor's last element."""
    if tensor.numel() == 0:
        return 0
    last = sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride()))
    return (tensor.storage_offset() + last + 1) * element_size(tensor)


class _Held:
    """Memory of someone else's, as NumPy wants it described; keeps the owner alive."""

    def __init__(self, owner, start: int, count: int) -> None:
        self.owner = owner
        self.__array_interface__ = {
            "version": 3,
            "typestr": "|u1",
            "shape": (count,),
            "data": (start, False),
        }


def as_bytes(owner, start: int, count: int):
    """Return memory as an array of bytes that keeps its owner alive."""
    if count == 0:
        return np.empty(0, np.uint8)
    return np.asarray(_Held(owner, start, count))


def empty(count: int):
    """Return new memory, aligned as the kernels like it, as an array of bytes."""
    array = np.empty(count + _ALIGNMENT, np.uint8)
    start = -array.ctypes.data % _ALIGNMENT
    return array[start : start + count]


def over(array, dtype, size, stride=None, offset: int = 0):
    """Return a CPU tensor of ``dtype`` over an array of bytes; offset and strides in elements."""
    element = retyped.SIZED.get(dtype) or _ELEMENTS.get(dtype)
    if element is None:  # bfloat16, whose bytes NumPy takes for those of float16, or not OneFlow's
        dtypes.check_held(dtype, f"a tensor of {dtype}")
        element = _HALF
    for one in size:
        if type(one) is not int:
            size = [int(one) for one in size]
            break
    count = 1
    for one in size:
        count *= one
    if count == 0:
        return flow.empty(tuple(size), dtype=dtype)
    width = element.itemsize
    steps = last = None
    if stride is not None:
        steps = tuple(int(one) for one in stride)
        last = sum((one - 1) * step for one, step in zip(size, steps))
    start, stop = offset * width, (offset + (count if last is None else last + 1)) * width
    if start < 0 or stop > array.size:
        steps = _contiguous(size) if steps is None else steps
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(steps)}, storage offset {offset}, and "
            f"itemsize {width} requiring a storage size of {stop} are out of bounds for storage of "
            f"size {array.size}"
        )
    flat = array if stop == array.size else array[:stop]
    if element is not _BYTE:
        flat = flat.view(element)
    if offset:  # a view of a tensor of all of it: so OneFlow, too, knows where the memory starts
        base = _labelled(flat, dtype)
        steps = _contiguous(size) if steps is None else steps
        return flow._C.as_strided(base, size, steps, offset)
    if steps is not None:
        strides = tuple(step * width for step in steps)
        flat = np.lib.stride_tricks.as_strided(flat, tuple(size), strides)
    elif len(size) != 1:
        flat = flat.reshape(size)
    return _labelled(flat, dtype)


def _labelled(array, dtype):
    """Return an array whose elements have a dtype's size as a tensor of that dtype."""
    if dtype in retyped.SIZED:
        return retyped.of_array(array, dtype)
    tensor = flow.from_numpy(array)
    return _as_bfloat16(tensor) if array.dtype is _HALF else tensor


def _contiguous(size):
    steps, step = [], 1
    for one in reversed(size):
        steps.append(step)
        step *= max(one, 1)
    return tuple(reversed(steps))


def _as_bfloat16(halves):
    """Return a float16 tensor's memory as bfloat16: OneFlow's description of it says so."""
    capsule, described = _described(halves)
    described.dtype.code = _BFLOAT
    return flow.from_dlpack(capsule)


def bytes_of(tensor):
    """Return the bytes of a contiguous CPU tensor, as an array that shares its memory."""
    tensor = detached(tensor)
    if tensor.dtype == flow.bfloat16 or tensor.dtype in dtypes.EIGHTHS:
        return as_bytes(tensor, address(tensor), tensor.numel() * element_size(tensor))
    return tensor.numpy().reshape(-1).view(np.uint8)


#: The tensor that was laid over an array last, and the array, until it is viewed otherwise: asking
#: OneFlow where a tensor lies means waiting for its thread, and safetensors views each tensor once.
_latest: list = []


def note(tensor, array):
    """Remember the array of a tensor that is likely to be viewed as another dtype next."""
    _latest[:] = [tensor, array]
    return tensor


def _noted(tensor, dtype):
    """Return the view of the tensor that `note` remembered; None for others, and where it fails."""
    if not _latest or _latest[0] is not tensor:
        return None
    array = _latest[1]
    _latest.clear()
    width = dtypes.itemsize(dtype)
    if tensor.requires_grad or array.size % width:
        return None
    return over(array, dtype, (array.size // width,))


def reinterpret(tensor, dtype):
    """Return a view of the tensor's bytes as another dtype; PyTorch's rules for the last size."""
    noted = _noted(tensor, dtype)
    if noted is not None:
        return noted
    if tensor.dtype == dtype:
        return tensor.view(tensor.shape)
    dtypes.check_held(dtype, f"Tensor.view({dtype})")
    old, new = element_size(tensor), dtypes.itemsize(dtype)
    size, stride, offset = list(tensor.shape), list(tensor.stride()), tensor.storage_offset()
    if old != new:
        size, stride, offset = _resized(tensor, dtype, size, stride, offset, old, new)
    if tensor.is_cuda:
        return _reinterpret_described(tensor, dtype, size, stride)
    if tensor.numel() == 0:
        return flow.empty(size, dtype=dtype)
    start = address(tensor)
    last = sum((one - 1) * step for one, step in zip(size, stride))
    held = as_bytes(_cut(tensor), start, (last + 1) * new)
    return over(held, dtype, size, stride)


def _resized(tensor, dtype, size, stride, offset, old, new):
    """Return sizes, strides and offset counted in elements of another width."""

    def fail(what, but=""):
        raise RuntimeError(
            f"{what} to view {_word(tensor.dtype)} as {_word(dtype)} (different element sizes){but}"
        )

    if not size:
        fail("self.dim() cannot be 0")
    if size[-1] != 1 and stride[-1] != 1:
        fail("self.stride(-1) must be 1", f", but got {stride[-1]}")
    if old > new:
        ratio = old // new
        size[-1] *= ratio
        stride = [step * ratio for step in stride[:-1]] + [1]
        return size, stride, offset * ratio
    ratio = new // old
    if size[-1] % ratio:
        fail(f"self.size(-1) must be divisible by {ratio}", f", but got {size[-1]}")
    if offset % ratio:
        fail(f"self.storage_offset() must be divisible by {ratio}", f", but got {offset}")
    for place, step in enumerate(stride[:-1]):
        if step % ratio:
            fail(f"self.stride({place}) must be divisible by {ratio}", f", but got {step}")
    size[-1] //= ratio
    return size, [step // ratio for step in stride[:-1]] + [1], offset // ratio


def _word(dtype) -> str:
    return dtypes.traits(dtype).scalar


def whole(tensor):
    """Return the tensor's storage, as far as the tensor reaches, as a 1-d tensor of bytes."""
    back = tensor.storage_offset() * element_size(tensor)
    if tensor.dtype == flow.bool:
        raise hooks.refuse("torch.Tensor.untyped_storage", "bool tensors of a CUDA device")
    return _reinterpret_described(tensor, flow.uint8, (extent(tensor),), (1,), back)


_CODES = {"uint": 1, "int": 0, "float": 2, "bfloat": _BFLOAT}


def _reinterpret_described(tensor, dtype, size, stride, back=0):
    """Do so where NumPy cannot reach, by rewriting OneFlow's description of the memory.

    ``back`` is how many bytes before the tensor the view starts.
    """
    tensor = detached(tensor)
    if tensor.ndim < len(size):
        tensor = tensor.view(1)
    capsule, described = _described(tensor)
    described.data -= back
    described.ndim = len(size)
    found = dtypes.traits(dtype)
    kind = "bfloat" if found.name == "bfloat16" else found.category
    if found.category == "int" and not found.signed:
        kind = "uint"
    described.dtype.code = _CODES[kind]
    described.dtype.bits = found.itemsize * 8
    for place, (one, step) in enumerate(zip(size, stride)):
        described.shape[place] = one
        described.strides[place] = step
    return flow.from_dlpack(capsule)

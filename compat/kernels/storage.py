"""Storages: the flat memory behind tensors, with bytes or with elements of a dtype."""

from __future__ import annotations

import collections.abc
import copy
import io
import mmap
import os
import warnings

import numpy as np
import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import device_spelling, dtypes, memory

#: The dtypes whose storages have names of their own in files that PyTorch writes.
TYPED_NAMES = {
    "float64": "DoubleStorage",
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "int16": "ShortStorage",
    "int8": "CharStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
    "bfloat16": "BFloat16Storage",
    "complex128": "ComplexDoubleStorage",
    "complex64": "ComplexFloatStorage",
    "qint8": "QInt8Storage",
    "qint32": "QInt32Storage",
    "quint8": "QUInt8Storage",
    "quint4x2": "QUInt4x2Storage",
    "quint2x4": "QUInt2x4Storage",
}
_BY_TYPED_NAME = {name: dtype for dtype, name in TYPED_NAMES.items()}


def dtype_of_name(name: str):
    """Return the dtype of ``FloatStorage`` and the like; KeyError in PyTorch's words."""
    if name not in _BY_TYPED_NAME:
        raise KeyError(f'pickle storage type "{name}" is not recognized')
    return dtypes.BY_NAME[_BY_TYPED_NAME[name]]


class UntypedStorage:
    """A stretch of memory, counted in bytes.

    On the CPU ``_array`` is a NumPy array of bytes that keeps the memory alive; on another device
    ``_tensor`` is a tensor of bytes there.
    """

    is_sparse = False
    is_sparse_csr = False
    _fake_device = None
    _checkpoint_offset = None

    _shared = False
    filename = None
    _tensor = None
    device = device_spelling.CPU
    is_meta = False

    def __init__(self, *args, device=None, array=None, filename=None) -> None:
        self.filename = filename
        if device is not None:
            import torch

            self.device = torch.device(device)
            self.is_meta = self.device.type == "meta"
        if self.is_meta:
            self._array, self._size = memory.empty(0), int(args[0]) if args else 0
        elif array is not None:
            self._array = array
        elif not args:
            self._array = memory.empty(0)
        elif len(args) == 1 and isinstance(args[0], (int, np.integer)):
            self._array = memory.empty(int(args[0]))
        elif len(args) == 1 and isinstance(args[0], collections.abc.Sequence):
            self._array = np.array([int(value) & 255 for value in args[0]], np.uint8)
        else:
            raise TypeError(
                "torch.storage.UntypedStorage(): expected a size or a sequence, but got "
                f"{', '.join(type(value).__name__ for value in args)}"
            )
        if self.is_cuda:
            self._tensor = memory.over(self._array, flow.uint8, (self._array.size,)).to(self.device)
            self._array = None

    @classmethod
    def _over(cls, array):
        """Return a storage over an array of bytes."""
        made = cls.__new__(cls)
        made._array = array
        return made

    @classmethod
    def _of(cls, tensor):
        """Return the storage of a tensor."""
        if tensor.is_cuda:
            storage = cls()
            storage.device = tensor.device
            storage._tensor = memory.whole(tensor)
            storage._array = None
            return storage
        start = memory.address(tensor) - tensor.storage_offset() * memory.element_size(tensor)
        return cls._over(memory.as_bytes(tensor.detach(), start, memory.extent(tensor)))

    # size and place

    def nbytes(self) -> int:
        """Return the number of bytes."""
        if self.is_meta:
            return self._size
        return int(self._array.size if self._tensor is None else self._tensor.numel())

    def size(self) -> int:
        """Return the number of bytes."""
        return self.nbytes()

    def __len__(self) -> int:
        return self.nbytes()

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + self.nbytes()

    def element_size(self) -> int:
        """Return 1."""
        return 1

    def data_ptr(self) -> int:
        """Return where the memory lies; 0 for none."""
        if self._tensor is not None:
            return memory.address(self._tensor)
        return self._array.ctypes.data if self._array.size else 0

    @property
    def _cdata(self) -> int:
        return self.data_ptr() or id(self)

    def get_device(self) -> int:
        """Return the index of the device; -1 for the CPU."""
        return -1 if self.device.type == "cpu" else self.device.index

    @property
    def is_cuda(self) -> bool:
        """Whether the memory is a CUDA device's."""
        return self.device.type == "cuda"

    def resizable(self) -> bool:
        """Tell whether `resize_` can be called."""
        return not self._shared and self.filename is None

    def resize_(self, size: int):
        """Change the number of bytes; what tensors see of the old memory stays with them."""
        if self.is_cuda:
            raise hooks.refuse("torch.UntypedStorage.resize_", "storages of a CUDA device")
        if not self.resizable():
            raise RuntimeError("Trying to resize storage that is not resizable")
        kept = memory.empty(size)
        count = min(size, self._array.size)
        kept[:count] = self._array[:count]
        self._array = kept
        return self

    # contents

    def _host(self):
        """Return the bytes as an array: the memory itself on the CPU, a copy of it elsewhere."""
        if self.is_meta:
            raise NotImplementedError("Cannot copy out of meta tensor; no data!")
        return self._array if self._tensor is None else self._tensor.cpu().numpy()

    def __getitem__(self, index):
        if self.is_meta:
            raise NotImplementedError("Not available for 'meta' device type")
        if isinstance(index, slice):
            if index.step not in (None, 1):
                raise RuntimeError(
                    f"Trying to slice with a step of {index.step}, but only a step "
                    "of 1 is supported"
                )
            if self._tensor is not None:
                return type(self)._of(self._tensor[index])
            return self._over(self._array[index])
        return int(self._host()[_checked(index, self.nbytes())])

    def __setitem__(self, index, value) -> None:
        if isinstance(index, slice):
            place = index
        else:
            place = _checked(index, self.nbytes())
        if self._tensor is not None:
            self._tensor[place] = value
        elif isinstance(value, UntypedStorage):
            self._array[place] = value._host()
        else:
            self._array[place] = value

    def __iter__(self):
        return iter(self.tolist())

    def tolist(self):
        """Return the bytes as a list of numbers."""
        return self._host().tolist()

    def fill_(self, value):
        """Set every byte."""
        self[:] = value
        return self

    def copy_(self, source, non_blocking=None):
        """Copy the bytes of another storage of the same size."""
        if source.nbytes() != self.nbytes():
            raise RuntimeError(
                f"size does not match, self was {self.nbytes()} bytes but src was "
                f"{source.nbytes()} bytes"
            )
        source = source.untyped()
        if self._tensor is None:
            self._array[:] = source._host()
        else:
            self._tensor.copy_(memory.over(source._host(), flow.uint8, (source.nbytes(),)))
        return self

    def new(self):
        """Return an empty storage on the same device."""
        return type(self)(device=self.device)

    def clone(self):
        """Return a copy."""
        return type(self)(self.nbytes(), device=self.device).copy_(self)

    def __copy__(self):
        return self.clone()

    def __deepcopy__(self, memo):
        held = memo.setdefault("torch", {})
        key = self._cdata
        if key not in held:
            held[key] = self.clone()
        return held[key]

    def __reduce__(self):
        import torch

        buffer = io.BytesIO()
        torch.save(self, buffer, _use_new_zipfile_serialization=False)
        return _load_from_bytes, (buffer.getvalue(),)

    def byteswap(self, dtype) -> None:
        """Reverse the bytes of each element in place."""
        width = dtypes.itemsize(dtype)
        if dtypes.traits(dtype).category == "complex":
            width //= 2
        swapped = self._array.reshape(-1, width)[:, ::-1].reshape(-1).copy()
        self._array[:] = swapped

    # devices and sharing

    def cpu(self):
        """Return the storage on the CPU; itself where it is there."""
        if self.device.type == "cpu":
            return self
        return type(self)(array=np.array(self._host()))

    def to(self, *, device, non_blocking=False):
        """Return the storage on a device; itself where it is there."""
        import torch

        device = torch.device(device)
        if device.type == "meta":
            return type(self)(self.nbytes(), device=device)
        if device.type == self.device.type and device.index in (None, self.device.index):
            return self
        if device.type == "cpu":
            return self.cpu()
        return type(self)(self.nbytes(), device=device).copy_(self)

    def cuda(self, device=None, non_blocking=False):
        """Return the storage on a CUDA device."""
        index = "" if device is None else f":{device}" if isinstance(device, int) else None
        return self.to(device=f"cuda{index}" if index is not None else device)

    def untyped(self):
        """Return itself."""
        return self

    def is_pinned(self, device="cuda") -> bool:
        """Return False: OneFlow pins tensors, not storages."""
        return False

    def pin_memory(self, device="cuda"):
        """Refuse: OneFlow pins tensors, not storages."""
        raise hooks.refuse("torch.UntypedStorage.pin_memory", "pin the tensor instead")

    def is_shared(self) -> bool:
        """Tell whether other processes can see the memory."""
        return self._shared or self.is_cuda

    def share_memory_(self):
        """Refuse: the memory of a tensor that exists cannot be moved."""
        if self.is_shared():
            return self
        raise hooks.refuse(
            "torch.UntypedStorage.share_memory_", "OneFlow's tensors do not move in memory"
        )

    # files

    @classmethod
    def from_file(cls, filename, shared=False, nbytes=0):
        """Return the first bytes of a file as memory; changes reach the file if ``shared``."""
        if shared:
            with open(filename, "a+b") as file:
                if os.fstat(file.fileno()).st_size < nbytes:
                    file.truncate(nbytes)
        try:
            file = open(filename, "r+b" if shared else "rb")  # noqa: SIM115
        except OSError as error:
            raise RuntimeError(
                f"unable to open file <{filename}> in read-{'write' if shared else 'only'} mode: "
                f"{error.strerror} ({error.errno})"
            ) from error
        with file:
            size = os.fstat(file.fileno()).st_size
            if size < nbytes:
                raise RuntimeError(
                    f"file <{filename}> size <{size}> is smaller than the required mapping size "
                    f"<{nbytes}>"
                )
            nbytes = nbytes or size
            if nbytes == 0:
                return cls()
            access = mmap.ACCESS_WRITE if shared else mmap.ACCESS_COPY
            mapped = mmap.mmap(file.fileno(), nbytes, access=access)
        storage = cls(
            array=np.frombuffer(mapped, np.uint8), filename=str(filename) if shared else None
        )
        storage._shared = bool(shared)
        return storage

    @classmethod
    def from_buffer(cls, buffer, byte_order=None, count=-1, offset=0, dtype=None):
        """Return a copy of a buffer's bytes, in this machine's byte order."""
        width = 1 if dtype is None else dtypes.itemsize(dtype)
        view = memoryview(buffer).cast("B")
        if offset < 0 or offset > len(view):
            raise ValueError(
                f"offset must be non-negative and no greater than buffer length ({len(view)}) , "
                f"but got {offset}"
            )
        if count < 0:
            if (len(view) - offset) % width:
                raise ValueError(
                    f"buffer size ({len(view)}) must be a multiple of element size ({width})"
                )
            count = (len(view) - offset) // width
        if offset + count * width > len(view):
            raise ValueError(
                f"buffer has only {len(view) - offset} elements after offset {offset}, but "
                f"specified a size of {count}"
            )
        array = np.array(np.frombuffer(view, np.uint8, count * width, offset))
        if byte_order not in (None, "native", "little", "big"):
            raise ValueError(
                f"invalid byte_order '{byte_order}' (expected 'big', 'little', or 'native')"
            )
        if byte_order == "big" and width > 1:
            array = array.reshape(-1, width)[:, ::-1].reshape(-1).copy()
        return cls(array=array)

    def type(self, dtype=None, non_blocking=False):
        """Return the name of the type."""
        if dtype is None:
            module = "torch.cuda" if self.is_cuda else "torch.storage"
            return f"{module}.UntypedStorage"
        raise hooks.refuse("torch.UntypedStorage.type", "conversion of untyped storages")

    def __repr__(self) -> str:
        lines = "\n ".join(str(value) for value in self.tolist())
        return (
            f" {lines}\n[torch.storage.UntypedStorage(device={_plain(self.device)}) of size "
            f"{self.nbytes()}]"
        )

    __str__ = __repr__


UntypedStorage.__module__ = "torch.storage"


def _plain(device) -> str:
    return device.type if device.type == "cpu" else f"{device.type}:{device.index}"


def _checked(index, size):
    index = int(index)
    if not -size <= index < size:
        raise IndexError(f"index {index} out of range for storage of size {size}")
    return index % size


def _load_from_bytes(b):
    import torch

    return torch.load(io.BytesIO(b), weights_only=False)


_load_from_bytes.__module__ = "torch.storage"
_warned = False


def warn_of_typed_storage() -> None:
    """Say once that typed storages are on their way out, as PyTorch does."""
    global _warned
    if _warned:
        return
    _warned = True
    warnings.warn(
        "TypedStorage is deprecated. It will be removed in the future and UntypedStorage will be "
        "the only storage class. This should only matter to you if you are using storages "
        "directly.  To access UntypedStorage directly, use tensor.untyped_storage() instead of "
        "tensor.storage()",
        UserWarning,
        stacklevel=3,
    )


class TypedStorage:
    """A storage counted in elements of a dtype."""

    is_sparse = False
    _fake_device = None

    def __init__(self, *args, device=None, dtype=None, wrap_storage=None, _internal=False) -> None:
        if not _internal:
            warn_of_typed_storage()
        own = getattr(type(self), "_own_dtype", None)
        if own is not None:
            dtype = own()
        if wrap_storage is not None:
            if dtype is None:
                raise RuntimeError("Argument 'dtype' must be specified")
            if not isinstance(wrap_storage, UntypedStorage):
                raise TypeError(
                    f"Argument 'wrap_storage' must be UntypedStorage, but got {type(wrap_storage)}"
                )
            self.dtype = dtype
            self._untyped_storage = wrap_storage
            return
        self.dtype = flow.get_default_dtype() if dtype is None else dtype
        if len(args) > 1:
            raise RuntimeError("Too many positional arguments")
        if not args:
            self._untyped_storage = UntypedStorage(device=device)
        elif isinstance(args[0], (int, np.integer)):
            self._untyped_storage = UntypedStorage(
                int(args[0]) * self._element_size(), device=device
            )
        elif isinstance(args[0], collections.abc.Sequence):
            values = flow.tensor(list(args[0]), dtype=self.dtype, device=device or "cpu")
            self._untyped_storage = UntypedStorage._of(values)
        else:
            raise TypeError(f"Argument type not recognized: {type(args[0])}")

    @classmethod
    def _wrap(cls, untyped, dtype):
        return TypedStorage(wrap_storage=untyped, dtype=dtype, _internal=True)

    def _tensor(self):
        """Return the elements as a tensor that shares the memory."""
        untyped = self._untyped_storage
        if untyped._tensor is not None:
            return memory.reinterpret(untyped._tensor, self.dtype)
        return memory.over(untyped._array, self.dtype, (self._size(),))

    @property
    def device(self):
        """The device that the memory lies on."""
        return self._untyped_storage.device

    @property
    def filename(self):
        """The file that the memory is mapped from, if it is shared with it."""
        return self._untyped_storage.filename

    @property
    def is_cuda(self) -> bool:
        """Whether the memory is a CUDA device's."""
        return self._untyped_storage.is_cuda

    @property
    def _cdata(self) -> int:
        return self._untyped_storage._cdata

    def untyped(self):
        """Return the same memory, counted in bytes."""
        return self._untyped_storage

    def _element_size(self) -> int:
        return dtypes.itemsize(self.dtype)

    def element_size(self) -> int:
        """Return the bytes of one element."""
        return self._element_size()

    def _size(self) -> int:
        return self._untyped_storage.nbytes() // self._element_size()

    def size(self) -> int:
        """Return the number of elements."""
        return self._size()

    def __len__(self) -> int:
        return self._size()

    def nbytes(self) -> int:
        """Return the number of bytes."""
        return self._untyped_storage.nbytes()

    _nbytes = nbytes

    def data_ptr(self) -> int:
        """Return where the memory lies."""
        return self._untyped_storage.data_ptr()

    _data_ptr = data_ptr

    def get_device(self) -> int:
        """Return the index of the device; -1 for the CPU."""
        return self._untyped_storage.get_device()

    def resizable(self) -> bool:
        """Tell whether `resize_` can be called."""
        return self._untyped_storage.resizable()

    def resize_(self, size: int):
        """Change the number of elements."""
        self._untyped_storage.resize_(size * self._element_size())
        return self

    def __getitem__(self, index):
        if isinstance(index, slice):
            raise RuntimeError("slices are only supported in UntypedStorage.__getitem__")
        if not isinstance(index, (int, np.integer)):
            raise RuntimeError(f"can't index a {type(self)} with {type(index)}")
        return self._tensor()[_checked(index, self._size())].item()

    def __setitem__(self, index, value) -> None:
        if not isinstance(index, (int, np.integer, slice)):
            raise RuntimeError(f"can't index a {type(self)} with {type(index)}")
        tensor = self._tensor()
        if not isinstance(index, slice):
            index = _checked(index, self._size())
        tensor[index] = value

    def fill_(self, value):
        """Set every element."""
        self[:] = value
        return self

    def __iter__(self):
        return iter(self.tolist())

    def tolist(self):
        """Return the elements as a list."""
        return self._tensor().tolist() if self._size() else []

    def copy_(self, source, non_blocking=None):
        """Copy the elements of another storage, converting them."""
        if isinstance(source, TypedStorage):
            self._tensor().copy_(source._tensor().to(self.dtype))
        else:
            self._untyped_storage.copy_(source)
        return self

    def clone(self):
        """Return a copy."""
        return self._wrap(self._untyped_storage.clone(), self.dtype)

    def __copy__(self):
        return self.clone()

    def __deepcopy__(self, memo):
        return self._wrap(copy.deepcopy(self._untyped_storage, memo), self.dtype)

    def __reduce__(self):
        import torch

        buffer = io.BytesIO()
        torch.save(self, buffer, _use_new_zipfile_serialization=False)
        return _load_from_bytes, (buffer.getvalue(),)

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + self.nbytes()

    def cpu(self):
        """Return the storage on the CPU."""
        return self._wrap(self._untyped_storage.cpu(), self.dtype)

    def cuda(self, device=None, non_blocking=False):
        """Return the storage on a CUDA device."""
        return self._wrap(self._untyped_storage.cuda(device), self.dtype)

    def to(self, *, device, non_blocking=False):
        """Return the storage on a device."""
        return self._wrap(self._untyped_storage.to(device=device), self.dtype)

    def _to(self, dtype):
        return self._wrap(UntypedStorage._of(self._tensor().to(dtype).contiguous()), dtype)

    def is_shared(self) -> bool:
        """Tell whether other processes can see the memory."""
        return self._untyped_storage.is_shared()

    def share_memory_(self):
        """Move the memory where other processes can see it."""
        self._untyped_storage.share_memory_()
        return self

    def is_pinned(self, device="cuda") -> bool:
        """Tell whether the memory is pinned."""
        return self._untyped_storage.is_pinned(device)

    def pin_memory(self, device="cuda"):
        """Return the storage in pinned memory."""
        return self._wrap(self._untyped_storage.pin_memory(device), self.dtype)

    def _pickle_storage_type(self) -> str:
        name = dtypes.name_of(self.dtype)
        if name not in TYPED_NAMES:
            raise KeyError(f"dtype {self.dtype} is not recognized")
        return TYPED_NAMES[name]

    pickle_storage_type = _pickle_storage_type

    def _get_legacy_storage_class(self):
        import torch

        name = TYPED_NAMES.get(dtypes.name_of(self.dtype))
        module = torch if self.device.type == "cpu" else getattr(torch, self.device.type)
        return None if name is None else getattr(module, name, None)

    def type(self, dtype=None, non_blocking=False):
        """Return the name of the storage's type, or the storage converted to another."""
        if dtype is None:
            legacy = self._get_legacy_storage_class()
            kind = legacy or type(self)
            return f"{kind.__module__}.{kind.__name__}"
        return self._to(getattr(dtype, "dtype", dtype))

    @classmethod
    def from_buffer(cls, buffer, byte_order=None, count=-1, offset=0, dtype=None, device=None):
        """Return a copy of a buffer's elements."""
        own = getattr(cls, "_own_dtype", None)
        dtype = own() if own is not None else dtype or flow.get_default_dtype()
        untyped = UntypedStorage.from_buffer(buffer, byte_order, count, offset, dtype)
        return cls._wrap(untyped, dtype)

    @classmethod
    def from_file(cls, filename, shared=False, size=0):
        """Return the first elements of a file as memory; changes reach the file if ``shared``."""
        own = getattr(cls, "_own_dtype", None)
        if own is None:
            raise RuntimeError("from_file can only be called on derived classes")
        width = dtypes.itemsize(own())
        return cls._wrap(UntypedStorage.from_file(filename, shared, size * width), own())

    def __str__(self) -> str:
        values = "\n ".join(str(value) for value in self.tolist())
        return (
            f" {values}\n[torch.storage.TypedStorage(dtype={self.dtype}, "
            f"device={_plain(self.device)}) of size {len(self)}]"
        )

    __repr__ = __str__


TypedStorage.__module__ = "torch.storage"


def _converting(name):
    def convert(self):
        return self._to(dtypes.BY_NAME[name])

    convert.__doc__ = f"Return a copy converted to {name}."
    return convert


for _method, _name in {
    "double": "float64",
    "float": "float32",
    "half": "float16",
    "bfloat16": "bfloat16",
    "long": "int64",
    "int": "int32",
    "short": "int16",
    "char": "int8",
    "byte": "uint8",
    "bool": "bool",
}.items():
    setattr(TypedStorage, _method, _converting(_name))


class _LegacyType(type):
    """The type of ``torch.FloatStorage``: any typed storage of its dtype is an instance of it."""

    def __instancecheck__(cls, instance):
        if "_own_dtype" not in vars(cls) or type(instance) is not TypedStorage:
            return type.__instancecheck__(cls, instance)
        device = "cuda" if cls.__module__ == "torch.cuda" else "cpu"
        return instance.device.type == device and instance.dtype == cls._own_dtype()


class LegacyStorage(TypedStorage, metaclass=_LegacyType):
    """Base of ``torch.FloatStorage`` and its fellows."""

    def __new__(cls, *args, wrap_storage=None, **kwargs):
        if "_own_dtype" not in vars(cls):
            raise RuntimeError("Only child classes of _LegacyStorage can be instantiated")
        if "dtype" in kwargs or "device" in kwargs:
            raise RuntimeError(
                f"{cls.__name__}.__init__ received an invalid combination of arguments"
            )
        device = "cuda" if cls.__module__ == "torch.cuda" else "cpu"
        return TypedStorage(
            *args,
            wrap_storage=wrap_storage,
            dtype=cls._own_dtype(),
            device=None if wrap_storage is not None else device,
        )


def _make_legacy(module: str) -> dict:
    """Make ``FloatStorage`` and its fellows, by name, for ``torch`` or ``torch.cuda``."""
    made = {}
    for dtype_name, name in TYPED_NAMES.items():
        dtype = dtypes.BY_NAME[dtype_name]
        members = {
            "_own_dtype": classmethod(lambda cls, dtype=dtype: dtype),
            "dtype": dtype,
            "__module__": module,
            "__doc__": f"A storage of {dtype_name} elements.",
        }
        made[name] = _LegacyType(name, (LegacyStorage,), members)
    return made


_legacy = {module: _make_legacy(module) for module in ("torch", "torch.cuda")}


def legacy_classes_of(module: str) -> dict:
    """Return the classes of ``torch`` or ``torch.cuda``, the same ones each time."""
    return _legacy[module]

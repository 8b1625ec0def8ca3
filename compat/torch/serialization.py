"""``torch.save`` and ``torch.load`` in PyTorch's own file formats."""

from __future__ import annotations

import contextlib
import enum
import io
import os
import pickle
import re
import struct
import sys
import tarfile
import warnings

import numpy as np
import oneflow as flow

from oneflow_mock.compat import hooks
from oneflow_mock.compat.kernels import archive, dtypes, memory, safe_pickle
from oneflow_mock.compat.kernels.devices import cuda_count
from oneflow_mock.compat.kernels.safe_pickle import StorageType
from oneflow_mock.compat.kernels.storage import (
    TypedStorage,
    UntypedStorage,
    legacy_classes_of,
)

__all__ = [
    "SourceChangeWarning",
    "mkdtemp",
    "register_package",
    "check_module_version_greater_or_equal",
    "validate_cuda_device",
    "validate_hpu_device",
    "location_tag",
    "default_restore_location",
    "normalize_storage_type",
    "storage_to_tensor_type",
    "save",
    "load",
    "StorageType",
    "LoadEndianness",
    "get_crc32_options",
    "set_crc32_options",
    "get_default_load_endianness",
    "set_default_load_endianness",
    "get_default_mmap_options",
    "set_default_mmap_options",
    "clear_safe_globals",
    "get_safe_globals",
    "add_safe_globals",
    "safe_globals",
    "get_unsafe_globals_in_checkpoint",
    "skip_data",
]

DEFAULT_PROTOCOL = 2
MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001
STORAGE_KEY_SEPARATOR = ","
LONG_SIZE = struct.Struct("=l").size
INT_SIZE = struct.Struct("=i").size
SHORT_SIZE = struct.Struct("=h").size
MAP_SHARED, MAP_PRIVATE = 1, 2

UNSAFE_MESSAGE = (
    "In PyTorch 2.6, we changed the default value of the `weights_only` argument in `torch.load` "
    "from `False` to `True`. Re-running `torch.load` with `weights_only` set to `False` will "
    "likely succeed, but it can result in arbitrary code execution. Do it only if you got the "
    "file from a trusted source."
)
_DOCS_MESSAGE = (
    "\n\nCheck the documentation of torch.load to learn more about types accepted by default with "
    "weights_only https://pytorch.org/docs/stable/generated/torch.load.html."
)


class SourceChangeWarning(Warning):
    """The source of a class is not what it was when the file was written."""


class LoadEndianness(enum.Enum):
    """The byte order of files that do not name theirs."""

    NATIVE = 1
    LITTLE = 2
    BIG = 3


def _config():
    import torch.utils.serialization.config as config

    return config


def get_default_load_endianness():
    """Return the byte order of files that do not name theirs; None for the default."""
    return _config().load.endianness


def set_default_load_endianness(endianness) -> None:
    """Set the byte order of files that do not name theirs."""
    if not isinstance(endianness, LoadEndianness) and endianness is not None:
        raise TypeError("Invalid argument type in function set_default_load_endianness")
    _config().load.endianness = endianness


def get_crc32_options() -> bool:
    """Tell whether checksums are written."""
    return _config().save.compute_crc32


def set_crc32_options(compute_crc32: bool) -> None:
    """Say whether checksums are written; here they always are."""
    if not compute_crc32:
        hooks.no_effect("torch.serialization.set_crc32_options", "compute_crc32")
    _config().save.compute_crc32 = compute_crc32


def get_default_mmap_options():
    """Return how mapped files are shared."""
    return _config().load.mmap_flags


class set_default_mmap_options:
    """Set how mapped files are shared: from the call on, or for a ``with`` block."""

    def __init__(self, flags: int) -> None:
        if flags not in (MAP_PRIVATE, MAP_SHARED):
            raise ValueError(
                "Invalid argument in function set_default_mmap_options, expected mmap.MAP_PRIVATE "
                f"or mmap.MAP_SHARED, but got {flags}"
            )
        self.prev = _config().load.mmap_flags
        _config().load.mmap_flags = flags

    def __enter__(self) -> None:
        pass

    def __exit__(self, exc_type, exc_value, traceback) -> None:
        _config().load.mmap_flags = self.prev


# what files of unknown origin may name


def clear_safe_globals() -> None:
    """Forget what `add_safe_globals` allowed."""
    safe_pickle.allowed_by_user.clear()


def get_safe_globals():
    """Return what `add_safe_globals` allowed."""
    return list(safe_pickle.allowed_by_user)


def add_safe_globals(safe_globals) -> None:
    """Allow classes and functions (or pairs of one and its full name) in files."""
    safe_pickle.allowed_by_user.update(safe_globals)


class safe_globals:
    """Allow classes and functions in files for a ``with`` block."""

    def __init__(self, safe_globals) -> None:
        self.safe_globals = safe_globals

    def __enter__(self) -> None:
        add_safe_globals(self.safe_globals)

    def __exit__(self, type, value, tb) -> None:
        safe_pickle.allowed_by_user.difference_update(self.safe_globals)


def get_unsafe_globals_in_checkpoint(f):
    """Return the names in a file that ``weights_only=True`` would not take."""
    known = set(safe_pickle.allowed_by_default()) | set(safe_pickle.user_allowed())
    with _open(f, "rb") as file:
        if not _is_zipfile(file):
            raise ValueError("Expected input to be a checkpoint returned by torch.save")
        reader = archive.Reader(file)
        if _is_torchscript_zip(reader):
            raise ValueError(
                "Expected input to be a checkpoint returned by torch.save but got a torchscript "
                "checkpoint"
            )
        named = safe_pickle.globals_of(io.BytesIO(reader.read("data.pkl")))
    return sorted(named - known)


class skip_data:
    """Refuse: files without their data."""

    def __init__(self, materialize_fake_tensors: bool = False) -> None:
        raise hooks.refuse("torch.serialization.skip_data", "files without their data")


@contextlib.contextmanager
def mkdtemp():
    """Give a temporary folder for a block."""
    import tempfile

    with tempfile.TemporaryDirectory() as path:
        yield path


def check_module_version_greater_or_equal(module, req_version_tuple, error_if_malformed=True):
    """Tell whether a module's ``__version__`` is at least a version."""
    try:
        parts = module.__version__.split(".")
        have = tuple(type(want)(part) for want, part in zip(req_version_tuple, parts))
        return have >= tuple(req_version_tuple)
    except Exception as error:
        message = (
            f"'{module.__name__}' module version string is malformed '{module.__version__}' and "
            f"cannot be compared with tuple {req_version_tuple}"
        )
        if error_if_malformed:
            raise RuntimeError(message) from error
        warnings.warn(message + ", but continuing assuming that requirement is met", stacklevel=2)
        return True


# where storages go

_package_registry: list = []


def register_package(priority: int, tagger, deserializer) -> None:
    """Add a way to name storages' places in files, and to bring them there."""
    _package_registry.append((priority, tagger, deserializer))
    _package_registry.sort(key=lambda entry: entry[0])


def _cpu_tag(obj):
    return "cpu" if obj.device.type == "cpu" else None


def _cpu_deserialize(obj, location):
    return obj if location == "cpu" else None


def _cuda_tag(obj):
    return f"cuda:{obj.device.index}" if obj.device.type == "cuda" else None


def _cuda_deserialize(obj, location):
    if not location.startswith("cuda"):
        return None
    return obj.to(device=f"cuda:{validate_cuda_device(location)}")


register_package(10, _cpu_tag, _cpu_deserialize)
register_package(20, _cuda_tag, _cuda_deserialize)


def validate_cuda_device(location) -> int:
    """Return the index of the CUDA device that a place names; RuntimeError where it is not."""
    count = cuda_count()
    if not count:
        raise RuntimeError(
            "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is "
            "False. If you are running on a CPU-only machine, please use torch.load with "
            "map_location=torch.device('cpu') to map your storages to the CPU."
        )
    _, _, index = str(location).partition(":")
    if index:
        index = int(index)
    else:
        import torch

        index = torch.cuda.current_device()
    if index >= count:
        raise RuntimeError(
            f"Attempting to deserialize object on CUDA device {index} but "
            f"torch.cuda.device_count() is {count}. Please use torch.load with map_location to map "
            "your storages to an existing device."
        )
    return index


def validate_hpu_device(location):
    """Raise PyTorch's error: there is no such device."""
    raise RuntimeError(
        "Attempting to deserialize object on a HPU device but torch.hpu.is_available() is False. "
        "If you are running on a CPU-only machine, please use torch.load with "
        "map_location=torch.device('cpu') to map your storages to the CPU."
    )


def location_tag(storage) -> str:
    """Return how files name the place of a storage."""
    for _, tagger, _ in _package_registry:
        location = tagger(storage)
        if location:
            return location
    raise RuntimeError("don't know how to determine data location of " + _typename(storage))


def default_restore_location(storage, location):
    """Bring a storage to the place that a file names."""
    for _, _, deserializer in _package_registry:
        result = deserializer(storage, location)
        if result is not None:
            return result
    raise RuntimeError(
        f"don't know how to restore data location of {_typename(storage)} (tagged with {location})"
    )


def _typename(obj) -> str:
    return f"{type(obj).__module__}.{type(obj).__name__}"


def normalize_storage_type(storage_type):
    """Return the CPU's class of a storage class."""
    import torch

    return getattr(torch, storage_type.__name__)


def storage_to_tensor_type(storage):
    """Return the tensor class of a storage."""
    import torch

    return getattr(torch, type(storage).__name__.replace("Storage", "Tensor"))


def _restorer(map_location):
    if map_location is None:
        return default_restore_location
    if isinstance(map_location, dict):
        return lambda storage, location: default_restore_location(
            storage, map_location.get(location, location)
        )
    if isinstance(map_location, bytes):
        map_location = map_location.decode("ascii")
    if isinstance(map_location, (str, flow.device)):
        return lambda storage, location: default_restore_location(storage, str(map_location))

    def restore(storage, location):
        result = map_location(storage, location)
        return default_restore_location(storage, location) if result is None else result

    return restore


# files


def _is_path(f) -> bool:
    return isinstance(f, (str, os.PathLike))


@contextlib.contextmanager
def _open(f, mode):
    """Give a file for a path; leave an object that is one as it is."""
    if _is_path(f):
        with open(f, mode) as file:
            yield file
        return
    if "w" not in mode:
        _check_seekable(f)
    yield f


def _check_seekable(f) -> None:
    try:
        f.seek(f.tell())
    except (io.UnsupportedOperation, AttributeError) as error:
        text = str(error)
        if "seek" in text or "tell" in text:
            raise type(error)(
                text + ". You can only torch.load from a file that is seekable. Please pre-load "
                "the data into a buffer like io.BytesIO and try to load from it instead."
            ) from None
        raise


def _is_zipfile(f) -> bool:
    start = f.tell()
    magic = f.read(4)
    f.seek(start)
    return magic == b"PK\x03\x04"


def _is_torchscript_zip(reader) -> bool:
    return reader.has("constants.pkl")


def _check_dill_version(pickle_module) -> None:
    if pickle_module is not None and pickle_module.__name__ == "dill":
        wanted = (0, 3, 1)
        if not check_module_version_greater_or_equal(pickle_module, wanted, False):
            raise ValueError(
                f"'torch' supports dill >= {'.'.join(map(str, wanted))}, but you have dill "
                f"{pickle_module.__version__}. Please upgrade dill or switch to 'pickle'"
            )


# saving


class _Collector:
    """Gives each storage that a pickle meets its key and its size in the file.

    OneFlow tells where a tensor's storage starts, not how long it is: a storage is taken to reach
    as far as any tensor in the pickle that looks at it. ``grown`` says that a size turned out
    larger than what the pickle says already, so that it has to be written again.
    """

    def __init__(self, key) -> None:
        self.key = key
        self.storages: dict = {}
        self.sizes: dict = {}
        self.said: dict = {}
        self.keys: dict = {}
        self._dtypes: dict = {}
        self.grown = False
        self.legacy: dict = {}

    def again(self) -> None:
        """Start over with the sizes that are known now."""
        self.grown = False
        self.said.clear()
        self._dtypes.clear()

    def identify(self, obj):
        """Return ``(storage class, key, place, elements, dtype)``, or None for other objects."""
        if isinstance(obj, TypedStorage):
            storage, dtype = obj._untyped_storage, obj.dtype
            name = dtypes.name_of(dtype)
            kind = legacy_classes_of("torch")[obj._pickle_storage_type()]
        elif isinstance(obj, UntypedStorage):
            storage, dtype, name, kind = obj, flow.uint8, "uint8", UntypedStorage
        else:
            return None
        address = storage.data_ptr()
        if address and self._dtypes.setdefault(address, name) != name:
            raise RuntimeError(
                "Cannot save multiple tensors or storages that view the same data as different "
                "types"
            )
        identity = storage._cdata
        known = self.storages.get(identity)
        if known is None or storage.nbytes() > known.nbytes():
            self.storages[identity] = storage
        size = self.storages[identity].nbytes()
        if self.said.setdefault(identity, size) < size:
            self.grown = True
        key = self.keys.setdefault(identity, self.key(len(self.keys), identity))
        return kind, key, location_tag(storage), size // dtypes.itemsize(dtype), dtype


def _pickled(obj, pickle_module, protocol, collector, persistent_id) -> bytes:
    """Return an object pickled; a second time where a storage turned out larger than written."""

    class Pickler(pickle_module.Pickler):
        def persistent_id(self, obj):
            return persistent_id(obj)

    while True:
        buffer = io.BytesIO()
        Pickler(buffer, protocol=protocol).dump(obj)
        if not collector.grown:
            return buffer.getvalue()
        collector.again()


def save(
    obj,
    f,
    pickle_module=pickle,
    pickle_protocol=DEFAULT_PROTOCOL,
    _use_new_zipfile_serialization=True,
    _disable_byteorder_record=False,
) -> None:
    """Write an object to a file that PyTorch, too, can load."""
    _check_dill_version(pickle_module)
    if not _is_path(f) and not hasattr(f, "write"):
        raise AttributeError(
            "expected 'f' to be string, path, or a file-like object with a 'write' attribute"
        )
    if not _use_new_zipfile_serialization:
        _save_legacy(obj, f, pickle_module, pickle_protocol)
        return
    target = os.fspath(f) if _is_path(f) else f
    root = "archive"
    if isinstance(target, str):
        root = os.path.splitext(os.path.basename(target))[0] or "archive"
    writer = archive.Writer(target, root)
    writer.open()
    failed = True
    try:
        _save(obj, writer, pickle_module, pickle_protocol, _disable_byteorder_record)
        failed = False
    finally:
        writer.close(failed)


def _save(obj, writer, pickle_module, protocol, disable_byteorder):
    collector = _Collector(lambda count, identity: str(count))

    def persistent_id(obj):
        found = collector.identify(obj)
        return None if found is None else ("storage", *found[:4])

    pickled = _pickled(obj, pickle_module, protocol, collector, persistent_id)
    writer.add("data.pkl", pickled)
    writer.add(".format_version", b"1")
    writer.add(".storage_alignment", b"64")
    if not disable_byteorder:
        writer.add("byteorder", sys.byteorder.encode())
    for identity, key in collector.keys.items():
        writer.add(f"data/{key}", collector.storages[identity]._host())
    writer.add("version", b"3\n")
    writer.add(".data/serialization_id", writer.identifier())
    writer.finish()


def _save_legacy(obj, f, pickle_module, protocol) -> None:
    """Write the format of before PyTorch 1.6: pickles one after the other, then the data."""
    collector = _Collector(lambda count, identity: str(identity))
    containers: set = set()

    def persistent_id(obj):
        if isinstance(obj, type) and issubclass(obj, flow.nn.Module):
            if obj in containers:
                return None
            containers.add(obj)
            return ("module", obj, None, None)
        found = collector.identify(obj)
        if found is None:
            return None
        kind, key, location, count, dtype = found
        widths[key] = dtypes.itemsize(dtype)
        return ("storage", kind, key, location, count, None)

    widths: dict = {}
    info = {
        "protocol_version": PROTOCOL_VERSION,
        "little_endian": sys.byteorder == "little",
        "type_sizes": {"short": SHORT_SIZE, "int": INT_SIZE, "long": LONG_SIZE},
    }
    pickled = _pickled(obj, pickle_module, protocol, collector, persistent_id)
    by_key = {key: collector.storages[identity] for identity, key in collector.keys.items()}
    with _open(f, "wb") as file:
        for head in (MAGIC_NUMBER, PROTOCOL_VERSION, info):
            pickle_module.dump(head, file, protocol=protocol)
        file.write(pickled)
        pickle_module.dump(sorted(by_key), file, protocol=protocol)
        file.flush()
        for key in sorted(by_key):
            data = by_key[key]._host()
            file.write(struct.pack("<q", data.size // widths[key]))
            file.write(memoryview(data))


# loading


def load(f, map_location=None, pickle_module=None, *, weights_only=None, mmap=None, **options):
    """Read an object from a file that PyTorch or `save` wrote."""
    unset = weights_only is None
    if unset:
        weights_only = pickle_module is None
    forced = _environment_says("TORCH_FORCE_WEIGHTS_ONLY_LOAD")
    forbidden = _environment_says("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD")
    if forced and forbidden:
        raise RuntimeError(
            "Only one of `TORCH_FORCE_WEIGHTS_ONLY_LOAD` or `TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD` "
            "should be set, but both were set."
        )
    if forced:
        weights_only = True
    elif forbidden and unset:
        warnings.warn(
            "Environment variable TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD detected, since the"
            "`weights_only` argument was not explicitly passed to `torch.load`, forcing "
            "weights_only=False.",
            UserWarning,
            stacklevel=2,
        )
        weights_only = False
    if weights_only and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    if options and weights_only:
        warnings.warn("pickle_load_args only works if `weights_only=False`.", stacklevel=2)
    _check_dill_version(pickle_module)
    chosen = safe_pickle if weights_only else pickle_module or pickle
    options.setdefault("encoding", "utf-8")
    if mmap is None:
        mmap = _config().load.mmap
    if _is_path(f) and os.fspath(f).endswith(".safetensors"):
        return _load_safetensors(os.fspath(f), map_location)
    with _open(f, "rb") as file:
        try:
            return _load_any(file, f, map_location, chosen, mmap, options)
        except pickle.UnpicklingError as error:
            if not weights_only:
                raise
            raise pickle.UnpicklingError(_advice(str(error))) from None


def _environment_says(name) -> bool:
    return os.environ.get(name, "0").lower() in ("1", "y", "yes", "true")


def _advice(message) -> str:
    """Return the text of an UnpicklingError with what can be done, as PyTorch words it."""
    if re.search(r"GLOBAL (\S+) was not an allowed global by default.", message):
        text = (
            "Weights only load failed. This file can still be loaded, to do so you have two "
            "options, \033[1mdo those steps only if you trust the source of the checkpoint"
            f"\033[0m. \n\t(1) {UNSAFE_MESSAGE}\n\t(2) Alternatively, to load with "
            "`weights_only=True` please check the recommended steps in the following error "
            "message.\n\tWeightsUnpickler error: " + message
        )
    elif re.search(r"(\S+) must be (\S+) to load", message):
        return f"Weights only load failed. {message}\n {UNSAFE_MESSAGE}\n"
    else:
        text = f"Weights only load failed. {UNSAFE_MESSAGE}\n"
        if not re.search(r"whose module (\S+) is blocked", message):
            text += (
                "Please file an issue with the following so that we can make "
                "`weights_only=True` compatible with your use case: WeightsUnpickler error: "
            )
        text += "\n\n" + message
    return text + _DOCS_MESSAGE


def _load_safetensors(path, map_location):
    import safetensors.torch

    device = "cpu"
    if map_location is not None:
        if not isinstance(map_location, (str, bytes, flow.device)):
            kind = "dict" if isinstance(map_location, dict) else "callable"
            raise RuntimeError(
                f"Loading safetensors file with {kind} map_location is not supported. Use a device "
                "string or torch.device instead."
            )
        device = str(map_location)
    return safetensors.torch.load_file(path, device=device)


def _load_any(file, f, map_location, pickle_module, mmap, options):
    if not _is_zipfile(file):
        if mmap:
            name = f"{f}, " if isinstance(f, str) else ""
            raise RuntimeError(
                "mmap can only be used with files saved with "
                f"`torch.save({name}_use_new_zipfile_serialization=True), please torch.save your "
                "checkpoint with this option in order to use mmap."
            )
        return _load_legacy(file, map_location, pickle_module, options)
    reader = archive.Reader(file)
    if _is_torchscript_zip(reader):
        if pickle_module is safe_pickle:
            raise RuntimeError(
                "Cannot use ``weights_only=True`` with TorchScript archives passed to "
                "``torch.load``. " + UNSAFE_MESSAGE
            )
        import torch

        return torch.jit.load(f, map_location=map_location)
    mapped = None
    if mmap:
        if not _is_path(f):
            raise ValueError("f must be a file path in order to use the mmap argument")
        shared = get_default_mmap_options() == MAP_SHARED
        mapped = UntypedStorage.from_file(os.fspath(f), shared, os.path.getsize(f))
    return _load(reader, map_location, pickle_module, mapped, options)


def _byte_order(reader) -> str:
    if reader.has("byteorder"):
        order = reader.read("byteorder").decode()
        if order not in ("little", "big"):
            raise ValueError("Unknown endianness type: " + order)
        return order
    default = get_default_load_endianness()
    if default == LoadEndianness.NATIVE:
        return sys.byteorder
    return "big" if default == LoadEndianness.BIG else "little"


def _load(reader, map_location, pickle_module, mapped, options):
    restore = _restorer(map_location)
    to_meta = str(map_location).partition(":")[0] == "meta"
    swapped = _byte_order(reader) != sys.byteorder
    loaded: dict = {}

    def read(dtype, count, key, location):
        size, name = count * dtypes.itemsize(dtype), f"data/{key}"
        if to_meta:
            return TypedStorage._wrap(UntypedStorage(size, device="meta"), dtype)
        have = reader.size(name)
        if have != size and (mapped is None or have < size):
            raise RuntimeError(
                f"record size ({have} bytes) does not match expected size ({size} bytes = {size} "
                "elements * 1 bytes/element) for dtype Byte"
            )
        start = reader.offset(name) if mapped is not None else -1
        if start >= 0:
            storage = mapped[start : start + size]
        else:
            storage = UntypedStorage(size)
            reader.read_into(name, storage._array)
        if swapped:
            storage.byteswap(dtype)
        return TypedStorage._wrap(restore(storage, location), dtype)

    def persistent_load(saved_id):
        assert isinstance(saved_id, tuple)
        kind, *rest = saved_id
        if _text(kind) != "storage":
            raise AssertionError(
                f"Unknown typename for persistent_load, expected 'storage' but got '{_text(kind)}'"
            )
        storage_type, key, location, count = rest
        dtype = _dtype_of(storage_type)
        if key not in loaded:
            loaded[key] = read(dtype, count, key, _text(location))
        return loaded[key]

    unpickler = _unpickler(pickle_module, io.BytesIO(reader.read("data.pkl")), options)
    unpickler.persistent_load = persistent_load
    return unpickler.load()


def _text(value) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else value


def _dtype_of(storage_type):
    return flow.uint8 if storage_type is UntypedStorage else storage_type.dtype


def _unpickler(pickle_module, file, options):
    """Return an unpickler that reads storage classes as the dtypes they stand for."""

    class Unpickler(pickle_module.Unpickler):
        def find_class(self, module, name):
            if type(name) is str and "Storage" in name:
                try:
                    return StorageType(name)
                except KeyError:
                    pass
            return super().find_class(module, name)

    return Unpickler(file, **options)


def _load_legacy(f, map_location, pickle_module, options):
    """Read the formats of before PyTorch 1.6."""
    restore = _restorer(map_location)
    if _has_descriptor(f) and f.tell() == 0:
        try:
            return _load_tar(f, restore, pickle_module, options)
        except tarfile.TarError:
            f.seek(0)
    if pickle_module.load(f, **options) != MAGIC_NUMBER:
        raise RuntimeError("Invalid magic number; corrupt file?")
    version = pickle_module.load(f, **options)
    if version != PROTOCOL_VERSION:
        raise RuntimeError(f"Invalid protocol version: {version}")
    info = pickle_module.load(f, **options)
    loaded: dict = {}
    awaited: dict = {}

    def persistent_load(saved_id):
        assert isinstance(saved_id, tuple)
        kind, *data = saved_id
        kind = _text(kind)
        if kind == "module":
            return data[0]
        if kind != "storage":
            raise RuntimeError(f"Unknown saved id type: {kind}")
        storage_type, key, location, count, view = data
        dtype = _dtype_of(storage_type)
        width = dtypes.itemsize(dtype)
        if key not in loaded:
            raw = UntypedStorage(count * width)
            loaded[key] = TypedStorage._wrap(restore(raw, _text(location)), dtype)
            awaited[key] = raw
        if view is None:
            return loaded[key]
        view_key, offset, size = view
        if view_key not in loaded:
            part = loaded[key].untyped()[offset * width : (offset + size) * width]
            loaded[view_key] = TypedStorage._wrap(part, dtype)
        return loaded[view_key]

    unpickler = _unpickler(pickle_module, f, options)
    unpickler.persistent_load = persistent_load
    result = unpickler.load()
    for key in pickle_module.load(f, **options):
        if key not in loaded:
            raise AssertionError(f"storage key {key!r} not found in deserialized_objects")
        _fill(f, loaded[key], awaited[key], info)
    return result


def _fill(f, storage, raw, info) -> None:
    """Read a storage's data behind the pickles, and copy it on to the device it belongs to."""
    width = dtypes.itemsize(storage.dtype)
    head = f.read(8)
    little = info.get("little_endian", True) if isinstance(info, dict) else True
    count = struct.unpack("<q" if little else ">q", head)[0] if len(head) == 8 else -1
    if count * width != raw.nbytes():
        raise RuntimeError(
            f"storage has wrong byte size: expected {raw.nbytes()} got {count * width}"
        )
    data = f.read(raw.nbytes())
    if len(data) != raw.nbytes():
        raise RuntimeError("unexpected EOF. The file might be corrupted.")
    raw._array[:] = np.frombuffer(data, np.uint8)
    if not little:
        raw.byteswap(storage.dtype)
    if storage.untyped() is not raw and storage.untyped()._array is not raw._array:
        storage.untyped().copy_(raw)


def _has_descriptor(f) -> bool:
    import bz2
    import gzip

    if isinstance(f, (gzip.GzipFile, bz2.BZ2File)):
        return False
    try:
        return f.fileno() >= 0
    except (io.UnsupportedOperation, AttributeError):
        return False


def _load_tar(f, restore, pickle_module, options):
    """Read the format of 2016: a tar of storages, tensors and a pickle that names them."""
    with contextlib.closing(tarfile.open(fileobj=f, mode="r:", format=tarfile.PAX_FORMAT)) as tar:
        if pickle_module is safe_pickle:
            raise RuntimeError(
                "Cannot use ``weights_only=True`` with files saved in the legacy .tar format. "
                + UNSAFE_MESSAGE
            )
        objects: dict = {}
        with _member(tar, "storages") as file:
            for _ in range(pickle_module.load(file, **options)):
                key, location, storage_type = pickle_module.load(file, **options)
                dtype = getattr(storage_type, "dtype", flow.uint8)
                count = struct.unpack("<q", file.read(8))[0]
                raw = UntypedStorage.from_buffer(file.read(count * dtypes.itemsize(dtype)))
                objects[key] = TypedStorage._wrap(restore(raw, location), dtype)
            for key, root, offset, count in pickle_module.load(file, **options):
                whole, width = objects[root], dtypes.itemsize(objects[root].dtype)
                part = whole.untyped()[offset * width : (offset + count) * width]
                objects[key] = TypedStorage._wrap(part, whole.dtype)
        with _member(tar, "tensors") as file:
            for _ in range(pickle_module.load(file, **options)):
                key, storage_id, _ = pickle_module.load(file, **options)
                ndim = struct.unpack("<i", file.read(8)[:4])[0]
                size = struct.unpack(f"<{ndim}q", file.read(8 * ndim))
                stride = struct.unpack(f"<{ndim}q", file.read(8 * ndim))
                offset = struct.unpack("<q", file.read(8))[0]
                storage = objects[storage_id]
                objects[key] = memory.over(
                    storage.untyped()._host(), storage.dtype, size, stride, offset
                )

        def persistent_load(saved_id):
            if isinstance(saved_id, tuple):
                return saved_id[0]
            return objects[int(saved_id)]

        unpickler = _unpickler(pickle_module, _member(tar, "pickle"), options)
        unpickler.persistent_load = persistent_load
        return unpickler.load()


def _member(tar, name):
    try:
        found = tar.extractfile(name)
    except KeyError:
        raise tarfile.ReadError(f"no member {name!r}") from None
    return io.BytesIO(found.read())


def _get_layout(name):
    """Return the layout of a name, such as ``torch.strided``."""
    import torch

    return getattr(torch, name.rpartition(".")[2])

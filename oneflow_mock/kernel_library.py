"""The native kernels as a shared library: where it is kept, whether it can be trusted, its loading.

``compat/kernels/native/*.cpp`` are compiled (see ``kernel_build``) into one library, either in a
wheel or in a cache folder of the user's. A library is named and marked by a key of all that it
depends on: OneFlow's build, the sources, the flags, the processor's instruction set. It is loaded
only if the key is the one that is wanted, its checksum is right, and nobody else can have put it
there. All this happens at every ``import torch`` and takes milliseconds.
"""

from __future__ import annotations

import binascii
import ctypes
import hashlib
import mmap
import os
import stat
import sys
from contextlib import suppress

from . import engine
from .errors import MockError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

#: ``0`` switches the kernels off; the name of an instruction set asks for that library.
SWITCH = "ONEFLOW_MOCK_KERNELS"
BUILD = "oneflow-mock kernels build"
ONEDNN = "onednn-cpu-gomp==2023.2.0"

#: The instruction sets that are compiled for, the best first: what the processor must say it can.
_FLAGS_OF_PROCESSOR = {
    "x86-64-v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
    "x86-64-v3": {"avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"},
}
LEVELS = tuple(_FLAGS_OF_PROCESSOR)
#: A library for ``make sanitize``; loaded only when the switch names it.
SANITIZED = "sanitized"

COMMON_FLAGS = (
    *("-std=c++17", "-O3", "-fPIC", "-fopenmp", "-w", "-fvisibility=hidden"),
    *("-fno-math-errno", "-fno-trapping-math", "-fcx-fortran-rules", "-mprefer-vector-width=512"),
    # OneFlow was built with the ABI of before GCC 5.
    *("-D_GLIBCXX_USE_CXX11_ABI=0", "-DHALF_ENABLE_CPP11_USER_LITERALS=0"),
)
# Spelled out because compilers know x86-64-v3 and v4 by name only since GCC 11.
_V3 = ("-mavx2", "-mfma", "-mf16c", "-mbmi", "-mbmi2", "-mlzcnt", "-mmovbe", "-mpopcnt")
_V4 = ("-mavx512f", "-mavx512bw", "-mavx512cd", "-mavx512dq", "-mavx512vl")
LEVEL_FLAGS = {
    "x86-64-v4": _V3 + _V4,
    "x86-64-v3": _V3,
    SANITIZED: (
        *(*_V3, "-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined"),
        # OneFlow's classes have no type information that the check of virtual calls could find.
        *("-fno-sanitize=vptr", "-fsanitize-recover=undefined"),
    ),
}

# Behind the library proper, where the dynamic loader does not look: this, the key, a checksum.
_MARK = b"oneflow-mock kernels 3\0"
_DIGEST, _CHECKSUM = 32, 4
#: Bytes that are folded onto each other for the checksum.
_ROW = 4080


class KernelError(MockError):
    """The native kernels cannot be built or loaded; ``detail`` is what the compiler said."""

    def __init__(self, problem: str, mend: str = "", detail: str = "") -> None:
        super().__init__(f"{problem}; mend it with: {mend}" if mend else problem)
        self.problem = problem
        self.mend = mend
        self.detail = detail


# --- what is wanted ------------------------------------------------------------------------------


def levels() -> list[str]:
    """Return the instruction sets that this processor has, the best first."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            line = next((line for line in file if line.startswith("flags")), "")
    except OSError:
        return []
    flags = set(line.split(":", 1)[-1].split())
    return [level for level, wanted in _FLAGS_OF_PROCESSOR.items() if wanted <= flags]


def native_folder() -> str:
    """Return the folder of the C++ sources."""
    folder = os.path.join(os.path.dirname(__file__), "compat", "kernels", "native")
    if not os.path.isdir(folder):  # an editable install keeps compat beside the package
        from . import compat

        folder = os.path.join(list(compat.__path__)[0], "kernels", "native")
    return folder


def sources() -> list[str]:
    """Return the paths of the C++ files and headers, in the same order everywhere."""
    found = []
    for folder, _, files in os.walk(native_folder()):
        found += [os.path.join(folder, name) for name in files if name.endswith((".cpp", ".h"))]
    return sorted(found)


def oneflow_library() -> str:
    """Return the path of OneFlow's library, whose name tells its build; KernelError without one."""
    folder = os.path.join(os.path.dirname(engine.folder()), "oneflow.libs")
    try:
        names = os.listdir(folder)
    except OSError:
        names = []
    for name in names:
        if name.startswith("liboneflow-") and name.endswith(".so"):
            return os.path.join(folder, name)
    raise KernelError("this OneFlow is not the published wheel, which the kernels are written for")


def key(level: str) -> bytes:
    """Return what the library for an instruction set depends on, its form too, as a digest."""
    whole = hashlib.sha256()
    settings = (_MARK, level, COMMON_FLAGS, LEVEL_FLAGS[level], engine.VERSION)
    whole.update(repr((settings, os.path.basename(oneflow_library()), ONEDNN)).encode())
    folder = native_folder()
    for path in sources():
        with open(path, "rb") as file:
            content = file.read()
        whole.update(path[len(folder) + 1 :].encode() + b"\0%d\0" % len(content) + content)
    return whole.digest()


def onednn_library() -> str:
    """Return the path of oneDNN; KernelError if its wheel is not installed."""
    site = os.path.dirname(os.path.realpath(engine.folder()))
    for folder in (os.path.dirname(os.path.dirname(site)), os.path.join(sys.prefix, "lib")):
        path = os.path.join(folder, "libdnnl.so.3")
        if os.path.exists(path):
            return path
    return onednn_file("libdnnl.so.3")  # installed in a place of its own


def onednn_file(name: str) -> str:
    """Return the path of a file by the metadata of oneDNN's wheels, which takes a while."""
    try:
        from importlib import metadata
    except ImportError:  # before Python 3.8
        import importlib_metadata as metadata  # type: ignore

    for distribution in (ONEDNN, ONEDNN.replace("onednn-", "onednn-devel-")):
        try:
            files = metadata.files(distribution.partition("==")[0]) or ()
        except metadata.PackageNotFoundError:
            continue
        for file in files:
            path = os.path.normpath(str(file.locate()))
            if path.endswith("/" + name) and os.path.exists(path):
                return path
    wheel = ONEDNN if name.startswith("lib") else ONEDNN.replace("onednn-", "onednn-devel-")
    raise KernelError(f"oneDNN's {name} is not installed", engine.install(wheel))


# --- where it is kept ----------------------------------------------------------------------------


def cache_folder() -> str:
    """Return the folder that built libraries are kept in."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(root):
        root = os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(root, "oneflow-mock", "kernels")


def cache_path(level: str, wanted: bytes) -> str:
    """Return where the library with a key is kept."""
    return os.path.join(cache_folder(), f"{wanted.hex()[:20]}-{level}.so")


def carried_path(level: str) -> str:
    """Return where a wheel carries the library for an instruction set."""
    return os.path.join(os.path.dirname(native_folder()), "built", f"{level}.so")


def check_folder(folder: str) -> None:
    """Raise KernelError if somebody else could have put something into the cache folder."""
    trusted = (os.geteuid(), 0)
    for path in (os.path.dirname(folder), folder):
        try:
            itself, target = os.lstat(path), os.stat(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise KernelError(f"the kernels' folder cannot be read: {error}") from None
        for found in (itself, target):
            if found.st_uid not in trusted:
                problem = f"{path} belongs to user {found.st_uid}: what is in it is not loaded"
                raise KernelError(problem, f"rm -rf {_quoted(path)} && {BUILD}")
        if not stat.S_ISDIR(target.st_mode):
            raise KernelError(f"{path} is not a folder", f"rm {_quoted(path)} && {BUILD}")
    if target.st_mode & 0o022:
        problem = f"others may write to {folder}: what is in it is not loaded"
        raise KernelError(problem, f"chmod go-w {_quoted(folder)} && {BUILD} --force")


def _quoted(path: str) -> str:
    from shlex import quote

    return quote(path)


def sealed(library: bytes, wanted: bytes) -> bytes:
    """Return what goes behind a library: its key, and a checksum of both.

    The checksum is to find damage, at every import, so it is a quick one: who may write to the
    folder could make any.
    """
    tail = _MARK + wanted
    return tail + _checksum(library + tail)


def _checksum(content: bytes | memoryview) -> bytes:
    """Return the CRC of the exclusive or of all rows: that of ten megabytes takes 5 ms by itself.

    Rows are no pages, so that pages in the wrong order show.
    """
    import numpy as np  # OneFlow has imported it

    rows = len(content) // _ROW
    words = np.frombuffer(content, np.uint64, rows * _ROW // 8).reshape(rows, _ROW // 8)
    folded = np.bitwise_xor.reduce(words, axis=0).tobytes()
    checksum = binascii.crc32(content[rows * _ROW :], binascii.crc32(folded))
    return checksum.to_bytes(_CHECKSUM, "big")


def check_file(path: str, wanted: bytes) -> None:
    """Raise KernelError unless a library in the cache is whole, of a key, and nobody else's.

    FileNotFoundError if there is none.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise KernelError(f"{path} cannot be read: {error.strerror}", BUILD) from None
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise KernelError(f"{path} is no file, and is not loaded", BUILD)
        if found.st_uid not in (os.geteuid(), 0):
            raise KernelError(f"{path} belongs to user {found.st_uid} and is not loaded", BUILD)
        if found.st_mode & 0o022:
            raise KernelError(f"others may write to {path}, which is not loaded", BUILD)
        check_content(path, file, wanted)


def check_content(path: str, file: BinaryIO, wanted: bytes) -> None:
    """Raise KernelError unless a library is whole and of a key."""
    tail = len(_MARK) + _DIGEST + _CHECKSUM
    if os.fstat(file.fileno()).st_size <= tail:
        raise KernelError(f"{path} was not built here, and is not loaded", BUILD)
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        end = mapped[-tail:]
        with memoryview(mapped) as whole, whole[:-_CHECKSUM] as content:
            checksum = _checksum(content)
    if not end.startswith(_MARK):
        raise KernelError(f"{path} was not built here, and is not loaded", BUILD)
    if checksum != end[-_CHECKSUM:]:
        raise KernelError(f"{path} is damaged, and is not loaded", BUILD)
    if end[len(_MARK) : -_CHECKSUM] != wanted:
        raise KernelError(f"{path} is of other sources, and is not loaded", BUILD)


# --- what there is -------------------------------------------------------------------------------

#: A library can be loaded; the user wants none; this processor or this OneFlow cannot have one;
#: none is built; what is there is not to be trusted, or something that it needs is missing.
READY, OFF, UNSUITED, MISSING, BROKEN = "ready", "off", "unsuited", "missing", "broken"


class Finding:
    """What there is to load, and in one line what is wrong if there is nothing."""

    def __init__(self, state: str, path: str = "", problem: str = "", mend: str = "") -> None:
        self.state = state
        self.path = path
        self.problem = problem
        self.mend = mend

    def line(self) -> str:
        """Return the problem and what mends it."""
        return f"{self.problem}; mend it with: {self.mend}" if self.mend else self.problem


def find() -> Finding:
    """Look for the library to load, without loading it."""
    switch = os.environ.get(SWITCH, "").strip().lower()
    if switch in ("0", "off", "false", "no"):
        return Finding(OFF, problem=f"switched off by {SWITCH}={os.environ[SWITCH]}")
    wanted = [switch] if switch in LEVEL_FLAGS else levels()
    if not wanted:
        return Finding(UNSUITED, problem="they need an x86-64 processor with AVX2")
    try:
        oneflow_library()
    except KernelError as error:
        return Finding(UNSUITED, problem=error.problem)
    try:
        for path in _whole_libraries(wanted):
            onednn_library()
            return Finding(READY, path)
    except KernelError as error:
        return Finding(BROKEN, problem=error.problem, mend=error.mend)
    return Finding(MISSING, problem="the native kernels are not built", mend=how_to_build())


def _whole_libraries(wanted: list[str]) -> Iterator[str]:
    """Yield the libraries that can be loaded; KernelError for one that is there and cannot."""
    folder, problem = cache_folder(), None
    for level in wanted:
        digest = key(level)
        if _is_carried(level, digest):
            yield carried_path(level)
        try:
            check_folder(folder)
            check_file(cache_path(level, digest), digest)
        except FileNotFoundError:
            continue
        except KernelError as error:
            problem = problem or error
        else:
            yield cache_path(level, digest)
    if problem is not None:
        raise problem


def _is_carried(level: str, wanted: bytes) -> bool:
    """Tell whether a wheel brought the library, for this OneFlow; it is trusted as the code is."""
    path = carried_path(level)
    try:
        with open(path, "rb") as file:
            check_content(path, file, wanted)
    except (OSError, KernelError):
        return False
    return True


def usable() -> bool:
    """Tell whether there is a library to load."""
    return find().state == READY


# --- loading -------------------------------------------------------------------------------------

#: The loaded library, for the functions it exports; None while there is none.
loaded: ctypes.CDLL | None = None
#: What `load` found.
finding: Finding | None = None


def load() -> ctypes.CDLL | None:
    """Register the kernels with OneFlow, which is imported and has run nothing yet.

    Returns the library, or None where there is none, which is said on stderr: once if it is only
    not built, every time if there is one that cannot be loaded.
    """
    global loaded, finding
    if loaded is not None:
        return loaded
    finding = find()
    if finding.state == READY:
        try:
            ctypes.CDLL(onednn_library())
            loaded = ctypes.CDLL(finding.path)
        except OSError as error:
            mend = f"{BUILD} --force"
            if "libgomp" in str(error):
                mend = package_command("libgomp1", "libgomp")
            finding = Finding(BROKEN, finding.path, f"the kernels do not load: {error}", mend)
        else:
            _keep(finding.path)
            return loaded
    if finding.state == BROKEN:
        _say(f"computing without the native kernels: {finding.line()}")
    elif finding.state == MISSING and _first_time("not-built"):
        _say(
            f"computing without the native kernels, several times slower than with them; "
            f"this builds them, once, in a few minutes: {how_to_build()}"
        )
    return None


def set_threads(count: int) -> None:
    """Say how many threads a kernel may use."""
    if loaded is not None:
        loaded.ofm_set_num_threads(min(count, 2**31 - 1))


def package_command(debian: str, others: str) -> str:
    """Return the command that installs a package of the system's."""
    from shutil import which

    for program, words in (
        ("apt-get", f"apt-get install {debian}"),
        ("dnf", f"dnf install {others}"),
        ("yum", f"yum install {others}"),
        ("zypper", f"zypper install {others}"),
        ("pacman", "pacman -S gcc"),
        ("apk", "apk add g++"),
    ):
        if which(program):
            return words if os.geteuid() == 0 else f"sudo {words}"
    return f"installing {debian}"


def compiler() -> str | None:
    """Return the path of a C++ compiler."""
    from shutil import which

    return which(os.environ.get("CXX") or "g++") or which("c++")


def how_to_build() -> str:
    """Return the commands that get a compiler, if there is none, and build the kernels."""
    if compiler() is not None:
        return BUILD
    return f"{package_command('g++', 'gcc-c++')} && {BUILD}"


def _say(line: str) -> None:
    with suppress(OSError, ValueError, AttributeError):  # no usable stderr
        print(f"oneflow-mock: {line}", file=sys.stderr, flush=True)


def _first_time(what: str) -> bool:
    """Tell whether something is to be said now: once for a user, as far as that can be noted."""
    folder = cache_folder()
    try:
        check_folder(folder)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        path = os.path.join(folder, f"told-{what}")
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return False
    except (OSError, KernelError):
        return False
    return True


def _keep(path: str) -> None:
    """Mark a library as in use, for the build that removes old ones."""
    import time

    with suppress(OSError):
        if path.startswith(cache_folder()) and time.time() - os.stat(path).st_mtime > 86400:
            os.utime(path)


#: oneflow::one::PyTensor_New, which makes the Python object of a tensor.
_WRAP = "_ZN7oneflow3one12PyTensor_NewERKSt10shared_ptrINS0_6TensorEE"
_functions: dict[str, Callable] | None = None


def functions() -> dict[str, Callable]:
    """Return what the loaded library has for Python to call, by name: operators of its own."""
    global _functions
    if _functions is None:
        _functions = {}
        if loaded is not None:
            engine_part = sys.modules["oneflow"]._oneflow_internal
            wrap = ctypes.CDLL(engine_part.__file__)[_WRAP]
            make = ctypes.PyDLL(loaded._name).ofm_functions
            make.argtypes, make.restype = (ctypes.py_object, ctypes.c_void_p), ctypes.py_object
            pointer = ctypes.cast(wrap, ctypes.c_void_p)
            _functions = make(sys.modules["oneflow"].Tensor, pointer)
    return _functions

"""The native kernels as a shared library: where it is kept, how it is built, how it is loaded.

``compat/kernels/native/*.cpp`` are compiled into one library in a cache folder of the user's,
named after all that it depends on: OneFlow's build, the sources, the processor's instruction set.
A library is loaded only if its checksum is the one written down when it was built.
"""

from __future__ import annotations

import contextlib
import ctypes
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from .errors import MockError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SWITCH = "ONEFLOW_MOCK_KERNELS"
BUILD = "oneflow-mock kernels build"

#: What a processor must say it can for the instruction sets that are compiled for.
_LEVELS = {
    "x86-64-v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
    "x86-64-v3": {"avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"},
}

_FLAGS = (
    *("-std=c++17", "-O3", "-fPIC", "-fopenmp", "-w", "-fvisibility=hidden"),
    *("-fno-math-errno", "-fno-trapping-math", "-mprefer-vector-width=512"),
    # OneFlow was built with the ABI of before GCC 5.
    *("-D_GLIBCXX_USE_CXX11_ABI=0", "-DHALF_ENABLE_CPP11_USER_LITERALS=0"),
)


class KernelError(MockError):
    """The native kernels cannot be built, or not be loaded."""


def sources() -> list[str]:
    """Return the paths of the C++ files and headers, sorted."""
    folder = os.path.join(os.path.dirname(__file__), "compat", "kernels", "native")
    if not os.path.isdir(folder):  # an editable install keeps compat beside the package
        from . import compat

        folder = os.path.join(list(compat.__path__)[0], "kernels", "native")
    found = glob.glob(os.path.join(folder, "**", "*.*"), recursive=True)
    return sorted(path for path in found if path.endswith((".cpp", ".h")))


def instruction_set() -> str | None:
    """Return what to compile for on this processor; None where it is too old or no x86-64."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            line = next((line for line in file if line.startswith("flags")), "")
    except OSError:
        return None
    flags = set(line.split(":", 1)[-1].split())
    return next((level for level, wanted in _LEVELS.items() if wanted <= flags), None)


def cache_folder() -> str:
    """Return the folder that built libraries are kept in."""
    root = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(root, "oneflow-mock", "kernels")


def library_path(level: str) -> str:
    """Return where the library for this OneFlow, these sources and that instruction set is kept."""
    key = hashlib.sha256()
    key.update(repr((level, _FLAGS, os.path.basename(_oneflow_library()))).encode())
    for path in sources():
        with open(path, "rb") as file:
            key.update(os.path.basename(path).encode() + b"\0" + file.read())
    return os.path.join(cache_folder(), f"{key.hexdigest()[:20]}-{level}.so")


def _oneflow_folder() -> str:
    from . import engine

    return engine.folder()


def _oneflow_library() -> str:
    libraries = os.path.join(os.path.dirname(_oneflow_folder()), "oneflow.libs")
    found = glob.glob(os.path.join(libraries, "liboneflow-*.so"))
    if not found:
        raise KernelError(f"OneFlow's library is not in {libraries}")
    return found[0]


def _onednn_file(name: str) -> str:
    """Return the path of a file that oneDNN's wheels bring, such as ``libdnnl.so.3``."""
    from importlib import metadata

    for distribution in ("onednn-cpu-gomp", "onednn-devel-cpu-gomp"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            for file in metadata.files(distribution) or ():
                if str(file).endswith(name):
                    return os.path.normpath(str(file.locate()))
    raise KernelError(f"oneDNN's {name} is not installed: pip install onednn-cpu-gomp==2023.2.0")


# --- building ------------------------------------------------------------------------------------


def build(progress: Callable[[str], None] = lambda name: None, force: bool = False) -> str:
    """Compile the library unless it is there, and return its path.

    ``progress`` is called with the name of each file that has been compiled. KernelError if there
    is no compiler, or a file does not compile.
    """
    level = instruction_set()
    if level is None:
        raise KernelError("the native kernels need an x86-64 processor with AVX2")
    path = library_path(level)
    os.makedirs(cache_folder(), mode=0o700, exist_ok=True)
    with _locked(path):
        if force or not _is_whole(path):
            compile_library(path, level, progress)
    return path


def compile_library(path: str, level: str, progress: Callable[[str], None]) -> None:
    """Compile the sources for an instruction set into a library, with its checksum beside it.

    Objects are kept in the cache folder, so that an interrupted build goes on where it was.
    """
    compiler = shutil.which(os.environ.get("CXX", "g++")) or shutil.which("c++")
    if compiler is None:
        raise KernelError("no C++ compiler was found: apt install g++")
    command = [compiler, *_FLAGS, f"-march={level}", *_include_flags()]
    kept = os.path.join(os.path.dirname(path), "objects")
    os.makedirs(kept, mode=0o700, exist_ok=True)
    headers, files = [], []
    for file in sources():
        (files if file.endswith(".cpp") else headers).append(file)
    common = _digest(repr(command).encode(), *map(_content, headers))
    objects = {file: os.path.join(kept, _digest(common, _content(file)) + ".o") for file in files}
    # The longest first, so that the processors finish together.
    missing = [file for file in files if not os.path.exists(objects[file])]
    missing.sort(key=os.path.getsize, reverse=True)
    with tempfile.TemporaryDirectory(prefix="building-", dir=os.path.dirname(path)) as folder:
        if missing:
            # Compiled once for all the files: OneFlow's headers are most of each one's time.
            header = os.path.join(folder, "kernel.h")
            shutil.copyfile(os.path.join(_native(), "kernel.h"), header)
            _run([*command, "-x", "c++-header", header, "-o", header + ".gch"])
            command += ["-include", header]

        def compile_file(file):
            made = os.path.join(folder, os.path.basename(file) + ".o")
            _run([*command, "-c", file, "-o", made])
            os.replace(made, objects[file])
            progress(os.path.basename(file))

        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            list(pool.map(compile_file, missing))
        made = os.path.join(folder, "library.so")
        link = [compiler, "-shared", "-fopenmp", "-Wl,-Bsymbolic", "-s", *objects.values()]
        _run([*link, "-o", made, *_libraries()])
        with open(made + ".sha256", "w", encoding="ascii") as file:
            file.write(hashlib.sha256(_content(made)).hexdigest())
        os.replace(made + ".sha256", path + ".sha256")
        os.replace(made, path)
    progress(os.path.basename(path))


def _native() -> str:
    return next(os.path.dirname(file) for file in sources() if file.endswith("kernel.h"))


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _digest(*parts: bytes | str) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part.encode() if isinstance(part, str) else part)
    return whole.hexdigest()[:24]


def _libraries() -> list[str]:
    folder = os.path.dirname(_oneflow_library())
    names = ("liboneflow-*.so", "libof_protoobj-*.so", "libprotobuf-*.so*")
    found = [path for name in names for path in glob.glob(os.path.join(folder, name))]
    return [*found, _onednn_file("libdnnl.so.3")]


def _include_flags() -> list[str]:
    dnnl = os.path.dirname(os.path.dirname(os.path.dirname(_onednn_file("oneapi/dnnl/dnnl.hpp"))))
    # After the system's own folders: OneFlow ships the C library's headers of where it was built.
    return ["-I" + _native(), "-I" + dnnl, "-idirafter", os.path.join(_oneflow_folder(), "include")]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        told = done.stderr.decode(errors="replace")
        raise KernelError(f"{command[0]} failed:\n{told[-4000:]}")


@contextlib.contextmanager
def _locked(path: str) -> Iterator[None]:
    """Let one process at a time build a library."""
    import fcntl

    with open(path + ".lock", "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


# --- loading -------------------------------------------------------------------------------------


def _is_whole(path: str) -> bool:
    try:
        with open(path + ".sha256", encoding="ascii") as file:
            wanted = file.read()
        with open(path, "rb") as library:
            return hashlib.sha256(library.read()).hexdigest() == wanted
    except (OSError, UnicodeDecodeError):
        return False


#: oneflow::one::PyTensor_New, which makes the Python object of a tensor.
_WRAP = "_ZN7oneflow3one12PyTensor_NewERKSt10shared_ptrINS0_6TensorEE"

#: The loaded library, for the functions it exports; None while there is none.
loaded: ctypes.CDLL | None = None


def load() -> ctypes.CDLL | None:
    """Register the kernels with OneFlow, which is imported and has run nothing yet.

    Returns the library, or None where it is switched off or not built.
    """
    global loaded
    if loaded is not None or os.environ.get(SWITCH, "1") in ("0", "off", "false"):
        return loaded
    level = instruction_set()
    if level is None:
        return None
    path = library_path(level)
    if not _is_whole(path):
        return None
    ctypes.CDLL(_onednn_file("libdnnl.so.3"))
    loaded = ctypes.CDLL(path)
    return loaded


def functions() -> dict[str, Callable]:
    """Return what the loaded library has for Python to call, by name: operators of its own."""
    if loaded is None:
        return {}
    engine_part = sys.modules["oneflow"]._oneflow_internal
    wrap = ctypes.CDLL(engine_part.__file__)[_WRAP]
    make = ctypes.PyDLL(loaded._name).ofm_functions
    make.argtypes, make.restype = (ctypes.py_object, ctypes.c_void_p), ctypes.py_object
    return make(sys.modules["oneflow"].Tensor, ctypes.cast(wrap, ctypes.c_void_p))

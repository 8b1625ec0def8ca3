"""Compile the native kernels: ``oneflow-mock kernels build``, and the libraries in a wheel."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

from . import engine, kernel_library
from .kernel_library import KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    #: Called with the name of what has been compiled, how many that makes, and of how many.
    Progress = Callable[[str, int, int], object]

#: What one compiler takes, OneFlow's headers being what they are.
_MEMORY_OF_A_COMPILER = 900 << 20
#: Libraries that no program has loaded for so long, and objects as old, are removed by a build.
_KEPT_DAYS = 30
#: What the folders are called that builds work in; the process's number follows.
_BUILDING = "building-"


def _nothing(*_) -> None:
    pass


def build(
    levels: Sequence[str] | None = None,
    force: bool = False,
    progress: Progress = _nothing,
    waiting: Callable[[], object] = _nothing,
) -> list[str]:
    """Compile the libraries that are not there, or all if ``force``; return their paths.

    ``levels`` are instruction sets; by default the best one that this processor has. KernelError
    says in one line why it cannot be done; nothing is left behind then.
    """
    if levels is None:
        levels = kernel_library.levels()[:1]
        if not levels:
            raise KernelError("the native kernels need an x86-64 processor with AVX2")
    folder = kernel_library.cache_folder()
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        kernel_library.check_folder(folder)
        _check_writable(folder)
        _prune(folder)
        paths = [_build_one(level, force, progress, waiting) for level in levels]
        _forget_what_was_told(folder)
        return paths
    except OSError as error:
        raise _unwritable(folder, error) from None


def check_requirements() -> None:
    """Raise KernelError unless a library can be compiled: compiler, OneFlow, oneDNN, headers."""
    _checked_compiler()
    _libraries()
    _include_flags()


def compile_library(
    path: str, level: str, progress: Progress = _nothing, force: bool = False
) -> None:
    """Compile the library for an instruction set and put it where it is wanted, in one step.

    Objects are kept in the cache folder, if there can be one, so that an interrupted build goes on
    where it was, and a change of one file is compiled in seconds.
    """
    compiler = _checked_compiler()
    wanted = kernel_library.key(level)
    flags = [*kernel_library.COMMON_FLAGS, *kernel_library.LEVEL_FLAGS[level]]
    command = [compiler, *flags, *_include_flags()]
    with contextlib.ExitStack() as stack:
        folder = tempfile.mkdtemp(prefix=f"{_BUILDING}{os.getpid()}-", dir=os.path.dirname(path))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        objects = _Objects(command, [*flags, _version_of(compiler)], folder)
        objects.compile(progress, force)
        made = os.path.join(folder, "library.so")
        link = [compiler, *flags, "-shared", "-Wl,-Bsymbolic", *objects.paths()]
        link += [] if level == kernel_library.SANITIZED else ["-s"]
        _Compilers(folder).run([*link, "-o", made, *_libraries()], "the library")
        with open(made, "rb") as file:
            seal = kernel_library.sealed(file.read(), wanted)
        with open(made, "ab") as file:
            file.write(seal)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(made, 0o755)
        os.replace(made, path)


def _build_one(level: str, force: bool, progress: Progress, waiting: Callable[[], object]) -> str:
    path = kernel_library.cache_path(level, kernel_library.key(level))
    with _locked(path, waiting):
        if force or not _is_whole(path, level):
            compile_library(path, level, progress, force)
    return path


def _is_whole(path: str, level: str) -> bool:
    try:
        kernel_library.check_file(path, kernel_library.key(level))
    except (KernelError, OSError):
        return False
    return True


# --- compiling -----------------------------------------------------------------------------------


class _Objects:
    """The object files of one library, kept under a key of all that each depends on."""

    def __init__(self, command: list[str], settings: list[str], folder: str) -> None:
        import hashlib

        self._command = command
        self._folder = folder
        kept = _objects_folder()
        try:
            os.makedirs(kept, mode=0o700, exist_ok=True)
            _check_writable(kept)
        except OSError:  # a wheel can be built without a home
            kept = folder
        # No paths of this machine: checkouts and wheels share what is the same.
        oneflow = os.path.basename(kernel_library.oneflow_library())
        common = hashlib.sha256(repr((settings, oneflow, kernel_library.ONEDNN)).encode())
        sources = kernel_library.sources()
        for file in sources:
            if file.endswith(".h"):
                common.update(_named_content(file))
        self._objects = {}
        for file in sources:
            if file.endswith(".cpp"):
                key = common.copy()
                key.update(_named_content(file))
                self._objects[file] = os.path.join(kept, key.hexdigest()[:24] + ".o")

    def paths(self) -> list[str]:
        return list(self._objects.values())

    def compile(self, progress: Progress, force: bool) -> None:
        """Compile those that are missing, on as many processors as there are."""
        objects = self._objects.items()
        missing = [file for file, made in objects if force or not os.path.exists(made)]
        # The longest first, so that the processors finish together.
        missing.sort(key=os.path.getsize, reverse=True)
        total = len(missing) + 1
        compilers = _Compilers(self._folder)
        command = self._command
        if len(missing) > 1:
            # Compiled once for all the files: OneFlow's headers are most of each one's time.
            header = os.path.join(self._folder, "kernel.h")
            shutil.copyfile(os.path.join(kernel_library.native_folder(), "kernel.h"), header)
            compilers.run([*command, "-x", "c++-header", header, "-o", header + ".gch"], "kernel.h")
            command = [*command, "-include", header]

        def compile_file(file: str) -> str:
            made = os.path.join(self._folder, os.path.basename(file) + ".o")
            compilers.run([*command, "-c", file, "-o", made], os.path.basename(file))
            os.replace(made, self._objects[file])
            return os.path.basename(file)

        with ThreadPoolExecutor(_processors(), thread_name_prefix="compile") as pool:
            waiting = [pool.submit(compile_file, file) for file in missing]
            try:
                for count, done in enumerate(as_completed(waiting), 1):
                    progress(done.result(), count, total)
            except BaseException:
                compilers.stop()
                raise
        progress("library", total, total)


class _Compilers:
    """The compilers that run just now, so that all end when one fails or the user has enough."""

    def __init__(self, folder: str) -> None:
        self._environ = {**os.environ, "TMPDIR": folder, "LC_ALL": "C.UTF-8"}
        self._running: set[subprocess.Popen] = set()
        self._stopped = False
        self._lock = threading.Lock()

    def run(self, command: list[str], what: str) -> None:
        with self._lock:
            if self._stopped:
                return
            process = subprocess.Popen(
                command,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            self._running.add(process)
        try:
            told = process.communicate()[1].decode(errors="replace")
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            with self._lock:
                self._running.discard(process)
        if process.returncode and not self._stopped:
            raise _failed(what, process.returncode, told)

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.kill()


def _failed(what: str, status: int, told: str) -> KernelError:
    if "No space left on device" in told:
        folder = kernel_library.cache_folder()
        return KernelError(f"there is no space left for {what} in {folder}")
    if status < 0 or "Killed signal" in told:
        return KernelError(f"the compiler was killed at {what}: too little memory?")
    lines = [line for line in told.splitlines() if "error" in line] or told.splitlines()
    first = lines[0].strip() if lines else f"status {status}"
    return KernelError(f"{what} does not compile: {first}", detail=told[-4000:])


def _checked_compiler() -> str:
    """Return the compiler's path; KernelError if there is none, or one with other OpenMP."""
    found = kernel_library.compiler()
    if found is None:
        command = kernel_library.package_command("g++", "gcc-c++")
        raise KernelError("no C++ compiler was found", f"{command} && {kernel_library.BUILD}")
    ask = [found, "-dM", "-E", "-x", "c++", os.devnull]
    try:
        done = subprocess.run(ask, capture_output=True, check=False)
    except OSError as error:
        raise KernelError(f"the compiler {found} does not run: {error}") from None
    macros = done.stdout.decode(errors="replace")
    if done.returncode or "__clang__" in macros or "__GNUC__" not in macros:
        # Another OpenMP than oneDNN's would be a second pool of threads.
        command = kernel_library.package_command("g++", "gcc-c++")
        raise KernelError(f"{found} is not g++, which the kernels are built with", command)
    return found


def _version_of(compiler: str) -> str:
    done = subprocess.run([compiler, "--version"], stdout=subprocess.PIPE, check=False)
    return done.stdout.decode(errors="replace")


def _libraries() -> list[str]:
    oneflow = kernel_library.oneflow_library()
    beside = os.path.dirname(oneflow)
    others = [
        os.path.join(beside, name)
        for name in sorted(os.listdir(beside))
        if name.startswith(("libof_protoobj-", "libprotobuf-"))
    ]
    return [oneflow, *others, kernel_library.onednn_library()]


def _include_flags() -> list[str]:
    header = kernel_library.onednn_file("oneapi/dnnl/dnnl.hpp")
    onednn = os.path.dirname(os.path.dirname(os.path.dirname(header)))
    oneflow = os.path.join(engine.folder(), "include")
    # After the system's own folders: OneFlow ships the C library's headers of where it was built.
    return ["-I" + kernel_library.native_folder(), "-I" + onednn, "-idirafter", oneflow]


def _processors() -> int:
    count = len(os.sched_getaffinity(0))
    with contextlib.suppress(OSError, ValueError, StopIteration):
        with open("/proc/meminfo", encoding="ascii") as file:
            line = next(line for line in file if line.startswith("MemAvailable"))
        count = min(count, int(line.split()[1]) * 1024 // _MEMORY_OF_A_COMPILER)
    return max(count, 1)


def _named_content(path: str) -> bytes:
    name = os.path.relpath(path, kernel_library.native_folder())
    with open(path, "rb") as file:
        content = file.read()
    return name.encode() + b"\0%d\0" % len(content) + content


# --- the cache folder ----------------------------------------------------------------------------


def _objects_folder() -> str:
    return os.path.join(kernel_library.cache_folder(), "objects")


def _check_writable(folder: str) -> None:
    with tempfile.TemporaryFile(dir=folder):
        pass


def _unwritable(folder: str, error: OSError) -> KernelError:
    if error.errno == errno.ENOSPC:
        return KernelError(f"there is no space left in {folder}")
    why = error.strerror or str(error)
    mend = f"export XDG_CACHE_HOME=/a/folder/of/yours && {kernel_library.BUILD}"
    return KernelError(f"the kernels cannot be kept in {folder}: {why}", mend)


@contextlib.contextmanager
def _locked(path: str, waiting: Callable[[], object]) -> Iterator[None]:
    """Let one process at a time build a library; the lock goes with the process that holds it."""
    import fcntl

    with open(path + ".lock", "w", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:  # a file system without locks: at worst, two build the same
            pass
        yield


def _prune(folder: str) -> None:
    """Remove what no program has used for long, and what was left by a build that was killed."""
    now = time.time()
    for path, is_folder in _entries(folder):
        name = os.path.basename(path)
        with contextlib.suppress(OSError):
            age = (now - os.lstat(path).st_mtime) / 86400
            if is_folder and name.startswith(_BUILDING):
                # Precompiled headers are large, so this does not wait until they are old.
                number = name[len(_BUILDING) :].partition("-")[0]
                ended = number.isdigit() and not os.path.exists(f"/proc/{number}")
                if ended or age > 1:
                    shutil.rmtree(path, ignore_errors=True)
            elif not is_folder and age > _KEPT_DAYS:
                os.unlink(path)


def _forget_what_was_told(folder: str) -> None:
    for path, _ in _entries(folder):
        if os.path.basename(path).startswith("told-"):
            with contextlib.suppress(OSError):
                os.unlink(path)


def _entries(folder: str) -> list[tuple[str, bool]]:
    found = []
    for parent in (folder, os.path.join(folder, "objects")):
        with contextlib.suppress(OSError), os.scandir(parent) as entries:
            found += [(entry.path, entry.is_dir(follow_symlinks=False)) for entry in entries]
    return found


def size_of_cache() -> int:
    """Return how many bytes have been built, of all versions."""
    size = 0
    for path, is_folder in _entries(kernel_library.cache_folder()):
        with contextlib.suppress(OSError):
            size += 0 if is_folder else os.lstat(path).st_size
    return size


def clean() -> int:
    """Remove everything that was built; return how many bytes that was."""
    folder = kernel_library.cache_folder()
    kernel_library.check_folder(folder)
    size = size_of_cache()
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
    return size

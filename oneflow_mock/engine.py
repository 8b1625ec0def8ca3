"""Can OneFlow be loaded here? Asked by every door before a script starts.

``check()`` looks at files only: importing OneFlow to find out would take most of a second, and
where its libraries are missing the dynamic loader's own words do not say how to mend it.
``explain()`` puts into words an import that failed all the same.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES

from .errors import EngineError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.machinery import ModuleSpec

VERSION = "0.9.0"
ONEFLOW = f"oneflow=={VERSION}"
NUMPY = "numpy<2"

#: What OneFlow's wheel links to and does not declare: the folder below ``nvidia/``, the
#: distribution that fills it, and the libraries that the loader will ask for.
LIBRARIES = (
    (
        "cudnn",
        "nvidia-cudnn-cu11==8.5.0.96",
        (
            "libcudnn_cnn_infer.so.8",
            "libcudnn_cnn_train.so.8",
            "libcudnn_ops_infer.so.8",
            "libcudnn_ops_train.so.8",
        ),
    ),
    ("cublas", "nvidia-cublas-cu11==11.10.3.66", ("libcublas.so.11", "libcublasLt.so.11")),
)

_OLDEST, _NEWEST = (3, 7), (3, 10)
_LOADER_CACHE = "/etc/ld.so.cache"


def check() -> None:
    """Return if OneFlow can be expected to load; otherwise raise EngineError, in one line."""
    loaded = sys.modules.get("oneflow")
    if hasattr(loaded, "_oneflow_internal"):
        return
    spec = _find("oneflow")
    folder = _folder(spec)
    if not folder or not _has_kernels(folder):
        raise interpreter_problem() or _no_kernels(spec, folder)
    _check_libraries(os.path.dirname(folder))
    _check_numpy()


def folder() -> str:
    """Return the folder of the package ``oneflow``, which is not imported; "" without one."""
    return _folder(_find("oneflow"))


def explain(exc: BaseException) -> EngineError:
    """Turn what ``import oneflow`` raised into the one line that says how to mend it."""
    if isinstance(exc, EngineError):
        return exc
    text = " ".join(str(exc).split())
    for _, requirement, libraries in LIBRARIES:
        for library in libraries:
            if library in text:
                return EngineError(f"OneFlow cannot load {library}: {text}", install(requirement))
    lowered = text.lower()
    if "numpy" in lowered and ("multiarray" in lowered or "numpy 1.x" in lowered):
        return EngineError(
            f"OneFlow {VERSION} was compiled against NumPy 1: {text}", install(NUMPY)
        )
    if "descriptors cannot" in lowered:
        problem = f"OneFlow {VERSION} cannot use the protobuf that is installed"
        return EngineError(problem, install("protobuf<4"))
    missing = getattr(exc, "name", None)
    if isinstance(exc, ModuleNotFoundError) and missing:
        if missing == "oneflow" or missing.startswith("oneflow."):
            return EngineError(f"OneFlow is not whole: {text}", _reinstall())
        package = {"google": "protobuf<4", "PIL": "Pillow"}.get(missing.split(".")[0], missing)
        return EngineError(f"OneFlow needs a package that is missing: {text}", install(package))
    if "GLIBC" in text:
        return EngineError(f"the C library of this system is too old for OneFlow {VERSION}: {text}")
    if "oneflow" in text or "undefined symbol" in text:
        return EngineError(f"OneFlow's own libraries do not load: {text}", _reinstall())
    return EngineError(
        f"OneFlow cannot be imported: {type(exc).__name__}: {text}", "oneflow-mock doctor"
    )


def install(*requirements: str, force: bool = False) -> str:
    """Return the command that installs ``requirements`` into the running interpreter."""
    from shlex import quote

    # A virtual environment that uv made has no pip of its own.
    if _find("pip") is not None:
        words = [sys.executable or "python", "-m", "pip", "install"]
        words += ["--force-reinstall", "--no-deps"] if force else []
    else:
        words = ["uv", "pip", "install", "--python", sys.executable or "python"]
        words += ["--reinstall", "--no-deps"] if force else []
    return " ".join(quote(word) for word in words + list(requirements))


def distribution_version(folder: str, name: str) -> str:
    """Return the version that the metadata in ``folder`` gives ``name``, else ``""``."""
    # importlib.metadata would cost more than the whole check.
    prefix = name.replace("-", "_").lower() + "-"
    try:
        entries = os.listdir(folder)
    except OSError:
        return ""
    for entry in entries:
        stem, suffix = os.path.splitext(entry)
        if suffix in (".dist-info", ".egg-info") and stem.lower().startswith(prefix):
            return stem[len(prefix) :].split("-")[0]
    return ""


def _find(name: str) -> ModuleSpec | None:
    """Find a module as ``import`` would, without the price of importlib.util."""
    for finder in sys.meta_path:
        find_spec = getattr(finder, "find_spec", None)
        spec = find_spec(name, None) if find_spec else None
        if spec is not None:
            return spec
    return None


def _folder(spec: ModuleSpec | None) -> str:
    """Return the folder of a regular package, ``""`` for anything else."""
    if spec is None or spec.submodule_search_locations is None or not spec.origin:
        return ""
    return os.path.dirname(os.path.abspath(spec.origin))


def _has_kernels(folder: str) -> bool:
    names = ["_oneflow_internal" + suffix for suffix in EXTENSION_SUFFIXES]
    return any(os.path.exists(os.path.join(folder, name)) for name in names)


def interpreter_problem() -> EngineError | None:
    """Return why no published OneFlow runs on this Python, or None."""
    version = sys.version_info[:2]
    if sys.implementation.name != "cpython" or not _OLDEST <= version <= _NEWEST:
        return EngineError(
            f"OneFlow {VERSION}, the newest release with kernels, runs on CPython 3.7 to 3.10, "
            f"and this is {sys.implementation.name} {sys.version.split()[0]} ({sys.executable})",
            _interpreter(),
        )
    machine = os.uname().machine if hasattr(os, "uname") else ""
    if not sys.platform.startswith("linux") or machine not in ("x86_64", "AMD64"):
        return EngineError(
            f"OneFlow {VERSION} is built for Linux on x86-64 only, "
            f"and this is {sys.platform} on {machine or 'another machine'}"
        )
    return None


def _interpreter() -> str:
    """Return the command that gets a Python which OneFlow runs on."""
    from shutil import which

    if which("uv") is None and which("pyenv") is not None:
        return "pyenv install 3.10"
    create = "uv venv --python 3.10 .venv"
    return create if which("uv") is not None else f"pip install uv && {create}"


def _no_kernels(spec: ModuleSpec | None, folder: str) -> EngineError:
    everything = [ONEFLOW] + [requirement for _, requirement, _ in LIBRARIES] + [NUMPY]
    if spec is None:
        problem = f"OneFlow is not installed for {sys.executable}"
        return EngineError(problem, install(*everything))
    if not folder:
        where = spec.origin or os.pathsep.join(spec.submodule_search_locations or ())
        problem = f"`import oneflow` finds {where}, which is not OneFlow and stands before it"
        return EngineError(problem, f"mv {where} {where}.aside")
    others = sorted(name for name in os.listdir(folder) if name.startswith("_oneflow_internal."))
    if others:
        problem = f"OneFlow in {folder} was built for another Python ({others[0]})"
    else:
        version = distribution_version(os.path.dirname(folder), "oneflow") or "of unknown version"
        problem = f"OneFlow {version} in {folder} has no kernels (a wheel without compiled code)"
    return EngineError(problem, install(*everything))


def _check_libraries(site: str) -> None:
    # A build other than the published wheel may link to other libraries, or to none.
    if distribution_version(site, "oneflow") != VERSION:
        return
    missing: list[str] = []
    requirements: list[str] = []
    for package, requirement, libraries in LIBRARIES:
        beside = os.path.join(site, "nvidia", package, "lib")
        absent = [
            library
            for library in libraries
            if not os.path.exists(os.path.join(beside, library)) and not _system_has(library)
        ]
        if absent:
            missing.append(absent[0])
            requirements.append(requirement)
    if missing:
        problem = f"OneFlow {VERSION} in {site} cannot find {' and '.join(missing)}"
        # What pip believes to be installed may be what is damaged.
        raise EngineError(problem, install(*requirements, force=True))


def _system_has(library: str) -> bool:
    """Tell whether the dynamic loader finds ``library`` outside of OneFlow's own RPATH."""
    for folder in _library_path():
        if os.path.exists(os.path.join(folder, library)):
            return True
    try:
        with open(_LOADER_CACHE, "rb") as cache:
            return b"\0" + os.fsencode(library) + b"\0" in cache.read()
    except OSError:
        return False


def _library_path() -> Iterator[str]:
    for folder in os.environ.get("LD_LIBRARY_PATH", "").replace(";", ":").split(":"):
        if folder:
            yield folder


def _check_numpy() -> None:
    loaded = sys.modules.get("numpy")
    version = getattr(loaded, "__version__", "")
    if not version:
        spec = _find("numpy")
        if spec is None:
            raise EngineError(f"OneFlow {VERSION} needs NumPy, which is missing", install(NUMPY))
        version = distribution_version(os.path.dirname(_folder(spec)), "numpy")
    major = version.split(".")[0]
    if major.isdigit() and int(major) >= 2:
        raise EngineError(
            f"OneFlow {VERSION} was compiled against NumPy 1 and NumPy {version} is installed",
            install(NUMPY),
        )


def _reinstall() -> str:
    return install(ONEFLOW, force=True)

"""engine.check against site-packages folders of empty files, and against the real one."""

import importlib
import importlib.machinery
import shlex
import subprocess
import sys
import types

import pytest

from oneflow_mock import engine
from oneflow_mock.errors import EngineError

KERNELS = "_oneflow_internal" + importlib.machinery.EXTENSION_SUFFIXES[0]


class Site:
    """A site-packages folder that looks whole until a test takes something away."""

    def __init__(self, root):
        self.root = root
        self.package("oneflow", "0.9.0")
        self.kernels = self.file("oneflow/" + KERNELS)
        self.package("numpy", "1.26.4")
        self.package("pip", "23.0")
        for folder, _, libraries in engine.LIBRARIES:
            for library in libraries:
                self.file(f"nvidia/{folder}/lib/{library}")

    def file(self, name):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        return path

    def package(self, name, version):
        self.file(name + "/__init__.py")
        for old in self.root.glob(name + "-*.dist-info"):
            old.rename(old.with_name(f"{name}-{version}.dist-info"))
        (self.root / f"{name}-{version}.dist-info").mkdir(exist_ok=True)

    def remove(self, pattern):
        found = sorted(self.root.glob(pattern), reverse=True)
        assert found, pattern
        for path in found:
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()


@pytest.fixture
def site(tmp_path, monkeypatch):
    root = tmp_path / "site-packages"
    made = Site(root)
    for name in ("oneflow", "numpy", "pip"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "path", [str(root)])
    monkeypatch.setattr(sys, "meta_path", [importlib.machinery.PathFinder])
    monkeypatch.setattr(engine, "_LOADER_CACHE", str(tmp_path / "ld.so.cache"))
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    importlib.invalidate_caches()
    return made


def failure():
    importlib.invalidate_caches()
    with pytest.raises(EngineError) as caught:
        engine.check()
    text = str(caught.value)
    assert "\n" not in text
    return caught.value


def test_a_whole_installation_passes(site):
    engine.check()


def test_a_module_that_is_loaded_already_is_believed(site, monkeypatch):
    site.remove("oneflow/*")
    loaded = types.ModuleType("oneflow")
    loaded._oneflow_internal = object()
    monkeypatch.setitem(sys.modules, "oneflow", loaded)
    engine.check()


def test_oneflow_missing(site):
    site.remove("oneflow/*")
    site.remove("oneflow")
    error = failure()
    assert f"OneFlow is not installed for {sys.executable}" in error.problem
    words = shlex.split(error.mend)
    assert words[:4] == [sys.executable, "-m", "pip", "install"]
    assert words[4:] == [
        "oneflow==0.9.0",
        "nvidia-cudnn-cu11==8.5.0.96",
        "nvidia-cublas-cu11==11.10.3.66",
        "numpy<2",
    ]


def test_the_mending_command_is_uv_where_the_environment_has_no_pip(site):
    site.remove("oneflow/*")
    site.remove("oneflow")
    site.remove("pip/*")
    site.remove("pip")
    words = shlex.split(failure().mend)
    assert words[:5] == ["uv", "pip", "install", "--python", sys.executable]


def test_a_wheel_without_kernels(site):
    site.kernels.unlink()
    site.package("oneflow", "0.7.0")
    error = failure()
    assert "OneFlow 0.7.0" in error.problem
    assert "no kernels" in error.problem
    assert "oneflow==0.9.0" in error.mend


def test_kernels_for_another_python(site):
    site.kernels.unlink()
    site.file("oneflow/_oneflow_internal.cpython-36m-x86_64-linux-gnu.so")
    assert "cpython-36m" in failure().problem


@pytest.mark.parametrize("stray", ["oneflow.py", "oneflow/notes.txt"])
def test_something_else_called_oneflow_stands_before_it(site, tmp_path, monkeypatch, stray):
    path = tmp_path / "project" / stray
    path.parent.mkdir(parents=True)
    path.write_text("")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "project")])
    error = failure()
    assert "not OneFlow" in error.problem
    assert str(tmp_path / "project" / "oneflow") in error.problem
    assert error.mend.startswith("mv ")


def test_a_folder_without_init_does_not_hide_oneflow(site, tmp_path, monkeypatch):
    (tmp_path / "project" / "oneflow").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "project"), *sys.path])
    engine.check()


@pytest.mark.parametrize(
    ("pattern", "library", "requirement"),
    [
        ("cudnn/lib/libcudnn_cnn_infer.so.8", "libcudnn_cnn_infer.so.8", "nvidia-cudnn-cu11"),
        ("cudnn/lib/libcudnn_ops_train.so.8", "libcudnn_ops_train.so.8", "nvidia-cudnn-cu11"),
        ("cublas/lib/libcublasLt.so.11", "libcublasLt.so.11", "nvidia-cublas-cu11"),
    ],
)
def test_one_library_missing(site, pattern, library, requirement):
    site.remove("nvidia/" + pattern)
    error = failure()
    assert library in error.problem
    words = shlex.split(error.mend)
    # pip believes the package to be there, so only a forced installation mends it
    assert "--force-reinstall" in words
    assert [word.split("==")[0] for word in words if "==" in word] == [requirement]


def test_both_libraries_missing_are_mended_by_one_command(site):
    site.remove("nvidia/*/lib/*")
    error = failure()
    assert "libcudnn_cnn_infer.so.8 and libcublas.so.11" in error.problem
    assert "nvidia-cudnn-cu11==" in error.mend
    assert "nvidia-cublas-cu11==" in error.mend


def test_libraries_in_ld_library_path_do(site, tmp_path, monkeypatch):
    site.remove("nvidia/*/lib/*")
    elsewhere = tmp_path / "cuda"
    elsewhere.mkdir()
    for _, _, libraries in engine.LIBRARIES:
        for library in libraries:
            (elsewhere / library).write_text("")
    monkeypatch.setenv("LD_LIBRARY_PATH", f"/nowhere::{elsewhere}")
    engine.check()


def test_libraries_in_the_loader_cache_do(site, tmp_path):
    site.remove("nvidia/*/lib/*")
    names = [library for _, _, libraries in engine.LIBRARIES for library in libraries]
    cache = tmp_path / "ld.so.cache"
    cache.write_bytes(b"\0" + b"\0".join(name.encode() for name in names) + b"\0")
    engine.check()
    cache.write_bytes(cache.read_bytes().replace(b"libcublas.so.11", b"libcublas.so.12"))
    assert "libcublas.so.11" in failure().problem


def test_another_build_of_oneflow_may_need_other_libraries(site):
    site.remove("nvidia/*/lib/*")
    site.package("oneflow", "0.9.1.dev20240101+cpu")
    engine.check()


def test_numpy_2(site):
    site.package("numpy", "2.1.0")
    error = failure()
    assert "NumPy 2.1.0" in error.problem
    assert shlex.split(error.mend)[-1] == "numpy<2"


def test_numpy_missing(site):
    site.remove("numpy/*")
    site.remove("numpy")
    assert "NumPy, which is missing" in failure().problem


def test_a_numpy_that_is_loaded_already_counts(site, monkeypatch):
    loaded = types.ModuleType("numpy")
    loaded.__version__ = "2.0.0"
    monkeypatch.setitem(sys.modules, "numpy", loaded)
    assert "NumPy 2.0.0" in failure().problem


@pytest.mark.parametrize("version", [(3, 11, 7), (3, 14, 0), (3, 6, 9)])
def test_a_python_that_oneflow_is_not_built_for(site, monkeypatch, version):
    site.kernels.unlink()
    site.package("oneflow", "0.7.0")
    monkeypatch.setattr(sys, "version_info", version)
    error = failure()
    assert "CPython 3.7 to 3.10" in error.problem
    assert sys.executable in error.problem
    assert "3.10" in error.mend


def test_a_python_for_which_somebody_built_oneflow(site, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 12, 1))
    engine.check()


def test_how_to_get_a_python_names_the_tool_that_is_there(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert engine._interpreter() == "pip install uv && uv venv --python 3.10 .venv"
    for tool, command in [("pyenv", "pyenv install 3.10"), ("uv", "uv venv --python 3.10 .venv")]:
        (tmp_path / tool).write_text("#!/bin/sh\n")
        (tmp_path / tool).chmod(0o755)
        assert engine._interpreter() == command


def test_another_machine(site, monkeypatch):
    site.remove("oneflow/*")
    site.remove("oneflow")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "Linux on x86-64 only" in failure().problem


@pytest.mark.parametrize(
    ("raised", "problem", "mend"),
    [
        (
            ImportError("libcudnn_adv_infer.so.8 libcudnn_ops_infer.so.8: file too short"),
            "libcudnn_ops_infer.so.8",
            "nvidia-cudnn-cu11",
        ),
        (ImportError("libcublas.so.11: invalid ELF header"), "libcublas", "nvidia-cublas-cu11"),
        (ImportError("numpy.core.multiarray failed to import"), "NumPy 1", "numpy<2"),
        (TypeError("Descriptors cannot be created directly.\n\nIf"), "protobuf", "protobuf<4"),
        (ModuleNotFoundError("No module named 'google'", name="google"), "google", "protobuf<4"),
        (ModuleNotFoundError("No module named 'tqdm'", name="tqdm"), "tqdm", "install tqdm"),
        (
            ModuleNotFoundError("No module named 'oneflow.nn'", name="oneflow.nn"),
            "not whole",
            "--force-reinstall",
        ),
        (ImportError("/lib/libc.so.6: version `GLIBC_2.27' not found"), "too old", ""),
        (ImportError("x.so: undefined symbol: _ZN7oneflow1x"), "own libraries", "oneflow==0.9.0"),
        (ImportError("the moon is in\nthe wrong place"), "moon is in the wrong", "doctor"),
    ],
)
def test_explain(raised, problem, mend):
    error = engine.explain(raised)
    assert isinstance(error, EngineError)
    assert problem in error.problem
    assert mend in error.mend
    assert "\n" not in str(error)


def test_explain_leaves_an_explanation_alone():
    error = EngineError("known", "do this")
    assert engine.explain(error) is error


def test_the_real_installation_passes_and_quickly():
    code = (
        "import time, sys\n"
        "from oneflow_mock import engine\n"
        "start = time.process_time(); engine.check(); took = time.process_time() - start\n"
        "print(took, 'oneflow' in sys.modules, 'numpy' in sys.modules)\n"
    )
    took = []
    for _ in range(3):
        out = subprocess.run(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        seconds, *imported = out.stdout.split()
        assert imported == ["False", "False"]
        took.append(float(seconds))
    assert min(took) < 0.005


def test_the_check_agrees_with_the_import():
    """Where check() passes, OneFlow does load: the table of libraries is not out of date."""
    code = "from oneflow_mock import engine; engine.check(); import oneflow; print(oneflow.ones(2))"
    out = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    assert b"1., 1." in out.stdout

"""Where OneFlow cannot be loaded, every door says why and how to mend it, and starts nothing."""

import os
import shlex
import subprocess

import pytest
from clean_environments import OURS, ROOT, SITE, Environment, run

STARTED = "print('STARTED')\n"

LIBRARIES = ("libcudnn_cnn_infer.so.8", "libcublas.so.11")


def without_oneflow(environment):
    return "OneFlow is not installed for", "oneflow==0.9.0"


def without_kernels(environment):
    """What pip picks where there is no wheel with kernels: OneFlow 0.7.0, pure Python."""
    (environment.site / "oneflow").mkdir()
    (environment.site / "oneflow" / "__init__.py").write_text("__version__ = '0.7.0'\n")
    (environment.site / "oneflow-0.7.0.dist-info").mkdir()
    return "OneFlow 0.7.0", "oneflow==0.9.0"


def without_libraries(environment):
    """What `pip install oneflow==0.9.0` gives: the wheel declares neither of its libraries."""
    rest = environment.root / "everything else"
    (rest / "nvidia").unlink()
    for name in ("oneflow", "oneflow-0.9.0.dist-info"):
        (rest / name).symlink_to(SITE / name)
    return " and ".join(LIBRARIES), "nvidia-cudnn-cu11==8.5.0.96"


def with_numpy_2(environment):
    rest = environment.root / "everything else"
    (old,) = rest.glob("numpy-1.*.dist-info")
    old.unlink()
    (rest / "numpy-2.1.0.dist-info").mkdir()
    for name in ("oneflow", "oneflow-0.9.0.dist-info"):
        (rest / name).symlink_to(SITE / name)
    return "NumPy 2.1.0", "numpy<2"


@pytest.fixture(
    scope="module",
    params=[without_oneflow, without_kernels, without_libraries, with_numpy_2],
    ids=lambda breakage: breakage.__name__,
)
def broken(request, tmp_path_factory, wheels):
    """(an environment with this project and an OneFlow that does not load, problem, mend)."""
    root = tmp_path_factory.mktemp("broken") / "clean"
    environment = Environment(root, wheels, lacking=(*OURS, "oneflow"))
    environment.install("--no-deps", "oneflow-mock")
    return (environment, *request.param(environment))


@pytest.fixture
def project(tmp_path):
    (tmp_path / "script.py").write_text(STARTED + "import torch\n")
    (tmp_path / "test_it.py").write_text(STARTED + "def test_it(): import torch\n")
    (tmp_path / "conftest.py").write_text(STARTED)
    return tmp_path


DOORS = {
    "runner": ["{python}", "-m", "oneflow_mock", "script.py"],
    "runner, code": ["{python}", "-m", "oneflow_mock", "-c", STARTED],
    "shell": ["/bin/sh", "-c", 'eval "$({script} --shell sh)" && {python} script.py'],
    "pytest": ["{python}", "-m", "pytest", "-s", "--mock-torch", "-p", "no:cacheprovider"],
}


@pytest.mark.parametrize("door", DOORS)
def test_doors(broken, project, door):
    environment, problem, mend = broken
    places = {"python": environment.python, "script": environment.script}
    if door == "shell":
        places = {name: shlex.quote(str(place)) for name, place in places.items()}
    words = [word.format(**places) for word in DOORS[door]]
    done = run(*words, cwd=project, check=False)
    assert done.returncode != 0
    assert "STARTED" not in done.stdout
    assert "Traceback" not in done.stderr
    said = [line for line in done.stderr.splitlines() if line]
    assert len(said) == 1, done.stderr
    assert problem in said[0]
    assert mend in said[0]
    assert f"{environment.python} -m pip install" in said[0]


def test_a_python_call(broken, project):
    environment, problem, mend = broken
    code = "import oneflow_mock\nwith oneflow_mock.enable():\n    import torch\n"
    done = run(environment.python, "-c", code, cwd=project, check=False)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("oneflow_mock.errors.EngineError: ")
    assert problem in last
    assert mend in last


def test_doctor(broken):
    environment, problem, mend = broken
    done = run(environment.bin / "oneflow-mock", "doctor", check=False)
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if "BAD" in line and problem in line]
    assert mend in line


@pytest.fixture(scope="module")
def python_3_11():
    found = subprocess.run(
        [str(ROOT / "tools" / "find_python.sh"), "3.11", "3.12", "3.13"],
        env={**os.environ, "FIND_PYTHON_OFFLINE": "1", "PYTHON": ""},
        capture_output=True,
        text=True,
    )
    if found.returncode:
        pytest.skip("there is no newer Python on this machine")
    return found.stdout.strip()


def test_a_newer_python(python_3_11, project):
    """pip refuses to install there, but a checkout on PYTHONPATH gets as far as the door."""
    done = run(
        *(python_3_11, "-m", "oneflow_mock", "script.py"),
        cwd=project,
        check=False,
        PYTHONPATH=ROOT,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "runs on CPython 3.7 to 3.10" in line
    assert python_3_11 in line or os.path.realpath(python_3_11) in line
    assert "3.10" in line.split("mend it with:")[1]

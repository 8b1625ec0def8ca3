"""Each way to install, into a clean environment: whose is ``oneflow-mock-torch``, does it work?"""

import json
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from clean_environments import run

from oneflow_mock import kernel_library

# Output of the script under test, and of nothing else in these environments.
OURS_SAYS = "ONEFLOW_MOCK_TORCH"


def works(environment):
    """The command that is on PATH is ours, opens the door, and torch comes through it."""
    assert environment.owner() == "ours"
    shown = run(environment.script, "--shell", "sh", PATH=environment.path())
    assert OURS_SAYS in shown.stdout
    assert shown.stderr == ""
    code = "import torch; print(torch.__version__, torch.ones(2).sum().item())"
    opened = run(
        "/bin/sh",
        "-c",
        f'eval "$(oneflow-mock-torch --shell sh)" && exec python -c "{code}"',
        PATH=environment.path(),
    )
    version, total = opened.stdout.split()
    assert version.startswith("2.13.0")
    assert float(total) == 2
    return True


@pytest.mark.parametrize("way", ["pip install .", "pip install -e .", "wheel"])
def test_ways_to_install(environment, checkout, wheels, way):
    (wheel,) = wheels.glob("oneflow_mock-*.whl")
    what = {"pip install .": [checkout], "pip install -e .": ["-e", checkout], "wheel": [wheel]}
    environment.install(*what[way])
    # OneFlow came along as our dependency, script and all, and lost the name
    assert (environment.site / "oneflow-0.9.0.dist-info").is_dir()
    assert works(environment)


def test_oneflow_first_then_ours(environment):
    environment.install("oneflow==0.9.0")
    assert "oneflow.mock_torch" in environment.script.read_text()
    environment.install("oneflow-mock")
    assert works(environment)


def test_what_overwrites_it_later_is_noticed_and_mended(environment):
    environment.install("oneflow-mock")
    environment.install("--force-reinstall", "--no-deps", "oneflow==0.9.0")
    assert "oneflow.mock_torch" in environment.script.read_text()

    examine = "from oneflow_mock.doctor import main; raise SystemExit(main(as_json=True))"
    done = run(environment.python, "-c", examine, check=False, PATH=environment.path())
    assert done.returncode == 1
    assert done.stderr == ""
    (row,) = [row for row in json.loads(done.stdout) if row["state"] == "bad"]
    assert row["name"] == "oneflow-mock-torch"
    assert "OneFlow's own" in row["found"]

    # OneFlow's script stands there, ours answers, and says so
    shown = run(environment.script, "--shell", "sh", "--strict", PATH=environment.path())
    assert OURS_SAYS in shown.stdout
    assert "OneFlow's own" in shown.stderr
    assert row["mend"] in shown.stderr
    assert run(environment.script, "--frobnicate", check=False).returncode == 2

    # the command is run as printed; where the wheel comes from is this test's affair
    run("/bin/sh", "-c", row["mend"], PIP_NO_INDEX="1", PIP_FIND_LINKS=environment.wheels)
    assert works(environment)
    assert run(environment.python, "-c", examine, PATH=environment.path()).returncode == 0


def test_the_wheel_holds_what_the_checkout_does(checkout, wheels):
    (path,) = wheels.glob("oneflow_mock-*.whl")
    with zipfile.ZipFile(str(path)) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    wanted = set()
    for folder, installed in [
        ("oneflow_mock", "oneflow_mock"),
        ("compat", "oneflow_mock/compat"),
        ("shell", "oneflow_mock/shell"),
    ]:
        for file in (checkout / folder).rglob("*"):
            if file.is_file() and file.suffix != ".pyc":
                wanted.add(f"{installed}/{file.relative_to(checkout / folder).as_posix()}")
    # the one file outside of the package, for `site`
    wanted.remove("oneflow_mock/shell/oneflow_mock_script.pth")
    wanted.add("oneflow_mock_script.pth")
    assert packed == wanted
    assert "oneflow_mock/shell/bootstrap/sitecustomize.py" in packed
    assert "oneflow_mock/compat/torch/__init__.py" in packed
    assert any(name.startswith("oneflow_mock/compat/manifest/") for name in packed)


def test_an_editable_install_sees_a_new_overlay_at_once(environment, checkout):
    environment.install("-e", checkout)
    overlay = checkout / "compat" / "torch" / "overlay_of_a_test.py"
    overlay.write_text("")
    code = "import oneflow_mock.compat as c; print(*c.__path__, sep='')"
    try:
        seen = run(environment.python, "-c", code).stdout.strip()
        assert (Path(seen) / "torch" / overlay.name).samefile(overlay)
    finally:
        overlay.unlink()


@pytest.mark.parametrize("name", ["compat", "shell"])
def test_nothing_general_is_installed_at_top_level(environment, checkout, name):
    for what in (["oneflow-mock"], ["-e", checkout]):
        environment.install(*what)
        code = f"import importlib.util as u; print(u.find_spec({name!r}))"
        assert run(environment.python, "-c", code).stdout.strip() == "None"


def test_a_source_distribution_can_be_installed(environment, checkout, tmp_path):
    code = "import setuptools.build_meta as b, sys; print('built', b.build_sdist(sys.argv[1]))"
    copy = tmp_path / "to build in"
    shutil.copytree(str(checkout), str(copy))
    out = run(sys.executable, "-c", code, tmp_path, cwd=copy).stdout
    environment.install(tmp_path / out.split("built ")[1].strip())
    assert works(environment)


def test_our_requirements_do_not_bring_real_torch():
    from importlib import metadata

    needed = " ".join(metadata.requires("oneflow-mock")).lower()
    for name in ("torch", "accelerate", "peft"):
        assert name not in needed


@pytest.mark.skipif(kernel_library.compiler() is None, reason="needs g++")
@pytest.mark.parametrize("isolated", [False, True])
def test_a_wheel_carries_kernels_where_they_can_be_compiled(checkout, tmp_path, isolated):
    copy = tmp_path / "checkout"
    shutil.copytree(str(checkout), str(copy))
    native = copy / "compat" / "kernels" / "native"
    shutil.rmtree(str(native))
    native.mkdir()
    (native / "kernel.h").write_text("#include <vector>\n")
    (native / "one.cpp").write_text('extern "C" int one() { return 1; }\n')
    how = [] if isolated else ["--no-build-isolation"]
    run(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", *how),
        *("--wheel-dir", tmp_path, copy),
        XDG_CACHE_HOME=tmp_path,
        ONEFLOW_MOCK_KERNELS="1",
    )
    (path,) = tmp_path.glob("oneflow_mock-*.whl")
    assert path.name.endswith("-py3-none-linux_x86_64.whl")
    with zipfile.ZipFile(str(path)) as wheel:
        built = [name for name in wheel.namelist() if "/built/" in name]
        assert sorted(built) == [
            f"oneflow_mock/compat/kernels/built/{level}.so"
            for level in sorted(kernel_library.LEVELS)
        ]
        assert all(len(wheel.read(name)) > 1000 for name in built)
    # without a compiler it is a wheel for any machine
    run(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"),
        *("--wheel-dir", tmp_path / "pure", copy),
        ONEFLOW_MOCK_KERNELS="1",
        PATH="/nothing",
    )
    (path,) = (tmp_path / "pure").glob("oneflow_mock-*.whl")
    assert path.name.endswith("-py3-none-any.whl")

"""Each way to install, into a clean environment: whose ``oneflow-mock-torch`` is it, does it work?

OneFlow and the other four gigabytes are not installed again. A stand-in wheel named oneflow 0.9.0
brings what there is a quarrel about, the console script and its RECORD; the modules come by links
to the environment that runs the tests. `make .venv`, which is how these tests get to run, is the
same installation with the real thing.
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(sysconfig.get_paths()["purelib"])

#: What an environment must not inherit: that is what the tests install.
OURS = ("oneflow_mock", "__editable__", "oneflow-", "distutils-precedence", "__pycache__")

# Output of the script under test, and of nothing else in these environments.
OURS_SAYS = "ONEFLOW_MOCK_TORCH"


def run(*command, cwd=None, check=True, **environ):
    environ = {name: str(value) for name, value in environ.items()}
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ONEFLOW", "PYTHON", "PIP_REQUIRE"))
    }
    done = subprocess.run(
        [str(word) for word in command],
        env={**clean, **environ},
        # in the checkout, `python -c` would find the packages that lie there
        cwd=str(cwd or tempfile.gettempdir()),
        capture_output=True,
        text=True,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def make_wheel(folder, name, version, entry_points):
    """Write a wheel that holds nothing but console scripts."""
    info = f"{name}-{version}.dist-info"
    tags = "Root-Is-Purelib: true\nTag: py3-none-any\n"
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\n{tags}",
        f"{info}/entry_points.txt": entry_points,
    }
    rows = [f"{info}/RECORD,,\n"]
    with zipfile.ZipFile(str(folder / f"{name}-{version}-py3-none-any.whl"), "w") as wheel:
        for member, text in files.items():
            wheel.writestr(member, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
            rows.append(f"{member},sha256={digest.decode().rstrip('=')},{len(text)}\n")
        wheel.writestr(f"{info}/RECORD", "".join(rows))


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    """A copy of what is committed or about to be: building in the checkout would leave traces."""
    copy = tmp_path_factory.mktemp("checkout") / "oneflow mock"
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in listed.stdout.split("\0"):
        top = name.split("/")[0]
        if name and top not in ("tests", "examples", "docs") and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(ROOT / name), str(copy / name))
    return copy


@pytest.fixture(scope="session")
def wheels(tmp_path_factory, checkout):
    """A folder with a wheel of this project and the stand-in for OneFlow's."""
    folder = tmp_path_factory.mktemp("wheels")
    make_wheel(
        folder,
        "oneflow",
        "0.9.0",
        "[console_scripts]\noneflow-mock-torch = oneflow.mock_torch.__main__:main\n",
    )
    run(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"),
        *("--wheel-dir", folder, checkout),
    )
    return folder


class Environment:
    def __init__(self, root, wheels):
        venv.create(str(root), with_pip=False)
        self.root = root
        self.bin = root / "bin"
        self.python = self.bin / "python"
        self.script = self.bin / "oneflow-mock-torch"
        self.wheels = wheels
        rest = root / "everything else"
        rest.mkdir()
        for entry in SITE.iterdir():
            if not entry.name.startswith(OURS) and entry.suffix != ".pth":
                (rest / entry.name).symlink_to(entry)
        (self.site / "everything_else.pth").write_text(f"{rest}\n")

    @property
    def site(self):
        (found,) = self.root.glob("lib/python*/site-packages")
        return found

    def install(self, *what):
        run(
            *(self.python, "-m", "pip", "install", "--quiet", "--no-build-isolation"),
            *("--no-index", "--find-links", self.wheels, *what),
        )

    def owner(self):
        code = "import sys, oneflow_mock.console_script as c; print(c.whose(sys.argv[1]))"
        return run(self.python, "-c", code, self.script).stdout.strip()

    def path(self):
        return f"{self.bin}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture
def environment(tmp_path, wheels):
    return Environment(tmp_path / "clean", wheels)


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

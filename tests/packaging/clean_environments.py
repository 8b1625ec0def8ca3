"""Virtual environments for tests: clean ones, with all but the subject of the test linked in.

OneFlow and the other four gigabytes are not installed again. A stand-in wheel named oneflow brings
what there is a quarrel about, the console script and its RECORD; the modules come by links to the
environment that runs the tests. `make .venv`, which is how these tests get to run, is the same
installation with the real thing.
"""

import base64
import hashlib
import os
import shutil
import subprocess
import sysconfig
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(sysconfig.get_paths()["purelib"])

#: What an environment must not inherit: that is what the tests install.
OURS = ("oneflow_mock", "__editable__", "oneflow-", "distutils-precedence", "__pycache__")


def run(*command, cwd=None, check=True, **environ):
    environ = {name: str(value) for name, value in environ.items()}
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ONEFLOW", "PYTHON", "PIP_REQUIRE"))
    }
    done = subprocess.run(
        [str(word) for word in command],
        # compiling the native kernels for every wheel would take half an hour
        env={**clean, "ONEFLOW_MOCK_KERNELS": "0", **environ},
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


class Environment:
    """A virtual environment without this project, which sees what else is installed here.

    ``lacking`` are beginnings of names in site-packages that it is not to see.
    """

    def __init__(self, root, wheels, lacking=OURS):
        venv.create(str(root), with_pip=False)
        self.root = root
        self.bin = root / "bin"
        self.python = self.bin / "python"
        self.script = self.bin / "oneflow-mock-torch"
        self.wheels = wheels
        rest = root / "everything else"
        rest.mkdir()
        for entry in SITE.iterdir():
            if not entry.name.startswith(lacking) and entry.suffix != ".pth":
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
        """Return whose the installed script is, in the words of console_script.whose."""
        code = "import sys, oneflow_mock.console_script as c; print(c.whose(sys.argv[1]))"
        return run(self.python, "-c", code, self.script).stdout.strip()

    def path(self):
        return f"{self.bin}{os.pathsep}{os.environ['PATH']}"


def copy_checkout(copy):
    """Copy what is committed or about to be: building in the checkout would leave traces."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in listed.stdout.split("\0"):
        top = name.split("/")[0]
        if name and top not in ("tests", "examples", "docs") and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(ROOT / name), str(copy / name))

"""The folder on PYTHONPATH: it turns the mock on, disturbs nothing, and costs next to nothing."""

import compileall
import glob
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import zipfile

import pytest
import real_shells

from oneflow_mock import settings
from oneflow_mock.settings import ON, UPSTREAM_OFF

OURS = settings.bootstrap_directory()
MILLISECONDS = 3.0
# From the top of a clone, any interpreter could import oneflow_mock.
NOWHERE = os.sep

#: Prints what a program can see of sitecustomize; sys.path without our folder.
PROBE = """
import json, os, sys
custom = sys.modules.get("sitecustomize")
ours = os.environ.get("OURS")
try:
    import sitecustomize
    late = sitecustomize is custom
except ImportError as error:
    late = [type(error).__name__, str(error), error.name]
print(json.dumps({
    "file": getattr(custom, "__file__", None),
    "loader": type(getattr(custom, "__loader__", None)).__name__,
    "origin": getattr(getattr(custom, "__spec__", None), "origin", None),
    "said": getattr(custom, "SAID", None),
    "late": late,
    "still there": "sitecustomize" in sys.modules,
    "path": [entry for entry in sys.path if entry != ours],
}))
"""

THEIRS = {
    "a file": {"sitecustomize.py": "SAID = __name__"},
    "a package": {
        "sitecustomize/__init__.py": "from .more import SAID",
        "sitecustomize/more.py": "SAID = __name__",
    },
    "nothing": {},
    "changes the path": {
        "sitecustomize.py": "import sys; sys.path.insert(0, '/first'); sys.path.append('/last')"
    },
    "replaces the path": {"sitecustomize.py": "import sys; sys.path = list(sys.path) + ['/new']"},
    "looks at the path": {
        "sitecustomize.py": "import sys; SAID = [e for e in sys.path if 'bootstrap' in e]"
    },
    "looks for itself": {
        "sitecustomize.py": "import sys; SAID = sys.modules[__name__].__spec__.origin"
    },
    "puts another in its place": {
        "sitecustomize.py": "import sys, types\nnew = types.ModuleType('new'); new.SAID = 'new'\n"
        "sys.modules['sitecustomize'] = new"
    },
    "raises": {"sitecustomize.py": "raise ValueError('theirs')"},
    "imports what is missing": {"sitecustomize.py": "import no_such_module"},
    "has a syntax error": {"sitecustomize.py": "def ("},
    "exits": {"sitecustomize.py": "import sys; print('bye'); sys.exit(3)"},
    "says something": {"sitecustomize.py": "import sys; sys.stderr.write('hello\\n')"},
}


def python(*words, executable=sys.executable, **environ):
    # Python 2 would write what it compiles into our folder.
    environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    return subprocess.run(
        [executable, *words],
        cwd=NOWHERE,
        stdout=-1,
        stderr=-1,
        text=True,
        timeout=60,
        env=real_shells.clean(OURS=OURS, **environ),
    )


def on(*words, before="", after="", **environ):
    entries = [entry for entry in (before, OURS, after) if entry]
    environ = {ON: "1", "PYTHONPATH": os.pathsep.join(entries), **environ}
    return python(*words, **environ)


def comparable(done):
    try:
        out = json.loads(done.stdout)
    except ValueError:
        out = done.stdout
    # When an interpreter cannot start, it prints addresses and its own frames, and ours are among.
    lines = [line for line in done.stderr.splitlines() if not line.startswith((" ", "Current"))]
    return done.returncode, out, lines


@pytest.fixture
def theirs(tmp_path):
    def write(files):
        folder = tmp_path / "theirs"
        for name, text in files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text + "\n")
        folder.mkdir(exist_ok=True)
        return str(folder)

    return write


@pytest.mark.parametrize("switch", ["1", "0", ""])
@pytest.mark.parametrize("key", list(THEIRS))
def test_the_next_sitecustomize_runs_as_if_ours_were_not_there(theirs, key, switch):
    folder = theirs(THEIRS[key])
    plain = comparable(python("-c", PROBE, PYTHONPATH=folder))
    assert comparable(on("-c", PROBE, after=folder, **{ON: switch})) == plain


@pytest.mark.parametrize("kind", ["compiled alone", "in a zip", "in a zip, a package"])
def test_the_next_sitecustomize_can_be_anywhere(theirs, tmp_path, kind):
    files = THEIRS["a package" if "package" in kind else "a file"]
    folder = theirs(files)
    if kind == "compiled alone":
        compileall.compile_dir(folder, legacy=True, quiet=2)
        os.unlink(os.path.join(folder, "sitecustomize.py"))
    else:
        archive = str(tmp_path / "theirs.zip")
        with zipfile.ZipFile(archive, "w") as opened:
            for name in files:
                opened.write(os.path.join(folder, name), name)
        folder = archive
    plain = comparable(python("-c", PROBE, PYTHONPATH=folder))
    assert plain[1]["file"].startswith(folder)
    assert comparable(on("-c", PROBE, after=folder)) == plain


@pytest.mark.parametrize(
    "path",
    ["{ours}:{theirs}:{ours}", "{ours}:{ours}", "{ours}/:{theirs}", "{theirs}", "{ours}::{theirs}"],
)
def test_our_folder_any_number_of_times(theirs, path):
    folder = theirs(THEIRS["a file"])
    path = path.format(ours=OURS, theirs=folder)
    rest = os.pathsep.join(e for e in path.split(os.pathsep) if e.rstrip("/") != OURS)
    environ = {"PYTHONPATH": rest} if rest else {}
    plain = comparable(python("-c", PROBE, **environ))
    assert comparable(python("-c", PROBE, PYTHONPATH=path, **{ON: "1"})) == plain


ASK = "import oneflow_mock, sys; print(oneflow_mock.is_enabled(), *sys.meta_path[:1])"


@pytest.mark.parametrize(
    "environ, expected",
    [
        ({ON: "1"}, True),
        ({ON: "yes"}, True),
        ({ON: "0"}, False),
        ({ON: ""}, False),
        ({ON: "off"}, False),
        ({ON: "1", UPSTREAM_OFF: "1"}, False),
        ({ON: "1", UPSTREAM_OFF: "0"}, True),
    ],
)
def test_on_is_what_the_settings_say(environ, expected):
    """The bootstrap spells names and words of its own, as it may be all there is."""
    assert settings.Settings.from_environ(environ).enabled is expected
    done = on("-c", ASK, **environ)
    assert done.stdout.split()[0] == str(expected)
    refused = on("-c", "import torch", executable=without_mock(), **environ)
    assert ("oneflow-mock is on" in refused.stderr) is expected


@pytest.mark.parametrize("flag", ["-S", "-I", "-E", "-s", "-B", "-O"])
def test_flags_are_obeyed(flag):
    ask = "import sys; print([n for n in sys.modules if n.startswith('oneflow_mock')] != [])"
    done = on(flag, "-c", ask)
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.strip() == str(flag not in ("-S", "-I", "-E"))


def without_mock():
    """Return an interpreter of this version that has no oneflow_mock."""
    return os.path.realpath(sys.executable)


def others():
    """Find the interpreters of other versions on this machine, if there are any."""
    found = glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/python"))
    found += [shutil.which(f"python3.{minor}") or "" for minor in range(7, 15)]
    # A shim of pyenv's is a shell script, and which version it starts depends on where one is.
    real = {os.path.realpath(path) for path in found if path}
    return sorted(path for path in real if f"{os.sep}shims{os.sep}" not in path)


def lacks_mock(executable):
    said = python("-c", "import oneflow_mock", executable=executable).stderr
    return "No module named" in said and "oneflow_mock" in said


@pytest.fixture
def real_torch(tmp_path):
    """A folder with what an interpreter that is none of ours has: real PyTorch."""
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("print('REAL TORCH')\n")
    (tmp_path / "torch" / "nn.py").write_text("print('REAL NN')\n")
    return str(tmp_path)


def one_line(stderr):
    """Return the last line of a traceback, which is all that ImportError's text may be."""
    return stderr.strip().splitlines()[-1]


def check_a_stranger(executable, real_torch):
    plain = on("-c", "print('fine')", executable=executable)
    assert (plain.stdout, plain.stderr, plain.returncode) == ("fine\n", "", 0)
    for code in ("import torch", "import torch.nn", "from torch import nn"):
        done = on("-c", code, executable=executable, after=real_torch)
        said = one_line(done.stderr)
        assert "REAL" not in done.stdout and done.returncode == 1
        assert said.split(": ")[0] in ("ImportError", "ModuleNotFoundError")
        assert executable in said and "oneflow-mock is on in this shell and not installed" in said
        assert 'mend it with: eval "$(oneflow-mock-torch disable)"' in said
    off = on("-c", "import torch.nn", executable=executable, after=real_torch, **{ON: ""})
    assert off.stdout == "REAL TORCH\nREAL NN\n"


def test_an_interpreter_without_the_mock_refuses_torch(real_torch):
    if not lacks_mock(without_mock()):
        pytest.skip("oneflow-mock is installed for the base interpreter itself")
    check_a_stranger(without_mock(), real_torch)


@pytest.mark.parametrize("executable", others())
def test_interpreters_of_any_version_refuse_torch(executable, real_torch):
    if not lacks_mock(executable):
        pytest.skip(f"{executable} has oneflow-mock, or does not run")
    check_a_stranger(executable, real_torch)


def test_a_stranger_may_ask_without_harm(real_torch):
    code = (
        "import importlib.util, torchvision\n"
        "print(importlib.util.find_spec('torch') is not None)\n"
        "try:\n"
        "    import torch\n"
        "except ImportError as error:\n"
        "    print(error.name)\n"
    )
    with open(os.path.join(real_torch, "torchvision.py"), "w"):
        pass
    done = on("-c", code, executable=without_mock(), after=real_torch)
    assert (done.stdout, done.stderr) == ("True\ntorch\n", "")


def test_a_venv_has_its_own_say(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path)], check=True)
    inside = str(tmp_path / "bin" / "python")
    refused = on("-c", "import torch", executable=inside)
    assert inside in one_line(refused.stderr)
    # The same environment, once oneflow-mock is installed there.
    root = os.path.dirname(os.path.dirname(settings.__file__))
    site = glob.glob(str(tmp_path / "lib" / "python*" / "site-packages"))[0]
    with open(os.path.join(site, "mock.pth"), "w") as opened:
        opened.write(root + "\n")
    with open(os.path.join(site, "sitecustomize.py"), "w") as opened:
        opened.write("SAID = 'the environment'\n")
    done = on("-c", ASK + "; import sitecustomize; print(sitecustomize.SAID)", executable=inside)
    assert done.stdout.splitlines()[0].startswith("True <oneflow_mock.")
    assert done.stdout.splitlines()[1] == "the environment"


@pytest.mark.parametrize(
    "files, said",
    [
        ({"__init__.py": "raise RuntimeError('broken\\nin two')"}, "RuntimeError: broken in two"),
        ({"__init__.py": "def ("}, "SyntaxError: "),
        ({"__init__.py": "", "settings.py": "import no_such"}, "No module named 'no_such'"),
        ({"__init__.py": "", "settings.py": ""}, "ImportError: cannot import name "),
    ],
)
def test_a_failed_start_is_one_line_and_no_real_torch(theirs, tmp_path, real_torch, files, said):
    package = tmp_path / "broken" / "oneflow_mock"
    package.mkdir(parents=True)
    for name, text in files.items():
        (package / name).write_text(text + "\n")
    path = os.pathsep.join([str(tmp_path / "broken"), real_torch, theirs(THEIRS["a file"])])
    code = "import sitecustomize; print(sitecustomize.SAID, flush=True); import torch"
    done = on("-c", code, after=path)
    first, *_, last = done.stderr.splitlines()
    assert first.startswith(f"oneflow-mock cannot start in {sys.executable} (Python ")
    assert said in first and 'mend it with: eval "$(oneflow-mock-torch disable)"' in first
    assert last == "ImportError: " + first
    assert done.stdout == "sitecustomize\n"


def test_two_installations_turn_on_one_mock(tmp_path):
    shutil.copytree(OURS, str(tmp_path / "bootstrap"))
    code = (
        "import sys, oneflow_mock.switch as switch; print(len(switch._handles), "
        "sum(type(finder).__module__ == 'oneflow_mock.importer' for finder in sys.meta_path), "
        "'sitecustomize' in sys.modules)"
    )
    done = on("-c", code, before=str(tmp_path / "bootstrap"))
    assert (done.stdout, done.stderr) == ("1 1 False\n", "")


def test_nothing_heavy_is_imported():
    code = "import sys; print([n for n in sys.modules if n.split('.')[0] in {}])".format(
        "('oneflow', 'numpy', 'json', 'dataclasses', 'typing', 'rich', 'click')"
    )
    off, done = on("-c", code, **{ON: ""}), on("-c", code)
    assert done.stdout == off.stdout


def test_a_python_that_needs_no_torch_starts_as_quickly():
    environs = [
        real_shells.clean(),
        real_shells.clean(PYTHONPATH=OURS, **{ON: "1"}),
    ]

    def milliseconds(environ):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", "pass"], env=environ, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return 1e3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    # In pairs, so that a busy machine is as busy for both.
    off, on_ = environs
    pairs = [(milliseconds(off), milliseconds(on_)) for _ in range(31)]
    assert statistics.median(slow - fast for fast, slow in pairs) < MILLISECONDS

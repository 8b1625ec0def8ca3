"""The library of native kernels is built once, kept safe, and loaded only where it can be trusted.

The sources are a stand-in that compiles in a second; what the real ones compute is tested in
``tests/compat``.
"""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from oneflow_mock import kernel_build, kernel_library
from oneflow_mock.kernel_library import BROKEN, MISSING, OFF, READY, KernelError

LEVEL = "x86-64-v3"
needs_compiler = pytest.mark.skipif(
    kernel_library.compiler() is None or LEVEL not in kernel_library.levels(),
    reason="needs g++ and AVX2",
)

#: Run in another process, with the stand-in for sources.
PROGRAM = """
import sys
from oneflow_mock import kernel_build, kernel_library
kernel_library.native_folder = lambda: {sources!r}
try:
    print(*kernel_build.build([{level!r}], progress=lambda name, *_: print("made", name)))
except kernel_library.KernelError as error:
    sys.exit(str(error))
"""


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A folder of sources, and a cache folder of the test's own."""
    folder = tmp_path / "kernels" / "native"
    folder.mkdir(parents=True)
    (folder / "kernel.h").write_text("#include <vector>\n")
    for name in ("one", "two"):
        text = f'#include "kernel.h"\nextern "C" int {name}() {{ return 1; }}\n'
        (folder / f"{name}.cpp").write_text(text)
    monkeypatch.setattr(kernel_library, "native_folder", lambda: str(folder))
    monkeypatch.setattr(kernel_library, "levels", lambda: [LEVEL])
    monkeypatch.setattr(kernel_library, "loaded", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(kernel_library.SWITCH, raising=False)
    monkeypatch.delenv("CXX", raising=False)
    return folder


@pytest.fixture
def library(sources):
    (path,) = kernel_build.build()
    return path


@pytest.fixture
def no_compiler(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))


def build_elsewhere(sources, **options):
    program = PROGRAM.format(sources=str(sources), level=LEVEL)
    return subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        **options,
    )


def left_over():
    """Return what is in the cache folder beside locks and objects."""
    names = os.listdir(kernel_library.cache_folder())
    return [name for name in names if not name.endswith(".lock") and name != "objects"]


# --- building ------------------------------------------------------------------------------------


@needs_compiler
def test_what_is_built_is_found_and_not_built_again(sources):
    told = []
    (path,) = kernel_build.build(progress=lambda *step: told.append(step))
    assert [(done, total) for _, done, total in told] == [(1, 3), (2, 3), (3, 3)]
    found = kernel_library.find()
    assert (found.state, found.path) == (READY, path)
    del told[:]
    assert kernel_build.build(progress=lambda *step: told.append(step)) == [path]
    assert told == []
    kernel_build.build(force=True, progress=lambda *step: told.append(step))
    assert len(told) == 3


@needs_compiler
def test_only_what_has_changed_is_compiled(sources, library):
    with open(sources / "two.cpp", "a") as file:
        file.write("// changed\n")
    assert kernel_library.find().state == MISSING
    told = []
    kernel_build.build(progress=lambda name, *_: told.append(name))
    assert told == ["two.cpp", "library"]


@needs_compiler
def test_every_level_has_a_library_of_its_own(sources):
    paths = kernel_build.build(kernel_library.LEVELS)
    assert len(set(paths)) == len(kernel_library.LEVELS)
    assert all(level in path for level, path in zip(kernel_library.LEVELS, paths))


@needs_compiler
def test_two_builders_at_once_build_one_library(sources):
    both = [build_elsewhere(sources) for _ in range(2)]
    said = [builder.communicate(timeout=120) for builder in both]
    assert [builder.returncode for builder in both] == [0, 0], said
    assert len({out.splitlines()[-1] for out, _ in said}) == 1
    assert sum(out.count("made library") for out, _ in said) == 1
    assert kernel_library.find().state == READY
    assert len(left_over()) == 1


@needs_compiler
def test_what_does_not_compile_is_told_in_one_line_and_leaves_nothing(sources):
    (sources / "two.cpp").write_text("#error no\n")
    with pytest.raises(KernelError) as caught:
        kernel_build.build()
    assert "two.cpp does not compile" in str(caught.value).splitlines()[0]
    assert left_over() == []


@needs_compiler
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_a_build_that_is_interrupted_leaves_nothing_broken(sources, stop):
    # Half a minute, with next to no code.
    slow = "template<int n> struct S { static int f() { return S<n - 1>::f() + n; } };\n"
    slow += "template<> struct S<0> { static int f() { return 0; } };\n"
    slow += "int a = S<899>::f();\n" + "".join(
        f"template<int n> struct S{k} {{ static int f() {{ return S{k}<n - 1>::f() + n; }} }};\n"
        f"template<> struct S{k}<0> {{ static int f() {{ return 0; }} }};\n"
        f"int b{k} = S{k}<899>::f();\n"
        for k in range(60)
    )
    (sources / "slow.cpp").write_text(slow)
    builder = build_elsewhere(sources, start_new_session=True)
    folder = kernel_library.cache_folder()
    deadline = time.monotonic() + 60
    while not os.path.isdir(folder) or not left_over():
        assert time.monotonic() < deadline and builder.poll() is None
        time.sleep(0.05)
    time.sleep(0.3)
    os.killpg(builder.pid, stop)
    builder.communicate(timeout=60)
    assert builder.returncode != 0
    assert kernel_library.find().state == MISSING
    if stop == signal.SIGINT:
        assert left_over() == []
    (sources / "slow.cpp").unlink()
    kernel_build.build()
    assert kernel_library.find().state == READY


def test_without_a_compiler_the_command_says_what_to_install(sources, no_compiler):
    with pytest.raises(KernelError) as caught:
        kernel_build.build()
    assert "no C++ compiler" in str(caught.value)
    assert "g++" in caught.value.mend and kernel_library.BUILD in caught.value.mend
    assert "\n" not in str(caught.value)


def test_another_compiler_than_gcc_is_not_used(sources, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.write_text("#!/bin/sh\necho '#define __clang__ 1'; echo '#define __GNUC__ 4'\n")
    other.chmod(0o755)
    monkeypatch.setenv("CXX", str(other))
    with pytest.raises(KernelError, match="is not g"):
        kernel_build.build()


def test_a_home_that_cannot_be_written_is_one_line(sources, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/cache")
    with pytest.raises(KernelError) as caught:
        kernel_build.build()
    assert "cannot be kept in /dev/null/cache" in str(caught.value)
    assert "XDG_CACHE_HOME" in caught.value.mend
    assert kernel_library.find().state in (MISSING, BROKEN)


@needs_compiler
def test_what_nobody_has_used_for_long_is_removed(sources, library):
    old = os.path.join(kernel_library.cache_folder(), "0123-x86-64-v3.so")
    shutil.copy(library, old)
    os.utime(old, (0, 0))
    os.mkdir(os.path.join(kernel_library.cache_folder(), "building-99999999-x"))
    os.mkdir(os.path.join(kernel_library.cache_folder(), f"building-{os.getpid()}-x"))
    kernel_build.build()
    assert set(left_over()) == {os.path.basename(library), f"building-{os.getpid()}-x"}
    assert kernel_build.clean() > 0
    assert not os.path.exists(kernel_library.cache_folder())


# --- trusting ------------------------------------------------------------------------------------


def damage(path):
    with open(path, "r+b") as file:
        file.seek(1000)
        byte = file.read(1)
        file.seek(1000)
        file.write(bytes([byte[0] ^ 1]))


def cut(path):
    os.truncate(path, os.path.getsize(path) // 2)


def empty(path):
    os.truncate(path, 0)


def replace(path):
    shutil.copy(shutil.which("true"), path)


def mark_with_another_key(path):
    with open(path, "rb") as file:
        body = file.read()[: -len(kernel_library.sealed(b"", b"k" * 32))]
    with open(path, "wb") as file:
        file.write(body + kernel_library.sealed(body, b"k" * 32))


def put_a_link(path):
    os.rename(path, path + ".aside")
    os.symlink(path + ".aside", path)


def let_others_write(path):
    os.chmod(path, 0o777)


@needs_compiler
@pytest.mark.parametrize(
    "harm",
    [damage, cut, empty, replace, mark_with_another_key, put_a_link, let_others_write],
)
def test_a_library_that_is_not_as_it_was_built_is_not_loaded_but_built_anew(
    sources, library, harm, capsys
):
    harm(library)
    found = kernel_library.find()
    assert found.state == BROKEN
    assert found.mend == kernel_library.BUILD
    assert kernel_library.load() is None
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and kernel_library.BUILD in line
    kernel_build.build()
    assert kernel_library.find().state == READY


@needs_compiler
def test_a_folder_that_others_may_write_to_is_refused_until_mended(sources, library):
    folder = kernel_library.cache_folder()
    os.chmod(folder, 0o777)
    found = kernel_library.find()
    assert found.state == BROKEN and f"chmod go-w {folder}" in found.mend
    with pytest.raises(KernelError, match="others may write"):
        kernel_build.build()
    os.chmod(folder, 0o700)
    assert kernel_library.find().state == READY


@needs_compiler
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("what", ["folder", "parent", "library", "link"])
def test_what_belongs_to_somebody_else_is_refused(sources, library, what, tmp_path):
    folder = kernel_library.cache_folder()
    if what == "link":
        os.rename(folder, str(tmp_path / "elsewhere"))
        os.symlink(str(tmp_path / "elsewhere"), folder)
        assert kernel_library.find().state == READY  # one's own link is nobody else's affair
    path = {"library": library, "parent": os.path.dirname(folder)}.get(what, folder)
    os.chown(path, 12345, -1, follow_symlinks=False)
    found = kernel_library.find()
    assert found.state == BROKEN and "12345" in found.problem
    if what != "library":
        with pytest.raises(KernelError, match="12345"):
            kernel_build.build()


@needs_compiler
def test_a_wheels_library_is_used_where_it_is_of_this_oneflow(sources, library):
    carried = kernel_library.carried_path(LEVEL)
    os.mkdir(os.path.dirname(carried))
    shutil.copy(library, carried)
    kernel_build.clean()
    os.chmod(carried, 0o664)  # it is as safe as the package that it is in
    assert kernel_library.find().path == carried
    mark_with_another_key(carried)
    assert kernel_library.find().state == MISSING


# --- saying --------------------------------------------------------------------------------------


def test_that_nothing_is_built_is_said_once(sources, no_compiler, capsys):
    assert kernel_library.load() is None
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "g++" in line and kernel_library.BUILD in line
    assert kernel_library.load() is None
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("word", ["0", "off", "False"])
def test_switched_off_is_off_and_quiet(sources, monkeypatch, word, capsys):
    monkeypatch.setenv(kernel_library.SWITCH, word)
    assert kernel_library.find().state == OFF
    assert kernel_library.load() is None
    assert capsys.readouterr().err == ""


def test_a_processor_that_is_too_old_is_no_fault(sources, monkeypatch, capsys):
    monkeypatch.setattr(kernel_library, "levels", list)
    assert kernel_library.load() is None
    assert capsys.readouterr().err == ""
    with pytest.raises(KernelError, match="AVX2"):
        kernel_build.build()


def test_loading_imports_nothing_that_takes_long():
    code = (
        "import sys; import oneflow_mock.kernel_library;"
        "print([name for name in ('subprocess', 'tempfile', 'concurrent.futures', 'asyncio',"
        "'importlib.metadata', 'importlib_metadata') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def command(*words, **variables):
    code = "import sys; from oneflow_mock.shell.cli import main; sys.exit(main())"
    environ = {**os.environ, **variables}
    return subprocess.run(
        [sys.executable, "-c", code, "kernels", *words],
        capture_output=True,
        text=True,
        env=environ,
    )


def test_the_command_says_in_one_line_what_is_wrong(tmp_path):
    nothing = {"PATH": "/nothing", "CXX": "", "XDG_CACHE_HOME": str(tmp_path)}
    done = command("build", **nothing)
    if kernel_library.levels():
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1 and "g++" in done.stderr
    assert command("build", "--if-possible", **nothing).returncode == 0
    shown = command("status", **nothing)
    assert "kernels:" in shown.stdout and "compiler:  none" in shown.stdout
    shown = command("status", ONEFLOW_MOCK_KERNELS="0")
    assert shown.returncode == 0 and "switched off" in shown.stdout
    assert command("build", "--level", "pentium").returncode == 2


def test_the_command_cleans_up(tmp_path):
    folder = tmp_path / "oneflow-mock" / "kernels"
    folder.mkdir(parents=True)
    (folder / "old-x86-64-v3.so").write_bytes(b"x" * 2000000)
    done = command("clean", XDG_CACHE_HOME=str(tmp_path))
    assert done.returncode == 0 and "2.0 MB removed" in done.stderr
    assert not folder.exists()

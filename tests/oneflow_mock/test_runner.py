"""The runner against plain Python: one table of programs, run both ways, must print the same.

Each program is run by ``python`` and by ``python -m oneflow_mock``; stdout, stderr and the exit
status are compared to the byte. The table is run a second time with ``-I``, where the bootstrap is
out of reach and the runner works inside its own process.
"""

from __future__ import annotations

import fcntl
import os
import pty
import py_compile
import re
import signal
import subprocess
import sys
import termios
import textwrap
import time
import zipfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SURROUNDINGS = (HERE / "runner_surroundings.py").read_text(encoding="utf-8")

PROGRAMS = {
    "surroundings.py": SURROUNDINGS,
    "elsewhere/sibling.py": "value = 'from the sibling'\n",
    "elsewhere/imports_sibling.py": "import sibling; print(sibling.value, __file__)\n",
    "package/__init__.py": "",
    "package/__main__.py": SURROUNDINGS,
    "package/inner.py": SURROUNDINGS,
    "package/fails.py": "def f():\n    raise ValueError('in a module')\nf()\n",
    "folder/__main__.py": SURROUNDINGS,
    "folder/helper.py": "",
    "folder_without_main/other.py": "",
    "ending_folder/__main__.py": "import sys\nsys.exit('from a folder')\n",
    "failing_folder/__main__.py": "import sys\ndef f():\n    1 / 0\nf()\n",
    "echo.py": "import sys\nprint(sys.argv)\n",
    "exit_none.py": "import sys\nsys.exit()\n",
    "exit_number.py": "import sys\nsys.exit(7)\n",
    "exit_large.py": "import sys\nsys.exit(2**40 + 3)\n",
    "exit_text.py": "import sys\nprint('out')\nsys.exit('the reason: é')\n",
    "exit_object.py": "import sys\nsys.exit(['a', 'list'])\n",
    "exit_in_finally.py": "import sys\ntry:\n    1 / 0\nfinally:\n    sys.exit(4)\n",
    "exit_abruptly.py": "import os\nprint('lost', end='')\nos._exit(9)\n",
    "raises.py": "def inner():\n    raise KeyError('x')\n\ndef outer():\n    inner()\n\nouter()\n",
    "raises_at_once.py": "raise RuntimeError('first line')\n",
    "raises_cause.py": """
        def f():
            try:
                {}['a']
            except KeyError as error:
                raise ValueError('b') from error
        f()
    """,
    "raises_context.py": """
        try:
            {}['a']
        except KeyError:
            [][1]
    """,
    "raises_without_context.py": """
        try:
            {}['a']
        except KeyError:
            raise ValueError('b') from None
    """,
    "raises_own_class.py": """
        class Error(Exception):
            def __str__(self):
                return 'mine'
        raise Error
    """,
    "raises_bad_str.py": """
        class Error(Exception):
            def __str__(self):
                return 1 / 0
        raise Error
    """,
    "raises_from_library.py": "import json\njson.loads('{')\n",
    "raises_recursion.py": """
        depth = 0
        def f():
            global depth
            depth += 1
            f()
        try:
            f()
        except RecursionError:
            print(depth)
        f()
    """,
    "reraises.py": """
        import traceback
        try:
            1 / 0
        except ZeroDivisionError as error:
            traceback.print_exc()
            traceback.print_stack()
            raise error
    """,
    "generator_exit.py": "raise GeneratorExit\n",
    "base_exception.py": "raise BaseException('unusual')\n",
    "excepthook.py": """
        import sys
        def hook(kind, value, trace):
            import traceback
            print('hooked', kind.__name__, value, [e.name for e in traceback.extract_tb(trace)])
        sys.excepthook = hook
        def f():
            1 / 0
        f()
    """,
    "excepthook_fails.py": """
        import sys
        def hook(kind, value, trace):
            raise TypeError('in the hook')
        sys.excepthook = hook
        1 / 0
    """,
    "excepthook_deleted.py": "import sys\ndel sys.excepthook\n1 / 0\n",
    "last_exception.py": """
        import atexit, sys, traceback
        def late():
            print(sys.last_type, sys.last_value, traceback.extract_tb(sys.last_traceback))
        atexit.register(late)
        def f():
            1 / 0
        f()
    """,
    "thread_fails.py": """
        import threading
        def work():
            raise ValueError('in a thread')
        thread = threading.Thread(target=work, name='worker')
        thread.start()
        thread.join()
        print('goes on')
    """,
    "thread_outlives.py": """
        import threading, time
        def work():
            time.sleep(0.05)
            print('thread done')
        threading.Thread(target=work).start()
        print('main done')
    """,
    "unraisable.py": """
        class Bad:
            def __del__(self):
                raise ValueError('in del')
        bad = Bad()
        bad.__class__.__repr__ = lambda self: 'bad'
        del bad
        print('on')
    """,
    "atexit_order.py": """
        import atexit, sys
        class Last:
            def __del__(self):
                print('globals cleared')
        keep = Last()
        for number in range(3):
            atexit.register(print, 'atexit', number)
        def fails():
            raise ValueError('at exit')
        atexit.register(fails)
        print('end')
        sys.exit(3)
    """,
    "syntax_error.py": "x = 1\nif x\n    pass\n",
    "indentation_error.py": "if True:\n  x = 1\n   y = 2\n",
    "tab_error.py": "if True:\n        x = 1\n\ty = 2\n",
    "imports_syntax_error.py": "import syntax_error\n",
    "null_byte.py": b"x = 1\0\n",
    "latin1.py": "# -*- coding: latin-1 -*-\nprint('\xe9')\n".encode("latin-1"),
    "bad_coding.py": b"# -*- coding: no-such-code -*-\nprint(1)\n",
    "not_utf8.py": b"print('\xe9')\n",
    "bom.py": b"\xef\xbb\xbfprint('bom')\n",
    "crlf.py": b"print('''a\r\nb''')\r\nprint(1)",
    "empty.py": "",
    "future.py": """
        from __future__ import annotations
        def f(x: unknown):
            pass
        print(f.__annotations__)
    """,
    "no_future.py": "def f(x: int): pass\nprint(f.__annotations__, 3 / 2)\n",
    "annotated.py": "x: int = 3\nprint(__annotations__)\n",
    "docstring.py": "'''My words.'''\nprint(__doc__)\n",
    "asserts.py": "assert False, 'asserted'\n",
    "input.py": "print(repr(input('? ')), repr(input()))\ninput()\n",
    "pickles.py": """
        import pickle, __main__
        class Point:
            def __init__(self, x):
                self.x = x
        text = pickle.dumps(Point(3))
        print(b'__main__' in text, pickle.loads(text).x, Point.__module__, __main__.Point is Point)
        print(pickle.loads(pickle.dumps(Point)) is Point)
    """,
    "reads_itself.py": """
        import inspect, linecache, sys
        def f():
            return 'source'
        print(inspect.getsource(f), inspect.getsourcefile(f), inspect.getmodule(f).__name__)
        print(linecache.getline(__file__, 2), sys.modules['__main__'].__file__ == __file__)
    """,
    "doctests.py": """
        def f():
            '''
            >>> f()
            2
            '''
            return 1
        import doctest
        print(doctest.testmod())
    """,
    "unit_tests.py": """
        import unittest
        class Case(unittest.TestCase):
            def test_it(self):
                self.assertEqual(1, 2)
        import re, sys, io
        stream = io.StringIO()
        unittest.main(testRunner=unittest.TextTestRunner(stream), exit=False)
        print(re.sub('[0-9.]+s', 's', stream.getvalue()))
    """,
    "warns.py": """
        import warnings
        warnings.warn('at level 1')
        warnings.warn('at level 2', stacklevel=2)
        warnings.warn('deprecated', DeprecationWarning)
        import imp_that_is_not_there
    """,
    "dies.py": "import os, signal, sys\nos.kill(os.getpid(), int(sys.argv[1]))\n",
    "interrupted.py": """
        import atexit, os, signal, time
        atexit.register(print, 'atexit ran')
        def wait():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        wait()
    """,
    "catches_interrupt.py": """
        import os, signal, sys, time
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        except KeyboardInterrupt:
            print('caught')
            sys.exit(5)
    """,
    "raises_interrupt.py": "raise KeyboardInterrupt('by hand')\n",
    "broken_pipe.py": """
        import os, sys
        read, write = os.pipe()
        os.close(read)
        os.write(write, b'x')
    """,
    "closes_stdout.py": "import sys\nprint('a')\nsys.stdout.close()\n",
    "multiprocesses.py": """
        import multiprocessing, os, sys
        class Point:
            def __init__(self, x):
                self.x = x
        def double(point):
            return Point(point.x * 2)
        def fails():
            raise ValueError('in a child')
        print('top level of', __name__, flush=True)
        if __name__ == '__main__':
            context = multiprocessing.get_context(sys.argv[1])
            with context.Pool(1) as pool:
                print([point.x for point in pool.map(double, [Point(1), Point(2)])], flush=True)
            child = context.Process(target=fails, name='failing child')
            child.start()
            child.join()
            print(child.exitcode)
    """,
    "runs_runpy.py": """
        import runpy
        print(runpy.run_path('echo.py', run_name='again')['__name__'])
        runpy.run_module('package.fails', run_name='__main__', alter_sys=True)
    """,
    "executes.py": """
        import os, sys
        os.execv(sys.executable, [sys.executable, 'echo.py', 'after exec'])
    """,
    "changes_folder.py": """
        import os, sys
        os.chdir('elsewhere')
        print(sys.path[0], __file__)
        import sibling
    """,
}

INTERACTIVE = """\
x = 3
x
def f():
    return x

f()
1 / 0
import sys; sys.argv, __name__
raise SystemExit(5)
"""


class Case:
    """A command line for Python, and what is peculiar about it."""

    def __init__(self, *args, stdin="", flags=(), environ=None, cwd=".", exact=True):
        self.args = args
        self.stdin = stdin
        self.flags = list(flags)
        self.environ = environ or {}
        self.cwd = cwd
        # Whether it comes out the same in the runner's own process too, where the stack is deeper
        # and a file is read by compile(), whose words differ from those of Python's own reader.
        self.exact = exact

    def __str__(self):
        words = [*self.flags, *self.args]
        return " ".join(words)[:60].replace("\n", ";") or "nothing"


CASES = [
    # What a program sees of its surroundings.
    Case("surroundings.py", "a", "-b", "--report", "--"),
    Case("./surroundings.py"),
    Case("{root}/surroundings.py"),
    Case("../surroundings.py", cwd="elsewhere"),
    Case("link_to_surroundings.py"),
    Case("linked_folder/../surroundings.py"),
    Case("surroundings.pyc"),
    Case("-m", "package", "--strict", "x"),
    Case("-m", "package.inner"),
    Case("-mpackage.inner", "-m", "other"),
    Case("-m", "surroundings"),
    Case("-c", SURROUNDINGS, "a", "-c"),
    Case("-c" + SURROUNDINGS, "a"),
    Case("-", "a", "b", stdin=SURROUNDINGS),
    Case(stdin=SURROUNDINGS),
    Case("folder", "--verbose"),
    Case("folder/"),
    Case(".", cwd="folder"),
    Case("archive.zip", "arg"),
    Case("{root}/elsewhere/../archive.zip"),
    Case("surroundings.py", flags=["-u", "-B", "-W", "error::UserWarning", "-X", "dev"]),
    Case("surroundings.py", flags=["-Werror", "-Xfaulthandler", "-OO", "-bb"]),
    Case("surroundings.py", flags=["-X", "utf8=0", "-s", "-q"], environ={"LC_ALL": "C"}),
    Case("surroundings.py", environ={"PYTHONPATH": "elsewhere:/nowhere", "PYTHONOPTIMIZE": "1"}),
    Case("surroundings.py", environ={"PYTHONPATH": "{root}/elsewhere"}),
    Case("surroundings.py", environ={"PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "once"}),
    # Arguments and paths.
    Case("echo.py"),
    Case("echo.py", "", " ", "*", "ü", "\udcff", "--torch-version", "-m", "-c"),
    Case("elsewhere/imports_sibling.py"),
    Case("{root}/elsewhere/imports_sibling.py", cwd="folder"),
    Case("changes_folder.py"),
    Case("strange name '\" $(x) é.py"),
    # Ends.
    *(
        Case(name, exact="recursion" not in name)
        for name in sorted(PROGRAMS)
        if name.startswith(("exit_", "raises"))
    ),
    Case("reraises.py", exact=False),
    Case("-c", "import sys; sys.exit('text')"),
    Case("-m", "package.fails"),
    Case("-c", "def f():\n    1 / 0\nf()"),
    Case("-c", "raise SystemExit"),
    Case("-", stdin="def f():\n    1 / 0\nf()\n"),
    Case("ending_folder"),
    Case("failing_folder"),
    Case("generator_exit.py"),
    Case("base_exception.py"),
    Case("excepthook.py"),
    Case("excepthook_fails.py", exact=False),
    Case("excepthook_deleted.py", exact=False),
    Case("last_exception.py"),
    Case("thread_fails.py", exact=False),
    Case("thread_outlives.py"),
    Case("unraisable.py"),
    Case("atexit_order.py"),
    Case("asserts.py"),
    Case("asserts.py", flags=["-O"]),
    Case("closes_stdout.py"),
    Case("executes.py"),
    # Signals.
    *(Case("dies.py", str(int(number))) for number in (signal.SIGTERM, signal.SIGKILL)),
    Case("dies.py", str(int(signal.SIGINT))),
    Case("dies.py", str(int(signal.SIGUSR1))),
    Case("interrupted.py"),
    Case("catches_interrupt.py"),
    Case("raises_interrupt.py"),
    Case("broken_pipe.py"),
    Case("-c", "import os, signal; os.kill(os.getpid(), signal.SIGINT)"),
    # Source text.
    *(
        Case(name, exact=name.endswith(("_error.py", "future.py")))
        for name in sorted(PROGRAMS)
        if name.endswith(("_error.py", "future.py", "coding.py", "_utf8.py", "_byte.py"))
    ),
    *(Case(name) for name in ("latin1.py", "bom.py", "crlf.py", "empty.py", "docstring.py")),
    Case("annotated.py"),
    Case("-c", "if True print(1)"),
    Case("-c", "x = (\n"),
    Case("-c", ""),
    Case("-c", "print('é')"),
    Case("-", stdin="if True print(1)\n"),
    Case("broken.pyc"),
    # What is not there.
    Case("nothing_here.py"),
    Case("{root}/nothing/here.py"),
    Case("folder_without_main"),
    Case("-m", "nothing_here"),
    Case("-m", "package.nothing_here"),
    Case("-m", "nothing_here.at.all"),
    Case("-m", "folder_without_main"),
    Case("-m"),
    Case("-c"),
    Case("empty.zip"),
    Case("unreadable.py"),
    # The rest of life.
    Case("input.py", stdin="one\ntwo\n"),
    Case("pickles.py"),
    Case("reads_itself.py"),
    Case("doctests.py"),
    Case("unit_tests.py"),
    Case("warns.py", exact=False),
    Case("warns.py", flags=["-W", "ignore"]),
    Case("warns.py", flags=["-W", "error"]),
    Case("runs_runpy.py"),
    *(Case("multiprocesses.py", method) for method in ("fork", "spawn", "forkserver")),
    Case("-m", "multiprocesses", "spawn"),
    Case("-m", "json.tool", stdin='{"a": 1}'),
    Case(flags=["-i", "-q"], stdin=INTERACTIVE, exact=False),
    Case("exit_number.py", flags=["-i"], stdin="1 + 1\n"),
]


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """Return the folder with all the programs of the table."""
    root = tmp_path_factory.mktemp("programs").resolve()
    for name, text in PROGRAMS.items():
        file = root / name
        file.parent.mkdir(exist_ok=True)
        if isinstance(text, str):
            text = (text if text == SURROUNDINGS else textwrap.dedent(text)).encode()
        file.write_bytes(text)
    (root / "strange name '\" $(x) é.py").write_text("import sys\nprint(sys.argv, __file__)\n1/0")
    (root / "link_to_surroundings.py").symlink_to(root / "surroundings.py")
    (root / "linked_folder").symlink_to(root / "elsewhere")
    (root / "unreadable.py").symlink_to(root / "unreadable.py")
    py_compile.compile(str(root / "surroundings.py"), str(root / "surroundings.pyc"))
    (root / "broken.pyc").write_bytes(b"not bytecode")
    with zipfile.ZipFile(str(root / "archive.zip"), "w") as archive:
        archive.writestr("__main__.py", SURROUNDINGS)
    with zipfile.ZipFile(str(root / "empty.zip"), "w") as archive:
        archive.writestr("other.py", "")
    return root


def python(case, root, door=(), flags=(), **extra):
    """Run the case's command line, through a door or without one; return what came out."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "ONEFLOW_", "PYTEST", "COV_"))
    }
    environ["PYTHONDONTWRITEBYTECODE"] = "1"
    environ.update({name: text.format(root=root) for name, text in case.environ.items()})
    environ.update(extra)
    args = [word.replace("{root}", str(root)) for word in case.args]
    done = subprocess.run(
        [sys.executable, *flags, *case.flags, *door, *args],
        cwd=str(root / case.cwd),
        env=environ,
        input=case.stdin.encode(),
        capture_output=True,
        timeout=60,
    )
    return done.returncode, without_addresses(done.stdout), without_addresses(done.stderr)


def without_addresses(text):
    return re.sub("0x[0-9a-f]{8,}", "0x...", text.decode("utf-8", "replace"))


DOOR = ("-m", "oneflow_mock")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_program_cannot_tell_the_runner_from_python(case, programs):
    assert python(case, programs, DOOR) == python(case, programs)


@pytest.mark.parametrize("case", [case for case in CASES if case.exact], ids=str)
def test_nor_where_the_runner_stays_in_its_own_process(case, programs):
    omit = {"OMIT": "orig_argv stack warning heavy"}
    ours = python(case, programs, DOOR, ["-I"], **omit)
    assert ours == python(case, programs, (), ["-I"], **omit)


# Interrupts and terminals, from outside.

# CPython 3.7 exits after an interrupt; later ones die of the signal.
INTERRUPTS_EXIT = sys.version_info < (3, 8)

# Whoever reads the word may take it that the main thread sleeps.
WAITS = """
import threading, time
threading.Timer(0.2, print, ["ready"], {"flush": True}).start()
time.sleep(30)
"""


def outcome_of_signal(root, door, number, prefix=()):
    command = [*prefix, sys.executable, *door, "waits.py"]
    (root / "waits.py").write_text(WAITS)
    with subprocess.Popen(
        command, cwd=str(root), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        assert program.stdout.readline() == b"ready\n"
        program.send_signal(number)
        try:
            out, error = program.communicate(timeout=0.5 if prefix else 30)
        except subprocess.TimeoutExpired:
            program.kill()
            program.communicate()
            return "goes on"
    return program.returncode, out, error


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=str)
def test_signals_end_a_program_as_they_end_python(programs, number):
    ours = outcome_of_signal(programs, DOOR, number)
    assert ours == outcome_of_signal(programs, (), number)
    assert ours[0] == (1 if INTERRUPTS_EXIT and number == signal.SIGINT else -number)


def test_an_ignored_interrupt_stays_ignored(programs):
    nohup = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")
    assert outcome_of_signal(programs, DOOR, signal.SIGINT, nohup) == "goes on"


def test_an_interrupt_before_the_program_starts_shows_no_traceback(tmp_path):
    (tmp_path / "hold.py").write_text(
        "import oneflow_mock.engine, time\n"
        "from oneflow_mock.__main__ import main\n"
        "def check():\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(30)\n"
        "oneflow_mock.engine.check = check\n"
        "main(['program.py'])\n"
    )
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "hold.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as program:
        assert program.stdout.readline() == b"ready\n"
        program.send_signal(signal.SIGINT)
        out, error = program.communicate(timeout=30)
    assert (program.returncode, out, error) == (-signal.SIGINT, b"", b"")


def have_terminal():
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def on_terminal(root, args, feed):
    """Run Python on a terminal of its own; ``feed`` is pairs of (wait for, then type)."""
    environ = dict(os.environ, TERM="dumb", PYTHONSTARTUP="", HISTFILE="/dev/null", HOME=str(root))
    master, slave = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, *args],
        cwd=str(root),
        env=environ,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        preexec_fn=have_terminal,
    )
    os.close(slave)
    out = b""
    deadline = time.monotonic() + 30
    feed = list(feed)
    since = 0
    while time.monotonic() < deadline:
        while feed and feed[0][0] in out[since:]:
            since = len(out)
            os.write(master, feed.pop(0)[1])
        try:
            piece = os.read(master, 4096)
        except OSError:  # the terminal's last user has gone
            break
        out += piece
    program.wait()
    os.close(master)
    return program.returncode, out.decode()


def test_without_a_script_a_terminal_gets_pythons_prompt(programs):
    feed = [
        (b">>> ", b"1 + 1\n"),
        (b">>> ", b"def f():\n"),
        (b"... ", b"  1 / 0\n"),
        (b"... ", b"\n"),
        (b">>> ", b"f()\n"),
        (b">>> ", b"__name__, len(__import__('inspect').stack())\n"),
        (b">>> ", b"exit(3)\n"),
    ]
    ours = on_terminal(programs, [*DOOR], feed)
    assert ours == on_terminal(programs, [], feed)
    assert ours[0] == 3
    assert "('__main__', 1)" in ours[1]


def test_ctrl_c_on_a_terminal(programs):
    (programs / "waits.py").write_text(WAITS)
    feed = [(b"ready\r\n", b"\x03")]
    ours = on_terminal(programs, [*DOOR, "waits.py"], feed)
    assert ours == on_terminal(programs, ["waits.py"], feed)
    assert ours[0] == (1 if INTERRUPTS_EXIT else -signal.SIGINT)
    assert "KeyboardInterrupt" in ours[1]


# The mock is on, wherever the program and its descendants look.

PROBE = """
import sys
def probe(where):
    import importlib.util
    mocked = importlib.util.find_spec("torch") is not None
    switch = sys.modules.get("oneflow_mock.switch")
    print(where, mocked and switch is not None and switch.is_enabled(), flush=True)
"""

EVERY_CHILD = (
    PROBE
    + """
import multiprocessing, os, subprocess
from concurrent.futures import ProcessPoolExecutor
if __name__ == "__main__":
    def start(name, *options, **surroundings):
        code = "import probing; probing.probe(%r)" % name
        subprocess.check_call([sys.executable, *options, "-c", code], **surroundings)
    probe("the program")
    start("subprocess")
    start("the runner again", "-m", "oneflow_mock")
    path = os.pathsep.join(sys.path)
    start("with a path of its own", cwd="/", env=dict(os.environ, PYTHONPATH=path))
    code = 'import probing; probing.probe("through a shell")'
    subprocess.check_call("%s -c '%s'" % (sys.executable, code), shell=True)
    for method in ("fork", "spawn", "forkserver"):
        child = multiprocessing.get_context(method).Process(target=probe, args=(method,))
        child.start()
        child.join()
        assert child.exitcode == 0
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(probe, "pool").result()
"""
)


def test_every_process_of_a_program_is_mocked(tmp_path):
    (tmp_path / "probing.py").write_text(EVERY_CHILD)
    done = subprocess.run(
        [sys.executable, *DOOR, "probing.py"], cwd=str(tmp_path), capture_output=True, text=True
    )
    assert done.stderr == ""
    assert dict(line.rsplit(" ", 1) for line in done.stdout.splitlines()) == {
        "the program": "True",
        "subprocess": "True",
        "the runner again": "True",
        "with a path of its own": "True",
        "through a shell": "True",
        "fork": "True",
        "spawn": "True",
        "forkserver": "True",
        "pool": "True",
    }


LOADS = """
import sys, torch
class Numbers(torch.utils.data.Dataset):
    def __len__(self):
        return 4
    def __getitem__(self, index):
        from torch.utils.data import get_worker_info
        worker = get_worker_info()
        assert worker is not None and torch.__version__.startswith("2.13")
        return torch.tensor([index, worker.id])
if __name__ == "__main__":
    loader = torch.utils.data.DataLoader(Numbers(), batch_size=2, num_workers=2)
    print([batch.tolist() for batch in loader])
"""


def test_data_loader_workers_are_mocked(tmp_path):
    (tmp_path / "program.py").write_text(LOADS)
    done = subprocess.run(
        [sys.executable, *DOOR, "program.py"],
        cwd=str(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout == "[[[0, 0], [1, 0]], [[2, 1], [3, 1]]]\n", done.stderr


FORMS = {
    "script": ["probing.py"],
    "module": ["-m", "probing"],
    "code": ["-c", PROBE + "probe('here')"],
    "stdin": ["-"],
    "folder": ["folder"],
    "archive": ["archive.zip"],
}


@pytest.mark.parametrize(
    ("form", "flag"),
    # With -I, no module of a test's own can be found by its name.
    [(form, flag) for form in FORMS for flag in ("-B", "-E", "-I") if form + flag != "module-I"],
)
def test_every_form_of_program_is_mocked(tmp_path, form, flag):
    program = PROBE + "probe('here')\n"
    (tmp_path / "probing.py").write_text(program)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "__main__.py").write_text(program)
    with zipfile.ZipFile(str(tmp_path / "archive.zip"), "w") as archive:
        archive.writestr("__main__.py", program)
    done = subprocess.run(
        [sys.executable, flag, *DOOR, *FORMS[form]],
        cwd=str(tmp_path),
        input=program,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("here True\n", "", 0)


def test_under_another_tool_its_process_is_mocked(tmp_path):
    (tmp_path / "probing.py").write_text(PROBE + "probe(sys.argv)\nsys.exit(6)")
    tool = "from oneflow_mock.__main__ import main; main(['probing.py', 'x'])"
    done = subprocess.run(
        [sys.executable, "-c", tool], cwd=str(tmp_path), capture_output=True, text=True
    )
    assert (done.stdout, done.returncode) == ("['probing.py', 'x'] True\n", 6), done.stderr
    done = subprocess.run(
        [sys.executable, "-m", "cProfile", "-m", "oneflow_mock", "probing.py", "x"],
        cwd=str(tmp_path),
        capture_output=True,
        text=True,
    )
    assert "['probing.py', 'x'] True\n" in done.stdout
    assert "probing.py:3(probe)" in done.stdout, "the profiler saw nothing of the program"


# Options.


def door(*args, **extra):
    environ = {name: text for name, text in os.environ.items() if not name.startswith("ONEFLOW_")}
    environ.update(extra)
    return subprocess.run(
        [sys.executable, *DOOR, *args], env=environ, capture_output=True, text=True, timeout=60
    )


SHOW = "from oneflow_mock import switch; print(switch.settings())"


def test_options_reach_the_switch():
    from oneflow_mock.settings import Settings

    args = ["--lazy", "--verbose", "--strict", "--torch-version", "1.13.1", "--report=/dev/null"]
    done = door(*args, "-c", SHOW)
    wanted = Settings(True, True, True, True, "1.13.1", "/dev/null")
    assert done.stdout == f"{wanted!r}\n"
    assert (
        door("--torch-version=2.0.1", "-c", SHOW).stdout == f"{Settings(torch_version='2.0.1')}\n"
    )


def test_options_add_to_those_of_the_environment():
    from oneflow_mock.settings import Settings

    environ = {"ONEFLOW_MOCK_TORCH_STRICT": "1", "ONEFLOW_MOCK_TORCH": "0"}
    done = door("--lazy", "-c", SHOW, **environ)
    assert done.stdout == f"{Settings(strict=True, lazy=True)}\n"


def test_upstreams_off_switch_wins_and_says_so():
    done = door(
        "-c",
        "from oneflow_mock import is_enabled; print(is_enabled())",
        ONEFLOW_DISABLE_MOCK_TORCH="1",
    )
    assert done.stdout == "False\n"
    assert done.stderr == "oneflow-mock: ONEFLOW_DISABLE_MOCK_TORCH is set, so the mock stays off\n"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--stict", "x.py"], "unknown option --stict; did you mean --strict?"),
        (["--raport=x", "x.py"], "unknown option --raport; did you mean --report?"),
        (["--zzz"], "unknown option --zzz; see python -m oneflow_mock --help"),
        (["-u", "x.py"], "options of Python itself go before -m: python -u -m oneflow_mock ..."),
        (["-Werror", "x.py"], "options of Python itself go before -m"),
        (["--strict=1", "x.py"], "option --strict takes no value"),
        (["--torch-version"], "--torch-version needs a version, such as 2.13.0"),
        (["--torch-version", "banana", "x.py"], "not a PyTorch version: 'banana'"),
        (["--torch-version", "", "x.py"], "not a PyTorch version: ''"),
        (["--report=", "x.py"], "--report= needs a file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_options_are_one_line_and_start_nothing(args, words):
    done = door(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("oneflow-mock: ")
    assert words in done.stderr


def test_help_and_version():
    done = door("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for option in ("--lazy", "--verbose", "--strict", "--torch-version", "--report[=FILE]"):
        assert option in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert door("-h").stdout == done.stdout
    done = door("--version", "--torch-version=1.13.1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "oneflow-mock 0.1.0" in done.stdout and "OneFlow 0.9.0" in done.stdout


def test_what_stands_in_the_way_of_oneflow_is_one_line(tmp_path):
    (tmp_path / "oneflow").mkdir()
    (tmp_path / "oneflow" / "__init__.py").write_text("")
    done = door("-c", "print('started')", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("oneflow-mock: OneFlow")
    assert "mend it with" in done.stderr


def test_files_named_like_the_standard_librarys_do_no_harm(tmp_path):
    # They are in the working directory, which plain Python does not search for a script elsewhere.
    # (What runpy imports, such as types, any `python -m` takes from there before we can help it.)
    for name in ("difflib", "settings", "console_script", "shlex", "signal", "json", "random"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "program.py").write_text("import json, random; print('good')")
    done = subprocess.run(
        [sys.executable, *DOOR, "--strict", "sub/program.py"],
        cwd=str(tmp_path),
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("good\n", "")


def test_the_report_covers_the_program_and_its_children(tmp_path):
    import json

    (tmp_path / "program.py").write_text(
        "import subprocess, sys, torch\n"
        "if sys.argv[1:]:\n"
        "    from torch.sparse import spdiags\n"
        "else:\n"
        "    x = torch.sparse.sampled_addmm\n"
        "    subprocess.check_call([sys.executable, __file__, 'child'])\n"
    )
    done = subprocess.run(
        [sys.executable, *DOOR, "--report=report.json", "program.py"],
        cwd=str(tmp_path),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "report.json").read_text())
    assert document["processes"] == 2
    found = {row["api"]: (row["how"], row["line"]) for row in document["rows"]}
    assert found["torch.sparse.sampled_addmm"] == ("named", 5)
    assert found["torch.sparse.spdiags"] == ("named", 3)


def test_interpreter_flags_are_found_as_python_parses_them():
    from oneflow_mock.runner import interpreter_flags

    def flags(line, rest="x.py -m y"):
        return interpreter_flags(["python", *line.split(), *rest.split()], rest.split())

    assert flags("-m oneflow_mock") == []
    assert flags("-moneflow_mock") == []
    assert flags("-m oneflow_mock.__main__") == []
    assert flags("-u -W error -Xdev -Bm oneflow_mock") == ["-u", "-W", "error", "-Xdev", "-B"]
    assert flags("-uW error -Im oneflow_mock") == ["-uW", "error", "-I"]
    hashes = "--check-hash-based-pycs always"
    assert flags(f"{hashes} -m oneflow_mock") == hashes.split()
    assert flags("-m pdb -m oneflow_mock") is None
    assert flags("-c pass") is None
    assert flags("script.py") is None
    assert flags("") is None
    assert interpreter_flags([], []) is None
    assert interpreter_flags(["python", "-m", "oneflow_mock", "x"], ["other"]) is None


# OneFlow takes the process over when it loads; the program must not notice.

INTERRUPTED_IMPORT = """
import atexit, os, signal, sys
atexit.register(print, "atexit ran")
class Impatient:
    def find_spec(self, name, path=None, target=None):
        if name == "oneflow.nn":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Impatient())
import torch
"""

INTERRUPTED_WORK = """
import atexit, os, signal, sys, threading, torch
atexit.register(print, "atexit ran")
print(sorted({"LOCAL_RANK", "RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} & set(os.environ)))
x = torch.ones(64, 64)
threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT]).start()
while True:
    x = x @ x / 64
"""


@pytest.mark.parametrize("code", [INTERRUPTED_IMPORT, INTERRUPTED_WORK], ids=["import", "work"])
def test_an_interrupt_is_pythons_own_with_oneflow_loaded(code):
    # Tests that import OneFlow by itself leave in this process what it writes there.
    theirs = ("LOCAL_RANK", "RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    environ = {name: text for name, text in os.environ.items() if name not in theirs}
    done = subprocess.run(
        [sys.executable, *DOOR, "-c", code],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == (1 if INTERRUPTS_EXIT else -signal.SIGINT), done.stderr
    assert done.stderr.splitlines()[-1] == "KeyboardInterrupt"
    assert done.stdout.splitlines() == [*(["[]"] if code is INTERRUPTED_WORK else []), "atexit ran"]


def test_an_ignored_interrupt_stays_ignored_with_oneflow_loaded():
    code = "import torch, os, signal; os.kill(os.getpid(), signal.SIGINT); print('goes on')"
    done = subprocess.run(
        ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, *DOOR, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "goes on\n"), done.stderr

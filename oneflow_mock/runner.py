"""Run a program with the mock on, exactly as ``python`` would run it.

Python is started over again in the same process (exec), with the command line that is left and with
the bootstrap on PYTHONPATH, which is also how the program's children become mocked. So whatever
a program can see of its surroundings is plain Python's by construction: the stack, tracebacks,
``__main__``, how it dies of a signal, what ``python -i`` does afterwards. Running it inside this
process, as test runners and profilers do, was weighed against it: that saves the start of one
interpreter (about 20 ms of the 700 that importing OneFlow takes), and can be told from the real
thing by anything that walks the stack (``warnings``' stacklevel, ``traceback.print_stack``), by the
recursion limit, by how the process ends.

It remains for where exec would lose the mock: ``-I``, ``-E`` and ``-S`` make Python ignore the
bootstrap, and under a debugger, a profiler or coverage it is their process that is to be mocked.
There, children started by multiprocessing inherit the flags, and with ``spawn`` and ``forkserver``
they are not mocked.
"""

from __future__ import annotations

import os
import sys

from oneflow_mock import settings as _settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, ModuleType, TracebackType
    from typing import Any, NoReturn

    from oneflow_mock.settings import Settings

_PACKAGE = __name__.partition(".")[0]


_quiet = False


def die_quietly() -> None:
    """End on Ctrl-C without a traceback of ours, as long as the program has not started.

    The Python that is started then finds the signal as it likes it; one that was ignored, as under
    nohup, stays ignored.
    """
    global _quiet
    import _signal

    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
        _quiet = True


def _speak_again() -> None:
    global _quiet
    import _signal

    if _quiet:
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)
        _quiet = False


def run(rest: list[str], settings: Settings, command_line: list[str]) -> NoReturn:
    """Run ``rest``, a command line for Python without options for the interpreter.

    ``command_line`` is what followed ``-m oneflow_mock``, by which Python's own options are found.
    """
    _leave_the_working_directory()
    write_environ(settings)
    own = _own_command_line()
    flags = interpreter_flags(own, command_line)
    if flags is not None and sys.executable and _can_bootstrap():
        _flush()
        try:
            # Python shows its name as it was typed, in its messages and in sys.orig_argv.
            os.execv(sys.executable, [own[0], *flags, *rest])
        except OSError as problem:
            # No fault of ours that could be mended here; staying in this process still works.
            print(f"oneflow-mock: {sys.executable}: {problem.strerror}", file=sys.stderr)
    run_here(rest, settings)
    sys.exit(0)


def _can_bootstrap() -> bool:
    """Tell whether a Python that is started with the same flags will find the bootstrap."""
    ignored = sys.flags.ignore_environment or sys.flags.no_site
    return not ignored and os.pathsep not in _settings.bootstrap_directory()


def interpreter_flags(own: list[str], command_line: list[str]) -> list[str] | None:
    """Return Python's own options in ``own``, the command line that this process was started with.

    None where it is not ``python <options> -m oneflow_mock <command_line>``: something else is in
    charge of this process.
    """
    flags: list[str] = []
    words = iter(own[1:])
    for word in words:
        if word == "--check-hash-based-pycs":
            flags += [word, next(words, "")]
            continue
        if not word.startswith("-") or word.startswith("--") or word == "-":
            return None
        for position, letter in enumerate(word[1:], 1):
            if letter in "WX":
                flags.append(word)
                if position == len(word) - 1:
                    flags.append(next(words, ""))
                break
            if letter == "c":
                return None
            if letter == "m":
                module = word[position + 1 :] or next(words, "")
                if position > 1:
                    flags.append(word[:position])
                ours = module in (_PACKAGE, f"{_PACKAGE}.__main__")
                return flags if ours and list(words) == command_line else None
        else:
            flags.append(word)
    return None


def _own_command_line() -> list[str]:
    own = getattr(sys, "orig_argv", None)
    if own is not None:
        return list(own)
    try:
        with open("/proc/self/cmdline", "rb") as file:
            words = file.read().split(b"\0")[:-1]
    except OSError:
        return []
    return [os.fsdecode(word) for word in words]


def write_environ(settings: Settings) -> dict[str, str | None]:
    """Tell all processes that this one starts what the settings are.

    Returns what the variables were; None stands for unset.
    """
    wanted = settings.to_environ()
    directory = _settings.bootstrap_directory()
    if settings.enabled and os.pathsep not in directory:
        wanted["PYTHONPATH"] = _settings.pythonpath_with(directory, os.environ.get("PYTHONPATH"))
    before = {name: os.environ.get(name) for name in wanted}
    for name, value in wanted.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    return before


def versions(torch_version: str) -> str:
    """Return the versions of all that takes part, without importing it."""
    from oneflow_mock import __version__, engine

    try:
        from importlib.metadata import version
    except ImportError:  # CPython 3.7
        from importlib_metadata import version  # type: ignore[no-redef]
    try:
        engine_version = version("oneflow")
    except ImportError:
        engine_version = f"(not installed; {engine.ONEFLOW} is needed)"
    return f"oneflow-mock {__version__}, PyTorch {torch_version} on OneFlow {engine_version}"


def _leave_the_working_directory() -> None:
    """Take back the entry that ``python -m`` put in front of sys.path for this package's sake."""
    try:
        here = os.getcwd()
    except OSError:
        here = ""
    if not _safe_path() and sys.path and sys.path[0] in ("", here):
        del sys.path[0]


def _safe_path() -> bool:
    return bool(sys.flags.isolated or getattr(sys.flags, "safe_path", False))


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def run_here(rest: list[str], settings: Settings) -> None:
    """Run ``rest`` inside this process; what goes wrong is shown without frames of this package."""
    if settings.enabled:
        from oneflow_mock import switch

        switch.enable(settings)
    _speak_again()
    _keep.append(sys.modules["__main__"])
    sys.modules["__main__"] = main = _fresh_main()
    try:
        _dispatch(rest, main)
    except BaseException:
        _hide_our_frames()
        raise


# The namespace of __main__ is emptied when its module is released, and ours is still running in it.
_keep: list[ModuleType] = []


def _fresh_main() -> ModuleType:
    import builtins
    from importlib.machinery import BuiltinImporter

    main = type(sys)("__main__")
    main.__loader__ = BuiltinImporter  # type: ignore[assignment]
    main.__dict__["__annotations__"] = {}
    main.__dict__["__builtins__"] = builtins
    return main


def _dispatch(rest: list[str], main: ModuleType) -> None:
    word = rest[0] if rest else ""
    if word[:2] in ("-m", "-c"):
        text, arguments = (word[2:], rest[1:]) if word[2:] else (_argument(rest), rest[2:])
        sys.argv = [word[:2], *arguments]
        if word[:2] == "-m":
            _put_on_path(os.getcwd())
            _run_module(text, alter_argv=True)
        else:
            _put_on_path("")
            _execute(compile(text + "\n", "<string>", "exec", dont_inherit=True), main)
    elif word in ("", "-"):
        sys.argv = rest or [""]
        _put_on_path("")
        _run_stdin(main)
    else:
        sys.argv = rest
        _run_path(word, main)


def _argument(rest: list[str]) -> str:
    if len(rest) < 2:
        print(
            f"Argument expected for the {rest[0]} option\n"
            f"usage: {_program()} [option] ... [-c cmd | -m mod | file | -] [arg] ...\n"
            "Try `python -h' for more information.",
            file=sys.stderr,
        )
        sys.exit(2)
    return rest[1]


def _program() -> str:
    """Return Python's name as it was typed, which is how it speaks of itself."""
    return (_own_command_line() or [sys.executable or "python"])[0]


def _put_on_path(directory: str) -> None:
    if not _safe_path():
        sys.path.insert(0, directory)


def _run_module(name: str, alter_argv: bool) -> None:
    import runpy

    # Python's own -m calls this function, and its frames are in plain Python's tracebacks too.
    runpy._run_module_as_main(name, alter_argv)  # type: ignore[attr-defined]


def _run_stdin(main: ModuleType) -> None:
    if sys.stdin is None:
        return
    if sys.stdin.isatty():
        import code

        code.interact(local=main.__dict__, exitmsg="")
    else:
        main.__dict__["__file__"] = "<stdin>"
        main.__dict__["__cached__"] = None
        source = sys.stdin.buffer.read()
        _execute(compile(source, "<stdin>", "exec", dont_inherit=True), main)


def _run_path(path: str, main: ModuleType) -> None:
    from importlib.machinery import SourceFileLoader, SourcelessFileLoader
    from pkgutil import get_importer

    shown = path
    if sys.version_info >= (3, 9) and not os.path.isabs(path):
        # Like Python, which does not resolve ".." either.
        shown = os.path.join(os.getcwd(), path)
    if get_importer(shown) is not None:
        sys.path.insert(0, shown)
        _run_module("__main__", alter_argv=False)
        return
    try:
        with open(shown, "rb") as file:
            source = file.read()
    except OSError as problem:
        where = f"[Errno {problem.errno}] {problem.strerror}"
        print(f"{_program()}: can't open file {shown!r}: {where}", file=sys.stderr)
        sys.exit(2)
    _put_on_path(os.path.dirname(os.path.realpath(path)))
    main.__dict__["__file__"] = shown
    main.__dict__["__cached__"] = None
    compiled = shown.endswith(".pyc")
    loader = SourcelessFileLoader if compiled else SourceFileLoader
    main.__loader__ = loader("__main__", shown)
    if compiled:
        _execute(_unmarshalled(source), main)
    else:
        _execute(compile(source, shown, "exec", dont_inherit=True), main)


def _unmarshalled(source: bytes) -> CodeType:
    from importlib.util import MAGIC_NUMBER
    from marshal import loads

    if source[:4] != MAGIC_NUMBER:
        raise RuntimeError("Bad magic number in .pyc file")
    return loads(source[16:])


def _execute(code: CodeType, main: ModuleType) -> None:
    exec(code, main.__dict__)


def _hide_our_frames() -> None:
    """Let Python report the exception that is under way as if this package had not been there.

    Python does the reporting and the dying itself (a hook of the program's own, the exit status of
    an interrupt), so all that is left to do is to shorten the traceback when it asks for the hook.
    """
    trace = sys.exc_info()[2]
    while trace is not None and trace.tb_frame.f_globals is globals():
        trace = trace.tb_next
    hook = sys.excepthook

    def shortened(kind: type, value: BaseException, whole: TracebackType | None) -> Any:
        sys.excepthook = hook
        sys.last_traceback = trace
        return hook(kind, value.with_traceback(trace), trace)

    sys.excepthook = shortened

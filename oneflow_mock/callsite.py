"""Tell how a name was reached, from the calling instruction: CPython 3.7 to 3.10.

Only the slow path comes here: a name that PyTorch has and this project lacks. A plain load
(``torch.x``, ``from torch import x``) may get a placeholder; a probe (``hasattr``, ``getattr``, or
anything inside a ``try`` of the same function that catches the error) must be told "absent".
"""

from __future__ import annotations

import builtins
import dis
import inspect
import sys
import types
from functools import lru_cache

LOADS = frozenset(("LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM", "IMPORT_NAME"))

_JUMPS = frozenset(dis.hasjrel) | frozenset(dis.hasjabs)
_TRIES = ("SETUP_FINALLY", "SETUP_EXCEPT")
_WITHS = ("SETUP_WITH", "SETUP_ASYNC_WITH")
_BLOCKS = (*_TRIES, *_WITHS, "SETUP_LOOP")
_ENDS = frozenset(("POP_BLOCK", "POP_EXCEPT"))
_NEVER_FALL_THROUGH = frozenset(
    (
        "RETURN_VALUE",
        "RAISE_VARARGS",
        "RERAISE",
        "JUMP_FORWARD",
        "JUMP_ABSOLUTE",
        "CONTINUE_LOOP",
        "BREAK_LOOP",
    )
)
_NAMES = frozenset(("LOAD_NAME", "LOAD_FAST", "LOAD_GLOBAL", "LOAD_DEREF", "LOAD_CLASSDEREF"))
_ATTRIBUTES = frozenset(("LOAD_ATTR", "LOAD_METHOD"))
_MATCHES = frozenset(("JUMP_IF_NOT_EXC_MATCH", "COMPARE_OP"))
_INLINE = frozenset(("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>", "<lambda>"))
_MACHINERY = frozenset(("oneflow_mock", "oneflow", "torch", "importlib"))

_attributes_of = vars(types.ModuleType)["__dict__"].__get__


class _Code:
    """A code object's instructions, where each offset is, and the blocks around each."""

    __slots__ = ("instructions", "index", "blocks")

    def __init__(self, code) -> None:
        self.instructions: list = []
        self.index = {}
        for ins in dis.get_instructions(code):
            self.index[ins.offset] = len(self.instructions)
            if ins.opname != "EXTENDED_ARG":  # it is part of the next one
                self.instructions.append(ins)
        self.blocks = self._find_blocks()

    def _find_blocks(self):
        """Return index → the SETUP_… instructions whose block is open there, innermost last.

        The interpreter keeps this stack to itself, so every path through the code is followed
        once, handlers last: a handler runs with its own block closed and one of another kind open.
        """
        around: dict = {}
        paths: list = [(0, ())]
        handlers: list = []
        while paths or handlers:
            index, blocks = (paths or handlers).pop()
            while index < len(self.instructions) and index not in around:
                around[index] = blocks
                ins = self.instructions[index]
                if ins.opname in _BLOCKS:
                    inside = blocks if ins.opname == "SETUP_LOOP" else (*blocks, None)
                    handlers.append((self.index[ins.argval], inside))
                    blocks = (*blocks, ins)
                elif ins.opname in _ENDS:
                    blocks = blocks[:-1]
                elif ins.opcode in _JUMPS:
                    paths.append((self.index[ins.argval], blocks))
                if ins.opname in _NEVER_FALL_THROUGH:
                    break
                index += 1
        return around

    def start_of_value(self, end: int) -> int:
        """Return where the straight code begins whose value is on the stack after ``end``.

        -1 where the code jumps, as a conditional expression does.
        """
        wanted = 1
        for index in range(end, -1, -1):
            ins = self.instructions[index]
            if ins.opcode in _JUMPS:
                return -1
            wanted -= dis.stack_effect(ins.opcode, ins.arg)
            if wanted == 0:
                return index
        return -1


@lru_cache(maxsize=512)
def _analysed(code) -> _Code:
    return _Code(code)


def instruction(frame) -> str:
    """Return the name of the instruction that ``frame`` is executing."""
    code, at = frame.f_code.co_code, frame.f_lasti
    if at < 0:
        return ""
    while code[at] == dis.EXTENDED_ARG:  # f_lasti is that of the first one
        at += 2
    return dis.opname[code[at]]


def is_caught(frame, errors) -> bool:
    """Tell whether code around what the frame is doing would catch one of ``errors`` raised now.

    That is a ``try``, or a ``with`` that names the error, as ``contextlib.suppress`` does; around
    a comprehension, a lambda or a class body those of the function that it stands in count too.
    """
    while frame is not None:
        if any(issubclass(error, caught) for caught in _caught(frame) for error in errors):
            return True
        frame = _enclosing(frame)
    return False


def is_plain_load(frame) -> bool:
    """Tell whether a name is loaded, by attribute or import, with nobody to catch its lack."""
    if frame is None:
        return False
    how = instruction(frame)
    error = ImportError if how == "IMPORT_FROM" else AttributeError
    return how in LOADS and not is_caught(frame, (error,))


def _enclosing(frame):
    """Return the frame of the code that ``frame``'s code stands in and is run by, if inline."""
    code, outer = frame.f_code, frame.f_back
    is_inline = code.co_name in _INLINE or not code.co_flags & inspect.CO_OPTIMIZED
    if is_inline and outer is not None and code in outer.f_code.co_consts:
        return outer
    return None


def _caught(frame):
    """Yield the classes that would be caught if they were raised where the frame is."""
    code = _analysed(frame.f_code)
    for block in code.blocks.get(code.index.get(frame.f_lasti), ()):
        if block is None:
            continue
        if block.opname in _TRIES:
            yield from _except_classes(frame, code, code.index[block.argval])
        elif block.opname in _WITHS:
            end = code.index[block.offset] - 1
            start = code.start_of_value(end)
            if start >= 0:
                yield from _named_classes(frame, code.instructions[start : end + 1])


def _except_classes(frame, code, index):
    """Yield what the except clauses at ``index`` catch; a ``finally`` catches nothing."""
    if code.instructions[index].opname == "POP_TOP":
        yield BaseException  # a bare except
        return
    while code.instructions[index].opname == "DUP_TOP":
        start = index = index + 1
        while code.instructions[index].opname not in _MATCHES:
            if code.instructions[index].opcode in _JUMPS:
                return
            index += 1
        clause = code.instructions[start:index]
        if any(ins.opname.startswith(("CALL_", "BINARY_")) for ins in clause):
            yield BaseException  # which classes it gives is not known without running it
        yield from _named_classes(frame, clause)
        if code.instructions[index].opcode not in _JUMPS:
            index += 1
        index = code.index[code.instructions[index].argval]


def _named_classes(frame, instructions):
    """Yield the exception classes that an expression names, within tuples too."""
    value: object = None
    for ins in instructions:
        if ins.opname in _NAMES:
            value = _variable(frame, ins.argval)
        elif ins.opname in _ATTRIBUTES:
            value = _attribute(value, ins.argval)
        else:
            continue
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, type) and issubclass(item, BaseException):
                yield item


def _variable(frame, name):
    for scope in (frame.f_locals, frame.f_globals, vars(builtins)):
        if name in scope:
            return scope[name]
    return None


def _attribute(value, name):
    if isinstance(value, types.ModuleType):  # a module's own __getattr__ may be what asks here
        return _attributes_of(value).get(name)
    return getattr(value, name, None)


def is_decorator(frame) -> bool:
    """Tell whether the call that ``frame`` is executing decorates a function or a class.

    True for the application (``@f``) and for the call that makes a decorator (``@f(…)``).
    """
    code = _analysed(frame.f_code)
    index = code.index.get(frame.f_lasti)
    if index is None:
        return False
    if _is_call_of_one(code.instructions[index]) and _is_definition(code, index - 1):
        return True
    depth = 1
    for later in range(index + 1, len(code.instructions)):
        ins = code.instructions[later]
        if ins.opcode in _JUMPS:
            return False
        depth += dis.stack_effect(ins.opcode, ins.arg)
        if depth == 1 and _is_call_of_one(ins):
            return _is_definition(code, later - 1)
        if depth < 1:
            return False
    return False


def _is_call_of_one(ins) -> bool:
    return ins.opname == "CALL_FUNCTION" and ins.arg == 1


def _is_definition(code, end) -> bool:
    """Tell whether the value made by the instruction at ``end`` is a ``def`` or a ``class``."""
    while end > 0 and _is_call_of_one(code.instructions[end]):
        end -= 1  # the decorators nearer to it
    ins = code.instructions[end]
    if ins.opname == "MAKE_FUNCTION":
        name = str(code.instructions[end - 1].argval)
        return name.rpartition(".")[2] not in _INLINE
    if not ins.opname.startswith("CALL_FUNCTION"):
        return False
    start = code.start_of_value(end)
    return start >= 0 and code.instructions[start].opname == "LOAD_BUILD_CLASS"


def is_import_system(frame) -> bool:
    """Tell whether a frame is the import system's own."""
    return frame.f_code.co_filename.startswith("<frozen importlib")


def caller():
    """Return the first frame above that is neither the mock's machinery nor the import system's."""
    frame: types.FrameType | None = sys._getframe(2)
    while frame is not None and (is_import_system(frame) or _is_machinery(frame)):
        frame = frame.f_back
    return frame


def _is_machinery(frame) -> bool:
    package, _, module = _module_of(frame).partition(".")
    return package == "oneflow_mock" and not module.startswith("compat")


def _module_of(frame) -> str:
    return str(frame.f_globals.get("__name__", ""))


def user_frame():
    """Return the first frame outside this project and OneFlow, or None."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        package = _module_of(frame).partition(".")[0]
        if package not in _MACHINERY and not is_import_system(frame):
            return frame
        frame = frame.f_back
    return None


def user_place():
    """Return ``(file, line)`` of the first frame outside this project and OneFlow, or None."""
    frame = user_frame()
    return None if frame is None else (frame.f_code.co_filename, frame.f_lineno)

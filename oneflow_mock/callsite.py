"""Tell how a name was reached, from the calling instruction: CPython 3.7 to 3.10.

Only the slow path comes here: a name that PyTorch has and this project lacks. A plain load
(``torch.x``, ``from torch import x``) may get a placeholder; a probe (``hasattr``, ``getattr``, or
anything inside a ``try`` of the same function that catches the error) must be told "absent".
"""

from __future__ import annotations

import builtins
import dis
import os
import sys
from functools import lru_cache

LOADS = frozenset(("LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM", "IMPORT_NAME"))
_TRY = frozenset(("SETUP_FINALLY", "SETUP_EXCEPT"))
_HERE = os.path.dirname(os.path.abspath(__file__))


@lru_cache(maxsize=512)
def _instructions(code):
    return tuple(dis.get_instructions(code))


def _position(frame):
    """Return the index of the instruction that ``frame`` is executing."""
    for index, instruction in enumerate(_instructions(frame.f_code)):
        if instruction.offset == frame.f_lasti:
            return index
    return -1


def instruction(frame) -> str:
    """Return the name of the instruction that ``frame`` is executing."""
    index = _position(frame)
    return _instructions(frame.f_code)[index].opname if index >= 0 else ""


def _lookup(frame, name):
    for scope in (frame.f_locals, frame.f_globals, vars(builtins)):
        if name in scope:
            return scope[name]
    return None


def _caught(frame, handler):
    """Yield the classes that the except clauses starting at offset ``handler`` catch.

    A bare ``except:`` gives BaseException; a ``finally`` gives nothing.
    """
    code = _instructions(frame.f_code)
    index = next((i for i, ins in enumerate(code) if ins.offset == handler), len(code))
    if index < len(code) and code[index].opname == "POP_TOP":
        yield BaseException
        return
    while index < len(code) and code[index].opname == "DUP_TOP":
        value = None
        index += 1
        while index < len(code):
            ins = code[index]
            if ins.opname.startswith("LOAD_"):
                if ins.opname == "LOAD_ATTR":
                    value = getattr(value, ins.argval, None)
                else:
                    value = _lookup(frame, ins.argval) if isinstance(ins.argval, str) else None
                if isinstance(value, tuple):
                    yield from (item for item in value if isinstance(item, type))
                elif isinstance(value, type) and issubclass(value, BaseException):
                    yield value
            elif ins.opname == "JUMP_IF_NOT_EXC_MATCH" or ins.opname == "POP_JUMP_IF_FALSE":
                break
            elif ins.opname not in ("BUILD_TUPLE", "COMPARE_OP"):
                return
            index += 1
        if index >= len(code):
            return
        target = code[index].argval
        index = next((i for i, ins in enumerate(code) if ins.offset == target), len(code))


def is_caught(frame, errors) -> bool:
    """Tell whether a ``try`` of the frame's own code would catch one of ``errors`` raised now."""
    for ins in _instructions(frame.f_code):
        if ins.offset > frame.f_lasti:
            break
        if ins.opname in _TRY and ins.offset < frame.f_lasti < ins.argval:
            for caught in _caught(frame, ins.argval):
                if any(issubclass(error, caught) for error in errors):
                    return True
    return False


def is_decorator(frame) -> bool:
    """Tell whether the call that ``frame`` is executing decorates a function or a class.

    True for the application (``@f``) and for the call that makes a decorator (``@f(…)``).
    """
    code = _instructions(frame.f_code)
    index = _position(frame)
    if index < 0:
        return False
    if code[index].opname == "CALL_FUNCTION" and code[index].arg == 1:
        before = index - 1
        while before >= 0 and code[before].opname == "CALL_FUNCTION" and code[before].arg == 1:
            before -= 1
        if before >= 0 and code[before].opname == "MAKE_FUNCTION":
            return True
        if code[before].opname == "CALL_FUNCTION" and _builds_class(code, before):
            return True
    depth, made = 1, False
    for ins in code[index + 1 :]:
        if ins.opcode in dis.hasjrel or ins.opcode in dis.hasjabs:
            return False
        depth += dis.stack_effect(ins.opcode, ins.arg)
        made = made or ins.opname in ("MAKE_FUNCTION", "LOAD_BUILD_CLASS")
        if ins.opname == "CALL_FUNCTION" and ins.arg == 1 and depth == 1:
            return made
        if depth < 1:
            return False
    return False


def _builds_class(code, index):
    """Tell whether the call at ``index`` is the one that builds a class body."""
    for ins in reversed(code[:index]):
        if ins.opname == "LOAD_BUILD_CLASS":
            return True
        if ins.opname.startswith(("STORE_", "POP_", "RETURN_")):
            return False
    return False


def is_import_system(frame) -> bool:
    """Tell whether a frame is the import system's own."""
    return frame.f_code.co_filename.startswith("<frozen importlib")


def caller():
    """Return the first frame above that is neither the mock's machinery nor the import system's."""
    frame = sys._getframe(2)
    while frame is not None and (
        is_import_system(frame) or os.path.dirname(frame.f_code.co_filename) == _HERE
    ):
        frame = frame.f_back
    return frame


def user_frame():
    """Return the first frame outside this project and OneFlow, or None."""
    frame = caller()
    while frame is not None:
        if not frame.f_code.co_filename.startswith(_ours()) and not is_import_system(frame):
            return frame
        frame = frame.f_back
    return None


def user_place():
    """Return ``(file, line)`` of the first frame outside this project and OneFlow, or None."""
    frame = user_frame() or caller()
    return None if frame is None else (frame.f_code.co_filename, frame.f_lineno)


@lru_cache(maxsize=1)
def _ours():
    import oneflow_mock.compat as compat

    folders = [_HERE, os.path.abspath(list(compat.__path__)[0])]
    engine = sys.modules.get("oneflow")
    if engine is not None:
        folders.append(os.path.dirname(engine.__file__))
    return tuple(folder + os.sep for folder in folders)

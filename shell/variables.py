"""What enable and disable do to the environment, as functions of the environment alone.

The originals travel in one variable, ``ONEFLOW_MOCK_SAVED``: for every variable that enable
changed, what it was and what it was made. A variable that still is what enable made of it goes
back to what it was; one that was changed since has an owner, and keeps what the owner gave it.
"""

from __future__ import annotations

import os
import re

from oneflow_mock import settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from oneflow_mock.settings import Settings

    Environ = Mapping[str, str]
    Changes = dict[str, str | None]
    Saved = dict[str, tuple[str | None, str | None]]

SAVED = "ONEFLOW_MOCK_SAVED"
PYTHONPATH = "PYTHONPATH"

_OURS = frozenset([PYTHONPATH, *settings.Settings().to_environ()])
_UNSET = "-"
_SET = "+"
_ODD_BYTE = re.compile(rb"[^A-Za-z0-9_/.]")
_SPELT_BYTE = re.compile(rb"%([0-9A-F]{2})")


def original(environ: Environ) -> dict[str, str]:
    """Return ``environ`` as it would be had the mock never been enabled in it."""
    changed: Changes = {**environ, **_taken_back(environ)}
    return {name: value for name, value in changed.items() if value is not None}


def enable(environ: Environ, wanted: Settings) -> Changes:
    """Return the variables that turn the mock on with ``wanted``; None stands for unset.

    What an earlier enable changed is taken back first, so that any number of them is one.
    """
    before = original(environ)
    directory = settings.bootstrap_directory()
    made: Changes = {PYTHONPATH: settings.pythonpath_with(directory, before.get(PYTHONPATH))}
    now = settings.Settings.from_environ(before).to_environ()
    for name, value in wanted.to_environ().items():
        # A variable that says the same already, in whatever words, is not ours to rewrite.
        if name == settings.ON or value != now[name]:
            made[name] = value
    saved = {name: (before.get(name), value) for name, value in made.items()}
    return _needed(environ, {**_taken_back(environ), **made, SAVED: _encode(saved)})


def disable(environ: Environ) -> Changes:
    """Return the variables that undo every enable; None stands for unset."""
    changes = _taken_back(environ)
    if PYTHONPATH not in changes:  # not turned on by enable, or the record of it is damaged
        if settings.is_true(environ.get(settings.ON)):
            changes[settings.ON] = None
        path = environ.get(PYTHONPATH)
        without = settings.pythonpath_without(settings.bootstrap_directory(), path)
        if without != path:
            changes[PYTHONPATH] = without
    changes[SAVED] = None
    return _needed(environ, changes)


def _needed(environ: Environ, changes: Changes) -> Changes:
    return {name: value for name, value in changes.items() if value is not None or name in environ}


def _taken_back(environ: Environ) -> Changes:
    changes: Changes = {}
    for name, (was, made) in _decode(environ.get(SAVED, "")).items():
        current = environ.get(name)
        if current == made or name == settings.ON:
            changes[name] = was
        elif name == PYTHONPATH:
            # Someone added to it since: only our folder goes, whichever installation's it is.
            ours = (made or "").split(os.pathsep)[0]
            changes[name] = settings.pythonpath_without(ours, current)
    return changes


def _encode(saved: Saved) -> str:
    return ",".join(f"{name}:{_text(was)}:{_text(made)}" for name, (was, made) in saved.items())


def _decode(text: str) -> Saved:
    """Read what ``_encode`` wrote; a damaged entry counts as never saved."""
    saved = {}
    for entry in text.split(","):
        name, *values = entry.split(":")
        if name in _OURS and len(values) == 2 and all(v[:1] in (_UNSET, _SET) for v in values):
            was, made = map(_value, values)
            saved[name] = (was, made)
    return saved


def _text(value: str | None) -> str:
    # urllib.parse.quote would do, for ten milliseconds more.
    if value is None:
        return _UNSET
    return _SET + _ODD_BYTE.sub(lambda odd: b"%%%02X" % ord(odd[0]), os.fsencode(value)).decode()


def _value(text: str) -> str | None:
    if text[:1] != _SET:
        return None
    spelt = os.fsencode(text[1:])
    return os.fsdecode(_SPELT_BYTE.sub(lambda byte: bytes([int(byte[1], 16)]), spelt))

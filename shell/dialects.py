"""How each shell sets, unsets and quotes environment variables.

What these classes print is plain ASCII on one line. It holds no blank that matters, no glob
character and no newline, so that it means the same under ``eval $(...)``, where the shell splits
and globs it first, as under ``eval "$(...)"``.
"""

from __future__ import annotations

import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# "=" and "~" are left out because zsh expands them inside of assignments, "{" and "[" because
# they are globs somewhere, "!" because csh looks it up in its history.
_PLAIN = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_/.:,@%+-",
)


def _escaped(data: bytes, form: str, plain: frozenset[int] = _PLAIN) -> str:
    return "".join(chr(byte) if byte in plain else form % byte for byte in data)


def _is_plain(data: bytes) -> bool:
    return bool(data) and data[0] != ord("-") and _PLAIN.issuperset(data)


class Dialect:
    """One family of shells: how it sets a variable, unsets it, does nothing, and fails."""

    name = ""
    #: What a user types to have the shell run what COMMAND prints.
    usage = 'eval "$({command})"'
    nothing = ":"
    failure = "false"

    def quote(self, value: str) -> str:
        """Return one word that the shell reads as ``value``."""
        raise NotImplementedError

    def assign(self, name: str, value: str) -> str:
        """Return the statement that exports ``name`` with ``value``."""
        raise NotImplementedError

    def unset(self, name: str) -> str:
        """Return the statement that removes ``name`` from shell and environment."""
        raise NotImplementedError

    def code(self, changes: Mapping[str, str | None]) -> str:
        """Return one line that makes every change; None stands for an unset variable."""
        statements = [
            self.unset(name) if value is None else self.assign(name, value)
            for name, value in changes.items()
        ]
        return "; ".join(statements) or self.nothing


class Bash(Dialect):
    """Shells with ``$'...'``, which spells any byte without a blank or a process."""

    name = "bash"

    def quote(self, value: str) -> str:
        data = os.fsencode(value)
        if not data:
            return "''"
        return value if _is_plain(data) else "$'{}'".format(_escaped(data, r"\x%02x"))

    def assign(self, name: str, value: str) -> str:
        return f"export {name}={self.quote(value)}"

    def unset(self, name: str) -> str:
        return f"unset {name}"


class Zsh(Bash):
    """zsh reads what bash reads."""

    name = "zsh"


class Sh(Bash):
    """What POSIX promises, for dash, ash, ksh and their like: printf spells the odd bytes."""

    name = "sh"

    def quote(self, value: str) -> str:
        data = os.fsencode(value)
        return super().quote(value) if not data or _is_plain(data) else f'"{_printf(data, "$()")}"'

    def assign(self, name: str, value: str) -> str:
        if value.endswith("\n"):  # a command substitution drops newlines at its end
            return f'{name}={self.quote(value + "_")}; {name}="${{{name}%_}}"; export {name}'
        if _is_plain(os.fsencode(value)):
            return super().assign(name, value)
        # Older dashes split the words of an export, but never those of an assignment.
        return f"{name}={self.quote(value)}; export {name}"


class Fish(Dialect):
    """fish, which knows backslash escapes outside of quotes."""

    name = "fish"
    usage = "{command} | source"

    def quote(self, value: str) -> str:
        data = os.fsencode(value)
        return _escaped(data, r"\X%02x") or "''"

    def assign(self, name: str, value: str) -> str:
        return f"set -gx {name} {self.quote(value)}"

    def unset(self, name: str) -> str:
        return f"set -e {name}"


class Csh(Dialect):
    """csh and tcsh, which have no escape for odd bytes, and for a newline not even printf."""

    name = "csh"
    usage = 'eval "`{command}`"'

    # Backquotes split at newlines even inside of double quotes, and the printed line can hold
    # none: so a file that printf writes is the only way to a variable that holds one.
    _NEWLINE = (
        'set oneflow_mock_file="`mktemp`"; '
        r"""printf 'set\040oneflow_mock_newline="\134\n"\n' >> "$oneflow_mock_file"; """
        'source "$oneflow_mock_file"; rm -f "$oneflow_mock_file"'
    )
    _FORGET = "unset oneflow_mock_file oneflow_mock_newline"

    def quote(self, value: str) -> str:
        data = os.fsencode(value)
        if not data or _is_plain(data):
            return value or "''"
        lines = ['"{}"'.format(_printf(line, "``")) if line else "" for line in data.split(b"\n")]
        return '"$oneflow_mock_newline:q"'.join(lines)

    def assign(self, name: str, value: str) -> str:
        statement = f"setenv {name} {self.quote(value)}"
        return f"{self._NEWLINE}; {statement}; {self._FORGET}" if "\n" in value else statement

    def unset(self, name: str) -> str:
        return f"unsetenv {name}"


class PowerShell(Dialect):
    """PowerShell: numbers for the characters that it, or a console's code page, would change."""

    name = "powershell"
    usage = "Invoke-Expression ({command})"
    nothing = "[void]0"
    failure = "$global:LASTEXITCODE = 1"

    def quote(self, value: str) -> str:
        words = []
        for plain, other in re.findall(r"([\w/.:,@%+=~ -]+)|(.)", value, re.ASCII | re.DOTALL):
            units = other.encode("utf-16-le", "surrogatepass")
            pairs = [units[at : at + 2] for at in range(0, len(units), 2)]
            words += [f"[char]{int.from_bytes(pair, 'little')}" for pair in pairs]
            words += [f"'{plain}'"] if plain else []
        if len(words) == 1 and words[0].startswith("'"):
            return words[0]
        # The empty string in front makes "+" join text where it would add numbers.
        return "+".join(["''"] + words)

    def assign(self, name: str, value: str) -> str:
        return f"$env:{name}={self.quote(value)}"

    def unset(self, name: str) -> str:
        return f"$env:{name}=$null"


DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect for dialect in (Bash(), Zsh(), Sh(), Fish(), Csh(), PowerShell())
}

_RELATIVES = {
    "sh": ("ash", "busybox", "dash", "ksh", "ksh93", "lksh", "mksh", "pdksh", "posh", "yash"),
    "bash": ("rbash",),
    "zsh": ("rzsh", "zsh-static"),
    "csh": ("tcsh", "bsd-csh"),
    "powershell": ("pwsh", "pwsh-preview"),
}
_FAMILY = {name: DIALECTS[name] for name in DIALECTS}
_FAMILY.update(
    (relative, DIALECTS[name]) for name, others in _RELATIVES.items() for relative in others
)


def find(program: str) -> Dialect | None:
    """Return the dialect of a shell named as ``tcsh``, ``-bash``, ``/bin/zsh`` or ``pwsh.exe``."""
    name = os.path.basename(program.replace("\\", "/")).lower().lstrip("-")
    name = name[:-4] if name.endswith(".exe") else name
    if name not in _FAMILY:  # bash5, zsh-5.9, python3.10's neighbours
        name = re.sub(r"-?[0-9.]+$", "", name)
    return _FAMILY.get(name)


def _printf(data: bytes, substitution: str) -> str:
    """Return the command substitution whose output is ``data``."""
    start, end = substitution[:-1], substitution[-1]
    first = r"\055" if data[:1] == b"-" else ""
    text = first + _escaped(data[1:] if first else data, r"\%03o", _PLAIN - {ord("%")})
    return f"{start}printf '{text}'{end}"

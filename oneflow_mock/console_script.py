"""Whose script is ``oneflow-mock-torch``?

OneFlow's wheel ships a script of that name too, and whichever was installed last stands there.
The one that stands there cannot tell when it is not ours, so whoever runs otherwise asks here.
"""

from __future__ import annotations

import os
import re
import sys

NAME = "oneflow-mock-torch"

OURS, ONEFLOW, OTHER, MISSING = "ours", "oneflow", "other", "missing"

# What installers write is a few lines; the first may be a path that holds either name.
_ENOUGH = 4096
_IMPORTS_OURS = re.compile(
    rb"^[ \t]*(?:from|import)[ \t]+oneflow_mock\b|['\"]oneflow[-_]mock(?:==[^'\"]*)?['\"]", re.M
)
_IMPORTS_ONEFLOW = re.compile(
    rb"^[ \t]*(?:from|import)[ \t]+oneflow\b|['\"]oneflow(?:==[^'\"]*)?['\"]", re.M
)


def path() -> str:
    """Return where this interpreter's installer puts the script."""
    suffix = ".exe" if os.name == "nt" else ""
    return os.path.join(os.path.dirname(sys.executable or ""), NAME + suffix)


def whose(path: str) -> str:
    """Return ``"ours"``, ``"oneflow"``, ``"other"`` or ``"missing"`` for the script in ``path``."""
    try:
        with open(path, "rb") as script:
            text = script.read(_ENOUGH)
    except OSError:
        return OTHER if os.path.exists(path) else MISSING
    if text.startswith(b"#!"):
        text = text.partition(b"\n")[2]
    if _IMPORTS_OURS.search(text):
        return OURS
    return ONEFLOW if _IMPORTS_ONEFLOW.search(text) else OTHER


def check() -> str | None:
    """Return what is wrong with the script next to this interpreter, in one line, else None.

    A missing script is not wrong: ``pip install --user`` puts it elsewhere.
    """
    script = path()
    owner = whose(script)
    if owner not in (ONEFLOW, OTHER):
        return None
    stranger = "OneFlow's own" if owner == ONEFLOW else "not oneflow-mock's"
    return f"{script} is {stranger}; mend it with: {mend()}"


def take_over(script: str) -> None:
    """Answer in the place of OneFlow's script, saying so: called by oneflow_mock_script.pth.

    uv writes packages in parallel, OneFlow's is by far the largest, and its script comes last.
    """
    if whose(script) != ONEFLOW:
        return

    def main() -> int:
        from .shell.cli import mock_torch

        print(
            f"{NAME}: {script} is OneFlow's own, and oneflow-mock answers in its place; "
            f"mend it with: {mend()}",
            file=sys.stderr,
        )
        return mock_torch()

    # What the script is about to import; at this moment nothing else can want it.
    name = "oneflow.mock_torch.__main__"
    sys.modules[name] = type(sys)(name)
    sys.modules[name].main = main  # type: ignore[attr-defined]


def mend() -> str:
    """Return the command that writes our script again, from where this one was installed."""
    from .engine import install

    return install(*_source(), force=True)


def _source() -> list[str]:
    """Return the words that make pip install this very oneflow-mock."""
    import json
    from glob import escape, glob
    from urllib.parse import unquote, urlsplit

    site = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if os.path.isfile(os.path.join(site, "setup.cfg")):
        return ["-e", site]
    records = glob(os.path.join(escape(site), "oneflow_mock-*.dist-info", "direct_url.json"))
    for record in records:
        try:
            with open(record, encoding="utf-8") as opened:
                url = json.load(opened)["url"]
        except (OSError, ValueError, KeyError):
            continue
        if not url.startswith("file:"):
            return [url]
        local = unquote(urlsplit(url).path)
        if os.path.exists(local):
            return [local]
    return ["oneflow-mock"]

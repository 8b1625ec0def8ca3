"""Tests that take ``interpreter`` run once for every Python here that OneFlow supports.

The other interpreters need no OneFlow: such tests bring a stand-in for it where they need one.
"""

from __future__ import annotations

import functools
import glob
import os
import re
import shutil
import subprocess
import sys

SUPPORTED = ("3.7", "3.8", "3.9", "3.10")


def _candidates():
    yield sys.executable
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    yield from sorted(glob.glob(os.path.join(pyenv, "versions", "3.*", "bin", "python")))
    yield from filter(None, (shutil.which(f"python{version}") for version in SUPPORTED))


def _version(python: str) -> str:
    """Return "3.8" and so on; "" for what does not run, such as a shim without a version."""
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run([python, "-c", ask], capture_output=True, text=True, timeout=60)
    except OSError:
        return ""
    return answer.stdout.strip()


@functools.lru_cache(maxsize=1)
def interpreters() -> dict[str, str]:
    """Return version → path, one of each supported version that is found; this one first."""
    found: dict[str, str] = {}
    for python in _candidates():
        named = re.search(r"/versions/(3\.\d+)", python)
        if named and named.group(1) not in SUPPORTED:
            continue
        version = _version(python)
        if version in SUPPORTED:
            found.setdefault(version, python)
    return found


def pytest_generate_tests(metafunc):
    if "interpreter" in metafunc.fixturenames:
        found = interpreters()
        metafunc.parametrize("interpreter", found.values(), ids=found.keys(), scope="session")

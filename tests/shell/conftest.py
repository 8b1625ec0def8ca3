import os

import pytest
import real_shells


@pytest.fixture
def surroundings(tmp_path):
    """A home, a folder of files that globs would find, and an environment with the command."""
    for name in ("aXb", "a1b", "one", "-n", "X=1"):
        (tmp_path / name).write_text("")
    programs = tmp_path / "bin"
    programs.mkdir()
    real_shells.launcher(programs)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return tmp_path, real_shells.clean(PATH=path, HOME=str(tmp_path), LC_ALL="C.UTF-8")

"""Whose oneflow-mock-torch stands next to this interpreter."""

import json
import os
import sys

import pytest

from oneflow_mock import console_script

SCRIPTS = {
    "pip": "#!/v/bin/python\nimport re\nimport sys\nfrom {}.{} import main\n",
    "uv": "#!/v/bin/python\nimport sys\nfrom {}.{} import main\n",
    "a long path": (
        "#!/bin/sh\n'''exec' /oneflow_mock/python \"$0\"\n' '''\nfrom {}.{} import main\n"
    ),
    "a path with our name": "#!/home/oneflow_mock/bin/python\nfrom {}.{} import main\n",
}
HOMES = [("oneflow_mock", "shell.cli"), ("oneflow", "mock_torch.__main__")]


@pytest.mark.parametrize("who", [0, 1])
@pytest.mark.parametrize("kind", list(SCRIPTS))
def test_whose(tmp_path, kind, who):
    script = tmp_path / "script"
    script.write_text(SCRIPTS[kind].format(*HOMES[who]))
    assert console_script.whose(str(script)) == ("ours", "oneflow")[who]


@pytest.mark.parametrize(
    "text, owner",
    [
        ("# EASY-INSTALL-ENTRY-SCRIPT: 'oneflow-mock','console_scripts','x'", "ours"),
        ("__requires__ = 'oneflow-mock==0.1.0'", "ours"),
        ("__requires__ = 'oneflow==0.9.0'", "oneflow"),
        ("from oneflow_mocker import main", "other"),
        ("#!/bin/sh\necho oneflow_mock", "other"),
        ("", "other"),
        ("\0\xff", "other"),
    ],
)
def test_whose_by_other_installers(tmp_path, text, owner):
    script = tmp_path / "script"
    script.write_bytes(text.encode("latin-1"))
    assert console_script.whose(str(script)) == owner


def test_whose_is_never_an_error(tmp_path):
    assert console_script.whose(str(tmp_path / "nothing")) == "missing"
    assert console_script.whose(str(tmp_path)) == "other"
    assert console_script.whose("") == "missing"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """An interpreter in a folder of its own, and a function that writes the script beside it."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    def write(home):
        (tmp_path / console_script.NAME).write_text(f"from {home} import main\n")
        return str(tmp_path / console_script.NAME)

    return write


def test_check(installed):
    assert console_script.check() is None, "installed elsewhere, with pip install --user"
    installed("oneflow_mock.shell.cli")
    assert console_script.check() is None
    script = installed("oneflow.mock_torch.__main__")
    said = console_script.check()
    assert said.startswith(f"{script} is OneFlow's own; mend it with: {sys.executable} -m pip ")
    assert "--force-reinstall --no-deps" in said and "\n" not in said
    script = installed("something.else")
    assert f"{script} is not oneflow-mock's; mend it with: " in console_script.check()


@pytest.mark.parametrize(
    "url, words",
    [
        (None, "oneflow-mock"),
        ("https://example.org/oneflow_mock.whl", "https://example.org/oneflow_mock.whl"),
        ("file://{here}/a%20clone", "'{here}/a clone'"),
        ("file://{here}/gone", "oneflow-mock"),
        ("nonsense", "nonsense"),
    ],
)
def test_the_mend_installs_from_where_this_was_installed(tmp_path, monkeypatch, url, words):
    (tmp_path / "a clone").mkdir()
    record = tmp_path / "oneflow_mock-0.1.0.dist-info"
    record.mkdir()
    if url:
        written = {"url": url.format(here=tmp_path)}
        (record / "direct_url.json").write_text(json.dumps(written))
    module = str(tmp_path / "oneflow_mock" / "console_script.py")
    monkeypatch.setattr(console_script, "__file__", module)
    assert console_script.mend().endswith(" " + words.format(here=tmp_path))


def test_a_clone_is_installed_editable_again(tmp_path, monkeypatch):
    (tmp_path / "setup.cfg").write_text("")
    module = str(tmp_path / "oneflow_mock" / "console_script.py")
    monkeypatch.setattr(console_script, "__file__", module)
    assert console_script.mend().endswith(f" -e {tmp_path}")


def test_check_is_cheap(installed):
    import time

    installed("oneflow_mock.shell.cli")
    started = time.process_time()
    for _ in range(20):
        console_script.check()
    assert (time.process_time() - started) / 20 < 0.001
    assert os.path.exists(console_script.path())

"""Enable and disable as functions of the environment."""

import os

import pytest

from oneflow_mock import settings
from oneflow_mock.settings import LAZY, ON, REPORT, STRICT, VERBOSE, VERSION, Settings
from oneflow_mock.shell import variables
from oneflow_mock.shell.variables import PYTHONPATH, SAVED

OURS = settings.bootstrap_directory()
ORIGINALS = {
    "nothing set": {},
    "all empty": {PYTHONPATH: "", ON: "", LAZY: "", VERBOSE: "", REPORT: "", VERSION: ""},
    "a path": {PYTHONPATH: "/a:/b"},
    "empty entries": {PYTHONPATH: ":/a::/b:"},
    "odd bytes": {PYTHONPATH: os.fsdecode(b"/a b/%41/\xff,:;+-\n"), REPORT: "%,:-+"},
    "settings": {ON: "0", LAZY: "True", VERBOSE: "off", STRICT: "yes", VERSION: "1.13.1"},
    "our folder already": {PYTHONPATH: f"/a:{OURS}:/b:{OURS}"},
    "on by hand": {ON: "1", PYTHONPATH: OURS},
}
OPTIONS = [
    {},
    {"lazy": True, "verbose": True},
    {"strict": True, "torch_version": "1.12.0", "report": "/r"},
    {},
]


def applied(environ, changes):
    after = dict(environ)
    for name, value in changes.items():
        if value is None:
            del after[name]  # a KeyError here is fish's error for an unset variable
        else:
            after[name] = value
    return after


def enabled(environ, **options):
    before = Settings.from_environ(variables.original(environ))
    return applied(environ, variables.enable(environ, before.replace(enabled=True, **options)))


def disabled(environ):
    return applied(environ, variables.disable(environ))


@pytest.mark.parametrize("times", range(1, len(OPTIONS) + 1))
@pytest.mark.parametrize("key", list(ORIGINALS))
def test_disable_undoes_any_number_of_enables(key, times):
    before = {"HOME": "/root", **ORIGINALS[key]}
    environ = before
    for options in OPTIONS[:times]:
        environ = enabled(environ, **options)
        found = Settings.from_environ(environ)
        assert found == Settings.from_environ(before).replace(enabled=True, **options)
        assert environ[PYTHONPATH].split(os.pathsep)[0] == OURS
        assert environ[PYTHONPATH].split(os.pathsep).count(OURS) == 1
    assert disabled(environ) == before


@pytest.mark.parametrize("key", ["nothing set", "all empty", "a path", "settings"])
def test_disable_changes_nothing_where_nothing_was_enabled(key):
    assert variables.disable(ORIGINALS[key]) == {}


def test_an_empty_path_gets_no_working_directory():
    assert enabled({PYTHONPATH: ""})[PYTHONPATH] == OURS
    assert enabled({PYTHONPATH: "/a:"})[PYTHONPATH] == f"{OURS}:/a:"


@pytest.mark.parametrize(
    "before, change, after",
    [
        ({}, {PYTHONPATH: f"/new:{OURS}"}, {PYTHONPATH: "/new"}),
        ({PYTHONPATH: "/a"}, {PYTHONPATH: f"/new:{OURS}:/a"}, {PYTHONPATH: "/new:/a"}),
        ({PYTHONPATH: "/a"}, {PYTHONPATH: "/new"}, {PYTHONPATH: "/new"}),
        ({PYTHONPATH: "/a"}, {PYTHONPATH: None}, {}),
        ({}, {VERBOSE: "1"}, {VERBOSE: "1"}),
        ({}, {LAZY: "0"}, {LAZY: "0"}),
        ({}, {ON: "yes"}, {}),
        ({ON: "0"}, {ON: None}, {ON: "0"}),
        ({}, {"OTHER": "1"}, {"OTHER": "1"}),
    ],
)
def test_what_the_user_changed_since_stays(before, change, after):
    environ = enabled(before, lazy=True)
    environ.update({name: value for name, value in change.items() if value is not None})
    for name, value in change.items():
        if value is None:
            del environ[name]
    assert disabled(environ) == after
    again = disabled(enabled(environ, strict=True))
    assert again == after


def test_enabling_again_starts_from_the_first_settings():
    once = enabled({LAZY: "1"}, strict=True)
    assert Settings.from_environ(enabled(once)) == Settings(lazy=True)
    assert STRICT not in enabled(once)


def test_another_installation_takes_over_and_gives_back(monkeypatch):
    before = {PYTHONPATH: "/a"}
    monkeypatch.setattr(settings, "bootstrap_directory", lambda: "/other/bootstrap")
    theirs = enabled(before)
    monkeypatch.undo()
    ours = enabled(theirs)
    assert ours[PYTHONPATH] == f"{OURS}:/a"
    assert disabled(ours) == before
    assert disabled(theirs) == before


def test_what_a_runner_left_to_its_children_is_switched_off():
    environ = {ON: "1", PYTHONPATH: f"{OURS}:/a", STRICT: "1"}
    assert disabled(environ) == {PYTHONPATH: "/a", STRICT: "1"}
    assert disabled({ON: "1", PYTHONPATH: OURS}) == {}


@pytest.mark.parametrize(
    "saved",
    [
        "",
        "x",
        ",,:",
        "PYTHONPATH",
        "PYTHONPATH:+a",
        "PYTHONPATH:a:b",
        "HOME:-:+/x",
        "A:%:+%zz",
        "-",
    ],
)
def test_a_damaged_record_is_no_record(saved):
    environ = {ON: "1", PYTHONPATH: f"{OURS}:/a", "HOME": "/root", SAVED: saved}
    assert disabled(environ) == {PYTHONPATH: "/a", "HOME": "/root"}


def test_a_report_of_the_user_is_kept_and_overruled():
    assert Settings.from_environ(enabled({REPORT: "-"})).report == "-"
    assert Settings.from_environ(enabled({REPORT: "-"}, report="/f")).report == "/f"

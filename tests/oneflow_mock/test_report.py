"""The report: counted in every process of a run, told once, never at the program's expense."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading

import pytest

from oneflow_mock import report
from oneflow_mock.settings import REPORT, Settings

PREAMBLE = """
import os, sys
from oneflow_mock import report
from oneflow_mock.settings import Settings
report.start(Settings.from_environ())
"""

# What a program that has imported torch looks like from here.
ENGINE = "sys.modules['oneflow'] = type(sys)('oneflow'); sys.modules['oneflow'].__version__ = '9'\n"


def run(tmp_path, body, asked, **extra):
    """Run a program that keeps a report; return the finished process."""
    script = tmp_path / "program.py"
    script.write_text(PREAMBLE + textwrap.dedent(body), encoding="utf-8")
    environ = {name: value for name, value in os.environ.items() if name != report.RUN}
    environ[REPORT] = str(asked)
    environ.update(extra)
    return subprocess.run(
        [sys.executable, str(script)],
        env=environ,
        cwd=str(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
    )


def rows_of(file):
    document = json.loads(file.read_text())
    return {(row["api"], row["how"], row["detail"]): row for row in document["rows"]}


@pytest.fixture
def empty():
    report.clear()
    yield
    report.clear()


def test_rows_count_uses_and_keep_the_first_place(empty):
    report.record("torch.fft.fft", report.NAMED, ("a.py", 1))
    report.record("torch.fft.fft", report.CALLED, ("a.py", 2))
    report.record("torch.fft.fft", report.CALLED, ("b.py", 3))
    report.record("torch.empty", report.KEYWORD, None, "pin_memory")
    found = [(row.api, row.how, row.detail, row.count, row.file, row.line) for row in report.rows()]
    assert found == [
        ("torch.fft.fft", "named", "", 1, "a.py", 1),
        ("torch.fft.fft", "called", "", 2, "a.py", 2),
        ("torch.empty", "keyword", "pin_memory", 1, None, None),
    ]
    report.clear()
    assert report.rows() == []


def test_threads_lose_no_count(empty):
    def work():
        for number in range(500):
            report.record(f"torch.x{number % 7}", report.CALLED, None)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(row.count for row in report.rows()) == 4000


def test_table_puts_calls_first_and_folds_the_naming_of_what_was_called():
    here = os.path.join(os.getcwd(), "mine.py")
    row = report.Row
    found = [
        row("torch.a", "named", "", 9, here, 1, 1.0),
        row("torch.b", "named", "", 1, "/elsewhere/x.py", 2, 2.0),
        row("torch.b", "called", "", 2, "/elsewhere/x.py", 3, 3.0),
        row("torch.c", "keyword", "foreach", 1, None, None, 4.0),
        row("torch.d", "host fallback", "no float16 kernel", 1, here, 4, 5.0),
    ]
    assert report.table_lines(found) == [
        ("torch.b", "called", "2", "/elsewhere/x.py:3"),
        ("torch.c", "keyword foreach had no effect", "1", ""),
        ("torch.d", "host fallback: no float16 kernel", "1", "mine.py:4"),
        ("torch.a", "only named", "9", "mine.py:1"),
    ]


def test_importing_the_report_brings_nothing_heavy():
    code = (
        "import sys; before = set(sys.modules); import oneflow_mock.report; "
        "print(*(set(sys.modules) - before))"
    )
    out = subprocess.check_output([sys.executable, "-c", code], universal_newlines=True).split()
    heavy = {"json", "rich", "tempfile", "threading", "typing", "multiprocessing", "dataclasses"}
    assert not heavy & set(out), out


def test_table_comes_at_exit_after_everything_else(tmp_path):
    body = """
        import atexit
        @atexit.register
        def late():
            report.record("torch.[late]", "called", (__file__, 9))
            print("the program's own last word", file=sys.stderr)
        report.record("torch.fft.fft", "named", (__file__, 7))
        sys.exit(3)
    """
    done = run(tmp_path, body, "-")
    assert (done.returncode, done.stdout) == (3, "")
    lines = done.stderr.splitlines()
    assert lines[0] == "the program's own last word"
    assert "PyTorch 2.13.0 on OneFlow not imported" in lines[1]
    assert [line for line in lines if "torch.[late]" in line and "program.py:9" in line]
    assert [line for line in lines if "torch.fft.fft" in line and "only named" in line]


def test_nothing_missing_is_one_line(tmp_path):
    done = run(tmp_path, ENGINE, "-")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("oneflow-mock: nothing asked of torch was missing")


@pytest.mark.parametrize("asked", ["-", "report.json", "/dev/stdout"])
def test_a_program_without_torch_leaves_no_trace(tmp_path, asked):
    run(tmp_path, "report.record('torch.x', 'called', None)", "report.json")
    before = (tmp_path / "report.json").read_text()
    done = run(tmp_path, "", asked, TMPDIR=str(tmp_path))
    assert (done.stdout, done.stderr) == ("", "")
    assert (tmp_path / "report.json").read_text() == before
    assert len(os.listdir(str(tmp_path))) == 2


def test_a_parent_without_torch_still_shows_its_children(tmp_path):
    body = CHILDREN["os.fork"].replace('report.record("torch.parent", "named", (__file__, 6))', "")
    done = run(tmp_path, body, "-", TMPDIR=str(tmp_path))
    assert "torch.child" in done.stderr
    assert os.listdir(str(tmp_path)) == ["program.py"]


def test_children_that_outlive_the_root_speak_for_themselves(tmp_path):
    body = """
        import time
        if os.fork() == 0:
            root = os.getppid()
            while os.getppid() == root:
                time.sleep(0.01)
            report.record("torch.orphan", "called", (__file__, 9))
    """
    done = run(tmp_path, body, "-", TMPDIR=str(tmp_path))
    assert "torch.orphan" in done.stderr
    assert os.listdir(str(tmp_path)) == ["program.py"]


def test_a_terminal_without_unicode_gets_a_table_too(tmp_path):
    body = "report.record('torch.fft.fft', 'called', (__file__, 7))"
    done = run(tmp_path, body, "-", PYTHONIOENCODING="ascii")
    assert "torch.fft.fft" in done.stderr
    assert "\\u" not in done.stderr
    assert done.stderr.isascii()


CHILDREN = {
    "spawn": """
        import multiprocessing
        def child():
            report.record("torch.child", "called", (__file__, 20))
        if __name__ == "__main__":
            process = multiprocessing.get_context("spawn").Process(target=child)
            process.start(); process.join()
    """,
    "os.fork": """
        report.record("torch.parent", "named", (__file__, 6))
        if os.fork() == 0:
            report.record("torch.child", "called", (__file__, 20))
            sys.exit(0)
        os.wait()
    """,
    "subprocess in another folder": """
        import subprocess
        if "child" in sys.argv:
            report.record("torch.child", "called", (__file__, 20))
        else:
            subprocess.check_call([sys.executable, os.path.abspath(__file__), "child"], cwd="/")
    """,
    "exec in place": """
        if "child" in sys.argv:
            report.record("torch.child", "called", (__file__, 20))
        else:
            os.execv(sys.executable, [sys.executable, os.path.abspath(__file__), "child"])
    """,
}
CHILDREN["fork"] = CHILDREN["spawn"].replace('"spawn"', '"fork"')
CHILDREN["forkserver"] = CHILDREN["spawn"].replace('"spawn"', '"forkserver"')
# The report may well begin in the child only: torch is imported when it is first needed.
CHILDREN["forkserver, begun in the child"] = (
    CHILDREN["forkserver"]
    .replace("def child():", "def child():\n            report.start(Settings.from_environ())")
    .replace("import multiprocessing", "import multiprocessing; report._run = None", 1)
)


@pytest.mark.parametrize("name", sorted(CHILDREN))
def test_children_report_into_the_same_file(tmp_path, name):
    done = run(tmp_path, CHILDREN[name], "report.json")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    found = rows_of(tmp_path / "report.json")
    assert found["torch.child", "called", ""]["count"] == 1
    # What the parent had recorded before it forked is the parent's alone.
    assert all(row["count"] == 1 for row in found.values())


def test_many_children_at_once_lose_nothing(tmp_path):
    body = """
        for number in range(12):
            if os.fork() == 0:
                for each in range(50):
                    report.record("torch.common", "called", (__file__, number))
                report.record("torch.own%d" % number, "called", (__file__, number))
                sys.exit(0)
        for number in range(12):
            os.wait()
    """
    done = run(tmp_path, body, "report.json")
    assert done.stderr == ""
    document = json.loads((tmp_path / "report.json").read_text())
    assert document["processes"] == 12, "the parent did not use torch"
    found = rows_of(tmp_path / "report.json")
    assert found["torch.common", "called", ""]["count"] == 600
    assert len(found) == 13
    assert os.listdir(str(tmp_path)).count("report.json") == 1
    assert len(os.listdir(str(tmp_path))) == 2, "locks and scratch files are left behind"


def test_one_table_for_all_processes(tmp_path):
    body = ENGINE + textwrap.dedent(CHILDREN["subprocess in another folder"])
    done = run(tmp_path, body, "-", TMPDIR=str(tmp_path))
    assert done.stderr.count("asked of torch") == 1
    assert "2 processes" in done.stderr
    assert "torch.child" in done.stderr
    assert os.listdir(str(tmp_path)) == ["program.py"]


def test_the_earliest_place_wins_whoever_writes_first(tmp_path):
    body = """
        import time
        report.record("torch.x", "called", (__file__, 1))
        time.sleep(0.01)
        if os.fork() == 0:
            report.record("torch.x", "called", (__file__, 2))
            sys.exit(0)
        os.wait()
    """
    run(tmp_path, body, "report.json")
    row = rows_of(tmp_path / "report.json")["torch.x", "called", ""]
    assert (row["line"], row["count"]) == (1, 2)


def test_json_says_versions_and_processes(tmp_path):
    run(tmp_path, ENGINE, "report.json", ONEFLOW_MOCK_TORCH_VERSION="1.13.1")
    document = json.loads((tmp_path / "report.json").read_text())
    assert document["schema"] == report.SCHEMA
    assert document["torch"] == "1.13.1"
    assert document["oneflow"] == "9"
    assert document["processes"] == 1
    assert document["rows"] == []


def test_an_earlier_runs_file_is_replaced(tmp_path):
    run(tmp_path, "report.record('torch.old', 'called', None)", "report.json")
    run(tmp_path, "report.record('torch.new', 'called', None)", "report.json")
    assert [key[0] for key in rows_of(tmp_path / "report.json")] == ["torch.new"]


def test_a_killed_run_leaves_what_it_had_met_and_nothing_older(tmp_path):
    run(tmp_path, "report.record('torch.old', 'called', None)", "report.json")
    body = """
        report.record("torch.first", "called", None)
        report._run.due = 0  # as if a second had passed
        report.record("torch.second", "called", None)
        os.kill(os.getpid(), 9)
    """
    done = run(tmp_path, body, "report.json")
    assert done.returncode == -signal.SIGKILL
    document = json.loads((tmp_path / "report.json").read_text())
    assert [row["api"] for row in document["rows"]] == ["torch.first", "torch.second"]
    assert document["processes"] == 1


def test_new_rows_are_not_written_one_by_one(tmp_path):
    body = """
        written = []
        store = report._store
        report._store = lambda *args: (written.append(args), store(*args))
        for number in range(100):
            report.record("torch.x%d" % number, "called", None)
        print(len(written))
    """
    assert int(run(tmp_path, body, "report.json").stdout) <= 2
    assert len(rows_of(tmp_path / "report.json")) == 100


def test_a_report_damaged_on_the_way_is_begun_anew(tmp_path):
    body = """
        open("report.json", "w").write('{"schema": 1, "rows": [')
        report.record("torch.x", "called", None)
    """
    done = run(tmp_path, body, "report.json")
    assert done.stderr == ""
    assert [key[0] for key in rows_of(tmp_path / "report.json")] == ["torch.x"]


@pytest.mark.parametrize("other", ["print('mine')\n", '{"schema": 1}', '["a list"]'])
def test_a_file_that_is_no_report_is_left_alone(tmp_path, other):
    victim = tmp_path / "train.py"
    victim.write_text(other)
    done = run(tmp_path, "report.record('torch.x', 'called', None); sys.exit(4)", victim)
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1
    assert "not a report" in done.stderr and str(victim) in done.stderr
    assert victim.read_text() == other


@pytest.mark.parametrize("where", ["missing/report.json", "."])
def test_an_unwritable_report_is_one_line_for_the_whole_run(tmp_path, where):
    body = CHILDREN["subprocess in another folder"] + "\n        sys.exit(5)"
    done = run(tmp_path, body.replace("check_call", "call"), tmp_path / where)
    assert done.returncode == 5
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("oneflow-mock: cannot write the report to " + str(tmp_path))


def test_a_report_that_becomes_unwritable_is_one_line_at_the_end(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    body = "import shutil; shutil.rmtree('out'); report.record('torch.x', 'called', None)"
    done = run(tmp_path, body, folder / "report.json")
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert "No such file or directory" in done.stderr


def test_a_removed_working_directory_is_survived(tmp_path):
    remove = "os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')"
    end = "report.record('torch.x', 'called', ('/x.py', 1)); sys.exit(7)"
    done = run(tmp_path, f"{remove}; {end}", "-")
    assert (done.returncode, "/x.py:1" in done.stderr) == (7, True)
    begin = "report.start(Settings(report='report.json'))"
    done = run(tmp_path, f"{remove}; {begin}; {end}", "")
    assert (done.returncode, done.stderr.count("\n")) == (7, 1)
    assert "cannot write the report to report.json" in done.stderr


def test_devices_are_written_to_and_never_replaced(tmp_path):
    before = os.stat("/dev/null")
    body = """
        report.record("torch.x", "called", None)
        print("before")
    """
    assert run(tmp_path, body, "/dev/null").stderr == ""
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert os.stat("/dev/null").st_ino == before.st_ino
    done = run(tmp_path, body, "/dev/stdout")
    assert done.stderr == ""
    first, _, rest = done.stdout.partition("\n")
    assert first == "before"
    assert json.loads(rest)["rows"][0]["api"] == "torch.x"


def test_a_symlink_stays_one(tmp_path):
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    run(tmp_path, "report.record('torch.x', 'called', None)", "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert [key[0] for key in rows_of(tmp_path / "real.json")] == ["torch.x"]


def test_a_closed_stderr_is_no_reason_to_fail(tmp_path):
    body = "report.record('torch.x', 'called', None); sys.stderr.close(); sys.exit(6)"
    assert run(tmp_path, body, "-").returncode == 6


def test_a_report_within_a_reported_run_is_its_own(tmp_path):
    body = """
        import subprocess
        if "child" in sys.argv:
            report.record("torch.child", "called", None)
        else:
            report.record("torch.parent", "called", None)
            inner = dict(os.environ, ONEFLOW_MOCK_REPORT="inner.json")
            subprocess.check_call([sys.executable, __file__, "child"], env=inner)
    """
    run(tmp_path, body, "outer.json")
    assert [key[0] for key in rows_of(tmp_path / "outer.json")] == ["torch.parent"]
    assert [key[0] for key in rows_of(tmp_path / "inner.json")] == ["torch.child"]


def test_flush_serves_programs_that_end_abruptly(tmp_path):
    body = """
        report.record("torch.x", "called", None)
        report.flush()
        report.record("torch.x", "called", None)
        report.flush()
        report.flush()
        os._exit(0)
    """
    run(tmp_path, body, "report.json")
    assert rows_of(tmp_path / "report.json")["torch.x", "called", ""]["count"] == 2
    assert json.loads((tmp_path / "report.json").read_text())["processes"] == 1


def test_no_report_asked_for_means_nothing_is_done(tmp_path):
    code = "report.record('torch.x', 'called', None); print(os.environ.get(report.RUN))"
    done = run(tmp_path, code, "")
    assert (done.stdout, done.stderr) == ("None\n", "")
    assert Settings().report == ""

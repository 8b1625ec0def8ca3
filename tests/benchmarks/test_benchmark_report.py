"""What was measured is shown: each table's cells, the web page, failures."""

import json

import figures
import report


def kept(pytorch, mock=None, error="", **others):
    sides = {"pytorch": pytorch, "mock": mock, **others}
    samples = {side: {"0": [seconds]} for side, seconds in sides.items() if seconds}
    case = {"samples": samples, "errors": {"mock": error} if error else {}}
    return {**case, "summary": figures.summary(case)}


def measured():
    cases = {
        "ops/add/forward": kept(2e-3, 1e-3, stock=8e-3),
        "models/ViT": kept(2.0, 4.0, limit=1.0, compiled=1.5),
        "one thread/models/ViT": kept(3.0, 8.0),
        "half/block <float16>": kept(1.0, error="RuntimeError: no kernel\nat a, b"),
    }
    sides = {"pytorch": {"peak": {"0": 100.0}}, "mock": {"peak": {"0": 150.0}}}
    processes = {"processes/demo, 20 steps": {"samples": sides, "errors": {}}}
    about = {"cpu": "a CPU", "cores": 2, "load": 0.0, "python": "3.10", "when": "now"}
    data = {"machine": about, "revision": "abc", "rounds": 1, "remarks": ["a remark"]}
    data.update(cases=cases, processes=processes)
    data["targets"] = figures.against_targets(cases)
    data["limits"] = figures.against_limits(processes)
    return json.loads(json.dumps(data))


def table(data, wanted):
    return next(rows for title, _, rows in report.tables(data) if title == wanted)


def test_times_have_three_figures_and_a_unit():
    shown = [report.duration(one) for one in (123.4, 12.34, 0.1234, 1.2e-3, 3.21e-6)]
    assert shown == ["123 s", "12.3 s", "123 ms", "1.2 ms", "3.21 µs"]


def test_cells_of_the_cases():
    data = measured()
    assert table(data, "ops") == [
        ["add/forward", "2 ms", "1 ms", "2.00", "2.00 to 2.00", "", "8 ms", ""]
    ]
    assert table(data, "models") == [
        ["ViT", "2 s", "4 s", "0.50", "0.50 to 0.50", "1.5 s", "", "1 s"]
    ]
    (row,) = table(data, "half")
    assert row[:5] == ["block <float16>", "1 s", "failed", "", "RuntimeError: no kernel"]


def test_cells_of_the_other_tables():
    data = measured()
    assert table(data, "threads") == [["models/ViT", "1.50", "2.00", ""]]
    assert table(data, "processes") == [
        ["demo, 20 steps: peak", "100 MiB", "150 MiB", "1.50", "1.50 to 1.50", "1.1", "NOT MET"]
    ]
    targets = {row[0]: row[1:4] for row in table(data, "targets")}
    assert targets["whole models, geometric mean"] == ["1", "0.50", "NOT MET"]
    assert targets["operators above 1 ms, each"] == ["0.6", "2.00", "met"]
    assert targets["float16 and bfloat16 SD block, each"] == ["1", "", "NOT MET"]


def test_everything_is_printed(capsys):
    report.show(measured())
    shown = capsys.readouterr().out
    for wanted in ("add/forward", "ViT", "float16", "NOT MET", "a CPU, 2 cores", "a remark"):
        assert wanted in shown


def test_the_web_page_and_the_pictures(tmp_path):
    path = tmp_path / "bench.json"
    written = report.write(measured(), path)
    names = ["bench.json", "bench.html", "bench.png", "bench-operators.png"]
    assert [one.name for one in written] == names
    page = (tmp_path / "bench.html").read_text(encoding="utf-8")
    assert page.count('<img src="data:image/png;base64,') == 2
    assert "block &lt;float16&gt;" in page and "<float16>" not in page

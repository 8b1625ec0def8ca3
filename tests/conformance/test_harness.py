"""The conformance harness itself: what it stores, compares, keeps and shows."""

import io
import json
import sys
import textwrap

import numpy as np
import pytest

from conformance import calls, compare, failures, ratchet, report, storage, workers


def close(one, other, dtype="float32", **options):
    kind = storage.DTYPES[dtype]
    return compare.values_differ(np.array(one, kind), np.array(other, kind), dtype, **options) == ""


def test_values_may_differ_by_assert_closes_tolerance_and_no_more():
    assert close([1.0, 0.0], [1.0 + 1.0e-5, 9e-6])
    assert not close([1.0], [1.0 + 1.3e-5])
    assert not close([0.0], [1.1e-5])
    assert close([1.0], [1.0 + 9e-8], "float64") and not close([1.0], [1 + 3e-7], "float64")
    assert close([1e4 + 1e4j], [1e4 + 10001e0j * 1.0], "complex64") is False
    assert close([3], [3], "int64") and not close([3], [4], "int64")
    assert not close([True, False], [True, True], "bool")


def test_nan_and_infinity_are_equal_to_themselves_only():
    assert close([np.nan, np.inf, -np.inf], [np.nan, np.inf, -np.inf])
    assert not close([np.nan], [1.0]) and not close([1.0], [np.nan])
    assert not close([np.inf], [-np.inf]) and not close([np.inf], [3e38])


def test_the_databases_tolerance_counts_where_it_is_wider():
    assert close([1.0], [1.001], override=[1e-2, 0])
    assert not close([1.0], [1.001], override=[1e-9, 1e-9])
    assert close([1.0], [1.0 + 1e-5], override=[1e-9, 1e-9])
    assert not close([3], [4], "int64", override=[1.0, 1.0])


def test_magnitudes_are_compared_where_signs_are_free():
    assert close([1.0, -2.0], [-1.0, 2.0], magnitudes=True)
    assert not close([1.0, -2.0], [-1.0, 2.5], magnitudes=True)


def test_bfloat16_is_compared_as_numbers():
    one, next_one, two = 0x3F80, 0x3F81, 0x4000
    assert close([one], [next_one], "bfloat16")
    assert not close([one], [two], "bfloat16")


def test_a_file_gives_back_what_was_written(tmp_path):
    writer = storage.Writer()
    values = np.arange(6, dtype="<f4")
    number = writer.add(values.tobytes(), "float32", (3, 2), (1, 3), True)
    assert writer.add(values.tobytes(), "float32", (3, 2), (1, 3), True) == number
    empty = writer.add(b"", "int64", (0, 4), (4, 1))
    writer.write(tmp_path / "one.npz", {"entry": "add", "text": "é"})
    index, data = storage.load(tmp_path / "one.npz")
    assert index["text"] == "é" and index["format"] == storage.FORMAT
    array = storage.elements(index, data, number)
    assert array.tolist() == [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
    assert array.strides == (4, 12)
    assert storage.elements(index, data, empty).shape == (0, 4)
    assert not list(tmp_path.glob("*.part"))


def test_outgoing_gradients_are_exact_and_never_zero():
    for imaginary in (False, True):
        found = storage.pattern(1, (7, 11), imaginary)
        assert found.all() and len(np.unique(found)) > 5
        assert (found.astype(np.float16) == found).all()
    assert storage.pattern(0, ()).shape == ()


@pytest.mark.parametrize(
    ("name", "variant", "public"),
    [
        ("add", "", "add"),
        ("div", "floor_rounding", "div"),
        ("linalg.svd", "", "linalg.svd"),
        ("__radd__", "", "Tensor.__radd__"),
        ("view", "", "Tensor.view"),
        ("normal", "in_place", "Tensor.normal_"),
        ("normal", "", "normal"),
        ("_native_batch_norm_legit", "", None),
        ("ops.aten._safe_softmax.default", "", None),
        ("torch._scaled_mm", "", None),
    ],
)
def test_entries_are_called_by_their_public_names(name, variant, public):
    assert calls.public_name(name, variant) == public


def row(entry="add", dtype="float32", wrong=(), crashes=(), samples=2, **facets):
    home = "compat/torch/__init__.py"
    told = {"entry": entry, "dtype": dtype, "public": entry, "home": home, "left_out": {}}
    return {
        **told,
        "facets": facets,
        "wrong": list(wrong),
        "crashes": list(crashes),
        "samples": samples,
        "refused": [0, 1, 2, 4] if dtype == "errors" else [],
    }


def test_the_list_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "passing.txt"
    rows = [
        row(function=(2, 2), method=(2, 2), gradient=(1, 2), out=(2, 2)),
        row(dtype="int64", function=(2, 2), inplace=(1, 2)),
        row(dtype="errors", error=(4, 5)),
        row("sin", function=(0, 2)),
    ]
    ratchet.update(rows, True, path)
    assert path.read_text().splitlines()[1:] == ["add  forward float32  out float32  errors 0-2 4"]
    assert ratchet.read(path) == {
        "add": {
            "forward": {"float32"},
            "gradient": set(),
            "out": {"float32"},
            "strided": set(),
            "errors": {0, 1, 2, 4},
        }
    }
    assert ratchet.lost(rows, ratchet.read(path)) == []


def test_what_is_lost_is_told_and_a_part_of_a_run_changes_a_part_of_the_list(tmp_path):
    path = tmp_path / "passing.txt"
    ratchet.update([row(function=(2, 2)), row("sin", function=(2, 2))], True, path)
    bad = row(function=(1, 2), wrong=[[1, "function", "dtype: int64, not float32", "add()"]])
    (line,) = ratchet.lost([bad], ratchet.read(path))
    assert "add float32 forward" in line and "dtype: int64" in line
    ratchet.update([bad, row("sin", "int64", function=(2, 2))], False, path)
    assert path.read_text().splitlines()[1:] == ["sin  forward float32 int64"]
    gone = row(dtype="errors", error=(4, 5))
    before = {"add": {**ratchet.nothing(), "errors": {0, 3}}}
    assert "errors 3" in ratchet.lost([gone], before)[0]


#: Answers as `ask.py` does; step 1 ends the process, step 3 never answers, step 4 is wrong.
FAKE = """
    import json, os, sys, time
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps({"steps": [[n, "function"] for n in range(6)], "home": "x"}), flush=True)
        for n in range(request["first"], 6):
            print(json.dumps({"at": n}), flush=True)
            if n == 1:
                print("F2026 file.cpp:1] Check failed: a < b", file=sys.stderr, flush=True)
                os.abort()
            if n == 3:
                time.sleep(60)
            if n == 4:
                print(json.dumps({"at": n, "wrong": "value: 1 of 2 differ"}), flush=True)
        print(json.dumps({"done": True}), flush=True)
"""


def test_a_process_that_dies_costs_one_call(tmp_path):
    script = tmp_path / "fake.py"
    script.write_text(textwrap.dedent(FAKE))
    worker = workers.Worker(patience=2, command=(sys.executable, str(script)))
    try:
        told = worker.ask("a file")
    finally:
        worker.stop()
    assert sorted(told["wrong"]) == [1, 3, 4]
    assert told["wrong"][1] == "crash: SIGABRT: Check failed: a < b"
    assert told["wrong"][3].startswith("hang")
    index = {"public": "add", "samples": [], "tensors": []}
    index["samples"] = [
        {"sample": n, "args": {"tuple": [n]}, "options": {"dict": []}} for n in range(6)
    ]
    kept = workers.summary(told, index)
    assert kept["facets"] == {"function": [3, 6]}
    assert [one[0] for one in kept["crashes"]] == [1, 3]
    assert kept["crashes"][0][3] == "add(1)"


def test_every_reason_is_one_of_three():
    missing = ["function", "AttributeError: module 'torch' has no attribute 'add'", "add()"]
    for told, word in (
        (row(wrong=[[0, *missing]]), "no kernel and no composition"),
        (row(wrong=[[0, "function", "value: 1 of 2 differ", "add()"]]), "not yet"),
        (row("sparse.mm", wrong=[[0, *missing]]), "semantics OneFlow cannot express"),
    ):
        assert report.reason(told, report.read_reasons())[0] == word


def test_tables_and_page_show_the_run(tmp_path):
    crash = [0, "function", "crash: SIGSEGV", "cat()"]
    rows = [
        row(function=(2, 2), gradient=(2, 2)),
        row("sin", function=(1, 2), wrong=[[0, "function", "value: </script> a|b", "sin()"]]),
        row("cat", function=(1, 2), wrong=[crash], crashes=[crash]),
        row(dtype="errors", error=(4, 5)),
    ]
    entries = [{"entry": name, "public": name} for name in ("add", "sin", "cat")]
    listing = {"torch": "2.13.0", "entries": [*entries, {"entry": "_x", "public": None}]}
    merged = report.merge(tmp_path / "conformance.json", listing, rows)
    report.write(tmp_path, merged, tmp_path / "coverage.md")
    text = (tmp_path / "coverage.md").read_text()
    assert "| float32 | 1 of 3, 33.3% | 97% | 1 of 1, 100.0% | 95% |" in text
    assert "| error inputs | 4 of 5, 80.0% | 90% |" in text
    assert "0 of 3 entries" in text and "Not counted: `_x`" in text
    page = (tmp_path / "conformance.html").read_text()
    assert page.count("</script>") == 1 and "src=" not in page
    data = page.partition("const entries = ")[2].partition(";\nconst")[0]
    shown = {one["name"]: one for one in json.loads(data)}
    assert shown["cat"]["dtypes"]["float32"]["forward"] == "crash"
    assert shown["sin"]["home"] == "compat/torch/__init__.py"
    told = (tmp_path / "conformance-failures.md").read_text()
    assert "`cat`: crash: SIGSEGV" in told and "value" in told
    again = report.merge(tmp_path / "conformance.json", listing, [row(function=(0, 2))])
    assert len(again["rows"]) == 4
    assert report.counts(again["rows"])["float32"]["forward"] == [0, 3]


def test_a_table_is_printed():
    from rich.console import Console

    shown = io.StringIO()
    rows = [row(function=(1, 2), wrong=[[0, "function", "dtype: int64", "add(1)"]])]
    report.show(rows, Console(file=shown, width=120), closely=True)
    assert "0 of 1, 0.0%" in shown.getvalue() and "add(1)" in shown.getvalue()


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("crash: SIGABRT: Check failed: 3 < 4", "crash"),
        ("hang: no answer within 60 s", "crash"),
        ("input of int16: UnsupportedTorchAPI: torch.tensor", "input"),
        ("UnsupportedTorchAPI: torch.addr: OneFlow 0.9.0 lacks it", "missing"),
        ("value: 3 of 4 differ, by nan or inf", "value"),
        ("IndexError: list index out of range", "IndexError"),
    ],
)
def test_failures_are_grouped(message, kind):
    assert failures.group_of(message)[0] == kind

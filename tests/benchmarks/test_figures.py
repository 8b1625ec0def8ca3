"""Samples become medians, ratios and verdicts."""

import figures
import pytest


def case(pytorch, mock=None, error=None):
    """Return a case as compare.py keeps it: seconds, one or more for each round."""
    samples = {"pytorch": {str(i): [one] for i, one in enumerate(pytorch)}}
    if mock:
        samples["mock"] = {str(i): [one] for i, one in enumerate(mock)}
    kept = {"samples": samples, "errors": {"mock": error} if error else {}}
    kept["summary"] = figures.summary(kept)
    return kept


def test_the_spread_is_median_and_quartiles():
    assert figures.spread([5.0, 1.0, 2.0, 4.0, 3.0]) == [3.0, 2.0, 4.0]
    assert figures.spread({7: 2.0}.values()) == [2.0, 2.0, 2.0]


def test_the_geometric_mean_takes_half_and_double_for_even():
    assert figures.geometric_mean([0.5, 2.0, 1.0]) == pytest.approx(1.0)
    assert figures.geometric_mean([]) is None


def test_a_rounds_figure_is_its_median_and_ratios_are_taken_within_rounds():
    # The machine was ten times as slow in the second round, for both.
    kept = {
        "samples": {
            "pytorch": {"0": [2.0, 1.0, 99.0], "1": [20.0], "2": [3.0]},
            "mock": {"0": [1.0], "1": [10.0]},
        }
    }
    said = figures.summary(kept)
    assert said["ratio"] == [2.0, 2.0, 2.0]
    assert said["pytorch"][0] == 3.0
    assert said["mock"][0] == 5.5


def test_without_one_side_there_is_no_ratio():
    assert "ratio" not in case([1.0])["summary"]


def rows(cases):
    return {row["work"]: row for row in figures.against_targets(cases)}


def test_means_and_single_cases_are_held_against_their_targets():
    told = rows(
        {
            "models/a": case([1.0], [0.5]),
            "models/b": case([1.0], [2.0]),
            "blocks/a": case([1.0], [1.0]),
            "blocks/b": case([1.0], [2.0]),
        }
    )
    mean = told["whole models, geometric mean"]
    assert (mean["value"], mean["met"], mean["worst"]) == (pytest.approx(1.0), True, "models/b")
    each = told["blocks, each"]
    assert (each["value"], each["met"], each["worst"]) == (0.5, False, "blocks/b")
    assert "training step, each" not in told


def test_operators_count_from_a_millisecond_on():
    told = rows({"ops/slow": case([2e-3], [2e-3]), "ops/quick": case([1e-4], [1e-2])})
    row = told["operators above 1 ms, each"]
    assert (row["value"], row["met"], row["cases"]) == (1.0, True, 1)


def test_a_case_that_failed_misses_the_target():
    told = rows({"half/a": case([1.0], [0.5]), "half/b": case([1.0], error="RuntimeError: no")})
    row = told["float16 and bfloat16 SD block, each"]
    assert (row["value"], row["met"], row["failed"]) == (2.0, False, ["half/b"])


def test_a_figure_without_a_target_is_neither_met_nor_missed():
    assert rows({"small/add": case([1.0], [9.0])})["small operators, geometric mean"]["met"] is None


@pytest.mark.parametrize("ours, met", [(109.0, True), (111.0, False)])
def test_memory_is_ours_over_theirs_and_has_a_limit(ours, met):
    sides = {"pytorch": {"peak": {"0": 100.0}}, "mock": {"peak": {"0": ours}}}
    (row,) = figures.against_limits({"processes/demo, 20 steps": {"samples": sides, "errors": {}}})
    assert (row["ratio"][0], row["limit"], row["met"]) == (ours / 100, 1.1, met)


def test_a_process_that_failed_misses_its_limit():
    sides = {"pytorch": {"peak": {"0": 100.0}, "wall": {"0": 1.0}}}
    kept = {"samples": sides, "errors": {"mock": "status 1"}}
    told = {r["figure"]: r["met"] for r in figures.against_limits({"processes/demo": kept})}
    assert told == {"peak": False, "wall": None}

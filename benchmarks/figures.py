"""From samples to figures: medians, ratios with their spread, groups against what is to be reached.

A case's ratio is PyTorch's time over ours, taken within each round and then summed up over the
rounds: above 1 we are quicker. Where less is meant to be had (memory, loading), it is ours over
PyTorch's, and below the limit is good.
"""

from __future__ import annotations

import math
import statistics

#: From where on an operator is of the kind that kernels decide, in seconds of PyTorch's.
LONG = 1e-3

#: (what is shown, the cases' names begin with, at least, aiming at, how the ratios are summed up).
TARGETS = (
    ("SD 1.5 UNet, one step", "models/SD 1.5 UNet", 1.0, 1.3, "each"),
    ("whole models, geometric mean", "models/", 1.0, None, "mean"),
    ("blocks, each", "blocks/", 0.9, None, "each"),
    ("operators above 1 ms, geometric mean", "ops/", 1.0, None, "mean"),
    ("operators above 1 ms, each", "ops/", 0.6, None, "each"),
    ("training step, each", "training/", 0.8, None, "each"),
    ("float16 and bfloat16 SD block, each", "half/", 1.0, None, "each"),
    ("small operators, geometric mean", "small/", None, None, "mean"),
)

#: (the cases' names begin with, which figure, at most), of ours over PyTorch's.
LIMITS = (
    ("processes/demo", "peak", 1.1),
    ("processes/SD 1.5 UNet", "peak", 1.1),
    ("processes/SD 1.5 UNet", "load", 1.2),
)


def spread(values):
    """Return [median, lower quartile, upper quartile]."""
    values = sorted(values)
    if len(values) < 2:
        return [values[0]] * 3
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return [middle, low, high]


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values))) if values else None


def rounds_of(kept, side):
    """Return the median of each round's samples that a side has given, by round."""
    given = kept.get("samples", {}).get(side, {})
    return {number: statistics.median(samples) for number, samples in given.items() if samples}


def summary(kept):
    """Return what the samples of a case say: seconds of each side, and the ratio."""
    said = {}
    for side in kept.get("samples", {}):
        medians = rounds_of(kept, side)
        if medians:
            said[side] = spread(medians.values())
    theirs, ours = rounds_of(kept, "pytorch"), rounds_of(kept, "mock")
    pairs = [theirs[number] / ours[number] for number in theirs if number in ours]
    if pairs:
        said["ratio"] = spread(pairs)
    return said


def against_targets(cases):
    """Return a row for each target that cases were run for; a case that failed misses it."""
    rows = []
    for shown, beginning, least, aim, how in TARGETS:
        mine = {name: kept for name, kept in cases.items() if name.startswith(beginning)}
        if beginning == "ops/":
            mine = {name: kept for name, kept in mine.items() if is_long(kept)}
        ratios = {
            name: kept["summary"]["ratio"][0]
            for name, kept in mine.items()
            if "ratio" in kept["summary"]
        }
        failed = sorted(name for name in mine if "mock" in mine[name].get("errors", {}))
        if not ratios and not failed:
            continue
        worst = min(ratios, key=ratios.get) if ratios else None
        value = geometric_mean(list(ratios.values())) if how == "mean" else ratios.get(worst)
        met = None if least is None else bool(ratios) and value >= least and not failed
        row = {"work": shown, "least": least, "aim": aim, "value": value, "met": met}
        row.update(worst=worst, cases=len(mine), failed=failed)
        rows.append(row)
    return rows


def is_long(kept):
    """Whether PyTorch takes longer than LONG for a case."""
    return kept["summary"].get("pytorch", [0])[0] > LONG


def against_limits(processes):
    """Return a row for each figure of each process: ours over PyTorch's, and its limit if any."""
    rows = []
    for name, kept in processes.items():
        sides = kept["samples"]
        for figure in sides.get("mock", sides.get("pytorch", {})):
            theirs = sides.get("pytorch", {}).get(figure, {})
            ours = sides.get("mock", {}).get(figure, {})
            each = [ours[number] / theirs[number] for number in ours if number in theirs]
            limit = next(
                (
                    most
                    for beginning, limited, most in LIMITS
                    if name.startswith(beginning) and limited == figure
                ),
                None,
            )
            row = {"name": name, "figure": figure, "limit": limit, "met": None}
            row["pytorch"] = spread(theirs.values()) if theirs else None
            row["mock"] = spread(ours.values()) if ours else None
            row["ratio"] = spread(each) if each else None
            if limit is not None:
                row["met"] = bool(each) and row["ratio"][0] <= limit
            rows.append(row)
    return rows

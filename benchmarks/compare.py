"""The same work on real PyTorch and on the mock, side by side.

    python benchmarks/compare.py [--cases PATTERN ...] [--quick] [--rounds N] [--json FILE]

In each round a process of PyTorch's and one of the mock's are started, and take turns: each case
runs in the one and then in the other, every other time the other way round. A round's figure is the
median of its samples; what is shown is the median over the rounds, and the quartiles of the ratio.
Patterns are the shell's (``ops/conv*``), or the beginning of a name.

The JSON file is written anew as the figures come in; --resume goes on where a run was interrupted.
The tables as a web page (.html) and the pictures (.png) lie beside the JSON file. The exit status
is 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import figures
import report
from doors import machine
from processes import PROCESSES, run
from registry import chosen
from sides import ROOT, Worker, all_sides, reference

FORMAT = 1
#: Seconds of sampling in each round.
BUDGET = 0.1
#: Longer cases, of PyTorch's seconds, have no column of OneFlow as it ships.
STOCK_PATIENCE = 8.0


class Results:
    """What was measured so far, and the file it is kept in."""

    def __init__(self, path, rounds):
        self.path = path
        self.rounds = rounds
        self.data = {
            "format": FORMAT,
            "machine": machine(),
            "revision": revision(),
            "rounds": rounds,
            "cases": {},
            "processes": {},
            "remarks": [],
        }
        self._written = 0.0

    def resume(self):
        """Go on with the samples in the file, if it is there and of the same program."""
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            sys.exit(f"benchmarks: nothing to resume in {self.path}: {error}")
        if (kept.get("format"), kept.get("revision")) != (FORMAT, self.data["revision"]):
            sys.exit(f"benchmarks: {self.path} is of another revision: run without --resume")
        kept["rounds"], kept["remarks"] = self.rounds, []
        self.data = kept

    def case(self, name, kind="cases"):
        return self.data[kind].setdefault(name, {"samples": {}, "errors": {}})

    def missing(self, name, side, number, kind="cases"):
        """Whether a side's samples of a round are still to be had."""
        kept = self.case(name, kind)
        given = kept["samples"].get(side, {})
        if kind == "processes":
            given = given.get("wall", {})
        return side not in kept["errors"] and str(number) not in given

    def add(self, name, side, number, answer):
        kept = self.case(name)
        if "error" in answer:
            kept["errors"][side] = answer["error"]
        else:
            kept["samples"].setdefault(side, {})[str(number)] = answer["samples"]
        self.write(throttled=True)

    def add_process(self, name, side, number, answer):
        kept = self.case(name, "processes")
        if "error" in answer:
            kept["errors"][side] = answer["error"]
        else:
            for figure, value in answer.items():
                told = kept["samples"].setdefault(side, {}).setdefault(figure, {})
                told[str(number)] = value
        self.write()

    def sum_up(self):
        for kept in self.data["cases"].values():
            kept["summary"] = figures.summary(kept)
        self.data["targets"] = figures.against_targets(self.data["cases"])
        self.data["limits"] = figures.against_limits(self.data["processes"])

    def write(self, throttled=False):
        if self.path is None or throttled and time.monotonic() - self._written < 5:
            return
        self.sum_up()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(self.path.name + ".new")
        beside.write_text(json.dumps(self.data, indent=1) + "\n", encoding="utf-8")
        os.replace(beside, self.path)
        self._written = time.monotonic()


def revision():
    """Return the commit, with a + where files differ from it; "" outside of a clone."""
    command = ["git", "describe", "--always", "--dirty=+", "--abbrev=12"]
    done = subprocess.run(command, cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout.decode().strip()


def table_of_cases(side):
    """Return what is known of the cases, asked of an interpreter that has torch."""
    ask = (
        "import json, sys; sys.path.insert(0, 'benchmarks'); from registry import load_cases; "
        "print(json.dumps([[c.name, bool(c.compiled), c.limited, c.quick]"
        " for c in load_cases().values()]))"
    )
    process = side.start(["-c", ask], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output, told = process.communicate()
    if process.returncode:
        sys.exit(f"benchmarks: {side.name} does not run:\n{told.decode(errors='replace')}")
    rows = json.loads(output.decode().splitlines()[-1])
    return {row[0]: dict(zip(("compiled", "limited", "quick"), row[1:])) for row in rows}


def in_turns(results, names, sides, progress, prefix="", **request):
    """Measure the cases on all the sides, in as many rounds as there are."""
    for number in range(results.rounds):
        workers = [Worker(side) for side in sides]
        try:
            for index, name in enumerate(names):
                turn = workers if (number + index) % 2 else workers[::-1]
                for worker in turn:
                    side = worker.side.name
                    if results.missing(prefix + name, side, number):
                        progress(f"round {number + 1}: {prefix + name}")
                        answer = worker.ask(case=name, **request)
                        results.add(prefix + name, side, number, answer)
        finally:
            for worker in workers:
                worker.stop()


def alone(results, names, side, progress):
    """Measure the cases once on a side that is shown for comparison only."""
    worker = Worker(side)
    try:
        for name in names:
            if results.missing(name, side.name, 0):
                progress(f"{side.name}: {name}")
                answer = worker.ask(case=name, budget=BUDGET, warm=side.name != "stock")
                results.add(name, side.name, 0, answer)
    finally:
        worker.stop()


def limits(results, names, side, progress):
    """Time the convolutions and products alone of the cases, by oneDNN."""
    worker = Worker(side)
    environ = dict(side.environment(), PYTHONPATH=str(ROOT))  # limit.py runs as itself
    try:
        for name in names:
            if not results.missing(name, "limit", 0):
                continue
            progress(f"limit: {name}")
            asked = worker.ask(case=name, shapes=True)
            if "error" not in asked:
                done = subprocess.run(
                    [sys.executable, str(ROOT / "benchmarks" / "limit.py")],
                    input=json.dumps(asked["shapes"]).encode(),
                    env=environ,
                    capture_output=True,
                )
                if done.returncode:
                    asked = {"error": done.stderr.decode(errors="replace")[-1500:]}
                else:
                    asked = {"samples": [json.loads(done.stdout.decode())]}
            results.add(name, "limit", 0, asked)
    finally:
        worker.stop()


def in_processes(results, names, sides, progress):
    """Measure the cases that are a process each."""
    for name in names:
        words_of, most = PROCESSES[name]
        numbers = range(min(results.rounds, most))
        if not any(
            results.missing(name, side.name, number, "processes")
            for side in sides
            for number in numbers
        ):
            continue
        progress(f"{name}: preparing")
        try:
            with words_of(sides[-1]) as words:
                for number in numbers:
                    for side in sides if number % 2 else sides[::-1]:
                        if results.missing(name, side.name, number, "processes"):
                            progress(f"round {number + 1}: {name} on {side.name}")
                            results.add_process(name, side.name, number, run(side, words))
        except RuntimeError as error:
            results.add_process(name, "mock", 0, {"error": str(error)})


def shown_progress():
    """Return a function that shows one line, over and over on a terminal, else not at all."""
    start = time.monotonic()

    def progress(line):
        if sys.stderr.isatty():
            took = time.strftime("%M:%S", time.gmtime(time.monotonic() - start))
            sys.stderr.write(f"\r\x1b[K{took} {line}"[:100])
            sys.stderr.flush()

    return progress


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", nargs="*", default=[], metavar="PATTERN", help="only these")
    parser.add_argument("--rounds", type=int, default=5, help="5 unless told")
    parser.add_argument("--quick", action="store_true", help="a few cases, one round")
    parser.add_argument("--json", type=Path, default=ROOT / "out" / "bench.json")
    parser.add_argument("--resume", action="store_true", help="go on with the JSON file")
    parser.add_argument("--threads", type=int, default=2, help="2 unless told")
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds of sampling a round")
    parser.add_argument(
        "--busy", action="store_true", help="processor time on one thread: others use the machine"
    )
    parser.add_argument("--plain", action="store_true", help="PyTorch and the mock alone")
    parser.add_argument("--list", action="store_true", help="print the cases' names and stop")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.threads < 1:
        parser.error("--rounds and --threads must be at least 1")
    return options


def measure(options, results, table, sides, progress):
    """Fill the results, the most telling cases first."""
    everything = [*table, *PROCESSES]
    names = chosen(everything, options.cases)
    if options.quick and not options.cases:
        names = [name for name in table if table[name]["quick"]]
    if not names:
        sys.exit(f"benchmarks: no case is named {' or '.join(options.cases)}; see --list")
    processes = [name for name in names if name in PROCESSES]
    names = [name for name in names if name in table]
    pair = [sides[name] for name in ("pytorch", "mock") if name in sides]
    in_turns(results, names, pair, progress, budget=options.budget, busy=options.busy)
    in_processes(results, processes, pair, progress)
    if options.plain or options.busy or options.quick or "pytorch" not in sides:
        return
    one = [name for name in names if name.startswith(("blocks/", "models/R", "training/"))]
    narrow = [all_sides(sides["pytorch"].command[0], 1)[side.name] for side in pair]
    in_turns(results, one, narrow, progress, prefix="one thread/", budget=options.budget)
    limits(results, [n for n in names if table[n]["limited"]], sides["pytorch"], progress)
    alone(results, [n for n in names if table[n]["compiled"]], sides["compiled"], progress)
    results.sum_up()
    took = {name: results.case(name)["summary"].get("pytorch", [0])[0] for name in names}
    short = [name for name in names if took[name] <= STOCK_PATIENCE]
    alone(results, short, sides["stock"], progress)


def main(arguments=None):
    options = parse(arguments)
    python = reference()
    sides = all_sides(python, 1 if options.busy else options.threads)
    table = table_of_cases(sides["pytorch" if python else "mock"])
    if options.list:
        print("\n".join([*table, *PROCESSES]))
        return 0
    results = Results(options.json, 1 if options.quick else options.rounds)
    if options.resume:
        results.resume()
    results.data["threads"] = sides["mock"].threads
    if not python:
        results.data["remarks"].append(
            "no real PyTorch to compare with, so there are no ratios; build it with: make reference"
        )
    status, start = 0, time.monotonic()
    try:
        measure(options, results, table, sides, shown_progress())
    except KeyboardInterrupt:
        results.data["remarks"].append("interrupted: go on with --resume")
        status = 130
    if options.busy:
        results.data["remarks"].append("processor time, on one thread")
    minutes = (time.monotonic() - start) / 60
    results.data["remarks"].append(f"measured in {minutes:.1f} minutes")
    results.write()
    report.show(results.data)
    for path in report.write(results.data, options.json):
        print(f"written: {path}")
    missed = any(row["met"] is False for row in results.data["targets"] + results.data["limits"])
    return status or (1 if missed else 0)


if __name__ == "__main__":
    sys.exit(main())

"""What the mock costs: each figure against its counterpart, in pairs, in one run.

    python benchmarks/doors.py [--json FILE] [--quick]

Both sides of a pair run one right after the other, and every other pair in the opposite order, so
that what else the machine does meets both. The figure is the median over the pairs. What a process
costs to start is given in CPU time, which a busy machine hardly changes, and as the time on the
wall. The exit status is 1 if a figure with a limit is over it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Kernels and keywords on both sides; ATTEMPTS are pairs of batches.
CALLS = """
import json, sys, time
import oneflow_mock
oneflow_mock.enable()
import torch
import oneflow

attempts, calls = int(sys.argv[1]), int(sys.argv[2])
a, b = oneflow.ones(2, 2), oneflow.ones(2, 2)
x, w, v = oneflow.ones(4, 8), oneflow.ones(8, 8), oneflow.ones(8)


def add(module):
    for _ in range(calls):
        last = module.add(a, b)
    return last


def linear(module):
    for _ in range(calls):
        last = module.linear(x, w, v)
    return last


def seconds(work, module):
    start = time.perf_counter()
    # Kernels run behind Python's back: the batch ends when its last result is there.
    work(module).numpy()
    return time.perf_counter() - start


answer = {}
for work, ours, theirs in (
    (add, torch, oneflow),
    (linear, torch.nn.functional, oneflow.nn.functional),
):
    pairs = []
    for attempt in range(-2, attempts):
        if attempt % 2:
            theirs_took = seconds(work, theirs)
            pair = (seconds(work, ours), theirs_took)
        else:
            pair = (seconds(work, ours), seconds(work, theirs))
        if attempt >= 0:  # the first two warm up
            pairs.append([side / calls for side in pair])
    answer[work.__name__] = pairs
print(json.dumps(answer))
"""


def environment(**changes):
    """Return this process's environment without any door open, and with bytecode cached."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ONEFLOW_MOCK")
        and name not in ("ONEFLOW_DISABLE_MOCK_TORCH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    }
    kept.update(changes)
    return kept


def seconds(command, environ):
    """Run a command and return its (time on the wall, CPU time)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(command, env=environ, cwd=str(ROOT), capture_output=True, text=True)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"benchmarks: {' '.join(map(str, command))} failed:\n{done.stderr}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def pairs_of(count, ours, theirs):
    """Time two (command, environment) in turn; return [ours, theirs] pairs of (wall, CPU) time."""
    seconds(*ours), seconds(*theirs)  # writes bytecode, fills the disk cache
    pairs = []
    for index in range(count):
        if index % 2:
            first = seconds(*theirs)
            pairs.append([seconds(*ours), first])
        else:
            pairs.append([seconds(*ours), seconds(*theirs)])
    wall, processor = ([[side[kind] for side in pair] for pair in pairs] for kind in (0, 1))
    return wall, processor


def figure(name, pairs, limit=None, difference=False):
    """Sum up the pairs of one benchmark; a difference is in milliseconds, else it is a ratio."""
    each = [1e3 * (a - b) if difference else a / b for a, b in pairs]
    value = statistics.median(each)
    low, _, high = statistics.quantiles(each, n=4)
    return {
        "name": name,
        "ours_ms": 1e3 * statistics.median(pair[0] for pair in pairs),
        "theirs_ms": 1e3 * statistics.median(pair[1] for pair in pairs),
        "kind": "difference in ms" if difference else "ratio",
        "value": value,
        "quartiles": [low, high],
        "limit": limit,
        "within": None if limit is None else value <= limit,
        "pairs_s": pairs,
    }


def import_torch(count):
    ours = [sys.executable, "-m", "oneflow_mock", "-c", "import torch"]
    theirs = [sys.executable, "-c", "import oneflow"]
    wall, processor = pairs_of(count, (ours, environment()), (theirs, environment()))
    name = "import torch / import oneflow"
    return [figure(name + ", CPU", processor, limit=1.10), figure(name, wall)]


def bare_python(count):
    from oneflow_mock.settings import Settings, bootstrap_directory, pythonpath_with

    shown = Settings(enabled=True).to_environ()
    opened = {name: value for name, value in shown.items() if value is not None}
    opened["PYTHONPATH"] = pythonpath_with(bootstrap_directory(), None)
    command = [sys.executable, "-c", "pass"]
    wall, processor = pairs_of(count, (command, environment(**opened)), (command, environment()))
    name = "python -c pass, shell door open - closed"
    return [
        figure(name + ", CPU", processor, limit=3.0, difference=True),
        figure(name, wall, difference=True),
    ]


def calls(attempts, count):
    command = [sys.executable, "-c", CALLS, str(attempts), str(count)]
    done = subprocess.run(
        command, env=environment(), cwd=str(ROOT), stdout=subprocess.PIPE, check=True
    )
    answer = json.loads(done.stdout.decode().splitlines()[-1])
    return [
        figure("torch.add, tiny / oneflow.add", answer["add"], limit=1.02),
        figure("F.linear, tiny / oneflow's", answer["linear"], limit=1.02),
    ]


def demo(count):
    """Time the example on both, as a user would: one process each, from start to saved picture."""
    script = ROOT / "examples" / "text_to_image.py"
    if not (script.parent / "shapes-diffusion" / "model_index.json").is_file():
        return None, "examples/shapes-diffusion is not there"
    found = subprocess.run(
        ["sh", str(ROOT / "tools" / "build_reference.sh"), "--path"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    if found.returncode:
        return None, "no real PyTorch to compare with; build it with: make reference"
    with tempfile.TemporaryDirectory() as folder:
        words = [str(script), "--seed", "1", "--output", os.path.join(folder, "picture.png")]
        ours = [sys.executable, "-m", "oneflow_mock", *words]
        theirs = [found.stdout.strip(), *words]
        offline = environment(HF_HUB_OFFLINE="1")
        wall, _ = pairs_of(count, (ours, offline), (theirs, offline))
    return figure("examples/text_to_image.py / on real PyTorch", wall), ""


def show(figures, remarks):
    from rich.console import Console
    from rich.table import Table

    table = Table(title="the mock / what it stands on (medians over pairs)")
    for heading in ("", "ours, ms", "theirs, ms", "figure", "quartiles", "limit", ""):
        table.add_column(heading, justify="left" if not heading else "right", no_wrap=True)
    for row in figures:
        unit = " ms" if row["kind"] != "ratio" else ""
        low, high = row["quartiles"]
        table.add_row(
            row["name"],
            f"{row['ours_ms']:.4g}",
            f"{row['theirs_ms']:.4g}",
            f"{row['value']:.3f}{unit}",
            f"{low:.3f} to {high:.3f}",
            "" if row["limit"] is None else f"{row['limit']:g}{unit}",
            {None: "", True: "good", False: "OVER"}[row["within"]],
        )
    width = Console(width=1000, height=25).measure(table).maximum
    Console(width=max(width, Console().width), height=25).print(table)
    for remark in remarks:
        print(remark)


def machine():
    with open("/proc/cpuinfo") as lines:
        models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", type=Path, help="also write the figures, with every sample")
    parser.add_argument("--quick", action="store_true", help="few samples: does it run at all")
    options = parser.parse_args()
    about = machine()
    few = options.quick
    figures = import_torch(2 if few else 15) + bare_python(4 if few else 60)
    figures += calls(*((4, 200) if few else (400, 500)))
    drawn, remark = (None, "") if few else demo(3)
    figures += [drawn] if drawn else []
    remarks = [f"the demo over real PyTorch was not measured: {remark}"] if remark else []
    show(figures, remarks)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        written = {"machine": about, "figures": figures, "remarks": remarks}
        options.json.write_text(json.dumps(written, indent=1) + "\n")
        print(f"written: {options.json}")
    return 1 if any(row["within"] is False for row in figures) else 0


if __name__ == "__main__":
    sys.exit(main())

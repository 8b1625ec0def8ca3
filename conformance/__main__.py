"""Hold the mock against PyTorch's own operator database: ``make conformance``.

    python -m conformance [--ops PATTERN]... [--dtypes DTYPE]... [--update]

What real PyTorch answers is drawn once, by the reference environment, into
``~/.cache/oneflow-mock/conformance/<PyTorch's version>/``.
"""

import fnmatch
import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from conformance import golden_sample, ratchet, report, storage, workers

ROOT = Path(__file__).resolve().parent.parent
DTYPES = (
    *("float32", "float64", "int64", "bool", "float16", "bfloat16"),
    *("complex64", "int32", "uint8", "int16"),
)
#: Folders beside the dtypes': refused inputs, and the two other databases.
OTHERS = ("errors", "modules", "optimizers")
console = Console(stderr=True)


def reference():
    """Return the interpreter with real PyTorch, built if there is none."""
    script = str(ROOT / "tools" / "build_reference.sh")
    subprocess.run(["sh", script], check=True, stdout=sys.stderr)
    told = subprocess.run(["sh", script, "--path"], check=True, stdout=subprocess.PIPE, text=True)
    return told.stdout.strip()


def cache():
    """Return the folder of what was drawn."""
    for line in (ROOT / "requirements" / "reference.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("torch=="):
            version = line.partition("==")[2].strip()
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "oneflow-mock" / "conformance" / version / str(storage.FORMAT)


def progress():
    return Progress(
        TextColumn("{task.description:<34}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def files(folder, dtype, patterns):
    """Yield (entry, path) of what the database has for a dtype; there is a listing already."""
    listing = json.loads((folder / "entries.json").read_text(encoding="utf-8"))
    for entry in listing["entries"]:
        if entry["public"] and dtype in entry["drawn"]:
            if any(fnmatch.fnmatchcase(entry["entry"], pattern) for pattern in patterns):
                yield entry, folder / dtype / f"{entry['entry']}.npz"


def drawn(folder, dtype, patterns):
    """Return whether real PyTorch need not be asked any more."""
    if not (folder / "entries.json").exists():
        return False
    return all(path.exists() for _, path in files(folder, dtype, patterns))


def draw(folder, dtypes, patterns):
    """Have real PyTorch answer what is not drawn yet."""
    dtypes = [dtype for dtype in dtypes if not drawn(folder, dtype, patterns)]
    if not dtypes:
        return
    python = reference()
    with progress() as bars:
        for dtype in dtypes:
            bar = bars.add_task(f"PyTorch: {dtype}", total=None)
            command = [python, "-m", "conformance.draw", str(folder), dtype, *patterns]
            drawing = subprocess.Popen(
                command, stdout=subprocess.PIPE, text=True, env=workers.environment(), cwd=str(ROOT)
            )
            for line in drawing.stdout:
                count, total, _ = line.split(" ", 2)
                bars.update(bar, completed=int(count), total=int(total))
            if drawing.wait():
                raise SystemExit(f"conformance: drawing {dtype} ended with {drawing.returncode}")


def ask(folder, dtypes, patterns, jobs, patience):
    """Have the mock answer; return the rows of the result."""
    listing = json.loads((folder / "entries.json").read_text(encoding="utf-8"))
    tasks = queue.Queue()
    for dtype in dtypes:
        for entry, path in files(folder, dtype, patterns):
            tasks.put((dtype, entry, path))
    rows = []
    with progress() as bars:
        bar = bars.add_task("the mock", total=tasks.qsize())

        def work():
            worker = workers.Worker(patience)
            try:
                while True:
                    try:
                        dtype, entry, path = tasks.get_nowait()
                    except queue.Empty:
                        return
                    bars.update(bar, description=f"the mock: {dtype} {entry['entry']}"[:34])
                    index, _ = storage.load(path)
                    row = {"entry": entry["entry"], "dtype": dtype, "public": entry["public"]}
                    row.update(workers.summary(worker.ask(path), index))
                    row.update(samples=len(index["samples"]), left_out=index["left_out"])
                    rows.append(row)
                    bars.advance(bar)
            finally:
                worker.stop()

        threads = [threading.Thread(target=work) for _ in range(jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return listing, rows


@click.command()
@click.option("--ops", multiple=True, help="Patterns of entries: 'add*', 'linalg.*'.")
@click.option("--dtypes", multiple=True, type=click.Choice([*DTYPES, *OTHERS]))
@click.option("--jobs", default=1, show_default=True, help="Processes that answer side by side.")
@click.option("--patience", default=60, show_default=True, help="Seconds for one call.")
@click.option("--update", is_flag=True, help="Take what passes now into the ratchet.")
@click.option("--golden", is_flag=True, help="Choose the committed sample anew, too.")
@click.option("--out", default=str(ROOT / "out"), show_default=True)
def main(ops, dtypes, jobs, patience, update, golden, out):
    """Hold the mock against PyTorch's operator database."""
    patterns = list(ops) or ["*"]
    chosen = list(dtypes) or [*DTYPES, *OTHERS]
    whole = not ops and not dtypes
    folder = cache()
    draw(folder, chosen, patterns)
    listing, rows = ask(folder, chosen, patterns, jobs, patience)
    target = Path(out)
    target.mkdir(parents=True, exist_ok=True)
    merged = report.merge(target / "conformance.json", listing, rows)
    report.write(target, merged, ROOT / "docs" / "coverage.md" if whole else None)
    report.show(rows, console, closely=bool(ops) and len(rows) < 40)
    lost = ratchet.lost(rows)
    if update:
        ratchet.update(rows, whole)
    elif lost:
        console.print(f"[red]{len(lost)} passed before and do not now:[/red]")
        for line in lost:
            console.print("  " + line, markup=False, highlight=False)
        raise SystemExit(1)
    if golden:
        size = golden_sample.choose(folder, listing, ratchet.read())
        console.print(f"conformance/golden: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()

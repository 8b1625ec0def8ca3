"""Draws four pictures by each of the three doors and holds them against PyTorch's.

    python tools/demo.py

runs examples/text_to_image.py once by the shell door, once by the runner and once under pytest,
puts the pictures beside those that real PyTorch drew on one sheet, and prints each door's largest
difference per pixel. Ends with status 1 where a door fails or differs by more than 1/255.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "examples/text_to_image.py"
GOLDEN = ROOT / "tests/examples/golden"
SEED = 0
ZOOM = 2
# A door is one run of the script: OneFlow's import, the model, four pictures.
TIMEOUT = 900

PYTEST_FILE = """import runpy
import sys


def test_text_to_image(monkeypatch):
    monkeypatch.setattr(sys, "argv", {argv!r})
    runpy.run_path(sys.argv[0], run_name="__main__")
"""


def doors(arguments: list[str], work: Path) -> dict[str, list[str]]:
    """The command line of each door, by name, when the script is to get these arguments."""
    python = sys.executable
    script = [str(SCRIPT), *arguments]
    by_shell = ["python", *script, "--output", str(work / "shell.png")]
    quoted = " ".join(shlex.quote(word) for word in by_shell)
    test = work / "test_text_to_image.py"
    test.write_text(PYTEST_FILE.format(argv=[*script, "--output", str(work / "pytest.png")]))
    return {
        # The code is kept first, so that a command that fails is not passed over by eval.
        "shell": ["bash", "-c", f'set -e; code="$(oneflow-mock-torch)"; eval "$code"; {quoted}'],
        "runner": [python, "-m", "oneflow_mock", *script, "--output", str(work / "runner.png")],
        "pytest": [python, "-m", "pytest", "--mock-torch", "-p", "no:cacheprovider", str(test)],
    }


def run(command: list[str]) -> str:
    """Runs a door; gives the end of what it said where it failed, else nothing."""
    environ = dict(os.environ)
    # The commands beside this interpreter, whatever the user's PATH says.
    environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environ.get("PATH", "")])
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            cwd=str(ROOT),
            env=environ,
            timeout=TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        return f"it took more than {TIMEOUT} seconds"
    return "" if done.returncode == 0 else done.stdout[-3000:] or f"exit status {done.returncode}"


def golden_pictures(about: dict, scheduler: str) -> list[Image.Image]:
    """PyTorch's picture of each prompt."""
    size = about["size"]
    left = about["seeds"].index(SEED) * size
    with Image.open(GOLDEN / (scheduler + ".png")) as sheet:
        return [
            sheet.convert("RGB").crop((left, row * size, left + size, (row + 1) * size))
            for row in range(len(about["prompts"]))
        ]


def largest_difference(ours: list[Image.Image], golden: list[Image.Image]) -> int:
    """Over all pixels and channels, in 255ths."""
    return max(
        int(np.abs(np.asarray(one, int) - np.asarray(other, int)).max())
        for one, other in zip(ours, golden)
    )


def contact_sheet(
    prompts: list[str], columns: dict[str, list[Image.Image]], size: int
) -> Image.Image:
    """A row for each prompt, a column for PyTorch and each door."""
    font = ImageFont.load_default()
    cell, gap, head = size * ZOOM, 8, 20
    sheet = Image.new(
        "RGB",
        (gap + len(columns) * (cell + gap), head + len(prompts) * (cell + head + gap)),
        "white",
    )
    pen = ImageDraw.Draw(sheet)
    for column, (name, pictures) in enumerate(columns.items()):
        x = gap + column * (cell + gap)
        pen.text((x, 4), name, "black", font)
        for row, picture in enumerate(pictures):
            y = head + row * (cell + head + gap)
            sheet.paste(picture.resize((cell, cell), Image.NEAREST), (x, y + head - 4))
    for row, prompt in enumerate(prompts):
        pen.text((gap, head + row * (cell + head + gap)), prompt, "dimgray", font)
    return sheet


def main() -> int:
    """Runs the doors and shows what came out."""
    about = json.loads((GOLDEN / "golden.json").read_text("utf-8"))
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scheduler", choices=about["schedulers"], default="pndm")
    parser.add_argument("--output", type=Path, default=ROOT / "out", help="folder for the pictures")
    options = parser.parse_args()
    work = options.output.resolve()
    work.mkdir(parents=True, exist_ok=True)

    prompts = about["prompts"]
    arguments = ["--prompt", *prompts, "--seed", str(SEED), "--steps", str(about["steps"])]
    arguments += ["--scheduler", options.scheduler]
    golden = golden_pictures(about, options.scheduler)
    columns = {"PyTorch": golden}
    table = Table("door", "largest difference", "", title=f"{len(prompts)} pictures by each door")
    console = Console()
    good = True
    for name, command in doors(arguments, work).items():
        outputs = [work / f"{name}-{number}.png" for number in range(1, len(prompts) + 1)]
        for output in outputs:
            # A picture of an earlier run must not pass for this one's.
            if output.exists():
                output.unlink()
        with console.status(f"drawing by the {name} door"):
            failure = run(command)
        if failure or not all(output.exists() for output in outputs):
            good = False
            table.add_row(name, "-", "[red]failed")
            print(f"the {name} door failed:\n{failure}", file=sys.stderr)
            continue
        ours = [Image.open(output).convert("RGB") for output in outputs]
        difference = largest_difference(ours, golden)
        good = good and difference <= 1
        table.add_row(name, f"{difference}/255", "[green]good" if difference <= 1 else "[red]bad")
        columns[name] = ours
    sheet = work / "demo.png"
    contact_sheet(prompts, columns, about["size"]).save(sheet)
    console.print(table)
    # Not through rich, which would break a long path.
    print(sheet)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

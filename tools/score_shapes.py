"""Counts how many of 48 prompts the model obeys, by the tests' plain pixel analysis.

    python tools/score_shapes.py

Every shape comes eight times, every colour six times, on every background, large and small. Runs
with real PyTorch, and as well by ``python -m oneflow_mock``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "examples"), str(ROOT / "tests/examples")]

import shape_pictures  # noqa: E402
import shape_reader  # noqa: E402
import text_to_image  # noqa: E402


def prompts() -> list[tuple[str, str, str, str]]:
    """The 48 combinations: size, colour, shape, background."""
    colours = list(shape_pictures.COLOURS)
    found = []
    for number, shape in enumerate(shape_pictures.SHAPES):
        for index, colour in enumerate(colours):
            background = colours[(index + 1 + number) % len(colours)]
            size = ("large", "small")[(index + number) % 2]
            found.append((size, colour, shape, background))
    return found


def main() -> None:
    """Draws the pictures, reads them and prints the counts."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, default=text_to_image.MODEL)
    parser.add_argument("--scheduler", choices=text_to_image.SCHEDULERS, default="pndm")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=100, help="of the first; each has its own")
    parser.add_argument("--sheet", type=Path, help="a PNG of all the pictures")
    options = parser.parse_args()

    pipe = text_to_image.load(options.model)
    pipe.set_progress_bar_config(disable=True)
    sheet = Image.new("RGB", (8 * 66, 6 * 66), "white")
    right = {"shape and colour": 0, "shape": 0, "colour": 0, "background": 0, "size": 0}
    for number, (size, colour, shape, background) in enumerate(prompts()):
        ground = ("an " if background[0] in "aeiou" else "a ") + background
        prompt = f"a {size} {colour} {shape} on {ground} background"
        picture = text_to_image.draw(
            pipe,
            prompt,
            options.seed + number,
            options.steps,
            options.scheduler,
            options.guidance,
        )
        sheet.paste(picture, (number % 8 * 66 + 1, number // 8 * 66 + 1))
        reading = shape_reader.read(picture)
        right["shape"] += reading.shape == shape
        right["colour"] += reading.colour == colour
        right["shape and colour"] += reading.shows(shape, colour)
        right["background"] += reading.background == background
        right["size"] += reading.size == size
        if not reading.shows(shape, colour, background):
            print(f"{prompt} (seed {options.seed + number}): {reading}")
    print(", ".join(f"{name} {count}/48" for name, count in right.items()))
    if options.sheet:
        sheet.save(options.sheet)


if __name__ == "__main__":
    main()

"""Draws docs/shapes.png, the picture in README.md: the golden prompts, drawn by OneFlow.

    python -m oneflow_mock tools/draw_readme_picture.py

Run it again when the model of the example changes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "examples"), str(ROOT / "tools")]

import draw_golden  # noqa: E402
import text_to_image  # noqa: E402

TILE = 2 * draw_golden.SIZE
GAP = 8


def main() -> None:
    if "oneflow" not in sys.modules:
        sys.exit(f"this is PyTorch itself; run: python -m oneflow_mock {sys.argv[0]}")
    pipe = text_to_image.load()
    prompts = draw_golden.PROMPTS
    width = len(prompts) * (TILE + GAP) - GAP
    sheet = Image.new("RGB", (width, TILE), "white")
    for index, prompt in enumerate(prompts):
        picture = text_to_image.draw(pipe, prompt)
        sheet.paste(picture.resize((TILE, TILE), Image.NEAREST), (index * (TILE + GAP), 0))
    target = ROOT / "docs" / "shapes.png"
    sheet.save(target, optimize=True)
    print(target)


if __name__ == "__main__":
    main()

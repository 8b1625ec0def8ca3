"""Draws, with real PyTorch, the pictures that OneFlow's have to equal.

    python tools/draw_golden.py

writes one sheet of pictures for each scheduler into tests/examples/golden/, a row for each prompt
and a column for each seed, without loss, and golden.json saying what is where and which versions
drew it. The pictures come from examples/text_to_image.py's own functions.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import sys
from importlib import metadata
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "examples/shapes-diffusion"

PROMPTS = (
    "a large red circle on a yellow background",
    "a small white star on a blue background",
    "a large green triangle on a purple background",
    "an orange diamond on a black background",
)
SEEDS = (0, 1)
STEPS = 20
SIZE = 64


def model_hash(folder: Path) -> str:
    """One SHA-256 over the names and contents of the files that a pipeline is loaded from."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.suffix in {".json", ".safetensors", ".txt"}:
            digest.update(file.relative_to(folder).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def main() -> None:
    """Draws every sheet and writes the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=ROOT / "tests/examples/golden")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)

    # Here, so that whoever only wants the hash needs no PyTorch.
    sys.path.insert(0, str(ROOT / "examples"))
    import text_to_image

    pipe = text_to_image.load(MODEL)
    for scheduler in text_to_image.SCHEDULERS:
        sheet = Image.new("RGB", (SIZE * len(SEEDS), SIZE * len(PROMPTS)))
        for row, prompt in enumerate(PROMPTS):
            for column, seed in enumerate(SEEDS):
                picture = text_to_image.draw(pipe, prompt, seed, STEPS, scheduler)
                sheet.paste(picture, (column * SIZE, row * SIZE))
        sheet.save(options.output / (scheduler + ".png"), optimize=True)
    about = {
        "layout": "SCHEDULER.png: a row of pictures for each prompt, a column for each seed",
        "size": SIZE,
        "prompts": PROMPTS,
        "seeds": SEEDS,
        "steps": STEPS,
        "schedulers": {key: kind.__name__ for key, kind in text_to_image.SCHEDULERS.items()},
        "model_sha256": model_hash(MODEL),
        "python": platform.python_version(),
        "versions": {
            name: metadata.version(name)
            for name in ("torch", "diffusers", "transformers", "numpy", "Pillow")
        },
    }
    (options.output / "golden.json").write_text(json.dumps(about, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()

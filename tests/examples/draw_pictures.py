"""Draws the pictures listed in a JSON file by the functions of examples/text_to_image.py."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))

import text_to_image


def main():
    pipe = text_to_image.load()
    pipe.set_progress_bar_config(disable=True)
    for job in json.loads(Path(sys.argv[1]).read_text("utf-8")):
        output = job.pop("output")
        text_to_image.draw(pipe, **job).save(output)


if __name__ == "__main__":
    main()

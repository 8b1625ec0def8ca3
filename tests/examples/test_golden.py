"""OneFlow draws PyTorch's pictures: every golden picture to within 1/255 in every pixel."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

GOLDEN = Path(__file__).with_name("golden")
SCHEDULERS = ("ddim", "pndm", "euler", "euler_a", "dpm")


@pytest.fixture(scope="module")
def about():
    return json.loads((GOLDEN / "golden.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def drawn(about, draw):
    """The picture for each scheduler, prompt and seed, drawn in one mocked process."""
    keys = list(itertools.product(SCHEDULERS, about["prompts"], about["seeds"]))
    pictures = draw(
        [
            {"scheduler": scheduler, "prompt": prompt, "seed": seed, "steps": about["steps"]}
            for scheduler, prompt, seed in keys
        ]
    )
    return dict(zip(keys, pictures))


def pixels(image):
    return np.asarray(image.convert("RGB")).astype(int)


def test_the_golden_pictures_are_of_the_model_that_is_here(about):
    import draw_golden

    assert about["model_sha256"] == draw_golden.model_hash(draw_golden.MODEL)
    assert set(about["versions"]) >= {"torch", "diffusers", "transformers"}
    assert (len(about["prompts"]), len(about["seeds"]), about["steps"]) == (4, 2, 20)
    assert tuple(about["schedulers"]) == SCHEDULERS


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_pictures_are_pytorchs(scheduler, about, drawn):
    size = about["size"]
    sheet = pixels(Image.open(str(GOLDEN / (scheduler + ".png"))))
    assert sheet.shape == (size * len(about["prompts"]), size * len(about["seeds"]), 3)
    differences = {}
    for (row, prompt), (column, seed) in itertools.product(
        enumerate(about["prompts"]), enumerate(about["seeds"])
    ):
        golden = sheet[row * size : (row + 1) * size, column * size : (column + 1) * size]
        # A blank sheet would be equalled by a blank picture.
        assert golden.std() > 20
        ours = pixels(Image.open(str(drawn[scheduler, prompt, seed])))
        differences[prompt, seed] = int(np.abs(ours - golden).max())
    assert max(differences.values()) <= 1, differences

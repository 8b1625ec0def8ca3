"""The demo's model obeys its prompt with the mock on."""

from __future__ import annotations

import shape_reader
from PIL import Image

# Each shape twice; each colour, with and without size and background.
PROMPTS = (
    ("a large red circle on a yellow background", "circle", "red"),
    ("a small white circle on a blue background", "circle", "white"),
    ("a large blue square on an orange background", "square", "blue"),
    ("a yellow square on a black background", "square", "yellow"),
    ("a large green triangle on a white background", "triangle", "green"),
    ("a small orange triangle on a purple background", "triangle", "orange"),
    ("a large yellow star on a blue background", "star", "yellow"),
    ("a red star on a white background", "star", "red"),
    ("a large purple cross on a green background", "cross", "purple"),
    ("a small black cross on a yellow background", "cross", "black"),
    ("a large black diamond on a red background", "diamond", "black"),
    ("an orange diamond", "diamond", "orange"),
)


def test_ten_of_twelve_prompts_give_their_shape_in_their_colour(draw):
    pictures = draw([{"prompt": prompt, "seed": 3, "steps": 20} for prompt, _, _ in PROMPTS])
    readings = [shape_reader.read(Image.open(str(picture))) for picture in pictures]
    wrong = [
        f"{prompt}: {reading}"
        for (prompt, shape, colour), reading in zip(PROMPTS, readings)
        if not reading.shows(shape, colour)
    ]
    assert len(wrong) <= 2, "\n".join(wrong)

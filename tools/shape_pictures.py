"""Draws the pictures that the demo's model learns from, and words their captions.

One picture is one flat, anti-aliased shape on a flat background of another colour. Needs NumPy
and Pillow only, so that the tests can draw with it too.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

SIZE = 64
COLOURS = {
    "red": (214, 32, 40),
    "green": (38, 150, 62),
    "blue": (36, 72, 214),
    "yellow": (250, 220, 40),
    "orange": (250, 136, 10),
    "purple": (140, 44, 176),
    "white": (246, 246, 246),
    "black": (20, 20, 20),
}
SHAPES = ("circle", "square", "triangle", "star", "cross", "diamond")
# The half width, in pixels, of what "large" and "small" mean.
RADII = {"large": (19.0, 24.0), "small": (9.0, 12.0)}
# How far from the middle, in pixels, a shape may be.
_ASTRAY = 2.0
_SUPERSAMPLING = 4


class Picture(NamedTuple):
    """What one picture shows: enough to draw it and to word its caption."""

    shape: str
    colour: str
    background: str
    size: str
    radius: float
    x: float
    y: float


def _polygon(shape: str) -> list[tuple[float, float]]:
    """The corners of a shape in the square from -1 to 1, y downwards."""
    if shape == "square":
        side = 0.86
        return [(-side, -side), (side, -side), (side, side), (-side, side)]
    if shape == "diamond":
        return [(0, -1), (0.8, 0), (0, 1), (-0.8, 0)]
    if shape == "triangle":
        return [(0, -0.9), (1, 0.85), (-1, 0.85)]
    if shape == "cross":
        arm = 0.34
        quarter = [(arm, -1), (arm, -arm), (1, -arm)]
        points = []
        for _ in range(4):
            points += quarter
            quarter = [(-y, x) for x, y in quarter]
        return points
    if shape == "star":
        points = []
        for corner in range(10):
            reach = 1.05 if corner % 2 == 0 else 0.44
            angle = math.pi * (corner / 5 - 0.5)
            points.append((reach * math.cos(angle), reach * math.sin(angle) + 0.05))
        return points
    raise ValueError(f"no polygon is called {shape!r}")


def draw(picture: Picture) -> np.ndarray[Any, Any]:
    """The picture as an array of SIZE x SIZE x 3 bytes."""
    scale = _SUPERSAMPLING
    mask = Image.new("L", (SIZE * scale, SIZE * scale), 0)
    pen = ImageDraw.Draw(mask)
    x, y, radius = picture.x * scale, picture.y * scale, picture.radius * scale
    if picture.shape == "circle":
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    else:
        pen.polygon([(x + a * radius, y + b * radius) for a, b in _polygon(picture.shape)], 255)
    cover = np.asarray(mask.reduce(scale), np.float32)[..., None] / 255
    front = np.array(COLOURS[picture.colour], np.float32)
    back = np.array(COLOURS[picture.background], np.float32)
    return np.rint(cover * front + (1 - cover) * back).astype(np.uint8)


def random_picture(rng: np.random.Generator) -> Picture:
    """A picture drawn by lot: every shape, colour, background and size equally often."""
    colour, background = rng.choice(list(COLOURS), 2, replace=False)
    size = str(rng.choice(list(RADII)))
    radius = float(rng.uniform(*RADII[size]))
    x, y = (SIZE / 2 + float(value) for value in rng.uniform(-_ASTRAY, _ASTRAY, 2))
    return Picture(str(rng.choice(SHAPES)), str(colour), str(background), size, radius, x, y)


def _article(word: str) -> str:
    return ("an " if word[0] in "aeiou" else "a ") + word


def caption(picture: Picture, rng: np.random.Generator) -> str:
    """A caption for the picture, mostly in full; sometimes without its size or background."""
    words = f"{picture.colour} {picture.shape}"
    if rng.random() < 0.75:
        words = f"{picture.size} {words}"
    words = _article(words)
    if rng.random() < 0.85:
        words += f" on {_article(picture.background)} background"
    return words


def said(picture: Picture, words: str) -> tuple[int, int, int, int]:
    """What a caption tells of the picture's shape, colour, background and size, as numbers.

    Zero stands for what it leaves out.
    """
    parts = words.split()
    return (
        SHAPES.index(picture.shape) + 1,
        list(COLOURS).index(picture.colour) + 1,
        list(COLOURS).index(picture.background) + 1 if "background" in parts else 0,
        list(RADII).index(picture.size) + 1 if picture.size in parts else 0,
    )


def vocabulary() -> list[str]:
    """Every word that a caption can hold."""
    return sorted({"a", "an", "on", "background", *SHAPES, *COLOURS, *RADII})

"""Says what a picture of one flat shape shows, by plain pixel analysis.

It shares nothing with the code that draws the training pictures: colours are told by hue, shapes
by how well the outline fills its bounding box the way a circle, a square and so on would.
"""

from __future__ import annotations

import colorsys
import math
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

# A shape must cover at least this many pixels, and fit its outline this well (shared area over
# joint area), to be called by name.
SMALLEST = 40
WORST_FIT = 0.75


class Reading(NamedTuple):
    """What a picture shows; a part that cannot be told is ``"?"``."""

    shape: str
    colour: str
    background: str
    size: str
    fit: float

    def shows(self, shape: str, colour: str, background: str | None = None) -> bool:
        """Whether it is this shape in this colour (on this background)."""
        wanted = (shape, colour, background or self.background)
        return (self.shape, self.colour, self.background) == wanted


def name_colour(rgb: Any) -> str:
    """The everyday name of a colour given as three bytes."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(float(part) / 255 for part in rgb))
    if value < 0.3:
        return "black"
    if saturation < 0.2:
        return "white" if value > 0.8 else "?"
    if saturation < 0.5 or value < 0.4:
        return "?"
    degrees = hue * 360
    for name, first, last in (
        ("red", -1, 16),
        ("orange", 20, 42),
        ("yellow", 45, 68),
        ("green", 80, 165),
        ("blue", 200, 252),
        ("purple", 265, 310),
        ("red", 340, 361),
    ):
        if first <= degrees <= last:
            return name
    return "?"


def _largest_part(mask: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The largest connected part of a mask."""
    left = mask.copy()
    largest = np.zeros_like(mask)
    while left.any():
        part = np.zeros_like(mask)
        part[np.unravel_index(left.argmax(), left.shape)] = True
        size = 0
        while size != part.sum():
            size = part.sum()
            grown = part.copy()
            grown[1:] |= part[:-1]
            grown[:-1] |= part[1:]
            grown[:, 1:] |= part[:, :-1]
            grown[:, :-1] |= part[:, 1:]
            part = grown & left
        if size > largest.sum():
            largest = part
        left &= ~part
    return largest


def _inside_star(across: np.ndarray[Any, Any], down: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A five-pointed star with one point up that fills the box from -1 to 1."""
    half_width = math.sin(math.radians(72))
    height = 1 + math.cos(math.radians(36))
    x, y = across * half_width, (down + 1) / 2 * height - 1
    # Fold the ten like sectors into one; its edge runs from a point to a notch.
    angle = np.abs((np.arctan2(x, -y) + math.pi / 5) % (2 * math.pi / 5) - math.pi / 5)
    reach = np.hypot(x, y)
    notch = 0.42
    edge_x, edge_y = notch * math.cos(math.pi / 5) - 1, notch * math.sin(math.pi / 5)
    px, py = reach * np.cos(angle) - 1, reach * np.sin(angle)
    return edge_x * py - edge_y * px >= 0


def _outlines(width: int, height: int) -> dict[str, np.ndarray[Any, Any]]:
    """What each shape covers of its bounding box."""
    across, down = np.meshgrid(
        (np.arange(width) + 0.5) / width * 2 - 1, (np.arange(height) + 0.5) / height * 2 - 1
    )
    return {
        "circle": across**2 + down**2 <= 1,
        "square": np.ones((height, width), bool),
        "diamond": np.abs(across) + np.abs(down) <= 1,
        "triangle": np.abs(across) <= (down + 1) / 2,
        "cross": (np.abs(across) <= 0.34) | (np.abs(down) <= 0.34),
        "star": _inside_star(across, down),
    }


def read(image: Image.Image) -> Reading:
    """What the picture shows."""
    pixels = np.asarray(image.convert("RGB"), np.float64)
    sides = (pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:])
    back = np.median(np.concatenate([side.reshape(-1, 3) for side in sides]), 0)
    background = name_colour(back)
    distance = np.linalg.norm(pixels - back, axis=2)
    # The shape's own colour: what is about as far from the background as anything.
    farthest = np.partition(distance.ravel(), -SMALLEST)[-SMALLEST]
    nothing = Reading("?", "?", background, "?", 0.0)
    if farthest < 40:
        return nothing
    far = distance > farthest * 0.4
    mask = _largest_part(far)
    if mask.sum() < SMALLEST:
        return nothing
    front = np.median(pixels[mask], 0)
    # Two shapes are not one, and neither is a texture: most pixels have one of two colours.
    plain = np.minimum(distance, np.linalg.norm(pixels - front, axis=2)) < 60
    if far.sum() > 1.25 * mask.sum() or plain.mean() < 0.8:
        return nothing._replace(colour=name_colour(front))
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = box.shape
    fits = {
        name: (box & outline).sum() / (box | outline).sum()
        for name, outline in _outlines(width, height).items()
    }
    shape = max(fits, key=lambda name: fits[name])
    # Each of the shapes is nearly as wide as high; a bar or a frame around the picture is none.
    if fits[shape] < WORST_FIT or not 0.6 < width / height < 1.6:
        return nothing._replace(colour=name_colour(front), fit=float(fits[shape]))
    size = "large" if max(width, height) > image.height * 0.45 else "small"
    return Reading(shape, name_colour(front), background, size, float(fits[shape]))

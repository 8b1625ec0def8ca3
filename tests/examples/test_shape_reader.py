"""The reader that judges the model is itself right about pictures whose content is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shape_pictures
import shape_reader
from PIL import Image, ImageDraw, ImageFilter
from shape_pictures import COLOURS, RADII, SHAPES


def draw(shape="circle", colour="red", background="white", size="large", x=32.0, y=32.0):
    first, last = RADII[size]
    picture = shape_pictures.Picture(shape, colour, background, size, (first + last) / 2, x, y)
    return Image.fromarray(shape_pictures.draw(picture))


@pytest.mark.parametrize("size", RADII)
@pytest.mark.parametrize("shape", SHAPES)
def test_reads_every_shape_in_every_colour_on_every_background(shape, size):
    for colour, background in itertools.permutations(COLOURS, 2):
        reading = shape_reader.read(draw(shape, colour, background, size))
        assert reading[:4] == (shape, colour, background, size)


def test_reads_pictures_drawn_by_lot():
    rng = np.random.default_rng(7)
    for _ in range(300):
        picture = shape_pictures.random_picture(rng)
        reading = shape_reader.read(Image.fromarray(shape_pictures.draw(picture)))
        assert reading[:4] == picture[:4], picture


@pytest.mark.parametrize("shape", SHAPES)
def test_a_little_blur_and_noise_change_nothing(shape):
    image = draw(shape, "orange", "purple").filter(ImageFilter.GaussianBlur(0.8))
    noise = np.random.default_rng(1).normal(0, 6, (64, 64, 3))
    image = Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))
    assert shape_reader.read(image).shows(shape, "orange", "purple")


def test_another_shape_or_colour_is_not_taken_for_the_right_one():
    reading = shape_reader.read(draw("star", "blue", "yellow"))
    assert reading.shows("star", "blue") and reading.shows("star", "blue", "yellow")
    assert not reading.shows("star", "purple")
    assert not reading.shows("diamond", "blue")
    assert not reading.shows("star", "blue", "orange")


def test_a_flat_picture_shows_nothing():
    reading = shape_reader.read(Image.new("RGB", (64, 64), COLOURS["green"]))
    assert reading[:4] == ("?", "?", "green", "?")


def test_noise_shows_nothing():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert shape_reader.read(Image.fromarray(noise)).shape == "?"


@pytest.mark.parametrize(
    "corners",
    [
        [(4, 28), (60, 28), (60, 36), (4, 36)],  # a bar
        [(10, 10), (54, 10), (54, 20), (20, 20), (20, 54), (10, 54)],  # an L
        [(10, 10), (54, 10), (10, 54)],  # a triangle with its right angle in a corner
    ],
)
def test_what_is_none_of_the_shapes_gets_no_name(corners):
    image = Image.new("RGB", (64, 64), COLOURS["white"])
    ImageDraw.Draw(image).polygon(corners, COLOURS["blue"])
    reading = shape_reader.read(image)
    assert (reading.shape, reading.colour) == ("?", "blue")


def test_two_shapes_are_not_one():
    image = draw("circle", "red", "white", "small", 15, 32)
    assert shape_reader.read(image).shows("circle", "red")
    image.paste(image.crop((0, 0, 32, 64)), (32, 0))
    assert shape_reader.read(image).shape == "?"


def test_a_scratch_beside_the_shape_is_forgiven():
    image = draw("circle", "red", "white", "large", 36, 32)
    image.paste(COLOURS["black"], (2, 60, 8, 62))
    assert shape_reader.read(image).shows("circle", "red")


@pytest.mark.parametrize("name", COLOURS)
def test_a_shade_keeps_its_name(name):
    rng = np.random.default_rng(2)
    for _ in range(50):
        shade = np.clip(np.array(COLOURS[name]) + rng.integers(-8, 9, 3), 0, 255)
        assert shape_reader.name_colour(shade) == name


def test_a_muddy_colour_has_no_name():
    assert shape_reader.name_colour((128, 128, 128)) == "?"
    assert shape_reader.name_colour((150, 120, 100)) == "?"

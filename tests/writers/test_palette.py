"""The palette: the colours that people would name of a picture, small vivid things among them."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fibo_core.prompts.color_codes import nearest_color
from fibo_core.writers.palette import MOST, palette


def meadow() -> Image.Image:
    """Sky, grass, and a red ball of a twentieth of the picture."""
    picture = Image.new("RGB", (480, 320), (120, 180, 240))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 200, 480, 320), fill=(60, 150, 50))
    draw.ellipse((40, 120, 140, 220), fill=(210, 30, 30))
    return picture


def test_a_picture_has_its_colors_by_share_a_small_vivid_thing_among_them() -> None:
    swatches = palette([meadow()])
    assert [swatch.name for swatch in swatches] == ["sky blue", "green", "red"]
    assert [swatch.hex for swatch in swatches] == ["#78b4f0", "#3c9632", "#d21e1e"]
    assert sum(swatch.share for swatch in swatches) == pytest.approx(1)


def test_of_several_pictures_each_counts_the_same_whatever_its_size() -> None:
    one, other = Image.new("RGB", (900, 900), "#ffd700"), Image.new("RGB", (20, 20), "#000050")
    assert {swatch.name: round(swatch.share, 2) for swatch in palette([one, other])} == {"gold": 0.5, "navy blue": 0.5}


def test_shades_of_one_color_are_few_swatches_and_any_picture_at_most_six() -> None:
    """A soft shadow is no palette; noise and a rainbow have one all the same."""
    shades = np.tile(np.linspace(120, 150, 256).astype(np.uint8), (64, 1))
    assert len(palette([Image.fromarray(shades)])) <= 2
    noise = np.random.default_rng(7).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    for picture in (Image.fromarray(noise), Image.radial_gradient("L"), meadow().rotate(30)):
        assert 1 <= len(palette([picture])) <= MOST


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_a_picture_of_any_mode_has_the_name_of_each_of_its_colors(mode: str) -> None:
    for swatch in palette([meadow().convert(mode)]):
        red, green, blue = bytes.fromhex(swatch.hex[1:])
        assert swatch.name == nearest_color(red, green, blue)


def test_what_is_transparent_has_no_color() -> None:
    clear = Image.new("RGBA", (64, 64), (9, 200, 9, 0))
    assert palette([clear]) == ()
    clear.paste((210, 30, 30, 255), (0, 0, 10, 10))
    assert [swatch.name for swatch in palette([clear])] == ["red"]


def test_the_same_pictures_give_the_same_palette() -> None:
    assert palette([meadow()]) == palette([meadow()])

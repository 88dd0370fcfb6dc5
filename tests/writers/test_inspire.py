"""The offline writer describes pictures: colours, light and setting come back out of drawn ones."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fibo_core.errors import PictureError
from fibo_core.prompt import KEYS
from fibo_core.writers.offline import OfflineWriter

WRITER = OfflineWriter()


def _canvas(color: str, size: tuple[int, int] = (256, 256)) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("RGB", size, color)
    return picture, ImageDraw.Draw(picture)


@pytest.mark.parametrize(
    ("sky", "ground", "setting", "light"),
    [
        ("#8cc8f0", "#40a040", "a green meadow", "bright daylight"),
        ("#8cc8f0", "#d0a060", "a desert with sand dunes", "bright daylight"),
        ("#8cc8f0", "#f8f8f8", "a snowy field", "bright daylight"),
        ("#f58a4f", "#2d8046", "a green meadow", "golden hour, warm sunset light"),
        ("#10143a", "#1e4a2a", "a green meadow", "night, moonlight"),
    ],
)
def test_two_bands_are_guessed_to_be_a_landscape_and_called_a_guess(
    sky: str, ground: str, setting: str, light: str
) -> None:
    """Sky above ground gives setting and light, and a note says that it is a guess."""
    picture, draw = _canvas(sky)
    draw.rectangle((0, 150, 256, 256), fill=ground)
    written = WRITER.inspire(picture)
    assert written.prompt.get("background_setting") == setting
    assert written.prompt.get("lighting.conditions") == light
    assert any("guess" in note for note in written.notes)


def test_colors_that_are_no_landscape_are_said_as_they_are() -> None:
    """Purple above red is nothing known: the bands are named, nothing is guessed."""
    picture, draw = _canvas("#8838b8")
    draw.rectangle((0, 128, 256, 256), fill="#dc2828")
    written = WRITER.inspire(picture)
    assert "purple" in written.prompt.get("background_setting")
    assert "red" in written.prompt.get("background_setting")
    assert not any("guess" in note for note in written.notes)


def test_the_notes_say_palette_brightness_and_format() -> None:
    """What was measured is told with its shares."""
    picture, draw = _canvas("#f8f8f8", (400, 200))
    draw.rectangle((0, 0, 99, 200), fill="#dc2828")
    note = WRITER.inspire(picture).notes[0]
    assert "white 75 %" in note
    assert "red 25 %" in note
    assert "bright" in note
    assert "landscape, 400×200" in note


def test_a_hint_names_the_thing_and_bends_the_light() -> None:
    """ "a red ball at night" puts a ball before the wall that was seen, at night."""
    picture, draw = _canvas("#9a9a9a")
    draw.ellipse((20, 90, 90, 160), fill="#dc2828")
    prompt = WRITER.inspire(picture, "a red ball at night").prompt
    assert [entry["description"] for entry in prompt.document["objects"]] == ["a red ball"]
    assert prompt.get("background_setting") == "a plain gray wall"
    assert prompt.get("lighting.conditions") == "night, moonlight"
    assert "a red ball at night" in prompt.get("short_description")


def test_a_hint_that_instructs_is_done() -> None:
    """ "make it night" is a change, not a thing."""
    picture, _ = _canvas("#9a9a9a")
    prompt = WRITER.inspire(picture, "make it night").prompt
    assert prompt.get("lighting.conditions") == "night, moonlight"
    assert prompt.document["objects"] == []


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "F"])
@pytest.mark.parametrize("size", [(1, 1), (3, 400), (900, 2), (64, 64)])
def test_any_mode_and_size_of_picture_is_described(mode: str, size: tuple[int, int]) -> None:
    """One pixel, a thread, transparency, print colours: each gives a whole prompt."""
    assert tuple(WRITER.inspire(Image.new(mode, size)).prompt.document) == KEYS


def test_noise_gives_a_modest_prompt() -> None:
    """No things are invented, whatever the pixels are."""
    noise = np.random.default_rng(7).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    assert WRITER.inspire(Image.fromarray(noise)).prompt.document["objects"] == []


def test_a_truncated_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """Half a PNG is the user's to save again."""
    whole = tmp_path / "whole.png"
    Image.effect_noise((128, 128), 50).save(whole)
    half = tmp_path / "half.png"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(PictureError, match="cannot be read"):
        WRITER.inspire(Image.open(half))

"""The offline writer describes pictures: colours, light and setting come back out of drawn ones."""

from colorsys import hsv_to_rgb
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fibo_core.errors import PictureError
from fibo_core.prompts.structured_prompt import KEYS
from fibo_core.writers.offline import OfflineWriter
from fibo_core.writers.rules.lexicon import load_lexicon
from fibo_core.writers.rules.picture import color_of

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
    written = WRITER.inspire([picture])
    assert written.prompt.get("background_setting") == setting
    assert written.prompt.get("lighting.conditions") == light
    assert any("guess" in note for note in written.notes)


def test_colors_that_are_no_landscape_are_said_as_they_are() -> None:
    """Purple above red is nothing known: the bands are named, nothing is guessed."""
    picture, draw = _canvas("#8838b8")
    draw.rectangle((0, 128, 256, 256), fill="#dc2828")
    written = WRITER.inspire([picture])
    assert "purple" in written.prompt.get("background_setting")
    assert "red" in written.prompt.get("background_setting")
    assert not any("guess" in note for note in written.notes)


def test_the_notes_say_palette_brightness_and_format() -> None:
    """What was measured is told with its shares."""
    picture, draw = _canvas("#f8f8f8", (400, 200))
    draw.rectangle((0, 0, 99, 200), fill="#dc2828")
    note = WRITER.inspire([picture]).notes[0]
    assert "white 75 %" in note
    assert "red 25 %" in note
    assert "bright" in note
    assert "landscape, 400×200" in note


def test_a_hint_names_the_thing_and_bends_the_light() -> None:
    """ "a red ball at night" puts a ball before the wall that was seen, at night."""
    picture, draw = _canvas("#9a9a9a")
    draw.ellipse((20, 90, 90, 160), fill="#dc2828")
    prompt = WRITER.inspire([picture], "a red ball at night").prompt
    assert [entry["description"] for entry in prompt.document["objects"]] == ["a red ball"]
    assert prompt.get("background_setting") == "a plain gray wall"
    assert prompt.get("lighting.conditions") == "night, moonlight"
    assert prompt.get("short_description").endswith("with a plain gray wall behind. A red ball at night.")


def test_a_hint_that_instructs_is_done() -> None:
    """ "make it night" is a change, not a thing."""
    picture, _ = _canvas("#9a9a9a")
    prompt = WRITER.inspire([picture], "make it night").prompt
    assert prompt.get("lighting.conditions") == "night, moonlight"
    assert prompt.document["objects"] == []


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "F"])
@pytest.mark.parametrize("size", [(1, 1), (3, 400), (900, 2), (64, 64)])
def test_any_mode_and_size_of_picture_is_described(mode: str, size: tuple[int, int]) -> None:
    """One pixel, a thread, transparency, print colours: each gives a whole prompt."""
    assert tuple(WRITER.inspire([Image.new(mode, size)]).prompt.document) == KEYS


def test_noise_gives_a_modest_prompt() -> None:
    """No things are invented, whatever the pixels are."""
    noise = np.random.default_rng(7).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    assert WRITER.inspire([Image.fromarray(noise)]).prompt.document["objects"] == []


def test_several_pictures_share_palette_and_light_and_the_first_gives_the_setting() -> None:
    """A meadow by day, a red wall and a second day: colours of all, the light of most, and notes say whose is what."""
    meadow, draw = _canvas("#8cc8f0", (300, 200))
    draw.rectangle((0, 120, 300, 200), fill="#40a040")
    wall, _ = _canvas("#d02020")
    dusk, draw = _canvas("#f58a4f", (200, 300))
    draw.rectangle((0, 150, 200, 300), fill="#2d8046")
    alone, three = WRITER.inspire([wall]), WRITER.inspire([meadow, wall, dusk, dusk])
    assert "green" not in alone.prompt.get("aesthetics.color_scheme")
    scheme = three.prompt.get("aesthetics.color_scheme")
    assert [color for color in ("green", "orange", "red") if color in scheme] == ["green", "orange", "red"]
    assert three.prompt.get("background_setting") == "a green meadow"
    assert three.prompt.get("lighting.conditions") == "golden hour, warm sunset light"
    assert three.prompt.get("context") == "a simple composition in landscape format"
    assert three.notes[0] == "Palette and light are those of all 4 pictures, the setting is the first one's."
    assert [note[:10] for note in three.notes if "Seen" in note] == [f"Picture {n}:" for n in (1, 2, 3, 4)]


def test_colors_at_the_end_of_a_hint_lead_the_palette() -> None:
    """As swatches put them there; what stands before them is read as ever."""
    wall, _ = _canvas("#9a9a9a")
    prompt = WRITER.inspire([wall], "a red ball at night, colors: navy blue, coral").prompt
    assert prompt.get("aesthetics.color_scheme").startswith("mostly navy blue with coral and gray")
    assert [entry["description"] for entry in prompt.document["objects"]] == ["a red ball"]
    assert prompt.get("lighting.conditions") == "night, moonlight"
    alone = WRITER.inspire([wall], "colors: coral")
    assert alone.prompt.get("aesthetics.color_scheme").startswith("mostly coral")
    assert alone.prompt.document["objects"] == []


def test_a_truncated_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """Half a PNG is the user's to save again."""
    whole = tmp_path / "whole.png"
    Image.effect_noise((128, 128), 50).save(whole)
    half = tmp_path / "half.png"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(PictureError, match="cannot be read"):
        WRITER.inspire([Image.open(half)])


#: What people call these colours, by hue on the circle of full colours, in steps of 15 degrees from red.
FULL = [
    *("red", "red|orange", "orange", "orange|yellow", "yellow", "yellow|green"),
    *("green", "green", "green", "green", "green", "green|teal"),
    *("teal", "teal|blue", "blue", "blue", "blue", "blue|purple"),
    *("purple", "purple", "purple|pink", "pink", "pink", "pink|red"),
]


@pytest.mark.parametrize(("step", "names"), list(enumerate(FULL)))
def test_every_hue_of_the_circle_has_the_name_people_give_it(step: int, names: str) -> None:
    """Blue is blue: no hue is called by its neighbour's name, as full colours were by distances in CIELAB."""
    red, green, blue = (round(value * 255) for value in hsv_to_rgb(step / 24, 1, 1))
    assert _named((red, green, blue)) in names.split("|")


@pytest.mark.parametrize(
    ("names", "colors"),
    [
        # from Randall Munroe's survey of colour names (2010), which is in the public domain
        ("red", "e50000 840000 ff000d be0119 cf0234"),
        ("orange", "f97306 ff5b00 fdaa48"),
        ("yellow", "ffff14 fffe7a dbb40c"),
        ("green", "15b01a 033500 01ff07 3f9b0b 6e750e 96f97b c7fdb5 0b4008 01a049"),
        ("teal", "029386 06c2ac 00ffff 014d4e"),
        ("blue", "0343df 0504aa 0652ff 2000b1 040273 00035b 75bbfd 95d0fc 3b638c 0485d1"),
        ("purple", "7e1e9c 9a0eea bf77f6 35063e c79fef 580f41 380835"),
        ("pink", "ff81c0 ff028d ffd1dc fe01b1 c20078 cf6275"),
        ("brown", "653700 341c02 ad8150 a9561e"),
        ("gray", "929591 363737 c5c9c7 d8dcd6"),
        ("white", "ffffff"),
        ("black", "000000"),
    ],
)
def test_colors_get_the_names_that_a_large_survey_gave_them(names: str, colors: str) -> None:
    """Dark, pale and dull ones too."""
    assert {color: _named(tuple(bytes.fromhex(color))) for color in colors.split()} == dict.fromkeys(
        colors.split(), names
    )


def _named(rgb: tuple[int, ...]) -> str:
    color = color_of(np.array(rgb, dtype=np.float64), load_lexicon())
    return color.family or color.key


def test_a_blue_picture_is_called_blue() -> None:
    """A screen's pure blue is no violet."""
    assert WRITER.inspire([Image.new("RGB", (64, 64), (0, 0, 255))]).prompt.get("background_setting") == (
        "a plain blue wall"
    )


def test_a_transparent_ground_is_none_and_no_snow() -> None:
    """What is cut out is described alone, whatever colour hides under the transparent pixels."""
    with Image.open("tests/golden/field-cases/pictures/transparent.png") as picture:
        written = WRITER.inspire([picture])
    assert written.prompt.get("background_setting") == "no background"
    assert "red" in written.prompt.get("aesthetics.color_scheme")
    assert not any(word in written.prompt.canonical() for word in ("white", "snow", "green"))
    assert any("background is transparent" in note for note in written.notes)


def test_a_picture_with_a_few_transparent_corners_or_nothing_at_all_is_described() -> None:
    """Rounded corners make no cut-out of much; where all is transparent, there is nothing to name."""
    assert WRITER.inspire([Image.new("RGBA", (64, 64))]).prompt.document["objects"] == []


def test_a_hint_that_names_the_setting_takes_the_place_of_the_one_that_was_seen() -> None:
    """Two sentences that do not contradict each other, each with a capital letter."""
    prompt = OfflineWriter().inspire([Image.new("RGB", (64, 64), (120, 120, 120))], "in a forest").prompt
    assert prompt.get("short_description") == "A picture in mostly gray. In a forest."
    assert "forest" in str(prompt.get("background_setting"))

"""A picture in words: what was measured, said as a Scene, with a guess only where the signs are strong.

Colours, places, sizes and light are seen; that blue above green is a meadow is a guess, and the notes call it one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from fibo_core.writers.rules.compose import describe, listed, place_name
from fibo_core.writers.rules.lexicon import Lexicon
from fibo_core.writers.rules.scene import Scene, Subject
from fibo_core.writers.rules.seeing import Blob, Floats, Seen, distance, see, to_lab

DARK, BRIGHT = 32.0, 66.0  # mean lightness
LOW_CONTRAST, HIGH_CONTRAST = 9.0, 22.0
WARM, COOL = 8.0, -8.0
LEANING = 7.0  # lightness between left and right that speaks of light from one side
LARGE, SMALL = 0.11, 0.022  # of the frame
ROUGH = 9.0  # mean difference of neighbours in a picture full of detail
SKY_LIGHT = 80.0  # lightness above which a shape in the sky may be sun, moon or cloud
TWO_COLORS = 25.0  # colour distance between the upper and the lower part of a picture


@dataclass(frozen=True)
class Described:
    """The scene a picture shows, its format in words, and notes on what was seen."""

    scene: Scene
    context: str
    notes: tuple[str, ...]


def describe_picture(picture: Image.Image, lexicon: Lexicon) -> Described:
    """What a picture shows, as far as measures tell. Raises PictureError where it cannot be read."""
    seen = see(picture)
    scene, form = Scene(""), _format(seen)
    shares = _shares(seen, lexicon)
    notes = [_seen_note(seen, shares, form)]
    guess = _background(seen, scene, lexicon)
    if guess:
        notes.append(f"The background is a guess from its colors: {guess}.")
    for blob in seen.blobs:
        of_the_sky = blob.y < 0.45 and blob.lab[0] > SKY_LIGHT and blob.area < LARGE
        if not (guess and of_the_sky):
            scene.subjects.append(_subject(blob, lexicon))
    if not scene.subjects:
        notes.append("No single thing stood out: the prompt describes colors, light and layout.")
    if abs(seen.lean) > LEANING:
        scene.direction = lexicon.table["directions"]["left" if seen.lean > 0 else "right"].say
    scene.medium = lexicon.table["media"]["photo" if seen.texture > ROUGH else "render"]
    names = list(shares)
    scene.scheme = f"mostly {names[0]}{f' with {listed(names[1:4])}' if names[1:] else ''}, {_tone_words(seen)}"
    things = [f"{describe(subject)} ({subject.place})" for subject in scene.subjects]
    shown = listed(things) or f"a picture in mostly {names[0]}"
    light = f", {scene.light.at}" if scene.light else ""
    scene.words = f"{shown[0].upper()}{shown[1:]}, with {scene.settings[0]} behind{light}"
    return Described(scene, f"a simple composition in {form} format", tuple(notes))


def color_name(lab: Sequence[float], lexicon: Lexicon, plain: bool = False) -> str:
    """The nearest colour of the lexicon; with ``plain`` its family ("blue" for navy)."""
    colors = lexicon.table["colors"]
    color = list(colors.values())[int(np.argmin(distance(_labs(lexicon), lab)))]
    return colors[color.family].say if plain and color.family else color.say


def merge_hint(scene: Scene, hint: Scene) -> None:
    """What a hint says laid over what was seen: it names things, and bends light, setting and style."""
    for said in hint.subjects:
        fitting = [
            seen
            for seen in scene.subjects
            if seen.name == "shape"
            and (not said.colors or set(said.colors) & set(seen.colors))
            and said.place in ("", seen.place)
        ]
        if fitting:
            seen = fitting[0]
            scene.subjects.remove(seen)
            said.place, said.size, said.colors = seen.place, said.size or seen.size, said.colors or seen.colors
    scene.subjects = hint.subjects + scene.subjects
    scene.links = hint.links
    if hint.light and not hint.weather:
        scene.weather = None
    for field in (
        "settings",
        "light",
        "weather",
        "direction",
        "shadows",
        "medium",
        "style",
        "moods",
        "scheme",
        "camera",
    ):
        setattr(scene, field, getattr(hint, field) or getattr(scene, field))
    scene.words = f"{scene.words}. {hint.words}"


@cache
def _labs(lexicon: Lexicon) -> Floats:
    """The colours of the lexicon, in its order."""
    rgb = [[int(color.rgb[i : i + 2], 16) for i in (1, 3, 5)] for color in lexicon.table["colors"].values()]
    return to_lab(np.array(rgb, dtype=np.float64))


def _background(seen: Seen, scene: Scene, lexicon: Lexicon) -> str:
    """Sets setting and light; the answer says what was guessed from what, "" where nothing was."""
    upper, lower = color_name(seen.upper, lexicon), color_name(seen.lower, lexicon)
    sky, lights, night = color_name(seen.upper, lexicon, plain=True), lexicon.table["lights"], seen.upper[0] < DARK
    two = float(distance(seen.upper, seen.lower)) > TWO_COLORS
    ground = lexicon.grounds.get(color_name(seen.lower, lexicon, plain=True), "") if two else ""
    if ground and (night or sky in lexicon.skies) and upper != lower:
        scene.settings = [lexicon.table["settings"][ground].say]
        scene.light = lights["night" if night else lexicon.skies[sky]]
        return f"{upper} above {lower}, taken for {scene.settings[0]} by {scene.light.say}"
    scene.settings = [f"a {upper} background above, {lower} below" if two else f"a plain {upper} wall"]
    if seen.brightness < DARK:
        scene.light = lights["night"]
    elif seen.contrast < LOW_CONTRAST:
        scene.light = lights["soft"]
    return ""


def _subject(blob: Blob, lexicon: Lexicon) -> Subject:
    sizes = lexicon.table["sizes"]
    return Subject(
        name="shape",
        colors=[color_name(blob.lab, lexicon, plain=True)],
        size=sizes["large"] if blob.area > LARGE else sizes["small"] if blob.area < SMALL else None,
        adjectives=[blob.shape] if blob.shape else [],
        place=place_name((min(int(blob.x * 3), 2), min(int(blob.y * 3), 2)), lexicon),
        shape=blob.shape or "irregular shape",
    )


def _tone_words(seen: Seen) -> str:
    words = [
        "dark" if seen.brightness < DARK else "bright" if seen.brightness > BRIGHT else "medium brightness",
        "low contrast" if seen.contrast < LOW_CONTRAST else "high contrast" if seen.contrast > HIGH_CONTRAST else "",
        "warm colors" if seen.warmth > WARM else "cool colors" if seen.warmth < COOL else "",
    ]
    return ", ".join(word for word in words if word)


def _shares(seen: Seen, lexicon: Lexicon) -> dict[str, float]:
    """The colours by name and their shares, largest first; those below a fiftieth are left out."""
    shares: dict[str, float] = {}
    for lab, share in seen.palette:
        name = color_name(lab, lexicon)
        shares[name] = shares.get(name, 0) + share
    most = max(shares.values())
    ordered = sorted(shares.items(), key=lambda pair: -pair[1])
    return {name: share for name, share in ordered if share >= min(0.02, most)}


def _format(seen: Seen) -> str:
    square = 0.95 < seen.width / seen.height < 1.05
    return "square" if square else "landscape" if seen.width > seen.height else "portrait"


def _seen_note(seen: Seen, shares: dict[str, float], form: str) -> str:
    palette = ", ".join(f"{name} {round(share * 100)} %" for name, share in list(shares.items())[:6])
    detail = "full of detail" if seen.texture > ROUGH else "smooth"
    return f"Seen: {palette}; {_tone_words(seen)}, {detail}; {form}, {seen.width}×{seen.height} pixels."

"""A picture in words: what was measured, said as a Scene, with a guess only where the signs are strong.

Colours, places, sizes and light are seen; that blue above green is a meadow is a guess, and the notes call it one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from fibo_core.writers.rules.compose import article, listed, place_name
from fibo_core.writers.rules.lexicon import Lexicon
from fibo_core.writers.rules.scene import Scene, Subject
from fibo_core.writers.rules.seeing import Band, Blob, Seen, distance, see, to_lab

DARK, BRIGHT = 32.0, 66.0  # mean lightness
LOW_CONTRAST, HIGH_CONTRAST = 9.0, 22.0
WARM, COOL = 8.0, -8.0
LEANING = 7.0  # lightness between left and right that speaks of light from one side
LARGE, SMALL = 0.11, 0.022  # of the frame
ROUGH = 9.0  # mean difference of neighbours in a picture full of detail
SKY_LIGHT = 80.0  # lightness above which a shape in the sky may be sun, moon or cloud


@dataclass(frozen=True)
class Described:
    """The scene a picture shows, its colour scheme and format in words, and notes on what was seen."""

    scene: Scene
    context: str
    notes: tuple[str, ...]


def describe_picture(picture: Image.Image, lexicon: Lexicon) -> Described:
    """What a picture shows, as far as measures tell. Raises PictureError where it cannot be read."""
    seen = see(picture)
    scene = Scene("")
    guess = _background(seen, scene, lexicon)
    outdoors = bool(guess)
    scene.subjects = [
        _subject(blob, lexicon) for blob in seen.blobs if not (outdoors and _belongs_to_sky(blob, seen, lexicon))
    ]
    scene.subjects.sort(key=lambda subject: lexicon.table["places"][subject.place].cell)
    if abs(seen.lean) > LEANING:
        scene.direction = lexicon.table["directions"]["left" if seen.lean > 0 else "right"].say
    scene.medium = lexicon.table["media"]["photo" if seen.texture > ROUGH else "render"]
    scene.scheme = _scheme(seen, lexicon)
    scene.words = _sentence(scene)
    format_name = (
        "square" if 0.95 < seen.width / seen.height < 1.05 else "landscape" if seen.width > seen.height else "portrait"
    )
    notes = [_seen_note(seen, format_name, lexicon)]
    if guess:
        notes.append(f"The background is a guess from its colors: {guess}.")
    if not scene.subjects:
        notes.append("No single thing stood out: the prompt describes colors, light and layout.")
    return Described(scene, f"a simple composition in {format_name} format", tuple(notes))


def color_name(lab: Sequence[float], lexicon: Lexicon, plain: bool = False) -> str:
    """The nearest colour of the lexicon; with ``plain`` its family ("blue" for navy)."""
    names, labs = _named_colors(lexicon)
    key = names[int(np.argmin(distance(labs, lab)))]
    color = lexicon.table["colors"][key]
    return lexicon.table["colors"][color.family].say if plain and color.family else color.say


@cache
def _named_colors(lexicon: Lexicon) -> tuple[tuple[str, ...], np.ndarray]:
    colors = lexicon.table["colors"]
    rgb = np.array([[int(color.rgb[i : i + 2], 16) for i in (1, 3, 5)] for color in colors.values()], dtype=np.float64)
    return tuple(colors), to_lab(rgb)


def _background(seen: Seen, scene: Scene, lexicon: Lexicon) -> str:
    """Sets setting and light; the answer says what was guessed from what, "" where nothing was."""
    lights, bands = lexicon.table["lights"], seen.bands
    top, bottom = bands[0], bands[-1]
    top_name, bottom_name = color_name(top.lab, lexicon), color_name(bottom.lab, lexicon)
    setting = _scenery(bands, lexicon) if len(bands) > 1 else ""
    sky = color_name(top.lab, lexicon, plain=True)
    if setting:
        scene.settings = [lexicon.table["settings"][setting].say]
        night = top.lab[0] < DARK
        scene.light = lights["night" if night else lexicon.skies.get(sky, "day")]
        return f"{top_name} above {bottom_name}, taken for {scene.settings[0]} by {scene.light.say}"
    if float(distance(np.array(top.lab), bottom.lab)) < 25:
        scene.settings = [f"a plain {color_name(top.lab, lexicon)} wall"]
    else:
        scene.settings = [f"a {top_name} background above, {bottom_name} below"]
    if seen.brightness < DARK:
        scene.light = lights["night"]
    elif seen.contrast < LOW_CONTRAST:
        scene.light = lights["soft"]
    return ""


def _scenery(bands: Sequence[Band], lexicon: Lexicon) -> str:
    sky, ground = (color_name(band.lab, lexicon, plain=True) for band in (bands[0], bands[-1]))
    sky_like = sky in lexicon.skies or bands[0].lab[0] < DARK
    return lexicon.grounds.get(ground, "") if sky_like and 0.2 < bands[-1].top < 0.9 else ""


def _belongs_to_sky(blob: Blob, seen: Seen, lexicon: Lexicon) -> bool:
    """Whether a pale shape high above the ground is the sky's own: sun, moon or cloud."""
    horizon = seen.bands[0].bottom
    return blob.y < min(horizon, 0.45) and blob.lab[0] > SKY_LIGHT and blob.area < LARGE


def _subject(blob: Blob, lexicon: Lexicon) -> Subject:
    sizes = lexicon.table["sizes"]
    cell = (min(int(blob.x * 3), 2), min(int(blob.y * 3), 2))
    size = sizes["large"] if blob.area > LARGE else sizes["small"] if blob.area < SMALL else None
    return Subject(
        name="shape",
        colors=[color_name(blob.lab, lexicon, plain=True)],
        size=size,
        adjectives=[blob.shape] if blob.shape else [],
        place=place_name(cell, lexicon),
        shape=blob.shape or "irregular shape",
    )


def _scheme(seen: Seen, lexicon: Lexicon) -> str:
    names = [name for name, _ in _shares(seen, lexicon)]
    rest = f" with {listed(names[1:4])}" if len(names) > 1 else ""
    return f"mostly {names[0]}{rest}, {_tone_words(seen)}"


def _tone_words(seen: Seen) -> str:
    words = [
        "dark" if seen.brightness < DARK else "bright" if seen.brightness > BRIGHT else "medium brightness",
        "low contrast" if seen.contrast < LOW_CONTRAST else "high contrast" if seen.contrast > HIGH_CONTRAST else "",
        "warm colors" if seen.warmth > WARM else "cool colors" if seen.warmth < COOL else "",
    ]
    return ", ".join(word for word in words if word)


def _shares(seen: Seen, lexicon: Lexicon) -> list[tuple[str, float]]:
    """The colours by name and their shares, largest first; those below a fiftieth are left out."""
    shares: dict[str, float] = {}
    for lab, share in seen.palette:
        name = color_name(lab, lexicon)
        shares[name] = shares.get(name, 0) + share
    ordered = sorted(shares.items(), key=lambda pair: -pair[1])
    return [pair for pair in ordered if pair[1] >= 0.02] or ordered[:1]


def _seen_note(seen: Seen, format_name: str, lexicon: Lexicon) -> str:
    palette = ", ".join(f"{name} {round(share * 100)} %" for name, share in _shares(seen, lexicon)[:6])
    cells = np.array(seen.cells)
    layout = ""
    if np.ptp(cells) > 15:
        brightest = place_name(_cell_at(int(cells.argmax())), lexicon)
        darkest = place_name(_cell_at(int(cells.argmin())), lexicon)
        layout = f" Brightest: {brightest}; darkest: {darkest}."
    detail = "full of detail" if seen.texture > ROUGH else "smooth"
    return f"Seen: {palette}; {_tone_words(seen)}, {detail}; {format_name}, {seen.width}×{seen.height} pixels.{layout}"


def _cell_at(index: int) -> tuple[int, int]:
    return index % 3, index // 3


def _sentence(scene: Scene) -> str:
    """The short description of what was seen."""
    things = []
    for subject in scene.subjects:
        words = " ".join([*([subject.size.key] if subject.size else []), *subject.adjectives, *subject.colors, "shape"])
        things.append(f"{article(words)} {words} ({subject.place})")
    setting = scene.settings[0]
    shown = listed(things) if things else f"a picture in {scene.scheme.split(',')[0]}"
    light = f", {scene.light.at}" if scene.light else ""
    return f"{shown[0].upper()}{shown[1:]}, with {setting} behind{light}"


def merge_hint(scene: Scene, hint: Scene) -> None:
    """What a hint says laid over what was seen: it names things, and bends light, setting and style."""
    free = list(scene.subjects)
    for said in hint.subjects:
        fitting = [
            subject
            for subject in free
            if (not said.colors or set(said.colors) & set(subject.colors))
            and (not said.place or said.place == subject.place)
        ]
        if not fitting:
            scene.subjects.append(said)
            continue
        subject = fitting[0]
        free.remove(subject)
        subject.name, subject.term, subject.shape = said.name, said.term, "" if said.term else subject.shape
        subject.adjectives = said.adjectives
        subject.colors = said.colors or subject.colors
        subject.size = said.size or subject.size
        subject.textures, subject.details = said.textures, said.details
        subject.pose, subject.action, subject.clothing = said.pose, said.action, said.clothing
        subject.expression, subject.text = said.expression, said.text
    scene.settings = hint.settings or scene.settings
    scene.light = hint.light or scene.light
    scene.weather = hint.weather or (None if hint.light else scene.weather)
    scene.direction = hint.direction or scene.direction
    scene.shadows = hint.shadows or scene.shadows
    scene.medium = hint.medium or scene.medium
    scene.style = hint.style or scene.style
    scene.moods = hint.moods or scene.moods
    scene.scheme = hint.scheme or scene.scheme
    scene.camera = hint.camera or scene.camera
    scene.unread = hint.unread
    scene.words = f"{scene.words}. {hint.words}"

"""A picture in words: its colours, its light and its setting, measured on a small copy and said as a Scene.

That blue above green is a meadow is a guess, and the notes call it one. Things are not recognized: a hint names them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fibo_core.errors import PictureError
from fibo_core.writers.rules.compose import listed
from fibo_core.writers.rules.lexicon import Lexicon, Term
from fibo_core.writers.rules.scene import Scene

Floats = NDArray[np.float64]

LONG_SIDE = 96  # pixels of the copy that is looked at
PALETTE_SIZE = 8
TWO_COLORS = 0.1  # OKLab distance between the upper and the lower part of a picture
LIGHTNESS_WEIGHT = 0.4  # shading changes lightness first
SHOWN_ALPHA = 128  # of 255; what is below counts as transparent
_COLORS = re.compile(r"\bcolou?rs?:\s*([^:;.]+)[.;\s]*$", re.IGNORECASE)  #: at a hint's end
DARK, BRIGHT = 75.0, 160.0  # mean gray, 0 to 255

_CONES = np.array([[0.41222, 0.21190, 0.08830], [0.53633, 0.68070, 0.28172], [0.05145, 0.10740, 0.62998]])
_TO_OKLAB = np.array([[0.21045, 1.97800, 0.02590], [0.79362, -2.42859, 0.78277], [-0.00407, 0.45059, -0.80868]])


@dataclass(frozen=True)
class Look:
    """What one picture shows, as far as measures tell: its setting and light, its colours with their shares, how bright
    it is (mean gray), its format, and notes on all of it."""

    scene: Scene
    shares: dict[str, float]
    gray: float
    form: str
    notes: tuple[str, ...]


def describe_pictures(
    pictures: Sequence[Image.Image], lexicon: Lexicon, colors: Sequence[str] = ()
) -> tuple[Scene, str, list[str]]:
    """What pictures show, as far as measures tell; the first one's format; and notes on both.

    ``colors`` are wished for, and lead the palette. Of several pictures: the colours of all, the light that most of
    them have (where as many have another, the earlier one's), and the setting of the first. Raises PictureError where
    one cannot be read.
    """
    looks = [_look(picture, lexicon) for picture in pictures]
    first = looks[0]
    names = list(dict.fromkeys([*colors, *_shares_of_all(looks)]))
    scene = Scene("", settings=first.scene.settings)
    scheme = f"mostly {names[0]}{f' with {listed(names[1:4])}' if names[1:] else ''}, {_tones(_mean_gray(looks))}"
    scene.show("schemes", Term(key=scheme, say=scheme, words=(scheme,)))
    lights = [tuple(look.scene.shown.get("lights", ())) for look in looks]
    for term in max(lights, key=lights.count):
        scene.show("lights", term)
    light = "".join(f", {term.at}" for term in scene.shown.get("lights", ()))
    scene.words = f"A picture in mostly {names[0]}, with {scene.settings[0]} behind{light}"
    notes = list(first.notes)
    if len(looks) > 1:
        notes = [f"Picture {number}: {note}" for number, look in enumerate(looks, 1) for note in look.notes]
        notes.insert(0, f"Palette and light are those of all {len(looks)} pictures, the setting is the first one's.")
    return scene, f"a simple composition in {first.form} format", notes


def _look(picture: Image.Image, lexicon: Lexicon) -> Look:
    try:
        turned = ImageOps.exif_transpose(picture)
        small, transparent = _small_copy(turned)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as exc:
        raise PictureError(f"The picture cannot be read ({exc}). Save it again as PNG or JPEG.") from exc
    shape = turned.width / turned.height
    form = "square" if 0.95 < shape < 1.05 else "landscape" if shape > 1 else "portrait"
    shares, gray = _shares(small, lexicon), float(np.asarray(small.convert("L")).mean())
    scene = Scene("")
    palette = ", ".join(f"{name} {round(share * 100)} %" for name, share in list(shares.items())[:6])
    notes = [f"Seen: {palette}; {_tones(gray)}; {form}, {turned.width}×{turned.height} pixels."]
    if transparent:
        scene.settings = ["no background"]
        notes.append("The background is transparent, and a painted picture always has one. Say which.")
    elif guess := _set_scene(scene, np.asarray(small, dtype=np.float64), lexicon):
        notes.append(f"The background is a guess from its colors: {guess}.")
    return Look(scene, shares, gray, form, tuple(notes))


def _shares_of_all(looks: Sequence[Look]) -> dict[str, float]:
    """The colours of all pictures by name, each picture counting the same, largest share first."""
    shares: dict[str, float] = {}
    for look in looks:
        for name, share in look.shares.items():
            shares[name] = shares.get(name, 0.0) + share / len(looks)
    return dict(sorted(shares.items(), key=lambda pair: -pair[1]))


def _mean_gray(looks: Sequence[Look]) -> float:
    return sum(look.gray for look in looks) / len(looks)


def _tones(gray: float) -> str:
    return "dark" if gray < DARK else "bright" if gray > BRIGHT else "medium brightness"


def hinted_colors(hint: str) -> tuple[str, list[str]]:
    """A hint without the colours that it ends with ("at night, colors: coral, gold"), and these."""
    found = _COLORS.search(hint)
    if found is None:
        return hint, []
    return hint[: found.start()].strip(" ,.;"), [
        name.strip() for name in re.split(r",| and ", found[1]) if name.strip()
    ]


def color_of(rgb: Floats, lexicon: Lexicon) -> Term:
    """The nearest colour of the lexicon, as people would name it."""
    colors, known = _examples(lexicon)
    return colors[int(_distance(known, oklab(rgb)).argmin())]


def oklab(rgb: Floats) -> Floats:
    """sRGB values 0 to 255 in the last axis as OKLab (Björn Ottosson, 2020), in which vivid blues stay blue."""
    linear = np.where(rgb > 10.31, ((rgb / 255 + 0.055) / 1.055) ** 2.4, rgb / 255 / 12.92)
    return np.cbrt(linear @ _CONES) @ _TO_OKLAB


@cache
def _examples(lexicon: Lexicon) -> tuple[list[Term], Floats]:
    named = [(color, text) for color in lexicon.table["colors"].values() for text in color.rgb.split()]
    rgb = np.array([list(bytes.fromhex(text[1:])) for _, text in named], dtype=np.float64)
    return [color for color, _ in named], oklab(rgb)


def _distance(one: Floats, other: Floats) -> Floats:
    """How different OKLab colours look, shading aside."""
    return np.sqrt((((one - other) * np.array([LIGHTNESS_WEIGHT, 1.0, 1.0])) ** 2).sum(axis=-1))


def _small_copy(picture: Image.Image) -> tuple[Image.Image, bool]:
    """The RGB copy that is looked at, and whether some of it is transparent: that gets the colour of what is not."""
    scale = LONG_SIDE / max(picture.size)
    width, height = (max(round(side * scale), 3) for side in picture.size)
    if not picture.has_transparency_data:
        return picture.convert("RGB").resize((width, height), Image.Resampling.BOX), False
    layer = picture.convert("RGBA").resize((width, height), Image.Resampling.BOX)
    shown, pixels = np.asarray(layer.getchannel("A")) >= SHOWN_ALPHA, np.array(layer.convert("RGB"))
    pixels[~shown] = np.median(pixels[shown], axis=0) if shown.any() else 255
    return Image.fromarray(pixels), not shown.all()


def _set_scene(scene: Scene, rgb: Floats, lexicon: Lexicon) -> str:
    """Sets setting and light; the answer says what was guessed from what, "" where nothing was."""
    top, _, bottom = (np.median(rows, axis=(0, 1)) for rows in np.array_split(rgb, 3))
    upper, lower, lights = color_of(top, lexicon), color_of(bottom, lexicon), lexicon.table["lights"]
    two, night = float(_distance(oklab(top), oklab(bottom))) > TWO_COLORS, top.mean() < DARK
    ground = lexicon.grounds.get(lower.family or lower.key, "") if two else ""
    sky = "night" if night else lexicon.skies.get(upper.family or upper.key, "")
    if ground and sky:
        scene.settings = [lexicon.table["settings"][ground].say]
        scene.show("lights", lights[sky])
        return f"{upper.say} above {lower.say}, taken for {scene.settings[0]} by {lights[sky].say}"
    scene.settings = [f"a {upper.say} background above, {lower.say} below" if two else f"a plain {upper.say} wall"]
    if rgb.mean() < DARK:
        scene.show("lights", lights["night"])
    return ""


def _shares(small: Image.Image, lexicon: Lexicon) -> dict[str, float]:
    """The colours by name and their shares, largest first; those below a fiftieth are left out."""
    few = small.quantize(PALETTE_SIZE, method=Image.Quantize.MAXCOVERAGE, kmeans=2)
    palette = np.array(few.getpalette(), dtype=np.float64).reshape(-1, 3)
    shares: dict[str, float] = {}
    for number, share in enumerate(np.bincount(np.asarray(few).ravel()) / (small.width * small.height)):
        name = color_of(palette[number], lexicon).say
        shares[name] = shares.get(name, 0.0) + float(share)
    ordered = sorted(shares.items(), key=lambda pair: -pair[1])
    return {name: share for name, share in ordered if share >= min(0.02, ordered[0][1])}

"""A picture in words: its colours, its light and its setting, measured on a small copy and said as a Scene.

That blue above green is a meadow is a guess, and the notes call it one. Things are not recognized: a hint names them.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from fibo_core.errors import PictureError
from fibo_core.writers.rules.compose import listed
from fibo_core.writers.rules.lexicon import Lexicon, Term
from fibo_core.writers.rules.scene import Scene

Floats = NDArray[np.float64]

LONG_SIDE, SHORT_SIDE_MIN = 96, 16  # pixels of the copy that is looked at
PALETTE_SIZE = 8
LIGHTNESS_WEIGHT = 0.6  # shading changes lightness more than colour
TWO_COLORS = 25.0  # colour distance (CIELAB) between the upper and the lower part of a picture
DARK, BRIGHT = 32.0, 66.0  # mean lightness, 0 to 100
LOW_CONTRAST, HIGH_CONTRAST = 9.0, 22.0
WARM, COOL = 8.0, -8.0
LEANING = 7.0  # lightness between left and right that speaks of light from one side
ROUGH = 9.0  # mean difference of neighbours, of 255, in a picture full of detail


def describe_picture(picture: Image.Image, lexicon: Lexicon) -> tuple[Scene, str, list[str]]:
    """What a picture shows, as far as measures tell; its format; and notes on both.

    Raises PictureError where it cannot be read.
    """
    try:
        rgb = _flatten(ImageOps.exif_transpose(picture))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as exc:
        raise PictureError(f"The picture cannot be read ({exc}). Save it again as PNG or JPEG.") from exc
    width, height = (max(round(side * LONG_SIDE / max(rgb.size)), SHORT_SIDE_MIN) for side in rgb.size)
    small = rgb.resize((width, height), Image.Resampling.BOX)
    lab = to_lab(np.asarray(small.filter(ImageFilter.MedianFilter(3)), dtype=np.float64))  # (H, W, 3)
    detailed = np.abs(np.diff(np.asarray(small.convert("L"), dtype=np.float64))).mean() > ROUGH
    shares = _shares(small, lexicon)
    names = list(shares)
    scene, tones = Scene(""), _tones(lab)
    guess = _set_scene(scene, lab, lexicon)
    scene.show("media", lexicon.table["media"]["photo" if detailed else "render"])
    scheme = f"mostly {names[0]}{f' with {listed(names[1:4])}' if names[1:] else ''}, {tones}"
    scene.show("schemes", Term(key=scheme, say=scheme, words=(scheme,)))
    light = "".join(f", {term.at}" for term in scene.shown.get("lights", ()))
    scene.words = f"A picture in mostly {names[0]}, with {scene.settings[0]} behind{light}"
    form = "square" if 0.95 < rgb.width / rgb.height < 1.05 else "landscape" if rgb.width > rgb.height else "portrait"
    palette = ", ".join(f"{name} {round(share * 100)} %" for name, share in list(shares.items())[:6])
    detail = "full of detail" if detailed else "smooth"
    notes = [f"Seen: {palette}; {tones}, {detail}; {form}, {rgb.width}×{rgb.height} pixels."]
    if guess:
        notes.append(f"The background is a guess from its colors: {guess}.")
    return scene, f"a simple composition in {form} format", notes


def merge_hint(seen: Scene, hint: Scene) -> None:
    """What a hint says laid over what was seen: it names things, and bends light, setting and style."""
    seen.subjects, seen.links = hint.subjects, hint.links
    seen.settings = hint.settings or seen.settings
    seen.shown |= hint.shown
    seen.words = f"{seen.words}. {hint.words}"


def color_name(lab: Sequence[float] | Floats, lexicon: Lexicon, plain: bool = False) -> str:
    """The nearest colour of the lexicon; with ``plain`` its family ("blue" for navy)."""
    colors = lexicon.table["colors"]
    color = list(colors.values())[int(np.argmin(_distance(_labs(lexicon), lab)))]
    return colors[color.family].say if plain and color.family else color.say


def to_lab(rgb: Floats) -> Floats:
    """sRGB values 0 to 255 in the last axis as CIELAB (D65)."""
    linear = rgb / 255
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    xyz = linear @ np.array([[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]])
    xyz /= np.array([0.9505, 1.0, 1.089])
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _distance(one: Floats, other: Sequence[float] | Floats) -> Floats:
    """How different colours look, shading aside."""
    difference = (one - np.asarray(other)) * np.array([LIGHTNESS_WEIGHT, 1.0, 1.0])
    return np.sqrt((difference**2).sum(axis=-1))


@cache
def _labs(lexicon: Lexicon) -> Floats:
    """The colours of the lexicon, in its order."""
    rgb = [[int(color.rgb[i : i + 2], 16) for i in (1, 3, 5)] for color in lexicon.table["colors"].values()]
    return to_lab(np.array(rgb, dtype=np.float64))


def _flatten(picture: Image.Image) -> Image.Image:
    """RGB; what is transparent shows white."""
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return picture.convert("RGB")


def _set_scene(scene: Scene, lab: Floats, lexicon: Lexicon) -> str:
    """Sets setting and light; the answer says what was guessed from what, "" where nothing was."""
    top, _, bottom = (np.median(rows, axis=(0, 1)) for rows in np.array_split(lab, 3))
    left, _, right = (np.median(columns[..., 0]) for columns in np.array_split(lab, 3, axis=1))
    upper, lower, lights = color_name(top, lexicon), color_name(bottom, lexicon), lexicon.table["lights"]
    if abs(left - right) > LEANING:
        scene.show("directions", lexicon.table["directions"]["left" if left > right else "right"])
    two, night = float(_distance(top, bottom)) > TWO_COLORS, top[0] < DARK
    ground = lexicon.grounds.get(color_name(bottom, lexicon, plain=True), "") if two else ""
    sky = "night" if night else lexicon.skies.get(color_name(top, lexicon, plain=True), "")
    if ground and sky:
        scene.settings = [lexicon.table["settings"][ground].say]
        scene.show("lights", lights[sky])
        return f"{upper} above {lower}, taken for {scene.settings[0]} by {lights[sky].say}"
    scene.settings = [f"a {upper} background above, {lower} below" if two else f"a plain {upper} wall"]
    if lab[..., 0].mean() < DARK:
        scene.show("lights", lights["night"])
    elif lab[..., 0].std() < LOW_CONTRAST:
        scene.show("lights", lights["soft"])
    return ""


def _tones(lab: Floats) -> str:
    """Brightness, contrast and warmth in words."""
    brightness, contrast = lab[..., 0].mean(), lab[..., 0].std()
    warmth = (lab[..., 2] + 0.5 * lab[..., 1]).mean()
    words = [
        "dark" if brightness < DARK else "bright" if brightness > BRIGHT else "medium brightness",
        "low contrast" if contrast < LOW_CONTRAST else "high contrast" if contrast > HIGH_CONTRAST else "",
        "warm colors" if warmth > WARM else "cool colors" if warmth < COOL else "",
    ]
    return ", ".join(word for word in words if word)


def _shares(small: Image.Image, lexicon: Lexicon) -> dict[str, float]:
    """The colours by name and their shares, largest first; those below a fiftieth are left out."""
    few = small.quantize(PALETTE_SIZE, method=Image.Quantize.MAXCOVERAGE, kmeans=2)
    colors = to_lab(np.array(few.getpalette(), dtype=np.float64).reshape(-1, 3))
    counts = np.bincount(np.asarray(few).ravel(), minlength=len(colors))
    shares: dict[str, float] = {}
    for number in np.argsort(-counts, kind="stable"):
        name = color_name(colors[number], lexicon)
        shares[name] = shares.get(name, 0.0) + float(counts[number] / counts.sum())
    ordered = sorted(shares.items(), key=lambda pair: -pair[1])
    return {name: share for name, share in ordered if share >= min(0.02, ordered[0][1])}

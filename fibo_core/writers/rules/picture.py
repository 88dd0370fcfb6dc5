"""A picture in words: its colours, its light and its setting, measured on a small copy and said as a Scene.

That blue above green is a meadow is a guess, and the notes call it one. Things are not recognized: a hint names them.
"""

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
TWO_COLORS = 60.0  # distance between the upper and the lower part of a picture, of 765
DARK, BRIGHT = 75.0, 160.0  # mean gray, 0 to 255
LOW_CONTRAST, HIGH_CONTRAST = 22.0, 56.0  # its standard deviation


def describe_picture(picture: Image.Image, lexicon: Lexicon) -> tuple[Scene, str, list[str]]:
    """What a picture shows, as far as measures tell; its format; and notes on both.

    Raises PictureError where it cannot be read.
    """
    try:
        rgb = _flatten(ImageOps.exif_transpose(picture))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as exc:
        raise PictureError(f"The picture cannot be read ({exc}). Save it again as PNG or JPEG.") from exc
    scale = LONG_SIDE / max(rgb.size)
    small = rgb.resize((max(round(rgb.width * scale), 3), max(round(rgb.height * scale), 3)), Image.Resampling.BOX)
    form = "square" if 0.95 < rgb.width / rgb.height < 1.05 else "landscape" if rgb.width > rgb.height else "portrait"
    shares, tones = _shares(small, lexicon), _tones(small)
    names, scene = list(shares), Scene("")
    notes = [
        f"Seen: {', '.join(f'{name} {round(share * 100)} %' for name, share in list(shares.items())[:6])}; {tones}; "
    ]
    notes[0] += f"{form}, {rgb.width}×{rgb.height} pixels."
    if guess := _set_scene(scene, np.asarray(small, dtype=np.float64), lexicon):
        notes.append(f"The background is a guess from its colors: {guess}.")
    scheme = f"mostly {names[0]}{f' with {listed(names[1:4])}' if names[1:] else ''}, {tones}"
    scene.show("schemes", Term(key=scheme, say=scheme, words=(scheme,)))
    light = "".join(f", {term.at}" for term in scene.shown.get("lights", ()))
    scene.words = f"A picture in mostly {names[0]}, with {scene.settings[0]} behind{light}"
    return scene, f"a simple composition in {form} format", notes


def color_of(rgb: Floats, lexicon: Lexicon) -> Term:
    """The nearest colour of the lexicon."""
    return min(lexicon.table["colors"].values(), key=lambda color: _distance(rgb, _rgb(color)))


def _rgb(color: Term) -> Floats:
    return np.array([int(color.rgb[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.float64)


def _distance(one: Floats, other: Floats) -> float:
    """How different colours look, by "redmean", which weighs red and blue by how red both are."""
    red = (one[0] + other[0]) / 512
    return float(np.sqrt(((one - other) ** 2 * np.array([2 + red, 4, 3 - red])).sum()))


def _flatten(picture: Image.Image) -> Image.Image:
    """RGB; what is transparent shows white."""
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return picture.convert("RGB")


def _set_scene(scene: Scene, rgb: Floats, lexicon: Lexicon) -> str:
    """Sets setting and light; the answer says what was guessed from what, "" where nothing was."""
    top, _, bottom = (np.median(rows, axis=(0, 1)) for rows in np.array_split(rgb, 3))
    upper, lower, lights = color_of(top, lexicon), color_of(bottom, lexicon), lexicon.table["lights"]
    two, night = _distance(top, bottom) > TWO_COLORS, top.mean() < DARK
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


def _tones(small: Image.Image) -> str:
    """Brightness and contrast in words."""
    gray = np.asarray(small.convert("L"), dtype=np.float64)
    brightness = "dark" if gray.mean() < DARK else "bright" if gray.mean() > BRIGHT else "medium brightness"
    contrast = "low" if gray.std() < LOW_CONTRAST else "high" if gray.std() > HIGH_CONTRAST else "medium"
    return f"{brightness}, {contrast} contrast"


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

"""Seeing: a picture measured with numpy alone: its colours, its light, its bands, and what stands out from them.

Measures only; what they may mean is said in `picture.py`. Works on a small copy, so any picture takes some tens of
milliseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from fibo_core.errors import PictureError

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

PALETTE_SIZE = 8
LONG_SIDE = 96  # pixels of the copy that is looked at
SHORT_SIDE_MIN = 16
STANDS_OUT = 17.0  # colour distance (CIELAB, lightness weighted less) from what surrounds it
LIGHTNESS_WEIGHT = 0.6  # shading changes lightness more than colour
BLOB_MIN, BLOB_MAX = 0.004, 0.5  # of the frame
BLOBS_MAX = 5  # what FIBO takes as objects
BUSY = 25.0  # mean difference of neighbours, of 255, above which nothing can be told apart
SHOWN_ALPHA = 128  # of 255; what is below counts as transparent
BAND_STEP = 14.0  # colour distance between two bands, such as sky and ground


@dataclass(frozen=True)
class Blob:
    """Something that stands out. ``x``, ``y`` its middle and ``area`` its size, as parts of the frame (0 to 1)."""

    x: float
    y: float
    area: float
    lab: tuple[float, float, float]
    shape: str  # "round", "square", "triangular", "ring-shaped" or ""


@dataclass(frozen=True)
class Band:
    """A stretch of background from ``top`` to ``bottom`` (parts of the height)."""

    top: float
    bottom: float
    lab: tuple[float, float, float]


@dataclass(frozen=True)
class Seen:
    """What was measured. Lightness 0 to 100; ``warmth`` below 0 is cool; ``lean`` above 0 is brighter on the left."""

    width: int
    height: int
    palette: tuple[tuple[tuple[float, float, float], float], ...]  # colour and its share, largest first
    bands: tuple[Band, ...]
    blobs: tuple[Blob, ...]
    brightness: float
    contrast: float
    warmth: float
    lean: float
    texture: float
    cells: tuple[tuple[float, ...], ...]  # mean lightness of the nine cells, by rows
    transparent: bool = False  # what surrounds the things shown; then all measures are those of what is not


def see(picture: Image.Image) -> Seen:
    """The measures of a picture of any size and mode. Raises PictureError where its pixels cannot be read."""
    try:
        turned = ImageOps.exif_transpose(picture)
        width, height = turned.size
        small, shown = _small_copy(turned)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as exc:
        raise PictureError(f"The picture cannot be read ({exc}). Save it again as PNG or JPEG.") from exc
    lab = to_lab(np.asarray(small.filter(ImageFilter.MedianFilter(3)), dtype=np.float64))
    rows = np.median(lab, axis=1)  # (H, 3): what most of each row is
    stands_out = _distance_from_around(lab, rows) > STANDS_OUT
    lightness, texture = lab[..., 0], _texture(small)
    if shown is not None:
        return _see_cut_out((width, height), small, lab, shown, texture)
    third = max(lab.shape[1] // 3, 1)
    return Seen(
        width=width,
        height=height,
        palette=_palette(small),
        bands=_bands(rows),
        blobs=_blobs(lab, stands_out) if texture < BUSY else (),
        brightness=float(lightness.mean()),
        contrast=float(lightness.std()),
        warmth=float((lab[..., 2] + 0.5 * lab[..., 1]).mean()),
        lean=float(np.median(lightness[:, :third]) - np.median(lightness[:, -third:])),
        texture=texture,
        cells=_cells(lightness),
    )


def to_lab(rgb: Floats) -> Floats:
    """sRGB values 0 to 255 in the last axis as CIELAB (D65)."""
    linear = rgb / 255
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    xyz = linear @ np.array([[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]])
    xyz /= np.array([0.9505, 1.0, 1.089])
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def distance(one: Floats, other: Floats | Sequence[float]) -> Floats:
    """How different colours look, shading aside."""
    difference = (one - np.asarray(other)) * np.array([LIGHTNESS_WEIGHT, 1.0, 1.0])
    return np.sqrt((difference**2).sum(axis=-1))


def _distance_from_around(lab: Floats, rows: Floats) -> Floats:
    """How far each pixel is from what most of its row is, and of the rows a little above and below (a wavy horizon)."""
    reach = max(len(rows) // 12, 1)
    numbers = np.arange(len(rows))
    around = [rows[np.clip(numbers + offset, 0, len(rows) - 1)] for offset in (-reach, 0, reach)]
    return np.minimum.reduce([distance(lab, row[:, None, :]) for row in around])


def _see_cut_out(size: tuple[int, int], small: Image.Image, lab: Floats, shown: Mask, texture: float) -> Seen:
    """The measures of what a picture shows on a transparent ground, which is neither bright nor white."""
    seen = lab[shown]
    pixels = np.asarray(small)[shown]
    return Seen(
        *size,
        palette=_palette(Image.fromarray(pixels[None])),
        bands=(Band(0.0, 1.0, _triple(np.median(seen, axis=0))),),
        blobs=() if shown.all() else _blobs(lab, shown, area_max=1.0),  # all: there is nothing else to be seen
        brightness=float(seen[:, 0].mean()),
        contrast=float(seen[:, 0].std()),
        warmth=float((seen[:, 2] + 0.5 * seen[:, 1]).mean()),
        lean=0.0,
        texture=texture,
        cells=((0.0,) * 3,) * 3,
        transparent=True,
    )


def _small_copy(picture: Image.Image) -> tuple[Image.Image, Mask | None]:
    """The copy that is looked at, RGB, and which of its pixels show something; None where nothing is transparent.

    What is transparent has the colour of what is not, so that no edge is seen; a picture that shows nothing is white.
    """
    scale = LONG_SIDE / max(picture.size)
    width, height = (max(round(side * scale), SHORT_SIDE_MIN) for side in picture.size)
    if not picture.has_transparency_data:
        return picture.convert("RGB").resize((width, height), Image.Resampling.BOX), None
    layer = picture.convert("RGBA").resize((width, height), Image.Resampling.BOX)
    shown = np.asarray(layer.getchannel("A")) >= SHOWN_ALPHA
    if shown.all():
        return layer.convert("RGB"), None
    if not shown.any():
        return Image.new("RGB", layer.size, "white"), ~shown
    pixels = np.array(layer.convert("RGB"))
    pixels[~shown] = np.median(pixels[shown], axis=0)
    return Image.fromarray(pixels), shown


def _palette(small: Image.Image) -> tuple[tuple[tuple[float, float, float], float], ...]:
    few = small.quantize(PALETTE_SIZE, method=Image.Quantize.MAXCOVERAGE, kmeans=2)
    colors = to_lab(np.array(few.getpalette(), dtype=np.float64).reshape(-1, 3))
    counts = np.bincount(np.asarray(few).ravel(), minlength=len(colors))
    found = [
        (_triple(colors[index]), float(counts[index] / counts.sum())) for index in np.argsort(-counts, kind="stable")
    ]
    found = [(color, share) for color, share in found if share > 0]
    return tuple(found)


def _bands(rows: Floats) -> tuple[Band, ...]:
    """The background from top to bottom, cut where its colour jumps; slow changes stay one band."""
    height = len(rows)
    reach = max(height // 24, 1)
    cuts: list[int] = []
    for y in range(reach, height - reach):
        jump = float(
            distance(np.median(rows[max(y - 2 * reach, 0) : y], axis=0), np.median(rows[y : y + 2 * reach], axis=0))
        )
        if jump > BAND_STEP and (not cuts or y - cuts[-1] > 3 * reach):
            cuts.append(y)
    edges = [0, *cuts, height]
    bands = [
        Band(a / height, b / height, _triple(np.median(rows[a:b], axis=0)))
        for a, b in pairwise(edges)
        if b - a > 2 * reach
    ]
    if len(bands) == 1:
        upper, lower = np.median(rows[: height // 3], axis=0), np.median(rows[-(height // 3) :], axis=0)
        if distance(upper, lower) > BAND_STEP:  # one colour fades into another
            return Band(0.0, 0.5, _triple(upper)), Band(0.5, 1.0, _triple(lower))
    return tuple(bands)


def _blobs(lab: Floats, mask: Mask, area_max: float = BLOB_MAX) -> tuple[Blob, ...]:
    height, width = mask.shape
    blobs = []
    for ys, xs in _components(mask):
        area = len(ys) / mask.size
        if not BLOB_MIN <= area <= area_max:
            continue
        color = np.median(lab[ys, xs], axis=0)
        blobs.append(
            Blob(
                float((xs.min() + xs.max() + 1) / 2 / width),
                float((ys.min() + ys.max() + 1) / 2 / height),
                area,
                _triple(color),
                _shape(ys, xs),
            )
        )
    return tuple(sorted(blobs, key=lambda blob: -blob.area)[:BLOBS_MAX])


def _components(mask: Mask) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The connected parts of a mask, as row and column numbers."""
    left = {(int(y), int(x)) for y, x in np.argwhere(mask)}
    parts = []
    while left:
        waiting = [left.pop()]
        part = []
        while waiting:
            y, x = waiting.pop()
            part.append((y, x))
            for neighbour in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if neighbour in left:
                    left.remove(neighbour)
                    waiting.append(neighbour)
        parts.append((np.array([y for y, _ in part]), np.array([x for _, x in part])))
    return parts


def _shape(ys: NDArray[np.int64], xs: NDArray[np.int64]) -> str:
    """A plain word for an outline, where it is clear."""
    height, width = int(np.ptp(ys)) + 1, int(np.ptp(xs)) + 1
    if min(height, width) < 5 or not 0.6 < width / height < 1.7:
        return ""
    box = np.zeros((height, width), dtype=bool)
    box[ys - ys.min(), xs - xs.min()] = True
    fill = box.mean()
    middle = box[
        height // 2 - height // 10 : height // 2 + height // 10 + 1,
        width // 2 - width // 10 : width // 2 + width // 10 + 1,
    ]
    if middle.mean() < 0.3:
        return "ring-shaped"
    if fill > 0.88:
        return "square"
    widths = box.sum(axis=1) / width
    upper, lower = widths[: height // 4 + 1].mean(), widths[-(height // 4) - 1 :].mean()
    if 0.4 < fill < 0.64 and upper < 0.4 < 0.7 < lower:
        return "triangular"
    if fill > 0.7 and abs(upper - lower) < 0.15:
        return "round"
    return ""


def _texture(small: Image.Image) -> float:
    """How much neighbouring pixels differ, 0 for plain areas."""
    gray = np.asarray(small.convert("L"), dtype=np.float64)
    inner = 4 * gray[1:-1, 1:-1] - gray[:-2, 1:-1] - gray[2:, 1:-1] - gray[1:-1, :-2] - gray[1:-1, 2:]
    return float(np.abs(inner).mean()) if inner.size else 0.0


def _cells(lightness: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(
        tuple(float(cell.mean()) for cell in np.array_split(row, 3, axis=1))
        for row in np.array_split(lightness, 3, axis=0)
    )


def _triple(lab: Floats) -> tuple[float, float, float]:
    return float(lab[0]), float(lab[1]), float(lab[2])

"""Seeing: a picture measured with numpy alone: its colours, its light, and what stands out from them.

Measures only; what they may mean is said in `picture.py`. Works on a small copy, so any picture takes some tens of
milliseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from fibo_core.errors import PictureError

Floats = NDArray[np.float64]
Lab = tuple[float, float, float]

LONG_SIDE, SHORT_SIDE_MIN = 96, 16  # pixels of the copy that is looked at
PALETTE_SIZE = 8
STANDS_OUT = 17.0  # colour distance (CIELAB, lightness weighted less) from what surrounds it
LIGHTNESS_WEIGHT = 0.6  # shading changes lightness more than colour
BLOB_MIN, BLOB_MAX = 0.004, 0.5  # of the frame
BLOBS_MAX = 5  # what FIBO takes as objects
BUSY = 25.0  # mean difference of neighbours, of 255, above which nothing can be told apart


@dataclass(frozen=True)
class Blob:
    """Something that stands out. ``x``, ``y`` its middle and ``area`` its size, as parts of the frame (0 to 1)."""

    x: float
    y: float
    area: float
    lab: Lab
    shape: str  # "round", "square" or ""


@dataclass(frozen=True)
class Seen:
    """What was measured. Lightness 0 to 100; ``warmth`` below 0 is cool; ``lean`` above 0 is brighter on the left.

    ``upper`` and ``lower`` are the colours of most of the upper and the lower third.
    """

    width: int
    height: int
    palette: tuple[tuple[Lab, float], ...]  # colour and its share, largest first
    upper: Lab
    lower: Lab
    blobs: tuple[Blob, ...]
    brightness: float
    contrast: float
    warmth: float
    lean: float
    texture: float


def see(picture: Image.Image) -> Seen:
    """The measures of a picture of any size and mode. Raises PictureError where its pixels cannot be read."""
    try:
        turned = ImageOps.exif_transpose(picture)
        rgb = _flatten(turned)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as exc:
        raise PictureError(f"The picture cannot be read ({exc}). Save it again as PNG or JPEG.") from exc
    scale = LONG_SIDE / max(rgb.size)
    small_size = [max(round(side * scale), SHORT_SIDE_MIN) for side in rgb.size]
    small = rgb.resize((small_size[0], small_size[1]), Image.Resampling.BOX)
    lab = to_lab(np.asarray(small.filter(ImageFilter.MedianFilter(3)), dtype=np.float64))
    rows, lightness, texture = np.median(lab, axis=1), lab[..., 0], _texture(small)
    left, right = np.array_split(lightness, 3, axis=1)[::2]
    return Seen(
        width=rgb.width,
        height=rgb.height,
        palette=_palette(small),
        upper=_triple(np.median(np.array_split(rows, 3)[0], axis=0)),
        lower=_triple(np.median(np.array_split(rows, 3)[2], axis=0)),
        blobs=_blobs(lab, rows) if texture < BUSY else (),
        brightness=float(lightness.mean()),
        contrast=float(lightness.std()),
        warmth=float((lab[..., 2] + 0.5 * lab[..., 1]).mean()),
        lean=float(np.median(left) - np.median(right)),
        texture=texture,
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


def distance(one: Floats | Lab, other: Floats | Sequence[float]) -> Floats:
    """How different colours look, shading aside."""
    difference = (np.asarray(one) - np.asarray(other)) * np.array([LIGHTNESS_WEIGHT, 1.0, 1.0])
    return np.sqrt((difference**2).sum(axis=-1))


def _flatten(picture: Image.Image) -> Image.Image:
    """RGB; what is transparent shows white."""
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return picture.convert("RGB")


def _palette(small: Image.Image) -> tuple[tuple[Lab, float], ...]:
    few = small.quantize(PALETTE_SIZE, method=Image.Quantize.MAXCOVERAGE, kmeans=2)
    colors = to_lab(np.array(few.getpalette(), dtype=np.float64).reshape(-1, 3))
    counts = np.bincount(np.asarray(few).ravel(), minlength=len(colors))
    order = np.argsort(-counts, kind="stable")
    return tuple((_triple(colors[i]), float(counts[i] / counts.sum())) for i in order if counts[i])


def _blobs(lab: Floats, rows: Floats) -> tuple[Blob, ...]:
    """The connected areas that differ from most of their row, and of the rows a little above and below it."""
    height, width = lab.shape[:2]
    reach, numbers = max(height // 12, 1), np.arange(height)
    around = [rows[np.clip(numbers + offset, 0, height - 1)] for offset in (-reach, 0, reach)]
    stands_out = np.minimum.reduce([distance(lab, row[:, None, :]) for row in around]) > STANDS_OUT
    left = {(int(y), int(x)) for y, x in np.argwhere(stands_out)}
    blobs = []
    while left:
        waiting, part = [left.pop()], []
        while waiting:
            y, x = waiting.pop()
            part.append((y, x))
            beside = {(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)} & left
            left -= beside
            waiting += beside
        area = len(part) / lab[..., 0].size
        if BLOB_MIN <= area <= BLOB_MAX:
            ys, xs = np.array(part).T
            x, y = (xs.min() + xs.max() + 1) / 2 / width, (ys.min() + ys.max() + 1) / 2 / height
            blobs.append(Blob(float(x), float(y), area, _triple(np.median(lab[ys, xs], axis=0)), _shape(ys, xs)))
    return tuple(sorted(blobs, key=lambda blob: (-blob.area, blob.x, blob.y))[:BLOBS_MAX])


def _shape(ys: NDArray[np.int64], xs: NDArray[np.int64]) -> str:
    """A plain word for an outline, where it is clear: by how much of its box it fills."""
    height, width = int(np.ptp(ys)) + 1, int(np.ptp(xs)) + 1
    fill = len(ys) / (height * width)
    if min(height, width) < 5 or not 0.6 < width / height < 1.7 or fill < 0.7:
        return ""
    return "square" if fill > 0.88 else "round"


def _texture(small: Image.Image) -> float:
    """How much neighbouring pixels differ, 0 for plain areas."""
    gray = np.asarray(small.convert("L"), dtype=np.float64)
    inner = 4 * gray[1:-1, 1:-1] - gray[:-2, 1:-1] - gray[2:, 1:-1] - gray[1:-1, :-2] - gray[1:-1, 2:]
    return float(np.abs(inner).mean())


def _triple(lab: Floats) -> Lab:
    return float(lab[0]), float(lab[1]), float(lab[2])

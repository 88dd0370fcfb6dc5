"""The palette of pictures: their main colours, as swatches with the names that a hint may use.

Each picture counts the same, and small vivid things count too: the first guess at the colours is the one that lies
furthest from those found before, not the next most frequent.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fibo_core.prompts.color_codes import nearest_color
from fibo_core.writers.rules.picture import oklab

Floats = NDArray[np.float64]

MOST = 6  #: swatches
SIDE = 96  #: px of the copy that is looked at
BITS = 4  #: of each channel: pixels alike in them are one point
LEAST = 0.004  #: of the pixels, which a point must have to count
ALIKE = 0.07  #: distance below which two swatches look the same
WEIGHTS = np.array([0.6, 1.0, 1.0])  #: a hue says more than a shade
ROUNDS = 12  #: of k-means; more move nothing that can be seen
SHOWN_ALPHA = 128  #: of 255; what is below counts as transparent


@dataclass(frozen=True)
class Swatch:
    """``hex`` is "#rrggbb", ``name`` what it is called, ``share`` how much of the pictures it is, 0 to 1."""

    hex: str
    name: str
    share: float


def palette(pictures: Sequence[Image.Image], most: int = MOST) -> tuple[Swatch, ...]:
    """The main colours of all pictures together, the largest share first; none where all is transparent."""
    colors, weights = _points(pictures)
    if not len(colors):
        return ()
    places = oklab(colors) * WEIGHTS
    centers = _centers(places, weights, most)
    nearest = _distances(places, centers).argmin(axis=1)
    found = []
    for number in range(len(centers)):
        own = nearest == number
        if own.any():
            center = _mean(places[own], weights[own])
            typical = colors[own][((places[own] - center) ** 2).sum(axis=1).argmin()]
            red, green, blue = (round(value) for value in typical)
            found.append(
                Swatch(f"#{red:02x}{green:02x}{blue:02x}", nearest_color(red, green, blue), float(weights[own].sum()))
            )
    return tuple(sorted(found, key=lambda swatch: (-swatch.share, swatch.hex)))


def _points(pictures: Sequence[Image.Image]) -> tuple[Floats, Floats]:
    """The colours that occur, (N, 3) in sRGB, and the share of each; rare ones are left out."""
    sums: dict[int, Floats] = {}
    for picture in pictures:
        pixels = _pixels(picture)
        keys = (pixels.astype(np.int64) >> (8 - BITS)) @ np.array([1 << 2 * BITS, 1 << BITS, 1])
        for key in np.unique(keys):
            own = pixels[keys == key]
            added = np.append(own.sum(axis=0), len(own)) / max(len(pixels), 1)
            sums[int(key)] = sums.get(int(key), np.zeros(4)) + added
    if not sums:
        return np.zeros((0, 3)), np.zeros(0)
    table = np.array([sums[key] for key in sorted(sums)])
    often = table[:, 3] >= LEAST * table[:, 3].sum()
    table = table[often] if often.any() else table
    return table[:, :3] / table[:, 3:], table[:, 3] / table[:, 3].sum()


def _pixels(picture: Image.Image) -> Floats:
    """The pixels of a small copy, (N, 3) in sRGB, without transparent ones."""
    small = picture.convert("RGBA")
    small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    values = np.asarray(small, dtype=np.float64).reshape(-1, 4)
    return values[values[:, 3] >= SHOWN_ALPHA, :3]


def _centers(places: Floats, weights: Floats, most: int) -> Floats:
    """Up to ``most`` colours, none of them like another; the same pictures give the same ones."""
    centers = [places[weights.argmax()]]
    while len(centers) < most:
        away = _distances(places, np.array(centers)).min(axis=1)
        if away.max() < ALIKE:
            break
        centers.append(places[(away * np.sqrt(weights)).argmax()])
    moved = np.array(centers)
    for _ in range(ROUNDS):
        nearest = _distances(places, moved).argmin(axis=1)
        used = [number for number in range(len(moved)) if (nearest == number).any()]
        moved = np.array([_mean(places[nearest == number], weights[nearest == number]) for number in used])
    kept: list[Floats] = []
    for center in moved:
        if all(np.sqrt(((center - other) ** 2).sum()) >= ALIKE for other in kept):
            kept.append(center)
    return np.array(kept)


def _mean(places: Floats, weights: Floats) -> Floats:
    mean: Floats = (places * weights[:, None]).sum(axis=0) / weights.sum()
    return mean


def _distances(places: Floats, centers: Floats) -> Floats:
    """(N, 3), (K, 3) → (N, K)"""
    distances: Floats = np.sqrt(((places[:, None] - centers[None]) ** 2).sum(axis=2))
    return distances

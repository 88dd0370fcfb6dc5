"""The shapes of mini's things, as signed distances: negative inside, so that every edge is crisp at any size.

A thing is a few parts painted one over the other, in coordinates of its own: -1 to 1, x right, y down.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.floating[Any]]  #: (H, W), or (H, W, 3) where it is a colour from 0 to 1


def _circle(x: Field, y: Field, cx: float, cy: float, r: float) -> Field:
    return np.hypot(x - cx, y - cy) - r


def _ellipse(x: Field, y: Field, cx: float, cy: float, rx: float, ry: float) -> Field:
    k = np.hypot((x - cx) / rx, (y - cy) / ry)
    return (k - 1) * min(rx, ry)


def _block(x: Field, y: Field, cx: float, cy: float, hx: float, hy: float, r: float = 0.0) -> Field:
    dx, dy = np.abs(x - cx) - hx + r, np.abs(y - cy) - hy + r
    return np.hypot(np.maximum(dx, 0), np.maximum(dy, 0)) + np.minimum(np.maximum(dx, dy), 0) - r


def _bar(x: Field, y: Field, ax: float, ay: float, bx: float, by: float, r: float) -> Field:
    px, py, dx, dy = x - ax, y - ay, bx - ax, by - ay
    t = np.clip((px * dx + py * dy) / (dx * dx + dy * dy), 0, 1)
    return np.hypot(px - t * dx, py - t * dy) - r


def _polygon(x: Field, y: Field, *corners: tuple[float, float]) -> Field:
    distance = np.full_like(x, 9.0)
    inside = np.zeros(x.shape, dtype=bool)
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        distance = np.minimum(distance, _bar(x, y, ax, ay, bx, by, 0.0))
        if ay != by:
            inside ^= ((ay > y) != (by > y)) & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    return np.where(inside, -distance, distance)


@dataclass(frozen=True)
class Part:
    """A piece of a thing. ``tone``: a factor on the thing's own colour, or a colour of its own (sRGB)."""

    shape: Callable[[Field, Field], Field]
    tone: float | tuple[int, int, int] = 1.0
    round: float = 0.35  #: how far the rounding of its edge reaches inwards, as a share of the thing


def _star_corners() -> tuple[tuple[float, float], ...]:
    radii = [1.0, 0.42] * 5
    return tuple((r * math.sin(k * math.pi / 5), 0.08 - r * math.cos(k * math.pi / 5)) for k, r in enumerate(radii))


def _min(*fields: Field) -> Field:
    return np.minimum.reduce(fields)


CREAM, TRUNK, DOOR, PANE, LEAF, HEART_OF_FLOWER = (
    (240, 228, 204), (112, 72, 40), (84, 52, 34), (255, 240, 170), (52, 140, 60), (252, 206, 60),
)  # fmt: skip

#: The parts of each thing, painted in this order.
KINDS: dict[str, tuple[Part, ...]] = {
    "ball": (Part(lambda x, y: _circle(x, y, 0, 0, 0.95), round=0.95),),
    "box": (
        Part(lambda x, y: _polygon(x, y, (-0.9, -0.45), (-0.5, -0.85), (0.9, -0.85), (0.5, -0.45)), 1.22, 0.02),
        Part(lambda x, y: _polygon(x, y, (0.5, -0.45), (0.9, -0.85), (0.9, 0.5), (0.5, 0.9)), 0.66, 0.02),
        Part(lambda x, y: _block(x, y, -0.2, 0.225, 0.7, 0.675), 1.0, 0.06),
    ),
    "pyramid": (
        Part(lambda x, y: _polygon(x, y, (0, -0.9), (0.25, 0.85), (-0.95, 0.6)), 1.0, 0.03),
        Part(lambda x, y: _polygon(x, y, (0, -0.9), (0.95, 0.5), (0.25, 0.85)), 0.62, 0.03),
    ),
    "star": (Part(lambda x, y: _polygon(x, y, *_star_corners()) - 0.03, round=0.3),),
    "heart": (
        Part(
            lambda x, y: _min(
                _circle(x, y, -0.46, -0.32, 0.5),
                _circle(x, y, 0.46, -0.32, 0.5),
                _polygon(x, y, (0, -0.5), (0.46, -0.32), (0.87, -0.02), (0, 0.95), (-0.87, -0.02), (-0.46, -0.32)),
            ),
            round=0.4,
        ),
    ),
    "ring": (Part(lambda x, y: np.abs(np.hypot(x, y) - 0.68) - 0.26, round=0.26),),
    "mushroom": (
        Part(lambda x, y: _block(x, y, 0, 0.45, 0.24, 0.48, 0.12), CREAM, 0.2),
        Part(lambda x, y: np.maximum(_ellipse(x, y, 0, 0.12, 0.95, 0.98), y - 0.14), 1.0, 0.4),
        Part(
            lambda x, y: _min(
                _circle(x, y, -0.45, -0.2, 0.15), _circle(x, y, 0.08, -0.5, 0.17), _circle(x, y, 0.5, -0.14, 0.13)
            ),
            (255, 252, 244),
            0.05,
        ),
    ),
    "tree": (
        Part(lambda x, y: _block(x, y, 0, 0.62, 0.13, 0.34, 0.04), TRUNK, 0.1),
        Part(
            lambda x, y: _min(
                _circle(x, y, -0.42, -0.05, 0.46), _circle(x, y, 0.42, -0.05, 0.46), _circle(x, y, 0, -0.45, 0.5)
            ),
            1.0,
            0.42,
        ),
    ),
    "flower": (
        Part(lambda x, y: _bar(x, y, 0, 0.1, 0, 0.95, 0.07), LEAF, 0.07),
        Part(lambda x, y: _ellipse(x, y, 0.3, 0.68, 0.28, 0.12), LEAF, 0.1),
        Part(
            lambda x, y: _min(
                *(
                    _circle(x, y, 0.42 * math.cos(k * math.pi / 3), -0.28 + 0.42 * math.sin(k * math.pi / 3), 0.27)
                    for k in range(6)
                )
            ),
            1.0,
            0.25,
        ),
        Part(lambda x, y: _circle(x, y, 0, -0.28, 0.23), HEART_OF_FLOWER, 0.2),
    ),
    "house": (
        Part(lambda x, y: _block(x, y, 0, 0.38, 0.68, 0.52), 1.0, 0.05),
        Part(lambda x, y: _polygon(x, y, (0, -0.95), (0.95, -0.1), (-0.95, -0.1)), 0.62, 0.05),
        Part(lambda x, y: _block(x, y, -0.28, 0.58, 0.17, 0.32), DOOR, 0.03),
        Part(lambda x, y: _block(x, y, 0.32, 0.36, 0.17, 0.17), PANE, 0.03),
    ),
    "boat": (
        Part(lambda x, y: _bar(x, y, 0, -0.85, 0, 0.4, 0.045), TRUNK, 0.04),
        Part(lambda x, y: _polygon(x, y, (0.1, -0.9), (0.8, 0.2), (0.1, 0.2)), (252, 250, 242), 0.05),
        Part(lambda x, y: _polygon(x, y, (-0.1, -0.6), (-0.1, 0.2), (-0.65, 0.2)), (226, 226, 222), 0.05),
        Part(lambda x, y: _polygon(x, y, (-0.95, 0.34), (0.95, 0.34), (0.6, 0.88), (-0.6, 0.88)), 1.0, 0.15),
    ),
    "cat": (
        Part(
            lambda x, y: _min(_bar(x, y, 0.35, 0.82, 0.8, 0.6, 0.1), _bar(x, y, 0.8, 0.6, 0.82, 0.15, 0.1)),
            0.85,
            0.1,
        ),
        Part(lambda x, y: _ellipse(x, y, 0, 0.45, 0.52, 0.52), 1.0, 0.4),
        Part(
            lambda x, y: _min(
                _ellipse(x, y, 0, -0.32, 0.54, 0.46),
                _polygon(x, y, (-0.5, -0.95), (-0.1, -0.68), (-0.5, -0.3)),
                _polygon(x, y, (0.5, -0.95), (0.5, -0.3), (0.1, -0.68)),
            ),
            1.0,
            0.3,
        ),
        Part(
            lambda x, y: _min(_circle(x, y, -0.22, -0.36, 0.1), _circle(x, y, 0.22, -0.36, 0.1)),
            (250, 250, 214),
            0.1,
        ),
        Part(lambda x, y: _min(_circle(x, y, -0.22, -0.36, 0.05), _circle(x, y, 0.22, -0.36, 0.05)), (20, 22, 26), 0.1),
        Part(lambda x, y: _polygon(x, y, (-0.08, -0.18), (0.08, -0.18), (0, -0.08)), (240, 140, 150), 0.05),
    ),
    "cup": (
        Part(lambda x, y: np.abs(np.hypot(x - 0.52, y - 0.08) - 0.3) - 0.09, 0.85, 0.09),
        Part(lambda x, y: _polygon(x, y, (-0.85, -0.6), (0.55, -0.6), (0.38, 0.8), (-0.68, 0.8)) - 0.05, 1.0, 0.3),
        Part(lambda x, y: _ellipse(x, y, -0.15, -0.6, 0.7, 0.17), 0.5, 0.05),
    ),
    "cloud": (
        Part(
            lambda x, y: _min(
                _circle(x, y, -0.5, 0.12, 0.4), _circle(x, y, 0.5, 0.14, 0.38), _circle(x, y, -0.05, -0.15, 0.52),
                _block(x, y, 0, 0.34, 0.85, 0.2, 0.18),
            ),
            1.0, 0.35,
        ),
    ),
    "fish": (
        Part(lambda x, y: _polygon(x, y, (0.45, 0), (0.95, -0.5), (0.85, 0), (0.95, 0.5)), 0.72, 0.1),
        Part(lambda x, y: _polygon(x, y, (-0.1, -0.4), (0.25, -0.75), (0.35, -0.25)), 0.72, 0.1),
        Part(lambda x, y: _ellipse(x, y, -0.15, 0, 0.76, 0.5), 1.0, 0.45),
        Part(lambda x, y: _circle(x, y, -0.55, -0.1, 0.12), (252, 252, 248), 0.1),
        Part(lambda x, y: _circle(x, y, -0.57, -0.1, 0.06), (20, 20, 24), 0.1),
    ),
    "moon": (
        Part(lambda x, y: np.maximum(_circle(x, y, 0, 0, 0.92), -_circle(x, y, 0.42, -0.12, 0.72)), round=0.3),
    ),
}  # fmt: skip

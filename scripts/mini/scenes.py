"""Scenes: what mini is taught to paint, as frozen values, and how they are drawn by chance."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fibo_core.models.mini.world import world

Seed = np.random.Generator

#: How much larger a camera makes things.
ZOOM = {"close": 1.15, "far": 0.87}


#: Where several of the same stand side by side, as the offline writer places them.
ROWS = (("left", "right"), ("left", "center", "right"))


@dataclass(frozen=True)
class Thing:
    """One object of a scene. Each value is a name of the world's vocabulary."""

    kind: str
    colour: str
    place: str
    size: str


@dataclass(frozen=True)
class Scene:
    """A picture before it is drawn. ``direction`` "" means that none is told: left, right or above.

    ``variant`` seeds what no caption tells: the line of the dunes, the light's direction where none is told.
    """

    things: tuple[Thing, ...]
    background: str
    wall: str  #: colour of the wall, where the background is one
    light: str
    direction: str
    medium: str
    camera: str
    focus: str
    variant: int


def draw_scene(rng: Seed) -> Scene:
    """A scene drawn by chance: one to three things that keep clear of each other, small things more often."""
    w = world()
    background = _pick(rng, w.backgrounds, [0.28] + [0.08] * 9)
    return Scene(
        things=_row(rng) if rng.random() < 0.06 else _scattered(rng),
        background=background,
        wall=_pick(rng, w.walls),
        light="night" if background == "stars" else _pick(rng, w.lights, [0.28, 0.18, 0.18, 0.18, 0.18]),
        direction=_pick(rng, ["", *w.directions], [0.2, 0.2, 0.2, 0.2, 0.2]),
        medium=_pick(rng, w.media, [0.4, 0.2, 0.2, 0.2]),
        camera=_pick(rng, w.cameras, [0.44, 0.14, 0.14, 0.14, 0.14]),
        focus=_pick(rng, w.focus, [0.75, 0.25]),
        variant=int(rng.integers(2**31)),
    )


def _scattered(rng: Seed) -> tuple[Thing, ...]:
    """One to three things, each in a cell of its own."""
    w = world()
    count = int(rng.choice([1, 2, 3], p=[0.5, 0.3, 0.2]))
    things: list[Thing] = []
    places = list(rng.permutation(list(w.places)))
    colour, kind = _pick(rng, w.colours), _pick(rng, w.things)
    while len(things) < count and places:
        size = _pick(rng, w.sizes, [0.36, 0.36, 0.28] if count == 1 else [0.46, 0.42, 0.12])
        thing = Thing(kind, colour, str(places.pop()), size)
        if all(_clear(thing, other) for other in things):
            things.append(thing)
        if rng.random() < 0.85:
            kind = _pick(rng, w.things)
        if rng.random() < 0.85:
            colour = _pick(rng, w.colours)
    return tuple(things)


def _row(rng: Seed) -> tuple[Thing, ...]:
    """Two or three of the same, side by side: what a count asks for."""
    w = world()
    alike = Thing(_pick(rng, w.things), _pick(rng, w.colours), "", _pick(rng, ["small", "medium"]))
    return tuple(replace(alike, place=place) for place in ROWS[int(rng.integers(len(ROWS)))])


def _pick(rng: Seed, names: Iterable[str], weights: Sequence[float] | None = None) -> str:
    return str(rng.choice(list(names), p=weights))


def _clear(one: Thing, other: Thing) -> bool:
    """Whether two things, side by side in a square picture, do not hide each other."""
    w = world()
    (a, b), (c, d) = w.cells[one.place], w.cells[other.place]
    return math.hypot(a - c, b - d) / 3 > (w.shares[one.size] + w.shares[other.size]) * 0.5


def box_of(thing: Thing, scene: Scene, width: int, height: int) -> tuple[float, float, float]:
    """Centre (x, y) and radius of a thing in pixels; always inside the picture."""
    w = world()
    radius = w.shares[thing.size] * ZOOM.get(scene.camera, 1.0) * math.sqrt(width * height) / 2
    column, row = w.cells[thing.place]
    x, y = (column + 0.5) / 3 * width, (row + 0.5) / 3 * height
    return (
        min(max(x, radius + 3), width - radius - 3),
        min(max(y, radius + 3), height - radius - 3),
        radius,
    )

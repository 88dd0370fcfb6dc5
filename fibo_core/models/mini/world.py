"""mini's vocabulary: what it was trained to paint, and how people say it (`world.toml`)."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

Words = MappingProxyType[str, tuple[str, ...]]
Rgb = tuple[int, int, int]


@dataclass(frozen=True)
class World:
    """Every choice a scene can make, by its plain name; the values are wordings, plainest first."""

    things: Words
    colours: Words
    places: Words
    sizes: Words
    backgrounds: Words
    lights: Words
    directions: Words
    media: Words
    cameras: Words
    focus: Words
    rgb: MappingProxyType[str, Rgb]  #: of a colour
    walls: MappingProxyType[str, Rgb]  #: of a plain wall
    cells: MappingProxyType[str, tuple[int, int]]  #: column and row of a place, from 0
    shares: MappingProxyType[str, float]  #: diameter of a size, as a share of the square root of the area


@cache
def world() -> World:
    """The vocabulary that ships with the weights."""
    table = tomllib.loads((Path(__file__).parent / "world.toml").read_text(encoding="utf-8"))

    def words(group: str) -> Words:
        rows: dict[str, Any] = table[group]
        return MappingProxyType({
            name: tuple(row["words"] if isinstance(row, dict) else row) for name, row in rows.items()
        })  # fmt: skip

    return World(
        **{
            group: words(group)
            for group in (
                "things", "colours", "places", "sizes", "backgrounds", "lights", "directions", "media", "cameras",
                "focus",
            )
        },
        rgb=MappingProxyType({name: tuple(row["rgb"]) for name, row in table["colours"].items()}),
        walls=MappingProxyType({name: tuple(rgb) for name, rgb in table["walls"].items()}),
        cells=MappingProxyType({name: tuple(row["cell"]) for name, row in table["places"].items()}),
        shares=MappingProxyType({name: row["share"] for name, row in table["sizes"].items()}),
    )  # fmt: skip

"""The objects of a prompt as chips on a board: where each is, how large, of what colour, and where the light is from.

Read from the words of `location`, `relative_size`, `shape_and_color` and `lighting.direction`; an edit tells that one
field anew and leaves all else, the order of keys too. What stays where it was keeps its own words.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

from fibo_core.prompts.edits import add_item, items, remove_item, with_field
from fibo_core.prompts.sketch_words import (
    MIDDLE,
    Light,
    Place,
    color_names,
    read_color,
    read_light,
    read_place,
    read_size,
    replace_color,
    replace_place,
    replace_size,
    sizes,
    write_light,
    write_place,
)
from fibo_core.prompts.structured_prompt import StructuredPrompt

MEDIUM = next(index for index, (_, words) in enumerate(sizes()) if words == "medium")
PLAIN_SIZES = tuple(index for index, (_, words) in enumerate(sizes()) if words in ("small", "medium", "large"))
#: The nine places that captions name most, in the order in which a new object takes the first free one.
NINE = tuple(Place(column, row) for row, column in product((MIDDLE, 5, 1), (MIDDLE, 1, 5)))
_CROWDED_SHARE = 0.5  #: of the smaller one's square, from which on two chips are in one place
_NAMED_MAX = 2  #: of many things in one place
_BACKDROP_SHARE = 0.9  #: what is as large as this has everything in front of it


@dataclass(frozen=True)
class Chip:
    """One object: its number in `objects`, and what its words say. ``size`` is a number in `sizes`.

    ``color`` is None where no known colour is named. ``doubts`` are sentences on what its words leave open.
    """

    index: int
    label: str
    place: Place
    size: int
    color: str | None
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """A board: a chip for each object, in the prompt's order, and the light, None where its side is not said."""

    chips: tuple[Chip, ...]
    light: Light | None
    light_doubt: str = ""


def read_layout(prompt: StructuredPrompt, shape: tuple[int, int] = (1, 1)) -> Layout:
    """The board of ``prompt`` for a picture of this width and height: two chips in one place are a doubt of both."""
    chips = [_chip(prompt, index) for index in range(len(items(prompt, "objects")))]
    beside: dict[int, list[Chip]] = {chip.index: [] for chip in chips}
    for one, other in _crowded(chips, shape):
        beside[one.index].append(other)
        beside[other.index].append(one)
    light, doubt = read_light(_text(prompt, "lighting.direction"))
    return Layout(
        tuple(replace(chip, doubts=(*chip.doubts, *_in_one_place(beside[chip.index]))) for chip in chips), light, doubt
    )


def move_object(prompt: StructuredPrompt, index: int, place: Place) -> StructuredPrompt:
    """A copy with the object at ``place``; its own words where it is there already, and no doubt of it."""
    text = _text(prompt, path := f"objects[{index}].location")
    stands, doubt = read_place(text)
    return prompt if stands == place and not doubt else with_field(prompt, path, replace_place(text, place))


def resize_object(prompt: StructuredPrompt, index: int, size: int) -> StructuredPrompt:
    text = _text(prompt, path := f"objects[{index}].relative_size")
    return prompt if read_size(text) == size else with_field(prompt, path, replace_size(text, size))


def recolor_object(prompt: StructuredPrompt, index: int, color: str) -> StructuredPrompt:
    """A copy with the first colour of the object's `shape_and_color` in the words of ``color``."""
    text = _text(prompt, path := f"objects[{index}].shape_and_color")
    return prompt if read_color(text) == read_color(color) else with_field(prompt, path, replace_color(text, color))


def name_object(prompt: StructuredPrompt, index: int, description: str) -> StructuredPrompt:
    return with_field(prompt, f"objects[{index}].description", description)


def add_object(prompt: StructuredPrompt, place: Place) -> StructuredPrompt:
    """A copy with a medium object at the end, of which nothing is said yet but where it is."""
    prompt, path = add_item(prompt, "objects"), f"objects[{len(items(prompt, 'objects'))}]"
    prompt = with_field(prompt, f"{path}.location", write_place(place))
    return with_field(prompt, f"{path}.relative_size", sizes()[MEDIUM][1])


def remove_object(prompt: StructuredPrompt, index: int) -> StructuredPrompt:
    return remove_item(prompt, "objects", index)


def light_from(prompt: StructuredPrompt, light: Light) -> StructuredPrompt:
    """A copy lit from there; its own words where it is already."""
    stands, doubt = read_light(_text(prompt, "lighting.direction"))
    return prompt if stands == light and not doubt else with_field(prompt, "lighting.direction", write_light(light))


def _chip(prompt: StructuredPrompt, index: int) -> Chip:
    path = f"objects[{index}]."
    label = " ".join(_text(prompt, path + "description").split())
    place, doubt = read_place(_text(prompt, path + "location"))
    size = read_size(_text(prompt, path + "relative_size"))
    words = _text(prompt, path + "shape_and_color")
    doubts = [doubt] if doubt else []
    named, described = color_names(words), color_names(label)
    if named and described and not {*named} & {*described}:
        doubts.append(f"Its colour is “{named[0]}”, and its description says “{described[0]}”.")
    color = read_color(words) or read_color(label)
    return Chip(index, label, place, MEDIUM if size is None else size, color, tuple(doubts))


def _crowded(chips: Sequence[Chip], shape: tuple[int, int]) -> Iterator[tuple[Chip, Chip]]:
    """Pairs of which one covers half of the other or more, as near as it."""
    width, height = shape[0] / (shape[0] * shape[1]) ** 0.5, shape[1] / (shape[0] * shape[1]) ** 0.5
    for one, other in combinations(chips, 2):
        small, large = sorted((sizes()[one.size][0], sizes()[other.size][0]))
        if one.place.depth != other.place.depth or large >= _BACKDROP_SHARE:
            continue
        across = (small + large) / 2 - abs(one.place.x - other.place.x) * width
        down = (small + large) / 2 - abs(one.place.y - other.place.y) * height
        if min(across, down) > 0 and min(across, small) * min(down, small) >= _CROWDED_SHARE * small**2:
            yield one, other


def _in_one_place(others: Sequence[Chip]) -> list[str]:
    named = [_named(other) for other in others[:_NAMED_MAX]]
    if len(others) > len(named):
        named.append(f"{len(others) - len(named)} more")
    return [f"It is in one place with {' and '.join(named)}."] if named else []


def _named(chip: Chip) -> str:
    short = chip.label if len(chip.label) <= 40 else chip.label[:39].rstrip(" ,.") + "…"
    return f"{chip.index + 1} ({short})" if short else str(chip.index + 1)


def _text(prompt: StructuredPrompt, path: str) -> str:
    value = prompt.get(path)
    return value if isinstance(value, str) else ""

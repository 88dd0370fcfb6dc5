"""The words of a caption for a place, a size, a colour and the light's direction, both ways.

`sketch.toml` has the words; here is how they are found in a text and put together. What is written is read as what was
meant: for every value, reading its words gives it back.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import islice
from typing import Any, Literal

Depth = Literal["", "foreground", "midground", "background"]
LightDepth = Literal["side", "front", "behind", "around"]

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_CLAUSE = re.compile(r"[,;]\s*|\.\s+")
MIDDLE = 3  #: the column and the row that are taken where nothing is said


@dataclass(frozen=True)
class Place:
    """A place on the board, by its column and row on the lattice of `sketch.toml`, and how near it is."""

    column: int = MIDDLE
    row: int = MIDDLE
    depth: Depth = ""

    @property
    def x(self) -> float:
        """From the left edge (0) to the right one (1)."""
        return float(_table()["columns"][self.column]["at"])

    @property
    def y(self) -> float:
        """From the top (0) to the bottom (1)."""
        return float(_table()["rows"][self.row]["at"])


@dataclass(frozen=True)
class Light:
    """Where light comes from: an angle (0 is from the right, 90 from above; None where no side is told) and a depth."""

    angle: int | None
    depth: LightDepth = "side"


@dataclass(frozen=True)
class Found:
    """One of the table's phrases in a text: what it means, and from where to where it stands."""

    meaning: Any
    start: int
    end: int


def columns() -> list[float]:
    """Where the columns stand, from left to right."""
    return [each["at"] for each in _table()["columns"]]


def rows() -> list[float]:
    """Where the rows stand, from top to bottom."""
    return [each["at"] for each in _table()["rows"]]


def sizes() -> list[tuple[float, str]]:
    """Every size, smallest first: its diameter in square roots of the board's area, and the words that are written."""
    return [(each["share"], each["words"][0]) for each in _table()["sizes"]]


def light_angles() -> list[int]:
    return [each["angle"] for each in _table()["lights"]]


def light_depths() -> list[LightDepth]:
    return list(_table()["light_depths"])


def offered_colors() -> dict[str, str]:
    """The colours to choose from, by name, as CSS writes them."""
    return dict(islice(_table()["colors"].items(), 12))


# --- places ---------------------------------------------------------------------------------------------------------


def read_place(text: str) -> tuple[Place, str]:
    """Where ``text`` says that something is, and what is doubtful about it ("" where nothing is)."""
    found = list(_find(text, _place_phrases()))
    across, down, depth, doubt = _Axis(), _Axis(), "", ""
    for each in found:
        column, row, steps, near = each.meaning
        across.take(column, each, text)
        down.take(row, each, text)
        across.steps += steps[0]
        down.steps += steps[1]
        depth = depth or near
        if (column, row) != (None, None) and (thing := _told_from(text, each)):
            doubt = f"It is told from another thing: “{thing}”."
    if not found or all(each.meaning == _NOTHING for each in found):
        return Place(), f"Its location names no place: “{text.strip()}”." if text.strip() else "Its place is not said."
    alone = not (across.said or down.said)
    row = _table()["depths"][depth]["row"] if depth and alone and not (across.steps or down.steps) else down.index
    for axis in (across, down):
        if axis.opposites:
            one, other = axis.opposites
            doubt = f"Its location names two places: “{one}” and “{other}”."
    return Place(across.index, row, depth), doubt  # type: ignore[arg-type]


def write_place(place: Place) -> str:
    """The words for a place: "top-left", "slightly left of center", "bottom-right foreground"."""
    table = _table()
    column, row = table["columns"][place.column]["words"][0], table["rows"][place.row]["words"][0]
    named = [each["words"][0] for each in table["places"] if each["at"] == [place.column, place.row]]
    if named:
        words = named[0]
    elif MIDDLE in (place.column, place.row):
        words = column if place.row == MIDDLE else row
    else:  # the plainer one first: "left, slightly above center"
        words = ", ".join(sorted((row, column), key=lambda each: each.startswith("slightly")))
    if not place.depth:
        return str(words)
    return f"{words}, in the {place.depth}" if "," in words or "slightly" in words else f"{words} {place.depth}"


def replace_place(text: str, place: Place) -> str:
    """``text`` with the place it names told anew; what else it says between commas stays."""
    clauses = [clause for clause in _CLAUSE.split(text.strip()) if clause]
    told = [any(each.meaning != _NOTHING for each in _find(clause, _place_phrases())) for clause in clauses]
    first = told.index(True) if True in told else 0
    kept = [clause for clause, is_place in zip(clauses, told, strict=True) if not is_place]
    before = sum(not is_place for is_place in told[:first])
    return ", ".join([*kept[:before], write_place(place), *kept[before:]])


class _Axis:
    """What a text says of one axis: the first column (or row) that is not just the middle, and one against it."""

    def __init__(self) -> None:
        self.said: tuple[int, str] | None = None
        self.other = ""
        self.steps = 0

    def take(self, index: int | None, found: Found, text: str) -> None:
        if index is None or (self.said is not None and index == MIDDLE):
            return
        words = text[found.start : found.end]
        if self.said is None or self.said[0] == MIDDLE:
            self.said = index, words
        elif (self.said[0] - MIDDLE) * (index - MIDDLE) < 0:
            self.other = self.other or words

    @property
    def index(self) -> int:
        return min(max((self.said[0] if self.said else MIDDLE) + self.steps, 0), len(_table()["columns"]) - 1)

    @property
    def opposites(self) -> tuple[str, str] | None:
        return (self.said[1], self.other) if self.said and self.other else None


#: Column, row, steps and depth of a phrase that holds a place's words and tells none.
_NOTHING = (None, None, (0, 0), "")


@cache
def _place_phrases() -> Mapping[tuple[str, ...], Any]:
    table = _table()
    phrases: dict[tuple[str, ...], Any] = {}

    def add(words: Iterable[str], column: int | None, row: int | None, steps: Sequence[int], depth: str) -> None:
        for each in words:
            before = phrases.get(_split(each), _NOTHING)
            meaning = (before[0] if column is None else column, before[1] if row is None else row, tuple(steps), depth)
            phrases[_split(each)] = meaning

    for index, each in enumerate(table["columns"]):
        add(each["words"], index, None, (0, 0), "")
    for index, each in enumerate(table["rows"]):
        add(each["words"], None, index, (0, 0), "")
    for each in table["places"]:
        column, row = each["at"]
        add(each["words"], column, row, (0, 0), "")
    for each in table["steps"]:
        add(each["words"], None, None, each["by"], "")
    for depth, each in table["depths"].items():
        add(each["words"], None, None, (0, 0), depth)
    add(table["reading"]["elsewhere"], None, None, (0, 0), "")
    return phrases


def _told_from(text: str, found: Found) -> str:
    """ "left of the house" where a place is said of another thing than the picture; else ""."""
    reading = _table()["reading"]
    after = list(_WORD.finditer(text, found.end))
    words = [_plain(match.group()) for match in after]
    at = next((index for index, word in enumerate(words) if word not in reading["parts"]), len(words))
    if at >= len(words) or words[at] != "of" or _CLAUSE.search(text[found.end : after[at].start()]):
        return ""
    of = next((index for index in range(at + 1, len(words)) if words[index] not in reading["small_words"]), None)
    if of is None or words[of] in reading["picture"]:
        return ""
    return text[found.start : after[of].end()]


# --- sizes and colours ----------------------------------------------------------------------------------------------


def read_size(text: str) -> int | None:
    """The number of the first size that ``text`` names, smallest first; None where it names none."""
    found = next(_find(text, _size_phrases()), None)
    return None if found is None else int(found.meaning)


def replace_size(text: str, size: int) -> str:
    """``text`` with its first size in other words; put before it where it names none."""
    words = sizes()[size][1]
    found = next(_find(text, _size_phrases()), None)
    if found is not None:
        told = text[: found.start] + _as(words, text[found.start]) + text[found.end :]
    else:
        told = f"{words}, {text.strip()}" if text.strip() else words
    return told if read_size(told) == size else words  # "very" may stand before it


@cache
def _size_phrases() -> Mapping[tuple[str, ...], Any]:
    return {_split(words): index for index, each in enumerate(_table()["sizes"]) for words in each["words"]}


def read_color(text: str) -> str | None:
    """The first colour that ``text`` names, as CSS writes it; None where it names none."""
    found = next(_find(text, _color_phrases()), None)
    return None if found is None else str(found.meaning)


def color_names(text: str) -> list[str]:
    """Every colour's words in ``text``, without those that make it light or dark."""
    tones = _table()["tones"]
    found = _find(text, _color_phrases())
    return [" ".join(w for w in _split(text[each.start : each.end]) if w not in tones) for each in found]


def replace_color(text: str, color: str) -> str:
    """``text`` with its first colour in another; put behind it where it names none."""
    found = next(_find(text, _color_phrases()), None)
    if found is not None:
        told = text[: found.start] + _as(color, text[found.start]) + text[found.end :]
    else:
        told = f"{text.strip().rstrip('.,;')}, {color}" if text.strip() else color
    return told if read_color(told) == read_color(color) else color  # "deep" may stand before it


@cache
def _color_phrases() -> Mapping[tuple[str, ...], Any]:
    table = _table()
    phrases = {_split(name): rgb for name, rgb in table["colors"].items()}
    toned = {
        (tone, *words): _mixed(rgb, share) for words, rgb in phrases.items() for tone, share in table["tones"].items()
    }
    return toned | phrases


def _mixed(rgb: str, share: float) -> str:
    """A colour with so much white in it or, below 0, black."""
    towards = 255 if share > 0 else 0
    parts = [round(part + (towards - part) * abs(share)) for part in bytes.fromhex(rgb.removeprefix("#"))]
    return "#" + bytes(parts).hex()


# --- light ----------------------------------------------------------------------------------------------------------


def read_light(text: str) -> tuple[Light | None, str]:
    """Where ``text`` says that light comes from, None where it does not say, and what is doubtful about it."""
    angle, depth, said, doubt = None, "", "", ""
    for each in _find(text, _light_phrases()):
        side, near = each.meaning
        words = text[each.start : each.end]
        depth = near if near and depth in ("", "side") else depth
        if side is None:
            continue
        if angle is None:
            angle, said = side, words
        elif (side - angle) % 360 == 180:
            doubt = f"Its direction names two sides: “{said}” and “{words}”."
        elif angle % 90 == side % 90 == 0 and angle != side:  # "from the left and above"
            angle = _between(angle, side)
    if angle is None and not depth:
        return None, f"Its direction names no side: “{text.strip()}”." if text.strip() else ""
    if angle is not None and depth == "around":  # "even light from the left"
        depth = "side"
    return Light(angle, depth or "side"), doubt  # type: ignore[arg-type]


def write_light(light: Light) -> str:
    """The words for a direction: "from the upper left", "from behind"."""
    table = _table()
    depth = table["light_depths"][light.depth]
    side = next((each["words"][0] for each in table["lights"] if each["angle"] == light.angle), None)
    return str(depth["alone"] if side is None else depth["with"].format(side))


def _between(one: int, other: int) -> int:
    return (one + other) // 2 if abs(one - other) < 180 else (one + other + 360) // 2 % 360


@cache
def _light_phrases() -> Mapping[tuple[str, ...], Any]:
    table = _table()
    phrases: dict[tuple[str, ...], Any] = {}
    for each in table["lights"]:
        phrases |= {_split(words): (each["angle"], "") for words in each["words"]}
    for depth, each in table["light_depths"].items():
        phrases |= {_split(words): (None, depth) for words in each["words"]}
    return phrases


# --- finding words --------------------------------------------------------------------------------------------------


def _find(text: str, phrases: Mapping[tuple[str, ...], Any]) -> Iterator[Found]:
    """The phrases in ``text`` from left to right, each time the longest that fits; none lies across a comma."""
    for start, clause in _clauses(text):
        words = [
            (_plain(match.group()), match.start() + start, match.end() + start) for match in _WORD.finditer(clause)
        ]
        at = 0
        while at < len(words):
            for length in range(min(_LONGEST, len(words) - at), 0, -1):
                meaning = phrases.get(tuple(word for word, _, _ in words[at : at + length]))
                if meaning is not None:
                    yield Found(meaning, words[at][1], words[at + length - 1][2])
                    at += length
                    break
            else:
                at += 1


_LONGEST = 7  #: words of a phrase


def _clauses(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for match in _CLAUSE.finditer(text):
        yield start, text[start : match.start()]
        start = match.end()
    yield start, text[start:]


def _split(phrase: str) -> tuple[str, ...]:
    return tuple(_plain(word) for word in _WORD.findall(phrase))


def _plain(word: str) -> str:
    word = word.lower()
    return word.replace("centre", "center") if word.startswith("centre") else word


def _as(words: str, first: str) -> str:
    """``words`` with a capital where the text that they replace had one."""
    return words[0].upper() + words[1:] if first.isupper() else words


@cache
def _table() -> dict[str, Any]:
    text = resources.files("fibo_core.prompts").joinpath("sketch.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)

"""Which lines of a JSON text hold which places of its document: marks and locks of an editor stand at lines."""

import json
from collections.abc import Collection
from dataclasses import dataclass

from fibo_core.prompts.json_paths import Step, is_within, parse_path

_DECODER = json.JSONDecoder()
_BLANK = " \t\n\r\ufeff"


@dataclass(frozen=True)
class Lines:
    """The first and the last line of a place, from 1; of a place in an object its key's line is the first."""

    first: int
    last: int


def lines_of(text: str) -> dict[tuple[Step, ...], Lines]:
    """The lines of every place of a JSON text but the whole; empty for what is no JSON."""
    found: dict[tuple[Step, ...], Lines] = {}
    try:
        _read(text, _skip(text, 0), (), found)
    except (ValueError, RecursionError, IndexError):
        return {}
    return found


def locked_lines(text: str, locked: Collection[str]) -> list[int]:
    """The lines, from 1, at which a place stands that is locked, by itself or with what is around it."""
    places = {parse_path(path) for path in locked}
    return sorted({each.first for place, each in lines_of(text).items() if is_within(place, places)})


def _read(text: str, start: int, place: tuple[Step, ...], found: dict[tuple[Step, ...], Lines]) -> int:
    """Notes the places below the value at ``start``; where it ends."""
    if text[start] not in "{[":
        return _DECODER.raw_decode(text, start)[1]
    closer = "}" if text[start] == "{" else "]"
    at, count = _skip(text, start + 1), 0
    while text[at] != closer:
        begin, step = at, count  # type: int, Step
        if closer == "}":
            step, at = _DECODER.raw_decode(text, at)
            at = _skip(text, at)
            if text[at] != ":":
                raise ValueError(text[at])
            at = _skip(text, at + 1)
        inner = (*place, step)
        found[inner] = Lines(0, 0)  # so that a place stands before those in it
        end = _read(text, at, inner, found)
        found[inner] = Lines(text.count("\n", 0, begin) + 1, text.count("\n", 0, end) + 1)
        at, count = _skip(text, end), count + 1
        if text[at] == ",":
            at = _skip(text, at + 1)
        elif text[at] != closer:
            raise ValueError(text[at])
    return at + 1


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in _BLANK:
        at += 1
    return at

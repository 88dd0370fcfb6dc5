"""What a gallery can be narrowed by, read out of a caption: the time of day, the medium, things and colours.

Which words stand for what is in `facets.toml`.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

TEXT_MAX = 20_000  #: characters of one place that are looked at

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Facet:
    """One thing a gallery is narrowed by: ``key`` is what a search calls it, ``places`` are the caption's paths it is
    found at, ``values`` its values in their order, and ``phrases`` the words that stand for each."""

    key: str
    label: str
    places: tuple[tuple[str, ...], ...]
    most: int
    values: tuple[str, ...]
    phrases: Mapping[tuple[str, ...], str]

    def values_in(self, document: Mapping[str, Any]) -> tuple[str, ...]:
        """Its values in a caption, in the order they are met; an earlier place counts before a later one."""
        found: dict[str, None] = {}
        for place in self.places:
            for text in _texts(document, place):
                for value in self._found(text):
                    found[value] = None
                    if len(found) == self.most:
                        return tuple(found)
        return tuple(found)

    def _found(self, text: str) -> Iterator[str]:
        words = _WORD.findall(text[:TEXT_MAX].lower())
        place, phrases, longest = 0, self.phrases, self._longest
        while place < len(words):
            for length in longest.get(words[place], ()):
                if value := phrases.get(tuple(words[place : place + length])):
                    yield value
                    place += length
                    break
            else:
                place += 1

    @property
    def _longest(self) -> Mapping[str, tuple[int, ...]]:
        return _lengths(self.key)


@lru_cache
def facets() -> tuple[Facet, ...]:
    """All of them, in the order they are shown in."""
    text = resources.files("fibo_core.prompts").joinpath("facets.toml").read_text(encoding="utf-8")
    return tuple(_facet(key, table) for key, table in tomllib.loads(text).items())


def facets_of(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Key and value of each facet that a caption has."""
    for facet in facets():
        for value in facet.values_in(document):
            yield facet.key, value


def _facet(key: str, table: Mapping[str, Any]) -> Facet:
    phrases: dict[tuple[str, ...], str] = {}
    for value, words in table["values"].items():
        for phrase in words or [value]:
            *first, last = _WORD.findall(phrase.lower())
            for form in (last, f"{last}s", f"{last}es"):
                phrases.setdefault((*first, form), value)
    places = tuple(tuple(path.split(".")) for path in table["in"])
    return Facet(key, table["label"], places, table["most"], tuple(table["values"]), phrases)


@lru_cache
def _lengths(key: str) -> Mapping[str, tuple[int, ...]]:
    """How many words the phrases have that begin with a word, the longest first."""
    facet = next(each for each in facets() if each.key == key)
    lengths: dict[str, set[int]] = {}
    for phrase in facet.phrases:
        lengths.setdefault(phrase[0], set()).add(len(phrase))
    return {word: tuple(sorted(counts, reverse=True)) for word, counts in lengths.items()}


def _texts(value: Any, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _texts(each, path)
    elif not path:
        if isinstance(value, str):
            yield value
    elif isinstance(value, Mapping):
        yield from _texts(value.get(path[0]), path[1:])

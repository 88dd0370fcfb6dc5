"""What the search index holds of a picture: a column for each text of the caption, and marks that stand for facts.

Array positions are dropped: all objects' colours share a column. A prompt's further keys share two, one of their texts
and one that has each word behind the path it stands at. Facts (mode, model, time of day, …) are words with marks before
them that nobody can type, so that a search for words alone never meets one.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from fibo_core.prompts.caption_schema import SHAPES, Caption
from fibo_core.prompts.facets import facets_of
from fibo_core.store.segments import segmented

# Private characters, which the index takes for letters; out of texts they are removed.
ENDS_MAX = 4  #: keys of a path's end, fewer than which are enough to ask for it
EVERY = "\ue000"  #: a word that every picture has: "not this" needs something to be taken from
_FACT, _WHOLE, _AT, _GAP, _BREAK = "\ue001", "\ue002", "\ue003", "\ue004", "\ue005"
_OURS = re.compile("[\ue000-\ue005]")
_INDEX = re.compile(r"\[[0-9]*\]")


def _is_letter(character: str) -> bool:
    """Mirrors the categories of the index's tokenizer (migration 0013); vowel signs belong to their letter."""
    category = unicodedata.category(character)
    return category[0] in "LN" or category in ("Co", "So", "Mn", "Mc")


def _leaves() -> Iterator[tuple[str, bool]]:
    for key, field in Caption.model_fields.items():
        shape: type[BaseModel] | None = SHAPES.get(key)
        if shape is None:
            yield key, field.annotation == int | None
        else:
            for name, inner in shape.model_fields.items():
                yield f"{key}.{name}", inner.annotation == int | None


#: The paths of a caption's texts, each a column of the index; of its whole numbers; and of all that hold others.
TEXT_PATHS = tuple(path for path, is_number in _leaves() if not is_number)
NUMBER_PATHS = tuple(path for path, is_number in _leaves() if is_number)
PARENT_PATHS = tuple(SHAPES)
KNOWN_PATHS = (*PARENT_PATHS, *TEXT_PATHS, *NUMBER_PATHS)

REST, WORDS, PATHS, FACTS = "rest", "words", "paths", "facts"
COLUMNS = (*(path.replace(".", "_") for path in TEXT_PATHS), REST, WORDS, PATHS, FACTS)
_PLACE = {path: place for place, path in enumerate(TEXT_PATHS)}


def words_in(text: str) -> list[str]:
    """The words of a text as the index cuts them."""
    text = segmented(_OURS.sub(" ", text))
    return "".join(character if _is_letter(character) else " " for character in text).split()


def plain_path(path: str) -> str:
    """``objects.location`` of ``Objects[0].location``."""
    return _INDEX.sub("", path).strip(".").lower()


def at_path(path: str, word: str) -> str:
    """What stands in the index for a word at a path, or below it."""
    return f"{_AT}{_one_word(path)}{_AT}{word}"


def fact(key: str, word: str) -> str:
    """What stands in the index for a word of a fact's value: ``fact("model", "mini")``."""
    return f"{_FACT}{key}{_FACT}{word}"


def whole_fact(key: str, value: str) -> str:
    """What stands in the index for a fact's value as a whole."""
    return f"{_FACT}{key}{_WHOLE}{_one_word(value)}"


def _one_word(text: str) -> str:
    return "".join(character if _is_letter(character) else _GAP for character in _OURS.sub("", text).lower())


def read_document(structured_prompt: str | bytes | None) -> dict[str, Any] | None:
    """The document of a row's prompt; None where that is damaged."""
    try:
        document = json.loads(structured_prompt or "")
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def indexed(words: str, document: Mapping[str, Any], facts: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """What each of COLUMNS holds of a picture."""
    texts: list[list[str]] = [[] for _ in TEXT_PATHS]
    rest: list[str] = []
    paths: list[str] = []
    for path, value in _values(document, ()):
        place = _PLACE.get(".".join(path))
        if place is not None and isinstance(value, str):
            texts[place].append(index_form(value))
            continue
        if isinstance(value, str):
            rest.append(index_form(value))
        said = words_in(str(value))
        for above in _above(path):
            paths += [at_path(above, word) for word in said]
            paths.append(_BREAK)
    marks = [EVERY]
    for key, value in facts:
        marks += _marks(key, value)
    between = f" {_BREAK} "
    columns = (*map(between.join, texts), between.join(rest), index_form(words), " ".join(paths), " ".join(marks))
    return tuple(columns)


@lru_cache(4096)
def _above(path: tuple[str, ...]) -> tuple[str, ...]:
    """A path and what holds it, and the ends of each, by which it may be asked for too."""
    whole = [".".join(path[:end]) for end in range(1, len(path) + 1)]
    ends = [
        ".".join(path[end - keys : end]) for end in range(1, len(path) + 1) for keys in range(1, min(end, ENDS_MAX))
    ]
    return tuple(dict.fromkeys((*whole, *ends)))


@lru_cache(4096)
def _marks(key: str, value: str) -> tuple[str, ...]:
    return whole_fact(key, value), *(fact(key, word) for word in words_in(value))


def facts_of(row: Mapping[str, Any], document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is said of a picture beside its texts: key and value, in the order facets are shown in."""
    facts = [("mode", row["mode"]), ("model", row["model"]), ("writer", row["writer"])]
    if row["writer_model"]:
        facts.append(("writer", row["writer_model"]))
    if row["parent_id"] is not None:
        facts.append(("has", "parent"))
    if row["source_path"] is not None or row["other_sources"] not in ("[]", "", None):
        facts.append(("has", "source"))
    if row["edited"]:
        facts.append(("is", "edited"))
    facts = [(key, value) for key, value in facts if isinstance(value, str)]
    return facts + list(facets_of(document))


def index_form(value: str) -> str:
    """A text as the index is given it, without what nobody may type."""
    return segmented(_OURS.sub(" ", value).replace("\0", " ")).encode("utf-8", "ignore").decode()


def _values(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str | int | float]]:
    """The texts, numbers and yes or no of a document in their order, with their paths."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _values(each, (*path, str(key)))
    elif isinstance(value, list):
        for each in value:
            yield from _values(each, path)
    elif isinstance(value, str | int | float):
        yield path, value

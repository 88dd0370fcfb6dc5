"""Any JSON object that means a caption, put into FIBO's shape: names, places and types, and nothing invented.

What is where is read from `caption_schema.Caption`. Every change that touches content is told in a sentence. What a
user typed is changed only where it would be refused, or stands under another spelling of FIBO's name; what a model
answered is read by its meaning.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from fibo_core.prompts import json_paths
from fibo_core.prompts.caption_schema import Caption, CaptionObject, kind
from fibo_core.prompts.json_paths import excerpt, format_path
from fibo_core.prompts.mend.names import PARTS, Place, Shape, meaning_of, spelled, spelling_of, wanted

_NOTHING = ("null", "n/a")  # as text; "none" may be meant, of shadows
_NO_PART = ("", "none", "null", "n/a", "na", "nothing", "empty", "no text", "-")  # where an object or list belongs
_NUMBERS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
}
_DROPPED = object()
CORE = ("short_description", "objects")
CORE_SCORE = 100  # of what has a summary or objects by FIBO's own name
MAX_TOLD = 5  # places named in a note


@dataclass
class Reshaping:
    """What was done on the way, each as a place with a word on it. ``by_meaning`` reads synonyms too."""

    by_meaning: bool
    renamed: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def name(self, key: str, shape: Shape) -> str | None:
        """FIBO's name for `key`, None for a key that is none of its."""
        return meaning_of(key, shape) if self.by_meaning else spelling_of(key, shape)

    def notes(self) -> list[str]:
        told = (
            ("Other names were read as FIBO's: ", self.renamed),
            ("Put into FIBO's form: ", self.changed),
            ("Left out, as FIBO has no place for it: ", self.dropped),
        )
        return [start + listed(places) + "." for start, places in told if places]


def reshape(
    raw: Mapping[str, Any], *, by_meaning: bool = False, broken: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """The document `raw` means, and sentences on what was changed; none where it was a caption already.

    Keys that are none of FIBO's stay as they are. With ``by_meaning`` other names count as FIBO's, and nulls, "" and
    "n/a" as not given. In ``broken`` JSON a bracket out of place may have moved a key. Raises RecursionError for what
    is nested a thousand levels deep.
    """
    done = Reshaping(by_meaning)
    if broken:
        raw = _lifted(raw, done)
    document = _object(_gathered(raw, done) if by_meaning else raw, Caption, (), done)
    return document, done.notes()


def caption_score(raw: Mapping[str, Any], *, by_meaning: bool = False) -> int:
    """How like a caption the object is: how many of the ten keys it has by any name; more than all with its core."""
    own = {name for key, value in raw.items() if (name := spelling_of(key, Caption)) and not _is_number(value)}
    any_name = {name for key in raw if (name := meaning_of(key, Caption))} if by_meaning else own
    return len(any_name) + (CORE_SCORE if not own.isdisjoint(CORE) else 0)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _gathered(raw: Mapping[str, Any], done: Reshaping) -> dict[str, Any]:
    """`raw` with keys moved down that belong into an object: "mood_atmosphere", "lighting.conditions"."""
    top = {key: value for key, value in raw.items() if not is_nothing(value)}
    by_name = {name: key for key in top if (name := done.name(key, Caption))}
    for key in list(top):
        if done.name(key, Caption):
            continue
        for parent, shape in PARTS.items():
            name = meaning_of(spelled(key).removeprefix(f"{parent}_"), shape)
            holder = top.setdefault(by_name.setdefault(parent, parent), {}) if name else None
            if name and isinstance(holder, dict) and name not in holder:
                done.renamed.append(f"{key} as {parent}.{name}")
                top[by_name[parent]] = {**holder, name: top.pop(key)}
                break
    return top


def _lifted(raw: Mapping[str, Any], done: Reshaping) -> Mapping[str, Any]:
    """`raw` with FIBO's keys moved up that a bracket out of place has put into one of its parts: "lighting.context"."""
    top = dict(raw)
    parts: dict[str, Shape] = {**PARTS, "objects": CaptionObject}
    for parent, shape in parts.items():
        held = top.get(parent)
        items = held if isinstance(held, list) else [held]
        part = items[-1] if items else None
        own = part if isinstance(part, dict) else {}
        moved = [key for key in own if key in Caption.model_fields and key not in (*shape.model_fields, *top)]
        if moved:
            kept = {key: value for key, value in own.items() if key not in moved}
            top[parent] = [*items[:-1], kept] if isinstance(held, list) else kept
            top |= {key: own[key] for key in moved}
            done.changed += [f"{key} (stood in {parent})" for key in moved]
    return top


def _object(raw: Mapping[str, Any], shape: Shape, place: Place, done: Reshaping) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in raw.items():
        name = done.name(key, shape)
        if name is not None and name != key and (name in found or (name in raw and not done.by_meaning)):
            name = None
            if done.by_meaning:
                continue
        if done.by_meaning and is_nothing(value):
            continue
        if name is not None:
            if name != key:
                done.renamed.append(f"{format_path((*place, key))} as {name}")
            value = _value(value, shape.model_fields[name].annotation, (*place, name), done)
        if value is not _DROPPED:
            found[name or key] = value
    return found


def _value(value: Any, annotation: Any, place: Place, done: Reshaping) -> Any:
    """`value` as `annotation` wants it, or _DROPPED."""
    shape = wanted(annotation)
    if not done.by_meaning and _is_taken(value, shape):
        return value
    if shape is str:
        return value if isinstance(value, str) else _text(value, place, done)
    if shape is int:
        return value if type(value) is int else _whole(value, place, done)
    if isinstance(shape, list):
        return _list(value, shape[0], place, done)
    if isinstance(value, list) and len(value) == 1:
        done.changed.append(f"{format_path(place)} (was a list)")
        value = value[0]
    if not isinstance(value, Mapping):
        return _leading(value, shape, place, done)
    return _object(value, shape, place, done) or (_DROPPED if done.by_meaning else {})


def _is_taken(value: Any, shape: Any) -> bool:
    """Whether a prompt may hold `value` there as it is: `caption_schema` has no more than a hint on it."""
    if value in (None, ""):
        return True
    return shape in (str, int) and (not isinstance(value, dict | list) or not value)


def _text(value: Any, place: Place, done: Reshaping) -> Any:
    if where := _place_in_words(value):
        done.changed.append(f"{format_path(place)} (was {excerpt(value, 40)})")
        return where
    words = [str(word) for word in _scalars(value) if not is_nothing(word)]
    if not words:
        return _DROPPED
    done.changed.append(f"{format_path(place)} (was {kind(value)})")
    if isinstance(value, Mapping) and all(type(word) in (int, float) for word in value.values()):
        words = [f"{key} {word}" for key, word in value.items()]  # bare numbers say nothing
    return ", ".join(words)


def _place_in_words(value: Any) -> str | None:
    """Where {"x": 0.2, "y": 0.5} lies in a frame from 0 to 1, its origin at the top left; None for anything else."""
    if not isinstance(value, Mapping) or set(value) != {"x", "y"}:
        return None
    x, y = value["x"], value["y"]
    if not all(type(each) in (int, float) and 0 <= each <= 1 for each in (x, y)):
        return None
    words = [
        "top" if y < 0.36 else "bottom" if y > 0.64 else "",
        "left" if x < 0.36 else "right" if x > 0.64 else "",
    ]
    return " ".join(word for word in words if word) or "center"


def _whole(value: Any, place: Place, done: Reshaping) -> Any:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    number = _NUMBERS.get(value.strip().lower()) if isinstance(value, str) else value if type(value) is int else None
    if number is None and isinstance(value, float) and value.is_integer():
        number = int(value)
    if number is None and isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,9}\s*", value):
        number = int(value)
    if number is None:
        done.dropped.append(f"{format_path(place)} ({excerpt(value, 30)} is no whole number)")
        return _DROPPED
    done.changed.append(f"{format_path(place)} (was {excerpt(value, 30)})")
    return number


def _list(value: Any, shape: Shape, place: Place, done: Reshaping) -> Any:
    if isinstance(value, str) and value.strip().lower() in _NO_PART:
        done.changed.append(f"{format_path(place)} (was {excerpt(value, 30)})")
        return []
    if isinstance(value, Mapping):
        known = any(done.name(key, shape) for key in value)
        done.changed.append(f"{format_path(place)} (was an object)")
        if not known:
            if names := [key for key, item in value.items() if _is_lost(key, item)]:
                done.dropped.append(f"the names {listed(names)} in {format_path(place)}")
            value = [_titled(key, item, shape, done) for key, item in value.items()]
        else:
            value = [value]
    elif not isinstance(value, list):
        value = [value]
    if any(isinstance(item, list) for item in value):
        done.changed.append(f"{format_path(place)} (was a list of lists)")
        value = [inner for item in value for inner in (item if isinstance(item, list) else [item])]
    items: list[Any] = []
    for item in value:
        if done.by_meaning and is_nothing(item):
            continue
        here = (*place, len(items))
        if not done.by_meaning and item in (None, "", {}):
            shaped = item
        elif isinstance(item, Mapping):
            shaped = _object(item, shape, here, done)
        else:
            shaped = _leading(item, shape, here, done)
        if shaped is not _DROPPED and (shaped or not done.by_meaning):
            items.append(shaped)
    return items


_NUMBERED = re.compile(r"(?i)(objects?|items?|texts?|obj)?[ _-]*\d*")


def _titled(key: str, item: Any, shape: Shape, done: Reshaping) -> Any:
    """{"red ball": {"location": "left"}} says what the thing is in its key; "object1" says nothing."""
    leading = next(iter(shape.model_fields))
    if not isinstance(item, Mapping) or _NUMBERED.fullmatch(key):
        return item
    return item if any(done.name(inner, shape) == leading for inner in item) else {leading: key, **item}


def _is_lost(key: str, item: Any) -> bool:
    """Whether an item's name says what its own words do not."""
    if _NUMBERED.fullmatch(key) or (isinstance(item, Mapping) and "description" not in item and "text" not in item):
        return False
    words = " ".join(str(word) for word in _scalars(item)).lower()
    return not all(word in words for word in spelled(key).split("_"))


def _leading(value: Any, shape: Shape, place: Place, done: Reshaping) -> Any:
    """Words where an object belongs become its first key: "soft light" is `lighting.conditions`."""
    words = [str(word) for word in _scalars(value) if not is_nothing(word)]
    if not words or (not done.by_meaning and ", ".join(words).strip().lower() in _NO_PART):
        if not done.by_meaning:
            done.dropped.append(f"{format_path(place)} ({excerpt(value, 30)})")
        return _DROPPED
    leading = next(iter(shape.model_fields))
    done.changed.append(f"{format_path(place)} (its words stand in {leading})")
    return {leading: ", ".join(words)}


def _scalars(value: Any) -> list[Any]:
    if not isinstance(value, Mapping | list):
        return [value]
    plain = dict(value) if isinstance(value, Mapping) else value
    return [json_paths.read(plain, steps) for steps in json_paths.leaves(plain) if steps]


def is_nothing(value: Any) -> bool:
    """Whether a value says as little as null does."""
    if isinstance(value, str):
        return value.strip().lower() in ("", *_NOTHING)
    if isinstance(value, float):
        return not math.isfinite(value)
    return value is None or value == {}


def listed(places: list[str]) -> str:
    """The first MAX_TOLD of them, and how many more there are."""
    told = ", ".join(places[:MAX_TOLD])
    return told if len(places) <= MAX_TOLD else f"{told} and {len(places) - MAX_TOLD} more"


def said(document: Mapping[str, Any]) -> list[Place]:
    """The places under FIBO's own names where something is said: not blank, no null, no score."""
    return [
        place
        for key, about in Caption.model_fields.items()
        if key in document
        for place in _said(document[key], wanted(about.annotation), (key,))
    ]


def _said(value: Any, shape: Any, place: Place) -> list[Place]:
    if isinstance(shape, list):
        items = enumerate(value) if isinstance(value, list) else ()
        return [found for index, item in items for found in _said(item, shape[0], (*place, index))]
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        if not isinstance(value, Mapping):
            return []
        in_core = place[0] in CORE  # an object says something by whatever key
        fields = {name: wanted(about.annotation) for name, about in shape.model_fields.items()}
        known = [key for key in value if (key in fields or in_core) and not key.endswith("_score")]
        return [found for key in known for found in _said(value[key], fields.get(key, str), (*place, key))]
    if isinstance(value, Mapping | list):
        return [place] if any(not is_nothing(word) and word != [] for word in _scalars(value)) else []
    return [] if is_nothing(value) else [place]

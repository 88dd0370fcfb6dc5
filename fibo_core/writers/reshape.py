"""Any JSON object a model may answer with, put into FIBO's shape: names, places and types, and nothing invented.

What is where is read from `caption_schema.Caption`. Every change that touches content is told in a sentence.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, get_args

from pydantic import BaseModel

from fibo_core.prompts import json_paths
from fibo_core.prompts.caption_schema import Aesthetics, Caption, CaptionObject, Lighting, RenderedText, kind
from fibo_core.prompts.caption_schema import PhotographicCharacteristics as Photographic
from fibo_core.prompts.json_paths import excerpt, format_path

Shape = type[BaseModel]
Place = tuple[str | int, ...]

#: Other names that models give FIBO's keys, as `_spelled` writes them.
SYNONYMS: dict[Shape, dict[str, str]] = {
    Caption: {
        "summary": "short_description", "caption": "short_description", "description": "short_description",
        "scene_description": "short_description", "subjects": "objects", "elements": "objects",
        "object": "objects", "main_subjects": "objects", "background": "background_setting",
        "setting": "background_setting", "environment": "background_setting", "light": "lighting",
        "aesthetic": "aesthetics", "photography": "photographic_characteristics",
        "photographic": "photographic_characteristics", "camera": "photographic_characteristics",
        "medium": "style_medium", "texts": "text_render", "text": "text_render", "rendered_text": "text_render",
        "style": "artistic_style", "art_style": "artistic_style", "purpose": "context",
    },
    CaptionObject: {
        "name": "description", "label": "description", "object": "description", "subject": "description",
        "position": "location", "placement": "location", "relation": "relationship",
        "relationships": "relationship", "size": "relative_size", "shape_and_colour": "shape_and_color",
        "details": "appearance_details", "appearance": "appearance_details", "count": "number_of_objects",
        "number": "number_of_objects", "quantity": "number_of_objects", "clothes": "clothing",
        "skin_tone": "skin_tone_and_texture", "facial_expression": "expression",
    },
    Lighting: {"condition": "conditions", "type": "conditions", "shadow": "shadows"},
    Aesthetics: {
        "colour_scheme": "color_scheme", "color_palette": "color_scheme", "colors": "color_scheme",
        "palette": "color_scheme", "mood": "mood_atmosphere", "atmosphere": "mood_atmosphere",
        "mood_and_atmosphere": "mood_atmosphere",
    },
    Photographic: {
        "angle": "camera_angle", "lens": "lens_focal_length", "focal_length": "lens_focal_length",
        "dof": "depth_of_field",
    },
    RenderedText: {
        "content": "text", "wording": "text", "position": "location", "placement": "location",
        "colour": "color", "typeface": "font", "details": "appearance_details",
    },
}  # fmt: skip

_NOTHING = ("null", "n/a")  # as text; "none" may be meant, of shadows
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
CORE_SCORE = 100  # of what has a summary or objects by FIBO's own name
MAX_TOLD = 5  # places named in a note


@dataclass
class Reshaping:
    """What was done on the way, each as a place with a word on it."""

    renamed: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def notes(self) -> list[str]:
        told = (
            ("Other names were read as FIBO's: ", self.renamed),
            ("Put into FIBO's form: ", self.changed),
            ("Left out, as FIBO has no place for it: ", self.dropped),
        )
        return [start + _listed(places) + "." for start, places in told if places]


def reshape(raw: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The document `raw` means, and sentences on what was changed. Nulls, "" and "n/a" count as not given.

    Keys that are none of FIBO's stay as they are. Raises RecursionError for what is nested a thousand levels deep.
    """
    done = Reshaping()
    document = _object(_gathered(raw, done), Caption, (), done)
    return document, done.notes()


def caption_score(raw: Mapping[str, Any]) -> int:
    """How like a caption the object is: how many of the ten keys it has by any name; more than all with its core."""
    by_any_name = len({name for key in raw if (name := _name(key, Caption)) in Caption.model_fields})
    has_core = not {"short_description", "objects"}.isdisjoint(map(_spelled, raw))
    return by_any_name + (CORE_SCORE if has_core else 0)


def _gathered(raw: Mapping[str, Any], done: Reshaping) -> dict[str, Any]:
    """`raw` with keys moved down that belong into an object: "mood_atmosphere", "lighting.conditions"."""
    top = {key: value for key, value in raw.items() if not _is_nothing(value)}
    by_name = {_name(key, Caption): key for key in top}
    for key in list(top):
        spelled = _spelled(key)
        if _name(key, Caption) in Caption.model_fields:
            continue
        for parent, shape in _PARTS.items():
            name = _name(spelled.removeprefix(f"{parent}_"), shape)
            holder = top.setdefault(by_name.setdefault(parent, parent), {}) if name in shape.model_fields else None
            if isinstance(holder, dict) and name not in holder:
                done.renamed.append(f"{key} as {parent}.{name}")
                top[by_name[parent]] = {**holder, name: top.pop(key)}
                break
    return top


def _object(raw: Mapping[str, Any], shape: Shape, place: Place, done: Reshaping) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in raw.items():
        name = _name(key, shape)
        if _is_nothing(value) or (name in found and key != name):
            continue
        if name in shape.model_fields:
            if name != key and name != _spelled(key):
                done.renamed.append(f"{format_path((*place, key))} as {name}")
            value = _value(value, shape.model_fields[name].annotation, (*place, name), done)
        else:
            name = key
        if value is not _DROPPED:
            found[name] = value
    return found


def _value(value: Any, annotation: Any, place: Place, done: Reshaping) -> Any:
    """`value` as `annotation` wants it, or _DROPPED."""
    shape = wanted(annotation)
    if shape is str:
        return value if isinstance(value, str) else _text(value, place, done)
    if shape is int:
        return value if type(value) is int else _whole(value, place, done)
    if isinstance(shape, list):
        return _list(value, shape[0], place, done)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, Mapping):
        return _leading(value, shape, place, done)
    return _object(value, shape, place, done) or _DROPPED


def wanted(annotation: Any) -> Any:
    """str, int, a model, or [model] of an annotation such as `list[CaptionObject | None] | None`."""
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation
    inner = next(arg for arg in get_args(annotation) if arg is not type(None))
    return [wanted(inner)] if getattr(annotation, "__origin__", None) is list else wanted(inner)


def _text(value: Any, place: Place, done: Reshaping) -> Any:
    words = [str(word) for word in _scalars(value) if not _is_nothing(word)]
    if not words:
        return _DROPPED
    done.changed.append(f"{format_path(place)} (was {kind(value)})")
    return ", ".join(words)


def _whole(value: Any, place: Place, done: Reshaping) -> Any:
    number = _NUMBERS.get(value.strip().lower()) if isinstance(value, str) else None
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
    if isinstance(value, str) and value.strip().lower() in ("none", "empty", "no text"):
        return []
    if isinstance(value, Mapping):
        known = any(_name(key, shape) in shape.model_fields for key in value)
        done.changed.append(f"{format_path(place)} (was an object)")
        value = [value] if known else [_titled(key, item, shape) for key, item in value.items()]
    elif not isinstance(value, list):
        value = [value]
    items: list[Any] = []
    for item in value:
        if _is_nothing(item):
            continue
        here = (*place, len(items))
        shaped = _object(item, shape, here, done) if isinstance(item, Mapping) else _leading(item, shape, here, done)
        if shaped is not _DROPPED and shaped:
            items.append(shaped)
    return items


def _titled(key: str, item: Any, shape: Shape) -> Any:
    """{"red ball": {"location": "left"}} says what the thing is in its key; "object1" says nothing."""
    leading = next(iter(shape.model_fields))
    if not isinstance(item, Mapping) or re.fullmatch(r"(?i)(object|item|text)?[ _-]*\d*", key):
        return item
    return item if any(_name(inner, shape) == leading for inner in item) else {leading: key, **item}


def _leading(value: Any, shape: Shape, place: Place, done: Reshaping) -> Any:
    """Words where an object belongs become its first key: "soft light" is `lighting.conditions`."""
    words = [str(word) for word in _scalars(value) if not _is_nothing(word)]
    if not words:
        return _DROPPED
    leading = next(iter(shape.model_fields))
    done.changed.append(f"{format_path(place)} (its words stand in {leading})")
    return {leading: ", ".join(words)}


def _scalars(value: Any) -> list[Any]:
    if not isinstance(value, Mapping | list):
        return [value]
    plain = dict(value) if isinstance(value, Mapping) else value
    return [json_paths.read(plain, steps) for steps in json_paths.leaves(plain) if steps]


def _is_nothing(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in ("", *_NOTHING)
    if isinstance(value, float):
        return not math.isfinite(value)
    return value is None or value == {}


def _name(key: str, shape: Shape) -> str:
    """FIBO's name for `key`, or `key` as it is spelled here."""
    spelled = _spelled(key)
    return spelled if spelled in shape.model_fields else SYNONYMS.get(shape, {}).get(spelled, spelled)


@lru_cache(4096)
def _spelled(key: str) -> str:
    """`key` in small letters with underscores: shortDescription, "Short Description" and short-description alike."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key)
    return re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")


def _listed(places: list[str]) -> str:
    told = ", ".join(places[:MAX_TOLD])
    return told if len(places) <= MAX_TOLD else f"{told} and {len(places) - MAX_TOLD} more"


#: The keys of a caption that are objects, and their shapes.
_PARTS: dict[str, Shape] = {
    name: shape
    for name, about in Caption.model_fields.items()
    if isinstance(shape := wanted(about.annotation), type) and issubclass(shape, BaseModel)
}

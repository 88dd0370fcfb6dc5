"""FIBO's names for keys: other spellings of one, other names that models give it, and what a typo was meant to be."""

import difflib
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, get_args

from pydantic import BaseModel

from fibo_core.prompts.caption_schema import Aesthetics, Caption, CaptionObject, Lighting, RenderedText
from fibo_core.prompts.caption_schema import PhotographicCharacteristics as Photographic
from fibo_core.prompts.json_paths import format_path

Shape = type[BaseModel]
Place = tuple[str | int, ...]

MAX_KEYS = 200  # of one object that are compared with FIBO's
MAX_DOUBTFUL = 20  # sentences
LIKENESS = 0.8  # of a key and FIBO's name for it, from which on a typo is likely

#: Other names that models give FIBO's keys, as `spelled` writes them.
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


@lru_cache(4096)
def spelled(key: str) -> str:
    """`key` in small letters with underscores: shortDescription, "Short Description" and short-description alike."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key)
    return re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")


@lru_cache(4096)
def spelling_of(key: str, shape: Shape) -> str | None:
    """FIBO's name that `key` is, or is another spelling of: capitals, blanks, hyphens, a plural, colour; else None."""
    if key in shape.model_fields:
        return key
    names = _folded_names(shape)
    return next((names[folded] for folded in _folded(key) if folded in names), None)


def meaning_of(key: str, shape: Shape) -> str | None:
    """FIBO's name that `key` stands for, by its spelling or as a synonym; None for a key of another kind."""
    return spelling_of(key, shape) or SYNONYMS.get(shape, {}).get(spelled(key))


def likely_meant(key: str, shape: Shape, taken: Mapping[str, Any]) -> str | None:
    """The name that `key` is most likely a typo of, or another word for, if that is not `taken`."""
    free = [name for name in shape.model_fields if name not in taken]
    near = difflib.get_close_matches(spelled(key), free, 1, LIKENESS)
    meant = near[0] if near else meaning_of(key, shape)
    return meant if meant in free else None


def doubts(document: Mapping[str, Any]) -> dict[Place, str]:
    """A sentence for each key of a caption that FIBO does not know and that looks like one it does, by its place."""
    found = islice(_doubtful(document, Caption, ()), MAX_DOUBTFUL)
    return {place: f"{format_path(place)}: did you mean {meant}?" for place, meant in found}


def doubtful_keys(document: Mapping[str, Any]) -> list[str]:
    """Those sentences alone."""
    return list(doubts(document).values())


def _doubtful(value: Any, shape: Any, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(shape, list):
        for index, item in enumerate(value if isinstance(value, list) else ()):
            yield from _doubtful(item, shape[0], (*place, index))
    elif isinstance(value, Mapping) and shape not in (str, int):
        for key, item in islice(value.items(), MAX_KEYS):
            if key in shape.model_fields:
                yield from _doubtful(item, wanted(shape.model_fields[key].annotation), (*place, key))
            elif meant := likely_meant(key, shape, value):
                yield (*place, key), meant


def wanted(annotation: Any) -> Any:
    """str, int, a model, or [model] of an annotation such as `list[CaptionObject | None] | None`."""
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation
    inner = next(arg for arg in get_args(annotation) if arg is not type(None))
    return [wanted(inner)] if getattr(annotation, "__origin__", None) is list else wanted(inner)


@lru_cache(4096)
def _folded(key: str) -> tuple[str, str]:
    """`key` without what spellings differ in, twice: plurals taken off each word, and off the whole."""
    words = spelled(key).replace("colour", "color").split("_")
    return "".join(word if len(word) < 4 else word.removesuffix("s") for word in words), "".join(words).removesuffix(
        "s"
    )


@lru_cache
def _folded_names(shape: Shape) -> dict[str, str]:
    return {folded: name for name in shape.model_fields for folded in _folded(name)}


#: The keys of a caption that are objects, and their shapes.
PARTS: dict[str, Shape] = {
    name: shape
    for name, about in Caption.model_fields.items()
    if isinstance(shape := wanted(about.annotation), type) and issubclass(shape, BaseModel)
}

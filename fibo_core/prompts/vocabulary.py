"""The fields of a prompt: what each is called, what it means, and a few good values for it.

Labels and explanations come from the caption's shape, suggestions from `vocabulary.toml`, colours from those of the
sketch. Which fields stand together is in `parts.py`.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from fibo_core.prompts.caption_schema import SHAPES, Caption
from fibo_core.prompts.sketch_words import offered_colors, replace_color

_COLORED = "objects.shape_and_color"
#: Fields that hold a few words, and need no more than a line.
_SHORT = frozenset(
    {
        "style_medium", "artistic_style", "photographic_characteristics.camera_angle",
        "photographic_characteristics.lens_focal_length", "photographic_characteristics.depth_of_field",
        "photographic_characteristics.focus", "aesthetics.mood_atmosphere", "lighting.direction", "lighting.shadows",
        "objects.location", "objects.relative_size", "objects.orientation", "objects.gender",
        "text_render.text", "text_render.location", "text_render.size", "text_render.color", "text_render.font",
    }
)  # fmt: skip


@dataclass(frozen=True)
class FieldSpec:
    """One field: ``name`` is its JSON path, for items of a list the key in the item after `objects.`."""

    name: str
    label: str
    help: str
    suggestions: tuple[str, ...]
    whole_number: bool
    one_line: bool


@lru_cache
def field_spec(name: str) -> FieldSpec:
    """The field at ``lighting.direction``, ``objects.location``, ``style_medium``…"""
    parent, _, key = name.rpartition(".")
    info = (SHAPES[parent] if parent else Caption).model_fields[key]
    return FieldSpec(
        name,
        _label(key),
        info.description or "",
        _suggestions().get(name, ()),
        whole_number=info.annotation == int | None,
        one_line=name in _SHORT,
    )


def suggestions_at(path: str, now: str = "") -> tuple[str, ...]:
    """A few good values for a place of a prompt, such as ``objects[0].location``, that holds ``now``; none where nobody
    wrote any. For a shape and a colour they are the usual colours, of the shape that it has."""
    name = re.sub(r"\[[0-9]+\]", "", path)
    if name == _COLORED:
        return tuple(dict.fromkeys(replace_color(now, color) for color in offered_colors()))
    return _suggestions().get(name, ())


def _label(key: str) -> str:
    """ "Depth of field" for ``depth_of_field``: what the form calls a field is what the JSON calls it."""
    return key.replace("_", " ").capitalize()


@lru_cache
def _suggestions() -> dict[str, tuple[str, ...]]:
    text = resources.files("fibo_core.prompts").joinpath("vocabulary.toml").read_text(encoding="utf-8")
    return {name: tuple(values) for name, values in tomllib.loads(text).items()}

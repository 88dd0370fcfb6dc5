"""The shape of a FIBO caption: its ten keys, what stands in each, and how far a document departs from it.

The pydantic models are the one description of that shape: validation, hints and the JSON Schema are read from
them. Documents themselves stay plain JSON, because FIBO is given what the user wrote, unknown keys and all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fibo_core.errors import PromptError
from fibo_core.prompts.json_paths import excerpt, format_path

MAX_OBJECTS = 5  # these three are FIBO's own limits; more is a hint
MAX_STYLE_WORDS = 3
MAX_SUMMARY_WORDS = 200
MAX_ITEMS = 1_000  # in `objects` and `text_render`; more is refused, nobody could read what is wrong with them


@dataclass(frozen=True)
class Hint:
    """Something FIBO would render all the same, at a JSON path ("" for the whole document)."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path} {self.message}".lstrip()


class _Shape(BaseModel):
    # Strict: "3" is not read as 3. Other keys are ignored here because the document keeps them.
    model_config = ConfigDict(strict=True, extra="ignore")


class CaptionObject(_Shape):
    """One main subject, or a cluster of alike ones. From `pose` to `skin_tone_and_texture`: people only."""

    description: str = Field(description="What it is, in a sentence or two.")
    location: str = Field(description="Where it stands in the frame, such as bottom left or centre foreground.")
    relationship: str = Field(description="How it relates to the other objects: beside, behind, holding.")
    relative_size: str | None = Field(None, description="How much of the frame it takes: small, medium, large.")
    shape_and_color: str | None = Field(None, description="Its basic form and its main colour.")
    texture: str | None = Field(None, description="Its surface: smooth, rough, furry, metallic.")
    appearance_details: str | None = Field(None, description="Anything else worth seeing on it.")
    number_of_objects: int | None = Field(None, description="How many there are, where it is a cluster.")
    pose: str | None = Field(None, description="How the person holds the body.")
    expression: str | None = Field(None, description="What the face shows.")
    clothing: str | None = Field(None, description="What the person wears.")
    action: str | None = Field(None, description="What the person does.")
    gender: str | None = Field(None, description="The gender the person appears to have.")
    skin_tone_and_texture: str | None = Field(None, description="The skin's tone and surface.")
    orientation: str | None = Field(None, description="Which way it faces: upright, in profile, tilted left.")


class Lighting(_Shape):
    conditions: str = Field(description="The kind of light: bright daylight, dim indoor, neon at night.")
    direction: str = Field(description="Where the light comes from: front, left, behind, all around.")
    shadows: str | None = Field(None, description="What the shadows are like: long, soft, none.")


class Aesthetics(_Shape):
    composition: str = Field(description="How the frame is built: centred, rule of thirds, symmetrical.")
    color_scheme: str = Field(description="The colours that rule: warm, monochrome blue, strong contrasts.")
    mood_atmosphere: str = Field(description="The feeling: calm, tense, playful.")
    preference_score: str | None = Field(None, description='The model is always told "very high".')
    aesthetic_score: str | None = Field(None, description='The model is always told "very high".')


class PhotographicCharacteristics(_Shape):
    depth_of_field: str = Field(description="How much is sharp: shallow, deep.")
    focus: str = Field(description="What is sharp: the ball, the whole scene, soft all over.")
    camera_angle: str = Field(description="Where the camera looks from: eye level, low, from above.")
    lens_focal_length: str = Field(description="The lens: wide angle, 50 mm, telephoto, macro.")


class RenderedText(_Shape):
    text: str = Field(description="The words to be read in the picture.")
    location: str = Field(description="Where they stand.")
    size: str = Field(description="How large they are.")
    color: str = Field(description="Their colour.")
    font: str = Field(description="Their lettering: bold sans serif, handwritten, neon tube.")
    appearance_details: str | None = Field(None, description="Anything else: engraved, glowing, peeling.")


class Caption(_Shape):
    """A structured prompt for FIBO. What is missing is left to the model."""

    short_description: str = Field(description=f"The picture in at most {MAX_SUMMARY_WORDS} words.")
    objects: list[CaptionObject | None] = Field(
        description=f"The main subjects, at most {MAX_OBJECTS}.", json_schema_extra={"maxItems": MAX_OBJECTS}
    )
    background_setting: str = Field(description="The place and what lies behind the subjects.")
    lighting: Lighting
    aesthetics: Aesthetics
    photographic_characteristics: PhotographicCharacteristics | None = None
    style_medium: str | None = Field(None, description="The medium: photograph, oil painting, 3D render.")
    text_render: list[RenderedText | None] | None = Field(
        None, description="Words in the picture; an empty list where none are asked for."
    )
    context: str = Field(description="What the picture is for: a poster, a product shot, a film still.")
    artistic_style: str | None = Field(None, description=f"The style in at most {MAX_STYLE_WORDS} words.")


KEYS = tuple(Caption.model_fields)
#: What stands in the keys that hold an object, or a list of them.
SHAPES: dict[str, type[BaseModel]] = {
    "objects": CaptionObject,
    "lighting": Lighting,
    "aesthetics": Aesthetics,
    "photographic_characteristics": PhotographicCharacteristics,
    "text_render": RenderedText,
}

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_type": "an object",
}


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a complete caption, with a description of each key.

    Stricter than `StructuredPrompt.parse`, which takes an incomplete caption and gives hints.
    """
    schema = Caption.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "FIBO structured prompt",
    }


def check_shape(document: dict[str, Any]) -> list[Hint]:
    """What FIBO would miss or not expect in `document`.

    Raises PromptError, with path, value and expectation, where a list, an object or a scalar stands in the
    place of another. A missing key, a null, "" in any place, an empty container or a number where text belongs
    are hints: FIBO drops or renders them.
    """
    hints = [Hint(key, "is missing") for key in KEYS if key not in document]
    hints += [
        Hint(format_path((key,)), "is not one of FIBO's ten keys: it is kept, but not shown to the model")
        for key in document
        if key not in KEYS
    ]
    for key in ("objects", "text_render"):
        if isinstance(items := document.get(key), list) and len(items) > MAX_ITEMS:
            raise PromptError(f"{key} has {len(items):,} items, and at most {MAX_ITEMS:,} are read.", path=key)
    try:
        Caption.model_validate(document)
    except ValidationError as exc:
        for error in exc.errors(include_url=False, include_context=False):
            hints += _judge(error["type"], error["loc"], error["input"])
    hints += _too_long(document)
    return hints


def _judge(problem: str, place: Sequence[str | int], value: Any) -> list[Hint]:
    path = format_path(tuple(place))
    if problem == "missing":
        return [Hint(path, "is missing")] if len(place) > 1 else []  # the top level has its hint already
    if value is None:
        return [Hint(path, "is null")]
    expected = _EXPECTED[problem]
    holds_parts = isinstance(value, dict | list) and len(value) > 0
    if holds_parts or (expected in ("a list", "an object") and value != ""):
        raise PromptError(f"{path} is {kind(value)} ({excerpt(value)}), but it should be {expected}.", path=path)
    return [Hint(path, f"is {kind(value)} ({excerpt(value)}), where {expected} is expected")]


def _too_long(document: dict[str, Any]) -> list[Hint]:
    hints = []
    summary, objects, style = (document.get(key) for key in ("short_description", "objects", "artistic_style"))
    if isinstance(summary, str) and (words := len(summary.split())) > MAX_SUMMARY_WORDS:
        hints.append(Hint("short_description", f"has {words} words; FIBO expects at most {MAX_SUMMARY_WORDS}"))
    if isinstance(objects, list) and len(objects) > MAX_OBJECTS:
        hints.append(Hint("objects", f"has {len(objects)} objects; FIBO expects at most {MAX_OBJECTS}"))
    if isinstance(style, str) and (words := len(style.split())) > MAX_STYLE_WORDS:
        hints.append(Hint("artistic_style", f"has {words} words; FIBO expects at most {MAX_STYLE_WORDS}"))
    return hints


def kind(value: Any) -> str:
    """What a JSON value is, in a word a user knows."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "true or false"
    return "null" if value is None else "a number"

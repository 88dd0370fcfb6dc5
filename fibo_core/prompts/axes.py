"""Axes: what varies in an order, with its values: a JSON path of the prompt, or a setting such as the seed.

`axis_values.py` tells how values are written; their order is kept, as the order of the grid.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from fibo_core.errors import PromptError
from fibo_core.limits import GUIDANCE_MAX, GUIDANCE_MIN, SEED_MAX, STEPS_MAX, STEPS_MIN, UNCONFIRMED_MAX
from fibo_core.prompts import json_paths
from fibo_core.prompts.axis_values import VALUES_MAX, AxisError, Range, Value, read_values
from fibo_core.prompts.caption_schema import KEYS, MAX_ITEMS, Caption
from fibo_core.prompts.edits import with_field
from fibo_core.prompts.json_paths import MISSING, Step, excerpt, format_path, parse_path
from fibo_core.prompts.structured_prompt import MAX_DEPTH, SCORES, StructuredPrompt

__all__ = [
    "AXES_MAX",
    "SETTINGS",
    "VALUES_MAX",
    "Axis",
    "AxisError",
    "Value",
    "axis",
    "axis_from_record",
    "axis_to_record",
    "check_axes",
    "check_paths",
    "combinations",
    "places_to_vary",
    "read_axis",
    "takes_numbers",
    "with_values",
]

AXES_MAX = 3
SETTINGS = ("seed", "steps", "guidance", "model", "writer")  #: the axes that are no JSON path

Place = tuple[Step, ...]

_NUMBERS = {
    "seed": Range(int, 0, SEED_MAX),
    "steps": Range(int, STEPS_MIN, STEPS_MAX),
    "guidance": Range(float, GUIDANCE_MIN, GUIDANCE_MAX),
}
_COUNT = Range(int, 0, MAX_ITEMS)  # of a caption's whole numbers, such as objects[0].number_of_objects
_NAMED = re.compile(r'((?:[^="]|"(?:[^"\\]|\\.)*")*)=(.*)', re.DOTALL)  # a quoted key may hold a =


@dataclass(frozen=True)
class Axis:
    """One thing that varies, made by `axis` or `read_axis`.

    ``name`` is one of SETTINGS, or a JSON path as `format_path` writes it; ``values`` are one or more, all different:
    int for seed, steps and whole numbers of a caption, float for guidance, text for the rest.
    """

    name: str
    values: tuple[Value, ...]

    @property
    def is_path(self) -> bool:
        """Whether a place of the prompt varies, and not a setting."""
        return self.name not in SETTINGS


def read_axis(text: str) -> Axis:
    """The axis written as ``NAME=VALUES``. Raises AxisError."""
    if (match := _NAMED.fullmatch(text)) is None:
        raise AxisError(
            f"{excerpt(text)} is no axis. Write what varies and its values, as lighting.conditions=day|night."
        )
    return axis(match[1], match[2])


def axis(name: str, values: Sequence[Value] | str) -> Axis:
    """The axis of this name; a text is read as values are written. Raises AxisError.

    A key that FIBO's captions do not have is taken below their top level, and is for `check_paths` to find in a prompt.
    """
    name = name.strip()
    numbers, only_text = _NUMBERS.get(name), True
    if name not in SETTINGS:
        steps = _steps(name)
        name, shape = format_path(steps), _shape(steps)
        numbers, only_text = (_COUNT if shape is int else None), shape is str
    return Axis(name, read_values(name, values, numbers, only_text))


def check_axes(axes: Sequence[Axis], pictures: int, confirmed: bool) -> None:
    """Raises AxisError for too many axes, two of one place, and unconfirmed for more than UNCONFIRMED_MAX pictures."""
    if len(axes) > AXES_MAX:
        raise AxisError(f"{len(axes)} axes are given, and at most {AXES_MAX} can vary at once. Take some out.")
    for one, other in itertools.combinations(axes, 2):
        if one.name == other.name:
            raise AxisError(f"{one.name} is given as two axes. Put all its values into one.")
        if one.is_path and other.is_path:
            shorter, longer = sorted((one.name, other.name), key=lambda name: len(parse_path(name)))
            if json_paths.is_within(parse_path(longer), {parse_path(shorter)}):
                raise AxisError(f"{longer} lies within {shorter}, so only one of them can vary. Take one out.")
    most = max([pictures, *(len(each.values) for each in axes)])
    if most > UNCONFIRMED_MAX and not confirmed:
        raise AxisError(
            f"The order makes {most:,} pictures, and more than {UNCONFIRMED_MAX} must be confirmed. "
            "Confirm it, or take fewer values."
        )


def combinations(axes: Sequence[Axis]) -> list[dict[str, Value]]:
    """One value of each axis by its name, in every combination; the last axis changes fastest. ``[{}]`` for no axes."""
    names = [each.name for each in axes]
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*(each.values for each in axes))]


def with_values(prompt: StructuredPrompt, values: Mapping[str, Value]) -> StructuredPrompt:
    """A copy with each value at its path; settings among ``values`` are passed over.

    A field of FIBO's that the prompt leaves out is created in its place of FIBO's order. Raises AxisError as
    `check_paths` does, and PromptError where the result would be too long for a prompt.
    """
    for name, value in values.items():
        if name not in SETTINGS:
            known = _check_path(prompt, name)
            prompt = with_field(prompt, name, value) if known else prompt.set(name, value)
    return prompt


def check_paths(prompt: StructuredPrompt, axes: Iterable[Axis]) -> None:
    """Raises AxisError for an axis whose path the prompt has not and could not have."""
    for each in axes:
        if each.is_path:
            _check_path(prompt, each.name)


def takes_numbers(name: str) -> bool:
    """Whether the values of this axis are numbers, and so may be written as a range. Raises AxisError for no axis."""
    return name in _NUMBERS or (name not in SETTINGS and _shape(_steps(name)) is int)


def places_to_vary(prompt: StructuredPrompt) -> list[str]:
    """The JSON paths that an axis of this prompt can name: its single values in their order, then those of FIBO's
    fields that it leaves out and that belong to no item of a list."""
    absent = [format_path(place) for place in _FIELDS if 0 not in place]
    return [path for path in dict.fromkeys([*prompt.paths(), *absent]) if _can_vary(prompt, path)]


def _can_vary(prompt: StructuredPrompt, path: str) -> bool:
    try:
        _check_path(prompt, axis(path, [1] if takes_numbers(path) else ["1"]).name)
    except AxisError:
        return False
    return True


def axis_to_record(axis: Axis) -> dict[str, Any]:
    """The axis as JSON values; `axis_from_record` reads them back."""
    return {"name": axis.name, "values": list(axis.values)}


def axis_from_record(record: Any) -> Axis:
    """The axis of a record. Raises AxisError for what `axis_to_record` never wrote."""
    match record:
        case {"name": str(name), "values": [*values]}:
            return axis(name, values)
    raise AxisError(f"The order's axis {excerpt(record)} is damaged: it has no name with values. Give it anew.")


def _steps(name: str) -> Place:
    try:
        steps = parse_path(name)
    except PromptError:
        steps = ()
    if not 0 < len(steps) <= MAX_DEPTH:
        raise AxisError(f"An axis is called {excerpt(name)}. Name seed, steps or a place, as objects[0].texture.")
    return steps


def _fields(shape: Any, place: Place = ()) -> Iterator[tuple[Place, type]]:
    """The places of all single values in a part of FIBO's captions, with 0 for each index; and whether str or int."""
    if shape in (str, int):
        yield place, shape
    elif isinstance(shape, type) and issubclass(shape, BaseModel):
        for key, field in shape.model_fields.items():
            yield from _fields(field.annotation, (*place, key))
    elif get_origin(shape) is list:
        yield from _fields(get_args(shape)[0], (*place, 0))
    else:  # one of these, or None
        for each in get_args(shape):
            yield from _fields(each, place)


_FIELDS = dict(_fields(Caption))
#: What a mistyped name may mean: a setting, a top-level key, or a field by its last key alone.
_NAMES = {str(place[-1]): format_path(place) for place in reversed(_FIELDS)} | {
    each: each for each in (*KEYS, *SETTINGS)
}


def _shape(steps: Place) -> type | None:
    """`str` or `int`, as FIBO's captions have it at a place; None for a key of which only a prompt can tell.

    Raises AxisError where no prompt can have a single value.
    """
    place = _first(steps)
    if place in _FIELDS:
        if place[-1] in SCORES:
            raise AxisError(f'{format_path(steps)} cannot vary: the model is always told "very high". Take it out.')
        return _FIELDS[place]
    if steps[0] not in KEYS:
        known = f"neither a key of FIBO's captions nor one of {', '.join(SETTINGS)}"
        raise AxisError(f"{excerpt(steps[0])} is {known}.{_did_you_mean(str(steps[0]), _NAMES)}")
    depth = len(place)
    while not (fields := [each for each in _FIELDS if each[:depth] == place[:depth]]):
        depth -= 1
    if depth < len(place) and len(fields[0]) > depth and type(fields[0][depth]) is type(place[depth]):
        return None
    example = next((each for each in fields if each[-1] == place[-1]), fields[0])
    raise _not_single(steps, format_path(example))


def _first(steps: Place) -> Place:
    """The same place in the first item of its list."""
    return tuple(0 if isinstance(step, int) else step for step in steps)


def _not_single(steps: Place, example: str) -> AxisError:
    return AxisError(f"{format_path(steps)} is no place of a single value. Name one, such as {example}.")


def _did_you_mean(name: str, known: Mapping[str, str]) -> str:
    near = get_close_matches(name.lower(), known, n=2, cutoff=0.75)
    return f" Did you mean {' or '.join(known[each] for each in near)}?" if near else ""


def _check_path(prompt: StructuredPrompt, path: str) -> bool:
    """Whether the path is one of FIBO's fields, which is created where it is absent."""
    steps, document = parse_path(path), prompt.document
    index = steps[1] if len(steps) > 1 else ""
    if isinstance(index, int) and index >= (count := len(document.get(str(steps[0])) or ())):
        raise AxisError(f"{path} is not in the prompt: {steps[0]} holds {count}, counted from 0. Name one of those.")
    if _shape(steps) is not None:
        return True
    value = json_paths.read(document, steps)
    if value is MISSING:
        parent = json_paths.read(document, steps[:-1])
        keys = [each[-1] for each in _FIELDS if each[:-1] == _first(steps[:-1])]
        keys += parent if isinstance(parent, dict) else []
        near = _did_you_mean(str(steps[-1]), {str(key): format_path((*steps[:-1], key)) for key in keys})
        raise AxisError(f"{path} is neither in the prompt nor a field of FIBO's captions.{near}")
    if isinstance(value, dict | list) and value:
        raise _not_single(steps, format_path(next(json_paths.leaves(value, steps))))
    return False

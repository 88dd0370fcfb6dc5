"""Edits of a prompt's fields and lists, as a form or a preset makes them.

A value goes where its key stands; a key that was not there comes where FIBO's order has it, because the model reads
the keys of an object in the order of the document. Everything else, unknown keys too, stays untouched.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Literal

from fibo_core.prompts.caption_schema import KEYS, SHAPES
from fibo_core.prompts.json_paths import Step, parse_path
from fibo_core.prompts.structured_prompt import StructuredPrompt

ListKey = Literal["objects", "text_render"]

_ORDER = {key: tuple(shape.model_fields) for key, shape in SHAPES.items()}
#: What a new item of a list begins with.
_BLANK: dict[ListKey, dict[str, str]] = {"objects": {"description": ""}, "text_render": {"text": ""}}


def with_field(prompt: StructuredPrompt, path: str, value: str | int | float | None) -> StructuredPrompt:
    """A copy with ``value`` at ``path``. An empty text stays as "" where the key was; None takes the key out.

    Raises PromptError where ``path`` is none, or the result would be no prompt.
    """
    document = prompt.document
    steps = parse_path(path)
    parent: Any = document
    for depth in range(len(steps) - 1):
        parent = _container(parent, steps[: depth + 1], list if isinstance(steps[depth + 1], int) else dict)
        if parent is None:
            return prompt  # a list's item that is not there any more
    last = steps[-1]
    if value is None:
        parent.pop(last, None)
    elif value != "" or last in parent:
        _insert(parent, str(last), value, steps[:-1])
    return StructuredPrompt.from_dict(document)


def merged(prompt: StructuredPrompt, part: Mapping[str, Any]) -> StructuredPrompt:
    """A copy with the values of ``part``: objects are merged key by key, texts and lists replaced."""
    document = prompt.document
    _merge(document, part, ())
    return StructuredPrompt.from_dict(document)


def items(prompt: StructuredPrompt, key: ListKey) -> list[dict[str, Any]]:
    """The objects, or the texts, of a prompt; an empty one for a null among them."""
    found = prompt.document.get(key)
    return [item if isinstance(item, dict) else {} for item in found] if isinstance(found, list) else []


def add_item(prompt: StructuredPrompt, key: ListKey) -> StructuredPrompt:
    """A copy with a blank object or text at the end."""
    return _with_items(prompt, key, [*_raw(prompt, key), dict(_BLANK[key])])


def copy_item(prompt: StructuredPrompt, key: ListKey, index: int) -> StructuredPrompt:
    """A copy with the ``index``-th item twice, the second after the first."""
    found = _raw(prompt, key)
    return _with_items(prompt, key, [*found[: index + 1], *deepcopy(found[index : index + 1]), *found[index + 1 :]])


def move_item(prompt: StructuredPrompt, key: ListKey, index: int, to: int) -> StructuredPrompt:
    """A copy with the ``index``-th item at position ``to``."""
    found = _raw(prompt, key)
    if index < len(found):
        found.insert(to, found.pop(index))
    return _with_items(prompt, key, found)


def remove_item(prompt: StructuredPrompt, key: ListKey, index: int) -> StructuredPrompt:
    """A copy without the ``index``-th item."""
    found = _raw(prompt, key)
    return _with_items(prompt, key, found[:index] + found[index + 1 :])


def _raw(prompt: StructuredPrompt, key: ListKey) -> list[Any]:
    found = prompt.document.get(key)
    return found if isinstance(found, list) else []


def _with_items(prompt: StructuredPrompt, key: ListKey, found: Sequence[Any]) -> StructuredPrompt:
    document = prompt.document
    _insert(document, key, list(found), ())
    return StructuredPrompt.from_dict(document)


def _container(parent: Any, steps: tuple[Step, ...], kind: type) -> Any:
    """What stands at the last of ``steps`` in ``parent``; made where null or "" stands there, or nothing."""
    step = steps[-1]
    if isinstance(step, int):
        if step >= len(parent):
            return None
        if not isinstance(parent[step], kind):
            parent[step] = kind()
        return parent[step]
    if not isinstance(parent.get(step), kind):
        _insert(parent, step, kind(), steps[:-1])
    return parent[step]


def _merge(document: dict[str, Any], part: Mapping[str, Any], place: tuple[Step, ...]) -> None:
    for key, value in part.items():
        if isinstance(value, Mapping):
            _merge(_container(document, (*place, key), dict), value, (*place, key))
        else:
            _insert(document, key, deepcopy(value), place)


def _insert(parent: dict[str, Any], key: str, value: Any, place: tuple[Step, ...]) -> None:
    """Puts ``value`` at ``key``; a new key comes before the first one that FIBO has after it."""
    order = KEYS if not place else _ORDER.get(str(place[0]), ())
    if key not in parent and key in order:
        later = set(order[order.index(key) + 1 :])
        rest = [(name, parent[name]) for name in parent]
        first = next((index for index, (name, _) in enumerate(rest) if name in later), len(rest))
        parent.clear()
        parent.update([*rest[:first], (key, value), *rest[first:]])
    parent[key] = value

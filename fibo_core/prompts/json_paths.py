"""JSON paths: read, write and remove one place of a document, find it in typed text, compare two documents.

A path names a place as ``objects[0].shape_and_color``; a key with a dot, a bracket or a quote in it is
written ``["like.this"]``. Errors, hints and differences all name places this way.
"""

import json
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from fibo_core.errors import PromptError
from fibo_core.prompts.json_alignment import alignment

Step = str | int
_PLAIN_KEY = re.compile(r'[^.\[\]"\x00-\x1f\ud800-\udfff]+')  # the rest could not be printed as it is
_STEP = re.compile(r'\.([^.\[\]"]+)|\[([0-9]{1,9})\]|\[("(?:[^"\\]|\\.)*")\]', re.DOTALL)
_BLANK = frozenset(" \t\n\r\ufeff")
_DECODER = json.JSONDecoder()


class Missing(Enum):
    """The type of MISSING, the value of a place that is not there (None is JSON's null)."""

    MISSING = "absent"


MISSING = Missing.MISSING


@dataclass(frozen=True)
class Change:
    """What one place held before and holds after; MISSING where it was not there.

    ``was`` is the place in the document before: another one than ``path`` where list items moved up or down. For a
    new list item it is where that comes in.
    """

    path: str
    before: Any
    after: Any
    was: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.path}: {excerpt(self.before)} → {excerpt(self.after)}"


def parse_path(path: str) -> tuple[Step, ...]:
    """The keys and list positions that `path` names, outermost first. Raises PromptError."""
    rest = path if path.startswith("[") or not path else f".{path}"
    steps: list[Step] = []
    position = 0
    while position < len(rest):
        match = _STEP.match(rest, position)
        if match is None:
            raise PromptError(f'"{path}" is not a JSON path. Write it as objects[0].location.', path=path)
        key, index, quoted = match.groups()
        try:
            steps.append(key if key is not None else int(index) if index is not None else json.loads(quoted))
        except json.JSONDecodeError as exc:
            raise PromptError(f'"{path}" is not a JSON path: {exc.msg} in {quoted}.', path=path) from exc
        position = match.end()
    return tuple(steps)


def format_path(steps: tuple[Step, ...]) -> str:
    """The path that `parse_path` reads as `steps`; "" for the whole document."""
    path = ""
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            path += f".{step}" if path else step
        else:
            path += f"[{json.dumps(step)}]"
    return path


def read(document: Any, steps: tuple[Step, ...]) -> Any:
    """The value at `steps`, or MISSING."""
    for step in steps:
        if not _holds(document, step):
            return MISSING
        document = document[step]
    return document


def write(document: dict[str, Any], steps: tuple[Step, ...], value: Any) -> None:
    """Put `value` at `steps` in place, creating parents that are absent or null.

    A list position may be one past the end, which appends. Raises PromptError where a parent is of another
    kind, or a list too short.
    """
    parent: Any = document
    for depth, step in enumerate(steps):
        path, where = format_path(steps), format_path(steps[:depth]) or "the document"  # for messages
        fits = isinstance(parent, list) if isinstance(step, int) else isinstance(parent, dict)
        if not fits:
            kind = "a list" if isinstance(step, int) else "an object"
            raise PromptError(f"{path} cannot be set: {where} is not {kind}. Set {where} as a whole.", path=path)
        if isinstance(step, int) and step > len(parent):
            raise PromptError(f"{path} cannot be set: {where} has {len(parent)} items.", path=path)
        if isinstance(step, int) and step == len(parent):
            parent.append(None)
        if depth == len(steps) - 1:
            parent[step] = value
        elif not _holds(parent, step) or parent[step] is None:
            parent[step] = [] if isinstance(steps[depth + 1], int) else {}
        parent = parent[step]


def remove(document: dict[str, Any], steps: tuple[Step, ...]) -> None:
    """Take the place at `steps` out, in place; nothing happens where it is absent."""
    parent = read(document, steps[:-1])
    if _holds(parent, steps[-1]):
        del parent[steps[-1]]


def leaves(value: Any, steps: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    """The places of all scalars and empty containers under `value`, in document order."""
    if isinstance(value, dict | list) and value:
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, (*steps, step))
    else:
        yield steps


def is_within(place: tuple[Step, ...], places: Container[tuple[Step, ...]]) -> bool:
    """Whether a place is one of ``places`` (a set), or lies in one."""
    return any(place[:depth] in places for depth in range(len(place) + 1))


def locate(text: str, path: str) -> tuple[int, int] | None:
    """Line and column (from 1) where the value at `path` begins in JSON `text`; None where there is none."""
    try:
        start = _skip(text, 0)
        for step in parse_path(path):
            found = _find(text, start, step)
            if found is None:
                return None
            start = found
    except (ValueError, RecursionError, PromptError):
        return None
    return text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)


def _find(text: str, start: int, step: Step) -> int | None:
    """Where the value of `step` begins in the container that begins at `start`; of repeated keys the last."""
    opening = text[start : start + 1]
    if opening != ("[" if isinstance(step, int) else "{"):
        return None
    found = None
    count = 0
    position = _skip(text, start + 1)
    while text[position : position + 1] not in ("", "]", "}"):
        key: Step = count
        if opening == "{":
            key, position = _DECODER.raw_decode(text, position)
            position = _skip(text, _skip(text, position) + 1)  # over the colon
        if key == step:
            found = position
        _, position = _DECODER.raw_decode(text, position)
        position = _skip(text, position)
        if text[position : position + 1] == ",":
            position = _skip(text, position + 1)
        count += 1
    return found


def _skip(text: str, position: int) -> int:
    while text[position : position + 1] in _BLANK:
        position += 1
    return position


def changes(before: Any, after: Any, steps: tuple[Step, ...] = (), was: tuple[Step, ...] | None = None) -> list[Change]:
    """What differs between two JSON values, in document order; the order of keys does not count.

    A part that only one side has (a key, a list item) is one change carrying the whole part. List items are
    paired so that as little as possible differs: an item taken out of the middle is one change, not one for
    each item after it. Paths use the positions of `after`, and of `before` for what was removed; `steps` and `was`
    are where the two values stand.
    """
    was = steps if was is None else was
    if isinstance(before, dict) and isinstance(after, dict):
        found = []
        for key in dict.fromkeys([*before, *after]):
            place, old_place = (*steps, key), (*was, key)
            if key in before and key in after:
                found += changes(before[key], after[key], place, old_place)
            else:
                sides = before.get(key, MISSING), after.get(key, MISSING)
                found.append(Change(format_path(place), *sides, format_path(old_place)))
        return found
    if isinstance(before, list) and isinstance(after, list):
        return _list_changes(before, after, steps, was)
    if type(before) is type(after) and before == after:
        return []
    return [Change(format_path(steps), before, after, format_path(was))]


def _list_changes(before: list[Any], after: list[Any], steps: tuple[Step, ...], was: tuple[Step, ...]) -> list[Change]:
    found: list[Change] = []
    passed = 0  # items of `before`: where a new one comes in
    for i, j, _ in alignment(before, after):
        if i is None and j is not None:
            found.append(Change(format_path((*steps, j)), MISSING, after[j], format_path((*was, passed))))
        elif i is not None:
            if j is None:
                found.append(Change(format_path((*steps, i)), before[i], MISSING, format_path((*was, i))))
            else:
                found += changes(before[i], after[j], (*steps, j), (*was, i))
            passed += 1
    return found


def _holds(container: Any, step: Step) -> bool:
    if isinstance(step, int):
        return isinstance(container, list) and step < len(container)
    return isinstance(container, dict) and step in container


def excerpt(value: Any, length: int = 60) -> str:
    """`value` as printable JSON, cut to `length` characters; "absent" for MISSING."""
    text = "absent" if value is MISSING else json.dumps(value, ensure_ascii=False)
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")  # a lone surrogate cannot be printed
    if len(text) <= length:
        return text
    return text[: length - 2] + '…"' if text.startswith('"') else text[: length - 1] + "…"

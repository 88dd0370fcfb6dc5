"""Changes as people read them: which words of a value differ, and what an object that came or went is called.

Paths stay what every other place calls them; only what comes or goes as a whole gets a sentence of its own.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from fibo_core.prompts.json_paths import MISSING, Change, parse_path, read
from fibo_core.prompts.parts import PARTS
from fibo_core.prompts.structured_prompt import StructuredPrompt

ALIKE_MIN = 0.35  # of 1, by words; values that share less are shown whole, one after the other
WORDS_MAX = 2_000  # of both values together; longer ones are not compared word by word
NAMED_PATHS = 3  # in one line
NAME_CHARS = 40
SHORT_CHARS = 24

_ITEMS = {part.keys[0]: part.item for part in PARTS if part.item}
#: A word, a sign of a script that writes without spaces, blanks, or any other sign.
_TOKEN = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+|\s+|.", re.S
)


@dataclass(frozen=True)
class Stretch:
    """Some words of a changed value: in both of its states, or only before, or only after."""

    side: Literal["both", "before", "after"]
    text: str


def marked_words(before: Any, after: Any) -> tuple[Stretch, ...]:
    """The words of a value before and after, as one text: what left it stands before what came in its place.

    MISSING has no words. Values with little in common come whole, one after the other.
    """
    sides: tuple[tuple[Literal["before", "after"], Any], ...] = (("before", before), ("after", after))
    whole = tuple(Stretch(side, shown(value)) for side, value in sides if value is not MISSING)
    if not (isinstance(before, str) and isinstance(after, str)):
        return whole
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    if len(old) + len(new) > WORDS_MAX:
        return whole
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    same = sum(not word.isspace() for block in matcher.get_matching_blocks() for word in old[block.a :][: block.size])
    if 2 * same < ALIKE_MIN * sum(not word.isspace() for word in (*old, *new)):
        return whole
    return tuple(_joined(matcher.get_opcodes(), old, new))


def _joined(steps: Sequence[tuple[str, int, int, int, int]], old: list[str], new: list[str]) -> list[Stretch]:
    """The stretches of a comparison; blanks alone between two changes are part of them."""
    found: list[Stretch] = []
    lost = came = ""
    for number, (kind, i, i_end, j, j_end) in enumerate(steps):
        gone, come = "".join(old[i:i_end]), "".join(new[j:j_end])
        inner = 0 < number < len(steps) - 1
        if kind == "equal" and not (inner and gone.isspace()):
            found += _changed(lost, came)
            found.append(Stretch("both", gone))
            lost = came = ""
        else:
            lost, came = lost + gone, came + come
    return found + _changed(lost, came)


def _changed(lost: str, came: str) -> list[Stretch]:
    both: tuple[Stretch, ...] = (Stretch("before", lost), Stretch("after", came))
    return [stretch for stretch in both if stretch.text]


def shown(value: Any) -> str:
    """A value as its reader knows it: a text without quotes, the fields of an object one after the other."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return " · ".join(f"{str(key).replace('_', ' ')}: {shown(part)}" for key, part in value.items())
    return json.dumps(value, ensure_ascii=False)


def title_of_change(change: Change) -> str:
    """ "Object 2 (a blue box) removed" for an item that came or went, else the change's path."""
    if MISSING not in (change.before, change.after):
        return change.path or "(the whole prompt)"
    came = change.before is MISSING
    steps = parse_path(change.path if came else change.was)
    verb = "added" if came else "removed"
    if len(steps) == 2 and steps[0] in _ITEMS and isinstance(steps[1], int):
        name = _name(change.after if came else change.before)
        return f"{_ITEMS[steps[0]].capitalize()} {steps[1] + 1}{f' ({name})' if name else ''} {verb}"
    return f"{change.path} {verb}"


def named_place(prompt: StructuredPrompt, path: str) -> str:
    """ "object 2 (a blue box)" for an item, "the whole prompt", else the path."""
    steps = parse_path(path)
    if not steps:
        return "the whole prompt"
    if len(steps) == 2 and steps[0] in _ITEMS and isinstance(steps[1], int):
        name = _name(read(prompt.document, steps))
        return f"{_ITEMS[steps[0]]} {steps[1] + 1}{f' ({name})' if name else ''}"
    return path


def short_name(prompt: StructuredPrompt) -> str:
    """What the first object is called, in a few words ("the red ball"); "" where there is none, or no short way."""
    items = read(prompt.document, ("objects", 0))
    words = "" if items is MISSING else _name(items).rstrip("…")
    words = re.split(
        r"[,.;:(]| (?:with|on|in|at|of|that|who|which|standing|sitting|lying|wearing|near|beside) ", words
    )[0]
    words = re.sub(r"^(?:an?|the|one) ", "", words.strip(), flags=re.IGNORECASE)
    return f"the {words}" if 0 < len(words) <= SHORT_CHARS and len(words.split()) <= 4 else ""


def _name(item: Any) -> str:
    """What an object, or a text, is called."""
    said = (item.get("description") or item.get("text") or "") if isinstance(item, dict) else item
    text = " ".join(str(said or "").split())
    return text if len(text) <= NAME_CHARS else text[: NAME_CHARS - 1].rstrip() + "…"


def changes_line(changes: Sequence[Change]) -> str:
    """ "2 fields changed: short_description, objects[0].shape_and_color"; what came and went is named."""
    if not changes:
        return "Nothing changed"
    fields = [change for change in changes if not _is_item(change)]
    items = [title_of_change(change) for change in changes if _is_item(change)]
    parts = list(items)
    if fields:
        named = ", ".join(change.path or "(the whole prompt)" for change in fields[:NAMED_PATHS])
        more = f" and {len(fields) - NAMED_PATHS} more" if len(fields) > NAMED_PATHS else ""
        parts.append(f"{len(fields)} field{'' if len(fields) == 1 else 's'} changed: {named}{more}")
    return "; ".join(parts)


def _is_item(change: Change) -> bool:
    steps = parse_path(change.path)
    return MISSING in (change.before, change.after) and len(steps) == 2 and steps[0] in _ITEMS

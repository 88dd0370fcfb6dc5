"""What a family's own edit is told to do: the user's own instruction, or sentences made from how the prompt changes.

A model that edits reads the caption of the result too, so that the sentences name what changes and leave the rest to
that; made from the difference, they cannot say anything else than the prompt which is stored.
"""

import re
from typing import Any

from fibo_core.errors import InputError
from fibo_core.prompts.change_words import changes_line
from fibo_core.prompts.json_paths import MISSING, Change, Step, parse_path, read
from fibo_core.prompts.picture_names import named_pictures, picture_name, with_names
from fibo_core.prompts.structured_prompt import SCORES, StructuredPrompt, diff
from fibo_core.writers.asked import SUMMARIES, unmet_words
from fibo_core.writers.languages import is_english

SENTENCES_MAX = 6  #: what changes besides stands in the caption
NAME_WORDS = 6
MASKED = "in the masked area"  #: as the models were taught to call what is greyed out

_WORD = re.compile(r"[^\W_]+")
_CALLED = {
    "background_setting": "the background",
    "style_medium": "the medium",
    "artistic_style": "the style",
    "lighting.conditions": "the light",
    "lighting.direction": "the direction of the light",
    "lighting.shadows": "the shadows",
    "aesthetics.mood_atmosphere": "the mood",
    "photographic_characteristics.lens_focal_length": "the lens",
    "context": "what the picture is for",
}


def edit_instruction(
    before: StructuredPrompt, after: StructuredPrompt, words: str = "", *, masked: bool = False
) -> str:
    """What to do to a picture of ``before`` so that it becomes one of ``after``, in English.

    The user's own ``words`` where they are English; in another language they are told from the difference, with the
    pictures that they name. "" where nothing is said and nothing differs. ``masked``: the model sees a masked area.
    """
    words = " ".join(words.split())
    said = words if words and is_english(words) else " ".join(_sentences(before, after))
    if words and said != words:
        names = [picture_name(number) for number in sorted(named_pictures(words)) if number > 1]
        said = f"{said} Go by {' and '.join(names)}." if names and said else said or words
    if masked and said and "mask" not in said.lower():
        one = said.count(". ") == 0
        return f"{said.removesuffix('.')} {MASKED}." if one else f"{MASKED[0].upper()}{MASKED[1:]}: {said}"
    return said


def for_writers(words: str) -> str:
    """An instruction as a writer of prompts understands it, who is not shown the references."""
    return with_names(words, lambda number: "this picture" if number == 1 else f"given picture {number}")


def check_agreement(before: StructuredPrompt, after: StructuredPrompt, words: str) -> None:
    """Raises InputError for an instruction beside a prompt by hand that does not do what the instruction says.

    What the rules of the offline writer do not understand is not judged.
    """
    if not words.strip():
        return
    changes = diff(before, after)
    if not changes:
        raise InputError(
            f'The instruction is "{_short(words)}", and the JSON is the one of the picture. Change it too, or leave it '
            "out, and a writer does."
        )
    if is_english(words) and (unmet := unmet_words(before, after, for_writers(words))):
        raise InputError(
            f'The instruction is "{_short(words)}", and the JSON does something else, without {unmet} '
            f"({changes_line(changes)}). Make both say the same, or leave one of them out."
        )


def _sentences(before: StructuredPrompt, after: StructuredPrompt) -> list[str]:
    """One for each change, things first; none that only says again what stands in those before it.

    Where most of the prompt is another one, the first says what the picture is to show, and none what that lacks.
    """
    changes = [change for change in diff(before, after) if not set(_place(change)) & set(SCORES) and _says(change)]
    main = [change for change in changes if not _sums_up(_place(change))]
    told: list[str] = []
    shown = next((change for change in changes if _place(change) == ("short_description",)), None)
    if shown is not None and shown.after is not MISSING and _is_another(before, changes):
        told.append(_sentence(shown, before))
        main = [change for change in main if change.after is not MISSING]
        changes = []
    brought: set[str] = set()
    for change in sorted(main or changes[:1], key=lambda change: not _is_name(_place(change))):
        new = _words(change.after) - _words(change.before)
        if told and new and new <= brought:
            continue
        brought |= new
        told.append(_sentence(change, before))
    return told[:SENTENCES_MAX]


def _says(change: Change) -> bool:
    """Whether there is anything to tell of it: not that an empty list or text is gone."""
    return any(value is not MISSING and _told(value) for value in (change.before, change.after))


def _is_another(before: StructuredPrompt, changes: list[Change]) -> bool:
    """Whether more than half of a prompt's parts differ."""
    parts = {key for key, value in before.document.items() if _told(value)}
    return len(parts & {str(_place(change)[0]) for change in changes if _place(change)}) > len(parts) / 2


def _place(change: Change) -> tuple[Step, ...]:
    return parse_path(change.was)


def _sums_up(place: tuple[Step, ...]) -> bool:
    return place in SUMMARIES or place[2:] == ("relationship",)


def _is_name(place: tuple[Step, ...]) -> bool:
    """Whether a place is a whole item of a list, or says what it is called."""
    return place[:1] in (("objects",), ("text_render",)) and place[2:] in ((), ("description",), ("text",))


def _sentence(change: Change, before: StructuredPrompt) -> str:
    place = _place(change)
    if len(place) >= 2 and place[0] in ("objects", "text_render") and isinstance(place[1], int):
        return _of_item(change, place, read(before.document, place[:2]))
    if place == ("short_description",):
        return f"Change the picture to show {_told(change.after)}."
    path = ".".join(map(str, place))
    return _of_field(_CALLED.get(path, f"the {str(place[-1]).replace('_', ' ')}" if place else "the picture"), change)


def _of_item(change: Change, place: tuple[Step, ...], item: Any) -> str:
    is_text = place[0] == "text_render"
    if len(place) == 2 and change.before is MISSING:
        where = _field(change.after, "location")
        return f"Add {_item(change.after, is_text)}{f', {where}' if where else ''}."
    if len(place) == 2 and change.after is MISSING:
        return f"Remove {_name(change.before, is_text)}."
    name, field = _name(item, is_text), place[-1]
    if len(place) == 2 or field in ("description", "text"):
        return f"Change {name} to {_item(change.after, is_text)}."
    if field == "location" and change.after is not MISSING:
        return f"Move {name} to {_told(change.after)}."
    return _of_field(f"the {str(field).replace('_', ' ')} of {name}", change)


def _of_field(called: str, change: Change) -> str:
    if change.after is MISSING or not _told(change.after):
        return f"Leave out {called}: {_told(change.before)}."
    return f"Change {called} to {_told(change.after)}."


def _item(item: Any, is_text: bool) -> str:
    """An object or a text that comes: "a purple box", 'the text "OPEN"'."""
    said = _field(item, "text" if is_text else "description") if isinstance(item, dict) else _told(item)
    return f'the text "{said}"' if is_text else said or _told(item)


def _name(item: Any, is_text: bool) -> str:
    """An object or a text that is there, in a few words: "the green box"."""
    if is_text:
        return f'the text "{_field(item, "text") if isinstance(item, dict) else _told(item)}"'
    said = re.split(r"[,.;:(]", _field(item, "description") if isinstance(item, dict) else _told(item))[0]
    words = re.sub(r"^(?:an?|the|one) ", "", said, flags=re.IGNORECASE).split()
    return f"the {' '.join(words[:NAME_WORDS])}" if words else "the object"


def _field(item: Any, name: str) -> str:
    value = item.get(name) if isinstance(item, dict) else None
    return _told(value) if isinstance(value, str) else ""


def _told(value: Any) -> str:
    """A value inside a sentence: without the period at its end, its first letter small unless it is a name's."""
    if isinstance(value, dict | list):
        return ", ".join(filter(None, (_told(part) for part in (value.values() if isinstance(value, dict) else value))))
    text = "nothing" if value is None or value is MISSING else " ".join(str(value).split()).rstrip(".")
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def _words(value: Any) -> set[str]:
    return set() if value is MISSING else set(_WORD.findall(_told(value).lower()))


def _short(words: str) -> str:
    words = " ".join(words.split())
    return words if len(words) <= 60 else f"{words[:59].rstrip()}…"

"""Lettering: the wordings a prompt has painted, written, changed and taken away (`text_render`)."""

import re
from typing import Any

from fibo_core.writers.rules.compose import listed
from fibo_core.writers.rules.draft import Draft
from fibo_core.writers.rules.steps import Step
from fibo_core.writers.rules.targets import Target, field_text


def reword(draft: Draft, step: Step, chosen: list[Target]) -> None:
    """The wording a step asks for: on the object it names, else in place of the first one, else anew.

    A step without wording says how the painted one shall look: its colour, its size, its place.
    """
    entries = _entries(draft)
    if step.target == "wording" and not entries and not step.text:
        draft.notes.append("There is no text in the prompt to change.")
    elif not step.text:
        _restyle(draft, step, entries)
    elif chosen and step.target in ("named", "it"):
        _write_on(draft, chosen[0], step.text)
        draft.remember(chosen[:1])
    elif entries and step.kind != "write":
        _replace(draft, entries[0], step.text)
    else:
        place = step.scene.subjects[0].place if step.scene.subjects else ""
        entries.append(_entry(step.text, place or "center"))
        draft.document["text_render"] = entries
        draft.summary.say_more(f', with the words "{step.text}"')


def unletter(draft: Draft) -> None:
    """Takes all wording away, also where descriptions quote it."""
    entries = _entries(draft)
    if not entries:
        draft.notes.append("There is no text in the prompt to remove.")
        return
    for lettering in entries:
        text = field_text(lettering, "text")
        for entry in draft.entries():
            entry["description"] = _without(field_text(entry, "description"), text)
        draft.summary.text = _without(draft.summary.text, text)
    draft.document["text_render"] = []
    objects = draft.document.get("objects")
    if isinstance(objects, list):  # lettering that stood by itself is gone
        draft.document["objects"] = [e for e in objects if not (isinstance(e, dict) and _is_bare(e))]


def _is_bare(entry: dict[str, Any]) -> bool:
    return field_text(entry, "description").lower() in ("lettering", "a lettering")


def _entries(draft: Draft) -> list[dict[str, Any]]:
    found = draft.document.get("text_render")
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _entry(text: str, location: str) -> dict[str, Any]:
    return {"text": text, "location": location, "size": "medium", "color": "black", "font": "bold sans serif"}


def _write_on(draft: Draft, target: Target, text: str) -> None:
    """The wording on an object: in place of its own, or new."""
    entry = draft.entry(target)
    said = field_text(entry, "description")
    own = [e for e in _entries(draft) if field_text(e, "text") and field_text(e, "text") in said]
    entries = _entries(draft)
    if not own and len(entries) == 1 and target.name in field_text(entries[0], "location"):
        own = entries
    if own:
        _replace(draft, own[0], text)
        return
    name = target.name
    location = f"on the {name}, {field_text(entry, 'location') or 'center'}"
    draft.document["text_render"] = [*entries, _entry(text, location)]
    entry["description"] = (
        f'{said} that says "{text}"'.strip() if not said.endswith(".") else f'{said} It says "{text}".'
    )
    mentions = draft.summary.mentions(target, entry, several=True)
    for mention in mentions[:1]:
        shown = draft.summary.text
        draft.summary.text = f'{shown[: mention.end]} that says "{text}"{shown[mention.end :]}'


def _replace(draft: Draft, lettering: dict[str, Any], text: str) -> None:
    old = field_text(lettering, "text")
    lettering["text"] = text
    if not old:
        return
    for entry in draft.entries():
        if old in field_text(entry, "description"):
            entry["description"] = entry["description"].replace(old, text)
    draft.summary.text = draft.summary.text.replace(old, text)


def _restyle(draft: Draft, step: Step, entries: list[dict[str, Any]]) -> None:
    said = step.scene.subjects[0] if step.scene.subjects else None
    if not entries or not (said or step.grow):
        draft.keep(step.words)
        return
    for lettering in entries:
        if said and said.colors:
            lettering["color"] = listed(said.colors)
        if step.grow or (said and said.size):
            size = said.size.say if said and said.size else "large" if step.grow > 0 else "small"
            lettering["size"] = size
        if said and said.place:
            lettering["location"] = said.place


def _without(said: str, text: str) -> str:
    """A description without the words that quote the wording."""
    wording = re.escape(text)
    says = r"(that says|which says|it says|that reads|saying|reading|with the (words?|text))"
    return re.sub(
        rf"""[,\s]*\b{says}\s+["'“]?{wording}["'”]?|[,\s]*["'“]{wording}["'”]""", "", said, flags=re.IGNORECASE
    )

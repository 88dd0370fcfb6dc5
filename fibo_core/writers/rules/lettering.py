"""Lettering: the words a prompt has painted, written, changed and taken away (`text_render`)."""

import re

from fibo_core.writers.rules.compose import listed
from fibo_core.writers.rules.draft import Draft
from fibo_core.writers.rules.mentions import rewrite
from fibo_core.writers.rules.steps import Step
from fibo_core.writers.rules.targets import Entry, field_text

_SAYS = r"(that says|which says|it says|that reads|saying|reading|with the (words?|text))"


def reword(draft: Draft, step: Step, chosen: list[Entry]) -> None:
    """The words a step asks for: on the object it names, else in place of the first ones, else anew.

    A step without words says how the painted ones shall look: their colour, their size, their place.
    """
    texts = _texts(draft)
    named = chosen if step.target in ("named", "it") else []
    own = [text for text in texts if named and field_text(text, "text") in field_text(named[0], "description")]
    if not step.text and not texts:
        draft.notes.append("There is no text in the prompt to change.")
    elif not step.text:
        for text in texts:
            _restyle(text, step)
    elif own or (texts and step.kind != "write" and not named):
        _replace(draft, (own or texts)[0], step.text)
    else:
        place = step.subject.place or "center"
        where = f"on the {draft.name(named[0])}, {field_text(named[0], 'location') or place}" if named else place
        added = {"text": step.text, "location": where, "size": "medium", "color": "black", "font": "bold sans serif"}
        draft.document["text_render"] = [*texts, added]
        says = f'that says "{step.text}"'
        if named:
            draft.rewrite(named[0], lambda text, m: rewrite(text, (m.name[1],) * 2, says), several=True)
        else:
            draft.say_more(f', with the words "{step.text}"')


def unletter(draft: Draft) -> None:
    """Takes all painted words away, also where descriptions quote them."""
    texts = _texts(draft)
    if not texts:
        draft.notes.append("There is no text in the prompt to remove.")
    for text in texts:
        quoted = re.escape(field_text(text, "text"))
        told = re.compile(rf"""[,\s]*(\b{_SAYS}\s+["'“]?{quoted}["'”]?|["'“]{quoted}["'”])""", re.IGNORECASE)
        for entry in draft.objects():
            entry["description"] = told.sub("", field_text(entry, "description"))
        draft.summary = told.sub("", draft.summary)
        draft.document["text_render"] = []
    bare = [entry for entry in draft.objects() if texts and draft.name(entry) == "lettering"]
    draft.remove(bare)


def _texts(draft: Draft) -> list[Entry]:
    found = draft.document.get("text_render")
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _replace(draft: Draft, text: Entry, words: str) -> None:
    old = field_text(text, "text")
    text["text"] = words
    for entry in draft.objects() if old else []:
        if old in field_text(entry, "description"):
            entry["description"] = entry["description"].replace(old, words)
    draft.summary = draft.summary.replace(old, words) if old else draft.summary


def _restyle(text: Entry, step: Step) -> None:
    said = step.subject
    size = said.size.say if said.size else "large" if step.grow > 0 else "small" if step.grow < 0 else ""
    text |= {
        key: value for key, value in (("color", listed(said.colors)), ("size", size), ("location", said.place)) if value
    }

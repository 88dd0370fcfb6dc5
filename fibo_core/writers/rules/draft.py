"""A draft: the document of a prompt while an instruction changes it in place, and what is to be said about that.

The short description is prose, written by anyone: what it says of a changed thing is rewritten where it stands, and
what it did not say is added at its end.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from fibo_core.writers.rules.arrange import Cell
from fibo_core.writers.rules.compose import listed
from fibo_core.writers.rules.lexicon import Lexicon, Term
from fibo_core.writers.rules.mentions import Mention, color_runs, erase, find_mentions, first_match
from fibo_core.writers.rules.nouns import NounPhrase
from fibo_core.writers.rules.scene import Subject, unknown_note
from fibo_core.writers.rules.targets import Entry, cell_of, field_text, find_objects, names_of, objects_of

_OPENING = re.compile(r"[\s,]*\b((in front of|against|in|on|at|by|near|over|under|during)\b(\s+(a|an|the)\b)?)?\s*$")


class Draft:
    """What all edits share: the document, its short description, the notes, and what "it" is."""

    def __init__(self, document: dict[str, Any], lexicon: Lexicon):
        self.document = document
        self.lexicon = lexicon
        self.notes: list[str] = []
        self.unread: list[str] = []
        self.unknown: list[str] = []
        self.last: list[Entry] = []  # what "it" is

    # Objects.

    def objects(self) -> list[Entry]:
        """The objects, without what is none."""
        return objects_of(self.document)

    def find(self, phrase: NounPhrase) -> list[Entry]:
        """The objects a phrase names; "the other ball" is the one that was not named last."""
        found = find_objects(self.document, phrase, self.lexicon)
        if phrase.ordinal == 0 and len(found) > 1:
            before = self.last or found[:1]
            found = [entry for entry in found if not any(entry is other for other in before)]
        return found

    def find_subject(self, subject: Subject) -> list[Entry]:
        """The objects that a subject of an instruction names, such as "the box" in "above the box"."""
        return self.find(NounPhrase(0, 0, colors=subject.colors, nouns=subject.name.split(), thing=subject.term))

    def names(self, entry: Entry) -> tuple[str, ...]:
        """What an object is called, its own name first."""
        return names_of(field_text(entry, "description"), self.lexicon)

    def name(self, entry: Entry) -> str:
        """What to call an object in a sentence."""
        return (*self.names(entry), "object")[0]

    def drop(self, entries: list[Entry]) -> None:
        """Takes objects out."""
        objects = self.document.get("objects") or []
        self.document["objects"] = [each for each in objects if not any(each is entry for entry in entries)]

    def remove(self, entries: list[Entry]) -> None:
        """Takes objects out, and what the short description says of them."""
        several = not self.alike_elsewhere(entries)
        for entry in entries[::-1]:
            for mention in self.mentions(entry, several=several)[:1]:
                self.summary = erase(self.summary, mention, self.lexicon)
        self.drop(entries)
        self.last = []

    def alike_elsewhere(self, chosen: list[Entry]) -> bool:
        """Whether objects besides the chosen ones go by their name, so that a plural means others too."""
        names = {self.name(entry) for entry in chosen}
        return any(self.name(e) in names for e in self.objects() if not any(e is other for other in chosen))

    def cells(self, without: Entry | None = None) -> dict[int, Cell]:
        """The cells of the objects that say where they are, by their numbers."""
        found = ((number, cell_of(entry, self.lexicon)) for number, entry in enumerate(self.objects()))
        objects = self.objects()
        return {number: cell for number, cell in found if cell is not None and objects[number] is not without}

    def place_at(self, cell: Cell | None) -> Term | None:
        """The place that is a cell of the frame."""
        return next((place for place in self.lexicon.table["places"].values() if place.cell == cell), None)

    def part(self, key: str) -> dict[str, Any]:
        """A part of the document that holds fields, made where it is missing."""
        part = self.document.get(key)
        if not isinstance(part, dict):
            part = self.document[key] = {}
        return part

    # The short description.

    @property
    def summary(self) -> str:
        return field_text(self.document, "short_description")

    @summary.setter
    def summary(self, text: str) -> None:
        if text != self.summary:
            self.document["short_description"] = text

    def mentions(self, entry: Entry, *, several: bool) -> list[Mention]:
        """Where it speaks of an object, and not of another one of its name, the last first.

        ``several`` says that a plural may be meant: all objects of that name are being changed.
        """
        said = f"{field_text(entry, 'shape_and_color')} {field_text(entry, 'description')}"
        own = {key for _, keys in color_runs(said, self.lexicon) for key in keys}
        found = [
            mention
            for mention in find_mentions(self.summary, self.names(entry), self.lexicon)
            if (not mention.colors or mention.colors & own) and (several or not mention.plural)
        ]
        here = self.place_at(cell_of(entry, self.lexicon))
        placed = [mention for mention in found if here and self._place_said(mention) == here.key]
        return placed if placed and len(found) > 1 else found

    def rewrite(self, entry: Entry, change: Callable[[str, Mention], str], *, several: bool) -> None:
        """A change made wherever the short description, and first the object itself, speaks of the object."""
        names = self.names(entry)
        for mention in self.mentions(entry, several=several):
            self.summary = change(self.summary, mention)
        description = field_text(entry, "description")
        for mention in find_mentions(description, names, self.lexicon)[-1:]:
            entry["description"] = change(description, mention)

    def say_instead(self, words: str, table: str) -> None:
        """Replaces what it says of the whole picture (a table's phrase: its light, its medium), or adds to it."""
        found = first_match(self.summary, self.lexicon, table)
        if found is None:
            self.say_more(f", {words}")
            return
        term, (start, end) = found
        if table == "settings":
            start = next(
                m.whole[0] for m in find_mentions(self.summary, term.words, self.lexicon) if m.name[0] == start
            )
        before = self.summary[:start]
        if table != "media" and (opening := _OPENING.search(before)):
            before = before[: opening.start()]
        joint = ", " if before and table == "settings" else " " if before and not before[-1].isspace() else ""
        self.summary = f"{before}{joint}{words}{self.summary[end:]}"

    def say_more(self, words: str) -> None:
        """Goes on with words that begin with "and" or a comma."""
        bare = self.summary.rstrip().removesuffix(".")
        if bare:
            self.summary = f"{bare}{'' if words.startswith(',') else ' '}{words}."
        else:
            self.summary = f"{words.removeprefix(',').removeprefix('and').strip()}."

    def _place_said(self, mention: Mention) -> str:
        found = first_match(self.summary[slice(*mention.place)], self.lexicon, "places")
        return found[0].key if found else ""

    # What is said.

    def keep(self, words: str, unknown: Sequence[str] = ()) -> None:
        """What was not understood, or names things that are ``unknown``, goes to the model in the user's words."""
        if words := words.strip(" ,;."):
            text = self.summary.rstrip()
            joint = "" if not text or text[-1] in ".!?" else "."
            self.summary = f"{text}{joint} {words[0].upper()}{words[1:]}.".strip()
            self.unknown += unknown
            self.unread += [] if unknown else [words]

    def not_found(self, phrase: NounPhrase, verb: str = "change") -> None:
        """A note that names what is not there, and what is."""
        texts = [field_text(entry, "description") or "an object" for entry in self.objects()]
        names = "; ".join(" ".join(text.split()[:6]).rstrip(".,;") for text in texts)
        which = self.lexicon.lists["ordinals"][phrase.ordinal - 1] if phrase.ordinal else ""
        named = " ".join(word for word in (which, listed(phrase.colors), phrase.name) if word)
        there = f"The prompt has: {names}." if names else "The prompt has no objects."
        self.notes.append(f'There is no "{named}" to {verb}. {there}')

    def all_notes(self) -> list[str]:
        """The notes, with what was not understood in one of them."""
        notes = [*self.notes, *([unknown_note(self.unknown)] if self.unknown else [])]
        if not self.unread:
            return notes
        quoted = ", ".join(f'"{words}"' for words in self.unread)
        were = "It was" if len(self.unread) == 1 else "They were"
        return [*notes, f"Not understood: {quoted}. {were} added to the short description."]

"""A draft: the document of a prompt while an instruction changes it in place, and what is to be said about that.

An object goes by the words of its description, whoever wrote it. The short description is prose: what it says of a
changed thing is rewritten where it stands, and what it did not say is added at its end.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from fibo_core.writers.rules.arrange import Cell
from fibo_core.writers.rules.cast import named_subject
from fibo_core.writers.rules.compose import beside_others, describe, listed, say_relation
from fibo_core.writers.rules.lexicon import Lexicon, Term, tokenize
from fibo_core.writers.rules.nouns import NounPhrase, NounReader
from fibo_core.writers.rules.scene import Link, Subject, unknown_note

Entry = dict[str, Any]  # one of `objects`
Relations = list[tuple[Term, list[Entry]]]  # each with the objects it leads to

_PREPOSITION = r"\b(in front of|against|in|on|at|by|near|over|under|during)\b"
#: What leads to a light, and to a setting, of which more may be said: "in a snowy (forest)".
_OPENINGS = {
    "lights": re.compile(rf"[\s,]*({_PREPOSITION}(\s+(a|an|the)\b)?)?\s*$"),
    "settings": re.compile(rf"[\s,]*({_PREPOSITION}((?!{_PREPOSITION})[^,.])*)?$"),
}


def first_match(text: str, lexicon: Lexicon, *tables: str) -> tuple[Term, tuple[int, int]] | None:
    """The first phrase of these tables in a text, and where it stands."""
    tokens = tokenize(text)
    for at in range(len(tokens)):
        if match := lexicon.match(tokens, at, *tables):
            return match.term, (tokens[at].start, tokens[at + match.length - 1].end)
    return None


def colors_in(text: str, lexicon: Lexicon) -> set[str]:
    """The keys of the colours that a text names, and of their families."""
    tokens = tokenize(text)
    found = [match.term for at in range(len(tokens)) if (match := lexicon.match(tokens, at, "colors"))]
    return {color.key for color in found} | {color.family for color in found if color.family}


def field_text(entry: Entry, key: str) -> str:
    """A field's text; "" where it is absent or no text."""
    value = entry.get(key)
    return value if isinstance(value, str) else ""


@lru_cache(maxsize=2_000)  # asked for all objects each time that one is edited
def head_of(description: str, lexicon: Lexicon) -> tuple[str, NounPhrase]:
    """The words that name an object in its description ("a small red ball"), as typed and as read."""
    tokens = tokenize(description)
    reader = NounReader(tokens, lexicon)
    phrase = next((phrase for at in range(len(tokens)) if (phrase := reader.read(at)).nouns), None)
    if phrase is None:
        return "", NounPhrase(0, 0)
    return description[tokens[phrase.start].start : tokens[phrase.end - 1].end], phrase


class Draft:
    """What all edits share: the document, its short description, the notes, and what "it" is."""

    def __init__(self, document: dict[str, Any], lexicon: Lexicon):
        self.document = document
        self.lexicon = lexicon
        self.notes: list[str] = []
        self.unread: list[str] = []
        self.unknown: list[str] = []
        self.last: list[Entry] = []  # what "it" is
        self.told = True  # whether the short description tells what was changed

    def objects(self) -> list[Entry]:
        """The objects, without what is none."""
        entries = self.document.get("objects")
        return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []

    def find(self, phrase: NounPhrase) -> list[Entry]:
        """The objects a phrase such as "the small red ball" names; all of that name where nothing narrows it."""
        found, lexicon = self.objects(), self.lexicon
        if not lexicon.is_one_of(phrase.head, "pronouns"):  # "the green one"
            asked = {lexicon.singular(phrase.name.lower())}
            known = {phrase.head, *(phrase.thing.words if phrase.thing and phrase.thing.alike else ())}
            found = [e for e in found if asked & {*self.names(e)}] or [e for e in found if known & {*self.names(e)}]
        if phrase.colors:
            colors = colors_in(" ".join(phrase.colors), lexicon)
            found = [entry for entry in found if colors & self.colors(entry)]
        if wanted := {word.lower() for word in (*phrase.adjectives, *phrase.nouns[:-1])}:  # "the old man"
            found = [e for e in found if wanted <= {*field_text(e, "description").lower().replace(",", "").split()}]
        if phrase.place:
            found = [entry for entry in found if phrase.place in field_text(entry, "location").split(", ")[0]]
        return found

    def find_subject(self, subject: Subject) -> list[Entry]:
        """The objects that a subject of an instruction names, such as "the box" in "above the box"."""
        named = NounPhrase(0, 0, colors=subject.colors, nouns=subject.name.split(), thing=subject.term)
        return self.find(subject.meant or named)

    def names(self, entry: Entry) -> tuple[str, ...]:
        """What an object is called: its own name, the last word of that, and synonyms; () where nothing names it."""
        phrase = head_of(field_text(entry, "description"), self.lexicon)[1]
        synonyms = phrase.thing.words if phrase.thing and phrase.thing.alike else ()
        return (phrase.name.lower(), self.lexicon.singular(phrase.head), *synonyms) if phrase.nouns else ()

    def colors(self, entry: Entry) -> set[str]:
        """The keys of the colours an object says it has, and of their families."""
        said = f"{field_text(entry, 'shape_and_color')} {field_text(entry, 'description')}"
        return colors_in(said, self.lexicon)

    def drop(self, entries: list[Entry]) -> None:
        """Takes objects out."""
        objects = self.document.get("objects") or []
        self.document["objects"] = [each for each in objects if not any(each is entry for entry in entries)]

    def remove(self, entries: list[Entry]) -> None:
        """Takes objects out, and what the short description says of them."""
        for entry in entries[::-1]:
            self.take_back(entry)
        self.drop(entries)
        self.last = []

    def cell_of(self, entry: Entry) -> Cell | None:
        """Where in the frame an object's location says it is; None where it says nothing of the kind."""
        found = first_match(field_text(entry, "location"), self.lexicon, "places")
        return found[0].cell if found else None

    def cells(self, without: Entry | None = None) -> dict[int, Cell]:
        """The cells of the objects that say where they are."""
        found = {number: self.cell_of(entry) for number, entry in enumerate(self.objects()) if entry is not without}
        return {number: cell for number, cell in found.items() if cell is not None}

    def place_at(self, cell: Cell | None) -> Term | None:
        """The place that is a cell of the frame."""
        return next((place for place in self.lexicon.table["places"].values() if place.cell == cell), None)

    def links(self, number: int, relations: Relations) -> list[Link]:
        """The relations of the object that has a number, to objects that are there."""
        numbers = {id(entry): position for position, entry in enumerate(self.objects())}
        return [Link(number, relation, tuple(numbers[id(each)] for each in anchors)) for relation, anchors in relations]

    def relationship(self, relations: Relations, others: int) -> str:
        """How an object stands to the others, in words."""
        for relation, anchors in relations:
            return say_relation(relation, [(*self.names(anchor), "object")[0] for anchor in anchors], others)
        return beside_others(others)

    def part(self, key: str) -> dict[str, Any]:
        """A part of the document that holds fields, made where it is missing."""
        part = self.document.get(key)
        if not isinstance(part, dict):
            part = self.document[key] = {}
        return part

    def redescribe(self, entry: Entry, count: int = 1, **changes: Any) -> None:
        """An object's name and qualities said anew, and in the short description if it says the same.

        ``count`` is of how many alike ones it speaks: "two red balls".
        """
        typed, phrase = head_of(field_text(entry, "description"), self.lexicon)
        said = named_subject(phrase)
        now = replace(said, **changes)
        told = self.say_instead_of(self.counted(said, count), self.counted(now, count)) if count > 1 else False
        if typed:
            new = describe(now)
            new = new[0].upper() + new[1:] if typed[0].isupper() else new
            entry["description"] = field_text(entry, "description").replace(typed, new, 1)
            self.told = (self.say_instead_of(typed, new) or told) and self.told

    def counted(self, said: Subject, count: int) -> str:
        """ "two red balls"."""
        name = said.name if said.plural or count == 1 else self.lexicon.plural(said.name)
        name = self.lexicon.singular(name) if count == 1 else name
        return describe(replace(said, name=name, count=count, plural=count > 1))

    @property
    def summary(self) -> str:
        return field_text(self.document, "short_description")

    @summary.setter
    def summary(self, text: str) -> None:
        if text != self.summary:
            self.document["short_description"] = text

    def say_instead_of(self, old: str, new: str) -> bool:
        """Other words for some that it has; whether it has them now."""
        pattern = re.compile(rf"(?<!\w){re.escape(old)}(?!\w)", re.IGNORECASE)
        found = pattern.search(self.summary)
        self.summary = pattern.sub(lambda _: new, self.summary, count=1)
        return found is not None or new.lower() in self.summary.lower()

    def take_back(self, entry: Entry) -> None:
        """Says no more of an object, nor where it stands."""
        place = self.place_at(self.cell_of(entry))
        where = rf"(\s+{re.escape(place.at)})?" if place else ""
        said = rf"(?<!\w){re.escape(head_of(field_text(entry, 'description'), self.lexicon)[0])}(?!\w){where}"
        for joined in (rf"(\s*,)?\s*\b(and|with|or)\s+{said}|\s*,\s*{said}", rf"{said}\s*(,|\b(and|with|or)\b)?\s*"):
            if re.search(joined, self.summary, re.IGNORECASE):
                self.summary = re.sub(joined, "", self.summary, count=1, flags=re.IGNORECASE)
                break
        else:
            self.told = False
        self.summary = self.summary if re.search(r"\w", self.summary) else ""

    def say_instead(self, words: str, table: str) -> None:
        """Replaces what it says of the whole picture (a table's phrase: its light, its medium), or adds to it."""
        found = first_match(self.summary, self.lexicon, table)
        if found is None:
            self.say_more(f", {words}")
            return
        start, end = found[1]
        before = self.summary[:start]
        if table != "media" and (opening := _OPENINGS[table].search(before)):
            before = before[: opening.start()]
        joint = ", " if before and table == "settings" else " " if before and not before[-1].isspace() else ""
        self.summary = f"{before}{joint}{words}{self.summary[end:]}"

    def say_more(self, words: str) -> None:
        """Goes on with words that begin with "and" or a comma."""
        bare = self.summary.rstrip().removesuffix(".")
        joint = "" if words.startswith(",") else " "
        self.summary = f"{bare}{joint}{words}." if bare else f"{words.removeprefix(',').removeprefix('and').strip()}."

    def add_sentence(self, words: str) -> None:
        """Ends with words of the user's as a sentence of their own."""
        text = self.summary.rstrip()
        joint = "" if not text or text[-1] in ".!?" else "."
        self.summary = f"{text}{joint} {words[0].upper()}{words[1:]}.".strip()

    def keep(self, words: str, unknown: Sequence[str] = ()) -> None:
        """What was not understood, or names things that are ``unknown``, goes to the model in the user's words."""
        if words := words.strip(" ,;."):
            self.add_sentence(words)
            self.unknown += unknown
            self.unread += [] if unknown else [words]

    def not_found(self, phrase: NounPhrase, verb: str = "change") -> None:
        """A note that names what is not there, and what is."""
        texts = [field_text(entry, "description") or "an object" for entry in self.objects()]
        names = "; ".join(" ".join(text.split()[:6]).rstrip(".,;") for text in texts)
        said = " ".join(match.term.words[0] for match in phrase.picture)
        named = " ".join(word for word in (*phrase.adjectives, listed(phrase.colors), phrase.name or said) if word)
        there = f"The prompt has: {names}." if names else "The prompt has no objects."
        self.notes.append(f'There is no "{named}" to {verb}. {there}')

    def all_notes(self) -> list[str]:
        """The notes, with what was not understood in one of them."""
        notes = [*self.notes, *([unknown_note(self.unknown)] if self.unknown else [])]
        if self.unread:
            quoted = ", ".join(f'"{words}"' for words in self.unread)
            were = "It was" if len(self.unread) == 1 else "They were"
            notes.append(f"Not understood: {quoted}. {were} added to the short description.")
        return notes

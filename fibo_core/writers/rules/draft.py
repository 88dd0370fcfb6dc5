"""A draft: the document of a prompt while an instruction changes it in place, and what is to be said about that."""

from typing import Any

from fibo_core.writers.rules.arrange import Cell
from fibo_core.writers.rules.compose import listed
from fibo_core.writers.rules.lexicon import Lexicon, Place
from fibo_core.writers.rules.nouns import NounPhrase
from fibo_core.writers.rules.scene import Subject
from fibo_core.writers.rules.summary import Summary
from fibo_core.writers.rules.targets import Target, call, cell_of, find_targets, objects_of, targets


class Draft:
    """What all edits share: the document, its summary, the notes, and what "it" and "there" are."""

    def __init__(self, document: dict[str, Any], lexicon: Lexicon):
        self.document = document
        self.lexicon = lexicon
        self.summary = Summary(document, lexicon)
        self.notes: list[str] = []
        self.unread: list[str] = []
        self.last: list[Target] = []  # what "it" is
        self.there: Place | None = None  # where what was touched last stands, or stood

    # Objects.

    def targets(self) -> list[Target]:
        """Every object."""
        return targets(self.document, self.lexicon)

    def entry(self, target: Target) -> dict[str, Any]:
        """The object a target is."""
        entry: dict[str, Any] = self.document["objects"][target.index]
        return entry

    def entries(self) -> list[dict[str, Any]]:
        """The objects, without what is none."""
        return [entry for _, entry in objects_of(self.document)]

    def find(self, phrase: NounPhrase) -> list[Target]:
        """The objects a phrase names; "the other ball" is the one that was not named last."""
        found = find_targets(self.document, phrase, self.lexicon)
        if phrase.ordinal == 0 and len(found) > 1:
            before = {target.index for target in self.last} or {0}
            found = [target for target in found if target.index not in before]
        return found

    def names_besides(self, chosen: list[Target]) -> set[tuple[str, ...]]:
        """The own names of the objects left out of ``chosen``; () for one without a name."""
        numbers = {target.index for target in chosen}
        return {other.names[:1] for other in self.targets() if other.index not in numbers}

    def remember(self, chosen: list[Target]) -> None:
        """These are "it" from now on."""
        self.last = chosen
        self.there = self.place_of(self.entry(chosen[-1])) if chosen else self.there

    # Places: numbers count the entries that are objects.

    def place_of(self, entry: dict[str, Any]) -> Place | None:
        """Where an object says it is."""
        cell = cell_of(entry, self.lexicon)
        return self.place_at(cell) if cell is not None else None

    def place_at(self, cell: Cell) -> Place:
        """The place that is a cell of the frame."""
        return next(place for place in self.lexicon.tables.places.values() if place.cell == cell)

    def cells(self, without: int | None = None) -> dict[int, Cell]:
        """The cells of the objects that say where they are; ``without`` the object at that index."""
        return {
            number: cell
            for number, (index, entry) in enumerate(objects_of(self.document))
            if index != without and (cell := cell_of(entry, self.lexicon))
        }

    def number_of(self, subject: Subject) -> int | None:
        """The number of the object a subject of an instruction names, such as "the box" in "above the box"."""
        phrase = NounPhrase(0, 0, colors=subject.colors, nouns=subject.name.split(), thing=subject.term)
        found = find_targets(self.document, phrase, self.lexicon)
        numbers = {index: number for number, (index, _) in enumerate(objects_of(self.document))}
        return numbers[found[0].index] if found else None

    # What is said.

    def part(self, key: str) -> dict[str, Any]:
        """A part of the document that holds fields, made where it is missing."""
        part = self.document.get(key)
        if not isinstance(part, dict):
            part = self.document[key] = {}
        return part

    def not_found(self, phrase: NounPhrase, verb: str = "change") -> None:
        """A note that names what is not there, and what is."""
        names = [call(entry) for entry in self.entries()]
        there = f"The prompt has: {'; '.join(names)}." if names else "The prompt has no objects."
        which = "" if phrase.ordinal is None else self.lexicon.tables.ordinals[str(phrase.ordinal)].words[0]
        named = " ".join(word for word in (which, listed(phrase.colors), phrase.name) if word)
        self.notes.append(f'There is no "{named}" to {verb}. {there}')

    def keep(self, words: str) -> None:
        """What was not understood goes to the model in the user's words."""
        if words := words.strip(" ,;."):
            self.summary.add_sentence(words)
            self.unread.append(words)

    def all_notes(self) -> list[str]:
        """The notes, with what was not understood in one of them."""
        if not self.unread:
            return self.notes
        quoted = ", ".join(f'"{words}"' for words in self.unread)
        were = "It was" if len(self.unread) == 1 else "They were"
        return [*self.notes, f"Not understood: {quoted}. {were} added to the short description."]

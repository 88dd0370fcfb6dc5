"""The short description of a prompt, kept in step with the changes of its other fields.

It is prose, written by anyone: what it says of the changed thing is rewritten in place, and what it did not say is
added at its end.
"""

import re
from typing import Any

from fibo_core.writers.rules.lexicon import Lexicon
from fibo_core.writers.rules.mentions import Mention, color_runs, find_mentions, first_match
from fibo_core.writers.rules.targets import Target, cell_of, field_text

_BEFORE_SETTING = re.compile(r"[\s,]*\b(in front of|against|in|on|at|by|near|over|under|inside)\s*$")
_BEFORE_LIGHT = re.compile(r"\b(at|in|on|during|by)(\s+(a|an|the))?\s*$")


class Summary:
    """`short_description` of a document, changed in place."""

    def __init__(self, document: dict[str, Any], lexicon: Lexicon):
        self._document = document
        self._lexicon = lexicon

    @property
    def text(self) -> str:
        return field_text(self._document, "short_description")

    @text.setter
    def text(self, text: str) -> None:
        if text != self.text:
            self._document["short_description"] = text

    def mentions(self, target: Target, entry: dict[str, Any], *, several: bool) -> list[Mention]:
        """Where it speaks of an object, and not of another one of its name; the last first.

        ``several`` says that a plural may be meant: all objects of that name are being changed.
        """
        said = f"{field_text(entry, 'shape_and_color')} {field_text(entry, 'description')}"
        own = {key for run in color_runs(said, self._lexicon) for key in run.keys}
        found = [
            mention
            for mention in find_mentions(self.text, target.names, self._lexicon)
            if (not mention.color_keys or mention.color_keys & own) and (several or not mention.plural)
        ]
        places = {place.cell: key for key, place in self._lexicon.tables.places.items()}
        here = cell_of(entry, self._lexicon)
        if len(found) > 1 and here is not None:
            found = [m for m in found if m.place is None or places[here] in m.place.keys] or found
        return found[::-1]

    def say_instead(self, words: str, table: str) -> None:
        """Replaces what it says of the whole picture (a table's phrase: its light, its medium), or adds to it."""
        text = self.text
        found = first_match(text, self._lexicon, table)
        if found is None:
            self.say_more(f", {words}")
            return
        match, span = found
        start, opening = span.start, None
        if table == "settings":
            start = next(m.first for m in find_mentions(text, match.term.words, self._lexicon) if m.noun == start)
            opening = _BEFORE_SETTING.search(text[:start])
            words = f", {words}" if opening else words
        elif table == "lights":
            opening = _BEFORE_LIGHT.search(text[:start])
        start = opening.start() if opening else start
        self.text = (text[:start] + words + text[span.end :]).lstrip(" ,")

    def say_more(self, words: str) -> None:
        """Goes on with words that begin with "and" or a comma."""
        bare = self.text.rstrip().removesuffix(".")
        if bare:
            self.text = f"{bare}{'' if words.startswith(',') else ' '}{words}."
        else:
            self.text = f"{words.removeprefix(',').removeprefix('and').strip()}."

    def add_sentence(self, words: str) -> None:
        """Ends with words of the user's as a sentence of their own."""
        text = self.text.rstrip()
        joint = "" if not text or text[-1] in ".!?" else "."
        self.text = f"{text}{joint} {words[0].upper()}{words[1:]}.".strip()

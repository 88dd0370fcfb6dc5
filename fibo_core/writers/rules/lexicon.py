"""The words the offline writer knows: the tables of lexicon.toml, checked when read, and the phrases in them.

Everything that can grow without new rules stands in that file; here is only its shape and how it is searched.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

MAX_PHRASE = 8  # tokens
LEXICON_FILE = Path(__file__).with_name("lexicon.toml")

_TOKEN = re.compile(
    r"""["“„«](?P<quoted>[^"”“»\n]{1,300})["”“»]|(?<!\w)['‘](?P<single>[^'’\n]{1,300})['’](?!\w)"""
    r"""|(?P<word>[^\W_]+(?:[-'’.][^\W_]+)*|&)|(?P<mark>[^\s\w]|_)"""
)


@dataclass(frozen=True)
class Token:
    """One word, mark or quotation: as typed, in lower case for looking up, and where it stands in the text."""

    text: str
    low: str
    kind: str  # "word", "mark" or "quote"
    start: int
    end: int


def tokenize(text: str) -> list[Token]:
    """The words, punctuation marks and quotations of a text, in order; ``text[t.start:t.end]`` is what was typed."""
    tokens = []
    for match in _TOKEN.finditer(text):
        quoted = match["quoted"] or match["single"]
        kind = "quote" if quoted else "word" if match["word"] else "mark"
        low = match[0].lower().replace("’", "'")
        tokens.append(Token(quoted.strip() if quoted else match[0], low, kind, *match.span()))
    return tokens


class Term(BaseModel):
    """One entry: the phrases that mean it, what is written for it, and what its table says of it besides."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    key: str
    say: str
    words: tuple[str, ...] = Field(min_length=1)
    rgb: str = Field(default="#000000", pattern=r"^#[0-9a-f]{6}( #[0-9a-f]{6})*$")  # colours so called
    family: str = ""  # the plain colour of a shade
    rank: int = 0  # a size's
    shape: str = ""  # a thing's, as are those that follow
    place: str = ""
    texture: str = ""
    gender: str = ""
    person: bool = False
    alike: bool = False  # its words are names of one thing, not of a family
    cell: tuple[int, int] = (1, 1)  # a place's column and row
    at: str = ""  # how the short description says a place or a light
    step: tuple[int, int] = (0, 0)  # columns and rows from the anchor, or from where a thing stands
    light: str = ""  # what a setting is lit by
    shadows: str = ""  # those of a light
    also: str = ""  # what a light adds to a time of day; "" for the times of day themselves
    style: str = ""  # a medium's
    field: str = ""  # of the photographic characteristics


@dataclass(frozen=True)
class Match:
    """A phrase found: in which table, what it means, how many tokens long, and whether it stands in the plural."""

    table: str
    term: Term
    length: int
    plural: bool = False


class Lexicon:
    """The tables, searchable by the phrase that stands at a place in a text.

    A table's entry may be a bare list of phrases, and a table a list of entries: then what is written is the name.
    Raises ValueError for another shape.
    """

    def __init__(self, data: dict[str, Any]):
        self.singulars: dict[str, str] = data.pop("irregular_plurals")
        self.grounds: dict[str, str] = data.pop("grounds")
        self.skies: dict[str, str] = data.pop("skies")
        tails = ("", *(f" {tail}" for tail in data["place_tails"]))
        self._forms = ["{}", *(f"{word} the {{}}{tail}" for word in data["place_prepositions"] for tail in tails)]
        self._plurals = {one: many for many, one in self.singulars.items()}
        self.table = {name: dict(self._terms(entries)) for name, entries in data.items()}
        self._phrases = {name: self._index(terms.values(), name == "things") for name, terms in self.table.items()}

    def match(self, tokens: Sequence[Token], at: int, *tables: str) -> Match | None:
        """The longest phrase of these tables that begins at token ``at``; of two as long, the earlier table's."""
        for length in range(min(MAX_PHRASE, len(tokens) - at), 0, -1):
            words = tuple(token.low for token in tokens[at : at + length])
            for table in tables:
                if found := self._phrases[table].get(words):
                    return Match(table, found[0], length, found[1])
        return None

    def listed(self, name: str, tokens: Sequence[Token], at: int) -> int:
        """How many tokens the longest phrase of a table takes up at ``at``; 0 if none stands there."""
        match = self.match(tokens, at, name)
        return match.length if match else 0

    def is_one_of(self, word: str, *names: str) -> bool:
        """Whether a word stands in one of these tables."""
        return any((word,) in self._phrases[name] for name in names)

    def leads_away(self, word: str) -> bool:
        """Whether a small word ends a name and leads to something else."""
        return self.is_one_of(word, "joiners", "prepositions", "inside", "copulas")

    def is_plural(self, word: str) -> bool:
        """Whether a word looks like several."""
        return self.singular(word) != word

    def singular(self, word: str) -> str:
        """One of what the word names; the word itself where it is no plural."""
        if word in self.singulars:
            return self.singulars[word]
        if not re.search(r"[^su'i]s$", word) or len(word) < 4:
            return word
        if word.endswith("ies"):
            return word[:-3] + "y"
        return word[:-2] if re.search(r"(x|ch|sh|ss)es$", word) else word[:-1]

    def plural(self, word: str) -> str:
        """Several of what the word names."""
        if word in self._plurals:
            return self._plurals[word]
        if re.search(r"[^aeiou]y$", word):
            return word[:-1] + "ies"
        return word + ("es" if re.search(r"(s|x|ch|sh)$", word) else "s")

    def _terms(self, entries: dict[str, Any] | list[str]) -> Iterator[tuple[str, Term]]:
        for key, entry in entries.items() if isinstance(entries, dict) else ((word, {}) for word in entries):
            if isinstance(entry, int):  # words for a number
                entry = {"key": str(entry), "words": [key]}
            given = {"words": entry} if isinstance(entry, list) else dict(entry)
            if bare := given.pop("bare", ()):  # names of a place: "top left", "in the top left corner"
                given["words"] = [
                    *(form.format(word) for word in bare for form in self._forms),
                    *given.get("words", ()),
                ]
            plain = key.replace("_", " ")
            yield key, Term.model_validate({"key": key, "say": plain, "words": [plain], **given})

    def _index(self, terms: Iterable[Term], plurals: bool) -> dict[tuple[str, ...], tuple[Term, bool]]:
        index: dict[tuple[str, ...], tuple[Term, bool]] = {}
        for term in terms:
            for phrase in map(_split, term.words):
                index[phrase] = (term, False)
                if plurals:
                    index.setdefault((*phrase[:-1], self.plural(phrase[-1])), (term, True))
        return index


def _split(phrase: str) -> tuple[str, ...]:
    return tuple(token.low for token in tokenize(phrase))


@cache
def load_lexicon() -> Lexicon:
    """The lexicon that comes with the program, read once."""
    return Lexicon(tomllib.loads(LEXICON_FILE.read_text(encoding="utf-8")))

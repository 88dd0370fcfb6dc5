"""The words the offline writer knows: the tables of lexicon.toml, checked when read, and the phrases in them.

Everything that can grow without new rules stands in that file; here is only its shape and how it is searched.
"""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

#: The tables whose entries are terms: a meaning and the phrases for it.
TERM_TABLES = (
    "colors", "tones", "sizes", "counts", "textures", "shapes", "things", "places", "depths", "relations", "shifts",
    "settings", "lights", "directions", "shadows", "media", "styles", "moods", "camera", "schemes", "comparisons",
)  # fmt: skip
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
    """One entry: the phrases that mean it and what is written for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    key: str
    say: str
    words: tuple[str, ...] = Field(min_length=1)


class Color(Term):
    rgb: str = Field(pattern=r"^#[0-9a-f]{6}$")
    family: str = ""


class Size(Term):
    rank: int


class Thing(Term):
    shape: str
    place: str = ""
    texture: str = ""
    gender: str = ""
    person: bool = False
    alike: bool = False  # its words are names of one thing, not of a family


class Place(Term):
    cell: tuple[int, int]
    at: str


class Relation(Term):
    step: tuple[int, int]


class Setting(Term):
    light: str = ""
    colored: bool = False


class Light(Term):
    shadows: str
    at: str
    also: str = ""  # what it adds to a time of day; "" for the times of day themselves


class Medium(Term):
    style: str


class Camera(Term):
    field: str


class Tables(BaseModel):
    """lexicon.toml. A table's entry may be a bare list of phrases; then what is written is its name.

    A place's `bare` names ("top left") are found behind "in the", "at the" and so on, and before "corner", "side", ….
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    colors: dict[str, Color]
    tones: dict[str, Term]
    sizes: dict[str, Size]
    counts: dict[str, Term]
    textures: dict[str, Term]
    shapes: dict[str, Term]
    things: dict[str, Thing]
    places: dict[str, Place]
    depths: dict[str, Term]
    relations: dict[str, Relation]
    shifts: dict[str, Relation]
    settings: dict[str, Setting]
    lights: dict[str, Light]
    directions: dict[str, Term]
    shadows: dict[str, Term]
    media: dict[str, Medium]
    styles: dict[str, Term]
    moods: dict[str, Term]
    camera: dict[str, Camera]
    schemes: dict[str, Term]
    comparisons: dict[str, Term]
    lists: dict[str, tuple[str, ...]]
    irregular_plurals: dict[str, str]
    grounds: dict[str, str]
    skies: dict[str, str]

    @model_validator(mode="before")
    @classmethod
    def _name_terms(cls, data: dict[str, Any]) -> dict[str, Any]:
        named = dict(data)
        for table in TERM_TABLES:
            named[table] = {}
            entries = data.get(table, {})
            if isinstance(entries, list):  # words that are written as they are said
                entries = {word: {} for word in entries}
            for key, entry in entries.items():
                term = {"words": entry} if isinstance(entry, list) else dict(entry)
                plain = key.replace("_", " ")
                named[table][key] = {"key": key, "say": plain, "words": [plain], **term}
        lists = data.get("lists", {})
        forms = [
            f"{before} the {{}}{after}"
            for before in lists.get("place_prepositions", ())
            for after in ("", *(f" {tail}" for tail in lists.get("place_tails", ())))
        ]
        for place in named["places"].values():
            bare = place.pop("bare", [place["key"]])
            made = [form.format(word) for word in bare for form in ("{}", *forms)]
            place["words"] = list(dict.fromkeys([*made, *place["words"]]))
        return named


@dataclass(frozen=True)
class Match:
    """A phrase found: in which table, what it means, how many tokens long, and whether it stands in the plural."""

    table: str
    term: Term
    length: int
    plural: bool = False


class Lexicon:
    """The tables, searchable by the phrase that stands at a place in a text."""

    def __init__(self, tables: Tables):
        self.tables = tables
        self._irregular = {one: many for many, one in tables.irregular_plurals.items()}
        self._phrases = {
            table: self._index(getattr(tables, table).values(), plurals=table == "things") for table in TERM_TABLES
        }
        self._lists = {name: {_split(phrase) for phrase in phrases} for name, phrases in tables.lists.items()}

    def match(self, tokens: Sequence[Token], at: int, *tables: str) -> Match | None:
        """The longest phrase of these tables that begins at token ``at``; of two as long, the earlier table's."""
        for length in range(min(MAX_PHRASE, len(tokens) - at), 0, -1):
            words = tuple(token.low for token in tokens[at : at + length])
            for table in tables:
                if found := self._phrases[table].get(words):
                    return Match(table, found[0], length, found[1])
        return None

    def listed(self, name: str, tokens: Sequence[Token], at: int) -> int:
        """How many tokens the longest phrase of a list takes up at ``at``; 0 if none stands there."""
        for length in range(min(MAX_PHRASE, len(tokens) - at), 0, -1):
            if tuple(token.low for token in tokens[at : at + length]) in self._lists[name]:
                return length
        return 0

    def is_one_of(self, word: str, *names: str) -> bool:
        """Whether a word stands in one of these lists."""
        return any((word,) in self._lists[name] for name in names)

    def leads_away(self, word: str) -> bool:
        """Whether a small word ends a name and leads to something else."""
        return self.is_one_of(word, "joiners", "prepositions", "inside", "copulas")

    def is_plural(self, word: str) -> bool:
        """Whether a word looks like several."""
        return word in self.tables.irregular_plurals or bool(re.search(r"[^su'i]s$", word) and len(word) > 3)

    def singular(self, word: str) -> str:
        """One of what the word names; the word itself where it is no plural."""
        if word in self.tables.irregular_plurals:
            return self.tables.irregular_plurals[word]
        if not self.is_plural(word):
            return word
        if word.endswith("ies"):
            return word[:-3] + "y"
        return word[:-2] if re.search(r"(x|ch|sh|ss)es$", word) else word[:-1]

    def plural(self, word: str) -> str:
        """Several of what the word names."""
        if word in self._irregular:
            return self._irregular[word]
        if re.search(r"[^aeiou]y$", word):
            return word[:-1] + "ies"
        return word + ("es" if re.search(r"(s|x|ch|sh)$", word) else "s")

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
    """The lexicon that comes with the program, read once. Raises ValueError if the file has another shape."""
    return Lexicon(Tables.model_validate(tomllib.loads(LEXICON_FILE.read_text(encoding="utf-8"))))

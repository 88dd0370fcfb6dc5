"""Noun phrases: the run of words around a thing, such as "two small glossy red balls" or "the stormy sea".

A phrase ends where another begins or a word leads elsewhere. Its last word is the thing; the words before it
describe it, unless they speak of the whole picture ("a watercolour fox").
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from fibo_core.writers.rules.lexicon import Lexicon, Match, Term, Token

#: Tables whose words, before a thing, speak of the whole picture.
PICTURE_TABLES = ("lights", "shadows", "schemes", "media", "moods", "styles", "camera")
#: Tables of which a place before a thing may come.
PLACE_TABLES = ("relations", "directions", "places")
#: Longest match decides; of equal length, the earlier table.
ALL_TABLES = (
    "counts", "things", "settings", "colors", "textures", "sizes", "shapes", *PLACE_TABLES, *PICTURE_TABLES,
)  # fmt: skip
#: How unknown words that describe look.
_ADJECTIVE = re.compile(r"..(ic|ical|ful|ous|ive|ish|less|ed|esque|ant|ent|lar)$")


@dataclass
class NounPhrase:
    """What stands between ``start`` and ``end`` (token numbers). ``nouns`` is empty where nothing is named."""

    start: int
    end: int
    determiner: str = ""
    count: int | None = None
    colors: list[str] = field(default_factory=list)
    size: Term | None = None
    textures: list[str] = field(default_factory=list)
    shape: str = ""
    adjectives: list[str] = field(default_factory=list)  # as typed: textures, and moods said of the thing
    nouns: list[str] = field(default_factory=list)
    thing: Term | None = None
    setting: Term | None = None
    plural: bool = False
    place: str = ""
    picture: list[Match] = field(default_factory=list)

    @property
    def name(self) -> str:
        return " ".join(self.nouns)

    @property
    def head(self) -> str:
        """The last word of its name, lower case."""
        return self.nouns[-1].lower() if self.nouns else ""

    @property
    def described(self) -> bool:
        return bool(self.colors or self.size or self.textures or self.count or self.shape or self.place)

    @property
    def new(self) -> bool:
        """Whether it names something that was not there: "a hat", "two stars"."""
        return self.determiner in ("a", "an", "some") or bool(self.count and not self.determiner)


class NounReader:
    """Reads noun phrases from one list of tokens."""

    def __init__(self, tokens: Sequence[Token], lexicon: Lexicon):
        self._tokens = tokens
        self._lexicon = lexicon

    def read(self, start: int) -> NounPhrase:
        """The noun phrase that begins at ``start``; its ``end`` is ``start`` where none does."""
        phrase = NounPhrase(start, start)
        while phrase.end < len(self._tokens):
            length = self._take(phrase)
            if length == 0:
                break
            phrase.end += length
        while phrase.end > start and self._tokens[phrase.end - 1].low in (",", "and"):
            phrase.end -= 1
        if not phrase.thing and not phrase.setting and not phrase.determiner:
            self._turn_adjectives(phrase)  # "old and rusty"
        return phrase

    def begins_at(self, at: int) -> bool:
        """Whether a word that belongs to a noun phrase stands at ``at``."""
        return self.read(at).end > at

    def is_verb(self, at: int) -> bool:
        """Whether the word at ``at`` has a verb's form (running, runs, parked), judged without its neighbours."""
        low, lexicon = self._tokens[at].low, self._lexicon
        if lexicon.is_one_of(low, "not_verbs"):
            return False
        leads_on = self._leads_away(at + 1) or lexicon.match(self._tokens, at + 1, "relations", "places")
        if low.endswith("ed") and len(low) > 4 and leads_on and not lexicon.match(self._tokens, at, *ALL_TABLES):
            return True
        if low.endswith("ing") and len(low) > 4 and not lexicon.match(self._tokens, at, "things", "lights"):
            return True
        return bool(lexicon.listed("poses", self._tokens, at)) or lexicon.is_one_of(lexicon.singular(low), "verbs")

    def _take(self, phrase: NounPhrase) -> int:
        """Adds what stands at the phrase's end to it; how many tokens that was, 0 where the phrase ends."""
        at, tokens, lexicon = phrase.end, self._tokens, self._lexicon
        token = tokens[at]
        if token.kind == "quote":
            return 0
        if token.kind == "mark" or lexicon.is_one_of(token.low, "joiners"):
            return self._take_joint(phrase)
        if lexicon.is_one_of(token.low, "determiners"):
            if phrase.end > phrase.start:
                return 0
            phrase.determiner = token.low
            return 1
        if tone := self._tone(at):
            if phrase.nouns and not self._turn_adjectives(phrase):
                return 0
            phrase.colors.append(f"{token.low} {tone.term.say}")
            return 1 + tone.length
        if token.low.isdecimal() and len(token.low) <= 3 and int(token.low) > 0:
            if phrase.nouns or phrase.count:
                return 0
            phrase.count = int(token.low)
            return 1
        match = lexicon.match(tokens, at, *ALL_TABLES)
        if match is None:
            return self._take_unknown(phrase)
        return self._take_known(phrase, match)

    def _take_known(self, phrase: NounPhrase, match: Match) -> int:
        at, term, lexicon = phrase.end, match.term, self._lexicon
        more = self._goes_on(at + match.length)
        if match.table == "things":
            quality = lexicon.match(self._tokens, at, "colors", "textures")
            if (
                quality and quality.length == match.length and (more or phrase.thing)
            ):  # "an orange ball", "a ball | orange"
                return self._take_quality(phrase, quality)
            return self._take_noun(phrase, match.length, match)
        if match.table in ("counts", "colors", "textures", "sizes", "shapes"):
            if self._tokens[at].low == "one" and phrase.described:
                return self._take_noun(phrase, 1, None)  # "a brown one"
            return self._take_quality(phrase, match)
        if match.table == "schemes" and more and (color := lexicon.match(self._tokens, at, "colors")):
            return self._take_quality(phrase, color)  # "a black and white cat"
        if match.table == "settings":
            away = phrase.nouns and self._leads_away(at)  # "three fish | under water"
            return 0 if away else self._take_noun(phrase, match.length, match)
        if match.table == "places" and at > phrase.start and not phrase.nouns and more:
            phrase.place = term.key
            return match.length
        if match.table in PICTURE_TABLES and (not phrase.nouns or self._turn_adjectives(phrase)):
            phrase.picture.append(match)
            if match.table == "moods":
                phrase.adjectives.append(self._low(at, match.length))
            return match.length
        return 0

    def _take_quality(self, phrase: NounPhrase, match: Match) -> int:
        term, typed = match.term, self._low(phrase.end, match.length)
        if phrase.nouns:  # "red ball blue box": a second thing begins
            known = match.table == "counts" or phrase.thing or phrase.setting
            if known or not self._goes_on(phrase.end + match.length) or not self._turn_adjectives(phrase, True):
                return 0
        if match.table == "counts":
            if phrase.count is not None:
                return 0
            phrase.count = int(term.key)
        elif match.table == "colors":
            phrase.colors.append(term.say)
        elif match.table == "textures":
            phrase.textures.append(term.say)
            phrase.adjectives.append(typed)
        elif match.table == "shapes":
            phrase.shape = term.say
            phrase.adjectives.append(typed)
        else:
            phrase.size = term
        return match.length

    def _take_unknown(self, phrase: NounPhrase) -> int:
        at, lexicon = phrase.end, self._lexicon
        low = self._tokens[at].low
        if any(lexicon.listed(name, self._tokens, at) for name in ("says", "wears")):
            return 0
        if phrase.nouns and lexicon.listed("participles", self._tokens, at):
            return 0
        compared = lexicon.match(self._tokens, at, "comparisons", "becoming", "strongly", "bigger", "smaller")
        if compared and (phrase.nouns or compared.table == "comparisons"):
            return 0
        if phrase.nouns and lexicon.is_one_of(phrase.head, "pronouns"):
            return 0
        if phrase.thing and self._is_adjective(low) and not self._goes_on(at + 1):  # "the woman | angry"
            return 0
        if lexicon.leads_away(low) or (self.is_verb(at) and (phrase.nouns or not self._goes_on(at + 1))):
            return 0
        return self._take_noun(phrase, 1, None)

    def _take_noun(self, phrase: NounPhrase, length: int, match: Match | None) -> int:
        tokens = self._tokens[phrase.end : phrase.end + length]
        phrase.nouns += [token.low if match or token.text.isupper() else token.text for token in tokens]
        term = match.term if match else None
        if phrase.thing and term is None and tokens[0].text.istitle():  # "my dog Rex"
            return length
        phrase.thing = term if match and match.table == "things" else None
        phrase.setting = term if match and match.table == "settings" else None
        phrase.plural = match.plural if match and phrase.thing else self._lexicon.is_plural(phrase.head)
        return length

    def _take_joint(self, phrase: NounPhrase) -> int:
        """ "red and blue ball", "a majestic, fluffy owl": a joint between two qualities of one thing."""
        at = phrase.end + 1
        if phrase.nouns:
            return int(self._goes_on(at) and self._turn_adjectives(phrase))
        if not phrase.described or self._tokens[phrase.end].low not in ("and", ",", "&"):
            return 0
        quality = self._lexicon.match(self._tokens, at, "colors", "textures", "sizes") or self._tone(at)
        return int(bool(quality and self._goes_on(at + quality.length)))

    def _turn_adjectives(self, phrase: NounPhrase, any_word: bool = False) -> bool:
        """The nouns so far describe the thing that follows; with ``any_word`` they need not look like adjectives."""
        if not phrase.nouns or not (any_word or all(map(self._is_adjective, phrase.nouns))):
            return False
        phrase.adjectives += phrase.nouns
        phrase.nouns = []
        return True

    def _is_adjective(self, word: str) -> bool:
        low = word.lower()
        return self._lexicon.is_one_of(low, "adjectives", "expressions") or bool(_ADJECTIVE.search(low))

    def _leads_away(self, at: int) -> bool:
        """Whether a preposition stands at ``at``."""
        if at >= len(self._tokens):
            return False
        relation = self._lexicon.match(self._tokens[: at + 1], at, "relations")
        return bool(relation) or self._lexicon.is_one_of(self._tokens[at].low, "prepositions", "inside")

    def _tone(self, at: int) -> Match | None:
        """The colour after a tone such as "light" or "dark" at ``at``."""
        if not self._lexicon.match(self._tokens, at, "tones"):
            return None
        color = self._lexicon.match(self._tokens, at + 1, "colors")
        whole = self._lexicon.match(self._tokens, at, "colors")
        return None if whole and color and whole.length > color.length else color

    def _goes_on(self, at: int) -> bool:
        """Whether a thing is still to come at ``at``."""
        if at >= len(self._tokens) or self._tokens[at].kind != "word":
            return False
        low = self._tokens[at].low
        if self._lexicon.leads_away(low) or self._lexicon.is_one_of(low, "determiners"):
            return False
        if low in ("one", "ones"):
            return True
        match = self._lexicon.match(self._tokens, at, *ALL_TABLES)
        if match is None:
            return not self.is_verb(at)
        known = match.table in ("things", "settings")
        return known or (match.table not in PLACE_TABLES and self._goes_on(at + match.length))

    def _low(self, at: int, length: int) -> str:
        return " ".join(token.low for token in self._tokens[at : at + length])

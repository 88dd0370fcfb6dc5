"""Noun phrases: the run of words around a thing, such as "two small glossy red balls" or "the stormy sea".

A phrase ends where another begins or a word leads elsewhere. Its last word is the thing; the words before it
describe it, unless they speak of the whole picture ("a watercolour fox").
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from fibo_core.writers.rules.lexicon import Lexicon, Match, Place, Setting, Size, Thing, Token

#: Tables whose words, before a thing, speak of the whole picture.
PICTURE_TABLES = ("lights", "shadows", "schemes", "media", "moods", "styles", "camera")
#: Tables of which a place before a thing may come.
PLACE_TABLES = ("relations", "directions", "places", "depths")
#: Longest match decides; of equal length, the earlier table.
ALL_TABLES = (
    "counts", "things", "settings", "colors", "textures", "sizes", "shapes", *PLACE_TABLES, *PICTURE_TABLES,
)  # fmt: skip
#: More unknown words in a row than this are not read as one thing.
MAX_UNKNOWN_WORDS = 4
#: How unknown words that describe look.
ADJECTIVE = re.compile(r"..(ic|ical|ful|ous|ive|ish|less|ed|esque|ant|ent|lar)$")


@dataclass
class NounPhrase:
    """What stands between ``start`` and ``end`` (token numbers). ``nouns`` is empty where nothing is named."""

    start: int
    end: int
    determiner: str = ""
    count: int | None = None
    ordinal: int | None = None  # 2 for "the second ball", -1 for the last, 0 for the other
    colors: list[str] = field(default_factory=list)
    size: Size | None = None
    textures: list[str] = field(default_factory=list)
    shape: str = ""
    adjectives: list[str] = field(default_factory=list)  # as typed: textures, and moods said of the thing
    nouns: list[str] = field(default_factory=list)
    thing: Thing | None = None
    setting: Setting | None = None
    plural: bool = False
    place: str = ""
    picture: list[Match] = field(default_factory=list)

    @property
    def unknown(self) -> bool:
        """Whether it is a run of words of which none is known."""
        return len(self.nouns) > MAX_UNKNOWN_WORDS and not self.thing and not self.setting

    @property
    def name(self) -> str:
        return " ".join(self.nouns)

    @property
    def described(self) -> bool:
        return bool(self.colors or self.size or self.textures or self.count or self.shape)


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
        return phrase

    def begins_at(self, at: int) -> bool:
        """Whether a word that belongs to a noun phrase stands at ``at``."""
        return self.read(at).end > at

    def is_verb(self, at: int) -> bool:
        """Whether the word at ``at`` has a verb's form (running, runs), judged without its neighbours."""
        low = self._tokens[at].low
        grammar = self._lexicon.grammar
        if low in grammar.not_verbs:
            return False
        if self._is_participle(at):
            return True
        if low.endswith("ing") and len(low) > 4 and not self._lexicon.match(self._tokens, at, "things", "lights"):
            return True
        return bool(self._lexicon.listed("poses", self._tokens, at)) or self._lexicon.singular(low) in grammar.verbs

    def _is_participle(self, at: int) -> bool:
        """Whether "parked" or "perched" stands at ``at``, with a place after it rather than a thing."""
        low = self._tokens[at].low
        if not (low.endswith("ed") and len(low) > 4) or self._lexicon.match(self._tokens, at, *ALL_TABLES):
            return False
        follows = self._tokens[at + 1].low if at + 1 < len(self._tokens) else ""
        grammar = self._lexicon.grammar
        return follows in (*grammar.inside, *grammar.prepositions) or bool(
            self._lexicon.match(self._tokens, at + 1, "relations", "places")
        )

    def _take(self, phrase: NounPhrase) -> int:
        """Adds what stands at the phrase's end to it; how many tokens that was, 0 where the phrase ends."""
        at, tokens, lexicon = phrase.end, self._tokens, self._lexicon
        token = tokens[at]
        if token.kind == "quote":
            return 0
        if token.kind == "mark" or token.low in lexicon.grammar.joiners:
            return self._take_joint(phrase)
        if token.low in lexicon.grammar.determiners:
            if phrase.end > phrase.start:
                return 0
            phrase.determiner = token.low
            return 1
        ordinal = self._lexicon.match(tokens, at, "ordinals")
        if ordinal and not phrase.nouns and phrase.determiner in ("the", "my", "") and self._goes_on(at + 1):
            phrase.ordinal = int(ordinal.term.key)
            return ordinal.length
        if tone := self._tone(at):
            if phrase.nouns:
                return 0
            phrase.colors.append(f"{token.low} {tone.term.say}")
            return 1 + tone.length
        if token.low.isdecimal() and len(token.low) <= 3 and int(token.low) > 0:
            if phrase.nouns or phrase.count:
                return 0
            phrase.count = int(token.low)
            return 1
        match = lexicon.match(tokens, at, *ALL_TABLES)
        if match is None or (token.low in lexicon.grammar.pronouns and self._distinct(phrase)):  # "a brown one"
            return self._take_unknown(phrase)
        return self._take_known(phrase, match)

    def _take_known(self, phrase: NounPhrase, match: Match) -> int:
        at, term = phrase.end, match.term
        more = self._goes_on(at + match.length)
        if match.table == "things":
            alternative = self._lexicon.match(self._tokens, at, "colors", "textures")
            if alternative and alternative.length == match.length and more:  # "an orange ball", "a glass box"
                return self._take_quality(phrase, alternative)
            return self._take_noun(phrase, match.length, match)
        if match.table in ("counts", "colors", "textures", "sizes", "shapes"):
            return self._take_quality(phrase, match)
        if match.table == "schemes" and more and (color := self._lexicon.match(self._tokens, at, "colors")):
            return self._take_quality(phrase, color)  # "a black and white cat"
        if match.table == "settings":
            if phrase.nouns and self._leads_away(at):  # "three fish | under water"
                return 0
            return self._take_noun(phrase, match.length, match)
        if match.table in ("places", "depths") and at > phrase.start and not phrase.nouns and more:
            if isinstance(match.term, Place):
                phrase.place = term.key
            return match.length
        if match.table in PICTURE_TABLES:
            if not all(map(self._is_adjective, phrase.nouns)):
                return 0
            phrase.adjectives += phrase.nouns
            phrase.nouns = []
            phrase.picture.append(match)
            if match.table == "moods":
                phrase.adjectives.append(self._low(at, match.length))
            return match.length
        return 0

    def _take_quality(self, phrase: NounPhrase, match: Match) -> int:
        term = match.term
        if phrase.nouns and not self._turned_adjectives(phrase, match):  # "red ball blue box": a second thing begins
            return 0
        if match.table == "counts":
            if phrase.count is not None:
                return 0
            phrase.count = int(term.key)
        elif match.table == "colors":
            phrase.colors.append(term.say)
        elif match.table == "textures":
            phrase.textures.append(term.say)
            phrase.adjectives.append(self._low(phrase.end, match.length))
        elif match.table == "shapes":
            phrase.shape = term.say
            phrase.adjectives.append(self._low(phrase.end, match.length))
        elif isinstance(term, Size):
            phrase.size = term
        return match.length

    def _turned_adjectives(self, phrase: NounPhrase, match: Match) -> bool:
        """ "an antique red lantern": unknown words before a quality describe the thing that follows it."""
        known = phrase.thing or phrase.setting or match.table == "counts"
        if known or not self._goes_on(phrase.end + match.length):
            return False
        phrase.adjectives += phrase.nouns
        phrase.nouns = []
        return True

    def _take_unknown(self, phrase: NounPhrase) -> int:
        at, lexicon = phrase.end, self._lexicon
        low = self._tokens[at].low
        if any(lexicon.listed(name, self._tokens, at) for name in ("says", "wears", "style_of")):
            return 0
        grammar = lexicon.grammar
        if phrase.nouns and lexicon.listed("participles", self._tokens, at):
            return 0
        if low.endswith("-shaped") and not phrase.nouns and self._goes_on(at + 1):
            phrase.shape = low
            phrase.adjectives.append(low)
            return 1
        if low in (*grammar.prepositions, *grammar.inside, *grammar.copulas):
            return 0
        if self.is_verb(at) and (phrase.nouns or not self._goes_on(at + 1)):
            return 0
        return self._take_noun(phrase, 1, None)

    def _take_noun(self, phrase: NounPhrase, length: int, match: Match | None) -> int:
        tokens = self._tokens[phrase.end : phrase.end + length]
        words = [token.low if match or token.text.isupper() else token.text for token in tokens]
        phrase.nouns += words
        term = match.term if match else None
        if phrase.thing and term is None and tokens[0].text.istitle():  # "my dog Rex"
            return length
        phrase.thing = term if isinstance(term, Thing) else None
        phrase.setting = term if isinstance(term, Setting) else None
        phrase.plural = match.plural if match and phrase.thing else self._lexicon.is_plural(words[-1].lower())
        return length

    def _take_joint(self, phrase: NounPhrase) -> int:
        """ "red and blue ball", "a majestic, fluffy owl": a joint between two qualities of one thing."""
        at = phrase.end + 1
        if phrase.nouns and all(map(self._is_adjective, phrase.nouns)) and self._goes_on(at):
            phrase.adjectives += phrase.nouns
            phrase.nouns = []
            return 1
        if phrase.nouns or not phrase.described or self._tokens[phrase.end].low not in ("and", ",", "&"):
            return 0
        quality = self._lexicon.match(self._tokens, at, "colors", "textures", "sizes") or self._tone(at)
        if quality and self._goes_on(at + quality.length):
            return 1
        return 0

    @staticmethod
    def _distinct(phrase: NounPhrase) -> bool:
        """Whether "one" may follow: "a brown one", "the left one", "the other one"."""
        return phrase.described or bool(phrase.place) or phrase.ordinal is not None

    def _leads_away(self, at: int) -> bool:
        """Whether a preposition stands at ``at``."""
        grammar = self._lexicon.grammar
        low = self._tokens[at].low
        return low in (*grammar.prepositions, *grammar.inside) or bool(
            self._lexicon.match(self._tokens[: at + 1], at, "relations")
        )

    def _low(self, at: int, length: int) -> str:
        return " ".join(token.low for token in self._tokens[at : at + length])

    def _is_adjective(self, word: str) -> bool:
        low = word.lower()
        return low in self._lexicon.grammar.adjectives or bool(ADJECTIVE.search(low))

    def _tone(self, at: int) -> Match | None:
        """The colour after a tone such as "light" or "dark" at ``at``."""
        if self._lexicon.match(self._tokens, at, "tones"):
            color = self._lexicon.match(self._tokens, at + 1, "colors")
            whole = self._lexicon.match(self._tokens, at, "colors")
            if color and not (whole and whole.length > color.length):
                return color
        return None

    def _goes_on(self, at: int) -> bool:
        """Whether a thing is still to come at ``at``."""
        if at >= len(self._tokens) or self._tokens[at].kind != "word":
            return False
        low, grammar = self._tokens[at].low, self._lexicon.grammar
        if low in (
            *grammar.determiners,
            *grammar.joiners,
            *grammar.prepositions,
            *grammar.inside,
            *grammar.copulas,
        ):
            return False
        if low in ("one", "ones"):
            return True
        match = self._lexicon.match(self._tokens, at, *ALL_TABLES)
        if match is None:
            return not self.is_verb(at)
        if match.table in ("things", "settings"):
            return True
        return match.table not in ("relations", "directions", "places", "depths") and self._goes_on(at + match.length)

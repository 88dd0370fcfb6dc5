"""The words of one step of an instruction, read from left to right: names, numbers, qualities, what is left."""

import re

from fibo_core.writers.rules.lexicon import Lexicon, tokenize
from fibo_core.writers.rules.nouns import ADJECTIVE, NounPhrase, NounReader
from fibo_core.writers.rules.scene import Subject
from fibo_core.writers.rules.steps import Step

#: Stands for the target while the rest of a step is read as a description of it.
STAND_IN = "subject"
#: "the box's color" is spoken of as the box.
_POSSESSIVE = re.compile(r"(?<=\w)['’]s (colou?r|size|place|position|location|texture|material|shape)\b")
#: Lists whose phrases say how a target shall be, and end its name.
_SAYS_HOW = ("into", "strongly", "bigger", "smaller", "same_size", "say")


class StepWords:
    """A step's tokens with a reading position, and the step that is filled from them."""

    def __init__(self, text: str, kind: str, lexicon: Lexicon):
        words = " ".join(text.split())
        self.text = _POSSESSIVE.sub("", words)
        self.kind = kind
        self.lexicon = lexicon
        self.at = 0
        self._tokenize()
        self.step = Step(kind or "change", words)
        self._trim()

    def _name(self) -> NounPhrase:
        """The noun phrase of a target: it ends where a comparison or a move begins ("the ball | much bigger")."""
        for end in range(self.at, len(self.tokens)):
            says_how = any(self.lexicon.listed(name, self.tokens, end) for name in _SAYS_HOW)
            if says_how or self.lexicon.match(self.tokens, end, "comparisons", "shifts"):
                phrase = NounReader(self.tokens[:end], self.lexicon).read(self.at)
                if phrase.nouns or end == self.at:
                    return phrase
        phrase = self.nouns.read(self.at)
        colored = phrase.end == len(self.tokens) and self.lexicon.match(self.tokens, phrase.end - 1, "colors")
        if len(phrase.nouns) > 1 and colored:  # "the ball | orange"
            return NounReader(self.tokens[: phrase.end - 1], self.lexicon).read(self.at)
        while len(phrase.nouns) > 1 and not phrase.thing and self._is_quality(phrase.nouns[-1]):  # "the woman | angry"
            phrase = NounReader(self.tokens[: phrase.end - 1], self.lexicon).read(self.at)
        return phrase

    def _thing_length(self) -> int:
        match = self.lexicon.match(self.tokens, self.at, "things")
        return match.length if match else 0

    def _color_alone(self) -> str:
        """The colour that is all that is left, though it may name a thing too: "orange"."""
        match = self.lexicon.match(self.tokens, self.at, "colors")
        return match.term.say if match and self.at + match.length == len(self.tokens) else ""

    def _texture_alone(self) -> str:
        """The material that is all that is left, though it may name a thing too: "glass"."""
        match = self.lexicon.match(self.tokens, self.at, "textures")
        return match.term.say if match and self.at + match.length == len(self.tokens) else ""

    def _only_qualities(self, phrase: NounPhrase) -> bool:
        """ "old", "soft and fluffy": words that describe and name nothing."""
        known = phrase.thing or phrase.setting or phrase.determiner
        return not known and bool(phrase.nouns) and all(map(self._is_quality, phrase.nouns))

    def _is_quality(self, noun: str) -> bool:
        """Whether a word describes: an adjective, also compared ("older"), or a feeling."""
        low, adjectives = noun.lower(), self.lexicon.grammar.adjectives
        felt = any(low in term.words for term in self.lexicon.tables.expressions.values())
        compared = low.endswith("er") and (low[:-2] in adjectives or low[:-1] in adjectives)
        return felt or compared or low in adjectives or bool(ADJECTIVE.search(low))

    def _qualities(self, phrase: NounPhrase) -> Subject:
        words = [*phrase.adjectives, *(noun.lower() for noun in phrase.nouns)]
        felt = [term.say for term in self.lexicon.tables.expressions.values() if set(term.words) & set(words)]
        return Subject(
            STAND_IN, colors=phrase.colors, size=phrase.size, textures=phrase.textures, shape=phrase.shape,
            adjectives=words, expression=felt[0] if felt else "",
        )  # fmt: skip

    def _shows_picture(self) -> bool:
        """Whether several words that speak of the whole picture stand here, such as "more contrast"."""
        match = self.lexicon.match(self.tokens, self.at, "schemes", "lights", "camera")
        return match is not None and match.length > 1

    # Small steps.

    def _tokenize(self) -> None:
        self.tokens = tokenize(self.text)
        while self.tokens and (self.tokens[-1].kind == "mark" or self.tokens[-1].low in self.lexicon.grammar.joiners):
            self.tokens.pop()
        self.nouns = NounReader(self.tokens, self.lexicon)

    def _trim(self) -> None:
        """Takes "there", "instead", "please" off the end."""
        for at in range(1, len(self.tokens)):
            if self.lexicon.listed("rather", self.tokens, at):  # "at noon instead of sunset"
                del self.tokens[at:]
                break
        before = len(self.tokens) + 1
        while len(self.tokens) > 1 and len(self.tokens) < before:
            before = len(self.tokens)
            for at in range(max(1, before - 4), before):
                if self.lexicon.listed("there", self.tokens, at) == before - at:
                    self.step.there = self.step.there or self.tokens[at].low in ("there", "instead", "in", "here")
                    del self.tokens[at:]
                    while self.tokens and self.tokens[-1].kind == "mark":
                        self.tokens.pop()
                    break

    def _lows(self, start: int) -> set[str]:
        return {token.low for token in self.tokens[start : self.at]}

    def _skip(self, name: str) -> int:
        length = self.lexicon.listed(name, self.tokens, self.at)
        self.at += length
        return length

    def _wording(self, start: int, end: int) -> str:
        if end <= start:
            return ""
        if end == start + 1 and self.tokens[start].kind == "quote":
            return self.tokens[start].text
        return self.text[self.tokens[start].start : self.tokens[end - 1].end]

    def _rest(self) -> str:
        if self.at >= len(self.tokens):
            return ""
        return self.text[self.tokens[self.at].start : self.tokens[-1].end]

"""Reading how many: "three balls", "one more star", "another", "double the number of trees"."""

from fibo_core.writers.rules.nouns import NounPhrase
from fibo_core.writers.rules.reading import read_scene
from fibo_core.writers.rules.step_words import StepWords


class StepCounts(StepWords):
    """A step whose counts are read; each reader answers False, and reads nothing, where there is none."""

    def _times(self) -> bool:
        """ "double the number of balls", "half as many stars"."""
        start = self.at
        self._skip("change")
        for name, factor in (("double", 2.0), ("halve", 0.5)):
            if not self._skip(name):
                continue
            phrase = self.nouns.read(self.at)
            if phrase.nouns and not phrase.setting:
                self._count_of(phrase)
                self.step.factor = factor
                return True
        self.at = start
        return False

    def _new_or_more(self) -> bool:
        """ "one more ball", "another star", "three balls": more of what is there, or something new."""
        start, step = self.at, self.step
        if self._shows_picture():  # "more contrast"
            return False
        number = self._number()
        if self._skip("more"):
            number = number or self._number() or 1
            phrase = self.nouns.read(self.at)
            if phrase.nouns and not phrase.setting and not phrase.picture:
                self._count_of(phrase)
                step.more = number
                return True
        self.at = start
        phrase = self.nouns.read(self.at)
        if not phrase.nouns or phrase.setting or phrase.picture or step.kind in ("add", "remove"):
            return False
        if (phrase.count or 0) > 1 and phrase.end == len(self.tokens) and not phrase.determiner:
            self._count_of(phrase)
            step.count = phrase.count
            return True
        if phrase.determiner in ("a", "an") or (phrase.count or 0) > 1:
            step.kind = "add"
            step.scene = read_scene(self._rest(), self.lexicon)
            return True
        return False

    def _more_names(self) -> None:
        """ "… and the box": more things of which the same is asked."""
        while self.step.target == "named" and self.at + 1 < len(self.tokens):
            if self.tokens[self.at].low not in ("and", ",", "&", "or"):
                return
            phrase = self.nouns.read(self.at + 1)
            if not phrase.nouns or phrase.setting:
                return
            self.step.phrases.append(phrase)
            self.at = phrase.end

    def _count_of(self, phrase: NounPhrase) -> None:
        self.step.kind, self.step.target, self.step.phrases = "count", "named", [phrase]
        self.at = phrase.end

    def _number(self) -> int | None:
        token = self.tokens[self.at : self.at + 1]
        if match := self.lexicon.match(self.tokens, self.at, "counts"):
            self.at += match.length
            return int(match.term.key)
        if token and token[0].low.isdecimal() and len(token[0].low) <= 3:
            self.at += 1
            return int(token[0].low)
        return None

"""Steps: an instruction such as "make the ball green and move it to the right", split before its verbs and read.

What shall be otherwise is read as a scene, like any words (`reading`), and laid over the prompt (`edits`); here is only
what a verb asks for besides: to remove, to keep alone, to replace, and how many.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fibo_core.writers.rules.lexicon import Lexicon, Token, tokenize
from fibo_core.writers.rules.nouns import NounPhrase, NounReader
from fibo_core.writers.rules.reading import read_scene
from fibo_core.writers.rules.scene import Scene, Subject

#: The kinds of step that a verb begins; the longest phrase decides, of two as long the earlier.
VERBS = ("only", "add", "remove", "move", "change", "keep")
#: Begin a step only at the very start: elsewhere they carry a phrase on ("add a house, with a red roof").
ONLY_FIRST = ("with", "as", "no", "without", "show", "have", "use", "color", "colour", "just", "lower", "letter")


@dataclass
class Step:
    """One change. ``kind`` is one of VERBS, "become" or "count"; ``words`` are the user's.

    ``names`` name the things that it is about; none stand for "it", and ``everything`` for all. ``said`` is what shall
    be so: its first subject stands for "it".
    """

    kind: str
    words: str
    names: list[NounPhrase] = field(default_factory=list)
    everything: bool = False
    it: bool = False  # "it" is said
    said: Scene = field(default_factory=lambda: Scene(""))
    becomes: NounPhrase | None = None
    count: int | None = None  # how many there shall be
    more: int = 0  # how many more, or fewer
    factor: float = 1.0  # how many times as many


def read_steps(instruction: str, lexicon: Lexicon) -> list[Step]:
    """The steps of an instruction, in order."""
    tokens = tokenize(instruction)
    nouns = NounReader(tokens, lexicon)
    starts = [0]
    for at in range(1, len(tokens)):
        if tokens[at - 1].kind == "mark" or lexicon.is_one_of(tokens[at - 1].low, "joiners"):
            again = tokens[at].low == tokens[0].low  # "no ball, no box"
            verb = _verb(tokens, at, lexicon) and (again or tokens[at].low not in ONLY_FIRST)
            how = any(lexicon.listed(name, tokens, at) == 1 for name in ("bigger", "smaller"))
            if verb or (how and nouns.read(at + 1).determiner):  # "shrink the ball"
                starts.append(tokens[at].start)
    steps: list[Step] = []
    for start, end in zip(starts, [*starts[1:], len(instruction)], strict=True):
        goes_on = steps[-1].kind if steps and steps[-1].kind in ("add", "remove", "move") else "change"
        steps.append(_StepReader(instruction[start:end], goes_on, lexicon).read())
    return steps


def is_instruction(text: str, lexicon: Lexicon) -> bool:
    """Whether a text begins with a verb that asks for a change ("make it night")."""
    tokens = tokenize(text)
    return bool(tokens) and tokens[0].low not in ONLY_FIRST and _verb(tokens, 0, lexicon)


def _verb(tokens: Sequence[Token], at: int, lexicon: Lexicon) -> bool:
    return any(lexicon.listed(kind, tokens, at) for kind in VERBS)


class _StepReader:
    """Reads one step from left to right."""

    def __init__(self, text: str, kind: str, lexicon: Lexicon):
        self.lexicon = lexicon
        self.text = " ".join(text.split())
        self.tokens = tokenize(self.text)
        last_words = ("joiners", "there")  # "instead", "please"
        while self.tokens and (self.tokens[-1].kind == "mark" or lexicon.is_one_of(self.tokens[-1].low, *last_words)):
            self.tokens.pop()
        self.step = Step(kind, self.text.strip(" ,;."))
        self.nouns = NounReader(self.tokens, lexicon)
        self.at = 0

    def read(self) -> Step:
        step, lexicon = self.step, self.lexicon
        self._skip("fillers")
        if lexicon.match(self.tokens, self.at, "shadows"):  # "without shadows" asks for light
            return self._say(self._rest())
        lengths = {kind: lexicon.listed(kind, self.tokens, self.at) for kind in VERBS}
        kind = max(lengths, key=lambda kind: lengths[kind])
        start, self.at = self.at, self.at + lengths[kind]
        step.kind = kind if lengths[kind] else step.kind
        if step.kind == "keep" or self._count():
            return step
        if step.kind in ("remove", "only"):
            return self._name()
        if lexicon.listed("give", self.tokens, start):
            return self._give()
        if step.kind == "change" and self._become():
            return step
        how = lexicon.match(self.tokens, start, "bigger", "smaller", *(["places"] if lengths[kind] else []))
        if how:
            self.at = start + 1  # "shrink the ball" is "the ball shrink", "center it" is "it center"
            return self._say(f"{self._rest()} {self.tokens[start].text}")
        return self._say(self._whole() or self._rest())

    def _say(self, text: str) -> Step:
        """What shall be so, read like any words, of "it" and of what they name."""
        self.step.it = any(self.lexicon.listed("it", self.tokens, at) for at in range(len(self.tokens)))
        self.step.said = read_scene(text, self.lexicon, Subject("it"))
        return self.step

    def _whole(self) -> str:
        """What is said of all things, or of a part of the picture that is named: "the background blue"."""
        lexicon = self.lexicon
        if not lexicon.match(self.tokens, self.at, "schemes", "lights"):  # "more contrast"
            self._skip("more")  # "more dramatic lighting"
        if self._skip("all"):
            self.step.everything = not self.nouns.read(self.at).thing
            return self._rest() if self.step.everything else f"the {self._rest()}"  # "all balls"
        start, tables = self.at, ("camera", "lights", "shadows", "directions")
        whole = self._skip("whole")
        matches = [lexicon.match(self.tokens, start + after, *tables) for after in (0, 1)]
        if any(match and match.length > 1 for match in matches):  # "the light | from above" is no camera
            self.at = start
        elif whole and lexicon.match(self.tokens, self.at, "colors", "tones"):
            return f"{self._rest()} wall"
        elif whole:
            self._skip("into")
        return ""

    def _name(self) -> Step:
        """ "(remove) the hat and the ball", "everything except the ball", "only the cat"."""
        step = self.step
        if self._skip("but_for"):
            step.kind = "only"
        step.everything = self._skip("all") > 0
        while not step.everything and self.at < len(self.tokens):
            phrase = self.nouns.read(self.at)
            if phrase.nouns or phrase.picture:
                step.names.append(phrase)
            self.at = phrase.end + 1
        return step

    def _become(self) -> bool:
        """ "turn it into an orange star", "replace the dog with a cat", "make it a tiger"; "turn day into night"."""
        step, start = self.step, self.at
        it = self._skip("it")
        first = self.nouns.read(self.at)
        self.at = self.at if it else first.end
        into = self._skip("into")
        second = self.nouns.read(self.at)
        quality = self.lexicon.match(self.tokens, self.at, "colors", "textures")
        named = it or (first.nouns and not first.new and not first.setting)
        named = named and not (quality and self.at + quality.length == len(self.tokens))  # "look like glass"
        if named and second.thing and not second.count and (into or second.determiner in ("a", "an")):
            step.kind, step.becomes, step.names = "become", second, [] if it else [first]
            self.at = second.end
            self._say(self._rest())
            return True
        into = into and self.tokens[first.end].low in ("to", "into")
        shown = (first.picture and not first.nouns) or (first.setting and first.setting.key != "wall")
        self.at = self.at if shown and into and not it else start
        return False

    def _give(self) -> Step:
        """ "give the cat a red hat": something it wears or has."""
        pronoun = self.lexicon.listed("it", self.tokens, self.at)
        end = self.at + pronoun if pronoun else self.nouns.read(self.at).end
        had = self.nouns.read(end)
        joint = "wearing" if self.lexicon.is_one_of(had.head, "clothing") else "with"
        return self._say(f"{self._words(self.at, end)} {joint} {self._words(end, len(self.tokens))}")

    def _count(self) -> bool:
        """ "one more ball", "another star", "only two stars", "remove one of the balls", "double the trees"."""
        step, start = self.step, self.at
        for name, factor in (("double", 2.0), ("halve", 0.5)):
            step.factor = factor if self._skip(name) else step.factor
        number = self.nouns.read(self.at)
        if number.count and not number.nouns:
            self.at = number.end + self.lexicon.listed("of", self.tokens, number.end)
        more = self._skip("more")
        named = self.nouns.read(self.at)
        count = number.count or named.count or 1
        if step.kind in ("only", "remove") and number.count and not number.determiner:
            step.count, step.more = (count, 0) if step.kind == "only" else (None, -count)
        elif more:
            step.more = count
        if not named.thing or (step.count is None and not step.more and step.factor == 1.0):
            self.at = start
            return False
        step.kind, step.names = "count", [named]
        return True

    def _skip(self, name: str) -> int:
        length = self.lexicon.listed(name, self.tokens, self.at)
        self.at += length
        return length

    def _words(self, start: int, end: int) -> str:
        return self.text[self.tokens[start].start : self.tokens[end - 1].end] if end > start else ""

    def _rest(self) -> str:
        return self._words(self.at, len(self.tokens))

"""Instructions: "make the ball green and move it to the right" as steps, each with what it touches and what it says.

A step names its target in the user's words; finding the object in a prompt is another module's work.
"""

from dataclasses import dataclass, field

from fibo_core.writers.rules.lexicon import Lexicon, Token, tokenize
from fibo_core.writers.rules.nouns import NounPhrase, NounReader
from fibo_core.writers.rules.reading import read_scene
from fibo_core.writers.rules.scene import Scene, Subject

VERBS = ("add", "remove", "move", "change")
#: Begin a step only at the very start: elsewhere they carry a phrase on ("add a house, with a red roof").
ONLY_FIRST = ("with", "as", "no", "without", "show", "have", "use", "color", "colour")
#: Stands for the target while the rest of a step is read as a description of it.
STAND_IN = "subject"


@dataclass
class Step:
    """One change. ``kind`` is "add", "remove", "move" or "change"; ``words`` are the user's.

    ``target`` is "it", "all", "whole" (the picture rather than a thing), "" (nothing named) or "named": then
    ``phrases`` name the things. ``becomes`` is what they turn into, ``scene`` what is said of them: its first subject
    stands for the target (for "add", its subjects are what is added). ``grow`` is +1 or -1 for bigger and smaller.
    """

    kind: str
    words: str
    target: str = ""
    phrases: list[NounPhrase] = field(default_factory=list)
    becomes: NounPhrase | None = None
    scene: Scene = field(default_factory=lambda: Scene(""))
    grow: int = 0


def read_steps(instruction: str, lexicon: Lexicon) -> list[Step]:
    """The steps of an instruction, in order; one that is not understood has no target and says nothing."""
    steps: list[Step] = []
    carried: list[NounPhrase] = []
    kind = ""
    for start, end in _split(instruction, lexicon):
        step = _StepReader(instruction[start:end], kind, lexicon).read()
        kind = step.kind
        step.phrases = carried + step.phrases if step.target == "named" else step.phrases
        carried = []
        if step.target == "named" and step.kind in ("change", "move") and not _says_something(step):
            carried = step.phrases  # "the ball | and the box green"
            continue
        steps.append(step)
    if carried:
        steps.append(Step("", instruction))
    return steps


def is_instruction(text: str, lexicon: Lexicon) -> bool:
    """Whether a text begins with a verb that asks for a change ("make it night")."""
    tokens = tokenize(text)
    return bool(tokens) and tokens[0].low not in ONLY_FIRST and any(lexicon.listed(k, tokens, 0) for k in VERBS)


def _says_something(step: Step) -> bool:
    return bool(step.becomes or step.grow or step.scene.words)


def _split(text: str, lexicon: Lexicon) -> list[tuple[int, int]]:
    """Where the steps of a text begin and end: before a verb, or "the …" that has more said of it."""
    tokens = tokenize(text)
    nouns = NounReader(tokens, lexicon)
    starts = [0]
    for at in range(1, len(tokens)):
        before = tokens[at - 1]
        if not (before.kind == "mark" or before.low in lexicon.grammar.joiners):
            continue
        verb = any(lexicon.listed(kind, tokens, at) for kind in VERBS) and tokens[at].low not in ONLY_FIRST
        light = lexicon.match(tokens, at, "lights")
        if verb or light or _speaks_of(tokens, at, nouns, lexicon):
            starts.append(tokens[at].start)
    return list(zip(starts, [*starts[1:], len(text)], strict=True))


def _speaks_of(tokens: list[Token], at: int, nouns: NounReader, lexicon: Lexicon) -> bool:
    if lexicon.listed("it", tokens, at):
        return True
    if tokens[at].low != "the" or lexicon.match(tokens, at + 1, "places", "lights"):
        return False
    end = nouns.read(at).end
    return end > at + 1 and end < len(tokens) and tokens[end].kind == "word"


class _StepReader:
    def __init__(self, text: str, kind: str, lexicon: Lexicon):
        self.text = " ".join(text.split())
        self.kind = kind
        self.lexicon = lexicon
        self.tokens = tokenize(self.text)
        while self.tokens and (self.tokens[-1].kind == "mark" or self.tokens[-1].low in lexicon.grammar.joiners):
            self.tokens.pop()
        self.nouns = NounReader(self.tokens, lexicon)
        self.at = 0

    def read(self) -> Step:
        self._skip("fillers")
        step = Step(self.kind or "change", self.text)
        found = [(self.lexicon.listed(kind, self.tokens, self.at), kind) for kind in VERBS]
        length, kind = max(found, key=lambda pair: pair[0])
        if length:
            step.kind = kind
            self.at += length
        elif self._names_new_thing():
            step.kind = "add"
        if step.kind == "add":
            step.scene = read_scene(self._rest(), self.lexicon)
            return step
        gives = bool(self.lexicon.listed("give", self.tokens, self.at - length))
        step.grow = self._grow()
        self._skip("aspects")
        self._read_target(step)
        moved_to = self.lexicon.match(self.tokens, self.at, "places", "directions", "relations")
        into = 0 if moved_to else self._skip("into")
        step.grow = step.grow or self._grow()
        if step.kind == "change" and step.target in ("it", "all", "named"):
            step.becomes = None if gives else self._becomes(bool(into))
        if gives and self._give(step):
            return step
        rest = self._rest()
        if rest:
            step.scene = read_scene(f"{STAND_IN} {rest}", self.lexicon)
        return step

    def _names_new_thing(self) -> bool:
        phrase = self.nouns.read(self.at)
        indefinite = phrase.determiner in ("a", "an", "another") or (phrase.count or 0) > 1
        return indefinite and bool(phrase.nouns) and not phrase.setting and not phrase.picture

    def _read_target(self, step: Step) -> None:
        for name in ("whole", "it", "all"):
            if length := self.lexicon.listed(name, self.tokens, self.at):
                step.target = name
                if name != "whole" or not self._wall_color(length):
                    self.at += length
                return
        phrase = self.nouns.read(self.at)
        if phrase.nouns and not phrase.setting and not (step.kind == "change" and phrase.determiner in ("a", "an")):
            step.target = "named"
            step.phrases = [phrase]
            self.at = phrase.end

    def _wall_color(self, length: int) -> bool:
        """ "the background blue": the wall is part of what is said, not only its target."""
        tokens, after = self.tokens, self.at + length
        if tokens[after - 1].low not in ("background", "backdrop"):
            return False
        after += self.lexicon.listed("into", tokens, after)
        match = self.lexicon.match(tokens, after, "tones", "colors")
        if match is None:
            return False
        colored = " ".join(token.text for token in tokens[after:])
        self.text = f"a {colored} wall"
        self.tokens = tokenize(self.text)
        self.at = 0
        return True

    def _becomes(self, into: bool) -> NounPhrase | None:
        phrase = self.nouns.read(self.at)
        named = phrase.nouns and not phrase.setting and (into or phrase.determiner in ("a", "an") or phrase.count)
        if not named or phrase.nouns[-1].lower() in self.lexicon.grammar.empty_nouns:
            return None
        self.at = phrase.end
        return phrase

    def _give(self, step: Step) -> bool:
        """ "give the cat a red hat": something it wears or has, not something it becomes."""
        phrase = self.nouns.read(self.at)
        if not phrase.nouns:
            return False
        typed = self._rest()
        said = Subject(STAND_IN)
        if phrase.nouns[-1].lower() in self.lexicon.grammar.clothing:
            said.clothing = typed
        else:
            said.details = [f"with {typed}"]
        step.scene = Scene(typed, [said])
        return True

    def _grow(self) -> int:
        for name, change in (("bigger", 1), ("smaller", -1)):
            if length := self.lexicon.listed(name, self.tokens, self.at):
                self.at += length
                return change
        return 0

    def _skip(self, name: str) -> int:
        length = self.lexicon.listed(name, self.tokens, self.at)
        self.at += length
        return length

    def _rest(self) -> str:
        if self.at >= len(self.tokens):
            return ""
        return self.text[self.tokens[self.at].start : self.tokens[-1].end]

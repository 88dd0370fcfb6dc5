"""Steps: an instruction such as "make the ball green and move it to the right", split into changes and read.

Which objects a step means is found in the prompt later (`targets`), and what it does is done there (`edits`).
"""

import re
from dataclasses import dataclass, field

from fibo_core.writers.rules.lexicon import Lexicon, Term, Token, tokenize
from fibo_core.writers.rules.nouns import NounPhrase, NounReader
from fibo_core.writers.rules.reading import read_scene, wording_end
from fibo_core.writers.rules.scene import Scene, Subject

#: The kinds of step that a verb begins; the longest phrase decides, of two as long the earlier.
VERBS = ("write", "only", "add", "remove", "move", "change", "swap", "keep")
#: Begin a step only at the very start: elsewhere they carry a phrase on ("add a house, with a red roof").
ONLY_FIRST = ("with", "as", "no", "without", "show", "have", "use", "color", "colour", "just", "lower", "letter")
BACKGROUND = ("background", "backdrop", "wall")

#: "the box's color" is spoken of as the box.
_POSSESSIVE = re.compile(r"(?<=\w)['’]s (colou?r|size|place|position|location|texture|material|shape)\b")


@dataclass
class Step:
    """One change. ``kind`` is one of VERBS or "count"; ``words`` are the user's.

    ``target`` is "it", "all", "whole" (the picture rather than a thing), "wording" (the painted text), "" (nothing
    named) or "named": then ``names`` name the things. ``becomes`` is what they turn into, ``said`` what is said of
    them: its first subject stands for the target (for "add", its subjects are what is added).
    """

    kind: str
    words: str
    target: str = ""
    names: list[NounPhrase] = field(default_factory=list)
    becomes: NounPhrase | None = None
    said: Scene = field(default_factory=lambda: Scene(""))
    grow: int = 0  # sizes up, or down
    than: NounPhrase | None = None  # ... counted from the size of this
    shift: tuple[int, int] | None = None  # cells to the right and down
    tone: Term | None = None  # darker, brighter
    part: str = ""  # what of the whole is meant ("background"); what is swapped ("colors")
    count: int | None = None  # how many there shall be
    more: int = 0  # how many more, or fewer
    factor: float = 0.0  # how many times as many
    text: str = ""  # the wording to be painted

    @property
    def subject(self) -> Subject:
        """What is said of the target."""
        return self.said.subjects[0] if self.said.subjects and self.kind != "add" else Subject("")

    @property
    def says_something(self) -> bool:
        """Whether it is more than a verb and a name."""
        counted = self.count is not None or self.more or self.factor
        return bool(
            counted or self.becomes or self.grow or self.than or self.shift or self.tone or self.said.words or self.text
        )


def read_steps(instruction: str, lexicon: Lexicon) -> list[Step]:
    """The steps of an instruction, in order; one that is not understood has no target and says nothing."""
    steps: list[Step] = []
    for start, end in _split(instruction, lexicon):
        before = steps[-1] if steps else Step("change", "")
        goes_on = before.kind if before.kind in ("add", "remove", "move", "change") else "change"
        step = _StepReader(instruction[start:end], goes_on, lexicon).read()
        if before.target == step.target == "named" and before.kind in ("change", "move") and not before.says_something:
            steps.pop()
            step.names = before.names + step.names  # "make the ball | and the box green"
            step.words = f"{before.words} and {step.words}"
        steps.append(step)
    return steps


def is_instruction(text: str, lexicon: Lexicon) -> bool:
    """Whether a text begins with a verb that asks for a change ("make it night")."""
    tokens = tokenize(text)
    return bool(tokens) and tokens[0].low not in ONLY_FIRST and any(lexicon.listed(k, tokens, 0) for k in VERBS)


def _split(text: str, lexicon: Lexicon) -> list[tuple[int, int]]:
    """Where the steps of a text begin and end: before a verb, or "the …" that has more said of it."""
    tokens = tokenize(text)
    nouns = NounReader(tokens, lexicon)
    starts = [0]
    for at in range(1, len(tokens)):
        mark = tokens[at - 1].kind == "mark"
        if not mark and not lexicon.is_one_of(tokens[at - 1].low, "joiners"):
            continue
        again = tokens[at].low == tokens[0].low in ("no", "without")  # "no ball, no box"
        carries_on = tokens[at].low in ONLY_FIRST and not again
        verb = any(lexicon.listed(kind, tokens, at) for kind in VERBS) and not carries_on
        resized = lexicon.listed("bigger", tokens, at) or lexicon.listed("smaller", tokens, at)
        verb = verb or (resized == 1 and nouns.read(at + 1).determiner != "")  # "shrink the ball"
        light = mark and lexicon.match(tokens, at, "lights", "shadows", "directions")
        if verb or light or lexicon.listed("it", tokens, at) or _speaks_of(tokens, at, nouns, lexicon):
            starts.append(tokens[at].start)
    return list(zip(starts, [*starts[1:], len(text)], strict=True))


def _speaks_of(tokens: list[Token], at: int, nouns: NounReader, lexicon: Lexicon) -> bool:
    """Whether "the box" stands at ``at``, and something is said of it."""
    if tokens[at].low != "the" or lexicon.match(tokens, at + 1, "places", "lights"):
        return False
    end = nouns.read(at).end
    return (end > at + 1 and end < len(tokens) and tokens[end].kind == "word") or end - at > 2


class _StepReader:
    """Reads one step from left to right: its verb, its target, and what is said of that."""

    def __init__(self, text: str, kind: str, lexicon: Lexicon):
        words = " ".join(text.split())
        self.lexicon = lexicon
        self.step = Step(kind, words.strip(" ,;."))
        self._begin(_POSSESSIVE.sub("", words))

    def _begin(self, text: str) -> None:
        self.text, self.at = text, 0
        self.tokens = tokenize(text)
        for at in range(1, len(self.tokens)):
            if self.lexicon.listed("rather", self.tokens, at):  # "at noon instead of sunset"
                del self.tokens[at:]
                break
        while len(self.tokens) > 1 and (length := self._last_words()):  # "there", "please"
            del self.tokens[-length:]
        self.nouns = NounReader(self.tokens, self.lexicon)

    def _last_words(self) -> int:
        """How many tokens at the end say nothing: marks, joiners, "instead"."""
        if self.tokens[-1].kind == "mark" or self.lexicon.is_one_of(self.tokens[-1].low, "joiners"):
            return 1
        lengths = range(min(4, len(self.tokens) - 1), 0, -1)
        at = len(self.tokens)
        return next((n for n in lengths if self.lexicon.listed("there", self.tokens, at - n) == n), 0)

    def read(self) -> Step:
        step = self.step
        self._skip("fillers")
        shadows = self.lexicon.match(self.tokens, self.at, "shadows")  # "no shadows" asks for light
        if shadows or self._swap() or self._times():
            return self._change() if shadows else step
        lengths = {kind: self.lexicon.listed(kind, self.tokens, self.at) for kind in VERBS if kind != "swap"}
        kind = max(lengths, key=lambda kind: lengths[kind])
        if lengths[kind]:
            step.kind = kind
            if kind == "move" and (shift := self.lexicon.match(self.tokens, self.at, "shifts")):
                self._shift(shift.term)  # "raise the ball"
            self.at += lengths[kind]
        if step.kind == "write":
            return self._write()
        if step.kind == "only":
            return self._only()
        if step.kind == "keep":
            return step
        if step.kind == "remove":
            return self._remove()
        if (step.kind == "add" or not lengths[kind]) and self._more():
            return step
        if not lengths[kind] and not self._shows_picture():
            self._skip("more")  # "more dramatic lighting"
        if step.kind == "add" or (not lengths[kind] and self._names_new()):
            step.kind = "add"
            step.said = read_scene(self._rest(), self.lexicon)
            return step
        return self._change(gives=self.lexicon.listed("give", self.tokens, self.at - lengths[kind]) > 0)

    # By verb.

    def _swap(self) -> bool:
        """ "swap the ball and the box", "swap their colors", "switch the two"."""
        start, step = self.at, self.step
        if not self._skip("swap"):
            return False
        named = self._skip("recolor")
        both = self._skip("all")
        step.part = "colors" if named or self._skip("recolor") else "places"
        if both:
            step.kind, step.target = "swap", "all"
            return True
        first = self.nouns.read(self.at)
        between = self.tokens[first.end].low if first.end < len(self.tokens) else ""
        second = self.nouns.read(first.end + 1)
        if first.nouns and second.nouns and not first.setting and between in ("and", "with", "for", "&"):
            step.kind, step.target, step.names = "swap", "named", [first, second]
            return True
        self.at = start
        return False

    def _write(self) -> Step:
        """ "write HELLO on the box": the wording, then what it stands on."""
        step = self.step
        if any(token.low == "it" for token in self.tokens[: self.at]):
            step.target = "it"
        self._skip("say")
        end = wording_end(self.tokens, self.at, self.lexicon, plainly=True)
        step.text = self._words(self.at, end)
        phrase = self.nouns.read(end + 1)
        if phrase.thing:
            step.target, step.names = "named", [phrase]
        self.at = end
        step.said = read_scene(self._rest(), self.lexicon, Subject("it"))
        return step

    def _only(self) -> Step:
        """ "only the ball" keeps it alone; "only two balls" is a count."""
        phrase = self.nouns.read(self.at)
        if not phrase.thing:
            self.step.kind = "change"
            return self._change()
        if phrase.count is not None:
            return self._count(phrase, count=phrase.count)
        self._name_targets()
        return self.step

    def _remove(self) -> Step:
        step = self.step
        if self._skip("but_for"):
            step.kind = "only"
            return self._only()
        if self._skip("wording"):
            step.target = "wording"
            return step
        if self._skip("the_shadows"):
            step.kind = "change"
            step.said = Scene(self.text, shadows=self.lexicon.table["shadows"]["none"].say)
            return step
        phrase = self.nouns.read(self.at)
        some = phrase.count if phrase.count and not phrase.determiner else 0
        if some and phrase.end < len(self.tokens) and self.tokens[phrase.end].low == "of":
            phrase = self.nouns.read(phrase.end + 1)  # "one of the balls"
        if some and phrase.nouns:
            return self._count(phrase, more=-some)
        if phrase.picture and not phrase.nouns:  # "no fog"
            step.target, step.names = "whole", [phrase]
            return step
        self._name_targets()
        return step

    def _change(self, gives: bool = False) -> Step:
        """What shall be otherwise, of things, of the whole picture, or of its wording."""
        step, lexicon = self.step, self.lexicon
        step.grow = self._grow()
        self._skip("aspects")
        self._read_target()
        if step.kind == "move" and step.names and step.names[0].new:  # "put a hat on the cat"
            self.at, step.kind, step.target, step.names = step.names[0].start, "add", "", []
            step.said = read_scene(self._rest(), lexicon)
            return step
        leads = lexicon.match(self.tokens, self.at, "places", "directions", "relations", "depths", "shifts")
        as_big = lexicon.listed("same_size", self.tokens, self.at)
        into = 0 if leads or as_big or self._shows_picture() else self._skip("into")
        self._compare()
        if step.target == "wording" or (step.target in ("it", "named") and self._skip("say")):
            self._reword()
            return step
        if step.kind == "change" and step.target in ("it", "all", "named") and not gives:
            self._become(into > 0)
        shift = lexicon.match(self.tokens, self.at, "shifts")
        if shift and step.target in ("it", "named", "all"):
            self._shift(shift.term)
            self.at += shift.length
        rest = self._rest()
        if not rest and step.kind == "move" and lexicon.match(self.tokens, 0, "places"):  # "center the ball"
            rest = self.tokens[0].text
        if rest:
            step.said = self._said(rest, gives, into > 0)
        return step

    # Parts of a step.

    def _read_target(self) -> None:
        step = self.step
        if self._shows_picture() or self._other_setting():  # "zoom in", "(turn) day into night"
            step.target = "whole"
            return
        phrase = self._name()
        for name in ("wording", "whole", "all", "it"):
            length = self.lexicon.listed(name, self.tokens, self.at)
            if not length or (name in ("all", "wording") and phrase.thing and phrase.end > self.at + length):
                continue
            step.target = name
            step.part = self.tokens[self.at + length - 1].low if name == "whole" else ""
            self.at += length
            return
        if self._skip("all"):  # "all balls"
            phrase = self._name()
        if phrase.nouns and not phrase.setting and not (step.kind == "change" and phrase.determiner in ("a", "an")):
            step.target, step.names, self.at = "named", [phrase], phrase.end

    def _name(self) -> NounPhrase:
        """The noun phrase of a target: it ends where a comparison or a move begins ("the ball | much bigger")."""
        ends = ("into", "strongly", "bigger", "smaller", "same_size", "say")
        for end in range(self.at, len(self.tokens)):
            compared = self.lexicon.match(self.tokens, end, "comparisons", "shifts")
            if compared or any(self.lexicon.listed(name, self.tokens, end) for name in ends):
                return NounReader(self.tokens[:end], self.lexicon).read(self.at)
        phrase = self.nouns.read(self.at)
        last = len(self.tokens) - 1
        colored = self.lexicon.match(self.tokens, last, "colors", "textures")
        if len(phrase.nouns) > 1 and (not phrase.thing or (colored and phrase.end > last)):
            for end in range(phrase.end - 1, self.at, -1):
                shorter = NounReader(self.tokens[:end], self.lexicon).read(self.at)
                if shorter.thing and (colored or not self.nouns.read(end).nouns):  # "the ball | orange", "… | old"
                    return shorter
        return phrase

    def _name_targets(self) -> None:
        """ "the ball and the box": things of which the same is asked."""
        self._read_target()
        while self.step.target == "named" and self.at + 1 < len(self.tokens):
            phrase = self.nouns.read(self.at + 1)
            if self.tokens[self.at].low not in ("and", ",", "&", "or") or not phrase.nouns:
                return
            self.step.names.append(phrase)
            self.at = phrase.end

    def _other_setting(self) -> bool:
        """ "day (into night)", "the beach (with a forest)": what is there now need not be read."""
        phrase = self.nouns.read(self.at)
        follows = self.tokens[phrase.end].low if phrase.end < len(self.tokens) else ""
        colored = phrase.setting is not None and phrase.setting.key == "wall"
        shown = (phrase.setting and not colored) or (phrase.picture and not phrase.nouns)
        if not shown or follows not in ("to", "into", "with"):
            return False
        self.at = phrase.end
        return True

    def _become(self, into: bool) -> None:
        """ "(turn it into) an orange star", "(make it) three balls": another thing, or so many."""
        step, phrase = self.step, self.nouns.read(self.at)
        quality = self.lexicon.match(self.tokens, self.at, "colors", "textures")
        if quality and not phrase.determiner and self.at + quality.length == len(self.tokens):  # "(make it) orange"
            return
        if phrase.count and phrase.end == self.at + 1 == len(self.tokens):  # "make it three"
            step.count = phrase.count
        elif phrase.thing and (into or phrase.new):
            step.becomes, step.count = phrase, phrase.count
        else:
            return
        self.at = phrase.end

    def _said(self, rest: str, gives: bool, into: bool) -> Scene:
        """What the rest of a step says of its target."""
        step, lexicon, subject = self.step, self.lexicon, Subject("it")
        phrase = self.nouns.read(self.at)
        if gives and phrase.nouns and not lexicon.is_one_of(phrase.head, "surfaces", "empty_nouns"):
            if lexicon.is_one_of(phrase.head, "clothing"):
                subject.clothing = rest
            else:
                subject.details = [f"with {rest}"]
            return Scene(rest, [subject])
        if gives and phrase.nouns:  # "give both a glossy finish"
            rest = " ".join([*phrase.colors, *phrase.adjectives])
        if step.part in BACKGROUND and lexicon.match(self.tokens, self.at, "colors", "tones"):
            rest = rest if self.tokens[-1].low in BACKGROUND else f"{rest} wall"
        elif step.part in BACKGROUND and phrase.nouns and not phrase.setting and (into or phrase.determiner):
            end = phrase.end - phrase.start  # whatever it is, it is the background now
            scene = read_scene(self._words(phrase.end, len(self.tokens)), lexicon)
            scene.settings = [self._words(phrase.start, phrase.start + end)]
            return scene
        about = f"{step.part} {rest}"  # "the light | from above" is no camera, "the background | blurry" is one
        known = lexicon.match(tokenize(about), 0, "camera", "directions", "shadows", "lights")
        alone = lexicon.match(self.tokens, self.at, "colors", "textures")
        if alone and self.at + alone.length == len(self.tokens) and step.target != "whole":  # "orange", "glass"
            (subject.colors if alone.table == "colors" else subject.textures).append(alone.term.say)
            return Scene(rest, [subject])
        scene = read_scene(about if step.part and known and known.length > 1 else rest, lexicon, subject)
        scene.words = rest
        return scene

    def _reword(self) -> None:
        """What the wording shall be; or, where a colour, a size or a place is said, how it shall look."""
        step = self.step
        self._skip("into")
        self._skip("say")
        first = self.nouns.read(self.at)
        looks = first.described or step.grow or self.lexicon.match(self.tokens, self.at, "places")
        if step.target == "wording" and looks and not first.nouns:
            step.said = read_scene(self._rest(), self.lexicon, Subject("it"))
            return
        step.text = self._words(self.at, wording_end(self.tokens, self.at, self.lexicon, plainly=True))

    def _compare(self) -> None:
        """ "bigger than the tree", "as big as the box", "darker"."""
        step, lexicon = self.step, self.lexicon
        step.grow = step.grow or self._grow()
        if self._skip("same_size") or (step.grow and self._skip("than")):
            phrase = self.nouns.read(self.at)
            if phrase.nouns:
                step.than, self.at = phrase, phrase.end
            return
        match = lexicon.match(self.tokens, self.at, "comparisons")
        longer = lexicon.match(self.tokens, self.at, "schemes", "shadows", "lights", "camera")
        if match and not (longer and longer.length > match.length):
            step.tone = match.term
            self.at += match.length

    def _grow(self) -> int:
        strongly = self._skip("strongly")
        if self._skip("bigger"):
            return 2 if strongly else 1
        return (-2 if strongly else -1) if self._skip("smaller") else 0

    def _shift(self, term: Term) -> None:
        self.step.shift = term.step

    # How many.

    def _times(self) -> bool:
        """ "double the number of balls", "half as many stars"."""
        start = self.at
        self._skip("change")
        for name, factor in (("double", 2.0), ("halve", 0.5)):
            if self._skip(name) and (phrase := self.nouns.read(self.at)).thing:
                self._count(phrase, factor=factor)
                return True
        self.at = start
        return False

    def _more(self) -> bool:
        """ "one more ball", "another star", "three balls": more of what is there, or so many."""
        start = self.at
        if self._shows_picture():  # "more contrast"
            return False
        first = self.nouns.read(self.at)
        number = first.count if first.count and not first.nouns else 0
        self.at = first.end if number else self.at
        if self._skip("more") and (phrase := self.nouns.read(self.at)).thing:
            self._count(phrase, more=number or phrase.count or 1)
            return True
        self.at = start
        if self.step.kind != "add" and (first.count or 0) > 1 and first.thing and first.end == len(self.tokens):
            self._count(first, count=first.count)
            return True
        return False

    def _names_new(self) -> bool:
        """ "a small house", where no verb says what to do with it."""
        phrase = self.nouns.read(self.at)
        return phrase.new and phrase.thing is not None

    def _count(self, phrase: NounPhrase, *, count: int | None = None, more: int = 0, factor: float = 0.0) -> Step:
        self.step.kind, self.step.target, self.step.names = "count", "named", [phrase]
        self.step.count, self.step.more, self.step.factor = count, more, factor
        self.at = phrase.end
        return self.step

    # Small steps.

    def _shows_picture(self) -> bool:
        """Whether several words that speak of the whole picture stand here, such as "more contrast"."""
        match = self.lexicon.match(self.tokens, self.at, "schemes", "lights", "camera")
        return match is not None and match.length > 1

    def _skip(self, name: str) -> int:
        length = self.lexicon.listed(name, self.tokens, self.at)
        self.at += length
        return length

    def _words(self, start: int, end: int) -> str:
        if end <= start:
            return ""
        if end == start + 1 and self.tokens[start].kind == "quote":
            return self.tokens[start].text
        return self.text[self.tokens[start].start : self.tokens[end - 1].end]

    def _rest(self) -> str:
        return self._words(self.at, len(self.tokens))

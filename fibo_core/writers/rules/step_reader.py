"""Reading one step of an instruction: its verb, its target, and what is said of that."""

from fibo_core.writers.rules.lexicon import Comparison, Lexicon, Shift, tokenize
from fibo_core.writers.rules.nouns import NounPhrase
from fibo_core.writers.rules.reading import read_scene
from fibo_core.writers.rules.scene import Scene, Subject
from fibo_core.writers.rules.step_counts import StepCounts
from fibo_core.writers.rules.step_words import STAND_IN
from fibo_core.writers.rules.steps import VERBS, Step
from fibo_core.writers.rules.wording import wording_end


def read_step(text: str, kind: str, lexicon: Lexicon) -> Step:
    """One step; ``kind`` is that of the step before, which goes on where this one has no verb."""
    return _StepReader(text, kind, lexicon).read()


class _StepReader(StepCounts):
    def read(self) -> Step:
        step = self.step
        self._skip("fillers")
        if match := self.lexicon.match(self.tokens, self.at, "shadows"):  # "no shadows" asks for light
            step.target, step.scene = "whole", Scene(self.text, shadows=match.term.say)
            self.at += match.length
            return step if self.at >= len(self.tokens) else self._change()
        if self._swap() or self._times():
            return step
        found = [(self.lexicon.listed(kind, self.tokens, self.at), kind) for kind in VERBS if kind != "swap"]
        length, kind = max(found, key=lambda pair: pair[0])
        shift = self.lexicon.match(self.tokens, self.at, "shifts")
        if length:
            step.kind = kind
            self.at += length
        if step.kind == "move" and length and shift and isinstance(shift.term, Shift):  # "raise the ball"
            step.shift = shift.term.step
        read = {
            "write": self._write, "only": self._only, "keep": self._keep, "add": self._add, "remove": self._remove,
        }.get(step.kind)  # fmt: skip
        if read is not None and (length or step.kind in ("add", "remove")):
            return read()
        if not length and self._new_or_more():
            return step
        more = bool(self.tokens[self.at : self.at + 1]) and self.tokens[self.at].low == "more"
        if not length and more and not self._shows_picture():
            self.at += 1  # "more dramatic lighting"
        return self._change(self.lexicon.listed("give", self.tokens, self.at - length) > 0)

    # By verb.

    def _swap(self) -> bool:
        """ "swap the ball and the box", "swap their colors", "switch the two"."""
        start, step = self.at, self.step
        if not self._skip("swap"):
            return False
        self._skip("colors")
        step.part = "colors" if self.at > start + 1 else "places"
        if self._skip("aspects") or step.part == "colors":
            step.part = "colors" if {"color", "colour", "colors", "colours"} & self._lows(start) else "places"
        both = self._skip("all")
        if both:
            step.part = "colors" if self._skip("colors") else "places"
            self._skip("places")
            step.kind, step.target = "swap", "all"
            return True
        first = self.nouns.read(self.at)
        between = self.tokens[first.end : first.end + 1]
        if first.nouns and not first.setting and between and between[0].low in ("and", "with", "for", "by", "&"):
            second = self.nouns.read(first.end + 1)
            if second.nouns and not second.setting:
                step.kind, step.target, step.phrases = "swap", "named", [first, second]
                self.at = second.end
                return True
        self.at = start
        step.part = ""
        return False

    def _write(self) -> Step:
        """ "write HELLO on the box": the wording, then what it stands on."""
        step = self.step
        if "it" in self._lows(0):
            step.target = "it"
        self._skip("say")
        end = wording_end(self.tokens, self.at, self.lexicon, plainly=True)
        step.text = self._wording(self.at, end)
        self.at = end
        if self.tokens[self.at : self.at + 1] and self.tokens[self.at].low in ("to", "on", "onto", "in", "over", "at"):
            phrase = self.nouns.read(self.at + 1)
            if phrase.nouns and not phrase.setting:
                step.target, step.phrases, self.at = "named", [phrase], phrase.end
        step.scene = self._said(self._rest())
        return step

    def _only(self) -> Step:
        """ "only the ball" keeps it alone; "only two balls" is a count."""
        phrase = self.nouns.read(self.at)
        if phrase.nouns and not phrase.setting and (not phrase.picture or phrase.thing):
            if phrase.count is not None:
                self._count_of(phrase)
                self.step.count = phrase.count
            else:
                self.step.target, self.step.phrases, self.at = "named", [phrase], phrase.end
                self._more_names()
            return self.step
        self.step.kind = "change"
        return self._change()

    def _keep(self) -> Step:
        """ "keep everything else": nothing to do."""
        self.at = len(self.tokens)
        return self.step

    def _add(self) -> Step:
        step = self.step
        if self.lexicon.listed("wording", self.tokens, self.at) and self._adds_wording():
            return step
        if self._new_or_more():
            return step
        step.scene = read_scene(self._rest(), self.lexicon)
        return step

    def _adds_wording(self) -> bool:
        """ "add the words …" without quotation marks is read by its verb; this is "add words that say HI"."""
        start = self.at
        self._skip("wording")
        if self._skip("say") or (self.at < len(self.tokens) and self.tokens[self.at].kind == "quote"):
            self.step.kind = "write"
            self._write()
            return bool(self.step.text)
        self.at = start
        return False

    def _remove(self) -> Step:
        step = self.step
        if self._skip("but_for"):
            step.kind = "only"
            return self._only()
        if self._skip("wording"):
            step.target = "wording"
            return step
        if self._skip("shadows"):
            step.kind, step.target = "change", "whole"
            step.scene = Scene(self.text, shadows=self.lexicon.tables.shadows["none"].say)
            return step
        phrase = self.nouns.read(self.at)
        some = phrase.count if phrase.count and phrase.determiner == "" else None
        if some and self.tokens[phrase.end : phrase.end + 1] and self.tokens[phrase.end].low == "of":
            phrase = self.nouns.read(phrase.end + 1)  # "one of the balls"
        if some and phrase.nouns:
            self._count_of(phrase)
            step.more = -some
            return step
        if phrase.picture and not phrase.nouns:  # "no fog"
            step.target, step.phrases = "whole", [phrase]
            self.at = phrase.end
            return step
        self._read_target()
        self._more_names()
        step.scene = self._said(self._rest())
        return step

    def _change(self, gives: bool = False) -> Step:
        """What shall be otherwise, of things, of the whole picture, or of its wording."""
        step = self.step
        if step.kind not in ("change", "move"):
            step.kind = "change"
        step.grow = self._grow()
        self._skip("aspects")
        self._read_target()
        moved_to = self.lexicon.match(self.tokens, self.at, "places", "directions", "relations", "depths", "shifts")
        as_big = self.lexicon.listed("same_size", self.tokens, self.at)
        into = 0 if moved_to or as_big or self._shows_picture() else self._skip("into")
        self._compare()
        if step.target == "wording" or (step.target in ("it", "named") and self._skip("say")):
            self._reword()
            return step
        if step.kind == "change" and step.target in ("it", "all", "named"):
            step.becomes = None if gives else self._becomes(bool(into))
        if gives and self._give():
            return step
        shift = self.lexicon.match(self.tokens, self.at, "shifts")
        if shift and isinstance(shift.term, Shift) and (step.kind == "move" or step.target in ("it", "named")):
            step.shift = shift.term.step
            self.at += shift.length
        rest = self._rest()
        if not rest and step.kind == "move" and step.target:  # "center the ball"
            rest = self._verb_as_place()
        if rest:
            step.scene = self._setting(bool(into)) or self._said(rest)
        return step

    # Parts of a step.

    def _read_target(self) -> None:
        step = self.step
        if self._shows_picture():  # "zoom in"
            return
        if self._other_setting():
            step.target = "whole"
            return
        for name in ("wording", "whole", "all", "it"):
            length = self.lexicon.listed(name, self.tokens, self.at)
            if not length:
                continue
            if name == "all" and self.nouns.read(self.at + 1).thing:  # "all balls"
                self.at += 1
                break
            if name == "wording" and self.lexicon.listed("wording", self.tokens, self.at) < self._thing_length():
                continue
            step.target = name
            if name == "whole":
                step.part = self.tokens[self.at + length - 1].low
                if self._wall_color(length):
                    return
            self.at += length
            return
        phrase = self._name()
        named = phrase.nouns and not phrase.setting
        if named and not (step.kind == "change" and phrase.determiner in ("a", "an")):
            step.target = "named"
            step.phrases = [phrase]
            self.at = phrase.end

    def _other_setting(self) -> bool:
        """ "day (into night)", "the beach (with a forest)": what is there now need not be read."""
        phrase = self.nouns.read(self.at)
        of_picture = bool(phrase.picture) and not phrase.nouns
        if not (phrase.setting or of_picture) or phrase.end >= len(self.tokens):
            return False
        if phrase.setting and phrase.setting.colored:
            return False
        if self.tokens[phrase.end].low not in (("to", "into") if of_picture else ("to", "into", "with", "by", "for")):
            return False
        self.at = phrase.end
        return True

    def _wall_color(self, length: int) -> bool:
        """ "the background blue": the wall is part of what is said, not only its target."""
        tokens, after = self.tokens, self.at + length
        if tokens[after - 1].low not in ("background", "backdrop", "wall"):
            return False
        after += self.lexicon.listed("into", tokens, after)
        match = self.lexicon.match(tokens, after, "tones", "colors")
        if match is None:
            return False
        colored = " ".join(token.text for token in tokens[after:])
        self.text = colored if tokens[-1].low in ("wall", "background", "backdrop") else f"a {colored} wall"
        self._tokenize()
        self.at = 0
        return True

    def _compare(self) -> None:
        """ "bigger than the tree", "as big as the box", "darker"."""
        step = self.step
        step.grow = step.grow or self._grow()
        if self._skip("same_size") or (step.grow and self._skip("than")):
            phrase = self.nouns.read(self.at)
            if phrase.nouns:
                step.than = phrase
                self.at = phrase.end
            return
        match = self.lexicon.match(self.tokens, self.at, "comparisons")
        of_scheme = self.lexicon.match(self.tokens, self.at, "schemes", "shadows", "lights", "camera")
        if match and isinstance(match.term, Comparison) and not (of_scheme and of_scheme.length > match.length):
            step.tone = match.term
            self.at += match.length

    def _grow(self) -> int:
        start = self.at
        strongly = self._skip("strongly")
        self._amount()
        for name, change in (("bigger", 1), ("smaller", -1)):
            if self._skip(name):
                self._amount()
                return change * (2 if strongly else 1)
        self.at = start
        return 0

    def _amount(self) -> None:
        """ "30 percent (smaller)", "(bigger) by 20%", "3 times": sizes have names here, so any amount is one size."""
        at = self.at + (self.tokens[self.at : self.at + 1] != [] and self.tokens[self.at].low == "by")
        number = self.lexicon.match(self.tokens, at, "counts")
        decimal = self.tokens[at : at + 1] != [] and self.tokens[at].low.isdecimal()
        at += number.length if number else int(decimal)
        unit = self.tokens[at : at + 1]
        if (number or decimal) and unit and unit[0].low in ("%", "percent", "times"):
            self.at = at + 1

    def _reword(self) -> None:
        """What the wording shall be; or, where a colour or a size is said, how it shall look."""
        self._skip("into")
        self._skip("say")
        step = self.step
        first = self.nouns.read(self.at)
        if step.target == "wording" and (first.described or step.grow) and not first.nouns:
            step.scene = self._said(self._rest())
            return
        if step.target == "wording" and self.lexicon.match(self.tokens, self.at, "places"):
            step.scene = self._said(self._rest())
            return
        end = wording_end(self.tokens, self.at, self.lexicon, plainly=True)
        step.text = self._wording(self.at, end)
        self.at = end

    def _becomes(self, into: bool) -> NounPhrase | None:
        phrase = self.nouns.read(self.at)
        if phrase.count and not phrase.nouns and phrase.end == len(self.tokens):  # "make it three"
            self.step.count = phrase.count
            self.at = phrase.end
            return None
        named = phrase.nouns and not phrase.setting and (into or phrase.determiner in ("a", "an") or phrase.count)
        if not phrase.determiner and (self._color_alone() or self._texture_alone()):
            return None
        if not named or phrase.nouns[-1].lower() in self.lexicon.grammar.empty_nouns or self._only_qualities(phrase):
            return None
        self.step.count = phrase.count
        self.at = phrase.end
        return phrase

    def _give(self) -> bool:
        """ "give the cat a red hat": something it wears or has, not something it becomes."""
        phrase = self.nouns.read(self.at)
        if not phrase.nouns or phrase.nouns[-1].lower() in self.lexicon.grammar.empty_nouns:
            return False
        if phrase.nouns[-1].lower() in ("finish", "surface", "look", "texture", "color", "colour"):
            return False
        typed = self._rest()
        said = Subject(STAND_IN)
        if phrase.nouns[-1].lower() in self.lexicon.grammar.clothing:
            said.clothing = typed
        else:
            said.details = [f"with {typed}"]
        self.step.scene = Scene(typed, [said])
        return True

    def _setting(self, into: bool) -> Scene | None:
        """ "the background | to a castle at dusk": whatever it is, it is the background now."""
        phrase = self.nouns.read(self.at)
        if self.step.part not in ("background", "backdrop", "setting") or phrase.setting or not phrase.nouns:
            return None
        if not into and phrase.determiner not in ("a", "an"):
            return None
        if self.lexicon.match(self.tokens, phrase.end, "colors"):  # "to pure | white"
            return None
        after = self.tokens[phrase.end].start if phrase.end < len(self.tokens) else len(self.text)
        start = self.tokens[phrase.start].start
        scene = read_scene(self.text[after:], self.lexicon)
        scene.settings = [self.text[start:after].strip()]
        return scene

    def _said(self, rest: str) -> Scene:
        """What the rest of a step says of its target."""
        if not rest:
            return Scene("")
        phrase = self.nouns.read(self.at)
        about = f"{self.step.part} {rest}"  # "the light | from above" is no camera, "the background | blurry" is one
        known = self.lexicon.match(tokenize(about), 0, "camera", "directions", "shadows", "lights")
        if color := self._color_alone():
            scene = Scene(rest, [Subject(STAND_IN, colors=[color])])
        elif self.step.target != "whole" and (texture := self._texture_alone()):
            scene = Scene(rest, [Subject(STAND_IN, textures=[texture])])
        elif self.step.target == "whole" and known and known.length > 1:
            scene = read_scene(about, self.lexicon)
        elif (
            self.step.target in ("", "whole") and phrase.setting
        ):  # "mountains": no more of the stand-in than of a thing
            scene = read_scene(rest, self.lexicon)
        elif phrase.end == len(self.tokens) and self._only_qualities(phrase):
            return Scene(rest, [self._qualities(phrase)])
        else:
            scene = read_scene(f"{STAND_IN} {rest}", self.lexicon)
        scene.words = rest
        return scene

    def _verb_as_place(self) -> str:
        """ "center the ball": the verb says where."""
        match = self.lexicon.match(self.tokens, 0, "places")
        return self.tokens[0].text if match else ""

"""A step: one change of an instruction, as read; finding its objects in a prompt is another module's work."""

from dataclasses import dataclass, field

from fibo_core.writers.rules.lexicon import Comparison
from fibo_core.writers.rules.nouns import NounPhrase
from fibo_core.writers.rules.scene import Scene

#: The kinds of step that a verb begins; the longest phrase decides, of two as long the earlier.
VERBS = ("write", "only", "add", "remove", "move", "change", "swap", "keep")
#: Begin a step only at the very start: elsewhere they carry a phrase on ("add a house, with a red roof").
ONLY_FIRST = ("with", "as", "no", "without", "show", "have", "use", "color", "colour", "just", "lower", "letter")


@dataclass
class Step:
    """One change. ``kind`` is one of VERBS or "count"; ``words`` are the user's.

    ``target`` is "it", "all", "whole" (the picture rather than a thing), "wording" (the painted text), "" (nothing
    named) or "named": then ``phrases`` name the things. ``becomes`` is what they turn into, ``scene`` what is said of
    them: its first subject stands for the target (for "add", its subjects are what is added).
    """

    kind: str
    words: str
    target: str = ""
    phrases: list[NounPhrase] = field(default_factory=list)
    becomes: NounPhrase | None = None
    scene: Scene = field(default_factory=lambda: Scene(""))
    grow: int = 0  # sizes up, or down
    than: NounPhrase | None = None  # ... counted from the size of this
    shift: tuple[int, int] | None = None  # cells to the right and down
    tone: Comparison | None = None  # darker, brighter
    part: str = ""  # what of the whole is meant ("background"); what is swapped ("colors")
    count: int | None = None  # how many there shall be
    more: int = 0  # how many more, or fewer
    factor: float = 0.0  # how many times as many
    text: str = ""  # the wording to be painted
    there: bool = False  # where what was touched before stood

    @property
    def says_something(self) -> bool:
        """Whether it is more than the name of a target."""
        counted = self.count is not None or self.more or self.factor
        said = self.becomes or self.grow or self.than or self.shift or self.tone or self.scene.words
        return bool(counted or said or self.text)

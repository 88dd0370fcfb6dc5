"""Which of a writer's changes an instruction asked for: a guess from words, made so that it can be explained.

It compares words, it does not understand: a change that puts an instruction into other words is taken for an offer,
and in another language than the prompt's every change counts as asked. So the answer is shown, and each change can
be taken or left.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from fibo_core.prompts.json_paths import MISSING, Change, Step, is_within, leaves, parse_path, read
from fibo_core.prompts.structured_prompt import StructuredPrompt, diff
from fibo_core.writers.offline import MAX_WORDS_CHARS, OfflineWriter
from fibo_core.writers.rules.lexicon import load_lexicon

Place = tuple[Step, ...]

#: Fields that sum up the others: they follow what was asked, and ask for nothing themselves.
SUMMARIES: tuple[Place, ...] = (("short_description",), ("context",), ("aesthetics", "color_scheme"))
LISTS = ("objects", "text_render")  # whose items are things one adds and removes

_WORD = re.compile(r"[^\W_]+")
_NUMBERS = {
    word: str(number)
    for number, word in enumerate(["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], 2)
}
_ENDINGS = ("ing", "ish", "est", "er", "ed", "en", "ly", "es", "s", "y", "e")


def asked(source: StructuredPrompt, answer: StructuredPrompt, instruction: str) -> frozenset[int]:
    """The numbers, in ``diff(source, answer)``, of the changes that the instruction asked for.

    A change is asked for where the rules of the offline writer would make one too, and where it brings words of the
    instruction, or stands in a field that the instruction names; a word such as "green" counts only at the things the
    instruction is about. Summaries such as short_description follow when they repeat a change that was asked for.
    Where none is found, those of the things the instruction is about are taken, else all: a refinement that changes
    nothing is not what anybody asked for.
    """
    changes = diff(source, answer)
    wish = _wish_of(source, instruction)
    single_item = sum(change.before is MISSING and _is_item(_place(change)) for change in changes) == 1
    main = {number for number, change in enumerate(changes) if not _is_summary(_place(change))}
    core = {number for number in main if wish.asks(changes[number], single_item)}
    core = core or {number for number in main if wish.is_about(_place(changes[number]))}
    if not core:
        return frozenset(range(len(changes)))
    brought: set[str] = set().union(*(_new_words(changes[number]) for number in core))
    taken: set[str] = set().union(*(_lost_words(changes[number]) for number in core))
    follows = {
        number
        for number, change in enumerate(changes)
        if (_is_summary(_place(change)) or _is_relationship(_place(change))) and wish.follows(change, brought, taken)
    }
    return frozenset(core | follows)


def summaries_that_say_more(source: StructuredPrompt, taken: StructuredPrompt, answer: StructuredPrompt) -> list[str]:
    """The paths of summaries in ``taken`` that speak of changes which only ``answer`` has."""
    here, there = diff(source, taken), diff(taken, answer)
    mine: set[str] = set().union(*(_new_words(change) for change in here if not _is_summary(_place(change))))
    others: set[str] = set().union(*(_new_words(change) for change in there if not _is_summary(_place(change))))
    return [change.path for change in here if _is_summary(_place(change)) and _new_words(change) & (others - mine)]


def summaries_of_what_is_gone(
    source: StructuredPrompt, kept: StructuredPrompt, answer: StructuredPrompt
) -> tuple[list[str], list[str]]:
    """The paths of summaries in ``kept`` that speak of changes which only ``answer`` has: of nothing else, and of
    changes of ``kept`` too."""
    here = diff(source, kept)
    mine: set[str] = set().union(*(_new_words(change) for change in here if not _is_summary(_place(change))))
    speak = set(summaries_that_say_more(source, kept, answer))
    both = [change.path for change in here if change.path in speak and _new_words(change) & mine]
    return [change.path for change in here if change.path in speak and change.path not in both], both


def unmet_words(source: StructuredPrompt, result: StructuredPrompt, instruction: str) -> str:
    """What the instruction, as the rules of the offline writer read it, wants and the result does not bring, for a
    sentence: "purple", "the removal of a yellow cup"; "" where it does, or the rules do not understand."""
    if not instruction.strip() or len(instruction) > MAX_WORDS_CHARS:
        return ""
    own = [c for c in diff(source, OfflineWriter().refine(source, instruction).prompt) if not _is_summary(_place(c))]
    theirs = diff(source, result)
    said = {_stem(word): word for word in reversed(_WORD.findall(instruction.lower()))}
    wanted: set[str] = set().union(*(_new_words(change) & said.keys() for change in own))
    brought: set[str] = set().union(*(_new_words(change) for change in theirs))
    if wanted and not wanted & brought:
        return ", ".join(said[stem] for stem in said if stem in wanted)
    touched = {_place(change) for change in theirs}
    for change in own:
        place = _place(change)
        if _is_item(place) and change.after is MISSING and not any(is_within(each, {place}) for each in touched):
            return f"the removal of {_called(change.before)}"
    return ""


def _called(item: Any) -> str:
    return str(item.get("description") or item.get("text") or "an object")[:40] if isinstance(item, dict) else "it"


@dataclass(frozen=True)
class _Wish:
    """An instruction, as far as its words tell.

    ``places`` are where the offline writer would change the source, ``above`` the parts they lie in; ``targets`` the
    objects among them (where there are none, those that the instruction names), ``removals`` the objects it would take
    out; ``names`` are the words of the instruction that its things are called by.
    """

    words: frozenset[str]
    places: frozenset[Place]
    above: frozenset[Place]
    removals: frozenset[Place]
    targets: frozenset[Place]
    names: frozenset[str]
    adds: bool
    removes: bool
    replaces: bool

    def asks(self, change: Change, single_item: bool) -> bool:
        place, own = _place(change), self.words - _attributes()
        if _is_item(place) and change.before is MISSING:
            return bool(_name_words(change.after) & own) or (self.adds and single_item)
        if _is_item(place) and change.after is MISSING:
            named = (
                self.removes and not self.removals and bool(_name_words(change.before) & (self.words - _attributes()))
            )
            return place in self.removals or named
        if is_within(place, self.places) or place in self.above:
            return True
        if self.replaces and self.is_about(place):
            return True
        met = self.words & (_new_words(change) | (_lost_words(change) if self.removes else set()) | _field_words(place))
        if not met or not (self.targets or self.adds) or self.is_about(place):
            return bool(met)
        here = _words_of(change.before) | _words_of(change.after)
        return bool(met - _attributes() - self.names) or bool(here & self.names)

    def follows(self, summary: Change, brought: set[str], taken_away: set[str]) -> bool:
        """Whether a summary says again what changes that were asked for brought or took away."""
        new, gone = _new_words(summary), _lost_words(summary)
        return bool(new & (brought | self.words) or gone & taken_away) or not (new or gone)

    def is_about(self, place: Place) -> bool:
        return is_within(place, self.targets)


def _wish_of(source: StructuredPrompt, instruction: str) -> _Wish:
    said = _stems(instruction)
    own: tuple[Change, ...] = ()
    if instruction.strip() and len(instruction) <= MAX_WORDS_CHARS:
        own = diff(source, OfflineWriter().refine(source, instruction).prompt)
    places = {_place(change) for change in own if not _is_summary(_place(change))}
    items = {place for place in places if _is_item(place)}
    removals = {_place(c) for c in own if _is_item(_place(c)) and c.after is MISSING}
    targets = {place[:2] for place in places - items if place[:1] == ("objects",)} | removals
    words, document = frozenset(said - _small_words()), source.document
    if not places:  # the prompt says so already, or the rules do not understand: then what it names is what it is about
        targets = {place for place in _objects(document) if _name_words(read(document, place)) & words - _attributes()}
    called = {stem for target in targets for stem in _name_words(read(document, target))}
    adds = bool(items - removals)
    return _Wish(
        words=words,
        places=frozenset(places - items),
        above=frozenset(place[:depth] for place in places - items for depth in range(len(place))),
        removals=frozenset(removals),
        targets=frozenset(targets),
        names=frozenset((words if adds else called & words) - _attributes()),
        adds=adds,
        removes=bool(said & _stems_of("remove")),
        replaces=bool(removals or said & _stems("replace swap exchange transform convert into instead")),
    )


def _objects(document: dict[str, Any]) -> list[Place]:
    items = document.get("objects")
    return [("objects", number) for number in range(len(items) if isinstance(items, list) else 0)]


def _place(change: Change) -> Place:
    return parse_path(change.was)


def _is_item(place: Place) -> bool:
    return len(place) == 2 and place[0] in LISTS


def _is_summary(place: Place) -> bool:
    return place in SUMMARIES


def _is_relationship(place: Place) -> bool:
    return place[:1] == ("objects",) and place[2:] == ("relationship",)


def _new_words(change: Change) -> set[str]:
    return _words_of(change.after) - _words_of(change.before)


def _lost_words(change: Change) -> set[str]:
    return _words_of(change.before) - _words_of(change.after)


def _field_words(place: Place) -> set[str]:
    """The words of the field's own name: "lighting", "shadows"."""
    return set().union(*(_stems(step) for step in place if isinstance(step, str) and step not in LISTS))


def _name_words(item: Any) -> set[str]:
    """The words an object, or a text, is called by."""
    if isinstance(item, dict):
        item = item.get("description") or item.get("text") or item
    return _words_of(item)


def _words_of(value: Any) -> set[str]:
    if value is MISSING:
        return set()
    return set().union(*(_stems(str(read(value, leaf))) for leaf in leaves(value))) - _small_words()


def _stems(text: str) -> set[str]:
    return {_stem(word) for word in _WORD.findall(text.lower())}


def _stem(word: str) -> str:
    """What "brighter", "bright" and "brightly" have in common; rough, but the same for both sides."""
    word = _NUMBERS.get(word, word)
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= (4 if ending == "en" else 3):
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


@cache
def _small_words() -> frozenset[str]:
    """Words that carry an instruction but name nothing in a picture."""
    names = (
        "fillers", "determiners", "joiners", "copulas", "pronouns", "prepositions", "inside", "negations",
        "add", "remove", "move", "change", "into", "give", "it",
    )  # fmt: skip
    return _stems_of(*names) | _stems("on at more less other next so too only nothing else keep than")


@cache
def _attributes() -> frozenset[str]:
    """Words that many things of a picture may share, such as colours, sizes and places."""
    names = (
        "colors", "tones", "sizes", "counts", "textures", "places", "relations", "directions", "bigger",
        "smaller",
    )  # fmt: skip
    return _stems_of(*names) | _stems("color size shape")


def _stems_of(*tables: str) -> frozenset[str]:
    terms = [term for name in tables for term in load_lexicon().table[name].values()]
    return frozenset(stem for term in terms for words in term.words for stem in _stems(words))

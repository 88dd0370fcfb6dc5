"""A writer's answer under review: which of its changes were asked for, which the draft has, what the user made besides.

Pure functions of prompts; `prompts/locks.py` puts locked places back and takes changes.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from fibo_core.prompts.change_words import named_place
from fibo_core.prompts.json_paths import MISSING, Change, format_path, is_within, leaves, parse_path
from fibo_core.prompts.locks import restore_locked, take_changes
from fibo_core.prompts.structured_prompt import StructuredPrompt, diff
from fibo_core.writers import WrittenPrompt
from fibo_core.writers.asked import asked, summaries_of_what_is_gone, summaries_that_say_more

Origin = Literal["asked", "offered", "you"]


def only_asked(source: StructuredPrompt, answer: StructuredPrompt, instruction: str) -> StructuredPrompt:
    """The source with those of the answer's changes that the instruction asked for (see :func:`asked`)."""
    return take_changes(source, answer, asked(source, answer, instruction))


def reviewed(
    source: StructuredPrompt, written: WrittenPrompt, instruction: str, *, locked: Collection[str], narrow: bool
) -> WrittenPrompt:
    """What a writer answered, its locks put back and, with ``narrow``, only what was asked in it; the rest is offered.

    Notes say how many locked fields the writer had changed, and which summaries speak of changes that are not taken.
    A summary that speaks of nothing but what was put back is put back too: a picture follows it as well.
    """
    answer = restore_locked(source, written.prompt, locked)
    notes = written.notes
    if locked and (lost := len(diff(written.prompt, answer))):
        fields = "1 locked field: it is" if lost == 1 else f"{lost} locked fields: they are"
        notes = (*notes, f"The writer changed {fields} put back as {'it was' if lost == 1 else 'they were'}.")
        only, besides = summaries_of_what_is_gone(source, answer, written.prompt)
        if only:
            answer = take_changes(source, answer, {n for n, c in enumerate(diff(source, answer)) if c.path not in only})
            verb = "speaks of nothing else and is" if len(only) == 1 else "speak of nothing else and are"
            notes = (*notes, f"{', '.join(only)} {verb} as before too.")
        if besides:
            verb = "speaks" if len(besides) == 1 else "speak"
            notes = (*notes, f"{', '.join(besides)} also {verb} of what was put back: have a look.")
    prompt = answer
    if narrow:  # a removal without the new object that was to fill its place moves what stands after it
        prompt = restore_locked(source, only_asked(source, answer, instruction), locked)
        if summaries := summaries_that_say_more(source, prompt, answer):
            verb = "speaks" if len(summaries) == 1 else "speak"
            notes = (*notes, f"{', '.join(summaries)} also {verb} of what was not asked for: have a look.")
    if not diff(source, prompt) and (why := kept_by_locks(source, written.prompt, instruction, locked)):
        notes = (*written.notes, why)  # which says it all
    return replace(written, prompt=prompt, notes=notes, offered=answer if diff(prompt, answer) else None)


def kept_by_locks(source: StructuredPrompt, answer: StructuredPrompt, instruction: str, locked: Collection[str]) -> str:
    """ "You keep lighting as it is. Unlock it to change it.": the locks that put back what was asked for; "" where none
    did."""
    wanted = only_asked(source, answer, instruction) if locked else source
    held = [path for path in locked if diff(wanted, restore_locked(source, wanted, [path]))]
    names = [named_place(source, path) for path in held]
    if not names:
        return ""
    if len(names) == 1:
        return f"You keep {names[0]} as it is. Unlock it to change it."
    return f"You keep {', '.join(names[:-1])} and {names[-1]} as they are. Unlock them to change them."


@dataclass(frozen=True)
class Row:
    """One change under review: whose it is, whether the draft has it, and its number among the changes it is one of."""

    change: Change
    origin: Origin
    taken: bool
    number: int

    @property
    def id(self) -> str:
        """The same as long as the row is about the same change."""
        return f"{self.origin} {self.change.was} {self.change.path} {_key(_shown(self.change.after))}"


@dataclass(frozen=True)
class Review:
    """What a draft makes of a source, beside what the writer answered (None: no writer did)."""

    source: StructuredPrompt
    draft: StructuredPrompt
    answer: StructuredPrompt | None
    rows: tuple[Row, ...]

    def count(self, origin: Origin) -> int:
        return sum(row.origin == origin for row in self.rows)

    def kept(self) -> int:
        """How many of the source's fields the draft leaves as they are."""
        gone = {parse_path(row.change.was) for row in self.rows if row.taken and row.change.before is not MISSING}
        return sum(not is_within(leaf, gone) for leaf in leaves(self.source.document) if leaf)

    def taking(self, ids: Collection[str]) -> StructuredPrompt:
        """The draft with these rows taken as well."""
        if self.answer is None:
            return self.draft
        wanted = {row.number for row in self.rows if row.id in ids and not row.taken}
        return take_changes(self.draft, self.answer, wanted)

    def leaving(self, ids: Collection[str]) -> StructuredPrompt:
        """The draft without these rows; the rest of it, edits by hand included, stays."""
        unwanted = {row.number for row in self.rows if row.id in ids and row.taken}
        return take_changes(self.source, self.draft, set(range(len(diff(self.source, self.draft)))) - unwanted)


def review(
    source: StructuredPrompt,
    draft: StructuredPrompt,
    answer: StructuredPrompt | None = None,
    instruction: str = "",
    base: StructuredPrompt | None = None,
) -> Review:
    """The rows of a review: the writer's changes in document order, then what the user made by hand.

    Nothing is remembered but the prompts: a row is taken when the draft has it. A change of the writer's whose place
    the user has rewritten is not offered any more, until the user takes that back. ``base`` is what the writer was
    given, where that is not the source: the user's own changes so far.
    """
    base = source if base is None else base
    own = list(diff(source, draft))
    if answer is None:
        return Review(source, draft, None, tuple(Row(change, "you", True, n) for n, change in enumerate(own)))
    in_draft = _numbered(_at(change, change.was) for change in own)
    still_open = _numbered(_at(change, change.path) for change in diff(draft, answer))
    numbers = asked(base, answer, instruction)
    wanted = {_new(change) for number, change in enumerate(diff(base, answer)) if number in numbers}
    before = {_at(change, change.was) for change in diff(source, base)}
    rows, theirs = [], set()
    for change in diff(source, answer):
        if _at(change, change.was) in before:
            continue
        origin: Origin = "asked" if _new(change) in wanted else "offered"
        if has := in_draft[_at(change, change.was)]:
            theirs.add(has[0])
            rows.append(Row(change, origin, True, has.pop(0)))
        elif may := still_open[_at(change, change.path)]:
            rows.append(Row(change, origin, False, may.pop(0)))
    rows += [Row(change, "you", True, number) for number, change in enumerate(own) if number not in theirs]
    return Review(source, draft, answer, tuple(rows))


def _new(change: Change) -> tuple[str, str]:
    return change.path, _key(_shown(change.after))


def _at(change: Change, place: str) -> tuple[str, str]:
    """The same for the same change in two differences: its place, and what was and is there."""
    steps = parse_path(place)
    if isinstance(steps[-1], int) and MISSING in (change.before, change.after):
        place = format_path(steps[:-1])  # items that come and go move each other
    return place, _key([_shown(change.before), _shown(change.after)])


def _numbered(names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[int]]:
    numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, name in enumerate(names):
        numbers[name].append(number)
    return numbers


def _shown(value: Any) -> list[Any]:
    """A value that JSON can hold, MISSING too."""
    return [] if value is MISSING else [value]


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)

"""Two prompts made one: locked places put back, changes of the other one taken one by one.

Pure functions of prompts. Locks bind writers only: what a user types into the JSON by hand is the user's own.
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fibo_core.prompts.json_paths import (
    MISSING,
    Change,
    Step,
    format_path,
    is_within,
    leaves,
    parse_path,
    read,
    remove,
    write,
)
from fibo_core.prompts.structured_prompt import StructuredPrompt, diff

COMPARED_MAX = 20_000  # items before times items after; longer lists are paired where they are equal, and by position
LIKENESS_MIN = 0.4  # of 1; two objects that share less are two things

_WORD = re.compile(r"[^\W_]{2,}")


class _Locks(dict[Step, "_Locks | None"]):
    """Locks as a tree: the steps below a place, and None where the place itself is locked with all that it holds."""


def restore_locked(source: StructuredPrompt, answer: StructuredPrompt, locked: Collection[str]) -> StructuredPrompt:
    """The answer with every locked path holding exactly what the source holds there, nothing more and nothing less.

    A lock is an address: what stands at ``objects[1]`` stays, and stays there, whatever was changed, removed, put in
    before it or moved. An item is known again by being equal, else by its words, else by its place, so that a locked
    object that was moved or rewritten does not appear twice. Items up to the last locked one keep their places; where
    one of them was taken out, a new item takes its place, else null, which FIBO is not shown. A part that holds a
    locked path and was removed, or made something else, comes back whole. Where the source has nothing, nothing may
    be added. Raises PromptError for what is no path.
    """
    if "" in locked:
        return source
    locks = _Locks()
    for path in locked:
        _lock(locks, parse_path(path))
    return StructuredPrompt.from_dict(_restored(source.document, answer.document, locks)) if locks else answer


def locked_fields(source: StructuredPrompt, locked: Collection[str]) -> int:
    """How many fields of the source (texts, numbers, empty parts) the locked paths hold."""
    places = {parse_path(path) for path in locked}
    return sum(is_within(leaf, places) for leaf in leaves(source.document) if leaf)


def still_locked(before: StructuredPrompt, after: StructuredPrompt, locked: Collection[str]) -> tuple[str, ...]:
    """Those of the locked paths that hold in another prompt what they held before."""
    documents = before.document, after.document
    kept = []
    for path in locked:
        old, new = (read(document, parse_path(path)) for document in documents)
        if type(old) is type(new) and old == new:
            kept.append(path)
    return tuple(kept)


def toggle_lock(prompt: StructuredPrompt, locked: Collection[str], path: str) -> tuple[str, ...]:
    """The locks with this path locked, or free where it was: of a part around it that was locked the rest stays so."""
    place, places = parse_path(path), [parse_path(each) for each in locked]
    if not is_within(place, set(places)):
        return (*(format_path(each) for each in places if not is_within(each, {place})), path)
    kept: list[tuple[Step, ...]] = []
    for each in places:
        if is_within(place, {each}):
            inside = leaves(read(prompt.document, each), each)
            kept += [leaf for leaf in inside if not is_within(leaf, {place})]
        elif not is_within(each, {place}):
            kept.append(each)
    return tuple(dict.fromkeys(map(format_path, kept)))


def take_changes(source: StructuredPrompt, answer: StructuredPrompt, taken: Collection[int]) -> StructuredPrompt:
    """The source with some of the answer's changes, named by their numbers in ``diff(source, answer)``.

    All of them give the answer's content, none the source. Numbers, because a removed item and a new one may stand
    at the same path. Keys stand in the source's order, new ones where the answer has them.
    """
    document, whole = source.document, answer.document
    moves: list[tuple[int, int, bool, int, tuple[Step, ...], Change]] = []  # what comes into lists and goes out of them
    for number, change in enumerate(diff(source, answer)):
        if number not in taken:
            continue
        steps = parse_path(change.was)
        last = steps[-1]
        if isinstance(last, int) and MISSING in (change.before, change.after):
            moves.append((len(steps), last, change.after is MISSING, number, steps, change))
        elif change.after is MISSING:
            remove(document, steps)
        elif change.before is MISSING:
            order = read(whole, parse_path(change.path)[:-1])
            _put(read(document, steps[:-1]), str(last), change.after, list(order))
        else:
            write(document, steps, change.after)
    # Inner lists first, and each from its end: so no place moves before it is used.
    for *_, steps, change in sorted(moves, key=lambda move: move[:4], reverse=True):
        items = read(document, steps[:-1])
        if change.after is MISSING:
            del items[steps[-1]]
        else:
            items.insert(steps[-1], change.after)
    return StructuredPrompt.from_dict(document)


def _lock(locks: _Locks, steps: tuple[Step, ...]) -> None:
    for step in steps[:-1]:
        below = locks.setdefault(step, _Locks())
        if below is None:
            return  # something above it is locked already
        locks = below
    locks[steps[-1]] = None


def _restored(source: Any, answer: Any, locks: _Locks | None) -> Any:
    """What the answer becomes at a place with these locks on or below it; MISSING where nothing may be."""
    if locks is None or type(source) is not type(answer):
        return source
    if isinstance(source, dict):
        result = dict(answer)
        for key, below in locks.items():
            value = _restored(source.get(key, MISSING), answer.get(key, MISSING), below)
            if value is MISSING:
                result.pop(key, None)
            else:
                _put(result, str(key), value, list(source))
        return result
    if isinstance(source, list):
        return _restored_list(source, answer, {step: below for step, below in locks.items() if isinstance(step, int)})
    return source if source is MISSING else answer


def _restored_list(source: list[Any], answer: list[Any], locks: dict[int, _Locks | None]) -> list[Any]:
    pins = sorted(index for index in locks if index < len(source))
    absent = [index for index in locks if index >= len(source)]
    if not pins:
        return answer[: min(absent, default=None)]
    partners = _partners(source, answer)
    last = pins[-1]
    result: list[Any] = [MISSING] * (last + 1)
    used = set()
    for index in range(last + 1):
        partner = partners.get(index)
        if partner is not None:
            used.add(partner)
            result[index] = answer[partner]
        if index in locks:
            result[index] = _restored(source[index], result[index], locks[index])
    known = set(partners.values())
    new = [number for number in range(len(answer)) if number not in known]
    for index in range(last + 1):
        if result[index] is MISSING:
            result[index] = answer[new[0]] if new else None
            used.update(new[:1])
            del new[:1]
    result += [item for number, item in enumerate(answer) if number not in used]
    return result[: min(absent, default=None)]


def _partners(source: list[Any], answer: list[Any]) -> dict[int, int]:
    """Which item of the answer is which of the source's: equal ones, then the most alike, then those in their place."""
    old, new = [_key(item) for item in source], [_key(item) for item in answer]
    partners = {index: index for index in range(min(len(old), len(new))) if old[index] == new[index]}
    free = {index for index in range(len(new)) if index not in partners}
    places: dict[str, list[int]] = {}
    for index in sorted(free, reverse=True):
        if answer[index] is not None:  # a place left empty is nothing that could have moved
            places.setdefault(new[index], []).append(index)
    for index, key in enumerate(old):
        if index not in partners and places.get(key):
            partners[index] = places[key].pop()
    lost = [index for index in range(len(old)) if index not in partners]
    free -= set(partners.values())
    if len(lost) * len(free) <= COMPARED_MAX:
        lost_words, free_words = {i: _Words.of(source[i]) for i in lost}, {j: _Words.of(answer[j]) for j in free}
        pairs = [(1 - _likeness(lost_words[i], free_words[j]), abs(i - j), i, j) for i in lost for j in free]
        for *_, i, j in sorted(pair for pair in pairs if pair[0] <= 1 - LIKENESS_MIN):
            if i not in partners and j in free:
                partners[i] = j
                free.discard(j)
    for index in lost:
        if index not in partners and index in free:
            partners[index] = index
            free.discard(index)
    if len(source) == len(answer):  # none came and none went: what is left was rewritten
        partners |= zip((index for index in lost if index not in partners), sorted(free), strict=True)
    return partners


@dataclass(frozen=True)
class _Words:
    """An item's words, counted; and those of its description, where it has one."""

    all: "Counter[str]"
    description: "Counter[str] | None"

    @classmethod
    def of(cls, item: Any) -> "_Words":
        name = item.get("description") if isinstance(item, dict) else None
        return cls(Counter(_words(item)), Counter(_words(name)) if isinstance(name, str) else None)


def _likeness(one: _Words, other: _Words) -> float:
    """From 0 to 1, by the words of two items; the description counts most."""
    everything = _overlap(one.all, other.all)
    if one.description is None or other.description is None:
        return everything
    return 0.7 * _overlap(one.description, other.description) + 0.3 * everything


def _overlap(one: "Counter[str]", other: "Counter[str]") -> float:
    total = one.total() + other.total()
    shared = sum(min(count, other[word]) for word, count in one.items() if word in other)
    return 2 * shared / total if total else 0.0


def _words(value: Any) -> Iterator[str]:
    for leaf in leaves(value):
        text = read(value, leaf)
        if text is not None:
            yield from _WORD.findall(str(text).lower())


def _put(parent: dict[str, Any], key: str, value: Any, order: Sequence[str]) -> None:
    """Sets a key in place; a new one comes after the nearest of those that stand before it in ``order``."""
    if key in parent:
        parent[key] = value
        return
    items = list(parent.items())
    before = set(order[: order.index(key)])
    at = max((number + 1 for number, (name, _) in enumerate(items) if name in before), default=0)
    parent.clear()
    parent.update([*items[:at], (key, value), *items[at:]])


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)

"""Several JSON documents side by side, a row for each place: what stands there in each of them.

Of two documents the rows that differ are exactly the changes that `json_paths.changes` names; of more, lists are
aligned one document after another, each with what the ones before it have there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fibo_core.prompts.change_words import Stretch, marked_words, shown
from fibo_core.prompts.json_alignment import alignment
from fibo_core.prompts.json_paths import MISSING, Step, format_path

Steps = tuple[Step, ...]


@dataclass(frozen=True)
class Row:
    """One place: its value in each document, MISSING where it is not there.

    ``places`` is where it stands in each, which differs where list items moved up or down; ``path`` names it as the
    last document that has it does.
    """

    path: str
    values: tuple[Any, ...]
    places: tuple[str, ...]

    @property
    def differs(self) -> bool:
        first = self.values[0]
        return any(not same(first, value) for value in self.values[1:])

    def marked(self, number: int) -> tuple[Stretch, ...]:
        """The value of one document, its words marked where the first document has others; () where it has none.

        The first one's own are marked by the second's where there are two.
        """
        value = self.values[number]
        if value is MISSING:
            return ()
        other = self.values[1] if number == 0 and len(self.values) == 2 else self.values[0]
        if same(value, other) or (number == 0 and len(self.values) > 2):
            return (Stretch("both", shown(value)),)
        pair, own = ((value, other), "before") if number == 0 else ((other, value), "after")
        return tuple(stretch for stretch in marked_words(*pair) if stretch.side in ("both", own))


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal, 1 and true being none, in any order of keys."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def side_by_side(documents: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    """A row for each place at which anything stands in any of the documents, in their order.

    A part that some of them have not at all, and that is the same in the others, is one row with the whole of it.
    """
    values = [dict(each) for each in documents]
    return _rows(values, [()] * len(values)) if any(values) else iter(())


def _rows(values: Sequence[Any], places: Sequence[Steps]) -> Iterator[Row]:
    there = [number for number, value in enumerate(values) if value is not MISSING]
    present = [values[number] for number in there]
    partly = len(there) < len(values)
    if partly and all(same(present[0], value) for value in present[1:]):
        yield _row(values, places)
    elif all(isinstance(value, dict) for value in present) and any(present):
        keys = dict.fromkeys(key for value in present for key in value)
        for key in keys:
            yield from _rows(
                [value.get(key, MISSING) if value is not MISSING else MISSING for value in values],
                [(*place, key) for place in places],
            )
    elif all(isinstance(value, list) for value in present) and any(present):
        for slot in _slots(values):
            yield from _rows(
                [
                    MISSING if index is None or value is MISSING else value[index]
                    for value, index in zip(values, slot.items, strict=True)
                ],
                [(*place, index) for place, index in zip(places, slot.stands, strict=True)],
            )
    else:
        yield _row(values, places)


def _row(values: Sequence[Any], places: Sequence[Steps]) -> Row:
    paths = tuple(format_path(place) for place in places)
    last = max((number for number, value in enumerate(values) if value is not MISSING), default=0)
    return Row(paths[last], tuple(values), paths)


@dataclass(frozen=True)
class _Slot:
    """One item of several aligned lists: its index in each, None where a list has it not; and where it stands or, in
    those without it, would come in."""

    items: tuple[int | None, ...]
    stands: tuple[int, ...]


def _slots(values: Sequence[Any]) -> list[_Slot]:
    """The items of the lists, which is which: each list is aligned with what those before it have."""
    found: list[list[int | None]] = []
    for number, value in enumerate(values):
        if value is MISSING:
            found = [[*slot, None] for slot in found]
            continue
        known = [_any_item(values, slot) for slot in found]
        merged: list[list[int | None]] = []
        for i, j, _ in alignment(known, value):
            merged.append([*(found[i] if i is not None else [None] * number), j])
        found = merged
    passed = [0] * len(values)
    slots = []
    for slot in found:
        slots.append(_Slot(tuple(slot), tuple(passed[n] if index is None else index for n, index in enumerate(slot))))
        passed = [passed[n] if index is None else index + 1 for n, index in enumerate(slot)]
    return slots


def _any_item(values: Sequence[Any], slot: Sequence[int | None]) -> Any:
    """The item as the last list that has it says it: the nearest to the next one, where pictures follow each other."""
    return next(values[n][index] for n, index in reversed(list(enumerate(slot))) if index is not None)

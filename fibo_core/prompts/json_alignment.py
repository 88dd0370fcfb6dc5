"""Which items of two JSON lists are which: so paired that as little as possible differs, in time that long lists allow.

Pure functions of JSON values; what they find, `json_paths.changes` names by path.
"""

import json
from bisect import bisect_left
from typing import Any

#: An item's place in a list before and after, None where it is not there, and the leaves in it that differ.
Pair = tuple[int | None, int | None, int]
_Sequence = tuple[int, int, "_Sequence | None"]  #: the last of a sequence of pairs, and those before it

ALIGN_LIMIT = 100_000  #: leaves before times leaves after; what is larger is paired where equal, and by position


def alignment(before: list[Any], after: list[Any]) -> list[Pair]:
    """Which item is which, in the order of both lists.

    As little as possible differs between the lists. In long ones equal items are paired first, which may miss the
    least, so that the time grows as the lists do.
    """
    old, new = ([json.dumps(item, sort_keys=True) for item in items] for items in (before, after))
    shared = min(len(old), len(new))
    head = 0
    while head < shared and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < shared - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    old_end, new_end = len(old) - tail, len(new) - tail
    equal = [(k, k) for k in range(head)]
    if _is_long(before[head:old_end], after[head:new_end]):
        equal += [(head + i, head + j) for i, j in _equal_in_order(old[head:old_end], new[head:new_end])]
    equal += [(old_end + k, new_end + k) for k in range(tail)]

    pairs: list[Pair] = []
    next_i = next_j = 0
    for i, j in [*equal, (len(old), len(new))]:
        gap = before[next_i:i], after[next_j:j]
        for x, y, differing in _by_position(*gap) if _is_long(*gap) else _cheapest(*gap):
            pairs.append((None if x is None else next_i + x, None if y is None else next_j + y, differing))
        pairs.append((i, j, 0))
        next_i, next_j = i + 1, j + 1
    return pairs[:-1]


def _is_long(before: list[Any], after: list[Any]) -> bool:
    return sum(map(_leaf_count, before)) * sum(map(_leaf_count, after)) > ALIGN_LIMIT


def _equal_in_order(old: list[str], new: list[str]) -> list[tuple[int, int]]:
    """The places of as many equal items as stand in the same order in both lists.

    The first of several equal ones is paired with the first, and so on; of those pairs it is the longest increasing
    subsequence.
    """
    places: dict[str, list[int]] = {}
    for j in reversed(range(len(new))):
        places.setdefault(new[j], []).append(j)
    ends: list[int] = []  # the smallest end of an increasing sequence of each length
    sequences: list[_Sequence] = []
    for i, key in enumerate(old):
        if places.get(key):
            j = places[key].pop()
            length = bisect_left(ends, j)
            ends[length : length + 1] = [j]
            sequences[length : length + 1] = [(i, j, sequences[length - 1] if length else None)]
    found = []
    sequence = sequences[-1] if sequences else None
    while sequence is not None:
        i, j, sequence = sequence
        found.append((i, j))
    return found[::-1]


def _by_position(before: list[Any], after: list[Any]) -> list[Pair]:
    both = min(len(before), len(after))
    return [
        *((k, k, _distance(before[k], after[k])) for k in range(both)),
        *((i, None, _leaf_count(before[i])) for i in range(both, len(before))),
        *((None, j, _leaf_count(after[j])) for j in range(both, len(after))),
    ]


def _cheapest(before: list[Any], after: list[Any]) -> list[Pair]:
    """The alignment in which the fewest leaves differ (Needleman and Wunsch's)."""
    old_sizes, new_sizes = list(map(_leaf_count, before)), list(map(_leaf_count, after))
    paired = [[_distance(one, other) for other in after] for one in before]
    # best[i][j]: leaves that differ from before[i] and after[j] on.
    best = [[0] * (len(after) + 1) for _ in range(len(before) + 1)]
    for i in range(len(before), -1, -1):
        for j in range(len(after), -1, -1):
            choices = []
            if i < len(before) and j < len(after):
                choices.append(best[i + 1][j + 1] + paired[i][j])
            if i < len(before):
                choices.append(best[i + 1][j] + old_sizes[i])
            if j < len(after):
                choices.append(best[i][j + 1] + new_sizes[j])
            best[i][j] = min(choices, default=0)
    pairs: list[Pair] = []
    i = j = 0
    while i < len(before) or j < len(after):
        if i < len(before) and j < len(after) and best[i][j] == best[i + 1][j + 1] + paired[i][j]:
            pairs.append((i, j, paired[i][j]))
            i, j = i + 1, j + 1
        elif i < len(before) and best[i][j] == best[i + 1][j] + old_sizes[i]:
            pairs.append((i, None, old_sizes[i]))
            i += 1
        else:
            pairs.append((None, j, new_sizes[j]))
            j += 1
    return pairs


def _distance(before: Any, after: Any) -> int:
    """How many leaves differ: the larger side's where two values are of different kinds."""
    if isinstance(before, dict) and isinstance(after, dict):
        kept = sum(_distance(item, after[key]) for key, item in before.items() if key in after)
        gone = sum(_leaf_count(item) for key, item in before.items() if key not in after)
        return kept + gone + sum(_leaf_count(item) for key, item in after.items() if key not in before)
    if isinstance(before, list) and isinstance(after, list):
        aligned = alignment(before, after) if _is_long(before, after) else _cheapest(before, after)
        return sum(differing for *_, differing in aligned)
    if type(before) is type(after) and before == after:
        return 0
    return max(_leaf_count(before), _leaf_count(after))


def _leaf_count(value: Any) -> int:
    """How many scalars and empty containers it holds; 1 for one of these."""
    if isinstance(value, dict | list) and value:
        return sum(map(_leaf_count, value.values() if isinstance(value, dict) else value))
    return 1

"""Where things stand when nobody says: the cheapest arrangement on the nine cells of the frame.

What was said is fixed or weighs most (places, then "left of", "on", "behind"); the rest is taste: apart from each
other, on the middle row, in reading order, balanced.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import product

from fibo_core.writers.rules.scene import Link

Cell = tuple[int, int]  # column, row; (0, 0) is the top left

CELLS: tuple[Cell, ...] = tuple((column, row) for row in (1, 0, 2) for column in range(3))
ANYWHERE_BESIDE = 9  # a relation's column step that means "one to the left or to the right"
SEARCHED_AT_ONCE = 4  # 9⁴ arrangements are searched in some tens of milliseconds

_BROKEN_RELATION = 60.0
_SAME_CELL = 40.0


def arrange(numbers: Iterable[int], fixed: Mapping[int, Cell], links: Sequence[Link]) -> dict[int, Cell]:
    """A cell for each of the numbered subjects; those in ``fixed`` stay where they were put.

    The first few are arranged together, in the best of all ways; any more go one by one where there is room.
    """
    cells = dict(fixed)
    free = [number for number in numbers if number not in fixed]
    for group in filter(None, [free[:SEARCHED_AT_ONCE], *([number] for number in free[SEARCHED_AT_ONCE:])]):
        ways = [dict(zip(group, chosen, strict=True)) for chosen in product(CELLS, repeat=len(group))]
        costs = [_cost(way, cells, links) for way in ways]
        cells |= ways[costs.index(min(costs))]
    return cells


def _cost(way: Mapping[int, Cell], cells: Mapping[int, Cell], links: Sequence[Link]) -> float:
    """What it costs to put subjects this way beside those that have their cells already."""
    every = {**cells, **way}
    close = {frozenset((link.subject, anchor)): link.relation for link in links for anchor in link.anchors}
    told = Counter((link.relation.key, link.anchors) for link in links)
    # "three stars above a house" may stand beside each other, a single one straight above it
    cost = sum(
        _relation_cost(link, every, 2.0 if told[link.relation.key, link.anchors] == 1 else 0.2) for link in links
    )
    for number, (x, y) in way.items():
        cost += 0.8 if y != 1 else 0.0
        for other, (x2, y2) in every.items():
            if other == number or (other in way and other < number):  # each pair once
                continue
            relation = close.get(frozenset((number, other)))
            if (x, y) == (x2, y2):
                cost += 0 if relation is not None and relation.step == (0, 0) else _SAME_CELL
                continue
            cost += 1.0 if max(abs(x - x2), abs(y - y2)) == 1 and relation is None else 0.0
            cost += 0.5 if x == x2 else 0.0
            cost += 0.3 if (number < other) != ((y, x) < (y2, x2)) else 0.0  # reading order
    columns, rows = zip(*every.values(), strict=True)
    return cost + abs(sum(columns) / len(columns) - 1) + abs(sum(rows) / len(rows) - 1)


def _relation_cost(link: Link, cells: Mapping[int, Cell], aside: float) -> float:
    """``aside`` is what each cell beside the straight line costs."""
    if link.subject not in cells or any(anchor not in cells for anchor in link.anchors):
        return 0.0
    x, y = cells[link.subject]
    across, down = link.relation.step
    cost = 0.0
    for anchor in link.anchors:
        dx, dy = x - cells[anchor][0], y - cells[anchor][1]
        if across == ANYWHERE_BESIDE:
            cost += (0 if dx else 2) + 0.3 * (abs(dx) - 1) + 2 * abs(dy)
        elif across:
            cost += (0 if dx * across > 0 else _BROKEN_RELATION) + aside * abs(dy) + 0.1 * (2 - abs(dx))
        elif down:
            cost += (0 if dy * down > 0 else _BROKEN_RELATION) + aside * abs(dx) + 0.5 * (abs(dy) - 1)
        else:
            cost += _BROKEN_RELATION if dx or dy else 0
    if len(link.anchors) == 2:  # between
        (ax, _), (bx, _) = (cells[anchor] for anchor in link.anchors)
        cost += 0 if min(ax, bx) < x < max(ax, bx) else _BROKEN_RELATION
    return cost

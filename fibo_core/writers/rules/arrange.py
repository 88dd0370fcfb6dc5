"""Where things stand when nobody says: cells of the frame, in the order in which the things are named.

What was said comes first (places, then "left of", "on", "behind"); the rest stands apart, on the middle row.
"""

from collections.abc import Iterable, Mapping, Sequence

from fibo_core.writers.rules.scene import Link

Cell = tuple[int, int]  # column, row; (0, 0) is the top left

#: Where things stand that nobody placed, by how many there are; more of them take the rows above and below too.
_ROWS: dict[int, list[Cell]] = {1: [(1, 1)], 2: [(0, 1), (2, 1)]}
_CELLS: list[Cell] = [(column, row) for row in (1, 0, 2) for column in range(3)]


def arrange(numbers: Iterable[int], fixed: Mapping[int, Cell], links: Sequence[Link]) -> dict[int, Cell]:
    """A cell for each of the numbered subjects; those in ``fixed`` stay where they were put."""
    cells, numbers = dict(fixed), list(numbers)
    for link in links:
        _place_linked(link, cells, numbers)
    total = len(set(numbers) | set(cells))
    for number in numbers:
        if number not in cells:
            cells[number] = _nearest_free([*_ROWS.get(total, []), *_CELLS], cells)
    return cells


def _place_linked(link: Link, cells: dict[int, Cell], numbers: Sequence[int]) -> None:
    """Places a subject and its anchors, as far as they have no cells yet, so that the relation is true."""
    (across, down), subject = link.relation.step, link.subject
    if len(link.anchors) == 2:  # between
        wanted: dict[int, Cell] = {link.anchors[0]: (0, 1), subject: (1, 1), link.anchors[1]: (2, 1)}
        cells |= {number: cell for number, cell in wanted.items() if number not in cells}
        return
    (anchor,) = link.anchors
    if link.relation.key in ("beside", "between"):
        return
    if anchor not in cells and anchor in numbers:
        x, y = cells.get(subject, (1, 1))
        cells[anchor] = _inside(x - across, y - down if subject in cells or down < 0 else y)
    if subject not in cells and anchor in cells:
        x, y = cells[anchor]
        beyond = [_inside(x + 2 * across, y + down), _inside(x + across, y + down)]
        row = [(column, beyond[0][1]) for column in range(3)] if down else []
        cells[subject] = _nearest_free([*beyond, *row, *_CELLS], cells) if across or down else (x, y)


def _nearest_free(wanted: Sequence[Cell], cells: Mapping[int, Cell]) -> Cell:
    """The first of some cells in which nothing stands; the first where all are taken."""
    return next((cell for cell in wanted if cell not in cells.values()), wanted[0])


def _inside(column: int, row: int) -> Cell:
    return min(max(column, 0), 2), min(max(row, 0), 2)

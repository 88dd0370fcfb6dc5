"""A contact sheet: the pictures of an order as one picture, each where its values are, the values at the edges.

The last axis goes across, the one before it down, the first in blocks one below another. A long axis that is alone is
folded into rows, each value below its picture.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image, ImageDraw

from fibo_core.errors import PictureError
from fibo_core.prompts.axes import AXES_MAX, Axis, Value, combinations
from fibo_core.store.images import DAMAGE, open_picture
from fibo_core.work.sheet_text import Text, fitted, line_height

THUMBNAIL_MAX = 384  #: px, of a picture's longest side
THUMBNAIL_MIN = 8  #: px; where that is too large still, the sheet is scaled as a whole
SIDE_MAX = 16_000  #: px, of the sheet
PIXELS_MAX = 80_000_000  #: of the sheet: 240 MB, and fewer than Pillow warns of
ACROSS_MAX = 8  # values of an axis that is alone, and still in one row
BESIDE_MAX = 4  # pictures of the same values in one row; more stand in several

PAPER, INK, FAINT, FIELD = "#ffffff", "#222222", "#666666", "#d9d9d9"

Size = tuple[int, int]
Key = tuple[Value | None, ...]  # the values of a block, a row and a column; None where no axis goes that way


@dataclass(frozen=True)
class SheetCell:
    """One picture of an order: its values by their axes' names, its seed, and its file.

    Where ``file`` is None, ``note`` says why in some words.
    """

    values: Mapping[str, Value]
    seed: int
    file: Path | None
    note: str = ""


def contact_sheet(cells: Sequence[SheetCell], axes: Sequence[Axis]) -> Image.Image:
    """The sheet of up to AXES_MAX axes, RGB, at most SIDE_MAX pixels a side.

    Each picture has its seed below it, unless the seed is an axis; several of the same values stand together. One
    that failed, is missing or cannot be read is a grey field.
    """
    grid, sizes, side = _grid(cells, axes), set(_sizes(cells)), THUMBNAIL_MAX
    while not (layout := _layout(grid, sizes, side)).fits and side > THUMBNAIL_MIN:
        side = side * 3 // 4
    sheet = _drawn(grid, layout)
    sheet.thumbnail((SIDE_MAX, SIDE_MAX))
    return sheet


_UNKNOWN = -1  # the seed of a picture that is missing


@dataclass(frozen=True)
class _Grid:
    """Which cells stand where, and what is said below each."""

    ways: tuple[Axis | None, ...]  # blocks, rows, columns
    places: Mapping[Key, Sequence[SheetCell]]
    below: Axis | None  # whose value is
    has_seeds: bool  # whether the seed is


def _grid(cells: Sequence[SheetCell], axes: Sequence[Axis]) -> _Grid:
    nowhere = (None,) * (AXES_MAX - len(axes))
    found: dict[Key, list[SheetCell]] = {}
    for cell in cells:
        found.setdefault((*nowhere, *(cell.values[axis.name] for axis in axes)), []).append(cell)
    places = {
        (key := (*nowhere, *values.values())): found.get(key) or [SheetCell(values, _UNKNOWN, None, "missing")]
        for values in combinations(axes)
    }
    has_seeds = all(axis.name != "seed" for axis in axes)
    if len(axes) == 1 and len(axes[0].values) > ACROSS_MAX:
        every = [cell for place in places.values() for cell in place]
        return _Grid((None,) * AXES_MAX, {(None,) * AXES_MAX: every}, axes[0], has_seeds)
    return _Grid((*nowhere, *axes), places, None, has_seeds)


@dataclass(frozen=True)
class _Layout:
    """Where everything stands, in pixels."""

    side: int  # the longest of a picture
    picture: Size  # the field that each is centred in
    letters: int
    below: int  # the height of what is said below a picture
    across: int  # pictures of the same values, side by side
    down: int
    title: list[Text]
    blocks: list[Text]
    rows: list[Text]
    columns: list[Text]

    @property
    def gap(self) -> int:
        return self.letters // 2

    @property
    def step(self) -> Size:
        """From one picture to the next of the same values."""
        return self.picture[0] + self.gap, self.picture[1] + self.below + self.gap

    @property
    def place(self) -> Size:
        """What all pictures of the same values take."""
        apart = self.gap if self.across > 1 else 0
        return self.across * self.step[0] + apart, self.down * self.step[1] + apart

    @property
    def left(self) -> int:
        """Where the first column begins, beside the widest heading of a row."""
        edge = max(text.width for text in self.rows)
        return self.gap + (edge + self.gap if edge else 0)

    @property
    def column_head(self) -> int:
        height = max(text.height for text in self.columns)
        return height + self.gap // 2 if height else 0

    @property
    def block_head(self) -> int:
        return 2 * self.gap + max((text.height for text in self.blocks), default=0)

    @property
    def sheet(self) -> Size:
        block = self.block_head + self.column_head + len(self.rows) * self.place[1]
        height = self.gap + sum(text.height for text in self.title) + len(self.blocks) * block
        return self.left + len(self.columns) * self.place[0], height

    @property
    def fits(self) -> bool:
        width, height = self.sheet
        return max(width, height) <= SIDE_MAX and width * height <= PIXELS_MAX


def _layout(grid: _Grid, sizes: set[Size], side: int) -> _Layout:
    """For pictures of these sizes, none drawn longer than ``side``."""
    blocks, rows, columns = grid.ways
    shown = [_shrunk(size, side) for size in sizes] or [(side, side)]
    picture = max(width for width, _ in shown), max(height for _, height in shown)
    letters = min(max(picture[0] // 10, 8), 18)
    most = max(map(len, grid.places.values()))
    across = most if most <= BESIDE_MAX else math.ceil(math.sqrt(most))
    below = max(text.height for text in _headings(grid.below, letters, picture[0], 2))
    below += line_height(letters) if grid.has_seeds else 0
    bare = _Layout(side, picture, letters, below, across, math.ceil(most / across), [], [], [], [])
    edged = replace(
        bare,
        rows=_headings(rows, letters, 12 * letters, max(1, bare.place[1] // line_height(letters))),
        columns=_headings(columns, letters, bare.across * bare.step[0] - bare.gap, 3),
    )
    width = edged.sheet[0] - 2 * edged.gap
    named = (("Across", columns), ("Down", rows), ("Below", grid.below))
    return replace(
        edged,
        title=[fitted(f"{way}: {axis.name}", "", letters, width, 3) for way, axis in named if axis is not None],
        blocks=_headings(blocks, letters, width, 2, with_name=True),
    )


def _headings(axis: Axis | None, letters: int, width: int, lines: int, with_name: bool = False) -> list[Text]:
    """One for each value; an empty one where no axis is."""
    if axis is None:
        return [fitted("", "", letters, width, lines)]
    before = f"{axis.name}: " if with_name else ""
    return [
        fitted(f"{before}{_said(value)}", f"{before}value {number}", letters, width, lines)
        for number, value in enumerate(axis.values, 1)
    ]


def _drawn(grid: _Grid, layout: _Layout) -> Image.Image:
    sheet = Image.new("RGB", layout.sheet, PAPER)
    draw = ImageDraw.Draw(sheet)
    gap, left, (place_width, place_height) = layout.gap, layout.left, layout.place
    block_head, column_head = layout.block_head, layout.column_head
    blocks, rows, columns = ((None,) if axis is None else axis.values for axis in grid.ways)
    y = gap
    for text in layout.title:
        text.draw(draw, (gap, y), FAINT)
        y += text.height
    for block, block_text in zip(blocks, layout.blocks, strict=True):
        block_text.draw(draw, (gap, y + 2 * gap), INK)
        y += block_head
        for number, text in enumerate(layout.columns):
            text.draw(draw, (left + number * place_width, y), INK, layout.across * layout.step[0] - gap)
        y += column_head
        for row, row_text in zip(rows, layout.rows, strict=True):
            row_text.draw(draw, (gap, y + (layout.down * layout.step[1] - gap - row_text.height) // 2), INK)
            for number, column in enumerate(columns):
                for index, cell in enumerate(grid.places[block, row, column]):
                    down, across = divmod(index, layout.across)
                    corner = left + number * place_width + across * layout.step[0], y + down * layout.step[1]
                    _draw_picture(sheet, layout, corner, cell)
                    _draw_below(draw, grid, layout, (corner[0], corner[1] + layout.picture[1]), cell)
            y += place_height
    return sheet


def _draw_picture(sheet: Image.Image, layout: _Layout, corner: Size, cell: SheetCell) -> None:
    """The cell's picture, or a grey field and why."""
    (left, top), (width, height) = corner, layout.picture
    try:
        picture = None if cell.file is None else open_picture(cell.file)
        note = cell.note
    except PictureError:
        picture, note = None, "cannot be read"
    if picture is not None:
        small = picture.resize(_shrunk(picture.size, layout.side), Image.Resampling.LANCZOS)
        sheet.paste(small, (left + (width - small.width) // 2, top + (height - small.height) // 2))
        return
    draw, inner = ImageDraw.Draw(sheet), width - layout.gap
    draw.rectangle((left, top, left + width - 1, top + height - 1), FIELD)
    text = fitted(note, "", layout.letters, inner, max(1, height // line_height(layout.letters)))
    text.draw(draw, (left + layout.gap // 2, top + (height - text.height) // 2), FAINT, inner)


def _draw_below(draw: ImageDraw.ImageDraw, grid: _Grid, layout: _Layout, corner: Size, cell: SheetCell) -> None:
    (left, y), width = corner, layout.picture[0]
    if grid.below is not None:
        value = cell.values[grid.below.name]
        number = grid.below.values.index(value) + 1
        text = fitted(_said(value), f"value {number}", layout.letters, width, 2)
        text.draw(draw, (left, y), INK, width)
        y += text.height
    if grid.has_seeds and cell.seed != _UNKNOWN:
        fitted(f"seed {cell.seed}", "", layout.letters, width, 1).draw(draw, (left, y), FAINT, width)


def _said(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _sizes(cells: Sequence[SheetCell]) -> Iterator[Size]:
    """Of the pictures whose headers can be read."""
    for cell in cells:
        try:
            if cell.file is not None:
                with Image.open(cell.file) as picture:
                    yield picture.size
        except (Image.DecompressionBombError, *DAMAGE):
            continue


def _shrunk(size: Size, side: int) -> Size:
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))

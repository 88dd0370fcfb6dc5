"""Contact sheets: where each picture of an order stands, and what is said at the edges."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageColor

from fibo_core.prompts.axes import Axis, Value, axis, combinations, read_axis
from fibo_core.work import sheet_text
from fibo_core.work.sheet import FIELD, SIDE_MAX, THUMBNAIL_MAX, SheetCell, contact_sheet

SIZE = (96, 64)
SIDES, LIGHT, STEPS = read_axis("guidance=1|2"), read_axis("lighting.conditions=day|night"), read_axis("steps=4,8,16")

Box = tuple[int, int, int, int]  # left, top, right, bottom


class Painted:
    """Cells with one plain colour each, and where it is found on a sheet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.colours: list[tuple[int, int, int]] = []

    def cell(self, values: Mapping[str, Value], seed: int = 7, size: tuple[int, int] = SIZE) -> SheetCell:
        colour = (40 * (len(self.colours) % 6), 255, 20 * (len(self.colours) // 6))
        self.colours.append(colour)
        file = self.folder / f"{len(self.colours)}.png"
        Image.new("RGB", size, colour).save(file)
        return SheetCell(values, seed, file)

    def cells(self, axes: list[Axis]) -> list[SheetCell]:
        return [self.cell(values) for values in combinations(axes)]

    def boxes(self, sheet: Image.Image) -> list[Box]:
        return [box_of(sheet, colour) for colour in self.colours]


@pytest.fixture
def painted(tmp_path: Path) -> Painted:
    return Painted(tmp_path)


def box_of(sheet: Image.Image, colour: tuple[int, int, int]) -> Box:
    """The smallest box around a colour, which is all of that colour."""
    rows, columns = np.nonzero((np.asarray(sheet) == colour).all(axis=2))
    box = int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1
    assert len(rows) == (box[2] - box[0]) * (box[3] - box[1])
    return box


def ink(sheet: Image.Image, box: Box) -> int:
    """How many pixels of a part are not the paper's."""
    left, top, right, bottom = box
    return int((np.asarray(sheet)[top:bottom, left:right] < 250).any(axis=2).sum())


def test_the_last_axis_goes_across_the_one_before_down_and_the_first_in_blocks(painted: Painted) -> None:
    axes = [SIDES, LIGHT, STEPS]
    sheet = contact_sheet(painted.cells(axes), axes)
    boxes = np.array(painted.boxes(sheet)).reshape(2, 2, 3, 4)
    lefts, tops, rights, bottoms = (boxes[..., index] for index in range(4))
    assert (rights - lefts == SIZE[0]).all()
    assert (bottoms - tops == SIZE[1]).all()
    assert (lefts == lefts[0, 0]).all()
    assert (lefts[..., 1:] > rights[..., :-1]).all()
    assert (tops == tops[..., :1]).all()
    assert (tops[:, 1] > bottoms[:, 0]).all()
    assert (tops[1, 0] > bottoms[0, 1]).all()


def test_values_stand_above_columns_beside_rows_and_over_blocks(painted: Painted) -> None:
    axes = [SIDES, LIGHT, STEPS]
    sheet = contact_sheet(painted.cells(axes), axes)
    boxes = np.array(painted.boxes(sheet)).reshape(2, 2, 3, 4)
    for block in boxes:
        for left, top, right, _ in block[0]:
            assert ink(sheet, (left, top - 20, right, top)) > 0
        for left, top, _, bottom in block[:, 0]:
            assert ink(sheet, (0, top, left, bottom)) > 0
    over = boxes[1, 0, 0]
    assert ink(sheet, (0, boxes[0, 1, 0, 3] + 20, over[0], over[1])) > 0


def test_what_is_too_long_stays_in_its_column(painted: Painted) -> None:
    """It is cut with "…" and never runs into its neighbour's, nor into the pictures."""
    axes = [axis("context", ["a poster", "a very long value " * 20, "w" * 300])]
    sheet = contact_sheet(painted.cells(axes), axes)
    boxes = painted.boxes(sheet)
    assert [ink(sheet, (left, top - 25, right, top)) > 0 for left, top, right, _ in boxes[1:]] == [True, True]
    for (_, top, right, _), (left, _, _, _) in pairwise(boxes):
        assert ink(sheet, (right, top - 25, left, top)) == 0
    text = sheet_text.fitted("a very long value " * 20, "", 12, 96, 3)
    assert (len(text.lines), text.lines[-1][-1]) == (3, "…")
    assert text.width <= 97


def test_the_seed_stands_below_a_picture_unless_it_is_an_axis(painted: Painted) -> None:
    for axes, said in (([STEPS], True), ([read_axis("seed=4,8,16")], False)):
        painted.colours.clear()
        sheet = contact_sheet(painted.cells(axes), axes)
        assert [
            ink(sheet, (left, bottom, right, bottom + 15)) > 0 for left, _, right, bottom in painted.boxes(sheet)
        ] == [said] * 3


def test_several_seeds_of_the_same_values_stand_together(painted: Painted) -> None:
    sheet = contact_sheet([painted.cell(values, seed) for values in combinations([STEPS]) for seed in (7, 8)], [STEPS])
    lefts, tops, _, _ = zip(*painted.boxes(sheet), strict=True)
    assert len(set(tops)) == 1
    assert list(lefts) == sorted(lefts)
    assert lefts[1] - lefts[0] < lefts[2] - lefts[1]


def test_an_order_without_axes_is_a_sheet_of_its_seeds(painted: Painted) -> None:
    sheet = contact_sheet([painted.cell({}, seed) for seed in range(9)], [])
    boxes = painted.boxes(sheet)
    assert len({left for left, *_ in boxes}) == len({top for _, top, *_ in boxes}) == 3
    assert boxes == sorted(boxes, key=lambda box: (box[1], box[0]))


def test_a_long_axis_alone_is_folded_with_each_value_below_its_picture(painted: Painted) -> None:
    axes = [read_axis("seed=1..12")]
    cells = painted.cells(axes)
    painted.colours.pop(4)
    sheet = contact_sheet([*cells[:4], *cells[5:]], axes)
    boxes = painted.boxes(sheet)
    assert len({top for _, top, *_ in boxes}) == 3
    assert all(ink(sheet, (left, bottom, right, bottom + 15)) > 0 for left, _, right, bottom in boxes)
    assert all(width <= 4 * height for width, height in [sheet.size, sheet.size[::-1]])


def test_what_was_not_painted_is_a_grey_field_with_its_reason(painted: Painted, tmp_path: Path) -> None:
    """A failed one, one whose file is damaged or gone, and one that nobody told of."""
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(b"no picture")
    values: dict[str, Value] = {"steps": 8}
    first = painted.cell({"steps": 4})
    for others in (
        [SheetCell(values, 7, None, "no memory left")],
        [SheetCell(values, 7, damaged)],
        [SheetCell(values, 7, tmp_path / "gone.png")],
        [],
    ):
        sheet = contact_sheet([first, *others], [read_axis("steps=4,8")])
        _, top, right, bottom = painted.boxes(sheet)[0]
        field = np.asarray(sheet)[top:bottom, right + 10 : right + SIZE[0]]
        assert (field == ImageColor.getrgb(FIELD)).all(axis=2).mean() > 0.5
        assert (field.min(axis=2) < 180).any()  # its reason


def test_large_pictures_become_thumbnails_and_other_shapes_keep_theirs(painted: Painted) -> None:
    cells = [painted.cell({"steps": 4}, size=(1024, 512)), painted.cell({"steps": 8}, size=(512, 1024))]
    wide, tall = painted.boxes(contact_sheet(cells, [read_axis("steps=4,8")]))
    assert (wide[2] - wide[0], wide[3] - wide[1]) == (THUMBNAIL_MAX, THUMBNAIL_MAX // 2)
    assert (tall[2] - tall[0], tall[3] - tall[1]) == (THUMBNAIL_MAX // 2, THUMBNAIL_MAX)
    assert wide[1] + wide[3] == tall[1] + tall[3]


@pytest.mark.parametrize(
    "axes",
    [
        [read_axis("steps=1..100"), read_axis("seed=1..10")],
        [read_axis("seed=1..10"), read_axis("steps=1..100")],
        [read_axis("seed=1..400"), read_axis("steps=1"), read_axis("guidance=3")],
    ],
)
def test_a_sheet_of_very_many_pictures_can_still_be_opened(axes: list[Axis]) -> None:
    sheet = contact_sheet([], axes)
    assert max(sheet.size) <= SIDE_MAX
    assert sheet.width * sheet.height < Image.MAX_IMAGE_PIXELS  # type: ignore[operator]


def test_letters_that_no_font_here_has_are_never_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow's own font has little more than ASCII: accents go, and a value of other letters goes by its number."""
    monkeypatch.setattr(sheet_text, "_fonts_here", lambda: ("",))
    for text, said in (("Café", "Cafe"), ("Straße", "Stra?e"), ("夜の街", "value 2"), ("eye level", "eye level")):
        assert sheet_text.fitted(text, "value 2", 12, 200, 1).lines == (said,)

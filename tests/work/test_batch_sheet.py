"""A batch as one picture: each cell where its values are, and a grey field for what is not there."""

from dataclasses import replace

import pytest

from fibo_core.errors import BatchNotFound
from fibo_core.prompts.axes import axis
from fibo_core.work.batch_sheet import batch_sheet
from fibo_core.work.orders import Order
from fibo_core.work.sheet import FIELD
from tests.work.desks import Pause, Studio

ORDER = Order(kind="generate", words="a red ball", size=(64, 64), steps=1, seed=7, axes=(axis("guidance", "1|3|5"),))


def grey(studio: Studio, batch_id: str) -> int:
    """How many pixels of a batch's sheet have the colour of a field without picture."""
    sheet = batch_sheet(studio.desk.get(batch_id), studio.tools.history)
    wanted = tuple(bytes.fromhex(FIELD.removeprefix("#")))
    return sum(count for count, colour in sheet.getcolors(sheet.width * sheet.height) or () if colour == wanted)


def test_a_sheet_shows_what_is_painted_and_a_field_for_what_is_not_yet_or_not_any_more(studio: Studio) -> None:
    """While it is painted, when it is done, and after one picture was deleted."""
    pause = studio.at = Pause("painting", nth=2)
    batch = studio.desk.place(ORDER)
    assert pause.reached.wait(60)
    half = grey(studio, batch.id)
    pause.go_on.set()
    done = studio.desk.wait(batch.id, 60)
    whole = grey(studio, batch.id)
    studio.tools.history.delete(list(done.generation_ids[:1]))
    assert half > grey(studio, batch.id) > whole + 1000


def test_a_batch_that_paints_nothing_has_no_sheet(studio: Studio) -> None:
    batch = studio.desk.wait(studio.desk.place(replace(ORDER, axes=(), paint=False)).id, 60)
    with pytest.raises(BatchNotFound, match="prompts only"):
        batch_sheet(batch, studio.tools.history)

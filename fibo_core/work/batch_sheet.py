"""The contact sheet of a batch, from the pictures that it has stored."""

from PIL import Image

from fibo_core.errors import BatchNotFound, GenerationDamaged, GenerationNotFound
from fibo_core.store.history import History
from fibo_core.work.batches import Batch, Cell
from fibo_core.work.sheet import SheetCell, contact_sheet


def batch_sheet(batch: Batch, history: History) -> Image.Image:
    """The sheet of a batch as it stands: what is not painted yet, has failed or was deleted since is a grey field.

    Raises BatchNotFound for a batch that paints nothing.
    """
    if not batch.pictures:
        raise BatchNotFound("This batch has written prompts only: there are no pictures for a sheet.")
    cells = [_sheet_cell(cell, cell.seed, history) for cell in batch.cells if cell.seed is not None]
    return contact_sheet(cells, batch.order.axes)


def _sheet_cell(cell: Cell, seed: int, history: History) -> SheetCell:
    if cell.generation_id is None:
        return SheetCell(cell.place, seed, None, "failed" if cell.state == "failed" else "not painted")
    try:
        deleted = history.get(cell.generation_id).deleted_at is not None
        file = None if deleted else history.image_file(cell.generation_id)
    except (GenerationNotFound, GenerationDamaged):
        file = None
    return SheetCell(cell.place, seed, file, "" if file is not None else "deleted")

"""Edits on the real pipeline: what lies outside a mask is the picture's own, bit for bit, in every way and for ever."""

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fibo_core.engine.fibo import FiboEngine
from fibo_core.store.generation import Generation
from fibo_core.store.images import png_bytes
from fibo_core.store.inputs import kept_picture
from fibo_core.work.batches import Batch
from fibo_core.work.orders import Order
from fibo_core.writers import WrittenPrompt
from tests.work.desks import Studio

WORDS = "a red ball on the left and a green box on the right"
BOX = (140, 90, 250, 230)


@pytest.fixture
def edits(studio: Studio, tmp_path: Path, mini_engine: FiboEngine, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """A studio whose engine finds the pictures that are kept in its workspace."""
    monkeypatch.setattr(mini_engine, "_pictures", partial(kept_picture, tmp_path))
    return studio


def done(studio: Studio, order: Order) -> list[Generation]:
    batch = ended(studio, studio.desk.place(order))
    assert [job.error for job in batch.jobs] == [None] * len(batch.jobs)
    return [studio.tools.history.get(id) for id in batch.generation_ids]


def ended(studio: Studio, batch: Batch) -> Batch:
    while not batch.ended:
        time.sleep(0.02)
        batch = studio.desk.get(batch.id)
    return batch


def a_picture(studio: Studio, **given: Any) -> Generation:
    (picture,) = done(studio, Order(**{"kind": "generate", "words": WORDS, "seed": 7, "steps": 4, **given}))
    return picture


def a_mask(studio: Studio, box: tuple[int, int, int, int] = BOX, size: tuple[int, int] = (256, 256)) -> str:
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).rectangle(box, fill=255)
    return studio.tools.inputs.keep(png_bytes(mask))


def pixels(studio: Studio, picture: Generation) -> np.ndarray:
    return np.asarray(Image.open(studio.tools.history.image_file(picture.id)).convert("RGB"))


def purple(picture: Generation) -> WrittenPrompt:
    return WrittenPrompt(picture.prompt.set("objects[1].shape_and_color", "cubic, purple"))


def outside(studio: Studio, picture: Generation) -> np.ndarray:
    """Where the mask of an edited picture is black."""
    edit = picture.request.edit
    assert edit is not None
    assert edit.mask is not None
    black = np.asarray(Image.open(studio.tools.inputs.path(edit.mask)).convert("L")) == 0
    assert 0 < black.sum() < black.size
    return black


@pytest.mark.parametrize(
    ("given", "way"),
    [
        ({}, None),
        ({"way": "paste"}, "paste"),
        ({"way": "hold"}, "hold"),
        ({"seed": 8}, "hold"),
        ({"strength": 0.8, "way": "paste"}, "paste"),
        ({"strength": 0.8, "way": "hold"}, "hold"),
        ({"feather": 0, "way": "paste"}, "paste"),
    ],
)
def test_outside_the_mask_every_pixel_stays(edits: Studio, given: dict[str, Any], way: str | None) -> None:
    """0 of all pixels changed there, and many inside, by the files as they are stored."""
    source = a_picture(edits)
    (edited,) = done(
        edits, Order(kind="edit", source_id=source.id, written=purple(source), mask=a_mask(edits), **given)
    )
    moved = (pixels(edits, edited) != pixels(edits, source)).any(axis=2)
    black = outside(edits, edited)
    assert moved[black].sum() == 0
    assert moved[~black].mean() > 0.3
    assert edited.request.edit is not None
    assert edited.request.edit.way in ((way,) if way else ("paste", "hold"))
    assert (edited.parent_id, edited.mode) == (source.id, "edit")

"""Edits on the real pipeline: what lies outside a mask is the picture's own, bit for bit, in every way and for ever."""

import json
import re
import time
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw, ImageFilter

from fibo_core.cancel import CancelFlag
from fibo_core.engine.canvas import on_white
from fibo_core.engine.fibo import FiboEngine
from fibo_core.engine.masks import read_mask
from fibo_core.errors import FiboError, GenerationNotFound, PictureError
from fibo_core.models.catalogue import CATALOGUE
from fibo_core.prompts.axes import Axis
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.database import Database
from fibo_core.store.exporting import Export
from fibo_core.store.generation import Generation
from fibo_core.store.history import History, HistoryQuery
from fibo_core.store.images import png_bytes
from fibo_core.store.importing import Importer, ImportReport
from fibo_core.store.inputs import kept_picture
from fibo_core.store.verify import sentences
from fibo_core.work.batches import Batch
from fibo_core.work.edit_ways import left_behind
from fibo_core.work.editing import ready
from fibo_core.work.orders import Order, order_from_json, order_to_json, plan
from fibo_core.work.tasks import EditTask, task_from_json, task_to_json
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
    (picture,) = done(studio, Order(**{"kind": "generate", "words": WORDS, "seed": 7, "steps": 3, **given}))
    return picture


def a_mask(studio: Studio, box: tuple[int, int, int, int] = BOX, size: tuple[int, int] = (256, 256)) -> str:
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).rectangle(box, fill=255)
    return studio.tools.inputs.keep(png_bytes(mask))


def pixels(studio: Studio, picture: Generation) -> np.ndarray:
    return np.asarray(Image.open(studio.tools.history.image_file(picture.id)).convert("RGB"))


def a_photo(studio: Studio, folder: Path, picture: Image.Image, **saved: Any) -> Generation:
    """A picture that came from elsewhere, as it is: its sides are any."""
    file, report = folder / "photo.png", ImportReport()
    picture.save(file, **saved)
    Importer(studio.tools.history, studio.database).run([(file, file.name)], report)
    assert report.reasons == []
    return studio.tools.history.get(report.added_ids[0])


def noisy(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


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


def test_a_mask_of_the_edit_itself_covers_what_it_changes(edits: Studio) -> None:
    """The plain picture of the new prompt says where; small parts and the rest are left alone."""
    source = a_picture(edits)
    (edited,) = done(edits, Order(kind="edit", source_id=source.id, written=purple(source), mask_of="edit"))
    moved = (pixels(edits, edited) != pixels(edits, source)).any(axis=2)
    black = outside(edits, edited)
    assert moved[black].sum() == 0
    assert not black[110:140, 190:220].any()  # the box
    assert black[100:150, 10:60].all()  # the ball


def test_a_mask_of_an_objects_place_covers_it_before_and_after(edits: Studio) -> None:
    """By the words for its place and size, where it was and where it comes."""
    source = a_picture(edits)
    moved = WrittenPrompt(source.prompt.set("objects[1].location", "bottom-left corner"))
    (edited,) = done(edits, Order(kind="edit", source_id=source.id, written=moved, mask_of="objects[1]"))
    black = outside(edits, edited)
    assert not black[128, 210]
    assert not black[220, 40]
    assert black[20, 128]


def test_a_strength_begins_later_and_keeps_more(edits: Studio) -> None:
    """Fewer steps are painted and counted, and the less noise, the nearer to the picture."""
    source, told = a_picture(edits, steps=8), []
    edits.at = lambda moment, task, cancel: told.append(moment)
    apart = []
    for strength in (0.95, 0.6):
        (edited,) = done(edits, Order(kind="edit", source_id=source.id, written=purple(source), strength=strength))
        edit = edited.request.edit
        assert edit is not None
        assert (edit.way, edit.start_sigma, edit.mask) == ("vary", strength, None)
        assert 0 < edit.skip < 8
        apart.append((edit.skip, np.abs(pixels(edits, edited).astype(int) - pixels(edits, source)).mean()))
    (few, far), (many, near) = apart
    assert few < many
    assert near < far


def test_six_colors_of_one_box_leave_everything_else_alone(edits: Studio) -> None:
    """An axis over a masked edit: a grid whose cells differ in the mask alone."""
    source = a_picture(edits)
    colors = ("red", "orange", "yellow", "blue", "purple", "white")
    axis = Axis("objects[1].shape_and_color", tuple(f"cubic, {color}" for color in colors))
    batch = ended(edits, edits.desk.place(Order(kind="edit", source_id=source.id, mask=a_mask(edits), axes=(axis,))))
    assert [cell.place[axis.name] for cell in batch.cells] == list(axis.values)
    painted = [edits.tools.history.get(id) for id in batch.generation_ids]
    black = outside(edits, painted[0])
    before = pixels(edits, source)
    inside = set()
    for picture in painted:
        after = pixels(edits, picture)
        assert (after[black] == before[black]).all()
        inside.add(after[~black].tobytes())
    assert len(inside) == 6
    longer = ended(edits, edits.desk.extend(batch.id, axis.name, ["cubic, pink"]))
    (more,) = set(longer.generation_ids) - set(batch.generation_ids)
    assert (pixels(edits, edits.tools.history.get(more))[black] == before[black]).all()


@pytest.mark.parametrize("given", [{}, {"way": "hold"}, {"mask": None, "strength": 0.7}, {"mask_of": "edit"}])
def test_made_again_it_is_the_same_picture(edits: Studio, given: dict[str, Any]) -> None:
    """The recipe is all that is needed: the stored pixels come out once more."""
    source = a_picture(edits)
    given = {"mask": None if given.get("mask_of") else a_mask(edits), **given}
    (edited,) = done(edits, Order(kind="edit", source_id=source.id, written=purple(source), **given))
    batch = ended(edits, edits.desk.again(edited.id, keep=True))
    assert batch.again is not None
    assert batch.again.same is True
    kept = edits.tools.history.get(batch.generation_ids[0])
    assert kept.recipe_hash == edited.recipe_hash
    assert kept.request.edit == edited.request.edit


def test_words_are_an_instruction_to_the_writer(edits: Studio) -> None:
    """The changed prompt is the writer's, and the words stand with the picture."""
    source = a_picture(edits)
    (edited,) = done(
        edits,
        Order(kind="edit", source_id=source.id, words="make the box purple", mask_of="objects[1]", writer="offline"),
    )
    assert edited.prompt.get("objects[1].shape_and_color") == "cubic, purple"
    assert (edited.words, edited.writer) == ("make the box purple", "offline")
    assert edits.tools.history.count(HistoryQuery(text="mode:edit")) == 1


def test_what_a_mask_cannot_keep_to_its_place_is_said(edits: Studio) -> None:
    """A warning, and the picture is painted."""
    source = a_picture(edits)
    light = WrittenPrompt(source.prompt.set("lighting.conditions", "night"))
    batch = ended(edits, edits.desk.place(Order(kind="edit", source_id=source.id, written=light, mask=a_mask(edits))))
    assert batch.jobs[0].written is not None
    assert "lighting is said of the whole picture" in " ".join(batch.jobs[0].written.notes)
    assert len(batch.generation_ids) == 1


def test_a_chain_of_five_is_a_line_of_pictures_and_moves_house(edits: Studio, tmp_path: Path) -> None:
    """Each is the next one's source. Exported and brought in elsewhere, or rebuilt from the files, every recipe, source
    and mask is there, and the last picture is painted again."""
    first = a_picture(edits, steps=2)
    chain = [first]
    for color in ("purple", "yellow", "blue", "red", "white"):
        prompt = WrittenPrompt(chain[-1].prompt.set("objects[1].shape_and_color", f"cubic, {color}"))
        order = Order(kind="edit", source_id=chain[-1].id, written=prompt, mask=a_mask(edits), way="paste", steps=2)
        chain += done(edits, order)
    tree = edits.tools.history.lineage(chain[-1].id)
    assert {node.id for node in tree.nodes} == {each.id for each in chain}
    needed = {name for each in chain[1:] for name in each.request.edit.pictures}
    assert len(needed) == 6  # five sources and one mask
    recipes = [each.to_record() for each in chain]

    zipped = tmp_path / "all.zip"
    zipped.write_bytes(b"".join(Export(edits.tools.history).parts()))
    other = tmp_path / "other"
    other.mkdir()
    database = Database(other / "studio.db")
    database.migrate()
    there = History(other, database)
    report = ImportReport()
    Importer(there, database).run([(zipped, zipped.name)], report, CancelFlag(), lambda told: None)
    assert (report.added, report.reasons) == (6, [])
    assert [there.get(each.id).to_record() for each in chain] == recipes
    for name in needed:
        kept_picture(other, name)
    database.close()

    edits.execute("DELETE FROM generation")
    assert edits.tools.history.rebuild().added == 6
    assert [edits.tools.history.get(each.id).to_record() for each in chain] == recipes
    assert edits.tools.inputs.sweep(edits.desk.inputs(), older_than_s=-1) == 0
    found = edits.tools.history.verify()
    assert (found.pictures, found.files_amiss, found.missing, found.without_row) == (6, (), (), ())
    assert found.without_inputs == ()
    batch = ended(edits, edits.desk.again(chain[-1].id))
    assert batch.again is not None
    assert batch.again.same is True


BALL = WrittenPrompt(
    StructuredPrompt.from_dict({"short_description": "a red ball", "objects": [{"description": "a ball"}]})
)


@pytest.mark.parametrize("given", [{"way": "paste"}, {"way": "hold"}, {"strength": 0.6}])
def test_a_picture_of_any_size_is_edited_at_its_own(edits: Studio, tmp_path: Path, given: dict[str, Any]) -> None:
    """A photo whose sides are no multiples of 16: the result is as large as it, and outside the mask, up to the edges,
    it is the photo. It is the next one's source, and both are painted again."""
    photo = a_photo(edits, tmp_path, noisy(250, 181))
    masked = "strength" not in given
    mask = a_mask(edits, (150, 100, 249, 180), (250, 181)) if masked else None
    chain = [photo]
    for steps in (2, 3):
        order = Order(kind="edit", source_id=chain[-1].id, written=BALL, mask=mask, seed=3, steps=steps, **given)
        chain += done(edits, order)
        assert pixels(edits, chain[-1]).shape == (181, 250, 3)
        moved = (pixels(edits, chain[-1]) != pixels(edits, chain[-2])).any(axis=2)
        assert moved.any()
        if masked:
            assert not moved[outside(edits, chain[-1])].any()
        batch = ended(edits, edits.desk.again(chain[-1].id))
        assert batch.again is not None
        assert batch.again.same is True
    assert chain[-1].request.canvas == (256, 192)
    (refined,) = done(
        edits,
        Order(kind="refine", source_id=chain[-1].id, words="blue", source=BALL.prompt).painted_like(
            chain[-1].request, CATALOGUE["mini"]
        ),
    )
    assert pixels(edits, refined).shape == (181, 250, 3)

    recipes = [each.to_record() for each in chain]
    edits.execute("DELETE FROM generation")
    edits.tools.history.rebuild()
    assert [edits.tools.history.get(each.id).to_record() for each in chain] == recipes
    found = edits.tools.history.verify()
    assert (found.pictures, *found.files_amiss, *found.missing, *found.without_row, *found.without_inputs) == (4,)


def test_a_mask_of_the_edit_is_of_the_pictures_own_size(edits: Studio, tmp_path: Path) -> None:
    """And of a picture that was not painted here it would be all of it, which is said."""
    source = a_picture(edits, size=(250, 181))
    (edited,) = done(edits, Order(kind="edit", source_id=source.id, written=purple(source), mask_of="edit"))
    moved = (pixels(edits, edited) != pixels(edits, source)).any(axis=2)
    assert moved.any()
    assert not moved[outside(edits, edited)].any()
    photo = a_photo(edits, tmp_path, noisy(96, 70))
    batch = ended(
        edits, edits.desk.place(Order(kind="edit", source_id=photo.id, written=BALL, mask_of="edit", steps=1))
    )
    assert "nothing would stay" in (batch.jobs[0].error or "")


def test_what_an_edit_has_not_of_its_picture_is_said(edits: Studio, tmp_path: Path) -> None:
    """Transparency, a colour profile, 16 bits: a note, beside what the picture is then painted on."""
    half = noisy(128, 96).convert("RGBA")
    half.putalpha(Image.linear_gradient("L").resize(half.size))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = a_photo(edits, tmp_path, half, icc_profile=profile)
    order = Order(kind="edit", source_id=photo.id, written=BALL, mask=a_mask(edits, (0, 0, 40, 95), (128, 96)), steps=1)
    batch = ended(edits, edits.desk.place(order))
    assert batch.jobs[0].written is not None
    assert batch.jobs[0].written.notes == (
        "Transparent parts become white in an edit. The picture's colour profile is not in an edit of it.",
    )
    edited = edits.tools.history.get(batch.generation_ids[0])
    black = outside(edits, edited)
    assert (pixels(edits, edited)[black] == np.asarray(on_white(half))[black]).all()
    deep = Image.fromarray(np.random.default_rng(0).integers(0, 2**16, (64, 64), dtype=np.uint16))
    assert "16 bits" in left_behind(edits.tools.history.image_file(a_photo(edits, tmp_path, deep).id))
    assert left_behind(edits.tools.history.image_file(edited.id)) == ""


@pytest.mark.parametrize("size", [(40, 181), (2049, 181)])
def test_a_picture_too_small_or_too_large_is_refused_with_what_to_do(
    edits: Studio, tmp_path: Path, size: tuple[int, int]
) -> None:
    photo = a_photo(edits, tmp_path, noisy(*size))
    with pytest.raises(FiboError, match=r"pixels, and can be edited where each side has 64 to 2048\. Crop or scale it"):
        edits.desk.place(Order(kind="edit", source_id=photo.id, written=BALL, strength=0.5))


def test_verifying_names_the_edit_whose_mask_is_gone(edits: Studio) -> None:
    """Its picture is whole, and could not be painted again."""
    source = a_picture(edits, steps=1)
    mask = a_mask(edits)
    (edited,) = done(edits, Order(kind="edit", source_id=source.id, written=purple(source), mask=mask, way="paste"))
    edits.tools.inputs.path(mask).unlink()
    report = edits.tools.history.verify()
    (gone,) = report.without_inputs
    assert (gone.path, gone.id, report.files_amiss) == (f"inputs/{mask}.png", edited.id, ())
    assert list(sentences(report)) == [
        f"inputs/{mask}.png: it is gone, and the edit {edited.id} cannot be painted again without it"
    ]


def test_inputs_stay_as_long_as_a_picture_or_an_order_needs_them(edits: Studio) -> None:
    """The sweep takes masks that nothing names, and no others."""
    source = a_picture(edits, steps=1)
    mask, loose = a_mask(edits), a_mask(edits, (0, 0, 50, 50))
    (edited,) = done(edits, Order(kind="edit", source_id=source.id, written=purple(source), mask=mask, steps=1))
    edits.execute("DELETE FROM batch")
    assert {mask, *edited.request.edit.pictures} <= edits.desk.inputs()
    assert edits.tools.inputs.sweep(edits.desk.inputs(), older_than_s=-1) == 1
    assert not (edits.tools.inputs.path(mask).parent / f"{loose}.png").exists()


def test_orders_and_tasks_of_edits_survive_as_json(edits: Studio) -> None:
    """Also those of a version that knew no edits."""
    order = Order(
        kind="edit",
        source_id="a",
        words="x",
        mask="b" * 64,
        references=("c" * 64,),
        strength=0.5,
        way="hold",
        feather=2,
    )
    assert order_from_json(order_to_json(order)) == order
    old = json.loads(order_to_json(Order(kind="generate", words="x")))
    for name in ("mask", "mask_of", "references", "strength", "way", "feather", "source_seed"):
        del old[name]
    assert order_from_json(json.dumps(old)) == Order(kind="generate", words="x")
    source = a_picture(edits, steps=1)
    ready_order = ready(replace(order, source_id=source.id, references=(), mask=a_mask(edits)), edits.tools)
    task = plan(ready_order, default_model="mini").jobs[0].task
    assert isinstance(task, EditTask)
    assert task_from_json(task_to_json(task)) == task


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "Nothing would change"),
        ({"words": "make the box purple"}, "Neither a mask nor a strength"),
        ({"words": "x", "way": "vary"}, "Neither a mask nor a strength"),
        ({"words": "x", "way": "vary", "strength": 1.0}, "Neither a mask nor a strength"),
        ({"mask": "drawn", "written": "as it is"}, "Nothing would change"),
        ({"words": "x", "mask": "a" * 64}, "is not there any more"),
        ({"words": "x", "mask": "ball.png"}, "The mask is 'ball.png', which is no picture's SHA-256"),
        ({"words": "x", "mask_of": "objects[7]"}, "objects holds 2"),
        ({"words": "x", "mask_of": "lighting"}, "is no object"),
        ({"words": "x", "strength": 0.0}, "The strength is 0"),
        ({"words": "x", "strength": 0.5, "size": (512, 512)}, "leave the size out"),
        ({"words": "x", "strength": 0.5, "way": "own"}, "no edit of its own"),
        ({"words": "x", "way": "hold"}, "there is no mask"),
        ({"words": "x", "strength": 0.5, "references": ("a" * 64,)}, "looks at no references"),
        ({"words": "make the box yellow", "strength": 0.5, "written": "hand"}, "the JSON does something else"),
    ],
)
def test_what_cannot_be_edited_is_said_before_anything_is_queued(
    edits: Studio, given: dict[str, Any], sentence: str
) -> None:
    """One sentence, and nothing written down."""
    source = a_picture(edits, steps=1)
    if given.get("written") == "as it is":
        given = {"mask": a_mask(edits), "written": replace(purple(source), prompt=source.prompt)}
        settled = Order(kind="edit", source_id=source.id, **given)
        assert ready(replace(settled, steps=2), edits.tools).steps == 2, "other settings are another picture"
        assert ready(replace(settled, seed=8), edits.tools).seed == 8
    elif given.get("written"):
        given = {**given, "written": purple(source)}
    before = edits.rows()
    with pytest.raises(FiboError, match=re.escape(sentence)):
        edits.desk.place(Order(kind="edit", source_id=source.id, **given))
    assert edits.rows() == before


def test_bad_masks_are_refused_each_in_a_sentence(edits: Studio) -> None:
    """Of another size, all black, all white, grey; a soft edge is none of these."""
    source = a_picture(edits, steps=1)
    size = (256, 256)
    bad = {
        "128×128 pixels": Image.new("L", (128, 128), 255),
        "black everywhere": Image.new("L", size),
        "white everywhere": Image.new("L", size, 255),
        "grey in": Image.linear_gradient("L"),
        "black everywhere,": Image.new("RGBA", size, (255, 255, 255, 0)),
    }
    for words, mask in bad.items():
        file = BytesIO()
        mask.save(file, "PNG")
        name = edits.tools.inputs.keep(file.getvalue())
        with pytest.raises(PictureError, match=words):
            edits.desk.place(Order(kind="edit", source_id=source.id, words="x", mask=name))
    soft = Image.new("L", size)
    ImageDraw.Draw(soft).ellipse((40, 40, 200, 200), fill=255)
    read = read_mask(soft.filter(ImageFilter.GaussianBlur(3)), size)
    assert set(np.unique(np.asarray(read))) == {0, 255}


def test_a_picture_that_was_deleted_is_not_edited(edits: Studio) -> None:
    """And nothing is queued."""
    source = a_picture(edits, steps=1)
    edits.tools.history.delete([source.id])
    with pytest.raises(GenerationNotFound):
        edits.desk.place(Order(kind="edit", source_id=source.id, words="x", strength=0.5))

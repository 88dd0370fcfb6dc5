"""Edits by instruction through the desk, on tiny models of both families: what is told, kept and refused."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fibo_core.engine.fibo import FiboEngine
from fibo_core.errors import FiboError, InputError
from fibo_core.models.catalogue import CATALOGUE
from fibo_core.models.families import FIBO2, FIBO_EDIT
from fibo_core.prompts.axes import read_axis
from fibo_core.store.generation import Generation
from fibo_core.store.images import png_bytes
from fibo_core.store.inputs import kept_picture
from fibo_core.work.orders import Order
from fibo_core.writers import WrittenPrompt
from tests.tiny import make_tiny_fibo2, make_tiny_fibo_edit
from tests.work.desks import Studio
from tests.work.test_edits import a_picture, done, outside, pixels

INSTRUCTION = "make the green box purple"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FiboEngine]:
    """mini, which cannot; FIBO 2, which can both; FIBO Edit, which only edits, and its first, without references."""
    mini = replace(CATALOGUE["mini"], num_inference_steps=2)
    tiny = partial(replace, mini, fixed_negative=None)
    fibo2, edit = (make(tmp_path_factory.mktemp(make.__name__)) for make in (make_tiny_fibo2, make_tiny_fibo_edit))
    specs = {
        "mini": mini,
        "tiny2": tiny(name="tiny2", title="tiny2", family=FIBO2, folder=fibo2),
        "tiny-edit": tiny(name="tiny-edit", title="tiny-edit", family=FIBO_EDIT, folder=edit),
        "first": tiny(
            name="first", title="first", family=FIBO_EDIT, folder=edit, lacks=frozenset({"references"})
        ),
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fibo_core.models.catalogue.CATALOGUE", specs)
        yield FiboEngine("mini", hub_cache=tmp_path_factory.mktemp("hub"))


@pytest.fixture
def edits(tmp_path: Path, engine: FiboEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    monkeypatch.setattr(engine, "_pictures", partial(kept_picture, tmp_path))
    studio = Studio(tmp_path, engine)
    studio.queue.start()
    yield studio
    studio.queue.stop()
    studio.database.close()


def a_source(studio: Studio) -> Generation:
    return a_picture(studio, size=(96, 64), steps=2, model="mini")


def a_mask(studio: Studio) -> str:
    mask = Image.new("L", (96, 64))
    ImageDraw.Draw(mask).rectangle((40, 10, 80, 50), fill=255)
    return studio.tools.inputs.keep(png_bytes(mask))


def a_reference(studio: Studio, color: str) -> str:
    return studio.tools.inputs.keep(png_bytes(Image.new("RGB", (64, 64), color)))


def edit(source: Generation, model: str, **given: Any) -> Order:
    return Order(**{"kind": "edit", "source_id": source.id, "model": model, "words": INSTRUCTION, **given})


def told(picture: Generation) -> str:
    assert picture.request.edit is not None
    assert picture.request.edit.way == "own"
    return picture.request.edit.instruction


@pytest.mark.parametrize("model", ["tiny2", "tiny-edit"])
def test_an_instruction_is_carried_out_behind_a_mask_and_stored_with_a_true_prompt(edits: Studio, model: str) -> None:
    """The writer changes the prompt, the model is told the words, outside the mask no pixel changes; and the stored
    recipe paints it again."""
    source = a_source(edits)
    (edited,) = done(edits, edit(source, model, mask=a_mask(edits)))
    assert told(edited) == f"{INSTRUCTION} in the masked area."
    assert "purple" in str(edited.prompt.get("objects[1]"))
    assert (edited.mode, edited.parent_id, edited.words) == ("edit", source.id, INSTRUCTION)
    black = outside(edits, edited)
    moved = (pixels(edits, edited) != pixels(edits, source)).any(axis=2)
    assert moved[black].sum() == 0
    assert moved[~black].mean() > 0.5
    assert "in the masked area" in edited.request.caption
    again = edits.tools.engine.render(edited.request).image
    assert (np.asarray(again) == pixels(edits, edited)).all()


def test_a_changed_json_alone_is_told_as_sentences(edits: Studio) -> None:
    """A model that only edits has no other way; one that also paints goes by the JSON, as any model does."""
    source = a_source(edits)
    written = WrittenPrompt(source.prompt.set("objects[1].description", "a purple box"))
    (edited,) = done(edits, edit(source, "tiny-edit", words="", written=written))
    assert told(edited) == "Change the green box to a purple box."
    (painted,) = done(edits, edit(source, "tiny2", words="", written=written, mask=a_mask(edits)))
    assert painted.request.edit is not None
    assert painted.request.edit.way in ("paste", "hold")
    (alone,) = done(edits, edit(source, "tiny2", words="", written=written))
    assert told(alone) == "Change the green box to a purple box.", (
        "nothing keeps the rest, so it is the model's own edit"
    )


def test_each_cell_of_an_axis_is_told_its_own_change(edits: Studio) -> None:
    source = a_source(edits)
    axis = read_axis("objects[1].description=a purple box|a yellow box")
    pictures = done(edits, edit(source, "tiny-edit", words="", axes=(axis,)))
    assert [told(picture) for picture in pictures] == [
        "Change the green box to a purple box.", "Change the green box to a yellow box.",
    ]  # fmt: skip


def test_references_are_looked_at_by_the_names_that_the_instruction_calls_them(edits: Studio) -> None:
    source = a_source(edits)
    words = "make the green box purple as <image_2> is"
    red, blue = (a_reference(edits, color) for color in ("red", "blue"))
    first, other = (done(edits, edit(source, "tiny-edit", words=words, references=(name,)))[0] for name in (red, blue))
    assert told(first) == words
    assert "as the second image is" in first.request.caption
    assert first.request.edit is not None
    assert first.request.edit.references == (red,)
    assert (pixels(edits, first) != pixels(edits, other)).any()


def test_the_mask_may_be_what_the_instruction_itself_changes(edits: Studio) -> None:
    """The model's own edit is looked at first, and painted behind what it changed."""
    source = a_source(edits)
    (edited,) = done(edits, edit(source, "tiny-edit", mask_of="edit"))
    assert told(edited) == f"{INSTRUCTION} in the masked area."
    changed = (pixels(edits, edited) != pixels(edits, source)).any(axis=2)
    assert changed[outside(edits, edited)].sum() == 0
    assert changed.any()


@pytest.mark.parametrize(
    ("model", "given", "said"),
    [
        ("tiny2", {"references": 5}, "5 references are given, and at most 4 are looked at"),
        ("tiny2", {"references": 1, "words": "the hat of <image_3>"}, "names <image_3>, and 2 pictures are given"),
        ("tiny2", {"references": "narrow"}, "Reference 1 is 1×300 pixels, too narrow to be looked at"),
        ("tiny2", {"references": "mask"}, "Reference 1 is black and white, as a mask is"),
        ("first", {"references": 1}, "first looks at no references"),
        ("mini", {"references": 1}, "mini looks at no references"),
        ("mini", {"way": "own"}, "mini has no edit of its own"),
        ("tiny-edit", {"way": "vary", "strength": 0.5}, "edits by an instruction alone, and the way is vary"),
        ("tiny-edit", {"words": ""}, "goes by an instruction, and there is none"),
        ("tiny2", {"words": ""}, "goes by an instruction, and there is none"),
        ("tiny2", {"written": "a yellow box"}, "the JSON does something else, without purple"),
        ("tiny2", {"written": "a green box"}, "the JSON is the one of the picture"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence_before_anything_is_written_down(
    edits: Studio, model: str, given: dict[str, Any], said: str
) -> None:
    source = a_source(edits)
    rows = edits.rows()
    if given.get("references") == "mask":
        given = {**given, "references": (a_mask(edits),)}
    elif given.get("references") == "narrow":
        narrow = edits.tools.inputs.keep(png_bytes(Image.new("RGB", (1, 300), "red")))
        given = {**given, "references": (narrow,)}
    elif "references" in given:
        names = [a_reference(edits, color) for color in ("red", "blue", "green", "white", "gray")]
        given = {**given, "references": tuple(names[: given["references"]])}
    if "written" in given:
        assert source.prompt.get("objects[1].description") == "a green box"
        written = WrittenPrompt(source.prompt.set("objects[1].description", given["written"]))
        given = {**given, "written": written}
    with pytest.raises(InputError, match=said):
        edits.desk.place(edit(source, model, **given))
    assert edits.rows() == rows


def test_after_an_edit_a_picture_of_words_is_painted_by_the_model_that_painted_before(edits: Studio) -> None:
    """The model in use is one that only edits; nobody has to name another."""
    source = a_source(edits)
    done(edits, edit(source, "tiny-edit"))
    assert edits.tools.engine.status().model == "tiny-edit"
    assert a_picture(edits, size=(96, 64), steps=2).request.model == "mini"


def test_an_only_editing_model_is_refused_for_words_at_the_desk(edits: Studio) -> None:
    with pytest.raises(FiboError, match="tiny-edit only edits pictures that are there"):
        edits.desk.place(Order(kind="generate", words="a red ball", model="tiny-edit"))
    assert edits.rows() == [0, 0, 0]

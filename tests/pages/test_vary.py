"""Vary on a page: from what is to be painted to a grid of it, with what it takes said before, and longer afterwards."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fibo_core.errors import WriterUnavailable
from fibo_core.prompts.axes import axis
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.generation import Generation
from fibo_core.work.desk import Batch, Estimate
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime
from fibo_core.writers import WrittenPrompt
from fibo_core.writers.offline import OfflineWriter
from studio.ui.components.vary import comes_to
from studio.ui.state import VaryState, Way
from tests.pages.conftest import page, press, says
from tests.pages.test_edit_page import keep_mask, mark

MINE = '{"short_description": "a fox of mine"}'
LIGHT, MEDIUM = "lighting.conditions", "style_medium"


@pytest.fixture
def worded(app: AppTest) -> AppTest:
    """Generate, with words and few steps."""
    app.text_area(key="generate_words").set_value("a red ball").run()
    app.session_state["generate_steps"] = 2
    return app.run()


def vary(app: AppTest) -> AppTest:
    return press(app, "Vary")


def field(app: AppTest, end: str) -> Any:
    """The field of the dialog whose key ends so."""
    widgets = [*app.selectbox, *app.text_input, *app.button_group, *app.toggle, *app.checkbox]
    (found,) = [each for each in widgets if "_vary_" in (each.key or "") and each.key.endswith(end)]
    return found


def paint_button(app: AppTest) -> Any:
    (found,) = [each for each in app.button if (each.key or "").endswith("_paint") and "_vary_" in each.key]
    return found


def batch_of(app: AppTest, runtime: Runtime) -> Batch:
    return runtime.desk.wait(app.session_state["page_generate"].batch_id, 120)


def test_two_lights_and_two_media_become_a_grid_with_one_seed(worded: AppTest, runtime: Runtime) -> None:
    """The first axis goes across; the seed is the one in the form, though it is not locked."""
    seed = 4711
    worded.session_state["generate_seed"] = str(seed)
    vary(worded)
    field(worded, f"_1_{LIGHT}_ticked").set_value(["soft daylight", "night, moonlight"]).run()
    assert paint_button(worded).label == "Paint 2 pictures"
    field(worded, "_second").set_value(True).run()
    assert paint_button(worded).disabled
    field(worded, f"_2_{MEDIUM}_ticked").set_value(["oil painting"]).run()
    names = [each.label for each in worded.text_input if "_vary_" in (each.key or "")]
    assert len(set(names)) == len(names), "a screen reader tells the two axes apart"
    field(worded, f"_2_{MEDIUM}_own").set_value("mosaic|fresco").run()
    assert paint_button(worded).label == "Paint 6 pictures"
    assert f"2 × 3: 6 pictures, all with seed `{seed}`." in says(worded)
    paint_button(worded).click().run()
    batch = batch_of(worded, runtime)
    assert (batch.state, {cell.seed for cell in batch.cells}) == ("done", {seed})
    assert [(each.name, each.values) for each in batch.order.axes] == [
        (MEDIUM, ("oil painting", "mosaic", "fresco")), (LIGHT, ("soft daylight", "night, moonlight")),
    ]  # fmt: skip
    assert not [each for each in worded.button if "_vary_" in (each.key or "")]


def test_the_draft_is_what_varies_and_stays_as_it_is(worded: AppTest, runtime: Runtime) -> None:
    """What stands there now is the first value, ticked; the editor keeps the prompt without the grid's values."""
    press(worded, "Prompt only")
    runtime.desk.wait(worded.session_state["page_generate"].batch_id, 60)
    worded.run()
    text = worded.session_state["page_generate"].draft.text
    vary(worded)
    ticked = field(worded, f"_1_{LIGHT}_ticked")
    assert ticked.value == ["bright daylight"]
    ticked.set_value(["bright daylight", "night, moonlight"]).run()
    paint_button(worded).click().run()
    batch = batch_of(worded, runtime)
    worded.run()
    assert (batch.pictures, worded.session_state["page_generate"].draft.text) == (2, text)


def test_seeds_and_steps_are_written_as_ranges_and_words_are_told_from_them(worded: AppTest) -> None:
    vary(worded)
    field(worded, "_name_1").set_value("steps").run()
    field(worded, "_1_steps").set_value("1..3").run()
    assert paint_button(worded).label == "Paint 3 pictures"
    field(worded, "_name_1").set_value("seed").run()
    assert paint_button(worded).label == "Paint 4 pictures"
    assert "all with seed" not in says(worded)
    field(worded, "_name_1").set_value(MEDIUM).run()
    field(worded, f"_1_{MEDIUM}_own").set_value("1..10").run()
    assert paint_button(worded).label == "Paint 1 picture"
    assert "A range such as 1..8 is for numbers only" in says(worded)


def test_what_cannot_be_painted_is_one_sentence_and_the_button_waits(worded: AppTest) -> None:
    vary(worded)
    field(worded, "_name_1").set_value("steps").run()
    field(worded, "_1_steps").set_value("1..900").run()
    (error,) = worded.error
    assert "A value of steps is 201. Choose 1 to 200." in error.value.replace("\\", "")
    assert paint_button(worded).disabled


def test_many_pictures_are_painted_once_they_are_confirmed(worded: AppTest, runtime: Runtime) -> None:
    vary(worded)
    field(worded, "_name_1").set_value("seed").run()
    field(worded, "_1_seed").set_value("1..70").run()
    assert "70 pictures, and more than 64 must be confirmed" in worded.error[0].value.replace("\\", "")
    field(worded, "_confirmed").set_value(True).run()
    assert not worded.error
    assert paint_button(worded).label == "Paint 70 pictures"


def take_grid(app: AppTest, generation_id: str) -> None:
    """Opens the grid of a picture, as a press in History's gallery asks for it."""
    page(app, "history")
    app.session_state["page_history"].way = Way("grid", generation_id)
    app.run()
    page(app, "generate")


def test_a_grid_opened_elsewhere_leaves_the_way_back_to_what_was_typed_on_generate(
    app: AppTest, runtime: Runtime
) -> None:
    """From History, or placed from Refine: the grid is shown as it was placed, and no word is lost."""
    prompt = StructuredPrompt.from_dict({"short_description": "a blue star"})
    order = Order(kind="generate", words="a blue star", written=WrittenPrompt(prompt, "offline"), steps=1, seed=3)
    grid = runtime.desk.wait(runtime.desk.place(replace(order, axes=(axis("steps", "1,2"),))).id, 60)
    app.text_area(key="generate_words").set_value("a fox of mine")
    app.session_state["page_generate"].begin(MINE)
    app.run()
    take_grid(app, grid.generation_ids[0])
    app.query_params["batch"] = grid.id
    app.run()
    state = app.session_state["page_generate"]
    assert (state.batch_id, app.text_area(key="generate_words").value) == (grid.id, "a blue star")
    assert state.draft.text == prompt.to_json()
    press(app, "Back to my draft")
    assert not app.exception
    assert (app.text_area(key="generate_words").value, state.draft.text) == ("a fox of mine", MINE)


def test_without_words_or_a_prompt_there_is_nothing_to_vary(app: AppTest) -> None:
    vary(app)
    assert "Say in a few words what the picture should show" in app.error[0].value.replace("\\", "")


def test_the_writer_offers_values_and_they_are_ticked(worded: AppTest) -> None:
    """As many as the wish says, and what fits its words."""
    vary(worded)
    field(worded, f"_1_{LIGHT}_wish").set_value("three kinds of dim light")  # sent with the press, as a form is
    press(worded, "Ask")
    assert "dim warm candlelight" in field(worded, f"_1_{LIGHT}_ticked").value
    assert paint_button(worded).label == "Paint 3 pictures"
    assert "3 by offline, ticked above." in says(worded)


def test_a_writer_that_cannot_answer_says_so_in_the_dialog(worded: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_: Any, **__: Any) -> tuple[str, ...]:
        raise WriterUnavailable("It is closed today.")

    monkeypatch.setattr(OfflineWriter, "suggest_values", closed)
    vary(worded)
    press(worded, "Ask")
    assert "It is closed today." in says(worded)
    assert not worded.exception


def test_a_place_of_the_form_opens_the_dialog_there(worded: AppTest, runtime: Runtime) -> None:
    """As the menu beside its field does; what is typed in the form counts."""
    press(worded, "Prompt only")
    runtime.desk.wait(worded.session_state["page_generate"].batch_id, 60)
    worded.run()
    worded.session_state["generate_prompt_view"] = "Form"
    worded.session_state["generate_form_section"] = "Objects"
    worded.run()
    revision = worded.session_state["page_generate"].draft.form_revision
    worded.text_input(key=f"generate_form_{revision}_objects[0].location").set_value("far left").run()
    worded.session_state["vary_generate"] = VaryState(open=True, place="objects[0].location", revision=1)
    worded.run()
    assert field(worded, "_name_1").value == "objects[0].location"
    assert field(worded, "_1_objects[0].location_ticked").value == ["far left"]


@pytest.fixture
def grid(worded: AppTest, runtime: Runtime) -> Batch:
    """A grid of two lights on the page."""
    vary(worded)
    field(worded, f"_1_{LIGHT}_ticked").set_value(["soft daylight", "night, moonlight"]).run()
    paint_button(worded).click().run()
    batch = batch_of(worded, runtime)
    worded.run()
    return batch


def test_a_grid_gets_more_values_and_only_they_are_painted(worded: AppTest, runtime: Runtime, grid: Batch) -> None:
    press(worded, "More values")
    ticked = field(worded, f"_1_{LIGHT}_ticked")
    assert "soft daylight" not in ticked.options
    assert "There already: soft daylight, night, moonlight." in says(worded)
    ticked.set_value(["soft studio light"]).run()
    field(worded, f"_1_{LIGHT}_own").set_value("fog").run()
    assert paint_button(worded).label == "Paint 2 pictures"
    paint_button(worded).click().run()
    longer = batch_of(worded, runtime)
    assert (longer.id, longer.pictures, longer.state) == (grid.id, 4, "done")
    assert longer.generation_ids[:2] == grid.generation_ids
    assert not worded.exception


def test_a_grid_that_grows_beyond_a_few_wants_to_be_confirmed(app: AppTest, runtime: Runtime) -> None:
    """By all of its pictures, not by those that come."""
    prompt = StructuredPrompt.from_dict({"short_description": "a ball"})
    order = Order(kind="generate", written=WrittenPrompt(prompt), size=(64, 64), steps=1, axes=(axis("seed", "1..63"),))
    batch = runtime.desk.place(order)
    runtime.desk.cancel(batch.id)
    app.query_params["batch"] = batch.id
    app.run()
    press(app, "More values")
    field(app, "_1_seed").set_value("100..101").run()
    assert "65 pictures, and more than 64 must be confirmed" in app.error[-1].value.replace("\\", "")
    field(app, "_confirmed").set_value(True).run()
    assert not paint_button(app).disabled
    assert paint_button(app).label == "Paint 2 pictures"


def test_a_picture_of_a_grid_leads_back_to_it_from_history(
    worded: AppTest, runtime: Runtime, grid: Batch, paint: Callable[..., Generation]
) -> None:
    """A picture that was painted alone does not."""
    take_grid(worded, paint().id)
    assert worded.session_state["page_generate"].batch_id != grid.id
    take_grid(worded, grid.generation_ids[1])
    assert worded.session_state["page_generate"].batch_id == grid.id
    assert not worded.exception


def test_a_refined_prompt_is_varied_where_it_is_refined_and_each_picture_knows_its_source(
    app: AppTest, runtime: Runtime, paint: Callable[..., Generation]
) -> None:
    """With the settings and the seed of the source, which stays until one of the grid is taken."""
    picture = paint(seed=11)
    page(app, "refine")
    app.query_params["picture"] = picture.id
    app.run()
    app.text_input(key="refine_words").set_value("make the ball green").run()
    vary(app)
    field(app, f"_1_{LIGHT}_ticked").set_value(["soft daylight", "night, moonlight"]).run()
    paint_button(app).click().run()
    state = app.session_state["page_refine"]
    batch = runtime.desk.wait(state.batch_id, 60)
    app.run()
    assert (batch.kind, batch.pictures, {cell.seed for cell in batch.cells}) == ("refine", 2, {11})
    cells = [runtime.tools.history.get(id) for id in batch.generation_ids]
    assert {each.parent_id for each in cells} == {picture.id}
    assert cells[0].request.num_inference_steps == picture.request.num_inference_steps
    assert (state.source_id, state.batch_id) == (picture.id, batch.id)
    assert app.text_input(key="refine_words").value == "make the ball green"
    app.query_params.clear()
    app.query_params["picture"] = cells[1].id  # as a click on it puts it
    app.run()
    assert app.session_state["page_refine"].source_id == cells[1].id
    assert app.text_input(key="refine_words").value == "make the ball green"


@pytest.mark.parametrize(
    ("estimate", "axes", "said"),
    [
        (Estimate(12, 40.2), (), "12 pictures, about 40 s"),
        (Estimate(1, None), (), "1 picture"),
        (Estimate(6, 700.0), (axis(MEDIUM, "a|b"), axis("seed", "1..3")), "3 × 2: 6 pictures, about 12 min"),
    ],
)
def test_what_it_takes_is_said_before_it_starts(estimate: Estimate, axes: Any, said: str) -> None:
    assert comes_to(estimate, axes) == said


def test_an_order_is_varied_by_the_same_core_as_over_http(worded: AppTest, runtime: Runtime, grid: Batch) -> None:
    """What the page placed is the order that any door would place."""
    order = grid.order
    same = runtime.desk.place(
        Order(
            kind="generate", words="a red ball", writer=order.writer, aspect=order.aspect, model=order.model, steps=2,
            guidance=order.guidance, negative_prompt=order.negative_prompt, seed=order.seed,
            axes=(axis(LIGHT, "soft daylight|night, moonlight"),),
        )
    )  # fmt: skip
    again = runtime.desk.wait(same.id, 60)
    hashes = [[runtime.tools.history.get(id).recipe_hash for id in batch.generation_ids] for batch in (grid, again)]
    assert hashes[0] == hashes[1]


def test_on_edit_colours_vary_behind_the_mark_and_what_is_there_is_not_painted_again(
    app: AppTest, runtime: Runtime
) -> None:
    """It opens at what is marked, and offers the usual colours of that shape; the description's own is told."""
    prompt = StructuredPrompt.from_dict(
        {
            "short_description": "a box beside a ball",
            "objects": [
                {"description": "a ball", "location": "left", "shape_and_color": "round, red"},
                {"description": "a blue box", "location": "right", "shape_and_color": "cubic, blue"},
            ],
        }
    )
    order = Order(kind="generate", words="a box", written=WrittenPrompt(prompt, "offline"), steps=2, seed=7)
    (source,) = runtime.desk.wait(runtime.desk.place(order).id, 60).generation_ids
    page(app, "edit")
    app.query_params["picture"] = source
    vary(app.run())
    assert "all of the picture varies" in says(app)
    assert field(app, "_name_1").value == LIGHT
    app.session_state["vary_edit"].open = False
    mark(app.run(), keep_mask(runtime, (128, 64, 255, 191)))
    vary(app)
    assert "Only what is marked is painted. Outside the mark every pixel stays." in says(app)
    place = "objects[1].shape_and_color"
    assert field(app, "_name_1").value == place
    assert "Its description says “blue” in each of them" in says(app)
    ticked = field(app, f"_1_{place}_ticked")
    assert not ticked.value
    ticked.set_value(["cubic, red", "cubic, green"]).run()
    assert paint_button(app).label == "Paint 2 pictures"
    field(app, f"_1_{place}_wish").set_value("six colours")
    press(app, "Ask")
    assert paint_button(app).label == "Paint 6 pictures"  # the two among them
    assert "cubic, blue" not in field(app, f"_1_{place}_ticked").value

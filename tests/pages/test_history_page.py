"""History as Python sees it: the ways from a picture to the other pages. The gallery itself is a component, tested in a
browser and by its routes."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from streamlit.testing.v1 import AppTest

from fibo_core.store.generation import Generation
from fibo_core.store.history import HistoryQuery
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime
from studio.ui.state import HistoryState, Way
from tests.pages.conftest import finish, page, press, says
from tests.studio.processes import add_picture

Paint = Callable[..., Generation]


@pytest.fixture
def paint(runtime: Runtime) -> Paint:
    """Stored pictures that no model had to paint: most of these tests only look at them."""

    def paint(words: str = "a red ball", seed: int = 7) -> Generation:
        return add_picture(runtime.tools.history, words, seed=seed)

    return paint


def take(app: AppTest, kind: str, generation: Generation | None = None) -> HistoryState:
    """Goes the way that a press in the gallery asks for."""
    page(app, "history")
    state: HistoryState = app.session_state["page_history"]
    state.way = Way(kind, generation.id if generation else "")  # type: ignore[arg-type]
    app.run()
    return state


def test_the_first_picture_is_painted_on_generate(app: AppTest) -> None:
    take(app, "paint")
    assert app.title[0].value == "Generate"


def test_use_all_brings_prompt_seed_and_settings_to_generate(app: AppTest, paint: Paint) -> None:
    generation = paint("a red ball", seed=1234)
    take(app, "all", generation)
    assert app.title[0].value == "Generate"
    assert app.text_input(key="generate_seed").value == "1234"
    assert app.number_input(key="generate_steps").value == 3
    assert app.session_state["page_generate"].draft.parsed().prompt == generation.prompt


def test_use_the_seed_brings_the_seed_alone(app: AppTest, paint: Paint) -> None:
    take(app, "seed", paint("a red ball", seed=1234))
    assert app.text_input(key="generate_seed").value == "1234"
    assert app.session_state["page_generate"].draft is None


def test_use_the_json_leaves_the_forms_seed_alone(app: AppTest, paint: Paint) -> None:
    app.text_input(key="generate_seed").set_value("77").run()
    generation = paint("a red ball", seed=1234)
    take(app, "prompt", generation)
    assert app.text_input(key="generate_seed").value == "77"
    assert app.session_state["page_generate"].draft.parsed().prompt == generation.prompt


def test_refine_begins_with_the_picture(app: AppTest, paint: Paint) -> None:
    generation = paint("a red ball")
    take(app, "refine", generation)
    assert app.title[0].value == "Refine"
    assert app.session_state["page_refine"].source_id == generation.id


def test_use_all_of_a_refined_picture_can_be_painted_at_once(app: AppTest, runtime: Runtime, paint: Paint) -> None:
    """Its words were an instruction, which Generate must not take for an idea."""
    parent = paint("a red ball", seed=5)
    order = Order(
        kind="refine", words="make the ball green", source=parent.prompt, source_id=parent.id, steps=2, seed=5
    )
    (child_id,) = runtime.desk.wait(runtime.desk.place(order).id, 60).generation_ids
    child = runtime.tools.history.get(child_id)
    take(app, "all", child)
    page(app, "generate")
    assert app.text_area(key="generate_words").value == ""
    press(app, "Generate")
    assert "This picture exists" in says(app)
    press(app, "Paint again anyway")
    finish(app, runtime)
    newest = runtime.tools.history.page(HistoryQuery()).items[0]
    assert newest.id != child.id
    assert newest.recipe_hash == child.recipe_hash


def test_a_picture_painted_with_others_leads_to_their_grid(app: AppTest, runtime: Runtime) -> None:
    batch = runtime.desk.wait(runtime.desk.place(Order(kind="generate", words="a ball", count=2, steps=2)).id, 60)
    pictures = [runtime.tools.history.get(id) for id in batch.generation_ids]
    assert runtime.desk.batches_of_pictures(batch.generation_ids) == {each.id: batch.id for each in pictures}
    take(app, "grid", pictures[1])
    assert app.title[0].value == "Generate"
    assert app.query_params["batch"] in (batch.id, [batch.id])


def damage(runtime: Runtime, generation: Generation) -> None:
    """Puts a byte that is no UTF-8 into a picture's row."""
    with closing(sqlite3.connect(runtime.database.path)) as connection, connection:
        connection.execute("UPDATE generation SET writer = CAST(x'ff' AS TEXT) WHERE id = ?", (generation.id,))


def test_a_damaged_picture_leaves_every_page_standing(app: AppTest, runtime: Runtime, paint: Paint) -> None:
    """The pages that show the last pictures show the others; a way from it says what mends it."""
    paint("a red ball")
    broken = paint("a blue star")
    damage(runtime, broken)
    for name in ("generate", "refine", "inspire", "system", "history"):
        page(app, name)
        assert not app.exception, name
        assert "in the way" not in says(app), name
    said = take(app, "all", broken).said
    assert "cannot be read from the database" in said
    assert "history rebuild" in said


def test_a_way_that_needs_a_file_which_has_gone_says_so_in_one_sentence(
    app: AppTest, runtime: Runtime, paint: Paint
) -> None:
    """What needs no file goes on working."""
    generation = paint("a red ball", seed=1234)
    runtime.tools.history.image_file(generation.id).unlink()
    assert take(app, "inspire", generation).said == (
        f"The file {runtime.settings.workspace_dir / generation.image_path} of picture {generation.id} is gone. "
        "Is its volume mounted?"
    )
    take(app, "all", generation)
    assert app.text_input(key="generate_seed").value == "1234"


def test_a_picture_that_has_gone_meanwhile_is_one_sentence(app: AppTest, runtime: Runtime, paint: Paint) -> None:
    generation = paint("a red ball")
    runtime.tools.history.delete([generation.id])
    said = take(app, "refine", generation).said
    assert said == f"No picture has the id '{generation.id}'. It may have been deleted."


def test_a_pictures_lora_comes_back_with_its_recipe(app: AppTest, runtime: Runtime, paint: Paint) -> None:
    generation = paint("a red ball")
    with closing(sqlite3.connect(runtime.database.path)) as connection, connection:
        adapters = '["sepia@0123456789abcdef*0.5"]'
        connection.execute("UPDATE generation SET adapters = ? WHERE id = ?", (adapters, generation.id))
    take(app, "all", generation)
    assert app.text_input(key="generate_loras").value == "sepia:0.5"


def test_a_recipe_that_does_not_say_which_lora_it_was_is_not_painted_again(
    app: AppTest, runtime: Runtime, paint: Paint
) -> None:
    """Another picture must not pass for the same."""
    generation = paint("a red ball")
    with closing(sqlite3.connect(runtime.database.path)) as connection, connection:
        connection.execute("UPDATE generation SET adapters = '[\"soft-light\"]' WHERE id = ?", (generation.id,))
    assert take(app, "all", generation).said == (
        "The recipe has the adapter 'soft-light', which does not say which file it was. Start from its prompt and seed "
        "instead: the picture will differ."
    )
    take(app, "prompt", generation)
    assert app.session_state["page_generate"].draft.parsed().prompt == generation.prompt

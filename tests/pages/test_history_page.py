"""History: found again, opened, used, deleted and brought back."""

import io
import zipfile
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from fibo_core.runtime import Runtime
from fibo_core.store.generation import Generation
from fibo_core.store.history import HistoryQuery
from fibo_core.tasks import Painting, RefineTask
from studio.components.selection import zip_of
from studio.words import plain
from tests.pages.conftest import FAST, finish, page, press, says
from tests.studio.processes import add_picture

Paint = Callable[..., Generation]


@pytest.fixture
def paint(runtime: Runtime) -> Paint:
    """Stored pictures that no model had to paint: most of these tests only look at them."""

    def paint(words: str = "a red ball", seed: int = 7) -> Generation:
        return add_picture(runtime.tools.history, words, seed=seed)

    return paint


def opened(app: AppTest, generation: Generation) -> AppTest:
    """The History page with one picture large, as a link to it shows it."""
    page(app, "history")
    app.query_params["picture"] = generation.id
    return app.run()


def test_an_empty_history_offers_to_paint_the_first_picture(app: AppTest) -> None:
    page(app, "history")
    assert "Nothing here yet" in says(app)
    press(app, "Paint your first picture")
    assert app.title[0].value == "Generate"


def test_a_search_without_a_match_says_what_was_searched_for_and_how_to_clear_it(app: AppTest, paint: Paint) -> None:
    paint("a red ball")
    page(app, "history")
    app.text_input(key="history_text").set_value("zeppelin").run()
    assert "zeppelin" in says(app)
    press(app, "Clear the search")
    assert app.text_input(key="history_text").value == ""
    assert "1 picture" in says(app)


def test_filters_count_what_they_leave(app: AppTest, runtime: Runtime, paint: Paint) -> None:
    first, second = paint("a red ball", seed=1), paint("a blue star", seed=2)
    runtime.tools.history.set_favorite(first.id, True)
    page(app, "history")
    assert "2 pictures" in says(app)
    app.toggle(key="history_favorite").set_value(True).run()
    assert "1 picture" in says(app)
    app.toggle(key="history_favorite").set_value(False)
    app.text_input(key="history_text").set_value("star").run()
    assert "1 picture" in says(app)
    app.text_input(key="history_text").set_value("")
    app.selectbox(key="history_mode").set_value("inspire").run()
    assert "No picture" in says(app)
    assert second.words == "a blue star"


def test_one_picture_shows_its_whole_recipe(app: AppTest, paint: Paint) -> None:
    generation = paint("a red ball", seed=1234)
    opened(app, generation)
    for fact in ("1234", "256×256", "3, 3", "mini", "cpu, float32", generation.recipe_hash[:16], "a red ball"):
        assert fact in says(app), fact


def test_use_all_brings_prompt_seed_and_settings_to_generate(app: AppTest, paint: Paint) -> None:
    generation = paint("a red ball", seed=1234)
    opened(app, generation)
    press(app, "Use all")
    assert app.title[0].value == "Generate"
    assert app.text_input(key="generate_seed").value == "1234"
    assert app.number_input(key="generate_steps").value == 3
    assert app.session_state["page_generate"].draft.parsed().prompt == generation.prompt


def test_use_the_seed_brings_the_seed_alone(app: AppTest, paint: Paint) -> None:
    generation = paint("a red ball", seed=1234)
    opened(app, generation)
    press(app, "Use the seed")
    assert app.text_input(key="generate_seed").value == "1234"
    assert app.session_state["page_generate"].draft is None


def test_use_the_json_leaves_the_forms_seed_alone(app: AppTest, paint: Paint) -> None:
    app.text_input(key="generate_seed").set_value("77").run()
    generation = paint("a red ball", seed=1234)
    opened(app, generation)
    press(app, "Use the JSON")
    assert app.text_input(key="generate_seed").value == "77"
    assert app.session_state["page_generate"].draft.parsed().prompt == generation.prompt


def test_a_deleted_picture_can_be_brought_back(app: AppTest, runtime: Runtime, paint: Paint) -> None:
    generation = paint("a red ball")
    opened(app, generation)
    press(app, "Delete")
    assert "Deleted." in says(app)
    assert "Nothing here yet" in says(app)
    press(app, "Undo")
    assert "1 picture" in says(app)
    assert runtime.tools.history.get(generation.id) == generation


def test_a_picture_that_is_not_here_is_said_to_be_so(app: AppTest) -> None:
    page(app, "history")
    app.query_params["picture"] = "01J0000000000000000000000A"
    app.run()
    assert "no such picture" in says(app)
    assert not app.exception


def test_neighbours_are_a_key_press_away(app: AppTest, paint: Paint) -> None:
    older, newer = paint("a red ball", seed=1), paint("a blue star", seed=2)
    opened(app, newer)
    press(app, "Next")
    assert app.query_params["picture"] in (older.id, [older.id])
    assert "a red ball" in says(app)


def test_several_pictures_download_as_one_zip_of_pictures_and_recipes(runtime: Runtime, paint: Paint) -> None:
    pictures = [paint("a red ball", seed=1), paint("a blue star", seed=2)]
    with zipfile.ZipFile(io.BytesIO(zip_of(runtime.tools.history, [each.id for each in pictures]))) as archive:
        assert archive.testzip() is None
        assert {name.rsplit(".", 1)[0] for name in archive.namelist()} == {each.id for each in pictures}
        assert len(archive.namelist()) == 4


def test_words_are_shown_as_they_were_typed_and_never_as_markup(app: AppTest, paint: Paint) -> None:
    """A prompt must not load a picture from elsewhere, nor make a page bold."""
    words = "![x](http://example.com/y.png) **bold** <b>"
    generation = paint(words)
    opened(app, generation)
    shown = "\n".join(part.value for part in [*app.subheader, *app.markdown, *app.caption])
    assert "![x]" not in shown
    assert plain(words) in shown


def test_use_all_of_a_refined_picture_can_be_painted_at_once(app: AppTest, runtime: Runtime, paint: Paint) -> None:
    """Its words were an instruction, which Generate must not take for an idea."""
    parent = paint("a red ball", seed=5)
    task = RefineTask("make the ball green", parent.prompt, Painting(FAST, (5,)), source_id=parent.id)
    (child_id,) = runtime.jobs.wait(runtime.jobs.submit(task).id, 60).generation_ids
    child = runtime.tools.history.get(child_id)
    opened(app, child)
    press(app, "Use all")
    page(app, "generate")
    assert app.text_area(key="generate_words").value == ""
    press(app, "Generate")
    finish(app, runtime)
    newest = runtime.tools.history.page(HistoryQuery()).items[0]
    assert newest.recipe_hash == child.recipe_hash


def test_neighbours_stay_within_what_was_searched_for(app: AppTest, paint: Paint) -> None:
    ball, _star, other_ball = paint("a red ball"), paint("a blue star"), paint("a green ball")
    page(app, "history")
    app.text_input(key="history_text").set_value("ball").run()
    app.query_params["picture"] = other_ball.id
    app.run()
    press(app, "Next")
    assert app.query_params["picture"] in (ball.id, [ball.id])

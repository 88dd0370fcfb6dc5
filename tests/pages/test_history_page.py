"""History: found again, opened, used, deleted and brought back."""

import io
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing

import pytest
from streamlit.testing.v1 import AppTest

from fibo_core.store.generation import Generation
from fibo_core.store.history import History, HistoryQuery
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime
from studio.ui.components.selection import zip_of
from studio.ui.words import plain
from tests.pages.conftest import finish, page, press, says
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
    order = Order(
        kind="refine", words="make the ball green", source=parent.prompt, source_id=parent.id, steps=2, seed=5
    )
    (child_id,) = runtime.desk.wait(runtime.desk.place(order).id, 60).generation_ids
    child = runtime.tools.history.get(child_id)
    opened(app, child)
    press(app, "Use all")
    page(app, "generate")
    assert app.text_area(key="generate_words").value == ""
    press(app, "Generate")
    assert "This picture exists" in says(app)
    press(app, "Paint again anyway")
    finish(app, runtime)
    newest = runtime.tools.history.page(HistoryQuery()).items[0]
    assert newest.id != child.id
    assert newest.recipe_hash == child.recipe_hash


def test_neighbours_stay_within_what_was_searched_for(app: AppTest, paint: Paint) -> None:
    ball, _star, other_ball = paint("a red ball"), paint("a blue star"), paint("a green ball")
    page(app, "history")
    app.text_input(key="history_text").set_value("ball").run()
    app.query_params["picture"] = other_ball.id
    app.run()
    press(app, "Next")
    assert app.query_params["picture"] in (ball.id, [ball.id])


def damage(runtime: Runtime, generation: Generation) -> None:
    """Puts a byte that is no UTF-8 into a picture's row."""
    with closing(sqlite3.connect(runtime.database.path)) as connection, connection:
        connection.execute("UPDATE generation SET writer = CAST(x'ff' AS TEXT) WHERE id = ?", (generation.id,))


def test_a_damaged_picture_is_named_and_can_be_deleted(app: AppTest, runtime: Runtime, paint: Paint) -> None:
    """The gallery shows the others; the pages that show the last ones do too."""
    paint("a red ball")
    broken = paint("a blue star")
    damage(runtime, broken)
    page(app, "history")
    assert f"1 picture could not be read: {broken.id}" in says(app)
    for name in ("generate", "refine", "inspire", "system", "history"):
        page(app, name)
        assert not app.exception, name
        assert "in the way" not in says(app), name
    press(app, "Delete it")
    assert "could not be read" not in says(app)
    assert "1 picture" in says(app)
    press(app, "Undo")
    assert "could not be read" in says(app)


def test_a_link_to_a_damaged_picture_says_what_mends_it(app: AppTest, runtime: Runtime, paint: Paint) -> None:
    generation = paint("a red ball")
    damage(runtime, generation)
    opened(app, generation)
    assert "cannot be read from the database" in says(app)
    assert "history rebuild" in says(app)


def test_buttons_of_a_picture_whose_file_has_gone_say_so_in_one_sentence(
    app: AppTest, runtime: Runtime, paint: Paint
) -> None:
    """The page stays; what needs no file goes on working."""
    generation = paint("a red ball", seed=1234)
    runtime.tools.history.image_file(generation.id).unlink()
    opened(app, generation)
    assert "is gone. Is its volume mounted?" in says(app)
    (png,) = [each for each in app.get("download_button") if each.proto.label == "PNG"]
    assert png.proto.disabled
    press(app, "Inspire")
    assert [each.value.replace("\\", "") for each in app.error] == [
        f"The file {runtime.settings.workspace_dir / generation.image_path} of picture {generation.id} is gone. "
        "Is its volume mounted?"
    ]
    assert "1234" in says(app)
    press(app, "Use all")
    assert app.text_input(key="generate_seed").value == "1234"


def test_a_star_for_a_picture_deleted_meanwhile_is_one_sentence(
    app: AppTest, runtime: Runtime, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleted in another tab, between the drawing of the page and the press."""
    generation = paint("a red ball")
    opened(app, generation)
    star = History.set_favorite

    def deleted_first(self: History, id: str, favorite: bool) -> Generation:
        self.delete([id])
        return star(self, id, favorite)

    monkeypatch.setattr(History, "set_favorite", deleted_first)
    press(app, "Favourite")
    assert [each.value.replace("\\", "") for each in app.error] == [
        f"No picture has the id '{generation.id}'. It may have been deleted."
    ]
    assert "a red ball" in says(app)


def test_a_zip_holds_what_is_there_and_names_what_is_gone(runtime: Runtime, paint: Paint) -> None:
    here, gone = paint("a red ball", seed=1), paint("a blue star", seed=2)
    history = runtime.tools.history
    history.image_file(gone.id).unlink()
    with zipfile.ZipFile(io.BytesIO(zip_of(history, [here.id, gone.id]))) as archive:
        assert set(archive.namelist()) == {f"{here.id}.png", f"{here.id}.json", f"{gone.id}.json", "not-here.txt"}
        assert gone.id in archive.read("not-here.txt").decode()


def test_a_recipe_with_adapters_is_shown_and_not_painted_again(app: AppTest, runtime: Runtime, paint: Paint) -> None:
    """Nothing paints with adapters yet: another picture must not pass for the same."""
    generation = paint("a red ball")
    with closing(sqlite3.connect(runtime.database.path)) as connection, connection:
        connection.execute("UPDATE generation SET adapters = '[\"soft-light\"]' WHERE id = ?", (generation.id,))
    opened(app, generation)
    press(app, "Use all")
    assert [each.value.replace("\\", "") for each in app.error] == [
        "The recipe has adapters (soft-light), and this version paints without any. "
        "Start from its prompt and seed instead: the picture will differ."
    ]
    press(app, "Use the JSON")
    assert app.session_state["page_generate"].draft.parsed().prompt == generation.prompt

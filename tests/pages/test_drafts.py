"""What is typed on the pages comes back in the next session of the same browser."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.drafts import DraftStore
from fibo_core.store.generation import MODES, Generation
from fibo_core.store.importing import Importer, ImportReport
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime
from fibo_core.writers import WrittenPrompt
from studio.ui import drafts
from studio.ui.words import title_of
from tests.pages.conftest import APP, bar, page, press, says

Open = Callable[..., AppTest]
MINE = '{"short_description": "a fox of mine"}'


@pytest.fixture
def open_studio(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a new session: ``open_studio(browser, batch=…)``; a browser None takes no cookies. ``at`` is the page that
    is opened."""

    def open_studio(browser: str | None = "one", at: str = "generate", **address: str) -> AppTest:
        monkeypatch.setattr(drafts, "browser_of_session", lambda: browser)
        app = AppTest.from_file(str(APP), default_timeout=60)
        if at != "generate":
            app.switch_page(f"../../pages/{at}.py")
        for name, value in address.items():
            app.query_params[name] = value
        return app.run()

    return open_studio


@pytest.fixture
def photo(runtime: Runtime, tmp_path: Path) -> str:
    """The id of a picture that came in without words and without a prompt."""
    return bring_in(runtime, tmp_path / "beach.png", (256, 256))


def bring_in(runtime: Runtime, file: Path, size: tuple[int, int]) -> str:
    Image.linear_gradient("L").convert("RGB").resize(size).save(file)
    Importer(runtime.tools.history, runtime.database).run([(file, file.name)], report := ImportReport())
    (added,) = report.added_ids
    return added


def words(app: AppTest) -> Any:
    return app.text_area(key="generate_words").value


def place(runtime: Runtime, text: str) -> str:
    """A batch that writes nothing new and paints in two steps; its id."""
    written = WrittenPrompt(StructuredPrompt.from_dict({"short_description": text}), "offline")
    order = Order(kind="generate", words=text, written=written, steps=2, seed=3)
    return runtime.desk.wait(runtime.desk.place(order).id, 60).id


def test_words_settings_and_json_come_back_in_a_new_session(open_studio: Open) -> None:
    """A reload, and a new tab: Streamlit begins a new session for both."""
    app = open_studio()
    app.text_area(key="generate_words").set_value("a fox in the snow")
    app.number_input(key="generate_steps").set_value(7)
    app.selectbox(key="generate_aspect").set_value("2:3")
    app.session_state["page_generate"].begin(MINE)
    app.run()
    again = open_studio()
    assert not again.exception
    assert words(again) == "a fox in the snow"
    assert again.number_input(key="generate_steps").value == 7
    assert again.selectbox(key="generate_aspect").value == "2:3"
    draft = again.session_state["page_generate"].draft
    assert (draft.text, draft.writer, draft.is_users) == (MINE, "hand", True)


def test_another_browser_and_one_without_cookies_see_nothing_of_it(open_studio: Open, runtime: Runtime) -> None:
    open_studio().text_area(key="generate_words").set_value("a fox").run()
    for browser in ("two", None):
        app = open_studio(browser)
        assert words(app) == ""
        app.text_area(key="generate_words").set_value("a ball").run()
    assert words(open_studio()) == "a fox"
    assert words(open_studio("two")) == "a ball"


def test_a_page_that_was_only_looked_at_is_no_draft(open_studio: Open, runtime: Runtime) -> None:
    """Who comes and goes leaves no file."""
    open_studio()
    assert not DraftStore(runtime.settings.workspace_dir).folder.exists()


def test_what_was_typed_last_is_there_though_nobody_has_left_the_field(open_studio: Open, runtime: Runtime) -> None:
    """What the page's listener sent wins over what was committed before it, until something else is committed."""
    store = DraftStore(runtime.settings.workspace_dir)
    app = open_studio()
    app.text_area(key="generate_words").set_value("a fox").run()
    app.session_state["page_generate"].begin(MINE)
    app.run()
    typed = {"text": MINE.replace("mine", "ours"), "revision": app.session_state["page_generate"].draft.revision}
    store.keep_typed("one", "generate", {"words": "a fox at night", **typed})
    app.number_input(key="generate_steps").set_value(9).run()  # another run of the page, while the field is typed into
    again = open_studio()
    assert words(again) == "a fox at night"
    assert again.session_state["page_generate"].draft.text == typed["text"]
    again.text_area(key="generate_words").set_value("a wolf").run()
    assert words(open_studio()) == "a wolf"
    store.keep_typed("one", "generate", {"words": "a wolf", **typed})  # of the editor before this one
    again.session_state["page_generate"].rewrite("{}")
    again.run()
    assert open_studio().session_state["page_generate"].draft.text == "{}"


def test_a_reload_goes_on_with_the_batch_and_with_what_was_typed_since(open_studio: Open, runtime: Runtime) -> None:
    """The picture of the address beside the words typed after it, as before the reload."""
    batch = place(runtime, "a red ball")
    app = open_studio(batch=batch)
    assert words(app) == "a red ball"
    app.text_area(key="generate_words").set_value("a wolf").run()
    again = open_studio(batch=batch)
    assert words(again) == "a wolf"
    assert again.session_state["page_generate"].batch_id == batch
    assert "Bring my draft back" not in [button.label for button in again.button]


def test_an_address_of_another_batch_shows_that_one_and_keeps_the_draft_aside(
    open_studio: Open, runtime: Runtime
) -> None:
    """Never silently written over: the way back stands on the page, also after one more reload."""
    other = place(runtime, "a red ball")
    app = open_studio()
    app.text_area(key="generate_words").set_value("a fox").run()
    app.session_state["page_generate"].begin(MINE)
    app.run()
    for _ in range(2):
        app = open_studio(batch=other)
        assert words(app) == "a red ball"
        assert "Your draft “a fox” is kept" in says(app)
    press(app, "Bring my draft back")
    assert not app.exception
    assert (words(app), app.session_state["page_generate"].draft.text) == ("a fox", MINE)
    assert app.query_params.get("batch") is None
    assert "is kept" not in says(app)
    assert words(open_studio()) == "a fox"


def test_a_batch_that_a_killed_run_has_placed_from_the_draft_is_no_other_one(
    open_studio: Open, runtime: Runtime
) -> None:
    """The run was broken off before it kept that its page follows the batch: nothing is aside, and nothing is said."""
    app = open_studio()
    app.text_area(key="generate_words").set_value("a blue star").run()
    batch = place(runtime, "a blue star")
    again = open_studio(batch=batch)
    assert (words(again), again.session_state["page_generate"].batch_id) == ("a blue star", batch)
    assert "is kept" not in says(again)

    other = open_studio("two")
    other.session_state["page_generate"].begin('{"short_description": "a teal ring"}')
    other.run()
    assert "is kept" not in says(open_studio("two", batch=place(runtime, "a teal ring")))
    assert "is kept" in says(open_studio("two", batch=place(runtime, "a pink ring")))


def test_a_second_draft_that_is_set_aside_takes_nothing_from_the_first(open_studio: Open, runtime: Runtime) -> None:
    """Typed, looked at a batch, typed there, looked at another one: both are kept, and each comes back."""
    first, second = place(runtime, "a red ball"), place(runtime, "a blue star")
    open_studio().text_area(key="generate_words").set_value("a fox").run()
    open_studio(batch=first).text_area(key="generate_words").set_value("a wolf").run()
    for _ in range(2):
        app = open_studio(batch=second)
        assert words(app) == "a blue star"
        assert "Your draft “a wolf” is kept, and 1 more" in says(app)
    assert "Your draft “a wolf” is kept, and 1 more" in says(open_studio(batch=first)), "a batch as placed is no draft"
    press(app, "Bring my draft back")
    assert (words(app), "“a fox” is kept" in says(app)) == ("a wolf", True)
    press(app, "Bring my draft back")
    assert (words(app), "“a wolf” is kept" in says(app)) == ("a fox", True)
    press(app, "Drop it")
    assert (words(app), "is kept" in says(app)) == ("a fox", False)
    assert words(open_studio()) == "a fox"


@pytest.mark.parametrize("name", ["batch", "job"])
def test_an_address_of_a_batch_that_is_not_there_leaves_the_draft_where_it_is(open_studio: Open, name: str) -> None:
    open_studio().text_area(key="generate_words").set_value("a fox").run()
    app = open_studio(**{name: "zzz"})
    assert not app.exception
    assert (words(app), "is kept" in says(app)) == ("a fox", False)


def test_a_draft_that_is_too_large_is_said_on_the_page(open_studio: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fibo_core.store.drafts.FILE_BYTES_MAX", 1_000)
    app = open_studio()
    app.text_area(key="generate_words").set_value("a fox " * 400).run()
    app.run()
    assert "What you type here is not kept for a reload. The drafts of this browser have" in says(app)
    app.text_area(key="generate_words").set_value("a fox").run()
    app.run()
    assert "not kept" not in says(app)


def test_a_draft_opens_no_file_but_pictures_of_orders_and_painted_ones(
    open_studio: Open, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = runtime.settings.workspace_dir / "secret.png"
    secret.write_bytes(b"x")
    paths = ["../../../etc/passwd", "/etc/passwd", "secret.png", "outputs/../secret.png"]
    DraftStore(runtime.settings.workspace_dir).keep("one", {"inspire": {"pictures": paths}})
    app = page(open_studio(), "inspire")
    assert not app.exception
    assert app.session_state["page_inspire"].pictures == ()


def test_a_picture_in_the_address_is_what_is_shown_and_the_draft_is_one_press_away(
    open_studio: Open, store: Callable[..., Generation]
) -> None:
    """Reloaded while an earlier picture was looked at, or after an address of another one was followed."""
    ball, star = store("a red ball"), store("a blue star")
    app = open_studio()
    app.text_area(key="generate_words").set_value("a fox").run()
    app.session_state["page_generate"].begin(MINE)
    app.run()
    for picture in (ball, ball, star):
        app = open_studio(picture=picture.id)
        assert not app.exception
        assert words(app) == picture.words
        assert app.session_state["page_generate"].draft.text == picture.prompt.to_json()
    press(app, "Back to my draft")
    assert (words(app), app.session_state["page_generate"].draft.text) == ("a fox", MINE)
    again = open_studio()
    assert (words(again), again.session_state["page_generate"].draft.text) == ("a fox", MINE)


def test_what_was_changed_in_an_earlier_pictures_recipe_comes_back_too(
    open_studio: Open, store: Callable[..., Generation]
) -> None:
    ball = store("a red ball")
    open_studio().text_area(key="generate_words").set_value("a fox").run()
    app = open_studio(picture=ball.id)
    app.session_state["page_generate"].type_in(MINE)
    app.run()
    app = open_studio(picture=ball.id)
    assert app.session_state["page_generate"].draft.text == MINE
    press(app, "Back to my draft")
    assert (words(app), app.session_state["page_generate"].draft) == ("a fox", None)


def test_a_draft_that_was_dropped_is_not_offered_again(open_studio: Open, runtime: Runtime) -> None:
    other = place(runtime, "a red ball")
    open_studio().text_area(key="generate_words").set_value("a fox").run()
    press(open_studio(batch=other), "Drop it")
    assert "is kept" not in says(open_studio(batch=other))


def test_a_refinement_comes_back_with_its_source_and_locks(
    open_studio: Open, store: Callable[..., Generation], runtime: Runtime
) -> None:
    source = store("a red ball")
    app = page(open_studio(), "refine")
    state = app.session_state["page_refine"]
    state.source, state.source_id, state.source_request = source.prompt, source.id, source.request
    state.locked = ("objects[0].description",)
    app.run()
    app.text_input(key="refine_words").set_value("make it green").run()
    app = page(open_studio(), "refine")
    assert not app.exception
    state = app.session_state["page_refine"]
    assert (state.source, state.source_id, state.source_request) == (source.prompt, source.id, source.request)
    assert state.locked == ("objects[0].description",)
    assert app.text_input(key="refine_words").value == "make it green"


def test_words_typed_after_a_refinement_was_painted_are_not_emptied_by_a_reload(
    open_studio: Open, store: Callable[..., Generation], runtime: Runtime
) -> None:
    """The words of what was painted leave the field once, and not again in the next session."""
    source = store("a red ball")
    order = Order(kind="refine", words="make it green", source=source.prompt, source_id=source.id, seed=7, steps=1)
    batch = runtime.desk.wait(runtime.desk.place(order).id, 60)
    app = open_studio(batch=batch.id)
    app = page(app, "refine")
    state = app.session_state["page_refine"]
    state.source, state.source_id, state.source_request = source.prompt, source.id, source.request
    state.batch_id = batch.id
    app.run()
    assert app.session_state["page_refine"].source_id == batch.generation_ids[0]
    app.text_input(key="refine_words").set_value("now at night").run()
    again = page(open_studio(), "refine")
    assert again.text_input(key="refine_words").value == "now at night"
    assert again.session_state["page_refine"].source_id == batch.generation_ids[0]


def test_a_picture_without_a_prompt_and_the_words_for_it_are_there_after_a_reload(
    open_studio: Open, photo: str
) -> None:
    """An imported photo says nothing of itself; it is the source all the same."""
    app = open_studio(at="edit", picture=photo)
    app.session_state["page_edit"].type_in(MINE)
    app.text_input(key="edit_words").set_value("make it green").run()
    again = open_studio(at="edit", picture=photo)
    assert "is kept" not in says(again)
    state = again.session_state["page_edit"]
    assert (state.source_id, state.source.document) == (photo, {})
    assert again.text_input(key="edit_words").value == "make it green"


def test_refine_of_a_picture_without_a_prompt_leads_on_and_paints_nothing(
    open_studio: Open, runtime: Runtime, photo: str
) -> None:
    """Also after a reload. It is called by its file's name."""
    assert title_of(runtime.tools.history.get(photo)) == "beach.png"
    for _ in range(2):
        app = open_studio(at="refine", picture=photo)
        assert not app.exception
        assert "This picture has no prompt: Inspire describes it, Edit changes a part of it." in says(app)
        assert bar(app) == {}
        assert app.session_state["page_refine"].source_id == photo
    press(app, "Edit")
    assert app.session_state["page_edit"].source_id == photo
    assert "Paint a variation" in bar(app)


def test_a_picture_too_small_to_be_edited_is_said_before_anything_is_marked(
    open_studio: Open, runtime: Runtime, tmp_path: Path
) -> None:
    app = open_studio(at="edit", picture=bring_in(runtime, tmp_path / "icon.png", (40, 40)))
    assert not app.exception
    assert "The picture has 40×40 pixels, and can be edited where each side has 64 to 2048" in says(app)
    assert bar(app) == {}


def test_another_picture_in_the_address_leaves_the_batch_and_the_words_that_are_carried_out(
    open_studio: Open, store: Callable[..., Generation], photo: str, runtime: Runtime
) -> None:
    """So a reload finds the draft of that picture, not of the batch before."""
    source = store("a red ball")
    app = open_studio(at="edit", picture=source.id)
    app.session_state["edit_strength"] = 0.5
    app.text_input(key="edit_words").set_value("make it green").run()
    press(app, "Paint a variation")
    batch = app.session_state["page_edit"].batch_id
    assert runtime.desk.wait(batch, 120).state == "done"
    app = open_studio(at="edit", picture=photo)
    assert app.text_input(key="edit_words").value == ""
    assert dict(app.query_params) == {"picture": photo}
    app.text_input(key="edit_words").set_value("at dusk").run()
    for address in ({"picture": photo}, {"picture": photo, "batch": batch}):  # the second one by the browser's Back
        again = open_studio(at="edit", **address)
        assert again.session_state["page_edit"].source_id == photo
        assert again.text_input(key="edit_words").value == "at dusk"
        assert "is kept" not in says(again)


def test_an_inspiration_comes_back_with_its_picture_while_that_is_there(
    open_studio: Open, store: Callable[..., Generation], runtime: Runtime
) -> None:
    picture = runtime.tools.history.image_file(store().id)
    app = page(open_studio(), "inspire")
    app.session_state["page_inspire"].pictures = (str(runtime.tools.history.relative(picture)),)
    app.run()
    assert page(open_studio(), "inspire").session_state["page_inspire"].pictures
    picture.unlink()
    app = page(open_studio(), "inspire")
    assert app.session_state["page_inspire"].pictures == ()
    assert not app.exception


@pytest.mark.parametrize(
    "record",
    [
        {"fields": {"words": 7, "steps": 9999, "guidance": "x", "count": 3, "aspect": "7:1", "writer": "nobody"}},
        {"draft": {"text": "{"}},
        {"draft": 7},
        {"fields": 7},
        {"source": {"objects": 7}},
        {"aside": 7},
        {"batch_id": "01J", "taken_from": 7},
        {"pictures": ["../x", 7]},
        {"pictures": ["x" * 5000]},
        {"words_of": ["x"]},
        {"fields": [1]},
        {"fields": {"guidance": 5}},
        {"aside": [{"fields": [1]}]},
        {"aside": [{"words_of": ["x"]}]},
        {"kept": {"fields": [1]}},
        {"locked": 7},
        {"batch_id": "\ud800", "shown_id": "\ud800"},
    ],
)
def test_a_draft_that_nothing_can_be_made_of_leaves_the_page_as_it_opens(
    open_studio: Open, runtime: Runtime, record: dict[str, Any]
) -> None:
    """A file that somebody edited, or that a defect wrote, keeps nobody out of the studio."""
    DraftStore(runtime.settings.workspace_dir).keep("one", dict.fromkeys(MODES, record))
    app = open_studio()
    assert not app.exception
    assert words(app) == ""
    assert not page(app, "refine").exception
    assert not page(app, "inspire").exception


def test_a_full_disk_takes_nothing_from_the_page(
    open_studio: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What was typed stays in the session; the log has one line."""
    app = open_studio()
    monkeypatch.setattr(drafts, "DraftStore", lambda workspace: DraftStore(tmp_path / "gone"))
    app.text_area(key="generate_words").set_value("a fox").run()
    app.text_area(key="generate_words").set_value("a wolf").run()
    assert not app.exception
    assert words(app) == "a wolf"
    assert [record.message[:33] for record in caplog.records if "draft" in record.message] == [
        "Your draft could not be written: "
    ]


def test_words_typed_beside_another_picture_do_not_take_the_place_of_this_ones() -> None:
    """What was typed just before an earlier picture was chosen may arrive after it."""
    record = {"fields": {"words": "a grey heart"}, "shown_id": "01A"}
    assert drafts._with_typed(record, {"words": "mine", "picture": ""})["fields"]["words"] == "a grey heart"
    assert drafts._with_typed(record, {"words": "a grey star", "picture": "01A"})["fields"]["words"] == "a grey star"

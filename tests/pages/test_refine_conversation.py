"""Refine as a conversation: each result is the source of the next words, an older picture begins a branch."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from fibo_core.store.generation import Generation
from fibo_core.store.history import HistoryQuery
from fibo_core.work.runtime import Runtime
from studio.ui.components.thread import steps_to
from tests.pages.conftest import APP, bar, finish, page, press, says

Store = Callable[..., Generation]


@pytest.fixture
def source(store: Store) -> Generation:
    return store("a red ball on the left", seed=41)


@pytest.fixture
def refine(app: AppTest, source: Generation) -> AppTest:
    return arrive(app, source)


def arrive(app: AppTest, source: Generation) -> AppTest:
    """A browser that comes to Refine by the address of a picture."""
    page(app, "refine")
    app.query_params["picture"] = source.id
    return app.run()


def new_browser() -> AppTest:
    return AppTest.from_file(str(APP), default_timeout=60).run()


def say(app: AppTest, runtime: Runtime, words: str) -> Generation:
    """Paints what should change; the picture it came to."""
    app.text_input(key="refine_words").set_value(words)
    press(app, "Paint with the same seed")
    job = finish(app, runtime, "refine")
    assert job.state == "done", job.error
    assert not app.exception
    return runtime.tools.history.page(HistoryQuery()).items[0]


def state_of(app: AppTest) -> tuple[str | None, str]:
    return app.session_state["page_refine"].source_id, app.text_input(key="refine_seed").value


def thread_of(runtime: Runtime, picture: Generation) -> list[str]:
    steps, _ = steps_to(runtime.tools.history, picture)
    return [step.words for step in steps]


def test_a_second_instruction_builds_on_the_first(refine: AppTest, runtime: Runtime, source: Generation) -> None:
    """The ball is green and large in the end, and the thread has the words of each step."""
    green = say(refine, runtime, "make the ball green")
    assert state_of(refine) == (green.id, "41")
    assert refine.text_input(key="refine_words").value == ""
    night = say(refine, runtime, "at night")
    assert night.parent_id == green.id
    assert night.request.seed == 41
    assert "green" in night.prompt.canonical()
    assert "night" in night.prompt.canonical()
    assert thread_of(runtime, night) == ["a red ball on the left", "make the ball green", "at night"]


def test_the_page_says_what_a_step_changed(refine: AppTest, runtime: Runtime) -> None:
    say(refine, runtime, "make the ball green")
    labels = [expander.label for expander in refine.expander]
    assert "3 fields changed: short_description, objects[0].description, objects[0].shape_and_color" in labels


def test_an_older_picture_begins_a_branch_with_its_own_prompt_and_seed(
    refine: AppTest, runtime: Runtime, source: Generation
) -> None:
    green = say(refine, runtime, "make the ball green")
    refine.query_params["picture"] = source.id  # as a click in the thread puts it
    refine.run()
    assert refine.session_state["page_refine"].draft.text == source.prompt.to_json()
    night = say(refine, runtime, "at night")
    assert (night.parent_id, night.request.seed) == (source.id, 41)
    assert "green" not in night.prompt.canonical()
    steps, onward = steps_to(runtime.tools.history, night)
    assert [branch.id for branch in steps[1].branches] == [green.id]
    assert onward == []
    assert [step.id for step in steps_to(runtime.tools.history, source)[1]] == [green.id, night.id]


def test_a_reload_finds_source_seed_and_thread(refine: AppTest, runtime: Runtime) -> None:
    say(refine, runtime, "make the ball green")
    night = say(refine, runtime, "at night")
    again = new_browser()
    page(again, "refine")
    for name in ("picture", "batch"):
        again.query_params[name] = refine.query_params[name]
    again.run()
    assert state_of(again) == (night.id, "41")
    assert again.session_state["page_refine"].source_request == night.request
    assert again.text_input(key="refine_words").value == ""
    assert again.session_state["page_refine"].draft.text == night.prompt.to_json()
    assert "Paint with the same seed" in bar(again)


def test_a_reload_with_a_source_just_chosen_keeps_it(runtime: Runtime, source: Generation) -> None:
    again = arrive(new_browser(), source)
    assert state_of(again) == (source.id, "41")
    assert again.session_state["page_refine"].draft.text == source.prompt.to_json()


def test_the_picture_of_the_address_counts_where_its_batch_is_of_another(
    refine: AppTest, runtime: Runtime, store: Store
) -> None:
    """Also where the address still names the batch."""
    other = store("a blue star", seed=9)
    say(refine, runtime, "make the ball green")
    again = new_browser()
    page(again, "refine")
    again.query_params["batch"] = refine.query_params["batch"]
    again.query_params["picture"] = other.id
    again.run()
    assert state_of(again) == (other.id, "9")
    assert state_of(again.run()) == (other.id, "9")


def test_back_leads_to_the_source_of_the_step_before_and_stays_there(
    refine: AppTest, runtime: Runtime, source: Generation
) -> None:
    """The browser's address is then what it was while the step was painted."""
    green = say(refine, runtime, "make the ball green")
    assert green.id in refine.query_params["picture"]
    refine.query_params["picture"] = source.id
    address = dict(refine.query_params)
    assert "batch" in address
    assert state_of(refine.run()) == (source.id, "41")
    assert state_of(refine.run()) == (source.id, "41")
    assert dict(refine.query_params) == address  # what is written is a step of its own, which Back could not pass


def test_a_seed_that_was_typed_stays_and_becomes_the_pictures(
    refine: AppTest, runtime: Runtime, source: Generation, store: Store
) -> None:
    other = store("a blue star", seed=9)
    refine.text_input(key="refine_seed").set_value("5").run()
    refine.query_params["picture"] = other.id
    refine.run()
    assert state_of(refine) == (other.id, "5")
    refine.text_input(key="refine_words").set_value("make the star green")
    press(refine, "Paint")
    finish(refine, runtime, "refine")
    assert runtime.tools.history.page(HistoryQuery()).items[0].request.seed == 5
    refine.query_params["picture"] = source.id
    refine.run()
    assert state_of(refine) == (source.id, "41")


def test_words_survive_a_refinement_that_fails(refine: AppTest, runtime: Runtime, source: Generation) -> None:
    """They leave the field for the thread when they are carried out, and come back where nothing came of it."""
    refine.selectbox(key="refine_writer").set_value("gemini")
    refine.text_input(key="refine_words").set_value("make the ball green")
    press(refine, "Paint with the same seed")
    assert finish(refine, runtime, "refine").state == "failed"
    assert refine.text_input(key="refine_words").value == "make the ball green"
    assert state_of(refine) == (source.id, "41")


def test_another_source_taken_meanwhile_is_not_left_when_the_result_comes(
    refine: AppTest, runtime: Runtime, store: Store
) -> None:
    other = store("a blue star", seed=9)
    refine.text_input(key="refine_words").set_value("make the ball green")
    press(refine, "Paint with the same seed")
    batch_id = refine.session_state["page_refine"].batch_id
    refine.query_params["picture"] = other.id
    refine.run()
    runtime.desk.wait(batch_id, 120)
    refine.run()
    assert state_of(refine) == (other.id, "9")


def test_locks_go_on_with_what_they_hold(refine: AppTest, runtime: Runtime, store: Store) -> None:
    """Through the steps; on another picture only where it holds the same."""
    refine.session_state["page_refine"].locked = ("objects[0]",)
    night = say(refine, runtime, "at night")
    assert refine.session_state["page_refine"].locked == ("objects[0]",)
    assert night.prompt.get("objects[0].description") == "a red ball on the left"
    refine.query_params["picture"] = store("a blue star", seed=9).id
    refine.run()
    assert refine.session_state["page_refine"].locked == ()


def test_an_instruction_on_reviewed_changes_builds_on_them(refine: AppTest, runtime: Runtime) -> None:
    """Both are painted, and the picture's words are both."""
    for words in ("make the ball green", "at night"):
        refine.text_input(key="refine_words").set_value(words)
        press(refine, "Show the changes")
        finish(refine, runtime, "refine")
    press(refine, "Paint these changes")
    finish(refine, runtime, "refine")
    picture = runtime.tools.history.page(HistoryQuery()).items[0]
    assert "green" in picture.prompt.canonical()
    assert "night" in picture.prompt.canonical()
    assert picture.words == "make the ball green; at night"


def test_a_new_seed_is_a_branch_beside_the_picture(refine: AppTest, runtime: Runtime, source: Generation) -> None:
    green = say(refine, runtime, "make the ball green")
    press(refine, "New seed")
    finish(refine, runtime, "refine")
    other = runtime.tools.history.page(HistoryQuery()).items[0]
    assert (other.parent_id, other.prompt) == (source.id, green.prompt)
    steps, _ = steps_to(runtime.tools.history, other)
    assert steps[-1].aside == f"seed {other.request.seed}"
    assert [branch.id for branch in steps[-1].branches] == [green.id]


def test_a_picture_that_is_gone_is_said_and_the_source_stays(refine: AppTest, source: Generation) -> None:
    refine.query_params["picture"] = "01J0000000000000000000000A"
    refine.run()
    assert "No picture has the id" in says(refine)
    assert state_of(refine)[0] == source.id

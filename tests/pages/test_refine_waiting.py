"""An instruction said while the step before is under way: it waits, is the next step, or comes back as words."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from fibo_core.store.generation import Generation
from fibo_core.store.history import HistoryQuery
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime
from studio.ui.components.refinement import pending
from studio.ui.components.thread import steps_to
from studio.ui.drafts import _state
from studio.ui.instructions import withdraw
from studio.ui.state import PageState
from tests.pages.conftest import change_words, finish, page, press, says, type_json

Store = Callable[..., Generation]
PAINT = "Paint with the same seed"


@pytest.fixture
def source(store: Store) -> Generation:
    return store("a red ball on the left", seed=41)


@pytest.fixture
def refine(app: AppTest, source: Generation) -> AppTest:
    page(app, "refine")
    app.query_params["picture"] = source.id
    return app.run()


@pytest.fixture
def let_go(runtime: Runtime) -> Callable[[], None]:
    """The studio paints something long; what is asked of it is begun once this is called."""
    order = Order(kind="generate", words="a grey boat", steps=200, seed=1)
    batch = runtime.desk.place(order)
    return lambda: (runtime.desk.cancel(batch.id), runtime.desk.wait(batch.id, 60), None)[-1]


def say(app: AppTest, words: str, button: str = PAINT) -> AppTest:
    app.text_input(key="refine_words").set_value(words)
    return press(app, button)


def state_of(app: AppTest) -> PageState:
    state: PageState = app.session_state["page_refine"]
    return state


def waiting(app: AppTest) -> list[str]:
    return [each.words for each in state_of(app).waiting]


def field(app: AppTest) -> str:
    return str(app.text_input(key="refine_words").value)


def finish_all(app: AppTest, runtime: Runtime) -> Generation:
    """Follows the page until nothing waits; the newest picture."""
    finish(app, runtime, "refine")
    while state_of(app).waiting or not runtime.desk.get(state_of(app).batch_id).ended:
        finish(app, runtime, "refine")
    assert not app.exception
    return runtime.tools.history.page(HistoryQuery()).items[0]


def test_instructions_said_while_a_step_is_painted_are_the_steps_after_it_in_their_order(
    refine: AppTest, runtime: Runtime, source: Generation, let_go: Callable[[], None]
) -> None:
    for words in ("make the ball green", "at night", "make the ball yellow"):
        say(refine, words)
        assert field(refine) == ""
    assert waiting(refine) == ["at night", "make the ball yellow"]
    batch = runtime.desk.get(state_of(refine).batch_id)
    rows = [(each.words, each.state) for each in pending(state_of(refine), batch)]
    assert rows == [
        ("make the ball green", "being painted"),
        ("at night", "waits for the picture before"),
        ("make the ball yellow", "waits for the picture before"),
    ]
    let_go()
    yellow = finish_all(refine, runtime)
    steps, _ = steps_to(runtime.tools.history, yellow)
    assert [step.words for step in steps] == [
        "a red ball on the left", "make the ball green", "at night", "make the ball yellow",
    ]  # fmt: skip
    assert all(not step.branches for step in steps)
    assert "yellow" in yellow.prompt.canonical()
    assert "night" in yellow.prompt.canonical()
    assert yellow.request.seed == 41


def test_what_waits_survives_a_reload_and_two_tabs_place_it_once(
    refine: AppTest, runtime: Runtime, let_go: Callable[[], None]
) -> None:
    say(refine, "make the ball green")
    say(refine, "at night")
    kept = state_of(refine)
    again = AppTest.from_file(str(refine._script_path), default_timeout=60).run()
    record = {
        "waiting": [{"id": each.id, "action": each.action, "words": each.words} for each in kept.waiting],
        "batch_id": kept.batch_id, "source_id": kept.source_id, "source": kept.source.document, "locked": [],
        "words_of": list(kept.words_of or ()),
    }  # fmt: skip
    again.session_state["page_refine"] = _state(runtime, record)
    page(again, "refine")
    assert waiting(again) == ["at night"]
    let_go()
    finish(again, runtime, "refine")
    finish(refine, runtime, "refine")
    assert state_of(again).batch_id == state_of(refine).batch_id
    finish_all(refine, runtime)
    finish_all(again, runtime)
    words = [each.words for each in runtime.tools.history.page(HistoryQuery()).items]
    assert words == ["at night", "make the ball green", "a red ball on the left"]


def test_a_cancel_of_the_step_before_brings_all_words_back_and_trying_again_has_them_wait_again(
    refine: AppTest, runtime: Runtime, let_go: Callable[[], None]
) -> None:
    for words in ("make the ball green", "at night"):
        say(refine, words)
    batch_id = state_of(refine).batch_id
    runtime.desk.cancel(batch_id)
    finish(refine, runtime, "refine")
    assert field(refine) == "make the ball green; at night"
    assert waiting(refine) == []
    assert "One instruction waited for this step: its words are back in their field." in says(refine)
    press(refine, "Try again")
    change_words(refine)
    assert (field(refine), waiting(refine)) == ("", ["at night"])
    let_go()
    night = finish_all(refine, runtime)
    assert night.words == "at night"
    assert "green" in night.prompt.canonical()


def test_words_that_come_back_leave_what_was_typed_meanwhile(
    refine: AppTest, runtime: Runtime, let_go: Callable[[], None]
) -> None:
    say(refine, "make the ball green")
    refine.text_input(key="refine_words").set_value("on a beach").run()
    runtime.desk.cancel(state_of(refine).batch_id)
    finish(refine, runtime, "refine")
    assert field(refine) == "on a beach"
    assert "Not carried out: “make the ball green”" in says(refine)
    press(refine, "Add it to my words")
    assert field(refine) == "on a beach; make the ball green"
    assert "Not carried out" not in says(refine)


def test_one_that_waits_can_be_taken_back(refine: AppTest, runtime: Runtime, let_go: Callable[[], None]) -> None:
    for words in ("make the ball green", "at night", "on a beach"):
        say(refine, words)
    withdraw(state_of(refine), state_of(refine).waiting[0].id)
    change_words(refine.run())
    assert waiting(refine) == ["on a beach"]
    assert field(refine) == "at night"
    let_go()
    beach = finish_all(refine, runtime)
    assert (beach.words, "night" in beach.prompt.canonical()) == ("on a beach", False)


def test_another_source_taken_meanwhile_brings_the_words_back(
    refine: AppTest, runtime: Runtime, store: Store, let_go: Callable[[], None]
) -> None:
    other = store("a blue star", seed=9)
    for words in ("make the ball green", "at night"):
        say(refine, words)
    refine.query_params["picture"] = other.id
    change_words(refine.run())
    assert (state_of(refine).source_id, waiting(refine), field(refine)) == (other.id, [], "at night")
    let_go()


def test_a_second_press_of_the_same_is_no_second_picture(
    refine: AppTest, runtime: Runtime, let_go: Callable[[], None]
) -> None:
    """The field is empty by then: nothing new is asked for."""
    say(refine, "make the ball green", "Show the changes")
    let_go()
    finish(refine, runtime, "refine")
    runtime.desk.place(Order(kind="generate", words="a grey boat", steps=60, seed=1))
    press(refine, "Paint these changes")
    press(refine, PAINT)
    assert "This very picture is being painted" in says(refine)
    green = finish_all(refine, runtime)
    assert green.words == "make the ball green"
    assert [each.mode for each in runtime.tools.history.page(HistoryQuery()).items].count("refine") == 1


def test_json_changed_by_hand_while_a_step_is_painted_is_a_step_after_it(
    refine: AppTest, runtime: Runtime, let_go: Callable[[], None]
) -> None:
    say(refine, "make the ball green")
    runtime.jobs.wait_until(lambda: runtime.desk.get(state_of(refine).batch_id).prompt is not None, 60)
    refine.run()
    type_json(refine, "refine", state_of(refine).draft.text.replace("on the left", "on the right"))
    press(refine, PAINT)
    assert waiting(refine) == [""]
    let_go()
    moved = finish_all(refine, runtime)
    steps, _ = steps_to(runtime.tools.history, moved)
    assert [step.words for step in steps][1] == "make the ball green"
    assert len(steps) == 3
    assert "on the right" in moved.prompt.canonical()


def test_instructions_on_changes_still_being_written_build_on_them(
    refine: AppTest, runtime: Runtime, let_go: Callable[[], None]
) -> None:
    say(refine, "make the ball green", "Show the changes")
    say(refine, "at night", "Show the changes")
    let_go()
    finish(refine, runtime, "refine")
    finish(refine, runtime, "refine")
    assert "green" in state_of(refine).draft.text
    assert "night" in state_of(refine).draft.text
    (row,) = pending(state_of(refine), runtime.desk.get(state_of(refine).batch_id))
    assert (row.words, row.state) == ("make the ball green; at night", "to be reviewed")

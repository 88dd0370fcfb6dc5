"""The seed's lock: what a page locks by itself holds for the prompt it was locked for, and another prompt opens it."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.generation import Generation
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime
from studio.ui.state import PageState
from tests.pages.conftest import finish, press, type_json
from tests.pages.test_generate_page import set_steps

OTHER = '{"short_description": "a green tree in a meadow", "objects": [{"description": "a tree"}], "context": "a card"}'


@pytest.fixture
def edited(app: AppTest, runtime: Runtime) -> AppTest:
    """Generate with a picture of a red ball, whose prompt its user has then changed by hand."""
    app.text_area(key="generate_words").set_value("a red ball")
    set_steps(app, 1)
    press(app, "Generate")
    finish(app, runtime)
    type_json(app, "generate", state(app).draft.text.replace("red", "green"))
    assert locked(app)
    return app


def test_other_words_open_the_lock_that_an_edit_has_set(edited: AppTest, runtime: Runtime) -> None:
    """Painted from the edited JSON it holds; the prompt of other words is another one."""
    first = edited.text_input(key="generate_seed").value
    press(edited, "Generate from this JSON")
    finish(edited, runtime)
    assert (locked(edited), edited.text_input(key="generate_seed").value) == (True, first)
    edited.text_area(key="generate_words").set_value("a blue star")
    press(edited, "Prompt only")
    finish(edited, runtime)
    assert "blue star" in state(edited).draft.text
    assert not locked(edited)


def test_a_lock_of_the_users_own_holds_whatever_the_prompt(edited: AppTest, runtime: Runtime) -> None:
    edited.text_input(key="generate_seed").set_value("4711").run()
    edited.text_area(key="generate_words").set_value("a blue star")
    press(edited, "Prompt only")
    finish(edited, runtime)
    assert locked(edited)
    assert edited.text_input(key="generate_seed").value == "4711"


def test_another_prompt_that_is_pasted_opens_it_and_the_same_with_a_change_does_not(edited: AppTest) -> None:
    before = state(edited).draft.text
    changed = before.replace("green", "yellow")
    state(edited).paste_in(changed, changed)
    edited.run()
    assert locked(edited)
    state(edited).paste_in(OTHER, OTHER)
    edited.run()
    assert not locked(edited)
    assert StructuredPrompt.parse(state(edited).draft.text) == StructuredPrompt.parse(OTHER)


def test_other_words_open_the_lock_of_an_earlier_picture(
    app: AppTest, runtime: Runtime, paint: Callable[..., Generation]
) -> None:
    """It is painted with its own seed; words of one's own draw another."""
    set_steps(app, 1)
    earlier = paint("a red ball", seed=5)
    app.query_params["picture"] = earlier.id
    app.run()
    assert (locked(app), app.text_input(key="generate_seed").value) == (True, "5")
    app.text_area(key="generate_words").set_value("a blue star")
    press(app, "Generate")
    finish(app, runtime)
    assert not locked(app)
    assert app.text_input(key="generate_seed").value != "5"


def test_presses_that_a_browser_sends_with_the_seed_of_before_draw_one_each(app: AppTest, runtime: Runtime) -> None:
    """It has not heard yet of the seeds that the page filled in meanwhile, over one that has long stood there."""
    before = runtime.desk.wait(runtime.desk.place(Order(kind="generate", words="a red ball", steps=1)).id, 60)
    app.query_params["batch"] = before.id
    app.run()
    first = app.text_input(key="generate_seed").value
    assert (first, locked(app)) == (str(before.cells[0].seed), False)
    app.text_area(key="generate_words").set_value("a blue star")
    batches = []
    for _ in range(3):
        app.text_input(key="generate_seed").set_value(first)
        press(app, "Generate")
        batches.append(runtime.desk.get(state(app).batch_id or ""))
        assert app.text_input(key="generate_seed").value == str(batches[-1].cells[0].seed)
    assert len({batch.cells[0].seed for batch in (before, *batches)}) == 4
    assert not locked(app)
    app.text_input(key="generate_seed").set_value("4711").run()
    assert locked(app)


def locked(app: AppTest) -> bool:
    return bool(app.session_state["generate_seed_locked"])


def state(app: AppTest) -> PageState:
    found: PageState = app.session_state["page_generate"]
    return found

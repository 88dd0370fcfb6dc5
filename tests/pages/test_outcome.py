"""What stays, and what to do, where something did not come to its end; nothing replaces work without a way back."""

import json

from streamlit.testing.v1 import AppTest

from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime
from fibo_core.writers import WrittenPrompt
from studio.ui.components.examples import examples
from tests.pages.conftest import says

PROMPT = WrittenPrompt(StructuredPrompt.from_dict({"short_description": "a ball"}), "offline")


def ended_as(runtime: Runtime, state: str, painted: int, **columns: str) -> str:
    """A batch of two pictures whose job ended like this; its id."""
    order = Order(kind="generate", words="a ball", written=PROMPT, steps=1, seed=3, count=2)
    batch = runtime.desk.wait(runtime.desk.place(order).id, 60)
    columns |= {"state": state, "generation_ids": json.dumps(batch.generation_ids[:painted])}
    with runtime.database.write() as session:
        names = ", ".join(f"{name} = ?" for name in columns)
        session.connection().exec_driver_sql(f"UPDATE job SET {names}", tuple(columns.values()))
    return batch.id


def opened(app: AppTest, batch: str) -> AppTest:
    app.query_params["batch"] = batch
    return app.run()


def test_a_cancelled_batch_says_what_of_it_is_kept(app: AppTest, runtime: Runtime) -> None:
    said = says(opened(app, ended_as(runtime, "cancelled", 1)))
    assert "Cancelled. 1 of its 2 pictures is painted and kept. Your words and JSON are as you left them." in said


def test_one_cancelled_before_its_first_picture_has_nothing_to_say_of_it(app: AppTest, runtime: Runtime) -> None:
    assert "Cancelled. Your words and JSON" in says(opened(app, ended_as(runtime, "cancelled", 0)))


def test_a_job_whose_model_has_gone_says_where_the_button_for_it_is(app: AppTest, runtime: Runtime) -> None:
    lost = {"error": "The weights of FIBO are not here.", "error_kind": "ModelMissing"}
    assert "are not here. System has the button." in says(opened(app, ended_as(runtime, "failed", 0, **lost)))


def cards() -> None:
    """Generate's words and its examples; ``taken`` is the card that is pressed."""
    import streamlit as st

    from studio.ui.components.examples import example_cards, take_example
    from studio.ui.state import apply_fills

    apply_fills()
    st.text_area("Words", key="generate_words")
    example_cards(key="examples")
    if (taken := st.session_state.pop("taken", None)) is not None:
        take_example(taken)
        st.rerun()


def test_an_example_gives_the_words_back_that_it_replaces() -> None:
    """Also after a second one. An example's own words are nobody's work."""
    app = AppTest.from_function(cards)
    app.session_state["generate_words"], app.session_state["generate_seed"] = "a fox of mine", "7"
    app.run()
    for example in examples()[:2]:
        app.session_state["taken"] = example
        app.run()
        assert app.session_state["generate_words"] == example.words
    assert "“a fox of mine”" in says(app)
    app.button[0].click().run()
    assert (app.session_state["generate_words"], app.session_state["generate_seed"]) == ("a fox of mine", "7")
    assert [button.label for button in app.button] == []

"""Two writers side by side: what it needs, the same words to both, one prompt taken or two merged."""

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.history import HistoryQuery
from fibo_core.work.jobs import Job
from fibo_core.work.runtime import Runtime
from fibo_core.writers import WrittenPrompt
from studio.ui.components.two_prompts import compare_prompts, merged
from tests.pages.conftest import APP, press, says
from tests.writers.loopback_gemini import LoopbackGemini, answer, blocked, loopback_gemini

GEMINIS = {
    "short_description": "a ruby-red rubber ball",
    "objects": [{"description": "a ruby-red rubber ball", "location": "center", "relationship": "alone"}],
    "background_setting": "an empty gymnasium",
    "lighting": {"conditions": "fluorescent", "direction": "from above"},
    "aesthetics": {"composition": "centred", "color_scheme": "red on grey", "mood_atmosphere": "lonely"},
    "context": "a film still",
}


@pytest.fixture
def gemini(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackGemini]:
    with loopback_gemini() as server:
        server.will(answer(GEMINIS))
        monkeypatch.setenv("GOOGLE_API_KEY", "a-key-of-no-account")
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
        yield server


@pytest.fixture
def comparing(gemini: LoopbackGemini, app: AppTest, runtime: Runtime) -> AppTest:
    """Both writers have answered "a red ball"."""
    app.text_area(key="generate_words").set_value("a red ball")
    press(app, "Compare two writers")
    press(app, "Ask both")
    both(app, runtime)
    assert not app.exception
    return app


def both(app: AppTest, runtime: Runtime) -> list[Job]:
    batch = runtime.desk.wait(app.session_state["two_writers"].batch_id, 60)
    jobs = [cell.job for cell in batch.cells]
    app.run()
    return jobs


def test_with_one_writer_nothing_offers_a_comparison_and_its_address_says_what_a_second_needs(app: AppTest) -> None:
    assert "Compare two writers" not in [button.label for button in app.button]
    app.query_params["two"] = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    app.run()
    assert "a comparison needs two" in says(app)
    assert "GOOGLE_API_KEY" in says(app)
    (ask,) = [button for button in app.button if button.label == "Ask both"]
    assert ask.disabled
    press(app, "Back")
    assert app.text_area(key="generate_words").label == "What should it show?"
    assert not any(button.label == "Back" for button in app.button)


def test_both_are_asked_with_the_same_words_and_nothing_is_painted(comparing: AppTest, runtime: Runtime) -> None:
    """Two ordinary jobs."""
    jobs = both(comparing, runtime)
    assert [(job.task.words, job.task.writer, job.state) for job in jobs] == [
        ("a red ball", "gemini", "done"),
        ("a red ball", "offline", "done"),
    ]
    assert runtime.tools.history.count(HistoryQuery()) == 0
    assert "fields differ" in says(comparing)


def test_the_left_prompt_is_taken_as_it_is(comparing: AppTest) -> None:
    press(comparing, "Use this prompt")
    draft = comparing.session_state["page_generate"].draft
    assert StructuredPrompt.parse(draft.text).document == GEMINIS
    assert (draft.writer, draft.edited, draft.words) == ("gemini", False, "a red ball")
    assert not any(button.label == "Back" for button in comparing.button)


def test_a_merge_takes_each_side_where_it_was_chosen(comparing: AppTest, runtime: Runtime) -> None:
    left, right = (job.written for job in both(comparing, runtime))
    assert left is not None
    assert right is not None
    rows = compare_prompts(left.prompt, right.prompt).rows()
    number = next(n for n, row in enumerate(rows) if row["path"] == "background_setting")
    comparing.session_state["two_writers"].right = frozenset({number})
    comparing.run()
    press(comparing, "Use this prompt")
    draft = comparing.session_state["page_generate"].draft
    taken = StructuredPrompt.parse(draft.text)
    assert taken.get("background_setting") == right.prompt.get("background_setting")
    assert taken.get("lighting") == GEMINIS["lighting"]
    assert draft.edited
    assert "Merged from Gemini and offline" in says(comparing)


def test_a_writer_that_refuses_leaves_the_other_ones_prompt(
    gemini: LoopbackGemini, app: AppTest, runtime: Runtime
) -> None:
    gemini.will(blocked("SAFETY"))
    app.text_area(key="generate_words").set_value("a red ball")
    press(app, "Compare two writers")
    press(app, "Ask both")
    both(app, runtime)
    assert len(app.error) == 1
    press(app, "Use this prompt")
    assert app.session_state["page_generate"].draft.writer == "offline"


def test_a_writer_that_failed_is_asked_again_alone(gemini: LoopbackGemini, app: AppTest, runtime: Runtime) -> None:
    gemini.will(blocked("SAFETY"))
    app.text_area(key="generate_words").set_value("a red ball")
    press(app, "Compare two writers")
    press(app, "Ask both")
    kept = both(app, runtime)[1].id
    gemini.will(answer(GEMINIS))
    press(app, "Ask again")
    jobs = both(app, runtime)
    assert jobs[0].state == "done"
    assert jobs[1].id == kept
    assert "fields differ" in says(app)


def test_a_reload_finds_both_prompts_again(comparing: AppTest) -> None:
    again = AppTest.from_file(str(APP), default_timeout=60)
    again.query_params["two"] = comparing.session_state["two_writers"].batch_id
    again.run()
    assert "fields differ" in says(again)
    assert again.text_area(key="generate_words").value == "a red ball"


def test_an_address_of_a_batch_that_is_gone_is_no_fault(app: AppTest) -> None:
    app.query_params["two"] = "01J0000000000000000000000A"
    app.run()
    assert not app.exception


def test_words_are_needed_and_two_different_writers(gemini: LoopbackGemini, app: AppTest) -> None:
    press(app, "Compare two writers")
    press(app, "Ask both")
    assert "Say in a few words" in says(app)
    app.text_area(key="generate_words").set_value("a red ball")
    app.selectbox(key="two_right").set_value("gemini").run()
    press(app, "Ask both")
    assert "Both sides are Gemini" in says(app)


def test_a_writer_of_any_model_is_compared_under_that_models_name() -> None:
    left, right = WrittenPrompt(LEFT, "llm", model="qwen3:8b"), WrittenPrompt(RIGHT, "gemini", model="gemini-3")
    assert "Merged from llm (qwen3:8b) and Gemini." in merged(left, right, {0}).notes


LEFT = StructuredPrompt.from_dict({"short_description": "a", "objects": [{"description": "x"}], "context": "one"})
RIGHT = StructuredPrompt.from_dict({"short_description": "a", "objects": [{"description": "y"}], "style_medium": "ink"})


def test_what_differs_and_what_is_the_same_are_told_apart() -> None:
    compared = compare_prompts(LEFT, RIGHT, {1})
    assert [(row["path"], row["left"], row["right"], row["side"]) for row in compared.rows()] == [
        ("objects[0].description", "x", "y", "left"),
        ("context", "one", None, "right"),
        ("style_medium", None, "ink", "left"),
    ]
    assert compared.same == [{"path": "short_description", "value": "a"}]


def test_choosing_one_side_everywhere_gives_that_prompt_and_its_author() -> None:
    left, right = WrittenPrompt(LEFT, "gemini"), WrittenPrompt(RIGHT, "offline")
    assert merged(left, right, ()) is left
    assert merged(left, right, range(3)) is right
    mixed = merged(left, right, [1])
    assert (mixed.prompt.get("context"), mixed.prompt.get("objects[0].description")) == (None, "x")
    assert (mixed.writer, mixed.edited) == ("gemini", True)

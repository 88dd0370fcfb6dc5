"""Reviewing a refinement on its page: a writer that does more than it is told, locks, offers, the picture."""

import json
from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.store.generation import Generation
from fibo_core.store.history import HistoryQuery
from fibo_core.work.runtime import Runtime
from fibo_core.writers import review
from fibo_core.writers.asked import asked
from studio.ui.components.refinement import _review
from tests.pages.conftest import APP, finish, page, press, says, type_json
from tests.writers.loopback_gemini import LoopbackGemini, answer, loopback_gemini

ANSWER = {
    "short_description": "a green ball on the left",
    "objects": [{"description": "a green ball on the left", "location": "left", "relationship": "alone"}],
    "background_setting": "a golden meadow",
    "lighting": {"conditions": "golden hour", "direction": "from the side"},
    "aesthetics": {"composition": "centred", "color_scheme": "green and gold", "mood_atmosphere": "nostalgic"},
    "context": "a film still",
}
WISH = "make the ball green"


@pytest.fixture
def gemini(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackGemini]:
    """A writer that is asked for a green ball and changes the light and the background too."""
    with loopback_gemini() as server:
        server.will(answer(ANSWER))
        monkeypatch.setenv("GOOGLE_API_KEY", "a-key-of-no-account")
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
        yield server


@pytest.fixture
def refine(gemini: LoopbackGemini, app: AppTest, store: Callable[..., Generation]) -> AppTest:
    """The Refine page with a picture as its source, and what should change typed in."""
    source = store("a red ball on the left", seed=41)
    app.session_state["page_generate"].shown_id = source.id
    app.run()
    press(app, "Refine")
    app.text_input(key="refine_words").set_value(WISH)
    return app


def draft(app: AppTest) -> StructuredPrompt:
    return StructuredPrompt.parse(app.session_state["page_refine"].draft.text)


def show(app: AppTest, runtime: Runtime) -> None:
    press(app, "Show the changes")
    job = finish(app, runtime, "refine")
    assert job.state == "done", job.error
    assert not app.exception


def test_only_what_was_asked_is_in_the_prompt_and_the_rest_is_offered(refine: AppTest, runtime: Runtime) -> None:
    show(refine, runtime)
    assert draft(refine).get("objects[0].description") == "a green ball on the left"
    assert draft(refine).get("lighting") is None
    assert "2 changes: 2 of 2 asked for, 0 of 6 offered" in says(refine)
    assert "edited by you" not in says(refine)


def test_the_switch_takes_the_offers_and_leaves_them_again(refine: AppTest, runtime: Runtime) -> None:
    show(refine, runtime)
    refine.toggle(key="refine_only_asked").set_value(False).run()
    assert draft(refine).document == ANSWER
    refine.toggle(key="refine_only_asked").set_value(True).run()
    assert draft(refine).get("lighting") is None
    assert draft(refine).get("objects[0].description") == "a green ball on the left"


def test_the_switch_keeps_what_was_typed_into_the_json(refine: AppTest, runtime: Runtime) -> None:
    show(refine, runtime)
    edited = draft(refine).set("objects[0].texture", "velvet").to_json()
    type_json(refine, "refine", edited)
    assert "1 by your hand" in says(refine)
    refine.toggle(key="refine_only_asked").set_value(False).run()
    assert draft(refine).get("objects[0].texture") == "velvet"
    assert draft(refine).get("background_setting") == "a golden meadow"


def test_changes_are_judged_once_until_something_changes(
    refine: AppTest, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at each run of the page."""
    judged: list[str] = []

    def judge(source: StructuredPrompt, answer: StructuredPrompt, instruction: str) -> frozenset[int]:
        judged.append(instruction)
        return asked(source, answer, instruction)

    show(refine, runtime)
    _review.cache_clear()
    monkeypatch.setattr(review, "asked", judge)
    refine.run()
    refine.run()
    assert judged == [WISH]
    refine.toggle(key="refine_only_asked").set_value(False).run()
    assert judged == [WISH, WISH]


def test_the_count_follows_the_ticks(refine: AppTest, runtime: Runtime) -> None:
    show(refine, runtime)
    refine.toggle(key="refine_only_asked").set_value(False).run()
    assert "8 changes: 2 of 2 asked for, 6 of 6 offered" in says(refine)


def test_changes_that_are_discarded_leave_the_sources_prompt_and_give_the_words_back(
    refine: AppTest, runtime: Runtime
) -> None:
    show(refine, runtime)
    assert refine.text_input(key="refine_words").value == ""
    press(refine, "Discard")
    assert draft(refine) == refine.session_state["page_refine"].source
    assert refine.text_input(key="refine_words").value == WISH
    assert "asked for" not in says(refine)


def test_without_the_switch_the_whole_answer_is_taken(refine: AppTest, runtime: Runtime) -> None:
    refine.toggle(key="refine_only_asked").set_value(False).run()
    show(refine, runtime)
    assert draft(refine).get("lighting.conditions") == "golden hour"


def test_a_locked_part_is_as_it_was_and_the_page_says_what_the_writer_tried(refine: AppTest, runtime: Runtime) -> None:
    refine.session_state["page_refine"].locked = ("objects[0]",)
    source = refine.session_state["page_refine"].source
    show(refine, runtime)
    assert draft(refine).get("objects[0]") == source.get("objects[0]")
    assert "1 locked" in says(refine)
    assert "put back" in says(refine)


def test_a_writer_that_changes_nothing_is_said_to(refine: AppTest, runtime: Runtime, gemini: LoopbackGemini) -> None:
    """ "Nothing differs" alone would leave the user to guess what to do."""
    source = refine.session_state["page_refine"].source
    gemini.will(answer(source.document))
    show(refine, runtime)
    assert "The writer changed nothing: the prompt may say so already" in says(refine)
    assert refine.text_input(key="refine_words").value == WISH


def test_accepting_paints_the_reviewed_prompt_with_the_same_seed(refine: AppTest, runtime: Runtime) -> None:
    show(refine, runtime)
    reviewed = draft(refine)
    press(refine, "Paint these changes")
    finish(refine, runtime, "refine")
    child = runtime.tools.history.page(HistoryQuery()).items[0]
    assert (child.prompt, child.request.seed, child.words) == (reviewed, 41, WISH)
    assert (child.writer, child.edited) == ("gemini", False)


def test_painting_at_once_paints_what_was_asked_and_the_offers_can_still_be_taken(
    refine: AppTest, runtime: Runtime
) -> None:
    """After a reload too."""
    press(refine, "Paint with the same seed")
    job = finish(refine, runtime, "refine")
    child = runtime.tools.history.page(HistoryQuery()).items[0]
    assert child.prompt.get("lighting") is None
    assert "green" in child.prompt.canonical()
    again = AppTest.from_file(str(APP), default_timeout=60)
    again.run()
    page(again, "refine")
    again.query_params["job"] = job.id
    again.run()
    assert "0 of 6 offered" in says(again)


def test_locks_are_found_again_after_a_reload(refine: AppTest, runtime: Runtime) -> None:
    refine.session_state["page_refine"].locked = ("objects[0].description", "short_description")
    show(refine, runtime)
    again = AppTest.from_file(str(APP), default_timeout=60)
    again.run()
    page(again, "refine")
    again.query_params["batch"] = refine.session_state["page_refine"].batch_id
    again.run()
    assert again.session_state["page_refine"].locked == ("objects[0].description", "short_description")
    assert "2 locked" in says(again)


@pytest.mark.parametrize("sees", [True, False])
def test_the_writer_sees_the_picture_where_that_is_wished(
    refine: AppTest, runtime: Runtime, gemini: LoopbackGemini, sees: bool
) -> None:
    refine.toggle(key="refine_with_picture").set_value(sees).run()
    show(refine, runtime)
    assert ("inlineData" in json.dumps(gemini.received[-1].body)) is sees


def test_a_prompt_without_a_picture_has_none_to_show(app: AppTest) -> None:
    page(app, "refine")
    app.text_area(key="refine_pasted").set_value('{"short_description": "a pasted ball"}')
    press(app, "Use this prompt")
    assert [toggle.label for toggle in app.toggle] == ["Only what I asked"]
    assert not app.exception

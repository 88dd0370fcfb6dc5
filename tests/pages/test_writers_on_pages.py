"""What pages say of writers: who can be asked, who answered, why another did not, and what to do when nobody does."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fibo_core.work.runtime import Runtime
from studio.runtime import get_runtime
from studio.shell import get_shell
from studio.ui.words import describe
from tests.pages.conftest import APP, finish, page, press, says
from tests.writers import loopback_llm
from tests.writers.loopback_gemini import LoopbackGemini, answer, error, loopback_gemini, payload, retry_info

PROMPT = {"short_description": "A red ball on a table.", "objects": [{"description": "A red ball."}]}
BUSY = error(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", retry_info("34s"))
NO_PROMPT = "I would rather not write JSON today."


@pytest.fixture
def gemini(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackGemini]:
    """Gemini, as it answers on loopback, with a key for it."""
    with loopback_gemini() as server:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
        monkeypatch.setenv("GOOGLE_API_KEY", "-".join(["not", "a", "real", "key"]))
        yield server


@pytest.fixture
def studio(gemini: LoopbackGemini, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    """A running studio whose first writer is Gemini."""
    (tmp_path / "workspace").mkdir()
    monkeypatch.setenv("FIBO_MODEL", "mini")
    get_shell.clear()
    runtime = get_runtime()
    yield runtime
    runtime.close()
    get_shell.clear()


def write(words: str = "a red ball", writer: str = "auto") -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60).run()
    app.selectbox(key="generate_writer").set_value(writer)
    app.text_area(key="generate_words").set_value(words)
    return press(app, "Prompt only")


def test_the_writer_field_says_who_is_not_ready(app: AppTest) -> None:
    """Without a key Gemini can be chosen, and the field says what is missing."""
    options = app.selectbox(key="generate_writer").options
    assert options == ["Auto", "Gemini (no key)", "LLM (no address)", "Local (no GPU)", "Offline"]


def test_who_wrote_the_prompt_and_what_it_took_stands_under_it(studio: Runtime, gemini: LoopbackGemini) -> None:
    gemini.will(answer(PROMPT, tokens=(521, 250, 41)))
    app = write()
    finish(app, studio)
    assert "written by Gemini · gemini-3.5-flash-lite · 812 tokens" in says(app)
    assert "did not answer" not in says(app)


@pytest.fixture
def qwen(monkeypatch: pytest.MonkeyPatch) -> Iterator[loopback_llm.LoopbackLlm]:
    """A service of any model, on loopback."""
    with loopback_llm.loopback_llm() as server:
        monkeypatch.setenv("LLM_BASE_URL", server.url)
        monkeypatch.setenv("LLM_MODEL", "qwen3:8b")
        yield server


def test_any_model_is_a_writer_under_its_own_name(
    qwen: loopback_llm.LoopbackLlm, app: AppTest, runtime: Runtime
) -> None:
    """In the field, under the prompt, and on System, where it is asked only by the button."""
    qwen.will(loopback_llm.stream(PROMPT, tokens=(521, 291)))
    app = write()
    assert app.selectbox(key="generate_writer").options[2] == "LLM (qwen3:8b)"
    finish(app, runtime)
    assert "written by llm · qwen3:8b · 812 tokens" in says(app)
    page(app, "system")
    assert "**LLM (qwen3:8b)** :green-badge[ready]" in says(app)
    assert len(qwen.received) == 1
    qwen.will(loopback_llm.models("qwen3:8b"))
    press(app, "Ask whether it answers")
    assert qwen.received[1].path == "/v1/models"
    assert "/v1 has qwen3:8b" in says(app)


def test_the_page_says_who_answered_and_why_the_first_did_not(studio: Runtime, gemini: LoopbackGemini) -> None:
    """The user has a prompt at once, and knows that it is not Gemini's."""
    gemini.will(error(503, "UNAVAILABLE", "The model is overloaded."))
    app = write()
    finish(app, studio)
    assert "written by offline" in says(app)
    assert "Gemini has trouble of its own" in says(app)
    assert not app.error


def test_a_failure_is_said_and_the_prompt_before_stays(studio: Runtime, gemini: LoopbackGemini) -> None:
    """In a place of its own, which moves nothing; a browser's test has where that is."""
    gemini.will(answer(PROMPT))
    app = write()
    finish(app, studio)
    gemini.will(payload({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}))
    press(app, "Prompt only")
    assert finish(app, studio).state == "failed"
    assert "prohibited" in app.error[0].value
    assert [caption for caption in app.caption if "written by Gemini" in caption.value]


def test_a_refused_prompt_is_said_and_no_other_writer_is_asked(studio: Runtime, gemini: LoopbackGemini) -> None:
    gemini.will(payload({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}))
    app = write("something forbidden")
    job = finish(app, studio)
    assert (job.state, job.error_kind, job.written) == ("failed", "PromptRefused", None)
    assert app.text_area(key="generate_words").value == "something forbidden"
    assert [button.label for button in app.button if "offline" in button.label] == []


def test_a_job_that_waits_for_a_quota_says_so_and_can_be_sent_to_the_offline_writer(
    studio: Runtime, gemini: LoopbackGemini
) -> None:
    """Its line says "Gemini is over its quota; asking again in 34 s", with a way on that needs no waiting."""
    gemini.will(BUSY)
    app = write()
    batch_id = app.session_state["page_generate"].batch_id
    (job_id,) = [job.id for job in studio.desk.get(batch_id).jobs]
    while studio.jobs.get(job_id).state != "waiting":
        assert not studio.jobs.wait(job_id, 0.1).ended
    batch = studio.desk.get(batch_id)
    assert describe(studio.desk, batch).startswith("Gemini is over its quota; asking again in 3")
    studio.desk.ask_instead(batch_id, "offline")
    job = finish(app, studio)
    assert (job.id, job.state, job.written.writer if job.written else "") == (job_id, "done", "offline")
    assert "written by offline" in says(app)


def test_what_a_chosen_writer_said_that_is_no_prompt_can_be_mended_in_the_editor(
    studio: Runtime, gemini: LoopbackGemini
) -> None:
    """The job fails in one sentence, the words stay, and the answer itself is a press away."""
    gemini.will(answer(NO_PROMPT))
    app = write(writer="gemini")
    job = finish(app, studio)
    assert (job.state, job.error_kind) == ("failed", "WriterAnswerError")
    assert app.text_area(key="generate_words").value == "a red ball"
    press(app, "Open what it said in the editor")
    assert app.session_state["page_generate"].draft.text == NO_PROMPT
    assert not app.exception


def test_a_chosen_writer_that_fails_can_be_replaced_by_the_offline_one(studio: Runtime, gemini: LoopbackGemini) -> None:
    gemini.will(error(403, "PERMISSION_DENIED", "This key may not."))
    app = write(writer="gemini")
    assert finish(app, studio).state == "failed"
    press(app, "Ask offline instead")
    assert finish(app, studio).state == "done"
    assert "written by offline" in says(app)


def test_the_system_page_says_of_each_writer_how_to_make_it_ready(app: AppTest) -> None:
    page(app, "system")
    assert "**Gemini** :orange-badge[no key]" in says(app)
    assert "GOOGLE_API_KEY is not set" in says(app)
    assert "**Local** :orange-badge[no GPU]" in says(app)
    assert "**Offline** :green-badge[ready]" in says(app)


def test_the_system_page_asks_gemini_only_when_somebody_presses_the_button(
    studio: Runtime, gemini: LoopbackGemini
) -> None:
    gemini.will(payload({"name": "models/gemini-3.5-flash-lite", "displayName": "Gemini Lite"}))
    app = page(AppTest.from_file(str(APP), default_timeout=60).run(), "system")
    assert "**Gemini** :green-badge[ready]" in says(app)
    assert gemini.received == []
    press(app, "Ask whether it answers")
    assert "Gemini Lite answers to this key" in says(app)
    assert len(gemini.received) == 1

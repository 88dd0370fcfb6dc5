"""Secrets stay where they are: in the environment, and in the requests to their own service."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from fibo_core.engine.render_settings import RenderSettings
from fibo_core.models.catalogue import CATALOGUE
from fibo_core.settings import Settings
from fibo_core.work.runtime import Runtime, build_runtime
from fibo_core.work.tasks import GenerateTask, Painting
from studio.logs import start_logging
from tests.work.submitting import submit
from tests.writers import loopback_llm
from tests.writers.loopback_gemini import INVALID_KEY, LoopbackGemini, answer, error, loopback_gemini

KEY = "-".join(["made", "up", "key", "of", "a", "test"])
SETTINGS = RenderSettings.of(CATALOGUE["mini"], num_inference_steps=2)
PROMPT = {"short_description": "A red ball on a table.", "objects": [{"description": "A red ball."}]}


@pytest.fixture
def gemini(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackGemini]:
    with loopback_gemini() as server:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
        yield server


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    """A whole studio with a key, logging everything."""
    settings = Settings.from_environ(
        {"WORKSPACE_DIR": str(tmp_path / "workspace"), "GOOGLE_API_KEY": KEY, "LOG_LEVEL": "DEBUG"}
    )
    settings.workspace_dir.mkdir()
    start_logging(settings, "studio.log", stderr=False)
    runtime = build_runtime(settings)
    yield runtime
    runtime.close()
    for handler in list(logging.getLogger().handlers):
        handler.flush()


def files_with(folder: Path, secret: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


def test_the_key_is_in_the_request_and_nowhere_in_the_workspace(runtime: Runtime, gemini: LoopbackGemini) -> None:
    """A picture painted from Gemini's prompt: row, PNG, sidecar, database and log know the model and not the key."""
    gemini.will(answer(PROMPT, tokens=(521, 250, 41)))
    job = runtime.jobs.wait(submit(runtime.jobs, GenerateTask("a red ball", Painting(SETTINGS, (7,)))).id, 120)
    assert (job.state, job.error) == ("done", None)
    generation = runtime.tools.history.get(job.generation_ids[0])
    assert (generation.writer, generation.writer_model) == ("gemini", runtime.settings.gemini_model)
    assert generation.usage is not None
    assert (generation.usage.input_tokens, generation.usage.output_tokens) == (521, 291)

    assert gemini.received[0].headers["x-goog-api-key"] == KEY
    assert KEY not in gemini.received[0].path
    runtime.close()
    assert files_with(runtime.settings.workspace_dir, generation.id)  # the search finds what is there
    assert files_with(runtime.settings.workspace_dir, KEY) == []


def test_the_key_of_any_models_service_is_in_no_file_either(tmp_path: Path) -> None:
    """Said back in an error, in an answer, and in the model's name, with everything logged."""
    with loopback_llm.loopback_llm() as llm:
        settings = Settings.from_environ(
            {
                "WORKSPACE_DIR": str(tmp_path),
                "LLM_BASE_URL": llm.url,
                "LLM_MODEL": "qwen3:8b",
                "LLM_API_KEY": KEY,
                "LOG_LEVEL": "DEBUG",
            }
        )
        start_logging(settings, "studio.log", stderr=False)
        runtime = build_runtime(settings)
        said = {"short_description": f"A red ball, {KEY}.", "objects": [{"description": "A red ball."}]}
        ended = []
        for reply in (loopback_llm.error(400, KEY), loopback_llm.answer(KEY), loopback_llm.answer(said, model=KEY)):
            llm.will(reply)
            task = GenerateTask("a red ball", Painting(SETTINGS, (7,)), "llm")
            ended.append(runtime.jobs.wait(submit(runtime.jobs, task).id, 120))
        runtime.close()
        logging.getLogger("fibo_core").warning("The key is %s", KEY)
    for handler in list(logging.getLogger().handlers):
        handler.flush()
    assert [job.state for job in ended] == ["failed", "failed", "done"]
    assert llm.received[0].headers["authorization"] == f"Bearer {KEY}"
    assert files_with(tmp_path, ended[2].id)
    assert files_with(tmp_path, KEY) == []


def test_a_key_that_an_angry_service_repeats_is_shown_to_nobody(runtime: Runtime, gemini: LoopbackGemini) -> None:
    """The service quotes the key in its error; the job's sentence, its row, the notes and the log do not."""
    gemini.will(error(400, "INVALID_ARGUMENT", f"API key not valid: {KEY}. Please pass a valid key.", INVALID_KEY))
    chosen = runtime.jobs.wait(submit(runtime.jobs, GenerateTask("a red ball", Painting(SETTINGS), "gemini")).id, 120)
    auto = runtime.jobs.wait(submit(runtime.jobs, GenerateTask("a red ball", Painting(SETTINGS))).id, 120)
    assert (chosen.state, chosen.error_kind, auto.state) == ("failed", "WriterUnavailable", "done")
    assert auto.written is not None
    assert auto.written.writer == "offline"
    assert auto.written.passed_over[0].startswith("Gemini did not answer: ")
    assert KEY not in f"{chosen.error}{auto.written.passed_over}"
    runtime.close()
    assert files_with(runtime.settings.workspace_dir, KEY) == []


def test_a_key_that_stands_in_an_answer_is_not_kept_with_the_job(runtime: Runtime, gemini: LoopbackGemini) -> None:
    """What a writer said is offered for mending, without the key that it may have repeated."""
    gemini.will(answer(f"I was called with {KEY} and have nothing to say."))
    job = runtime.jobs.wait(submit(runtime.jobs, GenerateTask("a red ball", Painting(SETTINGS), "gemini")).id, 120)
    assert (job.state, job.error_kind) == ("failed", "WriterAnswerError")
    assert job.answer is not None
    assert "nothing to say" in job.answer
    runtime.close()
    assert files_with(runtime.settings.workspace_dir, KEY) == []

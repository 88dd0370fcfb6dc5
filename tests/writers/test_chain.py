"""Which writer answers: the best that is set up, then the next, and never past a refusal or a bug."""

from dataclasses import dataclass, field

import pytest

from fibo_core.errors import (
    FiboError,
    InputError,
    NoWriterAnswered,
    PromptRefused,
    WriterAnswerError,
    WriterUnavailable,
)
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.settings import Settings
from fibo_core.work.runtime import build_writers
from fibo_core.writers import PromptWriter, WrittenPrompt
from fibo_core.writers.chain import AUTO_PATIENCE_S, Backend, Missing, Writers
from fibo_core.writers.offline import OfflineWriter

NO_KEY = Missing("no key", "GOOGLE_API_KEY is not set. Set it, or choose another writer.")
BUSY = WriterUnavailable("Gemini is over its quota (429).", retry_after_s=34)


class Scripted(OfflineWriter):
    """Raises what it was given, one after another, and then answers."""

    def __init__(self, name: str, errors: tuple[Exception, ...] = ()) -> None:
        self.name, self.errors = name, list(errors)

    def answer(self) -> WrittenPrompt:
        if self.errors:
            raise self.errors.pop(0)
        return WrittenPrompt(StructuredPrompt.from_dict({"short_description": "a ball"}), self.name)


@dataclass
class Patient:
    """Waits in no time, as often as it is asked to (or not at all), and remembers what for."""

    waits: bool = True
    asked: list[str] = field(default_factory=list)
    waited: list[tuple[str, float, float]] = field(default_factory=list)

    def on_writing(self, writer: str) -> None:
        self.asked.append(writer)

    def on_over_quota(self, reason: str, retry_after_s: float, patience_s: float) -> bool:
        self.waited.append((reason, retry_after_s, patience_s))
        return self.waits


def backend(name: str, *errors: Exception, lack: Missing | None = None) -> Backend:
    titles = {"gemini": "Gemini"}
    return Backend(
        name, titles.get(name, f"The {name} writer"), "a writer", lambda: Scripted(name, errors), lambda: lack
    )


def write(writers: Writers, choice: str = "auto", waiter: Patient | None = None) -> WrittenPrompt:
    return writers.write(choice, lambda writer: writer.answer(), waiter or Patient())  # type: ignore[attr-defined]


def test_auto_asks_the_best_that_is_set_up_and_no_other() -> None:
    """Gemini has a key and answers: nobody else is asked, and nothing was passed over."""
    waiter = Patient()
    written = write(Writers([backend("gemini"), backend("offline")]), waiter=waiter)
    assert (written.writer, written.passed_over, waiter.asked) == ("gemini", (), ["gemini"])


def test_a_writer_that_is_not_set_up_is_left_out_without_a_word() -> None:
    """A laptop without a key need not be told so under every prompt."""
    waiter = Patient()
    written = write(Writers([backend("gemini", lack=NO_KEY), backend("offline")]), waiter=waiter)
    assert (written.writer, written.passed_over, waiter.asked) == ("offline", (), ["offline"])


@pytest.mark.parametrize(
    "error",
    [
        WriterUnavailable("the network is down."),
        WriterUnavailable("the key is not valid."),
        WriterAnswerError("it answered no JSON.", "Sure! Here is"),
    ],
)
def test_a_writer_that_cannot_answer_is_passed_over_and_the_reason_is_kept(error: FiboError) -> None:
    """The user gets a prompt, and is told who wrote it and why the first did not."""
    written = write(Writers([backend("gemini", error), backend("local"), backend("offline")]))
    assert written.writer == "local"
    assert written.passed_over == (f"Gemini did not answer: {error}",)


@pytest.mark.parametrize("error", [PromptRefused("Gemini refused these words (SAFETY)."), ZeroDivisionError("a bug")])
def test_a_refusal_or_a_bug_never_falls_through(error: Exception) -> None:
    """What a service does not allow is said, not sidestepped; a bug is seen and not hidden by another writer."""
    waiter = Patient()
    with pytest.raises(type(error)):
        write(Writers([backend("gemini", error), backend("offline")]), waiter=waiter)
    assert waiter.asked == ["gemini"]


def test_when_nobody_answers_one_error_carries_every_reason_and_every_text() -> None:
    writers = Writers(
        [
            backend("gemini", WriterUnavailable("The service is down (503).")),
            backend("local", WriterAnswerError("It answered no JSON.", "Sure! Here is")),
            backend("offline", InputError("The words are 5,000 characters long.")),
        ]
    )
    with pytest.raises(NoWriterAnswered) as error:
        write(writers)
    for part in ("Gemini: The service is down", "The local writer: It answered no JSON", "5,000 characters"):
        assert part in str(error.value)
    assert error.value.text == "Sure! Here is"


def test_words_that_no_writer_takes_are_the_users_error_alone() -> None:
    """With nobody passed over, an InputError stays what it is."""
    with pytest.raises(InputError, match="empty"):
        write(Writers([backend("offline", InputError("The words are empty."))]))


def test_a_quota_that_is_soon_free_again_is_waited_for() -> None:
    """Half a minute later the better writer answers; nothing was passed over."""
    waiter = Patient()
    written = write(Writers([backend("gemini", BUSY), backend("offline")]), waiter=waiter)
    assert (written.writer, written.passed_over) == ("gemini", ())
    assert waiter.waited == [("Gemini is over its quota", 34, AUTO_PATIENCE_S)]


def test_a_service_that_is_down_until_a_time_it_says_is_waited_for_and_said_to_be_down() -> None:
    waiter = Patient()
    down = WriterUnavailable("It is down (503).", 20, meanwhile="has trouble of its own")
    assert write(Writers([backend("gemini", down), backend("offline")]), waiter=waiter).writer == "gemini"
    assert waiter.waited == [("Gemini has trouble of its own", 20, AUTO_PATIENCE_S)]


def test_who_is_told_to_write_has_its_models_name_where_it_may_be_any() -> None:
    waiter = Patient()
    any_model = Backend("llm", "qwen3:8b", "a writer", lambda: Scripted("llm", ()), model="qwen3:8b")
    assert write(Writers([any_model]), waiter=waiter).writer == "llm"
    assert waiter.asked == ["llm (qwen3:8b)"]


def test_a_quota_nobody_waits_for_falls_through_in_auto_and_fails_for_a_chosen_writer() -> None:
    writers = Writers([backend("gemini", BUSY, BUSY), backend("offline")])
    written = write(writers, waiter=Patient(waits=False))
    assert (written.writer, written.passed_over) == (
        "offline",
        ("Gemini is over its quota (429).",),
    )
    with pytest.raises(WriterUnavailable, match="429"):
        write(writers, "gemini", Patient(waits=False))


def test_a_chosen_writer_is_asked_alone_and_says_what_it_lacks() -> None:
    """Whoever chose Gemini gets Gemini, or the sentence that says what to do."""
    writers = Writers([backend("gemini", lack=NO_KEY), backend("offline")])
    with pytest.raises(WriterUnavailable, match="Set it, or choose another writer"):
        write(writers, "gemini")
    with pytest.raises(WriterUnavailable, match="down"):
        write(Writers([backend("gemini", WriterUnavailable("It is down.")), backend("offline")]), "gemini")


def test_an_unknown_writer_is_refused_with_the_names() -> None:
    with pytest.raises(InputError, match=r"'gpt'\. Choose auto, gemini, offline"):
        write(Writers([backend("gemini"), backend("offline")]), "gpt")


def test_where_the_environment_names_a_writer_auto_asks_that_one_alone() -> None:
    """FIBO_WRITER=offline keeps every word on this machine, whatever a form says."""
    waiter = Patient()
    assert write(Writers([backend("gemini"), backend("offline")], "offline"), waiter=waiter).writer == "offline"
    assert waiter.asked == ["offline"]


def test_a_writer_is_built_when_it_is_first_asked_and_once() -> None:
    """No client, no library and no model before they are needed."""
    built = []

    def build() -> PromptWriter:
        built.append("gemini")
        return Scripted("gemini")

    writers = Writers([Backend("gemini", "Gemini", "a service", build), backend("offline")])
    write(writers, "offline")
    assert built == []
    write(writers)
    write(writers)
    assert built == ["gemini"]


@pytest.mark.parametrize(
    ("environ", "says"),
    [({}, "no key"), ({"GOOGLE_API_KEY": "-".join(["not", "a", "real", "key"])}, None)],
)
def test_the_studio_lists_its_writers_best_first_each_with_what_it_lacks(
    environ: dict[str, str], says: str | None, tmp_path: object
) -> None:
    """The page can say "Gemini (no key)" without asking the network."""
    writers = build_writers(Settings.from_environ({"WORKSPACE_DIR": str(tmp_path), **environ}))
    assert writers.names == ("gemini", "llm", "local", "offline")
    lack = writers.missing("gemini")
    assert (lack.what if lack else None) == says
    assert writers.missing("offline") is None


def test_a_studio_told_to_ask_gemini_without_a_key_starts_and_says_what_to_do(tmp_path: object) -> None:
    """The start does not fail; the writer says so when it is asked."""
    writers = build_writers(Settings.from_environ({"WORKSPACE_DIR": str(tmp_path), "FIBO_WRITER": "gemini"}))
    with pytest.raises(WriterUnavailable, match="GOOGLE_API_KEY is not set"):
        write(writers)

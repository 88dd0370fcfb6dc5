"""Which writer is asked, and what may fall through to the next one.

"auto" asks those that are set up, best first. Only a writer that cannot answer now, or whose answer could not be
made a prompt, is passed over; what a service refuses is refused, and a bug is a bug.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from fibo_core.cancel import CancelFlag
from fibo_core.errors import InputError, NoWriterAnswered, WriterAnswerError, WriterError, WriterUnavailable
from fibo_core.models.catalogue import WeightsSpec
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.writers import PromptWriter, SuggestedValues, WrittenPrompt, writer_name, writer_title
from fibo_core.writers.values import WISH_CHARS_MAX, count_wished

AUTO = "auto"
AUTO_PATIENCE_S = 60.0  #: on the clock, that "auto" waits for a writer over its quota, before it asks the next
CHOSEN_PATIENCE_S = 900.0  #: that a writer chosen by name is waited for

Ask = Callable[[PromptWriter], WrittenPrompt]
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Missing:
    """What a writer lacks: in a word or two ("no key"), and as the sentence that says what to do.

    ``weights`` are those to fetch, where nothing else is missing.
    """

    what: str
    todo: str
    weights: WeightsSpec | None = None


def _nothing_missing() -> Missing | None:
    return None


@dataclass(frozen=True)
class Backend:
    """A writer that is built when it is first asked. ``missing`` is asked often: it must be quick, without network."""

    name: str
    title: str  #: as a sentence begins: "Gemini", "The local writer"
    about: str  #: one line for the page: "a model on this machine's GPU"
    build: Callable[[], PromptWriter]
    missing: Callable[[], Missing | None] = _nothing_missing
    model: str = ""  #: that belongs to its name, where the name says little without it

    @property
    def called(self) -> str:
        """Its name, with the model that belongs to it: "gemini", "llm (qwen3:8b)"."""
        return writer_name(self.name, self.model) if self.model else self.name

    @property
    def heading(self) -> str:
        """The same where a line begins."""
        return writer_title(self.name, self.model)


class Waiter(Protocol):
    """Is told who is asked, and decides whether a quota is waited for."""

    def on_writing(self, writer: str) -> None: ...

    def on_over_quota(self, reason: str, retry_after_s: float, patience_s: float) -> bool:
        """True once ``retry_after_s`` have passed: the writer is asked again. False to go on without it: where that
        would be later than ``patience_s`` after the first time, on the clock. May raise, to come back to the whole
        task later."""
        ...


class _Impatient:
    """Waits for no quota."""

    def on_writing(self, writer: str) -> None: ...

    def on_over_quota(self, reason: str, retry_after_s: float, patience_s: float) -> bool:
        return False


class Writers:
    """The prompt writers of a process, best first. ``preferred`` is what "auto" means: itself, or one writer."""

    def __init__(self, backends: Iterable[Backend], preferred: str = AUTO) -> None:
        self._backends = {backend.name: backend for backend in backends}
        self._built: dict[str, PromptWriter] = {}
        self._building = threading.Lock()
        self.preferred = preferred

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._backends)

    @property
    def backends(self) -> tuple[Backend, ...]:
        return tuple(self._backends.values())

    def heading(self, name: str) -> str:
        """What the writer is called where a line begins: "Gemini", "LLM (qwen3:8b)"."""
        return self._backend(name).heading

    def missing(self, name: str) -> Missing | None:
        """What the writer lacks to be asked, None where it is ready. Raises InputError for an unknown name."""
        return self._backend(name).missing()

    def write(self, choice: str, ask: Ask, waiter: Waiter) -> WrittenPrompt:
        """What ``ask`` gets from the chosen writer, or with "auto" from the first that answers.

        Raises InputError for an unknown writer, the WriterError of a chosen one, PromptRefused, and
        NoWriterAnswered, with every reason, where "auto" found none.
        """
        written, _, passed_over = self._first(choice, ask, waiter)
        return replace(written, passed_over=passed_over) if passed_over else written

    def suggest_values(
        self,
        choice: str,
        prompt: StructuredPrompt,
        path: str,
        wish: str,
        *,
        without: Sequence[str] = (),
        cancel: CancelFlag | None = None,
    ) -> SuggestedValues:
        """Values for one place of a prompt, as many as the wish names ("six kinds of light"), by the chosen writer or
        with "auto" the first that answers; no quota is waited for.

        Raises InputError for an unknown writer or too long a wish, WriterUnavailable with every reason where "auto"
        found none, and as `write` does.
        """
        if len(wish) > WISH_CHARS_MAX:
            raise InputError(f"The wish has {len(wish):,} characters, and {WISH_CHARS_MAX} are read. Say it shorter.")

        def ask(writer: PromptWriter) -> tuple[str, ...]:
            count = count_wished(wish)
            return writer.suggest_values(prompt, path, wish.strip(), count, without=without, cancel=cancel)

        try:
            values, name, passed_over = self._first(choice, ask, _Impatient())
        except NoWriterAnswered as exc:
            raise WriterUnavailable(" ".join(_no_answer_note(title, why) for title, why in exc.reasons)) from exc
        return SuggestedValues(values, name, passed_over)

    def _first(
        self, choice: str, ask: Callable[[PromptWriter], Answer], waiter: Waiter
    ) -> tuple[Answer, str, tuple[str, ...]]:
        """The answer, the name of the writer that gave it, and a sentence for each that did not."""
        choice = self.preferred if choice == AUTO else choice
        if choice != AUTO:
            backend = self._backend(choice)
            lack = backend.missing()
            if lack is not None:
                raise WriterUnavailable(
                    lack.todo, remedy="" if lack.weights is None else f"download {lack.weights.name}"
                )
            return self._ask(backend, ask, waiter, CHOSEN_PATIENCE_S), backend.name, ()
        passed_over: list[tuple[str, WriterError | InputError]] = []
        for backend in self._backends.values():
            if backend.missing() is not None:
                continue  # not set up, so nobody expects it to answer
            try:
                answer = self._ask(backend, ask, waiter, AUTO_PATIENCE_S)
            except (WriterUnavailable, WriterAnswerError) as exc:
                passed_over.append((backend.title, exc))
                continue
            except InputError as exc:
                if not passed_over:
                    raise
                passed_over.append((backend.title, exc))
                break
            return answer, backend.name, tuple(_no_answer_note(title, exc) for title, exc in passed_over)
        raise NoWriterAnswered(passed_over)

    def _ask(
        self, backend: Backend, ask: Callable[[PromptWriter], Answer], waiter: Waiter, patience_s: float
    ) -> Answer:
        waiter.on_writing(backend.called)
        writer = self._writer(backend)
        while True:
            try:
                return ask(writer)
            except WriterUnavailable as exc:
                again_s = exc.retry_after_s
                if again_s is None or not waiter.on_over_quota(f"{backend.title} {exc.meanwhile}", again_s, patience_s):
                    raise

    def check(self, name: str) -> None:
        """Raises InputError for a name that is neither a writer's nor AUTO."""
        if name != AUTO:
            self._backend(name)

    def _backend(self, name: str) -> Backend:
        if name not in self._backends:
            raise InputError(f"There is no prompt writer called {name!r}. Choose auto, {', '.join(self._backends)}.")
        return self._backends[name]

    def _writer(self, backend: Backend) -> PromptWriter:
        with self._building:
            if backend.name not in self._built:
                self._built[backend.name] = backend.build()
            return self._built[backend.name]


def _no_answer_note(title: str, error: Exception) -> str:
    """One sentence on a writer that was asked in vain; most errors of its own name it already."""
    return str(error) if str(error).startswith(title) else f"{title} did not answer: {error}"

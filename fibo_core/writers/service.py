"""What the writers that ask a service share: the tasks, the tries, and a request that a cancel can end.

A service is asked by `ServiceWriter._ask`, which `gemini.py` and `llm.py` have each; all else is the same for both.
"""

import logging
import queue
import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from PIL import Image

from fibo_core.cancel import CancelFlag
from fibo_core.errors import InputError, WriterAnswerError
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.writers import OnTokens, Usage, WrittenPrompt, instructions
from fibo_core.writers.pictures import jpeg_to_show
from fibo_core.writers.refining import carried_over, shown
from fibo_core.writers.repair import Repaired, repair
from fibo_core.writers.service_faults import Fault
from fibo_core.writers.values import read_values, stands_at

logger = logging.getLogger(__name__)
for _wire in ("httpcore2", "httpcore"):  # at DEBUG they write down headers as they come, whatever stands in them
    logging.getLogger(_wire).setLevel(logging.INFO)

MAX_WORDS_CHARS = 20_000
FIRST_BUDGET, LARGER_BUDGET = 8_192, 24_576  # tokens of an answer, its thinking included; a full prompt has some 1,200
REQUEST_TRIES = 3  # of one request that fails in a way that may pass
ANSWER_TRIES = 2  # of an answer that is no prompt
PATIENCE_S = 8.0  # a longer wait for a rate limit is left to whoever asked
POLL_S = 0.1  # how often a cancel is looked for
MAX_MODEL_CHARS = 100
NO_CANDIDATE = "no candidate"  #: how an answer "ends" that holds none

Client = TypeVar("Client")


@dataclass(frozen=True)
class Asked:
    """What a service is asked, with pictures as JPEG. ``unseen`` is the task without them, None where there is none
    without them; ``alone`` the task of the first of several. ``values`` asks for a list of values in place of a
    prompt."""

    task: str
    jpegs: tuple[bytes, ...]
    refining: bool
    seed: int | None
    unseen: str | None = None
    alone: str | None = None
    budget: int = FIRST_BUDGET
    values: bool = False


@dataclass(frozen=True)
class Answer:
    """What a service answered. ``finish`` is its own word for why it ended, ``model`` the one that it says it was."""

    text: str
    finish: str
    input_tokens: int = 0
    output_tokens: int = 0
    cut_off: bool = False  # by the budget
    model: str = ""
    notes: tuple[str, ...] = ()


class ServiceWriter:
    """Implements PromptWriter by a service; safe to share between threads where ``_ask`` is."""

    name: str
    about: str
    title: str  # as a sentence begins
    variable: str  # that names the model
    model: str

    def _ask(self, asked: Asked, cancel: CancelFlag | None, on_tokens: OnTokens | None) -> Answer:
        """One answer, asked for again where that can help. Raises WriterUnavailable or PromptRefused."""
        raise NotImplementedError

    def expand(
        self,
        words: str,
        *,
        cancel: CancelFlag | None = None,
        seed: int | None = None,
        on_tokens: OnTokens | None = None,
    ) -> WrittenPrompt:
        """A complete prompt of the words. Raises InputError for none or more than MAX_WORDS_CHARS characters."""
        task = instructions.expand(_checked(words, "The words are"))
        return self._write(Asked(task, (), refining=False, seed=seed), None, cancel, on_tokens)

    def refine(
        self,
        prompt: StructuredPrompt,
        instruction: str,
        *,
        picture: Image.Image | None = None,
        cancel: CancelFlag | None = None,
        seed: int | None = None,
        on_tokens: OnTokens | None = None,
    ) -> WrittenPrompt:
        """The prompt changed as instructed; unknown keys, empty places, scores and the order of keys stay."""
        instruction, before = _checked(instruction, "The instruction is"), shown(prompt).to_json()
        unseen = instructions.refine(before, instruction, with_picture=False)
        asked = Asked(unseen, (), refining=True, seed=seed)
        if picture is not None:
            task = instructions.refine(before, instruction, with_picture=True)
            asked = Asked(task, (jpeg_to_show(picture),), refining=True, seed=seed, unseen=unseen)
        return self._write(asked, prompt, cancel, on_tokens)

    def inspire(
        self,
        pictures: Sequence[Image.Image],
        hint: str = "",
        *,
        cancel: CancelFlag | None = None,
        seed: int | None = None,
        on_tokens: OnTokens | None = None,
    ) -> WrittenPrompt:
        """A prompt that describes the picture, or with a hint a new one that starts from it; of several pictures, that
        of one new picture with what they have in common."""
        hint = _checked(hint, "The hint is") if hint.strip() else ""
        tasks = [instructions.inspire(hint, count) for count in (1, len(pictures))]
        jpegs = tuple(jpeg_to_show(picture) for picture in pictures)
        alone = tasks[0] if len(pictures) > 1 else None
        asked = Asked(tasks[-1], jpegs, refining=False, seed=seed, alone=alone)
        return self._write(asked, None, cancel, on_tokens)

    def suggest_values(
        self,
        prompt: StructuredPrompt,
        path: str,
        wish: str,
        count: int,
        *,
        without: Sequence[str] = (),
        cancel: CancelFlag | None = None,
    ) -> tuple[str, ...]:
        """Values as the model finds them; an answer without any is asked for again once."""
        there = [stands_at(prompt, path), *without]
        task = instructions.suggest(shown(prompt).to_json(), path, list(filter(None, there)), wish, count)
        asked, tries = Asked(task, (), refining=False, seed=None, values=True), 0
        while True:
            tries += 1
            text = self._ask(asked, cancel, None).text
            try:
                return read_values(text, without=there, count=count)
            except WriterAnswerError as exc:
                if tries == ANSWER_TRIES:
                    raise
                logger.info("%s's answer holds no values, asking again: %s", self.title, exc)

    def _write(
        self, asked: Asked, before: StructuredPrompt | None, cancel: CancelFlag | None, on_tokens: OnTokens | None
    ) -> WrittenPrompt:
        input_tokens = output_tokens = tries = 0

        def told(count: int) -> None:
            if on_tokens is not None:
                on_tokens(output_tokens + count)

        while True:
            answer = self._ask(asked, cancel, told)
            input_tokens += answer.input_tokens
            output_tokens += answer.output_tokens
            told(0)
            if answer.cut_off and asked.budget == FIRST_BUDGET:
                logger.info("%s's answer was cut off at %s tokens; asking for a longer one", self.title, FIRST_BUDGET)
                asked = replace(asked, budget=LARGER_BUDGET)
                continue
            tries += 1
            try:
                repaired = self._prompt_in(answer, before)
            except WriterAnswerError as exc:
                if tries == ANSWER_TRIES:
                    raise
                logger.info("%s's answer is no prompt, asking again: %s", self.title, exc)
                continue
            return WrittenPrompt(
                repaired.prompt,
                self.name,
                notes=(*answer.notes, *repaired.notes),
                model=answer.model or self.model,
                usage=Usage(input_tokens, output_tokens),
            )

    def _prompt_in(self, answer: Answer, before: StructuredPrompt | None) -> Repaired:
        if not answer.text.strip():
            if answer.finish == NO_CANDIDATE:
                raise WriterAnswerError(f"{self.title}'s answer holds no candidate and no reason. Try again.", "")
            if answer.cut_off:
                raise WriterAnswerError(
                    f"{self.title} used up {LARGER_BUDGET:,} tokens without writing a word. Ask for less, or set "
                    f"another {self.variable}.",
                    answer.text,
                )
            raise WriterAnswerError(
                f"{self.title}'s answer is empty (it ended with {answer.finish or 'no reason'}).", answer.text
            )
        repaired = repair(answer.text)
        return repaired if before is None else carried_over(before, repaired)


def in_thread(
    open_client: Callable[[], AbstractContextManager[Client]],
    send: Callable[[Client], Any],
    *,
    cancel: CancelFlag | None,
    expired: Callable[[], bool],
    poll: Callable[[], None] = lambda: None,
) -> Any:
    """What ``send`` gets or raises, None once ``expired``; ``poll`` is called meanwhile, in the caller's thread.

    The request runs in a thread of its own, because nothing ends a blocked read from outside. On a cancel, and once
    it has expired, it is abandoned: its answer goes nowhere, and the service may still count its tokens. Its
    connection is closed, because time-outs count from the last byte: an answer that drips would never end by them.
    """
    outcome: queue.SimpleQueue[Any] = queue.SimpleQueue()
    clients: list[Any] = []
    abandoned = threading.Event()

    def work() -> None:
        try:
            # Opened here as well: what that imports takes a second or so, in which a cancel shall count.
            with open_client() as client:
                clients.append(client)
                if not abandoned.is_set():
                    outcome.put(send(client))
        except Exception as exc:  # for the caller's thread to sort, or to raise
            outcome.put(exc)

    threading.Thread(target=work, name="writer-request", daemon=True).start()
    try:
        while True:
            if cancel is not None:
                cancel.check()
            try:
                result = outcome.get(timeout=POLL_S)
                break
            except queue.Empty:
                poll()
                if expired():
                    return None
    finally:
        abandoned.set()
        for client in clients:  # a second time where the request has ended, which does nothing
            client.close()
    if isinstance(result, Exception):
        raise result
    return result


def wait_before_next(fault: Fault, tries: int, backoff_s: float, cancel: CancelFlag | None) -> None:
    """Waits until a request that has failed ``tries`` times may be sent again; raises its error where it may not."""
    wait_s = getattr(fault.error, "retry_after_s", None)
    if wait_s is None:
        wait_s = backoff_s * 2 ** (tries - 1) * random.uniform(1.0, 1.5)
    if not fault.again or tries == REQUEST_TRIES or wait_s > PATIENCE_S:
        raise fault.error from fault.cause
    logger.info("Asking again in %.1f s: %s", wait_s, fault.error)
    _sleep(wait_s, cancel)


def _sleep(seconds: float, cancel: CancelFlag | None) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if cancel is not None:
            cancel.check()
        time.sleep(min(POLL_S, left))


def model_named(name: Any, key: str) -> str:
    """The model that an answer names, as what an alias stood for; "" where it names none, or what can be no name."""
    if not isinstance(name, str) or len(name) > MAX_MODEL_CHARS or not name.isprintable():
        return ""
    return "" if key and key in name else name


def _checked(text: str, what: str) -> str:
    text = text.strip()
    if not text:
        raise InputError(f'{what} empty. Write a few words, such as "a red ball on the left".')
    if len(text) > MAX_WORDS_CHARS:
        raise InputError(
            f"{what} {len(text):,} characters long, and at most {MAX_WORDS_CHARS:,} are read. Say it shorter."
        )
    return text

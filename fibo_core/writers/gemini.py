"""The prompt writer that asks Gemini, through Google's google-genai SDK.

What is sent: the task, the words, the prompt to change, and a small copy of a picture where there is one.
"""

import logging
import queue
import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image
from pydantic import SecretStr

from fibo_core.cancel import CancelFlag
from fibo_core.errors import InputError, WriterAnswerError, WriterUnavailable
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.writers import OnTokens, Usage, WrittenPrompt, gemini_faults, instructions
from fibo_core.writers.gemini_faults import HELD_BACK, Fault
from fibo_core.writers.gemini_schema import response_schema
from fibo_core.writers.pictures import jpeg_to_show
from fibo_core.writers.refining import carried_over, shown
from fibo_core.writers.repair import Repaired, repair

logger = logging.getLogger(__name__)
for _wire in ("httpcore2", "httpcore"):  # at DEBUG they write down headers as they come, whatever stands in them
    logging.getLogger(_wire).setLevel(logging.INFO)

MAX_WORDS_CHARS = 20_000
FIRST_BUDGET, LARGER_BUDGET = 8_192, 24_576  # tokens of an answer, its thinking included; a full prompt has some 1,200
REQUEST_TRIES = 3  # of one request that fails in a way that may pass
ANSWER_TRIES = 2  # of an answer that is no prompt
PATIENCE_S = 8.0  # a longer wait for a rate limit is left to whoever asked
POLL_S = 0.1  # how often a cancel is looked for
CHECK_TIMEOUT_S = 15.0
MAX_MODEL_CHARS = 100


@dataclass(frozen=True)
class _Answer:
    text: str
    finish: str  # Gemini's word for why it ended: STOP, MAX_TOKENS, SAFETY …
    input_tokens: int
    output_tokens: int
    model: str = ""  # that it says has answered


class GeminiWriter:
    """Implements PromptWriter by Google's Gemini API; safe to share between threads.

    `timeout_s` bounds each request; `backoff_s` is the first wait before a retry. `base_url` is for tests and
    proxies; without it the SDK's own GOOGLE_GEMINI_BASE_URL counts.
    """

    name = "gemini"

    def __init__(
        self,
        api_key: str,
        model: str,
        *,
        base_url: str | None = None,
        timeout_s: float = 60.0,
        backoff_s: float = 1.0,
    ) -> None:
        self._key = SecretStr(api_key)
        self._model = model
        self._base_url = base_url
        self._timeout_s = timeout_s
        self._backoff_s = backoff_s
        self.about = f"a service of Google's, model {model}"

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
        return self._write(task, None, None, cancel, seed, on_tokens)

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
        instruction = _checked(instruction, "The instruction is")
        task = instructions.refine(shown(prompt).to_json(), instruction, with_picture=picture is not None)
        return self._write(task, picture, prompt, cancel, seed, on_tokens)

    def inspire(
        self,
        picture: Image.Image,
        hint: str = "",
        *,
        cancel: CancelFlag | None = None,
        seed: int | None = None,
        on_tokens: OnTokens | None = None,
    ) -> WrittenPrompt:
        """A prompt that describes the picture, or with a hint a new picture that starts from it."""
        task = instructions.reimagine(_checked(hint, "The hint is")) if hint.strip() else instructions.describe()
        return self._write(task, picture, None, cancel, seed, on_tokens)

    def _write(
        self,
        task: str,
        picture: Image.Image | None,
        before: StructuredPrompt | None,
        cancel: CancelFlag | None,
        seed: int | None,
        on_tokens: OnTokens | None,
    ) -> WrittenPrompt:
        jpeg = None if picture is None else jpeg_to_show(picture)
        config = _config(self._model, seed, refining=before is not None)
        input_tokens = output_tokens = tries = 0
        while True:
            answer = self._ask(task, jpeg, config, cancel)
            input_tokens += answer.input_tokens
            output_tokens += answer.output_tokens
            if on_tokens is not None:
                on_tokens(output_tokens)
            if answer.finish == "MAX_TOKENS" and config["max_output_tokens"] == FIRST_BUDGET:
                logger.info("Gemini's answer was cut off at %s tokens; asking for a longer one", FIRST_BUDGET)
                config["max_output_tokens"] = LARGER_BUDGET
                continue
            tries += 1
            try:
                repaired = _prompt_in(answer, before)
            except WriterAnswerError as exc:
                if tries == ANSWER_TRIES:
                    raise
                logger.info("Gemini's answer is no prompt, asking again: %s", exc)
                continue
            usage = Usage(input_tokens, output_tokens)
            return WrittenPrompt(
                repaired.prompt, self.name, notes=repaired.notes, model=answer.model or self._model, usage=usage
            )

    def _ask(self, task: str, jpeg: bytes | None, config: dict[str, Any], cancel: CancelFlag | None) -> _Answer:
        """One answer, asked for again where that can help. Raises WriterUnavailable or PromptRefused."""
        parts: list[dict[str, Any]] = [{"text": task}]
        if jpeg is not None:
            parts.append({"inlineData": {"mimeType": "image/jpeg", "data": jpeg}})

        def send(client: Any) -> Any:
            return client.models.generate_content(
                model=self._model, contents=[{"role": "user", "parts": parts}], config=dict(config)
            )

        tries = 0
        while True:
            result = _request(send, self._key, self._model, self._base_url, self._timeout_s, cancel)
            if not isinstance(result, Fault):
                return _answer_of(result, self._key.get_secret_value())
            if result.refuses_thinking and config.pop("thinking_config", None) is not None:
                logger.info("%s does not take our thinking settings; asking without", self._model)
                continue
            tries += 1
            wait_s = getattr(result.error, "retry_after_s", None)
            if wait_s is None:
                wait_s = self._backoff_s * 2 ** (tries - 1) * random.uniform(1.0, 1.5)
            if not result.again or tries == REQUEST_TRIES or wait_s > PATIENCE_S:
                raise result.error from result.cause
            logger.info("Asking Gemini again in %.1f s: %s", wait_s, result.error)
            _sleep(wait_s, cancel)


def check_model(api_key: str, model: str, *, base_url: str | None = None) -> str:
    """One sentence on the model that this key reaches; asks Google for its card, which costs nothing.

    Raises WriterUnavailable, which says what is wrong: no key, an invalid one, no such model, no network.
    """
    result = _request(
        lambda client: client.models.get(model=model), SecretStr(api_key), model, base_url, CHECK_TIMEOUT_S, None
    )
    if isinstance(result, Fault):
        raise result.error from result.cause
    actions = result.supported_actions
    if actions and "generateContent" not in actions:
        raise WriterUnavailable(
            f"{model} exists, but writes no text (it can: {', '.join(actions)}). Set another GEMINI_MODEL."
        )
    return f"{result.display_name or model} answers to this key."


def _request(
    send: Callable[[Any], Any],
    api_key: SecretStr,
    model: str,
    base_url: str | None,
    timeout_s: float,
    cancel: CancelFlag | None,
) -> Any:
    """What `send` gets from the SDK's client, or the Fault that it failed with.

    The request runs in a thread of its own, because nothing ends a blocked read from outside. On a cancel, and
    after `timeout_s`, it is abandoned: its answer goes nowhere, and Google may still count its tokens. Its connection
    is closed, because the SDK's time-outs count from the last byte: an answer that drips would never end by them.
    """
    key = api_key.get_secret_value()
    if fault := gemini_faults.key_fault(key) or gemini_faults.model_fault(model):
        return fault
    outcome: queue.SimpleQueue[Any] = queue.SimpleQueue()
    clients: list[Any] = []
    abandoned = threading.Event()

    def work() -> None:
        try:
            # Imported and built here as well: both take a second or so, in which a cancel shall count.
            with _client(key, base_url, timeout_s) as client:
                clients.append(client)
                if abandoned.is_set():
                    return
                try:
                    outcome.put(send(client))
                except Exception as exc:  # sorted by fault_of; what no server can cause is raised again
                    outcome.put(gemini_faults.fault_of(exc, model=model, key=key, timeout_s=timeout_s) or exc)
        except Exception as exc:  # a bug, for the caller's thread to raise
            outcome.put(exc)

    threading.Thread(target=work, name="gemini-request", daemon=True).start()
    deadline = time.monotonic() + timeout_s
    try:
        while True:
            if cancel is not None:
                cancel.check()
            try:
                result = outcome.get(timeout=POLL_S)
                break
            except queue.Empty:
                if time.monotonic() > deadline:
                    return gemini_faults.no_answer(timeout_s)
    finally:
        abandoned.set()
        for client in clients:  # a second time where the request has ended, which does nothing
            client.close()
    if isinstance(result, Exception):
        raise result
    return result


def _client(key: str, base_url: str | None, timeout_s: float) -> Any:
    from google import genai
    from google.genai import types

    options = types.HttpOptions(
        base_url=base_url,
        api_version="v1beta",  # the SDK's default, v1, lacks previews and the aliases that end in -latest
        timeout=int(timeout_s * 1000),
        # A redirect would carry the key to another host.
        client_args={"follow_redirects": False},
    )
    return genai.Client(api_key=key, vertexai=False, http_options=options)


def _config(model: str, seed: int | None, *, refining: bool) -> dict[str, Any]:
    config: dict[str, Any] = {
        "system_instruction": instructions.SYSTEM,
        "response_mime_type": "application/json",
        "response_schema": response_schema(refining=refining),
        "max_output_tokens": FIRST_BUDGET,
        "automatic_function_calling": {"disable": True},  # there is nothing to call, and the SDK logs it each time
        **_family(model),
    }
    if seed is not None:
        config["seed"] = seed % 2**31  # the service takes 32 bits with a sign
    return config


def _family(model: str) -> dict[str, Any]:
    """Thinking and sampling by the model's family; an unknown one gets the service's own.

    2.5 takes a budget of tokens, where 0 is none and Pro's least is 128, and little randomness, as FIBO's own use
    of it has. 3 takes a level instead; with its randomness turned down it may repeat itself, Google's guide says.
    """
    match = re.match(r"(?:models/)?gemini-(\d+)(?:\.(\d+))?-(pro)?", model)
    generation = (match[1], match[2]) if match else None
    if match and generation == ("2", "5"):
        budget = 128 if match[3] else 0
        return {"thinking_config": {"thinkingBudget": budget}, "temperature": 0.2, "top_p": 0.9}
    if match and match[1] == "3":
        return {"thinking_config": {"thinkingLevel": "LOW"}}
    return {}


def _answer_of(response: Any, key: str) -> _Answer:
    """The answer in a response. Raises PromptRefused where the request or the answer was blocked."""
    feedback = response.prompt_feedback
    if feedback is not None and feedback.block_reason is not None:
        raise gemini_faults.refused_words(_word(feedback.block_reason))
    usage = response.usage_metadata
    tokens_in = usage.prompt_token_count if usage else 0
    tokens_out = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0) if usage else 0
    if not response.candidates:
        return _Answer("", "no candidate", tokens_in or 0, tokens_out)
    candidate = response.candidates[0]
    finish = _word(candidate.finish_reason) if candidate.finish_reason is not None else ""
    parts = (candidate.content.parts if candidate.content else None) or ()
    text = "".join(part.text for part in parts if part.text and not part.thought)
    if finish in HELD_BACK:
        raise gemini_faults.refused_answer(finish)
    said = gemini_faults.without_key(text, key)
    return _Answer(said, finish, tokens_in or 0, tokens_out, _model_named(response.model_version, key))


def _model_named(version: str | None, key: str) -> str:
    """The model that an answer names, as what an alias stood for; "" where it names none, or what can be no name."""
    version = version or ""
    return version if len(version) <= MAX_MODEL_CHARS and version.isprintable() and key not in version else ""


def _prompt_in(answer: _Answer, before: StructuredPrompt | None) -> Repaired:
    if not answer.text.strip():
        if answer.finish == "no candidate":
            raise WriterAnswerError("Gemini's answer holds no candidate and no reason. Try again.", answer.text)
        if answer.finish == "MAX_TOKENS":
            raise WriterAnswerError(
                f"Gemini used up {LARGER_BUDGET:,} tokens without writing a word. Ask for less, or set another "
                "GEMINI_MODEL.",
                answer.text,
            )
        raise WriterAnswerError(
            f"Gemini's answer is empty (it ended with {answer.finish or 'no reason'}).", answer.text
        )
    repaired = repair(answer.text)
    return repaired if before is None else carried_over(before, repaired)


def _word(reason: Any) -> str:
    return str(getattr(reason, "value", reason))


def _checked(text: str, what: str) -> str:
    text = text.strip()
    if not text:
        raise InputError(f'{what} empty. Write a few words, such as "a red ball on the left".')
    if len(text) > MAX_WORDS_CHARS:
        raise InputError(
            f"{what} {len(text):,} characters long, and at most {MAX_WORDS_CHARS:,} are read. Say it shorter."
        )
    return text


def _sleep(seconds: float, cancel: CancelFlag | None) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if cancel is not None:
            cancel.check()
        time.sleep(min(POLL_S, left))

"""The prompt writer that asks any model of a service that speaks OpenAI's chat completions.

Ollama, LM Studio, vLLM, llama.cpp, OpenRouter and others do, each a little otherwise: what a service does not take
of a request is left out of the next. What is sent: the task, the words, the prompt to change, and small copies of
pictures where there are some.
"""

import json
import logging
import time
from base64 import b64encode
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from fibo_core.cancel import CancelFlag
from fibo_core.errors import WriterAnswerError, WriterUnavailable
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.writers import OnTokens, instructions
from fibo_core.writers.llm_answers import MAX_BYTES, NotJson, Reading, read
from fibo_core.writers.llm_faults import OPTIONAL, PICTURE, Service
from fibo_core.writers.llm_form import PLACEHOLDER, answer_schema, form_in_words, values_schema
from fibo_core.writers.pictures import only_the_first
from fibo_core.writers.repair import Repaired
from fibo_core.writers.service import Answer, Asked, ServiceWriter, in_thread, wait_before_next
from fibo_core.writers.service_faults import Fault

logger = logging.getLogger(__name__)

SILENCE_S = 300.0  # without a token: a large model may have to be loaded first
TIMEOUT_S = 900.0  # of one answer; a small machine writes some tokens a second
CONNECT_S = 10.0
GRACE_S = 5.0  # so that it is our own clock that ends a silence
CHECK_TIMEOUT_S = 15.0
MAX_ERROR_BYTES = 64_000
MAX_LISTED = 8  #: models that a sentence names
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class LlmWriter(ServiceWriter):
    """Implements PromptWriter by the chat completions at ``address`` ("…/v1"); safe to share between threads.

    ``api_key`` may be "". The answer is streamed: ``silence_s`` bounds the time without a token, ``timeout_s`` the
    whole; ``backoff_s`` is the first wait before a retry.
    """

    name = "llm"
    variable = "LLM_MODEL"

    def __init__(
        self,
        address: str,
        model: str,
        api_key: str = "",
        *,
        silence_s: float = SILENCE_S,
        timeout_s: float = TIMEOUT_S,
        backoff_s: float = 1.0,
    ) -> None:
        self._address = address
        self._key = SecretStr(api_key)
        self.model = self.title = model
        self._silence_s, self._timeout_s, self._backoff_s = silence_s, timeout_s, backoff_s
        self._not_taken: frozenset[str] = frozenset()  #: what the service has refused of a request
        self.about = f"{model}, asked at {address}"

    def _ask(self, asked: Asked, cancel: CancelFlag | None, on_tokens: OnTokens | None) -> Answer:
        service = Service(self._address, self.model, self._key.get_secret_value())
        if fault := service.key_fault():
            raise fault.error
        notes: tuple[str, ...] = ()
        not_taken, tries = self._not_taken, 0
        while True:
            body = _body(self.model, asked, not_taken)
            reading = Reading()
            result = self._request(service, body, reading, cancel, on_tokens)
            if not isinstance(result, Fault):
                if reading.refusal or reading.finish == "content_filter":
                    raise service.refused(reading.refusal)
                self._not_taken = not_taken
                answer = reading.answer(service.key)
                return replace(answer, text=_without_echo(answer.text, body), notes=notes)
            if result.without == PICTURE and asked.alone is not None:  # some take one picture, and no more
                asked = replace(asked, task=asked.alone, jpegs=asked.jpegs[:1], alone=None)
                notes = (only_the_first(self.model),)
                continue
            if result.without == PICTURE and asked.unseen is not None:
                asked = replace(asked, task=asked.unseen, jpegs=(), unseen=None)
                notes = (f"{self.model} takes no pictures: it changed the prompt without seeing what was painted.",)
                continue
            if result.without in OPTIONAL:
                logger.info("%s does not take %s; asking without", self._address, result.without)
                not_taken |= {_step(result.without, body)}
                continue
            tries += 1
            wait_before_next(result, tries, self._backoff_s, cancel)

    def _prompt_in(self, answer: Answer, before: StructuredPrompt | None) -> Repaired:
        repaired = super()._prompt_in(answer, before)
        if repaired.prompt.get("short_description") == PLACEHOLDER:
            raise WriterAnswerError(
                f"{self.model} repeated the form and did not fill it in. Try again, or set another LLM_MODEL.",
                answer.text,
            )
        return repaired

    def _request(
        self,
        service: Service,
        body: dict[str, Any],
        reading: Reading,
        cancel: CancelFlag | None,
        on_tokens: OnTokens | None,
    ) -> Fault | None:
        """Reads one answer into ``reading``; the Fault that the request failed with, where it did."""
        sent = tuple(part for part in OPTIONAL if part in body or (part == "max_tokens" and MODERN in body))
        with_picture = isinstance(body["messages"][-1]["content"], list)
        began = time.monotonic()

        def send(client: Any) -> Fault | bool:
            with client.stream("POST", f"{service.address}/chat/completions", json=body) as response:
                if response.status_code != 200:
                    text = _beginning(response)
                    return service.answered(
                        response.status_code, text, response.headers, sent=sent, with_picture=with_picture
                    )
                events = "event-stream" in response.headers.get("content-type", "")
                read(response.iter_bytes(), reading, streams=events)
                return True

        def expired() -> bool:
            now = time.monotonic()
            return now - began > self._timeout_s or now - reading.heard_at > self._silence_s

        def poll() -> None:
            if on_tokens is not None and reading.tokens:
                on_tokens(reading.tokens)

        try:
            client = partial(_client, service, self._silence_s)
            result = in_thread(client, send, cancel=cancel, expired=expired, poll=poll)
        except Exception as exc:
            fault = service.fault_of(exc)
            if fault is None:
                raise
            return fault
        if result is None:
            return service.no_answer(min(self._timeout_s, time.monotonic() - began))
        return result if isinstance(result, Fault) else None


MODERN = "max_completion_tokens"  #: what newer models of OpenAI's want in place of max_tokens


def _without_echo(text: str, body: dict[str, Any]) -> str:
    """The answer alone, where a service sends what it was asked before it: the form in it looks like a prompt."""
    content = body["messages"][-1]["content"]
    task: str = content if isinstance(content, str) else content[0]["text"]
    return text.rpartition(task)[2]


def _step(part: str, body: dict[str, Any]) -> str:
    """What is left out next: max_tokens gives way to its newer name first."""
    return MODERN if part == "max_tokens" and MODERN in body else part


def _body(model: str, asked: Asked, not_taken: frozenset[str]) -> dict[str, Any]:
    """The request, without what the service does not take."""
    content: Any = asked.task
    if asked.jpegs:
        urls = [f"data:image/jpeg;base64,{b64encode(jpeg).decode()}" for jpeg in asked.jpegs]
        content = [{"type": "text", "text": asked.task}]
        content += [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    form = values_schema() if asked.values else answer_schema(refining=asked.refining)
    schema = {"name": "fibo_values" if asked.values else "fibo_prompt", "strict": True, "schema": form}
    optional: dict[str, Any] = {
        "response_format": {"type": "json_schema", "json_schema": schema},
        "max_tokens": asked.budget,
        "temperature": 0.2,  # little randomness, as FIBO's own use of Gemini has
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if asked.seed is not None:
        optional["seed"] = asked.seed % 2**31
    if "max_tokens" in not_taken and MODERN not in not_taken:
        optional[MODERN] = asked.budget
    if "stream" in not_taken:
        not_taken |= {"stream_options"}
    of_a_prompt = f"{instructions.SYSTEM}\n\n{form_in_words(refining=asked.refining)}"
    system = instructions.SYSTEM_VALUES if asked.values else of_a_prompt
    messages = [{"role": "system", "content": system}, {"role": "user", "content": content}]
    return {"model": model, "messages": messages} | {k: v for k, v in optional.items() if k not in not_taken}


def check_service(address: str, model: str, api_key: str = "") -> str:
    """One sentence on the model that the service has; asks for its list of models, which costs nothing.

    Raises WriterUnavailable, which says what is wrong: no service there, a key refused, no such model.
    """
    service = Service(address, model, api_key)
    if fault := service.key_fault():
        raise fault.error
    reading = Reading()

    def send(client: Any) -> Any:
        with client.stream("GET", f"{address}/models") as response:
            if response.status_code in (404, 405, 501):
                return _no_list(client, service)
            if response.status_code != 200:
                return service.answered(
                    response.status_code, _beginning(response), response.headers, sent=(), with_picture=False
                )
            return _models(_beginning(response, MAX_BYTES))

    deadline = reading.heard_at + CHECK_TIMEOUT_S
    try:
        found = in_thread(
            partial(_client, service, CHECK_TIMEOUT_S),
            send,
            cancel=None,
            expired=lambda: time.monotonic() > deadline,
        )
    except Exception as exc:
        found = service.fault_of(exc)
        if found is None:
            raise
    if found is None:
        found = service.no_answer(CHECK_TIMEOUT_S)
    if isinstance(found, Fault):
        raise found.error from found.cause
    if found and not {model, f"{model}:latest"} & set(found):
        listed = service.clean(", ".join(sorted(found)[:MAX_LISTED]) + (" …" if len(found) > MAX_LISTED else ""))
        raise WriterUnavailable(f"{address} has no model {model!r}. Set LLM_MODEL to one it has: {listed}.")
    return f"{address} has {model}." if found else f"{address} answers, and does not say whether it has {model}."


def _no_list(client: Any, service: Service) -> Fault | tuple[str, ...]:
    """No model, where a service has no list of them; a Fault, where it has no chat completions either.

    It is told by a request without words, which none can answer: one that knows the address says what is missing.
    """
    with client.stream("POST", f"{service.address}/chat/completions", json={"model": service.model}) as response:
        if response.status_code not in (401, 404, 405):
            return ()
        text = _beginning(response)
        return service.answered(response.status_code, text, response.headers, sent=(), with_picture=False)


def _models(text: str) -> tuple[str, ...]:
    """The names in a list of models. Raises ValueError and its like for another form."""
    try:
        document = json.loads(text)
    except ValueError as exc:
        raise NotJson(text[:1000]) from exc
    return tuple(str(each["id"]) for each in document["data"])


def _client(service: Service, silence_s: float) -> AbstractContextManager[Any]:
    """A client of one request. A service on this machine is asked directly, whatever proxy the environment names."""
    import httpx2

    own = urlsplit(service.address).hostname in LOOPBACK
    try:
        return httpx2.Client(
            headers={"Authorization": f"Bearer {service.key}"} if service.key else {},
            timeout=httpx2.Timeout(silence_s + GRACE_S, connect=CONNECT_S),
            follow_redirects=False,  # a redirect would carry the key to another host
            trust_env=not own,
        )
    except ValueError as exc:  # an address of a proxy that is none
        raise httpx2.InvalidURL(str(exc)) from exc


def _beginning(response: Any, most: int = MAX_ERROR_BYTES) -> str:
    read_so_far = bytearray()
    for chunk in response.iter_bytes():
        read_so_far += chunk
        if len(read_so_far) > most:
            break
    return bytes(read_so_far[:most]).decode("utf-8", "replace")

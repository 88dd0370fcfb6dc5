"""The prompt writer that asks Gemini, through Google's google-genai SDK.

What is sent: the task, the words, the prompt to change, and small copies of pictures where there are some.
"""

import logging
import re
import time
from collections.abc import Callable
from typing import Any

from pydantic import SecretStr

from fibo_core.cancel import CancelFlag
from fibo_core.errors import WriterUnavailable
from fibo_core.writers import OnTokens, gemini_faults, instructions
from fibo_core.writers.gemini_faults import HELD_BACK
from fibo_core.writers.gemini_schema import VALUES_SCHEMA, response_schema
from fibo_core.writers.service import (
    NO_CANDIDATE,
    Answer,
    Asked,
    ServiceWriter,
    in_thread,
    model_named,
    wait_before_next,
)
from fibo_core.writers.service_faults import Fault, without_key

logger = logging.getLogger(__name__)

CHECK_TIMEOUT_S = 15.0


class GeminiWriter(ServiceWriter):
    """Implements PromptWriter by Google's Gemini API; safe to share between threads.

    `timeout_s` bounds each request; `backoff_s` is the first wait before a retry. `base_url` is for tests and
    proxies; without it the SDK's own GOOGLE_GEMINI_BASE_URL counts.
    """

    name = "gemini"
    title = "Gemini"
    variable = "GEMINI_MODEL"

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
        self.model = model
        self._base_url = base_url
        self._timeout_s = timeout_s
        self._backoff_s = backoff_s
        self.about = f"a service of Google's, model {model}"

    def _ask(self, asked: Asked, cancel: CancelFlag | None, on_tokens: OnTokens | None) -> Answer:
        config = _config(self.model, asked)
        parts: list[dict[str, Any]] = [{"text": asked.task}]
        parts += [{"inlineData": {"mimeType": "image/jpeg", "data": jpeg}} for jpeg in asked.jpegs]

        def send(client: Any) -> Any:
            return client.models.generate_content(
                model=self.model, contents=[{"role": "user", "parts": parts}], config=dict(config)
            )

        tries = 0
        while True:
            result = _request(send, self._key, self.model, self._base_url, self._timeout_s, cancel)
            if not isinstance(result, Fault):
                return _answer_of(result, self._key.get_secret_value())
            if result.without and config.pop(result.without, None) is not None:
                logger.info("%s does not take our thinking settings; asking without", self.model)
                continue
            tries += 1
            wait_before_next(result, tries, self._backoff_s, cancel)


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
    """What `send` gets from the SDK's client, or the Fault that it failed with."""
    key = api_key.get_secret_value()
    if fault := gemini_faults.key_fault(key) or gemini_faults.model_fault(model):
        return fault

    def sorted_send(client: Any) -> Any:
        try:
            return send(client)
        except Exception as exc:  # sorted by fault_of; what no server can cause is raised again
            fault = gemini_faults.fault_of(exc, model=model, key=key, timeout_s=timeout_s)
            if fault is None:
                raise
            return fault

    deadline = time.monotonic() + timeout_s
    result = in_thread(
        lambda: _client(key, base_url, timeout_s),
        sorted_send,
        cancel=cancel,
        expired=lambda: time.monotonic() > deadline,
    )
    return gemini_faults.no_answer(timeout_s) if result is None else result


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


def _config(model: str, asked: Asked) -> dict[str, Any]:
    config: dict[str, Any] = {
        "system_instruction": instructions.SYSTEM_VALUES if asked.values else instructions.SYSTEM,
        "response_mime_type": "application/json",
        "response_schema": VALUES_SCHEMA if asked.values else response_schema(refining=asked.refining),
        "max_output_tokens": asked.budget,
        "automatic_function_calling": {"disable": True},  # there is nothing to call, and the SDK logs it each time
        **_family(model),
    }
    if asked.seed is not None:
        config["seed"] = asked.seed % 2**31  # the service takes 32 bits with a sign
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


def _answer_of(response: Any, key: str) -> Answer:
    """The answer in a response. Raises PromptRefused where the request or the answer was blocked."""
    feedback = response.prompt_feedback
    if feedback is not None and feedback.block_reason is not None:
        raise gemini_faults.refused_words(_word(feedback.block_reason))
    usage = response.usage_metadata
    tokens_in = (usage.prompt_token_count or 0) if usage else 0
    tokens_out = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0) if usage else 0
    if not response.candidates:
        return Answer("", NO_CANDIDATE, tokens_in, tokens_out)
    candidate = response.candidates[0]
    finish = _word(candidate.finish_reason) if candidate.finish_reason is not None else ""
    parts = (candidate.content.parts if candidate.content else None) or ()
    text = without_key("".join(part.text for part in parts if part.text and not part.thought), key)
    if finish in HELD_BACK:
        raise gemini_faults.refused_answer(finish)
    named = model_named(response.model_version, key)
    return Answer(text, finish, tokens_in, tokens_out, cut_off=finish == "MAX_TOKENS", model=named)


def _word(reason: Any) -> str:
    return str(getattr(reason, "value", reason))

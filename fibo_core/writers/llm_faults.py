"""Whatever can go wrong with a service that speaks OpenAI's chat completions, as one of our errors.

Services differ in their statuses and words; what they say is read for what they mean, and quoted.
docs/TROUBLESHOOTING.md has cause and cure of each sentence.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fibo_core.durations import wait
from fibo_core.errors import PromptRefused, WriterUnavailable
from fibo_core.variables import KEY
from fibo_core.writers.llm_answers import NotJson, SaidError, Unfinished
from fibo_core.writers.service_faults import Fault, quoted, retry_after, shows, unavailable, without_key

NO_ADDRESS = (
    "LLM_BASE_URL is not set. Set it to the address of a service that speaks OpenAI's chat completions, such as "
    "http://localhost:11434/v1, and LLM_MODEL to one of its models, or choose another writer."
)
NO_MODEL = "LLM_MODEL is not set. Set it to the name of a model that the service at LLM_BASE_URL has."
LOADING_S = 5.0  #: before a service that loads its model is asked again

#: What a service may not take of a request, by what it says then, in the order in which it is left out.
OPTIONAL = {
    "stream_options": re.compile(r"stream_options|include_usage", re.IGNORECASE),
    "response_format": re.compile(
        r"response_format|json_?schema|json_object|structured.?output|grammar|guided", re.IGNORECASE
    ),
    "max_tokens": re.compile(r"max_tokens|max_completion_tokens", re.IGNORECASE),
    "seed": re.compile(r"\bseed\b", re.IGNORECASE),
    "temperature": re.compile(r"\btemperature\b", re.IGNORECASE),
    "stream": re.compile(r"\bstream(?:ing)?\b", re.IGNORECASE),
}
PICTURE = "picture"
_PICTURE = re.compile(r"\bimages?\b|image_url|image input|\bvision\b|multi-?modal|mmproj", re.IGNORECASE)
_TOO_LONG = re.compile(r"context[ _](?:length|size|window)|maximum context|too many tokens|prompt is too long", re.I)
_NO_MODEL = re.compile(
    r"\bmodel\b.*(?:not found|not exist|no such|not a valid|unknown|not available|not loaded|try pulling)"
    r"|(?:invalid|unknown|no such) model|not a valid model|model_not_found|no endpoints found",
    re.IGNORECASE | re.DOTALL,
)
_NO_CREDIT = re.compile(r"insufficient[_ ](?:quota|credits?|balance|funds)", re.IGNORECASE)
_NEVER = re.compile(r"\blimit:?\s*0(?![\d.])|(?:\bno|not have a|n't have a) free tier", re.IGNORECASE)
_FLAGGED = re.compile(r"content_filter|content_policy|content management policy|moderation|flagged", re.IGNORECASE)
_LOADING = re.compile(r"loading|warming up", re.IGNORECASE)
_TROUBLE = (408, 409, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529)  # may be over in a moment


@dataclass(frozen=True)
class Service:
    """Who is asked: what its sentences need."""

    address: str
    model: str
    key: str

    def key_fault(self) -> Fault | None:
        """What is wrong with the key before anybody is asked; none at all is right for a service of one's own."""
        bad = KEY.never.search(self.key)
        if bad is None:
            return None
        return unavailable(
            f"LLM_API_KEY holds a character that no key has (character {bad.start() + 1}). Copy it again, alone and "
            "whole."
        )

    def no_answer(self, seconds: float) -> Fault:
        """The request took too long."""
        return unavailable(
            f"{self.model} did not answer within {wait(seconds)}. Try again, take a smaller model, or choose another "
            "writer."
        )

    def fault_of(self, exc: Exception) -> Fault | None:
        """The fault an exception stands for; None for one that no server can cause, which is a bug."""
        fault = self._sorted(exc)
        return None if fault is None else Fault(fault.error, fault.again, fault.without, self._cause(exc))

    def _cause(self, exc: Exception) -> Exception | None:
        return None if shows(exc, self.key) else exc

    def _sorted(self, exc: Exception) -> Fault | None:
        names = {each.__name__ for each in type(exc).__mro__}
        if isinstance(exc, SaidError):
            return self._said_error(exc.error)
        if isinstance(exc, Unfinished):
            return unavailable(f"Only a part of the answer of {self.model} came back. Try again.", again=True)
        if isinstance(exc, NotJson):
            return self._no_json(exc.text)
        if names & {"ConnectError", "ConnectTimeout", "ProxyError"}:
            said = quoted(str(exc), self.key)
            return unavailable(
                f"{self.address} cannot be reached{said}. Start the service, or correct LLM_BASE_URL.", again=True
            )
        if names & {"NetworkError", "RemoteProtocolError", "TimeoutException"}:
            return unavailable(
                f"The connection to {self.address} broke off before the answer was whole. Try again.", again=True
            )
        if names & {"UnsupportedProtocol", "InvalidURL", "LocalProtocolError"}:
            return unavailable(f"{self.address} is no web address. Correct LLM_BASE_URL, or the proxy's.")
        if names & {"DecodingError", "UnicodeDecodeError"}:
            return self._no_json("")
        if names & {"ValueError", "KeyError", "TypeError", "AttributeError", "RecursionError"}:
            return unavailable(
                f"The answer of {self.address} has a form that this version of the studio does not know. Look whether "
                "LLM_BASE_URL is the address of OpenAI's chat completions there."
            )
        return None

    def _no_json(self, text: str) -> Fault:
        if text.lstrip().startswith("<"):
            return unavailable(
                f"A web page came back where the answer of {self.address} was expected. LLM_BASE_URL may lack its end, "
                "/v1 for most services, or a login page stands in between."
            )
        return unavailable(
            f"What came back from {self.address} is not JSON. Look whether LLM_BASE_URL is the service's address."
        )

    def _said_error(self, error: Any) -> Fault:
        code = error.get("code") if isinstance(error, Mapping) else None
        status = code if isinstance(code, int) and 400 <= code < 600 else 502
        return self.answered(status, json.dumps({"error": error}), {}, sent=(), with_picture=False)

    def answered(
        self, status: int, body: str, headers: Mapping[str, str], *, sent: tuple[str, ...], with_picture: bool
    ) -> Fault:
        """The fault of an answer with another status than 200. ``sent`` are the optional parts of the request."""
        message, kind = _message(body)
        said = quoted(message, self.key)
        whole = f"{message} {kind}"
        if 300 <= status < 400:
            return unavailable(
                f"{self.address} sends elsewhere ({status}), which is not followed: the key would go along. Set "
                "LLM_BASE_URL to the final address."
            )
        if status in (400, 403, 422) and _FLAGGED.search(whole):
            return Fault(
                PromptRefused(f"The service of {self.model} does not take this request{said}. Say it otherwise.")
            )
        if status == 401:
            if not self.key:
                return unavailable(f"{self.address} wants a key{said}. Set LLM_API_KEY.")
            return unavailable(f"{self.address} does not accept this LLM_API_KEY{said}. Make a new one, and set it.")
        if status == 402 or (status in (403, 429) and _NO_CREDIT.search(whole)):
            return unavailable(
                f"The account of this LLM_API_KEY has no credit left{said}. Top it up, or choose another writer."
            )
        if status == 403:
            return unavailable(
                f"This LLM_API_KEY may not use {self.model}{said}. Allow it there, or set another LLM_MODEL."
            )
        if status == 429:
            return self._over_quota(headers, said, whole)
        if with_picture and status in (400, 404, 415, 422, 500, 501) and _PICTURE.search(whole):
            fault = unavailable(
                f"{self.model} takes no pictures{said}. Set LLM_MODEL to one that sees, or choose another writer."
            )
            return Fault(fault.error, without=PICTURE)
        if status in (400, 404, 422) and _NO_MODEL.search(whole):
            return unavailable(
                f"{self.address} has no model {self.model!r}{said}. Fetch it there, or set LLM_MODEL to one it has."
            )
        if status == 413 or (status in (400, 422, 500) and _TOO_LONG.search(whole)):
            return unavailable(
                f"The request is too long for {self.model}{said}. Say it shorter, or serve the model with a larger "
                "context."
            )
        if status in (404, 405):
            return unavailable(
                f"There are no chat completions at {self.address} ({status}){said}. LLM_BASE_URL ends with /v1 for "
                "most services."
            )
        if status in (400, 422, 500, 501) and (without := _not_taken(status, whole, sent)):
            return Fault(self._trouble(status, headers, said), without=without)
        if status in (400, 422, 501):
            return unavailable(
                f"{self.model} does not take this request ({status}){said}. Set another LLM_MODEL, or choose another "
                "writer."
            )
        if status in _TROUBLE:
            if status == 503 and _LOADING.search(message):
                return self._loading(headers)
            return Fault(self._trouble(status, headers, said), again=True)
        return unavailable(f"{self.address} answered with status {status}{said}. Try again, or choose another writer.")

    def _trouble(self, status: int, headers: Mapping[str, str], said: str) -> WriterUnavailable:
        return WriterUnavailable(
            f"{self.address} has trouble of its own ({status}){said}. Try again in a minute, or choose another writer.",
            retry_after(headers),
            meanwhile="has trouble of its own",
        )

    def _loading(self, headers: Mapping[str, str]) -> Fault:
        seconds = retry_after(headers)
        error = WriterUnavailable(
            f"{self.address} still loads {self.model}. Try again in a minute, or choose another writer.",
            LOADING_S if seconds is None else seconds,
            meanwhile="is being loaded",
        )
        return Fault(error, again=True)

    def _over_quota(self, headers: Mapping[str, str], said: str, whole: str) -> Fault:
        if _NEVER.search(whole):
            return unavailable(
                f"This LLM_API_KEY has no quota for {self.model}{said}. Waiting does not help: pay for the service, or "
                "set another LLM_MODEL."
            )
        seconds = retry_after(headers)
        when = "" if seconds is None else f"; it takes the next request in {wait(seconds)}"
        return Fault(
            WriterUnavailable(f"The rate limit of {self.address} is reached (429){said}{when}.", seconds), again=True
        )

    def refused(self, reason: str) -> PromptRefused:
        """The model declined in so many words, or its service held the answer back."""
        return PromptRefused(f"{self.model} does not write this{quoted(reason, self.key)}. Say it otherwise.")

    def clean(self, text: str) -> str:
        """``text`` without the key, should somebody have sent it back."""
        return without_key(text, self.key)


def _not_taken(status: int, message: str, sent: tuple[str, ...]) -> str:
    """The part of the request that the service names as the one it does not take; "" where it names none.

    A refusal without a reason is taken to be about the form of the answer, which the fewest services know.
    """
    for part, named in OPTIONAL.items():
        if part in sent and named.search(message) and (status != 500 or part == "response_format"):
            return part
    return "response_format" if status != 500 and "response_format" in sent else ""


def _message(body: str) -> tuple[str, str]:
    """What an error's body says, and its code and type, in any of the forms that services have for them."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return body[:1000], ""
    if isinstance(document, list) and document:
        document = document[0]
    error = document.get("error", document) if isinstance(document, Mapping) else document
    if not isinstance(error, Mapping):
        return error if isinstance(error, str) else "", ""
    message = error.get("message") or error.get("detail") or ""
    meta = error.get("metadata")
    raw = meta.get("raw") if isinstance(meta, Mapping) else None  # OpenRouter's, of the provider behind it
    text = message if isinstance(message, str) else json.dumps(message)
    kinds = f"{error.get('code') or ''} {error.get('type') or ''} {error.get('param') or ''}"
    return text, f"{kinds} {raw if isinstance(raw, str) else ''}"

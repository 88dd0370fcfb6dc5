"""Whatever can go wrong with a request to Gemini, as one of our errors with its own sentence.

Knows the SDK's errors by their names and numbers only: google-genai may run on httpx2 or httpx, whose errors are
called alike. docs/TROUBLESHOOTING.md has cause and cure of each sentence.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fibo_core.durations import wait
from fibo_core.errors import PromptRefused, WriterUnavailable
from fibo_core.variables import KEY
from fibo_core.writers.service_faults import Fault, quoted, retry_after, shows, unavailable

KEYS_PAGE = "https://aistudio.google.com/apikey"
MODELS_PAGE = "https://ai.google.dev/gemini-api/docs/models"

NO_KEY = f"GOOGLE_API_KEY is not set. Make a key at {KEYS_PAGE} and set it, or choose another writer."
#: Reasons to end an answer which mean that it was held back, and what they are about.
HELD_BACK = {
    "SAFETY": "its safety rules",
    "PROHIBITED_CONTENT": "content that is prohibited",
    "BLOCKLIST": "a blocked term",
    "SPII": "personal data",
    "RECITATION": "text that it knows from a protected source",
    "IMAGE_SAFETY": "its safety rules for pictures",
    "IMAGE_PROHIBITED_CONTENT": "a picture that is prohibited",
    "IMAGE_RECITATION": "a picture that it knows from a protected source",
    "MODEL_ARMOR": "the rules of the key's project",
    "JAILBREAK": "an attempt to get around its rules",
}

_TROUBLE = (408, 500, 502, 503, 504)  # may be over in a moment
#: What Google says of a quota of nothing, which no wait fills.
_NEVER = re.compile(
    r"\blimit:\s*0(?![\d.])|(?:\bno|n't have a|not have a|without a)\s+free\s+(?:quota\s+)?tier", re.IGNORECASE
)


def key_fault(key: str) -> Fault | None:
    """What is wrong with a key before anybody is asked: nothing, spaces, or characters no header can carry."""
    if not key:
        return Fault(WriterUnavailable(NO_KEY))
    bad = KEY.never.search(key)
    if bad is None:
        return None
    what = "a space or a line break" if bad[0].isspace() else "a character that no key has"
    return Fault(
        WriterUnavailable(
            f"GOOGLE_API_KEY holds {what} (character {bad.start() + 1} of {len(key)}). "
            f"Copy it again from {KEYS_PAGE}, alone and whole."
        )
    )


def model_fault(model: str) -> Fault | None:
    """What is wrong with a model id before anybody is asked."""
    if re.fullmatch(r"(?:models/|tunedModels/)?[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.))*", model):
        return None
    return Fault(
        WriterUnavailable(
            f"GEMINI_MODEL is {model!r}, which is no model id. {MODELS_PAGE} lists them, such as gemini-3.5-flash-lite."
        )
    )


def no_answer(timeout_s: float) -> Fault:
    """The request took too long."""
    return Fault(
        WriterUnavailable(f"Gemini did not answer within {timeout_s:g} s. Try again, or choose another writer.")
    )


def refused_words(reason: str) -> PromptRefused:
    """The service blocked the request itself."""
    about = HELD_BACK.get(reason, "a rule that it does not name")
    return PromptRefused(f"Gemini does not take this request because of {about} ({reason}). Say it otherwise.")


def refused_answer(reason: str) -> PromptRefused:
    """The service held its answer back."""
    return PromptRefused(f"Gemini held its answer back because of {HELD_BACK[reason]} ({reason}). Say it otherwise.")


def fault_of(exc: Exception, *, model: str, key: str, timeout_s: float) -> Fault | None:
    """The fault an exception of the SDK's stands for; None for one that no server can cause, which is a bug."""
    names = {each.__name__ for each in type(exc).__mro__}
    if "APIError" in names:
        fault = _answered(exc, model, key)
    elif "TimeoutException" in names:
        fault = no_answer(timeout_s)
    elif names & {"ConnectError", "ProxyError"}:
        said = quoted(str(exc), key)
        fault = unavailable(
            f"Gemini cannot be reached{said}. Check the network, its proxy and name service.", again=True
        )
    elif names & {"NetworkError", "RemoteProtocolError"}:
        fault = unavailable("The connection to Gemini broke off before the answer was whole. Try again.", again=True)
    elif names & {"UnsupportedProtocol", "InvalidURL"}:
        fault = unavailable("Gemini's address is no web address. Remove GOOGLE_GEMINI_BASE_URL, or correct it.")
    elif names & {"ValueError", "DecodingError", "KeyError", "TypeError", "AttributeError", "RecursionError"}:
        # JSONDecodeError, UnicodeDecodeError, pydantic's ValidationError and the SDK's own are ValueErrors; the rest
        # is what the SDK stumbles over in an answer of another shape, or of lists nested a thousand deep.
        fault = _unreadable(exc)
    else:
        return None
    return Fault(fault.error, fault.again, fault.without, None if shows(exc, key) else exc)


def _unreadable(exc: Any) -> Fault:
    """The fault of an answer with status 200 that could not be read."""
    body = getattr(exc, "doc", None)  # a JSONDecodeError has the text
    start = body.lstrip()[:1] if isinstance(body, str) else ""
    if start == "<":
        return unavailable(
            "A web page came back where Gemini's answer was expected. A proxy or a login page stands in between: open "
            "any web page in a browser on this machine, or look at its proxy settings."
        )
    if start == "{":
        return unavailable("Only a part of Gemini's answer came back. Try again.", again=True)
    if start or isinstance(exc, UnicodeDecodeError) or type(exc).__name__ == "DecodingError":
        return unavailable(
            "What came back from Gemini's address is not JSON. Try again, or look at the proxy settings."
        )
    return unavailable(
        "Gemini's answer has a form that this version of the studio does not know. Set another GEMINI_MODEL, or update."
    )


def _answered(exc: Any, model: str, key: str) -> Fault:
    """The fault of an answer with another status than 200."""
    code, details = int(exc.code or 0), list(_details(exc.details))
    reasons = {str(each.get("reason")) for each in details}
    message = str(exc.message or "")
    said = quoted(message, key)
    if 300 <= code < 400:
        return unavailable(
            f"Gemini's address sends elsewhere ({code}), which is not followed. Look at the proxy in between, and at "
            "GOOGLE_GEMINI_BASE_URL."
        )
    if code == 429:
        return _over_quota(exc, details, said, model)
    if code in _TROUBLE:
        trouble = WriterUnavailable(
            f"Gemini has trouble of its own ({code}){said}. Try again in a minute, or choose another writer.",
            _wait_in(exc, details),
            meanwhile="has trouble of its own",
        )
        return Fault(trouble, again=True)
    if code == 401 or "API_KEY_INVALID" in reasons:
        return unavailable(
            f"Google does not accept this GOOGLE_API_KEY{said}. Make a new key at {KEYS_PAGE} and set it."
        )
    if code == 403:
        return unavailable(
            f"This GOOGLE_API_KEY may not use {model}{said}. Allow it in the key's project, or make another key at "
            f"{KEYS_PAGE}."
        )
    if code == 404:
        return unavailable(
            f"Google knows no model {model!r} for this key. Set GEMINI_MODEL to one that {MODELS_PAGE} lists."
        )
    if code == 400 and exc.status == "FAILED_PRECONDITION":
        return unavailable(
            f"Google does not serve this key from here{said}. Its country or its project's billing may be the reason."
        )
    if code == 413:
        return unavailable("The request is too large for Gemini (413). Shorten the words, or send a smaller prompt.")
    if code == 400:
        without = "thinking_config" if "thinking" in message.lower() else ""
        fault = unavailable(
            f"{model} does not take this request (400){said}. Set another GEMINI_MODEL, or choose another writer."
        )
        return Fault(fault.error, without=without)
    return unavailable(f"Gemini answered with status {code}{said}. Try again, or choose another writer.")


def _over_quota(exc: Any, details: list[Mapping[str, Any]], said: str, model: str) -> Fault:
    violations = [each for detail in details for each in detail.get("violations") or () if isinstance(each, Mapping)]
    if _NEVER.search(str(exc.message)) or any(str(each.get("quotaValue")) == "0" for each in violations):
        return unavailable(
            f"This GOOGLE_API_KEY has no quota for {model}{said}. Waiting does not help: set up billing for the key's "
            "project, or set another GEMINI_MODEL."
        )
    if any("PerDay" in str(each.get("quotaId")) for each in violations):
        return unavailable(
            f"The quota of this GOOGLE_API_KEY for today is used up{said}. Another model or writer can go on."
        )
    wait_s = _wait_in(exc, details)
    when = "" if wait_s is None else f"; it takes the next request in {wait(wait_s)}"
    return Fault(WriterUnavailable(f"Gemini's rate limit is reached (429){said}{when}.", wait_s), again=True)


def _wait_in(exc: Any, details: list[Mapping[str, Any]]) -> float | None:
    """The wait that an answer asks for, in seconds, in its body or its header."""
    said = (_seconds(detail.get("retryDelay")) for detail in details)
    in_body = next((seconds for seconds in said if seconds is not None), None)
    return in_body if in_body is not None else retry_after(getattr(exc.response, "headers", None))


def _details(body: Any) -> Iterator[Mapping[str, Any]]:
    """The parts of `error.details` in Google's answer, of whatever form that is."""
    error = body.get("error") if isinstance(body, Mapping) else None
    details = error.get("details") if isinstance(error, Mapping) else None
    yield from (each for each in details if isinstance(each, Mapping)) if isinstance(details, list) else ()


def _seconds(value: Any) -> float | None:
    """ "37s" or "0.5s" in seconds."""
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)s", value) if isinstance(value, str) else None
    return float(match[1]) if match else None

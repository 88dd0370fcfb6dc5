"""Gemini's REST protocol on loopback.

It answers `models/<id>:generateContent` and `models/<id>` (the model's card), and keeps what it was sent.
"""

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from tests.writers.loopback import Loopback, Reply, loopback
from tests.writers.loopback import page as page


def answer(
    said: Any,
    *,
    finish: str = "STOP",
    tokens: tuple[int, int, int] = (900, 700, 0),
    model: str = "gemini-3.5-flash-lite",
    **more: Any,
) -> Reply:
    """A model's answer: ``said`` as text, or a document written as JSON; tokens are (read, written, thought)."""
    text = said if isinstance(said, str) else json.dumps(said)
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": finish, "index": 0}
    return payload({"candidates": [candidate], "usageMetadata": _usage(tokens), "modelVersion": model}, **more)


def payload(body: Any, **more: Any) -> Reply:
    """Any JSON body."""
    return Reply(json.dumps(body).encode(), headers={"Content-Type": "application/json; charset=UTF-8"}, **more)


def error(code: int, status: str, message: str, *details: Any, headers: dict[str, str] | None = None) -> Reply:
    """An error as Google writes it; details are dicts such as `INVALID_KEY`."""
    body = {"error": {"code": code, "message": message, "status": status, "details": list(details)}}
    return Reply(json.dumps(body).encode(), code, {"Content-Type": "application/json", **(headers or {})})


def blocked(reason: str) -> Reply:
    """The service does not take the request."""
    return payload({"promptFeedback": {"blockReason": reason}, "usageMetadata": _usage((12, 0, 0))})


INVALID_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}


def retry_info(delay: str) -> dict[str, str]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def quota(quota_id: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota_id}]}


def camel(value: Any) -> Any:
    """JSON with Google's spelling of keys; its servers take snake_case as well, and the SDK sends some of both.

    What stands under `properties` are FIBO's own keys, and stay.
    """
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    spelled = {}
    for key, item in value.items():
        name = "".join(part.title() if index else part for index, part in enumerate(key.split("_")))
        spelled[name if "_" in key else key] = (
            {fibo: camel(about) for fibo, about in item.items()} if key == "properties" else camel(item)
        )
    return spelled


def _usage(tokens: tuple[int, int, int]) -> dict[str, int]:
    read, written, thought = tokens
    return {"promptTokenCount": read, "candidatesTokenCount": written, "thoughtsTokenCount": thought}


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """The task, as the model would read it."""
        return "".join(part.get("text", "") for part in self.body["contents"][0]["parts"])

    @property
    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = self.body["generationConfig"]
        return config


LoopbackGemini = Loopback[Received]


def loopback_gemini() -> AbstractContextManager[LoopbackGemini]:
    """The server, listening on a free port of 127.0.0.1 until the block ends."""
    return loopback(lambda path, headers, body: Received(path, headers, camel(body)))

"""OpenAI's chat completions on loopback, as Ollama, LM Studio, vLLM, llama.cpp and OpenRouter speak them.

It answers `/v1/chat/completions` and `/v1/models`, streaming or not, and keeps what it was sent.
"""

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from tests.writers.loopback import Loopback, Reply, loopback
from tests.writers.loopback import page as page

MODEL = "qwen3:8b"
JSON = {"Content-Type": "application/json"}
EVENTS = {"Content-Type": "text/event-stream"}


def answer(
    said: Any,
    *,
    finish: str | None = "stop",
    tokens: tuple[int, int] | None = (900, 700),
    model: str = MODEL,
    message: dict[str, Any] | None = None,
    **more: Any,
) -> Reply:
    """A whole answer in one document, as from a service that does not stream; ``message`` is more of its message."""
    text = said if isinstance(said, str) else json.dumps(said)
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **(message or {})}, "finish_reason": finish}
    body: dict[str, Any] = {"object": "chat.completion", "model": model, "choices": [choice]}
    return payload(body | ({"usage": _usage(tokens)} if tokens else {}), **more)


def stream(
    said: Any,
    *,
    finish: str | None = "stop",
    tokens: tuple[int, int] | None = (900, 700),
    done: bool = True,
    before: bytes = b"",
    **more: Any,
) -> Reply:
    """The same in pieces, as events, the last of them the tokens."""
    text = said if isinstance(said, str) else json.dumps(said)
    pieces = [text[at : at + 40] for at in range(0, len(text), 40)]
    events: list[dict[str, Any]] = [{"delta": {"role": "assistant", "content": ""}}]
    events += [{"delta": {"content": piece}} for piece in pieces]
    events += [{"delta": {}, "finish_reason": finish}] if finish else []
    chunks: list[dict[str, Any]] = [{"model": MODEL, "choices": [{"index": 0, **each}]} for each in events]
    chunks += [{"model": MODEL, "choices": [], "usage": _usage(tokens)}] if tokens else []
    body = before + b"".join(event(chunk) for chunk in chunks) + (b"data: [DONE]\n\n" if done else b"")
    return Reply(body, headers=EVENTS, **more)


def event(document: Any) -> bytes:
    return b"data: " + json.dumps(document).encode() + b"\n\n"


def payload(body: Any, **more: Any) -> Reply:
    """Any JSON body."""
    return Reply(json.dumps(body).encode(), headers=JSON, **more)


def error(status: int, message: Any, *, headers: dict[str, str] | None = None, **more: Any) -> Reply:
    """An error as OpenAI writes it."""
    body = {"error": {"message": message, **more}}
    return Reply(json.dumps(body).encode(), status, {**JSON, **(headers or {})})


def models(*names: str) -> Reply:
    return payload({"object": "list", "data": [{"id": name, "object": "model"} for name in names]})


def _usage(tokens: tuple[int, int]) -> dict[str, int]:
    return {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """The task, as the model would read it."""
        content = self.body["messages"][-1]["content"]
        return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)

    @property
    def picture(self) -> str | None:
        """The data URL of the picture, where there is one."""
        content = self.body["messages"][-1]["content"]
        parts = [] if isinstance(content, str) else content
        return next((part["image_url"]["url"] for part in parts if part["type"] == "image_url"), None)


LoopbackLlm = Loopback[Received]


def loopback_llm() -> AbstractContextManager[LoopbackLlm]:
    """The service, listening on a free port of 127.0.0.1 until the block ends."""
    return loopback(Received)

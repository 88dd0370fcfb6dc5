"""An answer of chat completions as it comes: event by event where the service streams, as one document where not."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fibo_core.writers.service import NO_CANDIDATE, Answer, model_named
from fibo_core.writers.service_faults import without_key

MAX_BYTES = 4_000_000  # of one answer; a full prompt has some 4,000
_THOUGHT = re.compile(r"^\s*<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL)


class Unfinished(Exception):
    """The answer ended before its end."""


class NotJson(Exception):
    """What came is no JSON; ``text`` is its beginning."""

    def __init__(self, text: str):
        super().__init__()
        self.text = text


class SaidError(Exception):
    """The service reported an error in an answer that began as a good one."""

    def __init__(self, error: Any):
        super().__init__()
        self.error = error


@dataclass
class Reading:
    """What has been read of an answer so far; another thread may look at ``tokens`` and ``heard_at``."""

    said: list[str] = field(default_factory=list)
    refusal: str = ""
    finish: str = ""
    model: str = ""
    candidates: bool = False
    tokens: int = 0  #: written so far, its thoughts included: about one a piece, until the service counts them
    tokens_read: int = 0
    heard_at: float = field(default_factory=time.monotonic)

    def take(self, document: Any) -> None:
        """One event of a stream, or a whole answer. Raises SaidError; ValueError or TypeError for an unknown form."""
        if not isinstance(document, dict):
            raise TypeError("not an object")
        if document.get("error"):
            raise SaidError(document["error"])
        self.heard_at = time.monotonic()
        self.model = document.get("model") or self.model
        for choice in (document.get("choices") or [])[:1]:
            self.candidates = True
            self._take_choice(choice)
        if usage := document.get("usage"):
            self.tokens_read = int(usage.get("prompt_tokens") or 0)
            self.tokens = int(usage.get("completion_tokens") or 0)

    def _take_choice(self, choice: dict[str, Any]) -> None:
        part = choice.get("delta") or choice.get("message") or {}
        content = part.get("content") or ""
        if isinstance(content, list):
            content = "".join(piece.get("text") or "" for piece in content)
        thought = part.get("reasoning") or part.get("reasoning_content") or ""
        self.said.append("" + content)
        self.refusal += part.get("refusal") or ""
        self.tokens += bool(content or thought)
        self.finish = str(choice.get("finish_reason") or self.finish)

    def answer(self, key: str) -> Answer:
        """The answer, without what a model thinks aloud before it, and without the key, whoever has said it."""
        text = without_key(_THOUGHT.sub("", "".join(self.said)), key)
        finish = without_key(self.finish, key) if self.candidates else NO_CANDIDATE
        named = model_named(self.model, key)
        return Answer(text, finish, self.tokens_read, self.tokens, cut_off=self.finish == "length", model=named)


def read(chunks: Iterator[bytes], reading: Reading, *, streams: bool) -> None:
    """Reads an answer to its end, as a stream of events where it is said, or seen, to be one.

    Raises Unfinished, NotJson, SaidError, and ValueError, TypeError and their like for JSON of an unknown form.
    """
    rest, total, ended = bytearray(), 0, False
    for chunk in chunks:
        total += len(chunk)
        rest += chunk
        if not streams and total == len(chunk):
            streams = rest.lstrip().startswith((b"data:", b":", b"event:"))
        if streams:
            *lines, last = rest.split(b"\n")
            rest = bytearray(last)
            for line in lines:
                ended = _take_line(bytes(line), reading) or ended
        if ended or total > MAX_BYTES:
            break
    if streams:
        if ended or total > MAX_BYTES:
            return
        if not _take_line(bytes(rest), reading) and not reading.finish:
            raise Unfinished
        return
    text = bytes(rest).decode("utf-8-sig", "replace").strip()
    try:
        document = json.loads(text)
    except ValueError as exc:
        if text.startswith("{") and total <= MAX_BYTES:
            raise Unfinished from exc
        raise NotJson(text[:1000]) from exc
    reading.take(document)


def _take_line(line: bytes, reading: Reading) -> bool:
    """Takes a line of a stream; True where it says that the stream has ended."""
    name, _, data = line.strip().partition(b":")
    data = data.strip()
    if name != b"data" or not data:
        return False  # a comment that keeps the connection open, an event's name or id
    if data == b"[DONE]":
        return True
    try:
        document = json.loads(data)
    except ValueError as exc:
        raise NotJson(data[:1000].decode("utf-8", "replace")) from exc
    reading.take(document)
    return False

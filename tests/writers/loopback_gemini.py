"""Gemini's REST protocol on loopback: a real HTTP server that answers what a test tells it to, well or badly.

It answers `models/<id>:generateContent` and `models/<id>` (the model's card), and keeps what it was sent.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """One answer. ``cut_after`` bytes of the body the connection is dropped; ``hangs`` never answers;
    ``drips`` sends a header now and then, for ever."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    hangs: bool = False
    drips: bool = False
    raw: bytes | None = None  #: sent in place of an HTTP answer


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


def page(status: int = 200) -> Reply:
    """A web page where JSON is expected."""
    return Reply(b"<!doctype html><title>Sign in</title><p>Welcome.", status, {"Content-Type": "text/html"})


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


class LoopbackGemini:
    """Give it replies with `will`; they are sent in order, and the last one again and again."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.received: list[Received] = []
        self.arrived = threading.Event()  #: set when a request has come
        self.ended = threading.Event()  #: lets those go that hang or drip
        self.left = threading.Event()  #: set when a client has hung up on an answer that drips
        self._replies: list[Reply] = []
        self._lock = threading.Lock()

    def will(self, *replies: Reply) -> None:
        self._replies = list(replies)

    def take(self, received: Received) -> Reply:
        with self._lock:
            self.received.append(received)
            self.arrived.set()
            return self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]


@contextmanager
def loopback_gemini() -> Iterator[LoopbackGemini]:
    """The server, listening on a free port of 127.0.0.1 until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def do_GET(self) -> None:
            self._answer({})

        def _answer(self, body: dict[str, Any]) -> None:
            reply = gemini.take(Received(self.path, {k.lower(): v for k, v in self.headers.items()}, camel(body)))
            if reply.hangs:
                gemini.ended.wait(60)
                return
            if reply.drips:
                self._drip()
                return
            if reply.raw is not None:
                self.wfile.write(reply.raw)
                return
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body[: reply.cut_after])
            self.close_connection = True

        def _drip(self) -> None:
            try:
                self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                while not gemini.ended.wait(0.02):
                    self.wfile.write(b"X-Drip: drop\r\n")
            except OSError:
                gemini.left.set()

        def log_message(self, format: str, *args: Any) -> None:
            """Silent: the tests look at what was received."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    gemini = LoopbackGemini(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield gemini
    finally:
        gemini.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()

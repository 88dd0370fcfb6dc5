"""A service on loopback: a real HTTP server that answers what a test tells it to, well or badly."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Generic, TypeVar

Received = TypeVar("Received")


@dataclass(frozen=True)
class Reply:
    """One answer. ``cut_after`` bytes of the body the connection is dropped; ``hangs`` never answers;
    ``drips`` sends a header now and then, for ever, or after a body the like of it."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    hangs: bool = False
    drips: bool = False
    raw: bytes | None = None  #: sent in place of an HTTP answer


def page(status: int = 200) -> Reply:
    """A web page where JSON is expected."""
    return Reply(b"<!doctype html><title>Sign in</title><p>Welcome.", status, {"Content-Type": "text/html"})


class Loopback(Generic[Received]):
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
def loopback(receive: Callable[[str, dict[str, str], Any], Received]) -> Iterator[Loopback[Received]]:
    """The server, listening on a free port of 127.0.0.1 until the block ends; ``receive`` makes values of requests."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def do_GET(self) -> None:
            self._answer({})

        def _answer(self, body: dict[str, Any]) -> None:
            reply = service.take(receive(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            if reply.hangs:
                service.ended.wait(60)
                return
            if reply.drips:
                self._drip(reply)
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

        def _drip(self, reply: Reply) -> None:
            try:
                drop = b"X-Drip: drop\r\n"
                self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                if reply.body:
                    drop = b": still here\n"
                    self.wfile.write(b"Content-Type: text/event-stream\r\n\r\n" + reply.body)
                while not service.ended.wait(0.02):
                    self.wfile.write(drop)
            except OSError:
                service.left.set()

        def log_message(self, format: str, *args: Any) -> None:
            """Silent: the tests look at what was received."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    service: Loopback[Received] = Loopback(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()

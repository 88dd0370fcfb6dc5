"""Clients that hold connections open without ever asking for something: real sockets on a loopback port."""

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket
from websockets.sync.client import connect

from studio.pod.idle import Activity
from studio.web import gate as auth
from studio.web.connections import PromptHeads
from studio.web.gate import Gate
from studio.web.passwords import Login
from tests.studio.processes import PATIENCE_S, served

HEAD = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n"
HEAD_S = 0.3


class Impatient(PromptHeads):
    head_s = HEAD_S


async def count_body(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def answer_at_once(_: Request) -> PlainTextResponse:
    return PlainTextResponse("no")


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(await socket.receive_text())


APP = Starlette(
    routes=[
        Route("/body", count_body, methods=["POST"]),
        Route("/refuse", answer_at_once, methods=["POST"]),
        WebSocketRoute("/echo", echo),
    ]
)


@contextmanager
def running(app: ASGIApp, protocol: type[PromptHeads] = Impatient) -> Iterator[int]:
    """Serves an app in a thread of this process, by the protocol with little patience; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, http=protocol, ws="websockets-sansio", log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(PATIENCE_S)


def test_a_body_goes_out_right_behind_its_head() -> None:
    """Not 40 ms later, when the client has confirmed the head: asyncio does not see to that for sockets like ours."""
    seen: list[int] = []

    class Watched(Impatient):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            given = transport.get_extra_info("socket")
            seen.append(given.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    with running(APP, Watched) as port:
        call(port).close()
        until = time.monotonic() + PATIENCE_S
        while not seen:
            assert time.monotonic() < until
            time.sleep(0.01)
    assert seen == [1]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with running(APP) as port:
        yield port


def call(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)


def is_closed(client: socket.socket) -> bool:
    """Whether the other end has closed it, without a word or after one."""
    client.setblocking(False)
    try:
        while client.recv(10_000):
            pass
    except BlockingIOError:
        return False
    except ConnectionResetError:
        pass
    return True


def until(seen: Callable[[], bool]) -> None:
    """Waits until it is so; a server that never gets there fails the test."""
    deadline = time.monotonic() + PATIENCE_S
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_healthy(health: dict[str, Any]) -> bool:
    return bool(health["status"] == "healthy")


def drip(client: socket.socket) -> bool:
    """Sends one more byte, and says whether the other end has closed."""
    try:
        client.sendall(b"x")
    except OSError:
        return True
    return is_closed(client)


@pytest.mark.parametrize("sent", [b"", b"GET", HEAD, b"GET /%s HTTP/1.1\r\nX: " % (b"a" * 5000)])
def test_a_client_that_does_not_finish_its_request_is_closed(port: int, sent: bytes) -> None:
    with call(port) as client:
        client.sendall(sent)
        until(lambda: is_closed(client))


def test_a_client_that_sends_its_head_byte_by_byte_is_closed_too(port: int) -> None:
    """Each byte buys no more time."""
    with call(port) as client:
        client.sendall(HEAD + b"X: ")
        until(lambda: drip(client))


def test_a_body_that_goes_on_after_its_answer_is_cut_off(port: int) -> None:
    """As an upload is that the gate has refused."""
    with call(port) as client:
        client.sendall(b"POST /refuse HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n")
        assert b"200 OK" in client.recv(1000)
        until(lambda: drip(client))


def test_a_slow_upload_a_socket_and_a_second_request_take_the_time_they_need(port: int) -> None:
    """The limit is for heads alone."""
    slowly = (time.sleep(HEAD_S / 4) or b"x" for _ in range(12))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.request("POST", "/body", slowly, {"Content-Length": "12"})
    assert connection.getresponse().read() == b"12"
    kept = connection.sock
    connection.request("POST", "/body", b"again")
    assert connection.getresponse().read() == b"5"
    assert connection.sock is kept, "the connection was kept for it"
    connection.close()

    with connect(f"ws://127.0.0.1:{port}/echo", open_timeout=PATIENCE_S) as websocket:
        time.sleep(HEAD_S * 3)
        websocket.send("still there")
        assert websocket.recv(timeout=PATIENCE_S) == "still there"


def test_a_login_whose_form_never_arrives_is_ended(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(auth, "FORM_S", HEAD_S)
    gate = Gate(APP, login=Login("a good password", b"key", folder=tmp_path), activity=Activity())
    with running(gate) as port, call(port) as client:
        client.sendall(b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\npassword=")
        answer = client.makefile("rb").read()
    assert b"408" in answer.splitlines()[0]
    assert b"The login's form did not arrive within 0.3 s. Send it again." in answer


@pytest.mark.parametrize("rest", [b"zz\r\n", b"5\r\naaaaaXX"])
def test_a_body_that_turns_out_broken_after_the_answer_ends_its_connection_without_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, rest: bytes
) -> None:
    """Nobody has logged in there: it must not write a trace into the log."""
    gate = Gate(APP, login=Login("a good password", b"key", folder=tmp_path), activity=Activity())
    with running(gate) as port, call(port) as client:
        client.sendall(b"POST /refuse HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        answer = client.recv(65_536)
        client.sendall(rest)
        until(lambda: is_closed(client))
    assert b"401" in answer.splitlines()[0]
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.slow
def test_whatever_strangers_hold_open_the_studio_answers_and_its_log_stays_short(tmp_path: Path) -> None:
    """Of unfinished requests a quarter of the descriptors at most is held, the newest ones. Where other connections
    take all of them, that is one line, and over when they go."""
    descriptors = 256
    limited = ("bash", "-c", f'ulimit -n {descriptors} && exec "$@"', "bash")
    (tmp_path / "workspace").mkdir()
    with served(tmp_path / "workspace", before=limited, STUDIO_PASSWORD="a good password") as server:
        server.wait_for(is_healthy)  # loading the model opens files too
        with ExitStack() as opened:
            clients = [opened.enter_context(call(server.port)) for _ in range(400)]
            for client in clients:
                client.sendall(HEAD)
            until(lambda: sum(map(is_closed, clients)) >= len(clients) - descriptors // 4)
            assert not is_closed(clients[-1]), "not before its time"
            assert server.health()[0] == 200
        assert server.log.read_text().count("wait for a request: the oldest are closed") == 1

        with ExitStack() as opened:
            for _ in range(400):
                client = opened.enter_context(call(server.port))
                client.sendall(b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\npassword=")
            until(lambda: "No connection can be taken" in server.log.read_text())
            time.sleep(3)  # for as long as it would try again, and say so each time
        server.wait_for(is_healthy)
        log = server.log.read_text()
        assert log.count("No connection can be taken") == 1
        assert "Traceback" not in log

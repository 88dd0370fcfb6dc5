"""scripts/healthcheck.py: Docker's eye on the container."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "healthcheck.py"


class Answering(HTTPServer):
    """Answers everything in one way."""

    status, body = 200, b""


class Handler(BaseHTTPRequestHandler):
    server: Answering

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def server() -> Iterator[Answering]:
    with Answering(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()


def check(port: int | str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-I", SCRIPT], env={"STUDIO_PORT": str(port)}, capture_output=True, text=True
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("status", "body", "code", "said"),
    [
        (200, json.dumps({"status": "healthy", "model": "mini"}), 0, "healthy: mini"),
        (200, json.dumps({"status": "loading", "model": ""}), 0, "loading"),
        (200, json.dumps({"status": "degraded", "error": "Only 90 MB are free"}), 0, "Only 90 MB are free"),
        (503, json.dumps({"status": "unhealthy", "error": "The model failed"}), 1, "The model failed"),
        (200, "<!doctype html>", 1, "does not answer as the studio does"),
        (200, "[]", 1, "does not answer as the studio does"),
    ],
)
def test_the_json_decides_and_not_the_status_alone(server: Answering, status: int, body: str, code: int, said: str):
    """An address that the studio does not know answers 200 and a page: that is no health."""
    server.status, server.body = status, body.encode()
    answer = check(server.server_address[1])
    assert answer[0] == code
    assert said in answer[1]


def test_a_port_in_quotes_is_that_port(server: Answering):
    """Docker's --env-file leaves them, and the check's environment is the container's."""
    server.status, server.body = 200, b'{"status": "healthy", "model": "mini"}'
    assert check(f'"{server.server_address[1]}"') == (0, "healthy: mini\n")


def test_nobody_listening_is_not_healthy():
    """Port 9 of this machine has no server."""
    assert check(9) == (1, "/health on port 9 does not answer as the studio does: ConnectionRefusedError\n")

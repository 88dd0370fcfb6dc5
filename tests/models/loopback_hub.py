"""The small part of the Hugging Face hub's protocol that a download needs, served from a folder on 127.0.0.1."""

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class LoopbackHub:
    """A repository, or several. The fields may be changed while it serves."""

    repo: str
    folder: Path
    token: str | None = None  #: the only one let in; None lets everybody in
    refusal: tuple[int, str] | None = None  #: (status, X-Error-Code) of every answer
    refused: str = ""  #: only of addresses with this in them
    retry_after: str = ""  #: goes with a refusal
    slow_s: float = 0.0  #: between two of a hundred parts of a file
    cut_file: str | None = None  #: this file breaks off in the middle, then the hub is down
    spoilt_file: str | None = None  #: other bytes of the same number come in its place, once
    short_file: str | None = None  #: half of it comes as if that were all, once
    silent_file: str | None = None  #: after half of it nothing comes any more, and the line stays open; once
    loops: str = ""  #: addresses with this in them lead to themselves
    page: str = ""  #: addresses with this in them answer with a page for people
    down_for: int | None = None  #: so many requests; None: until somebody mends it
    claimed_size: int | None = None  #: what the hub says of every file's size before it is fetched
    also: dict[str, Path] = field(default_factory=dict)  #: further repositories
    endpoint: str = ""
    requests: list[str] = field(default_factory=list)  #: "GET /path", in order

    def files(self, repo: str = "") -> dict[str, Path]:
        folder = self.also.get(repo, self.folder)
        return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}


@contextmanager
def serve(hub: LoopbackHub) -> Iterator[LoopbackHub]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: LoopbackHub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *args: object) -> None:
        pass

    def _answer(self) -> None:
        hub, path = self.hub, unquote(urlsplit(self.path).path)
        hub.requests.append(f"{self.command} {path}")
        repo = next((name for name in hub.also if f"/{name}/" in path), hub.repo)
        files = hub.files(repo)
        if hub.refusal is not None and hub.refused in f"{self.command} {path}":
            status, code = hub.refusal
            if hub.down_for is not None:
                hub.down_for -= 1
                hub.refusal = hub.refusal if hub.down_for > 0 else None
            self._send(
                status, b"{}", {"X-Error-Code": code, **({"Retry-After": hub.retry_after} if hub.retry_after else {})}
            )
        elif hub.page and hub.page in path:
            self._send(200, b"<html>Log in to the airport</html>", {"Content-Type": "text/html"})
        elif hub.loops and hub.loops in path:
            self._send(302, b"", {"Location": self.path})
        elif hub.token is not None and self.headers.get("Authorization") != f"Bearer {hub.token}":
            self._send(403, b"{}", {"X-Error-Code": "GatedRepo"})
        elif path == f"/api/models/{repo}/auth-check":
            self._send(200, b"{}")
        elif path == f"/api/models/{repo}/revision/main":
            self._send(200, json.dumps({"id": repo, "sha": COMMIT, "siblings": []}).encode())
        elif path == f"/api/models/{repo}/tree/{COMMIT}":
            tree = [
                {"type": "file", "path": name, "size": file.stat().st_size, "oid": _etag(file)}
                for name, file in files.items()
            ]
            self._send(200, json.dumps(tree).encode())
        elif found := re.fullmatch(f"/{re.escape(repo)}/resolve/(?:{COMMIT}|main)/(.+)", path):
            if found[1] in files:
                self._send_file(found[1], files[found[1]])
            else:
                self._send(404, b"{}", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        else:
            self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def _send_file(self, name: str, file: Path) -> None:
        body = file.read_bytes()
        headers = {"ETag": f'"{_etag(file)}"', "X-Repo-Commit": COMMIT}
        if self.hub.claimed_size is not None:
            headers["X-Linked-Size"] = str(self.hub.claimed_size)
        if self.command == "GET" and name == self.hub.spoilt_file:
            self.hub.spoilt_file = None
            self._send(200, bytes(255 - byte for byte in body), headers)
        elif self.command == "GET" and name == self.hub.short_file:
            self.hub.short_file = None
            self._send(200, body[: len(body) // 2], headers)
        elif self.command == "GET" and name == self.hub.silent_file:
            self.hub.silent_file = None
            self.send_response(200)
            for key, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.connection.settimeout(60)
            self.rfile.read(1)  # until the client hangs up
            self.close_connection = True
        elif self.command == "GET" and name == self.hub.cut_file:
            self.send_response(200)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            self.hub.cut_file, self.hub.refusal = None, (503, "")
        else:
            self._send(200, body, headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            part = max(1, len(body) // 100) if self.hub.slow_s else len(body) or 1
            for at in range(0, len(body), part):
                time.sleep(self.hub.slow_s)
                self.wfile.write(body[at : at + part])


def _etag(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()

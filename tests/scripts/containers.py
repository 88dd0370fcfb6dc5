"""Containers without Docker: the entrypoint in a checkout of its own, with an environment that is empty but for what a
test gives it, and, where a test asks for it, as the first process of a PID namespace or without a network."""

import http.client
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[2]
SCRIPTS = ("entrypoint.sh", "preflight.py", "setup_page.py", "healthcheck.py", "runtime_setup.sh", "studio.sh")
PATIENCE_S = 120

#: In place of the real set-up: it goes through the steps, waits while the file `gate` is there, and names this Python.
SET_UP = """#!/bin/bash
for step in installer packages; do echo $step >>"$STUDIO_STEPS_FILE"; done
echo "the set-up is at work" >&2
while [ -e '{folder}/gate' ]; do sleep 0.02; done
for step in torch check studio; do echo $step >>"$STUDIO_STEPS_FILE"; done
echo '{folder}/environment/bin/python'
"""

#: In place of the studio where the studio is not the point: ends the page and answers as healthy.
STUDIO = """
import json, os, signal, time
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(json.dumps({"status": "healthy"}).encode())
    def log_message(self, *_): ...
os.kill(int(os.environ["STUDIO_SETUP_PAGE"]), signal.SIGTERM)
while True:
    try: server = HTTPServer(("127.0.0.1", int(os.environ["STUDIO_PORT"])), Handler); break
    except OSError: time.sleep(0.02)
print("serving", flush=True)
server.serve_forever()
"""


def write_python(path: Path, *arguments: Path, executable: str | Path = sys.executable) -> None:
    """A script at ``path`` that is this Python with these arguments before its own, wherever the three of them lie."""
    path.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, (executable, *arguments)))} "$@"\n')
    path.chmod(0o755)


def wait_until(true: Callable[[], Any], said: Callable[[], str] = lambda: "", seconds: float = PATIENCE_S) -> Any:
    """What `true()` gives as soon as it is something; fails, with what was said, where it never is."""
    deadline = time.monotonic() + seconds
    while not (answer := true()):
        assert time.monotonic() < deadline, f"waited in vain; it said:\n{said()}"
        time.sleep(0.02)
    return answer


def can(*command: str) -> bool:
    """Whether this machine lets us."""
    return subprocess.run([*command, "true"], capture_output=True).returncode == 0


class Container:
    """One image and its volume; started, killed and started again as often as a test likes."""

    def __init__(self, folder: Path, *, real_setup: bool = False, real_studio: bool = False) -> None:
        self.folder, self.root, self.volume = folder, folder / "image", folder / "volume"
        self.gate, self.tools = folder / "gate", folder / "tools"
        self.processes: list[subprocess.Popen[bytes]] = []
        for path in (self.root / "scripts", self.volume, self.tools, folder / "environment" / "bin"):
            path.mkdir(parents=True)
        for name in SCRIPTS:
            shutil.copy(CHECKOUT / "scripts" / name, self.root / "scripts")
        for name in ("fibo_core", "pages", ".streamlit", "requirements.lock"):
            (self.root / name).symlink_to(CHECKOUT / name)
        if real_studio:
            (self.root / "studio").symlink_to(CHECKOUT / "studio")
        else:
            (self.root / "studio").mkdir()
            (self.root / "studio" / "__init__.py").touch()
            (self.root / "studio" / "__main__.py").write_text(STUDIO)
        if not real_setup:
            self.script(self.root / "scripts" / "runtime_setup.sh", SET_UP.format(folder=folder))
            write_python(folder / "environment" / "bin" / "python")
            (folder / "environment" / ".in-use").touch()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.env = {
            "PATH": f"{self.tools}:{os.environ['PATH']}",
            "HOME": str(folder),
            "WORKSPACE_DIR": str(self.volume),
            "STUDIO_HOST": "127.0.0.1",
            "STUDIO_PORT": str(self.port),
            "FIBO_MODEL": "mini",
            "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",  # the checkout is not this test's to write in
        }

    @staticmethod
    def script(path: Path, text: str) -> Path:
        path.write_text(text)
        path.chmod(0o755)
        return path

    def start(self, *, inside: tuple[str, ...] = (), arguments: tuple[str, ...] = ()) -> "subprocess.Popen[bytes]":
        """The entrypoint, with stdout and stderr in one log; ``inside`` goes before it."""
        command = [*inside, str(self.root / "scripts" / "entrypoint.sh"), *arguments]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(command, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def run(self, *arguments: str) -> tuple[int, str]:
        """Its exit code and what it said, where it ends by itself."""
        return self.start(arguments=arguments).wait(timeout=PATIENCE_S), self.said

    @property
    def said(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            # After 101 the rest is a socket's, which does not end.
            return answer.status, "" if answer.status == 101 else answer.read().decode()
        finally:
            connection.close()

    def health(self) -> dict[str, Any]:
        """What /health says; {} where nobody listens."""
        try:
            state: dict[str, Any] = json.loads(self.get("/health")[1])
        except (OSError, http.client.HTTPException):
            return {}
        return state

    def wait_for_health(self, wanted: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        def look() -> dict[str, Any]:
            assert self.processes[-1].poll() is None, self.said
            state = self.health()
            return state if state and wanted(state) else {}

        found: dict[str, Any] = wait_until(look, lambda: self.said)
        return found

    def wait_for_words(self, words: str) -> None:
        wait_until(lambda: words in self.said, lambda: self.said)


def first_process(unshare: "subprocess.Popen[bytes]") -> int:
    """The process that `unshare --fork` has made, as this namespace numbers it."""
    children = Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children")
    return int(wait_until(lambda: children.read_text().split())[0])


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    """A container whose set-up and studio are stand-ins; no path in it is safe without quotes."""
    with_ends = Container(tmp_path / "my pod")
    yield with_ends
    end_all(with_ends)


def end_all(container: Container) -> None:
    """Ends what a test has left running: politely, since the entrypoint then takes its children with it."""
    container.gate.unlink(missing_ok=True)
    for process in container.processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

"""What these tests stand on: workspaces with pictures that no model had to paint, commands and servers as processes."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from fibo_core.engine import RenderedImage
from fibo_core.engine.render_settings import RenderSettings
from fibo_core.models.catalogue import CATALOGUE
from fibo_core.prompts.structured_prompt import StructuredPrompt
from fibo_core.settings import Settings
from fibo_core.store.database import Database
from fibo_core.store.generation import Generation
from fibo_core.store.history import History
from fibo_core.work.workspace import build_database, build_history

CHECKOUT = Path(__file__).parents[2]
PATIENCE_S = 120  #: on a busy machine; a healthy server needs a few seconds


@contextmanager
def opened(workspace: Path) -> Iterator[tuple[Database, History]]:
    """The database and the history of a workspace, as another process would open them."""
    settings = Settings.from_environ({"WORKSPACE_DIR": str(workspace)})
    database = build_database(settings)
    yield database, build_history(settings, database)
    database.close()


def add_picture(
    history: History,
    words: str,
    *,
    seed: int = 7,
    color: str = "red",
    prompt: StructuredPrompt | None = None,
    steps: int = 3,
    adapters: tuple[str, ...] = (),
    **more: Any,
) -> Generation:
    prompt = prompt or StructuredPrompt.from_dict({"short_description": words})
    request = RenderSettings.of(CATALOGUE["mini"], num_inference_steps=steps).request(prompt, seed, "r1", adapters)
    rendered = RenderedImage(Image.new("RGB", (256, 256), color), 0.5, "cpu", "float32", {"torch": "2.13"})
    arguments = {"mode": "generate", "words": words, "writer": "offline"} | more
    return history.add(rendered, request, **arguments)


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Said]


def start_cli(*arguments: object, workspace: Path, **more: Any) -> "subprocess.Popen[str]":
    """A command in a process of its own, as a user starts it."""
    command = [sys.executable, "-m", "studio", *map(str, arguments)]
    environment = os.environ | {"WORKSPACE_DIR": str(workspace), "PYTHONPATH": str(CHECKOUT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
    return subprocess.Popen(command, env=environment, text=True, **pipes)


@dataclass
class Server:
    """A studio that is being served by a process of its own."""

    process: "subprocess.Popen[str]"
    port: int
    log: Path
    first_health: dict[str, Any] = field(default_factory=dict)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers (names in lower case) and body; ``path`` is sent as it stands."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path, headers=dict(headers or {}))
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body

    def health(self) -> tuple[int, dict[str, Any]]:
        status, _, body = self.get("/health")
        return status, json.loads(body)

    def wait_for(self, wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """Every /health seen until one is as wanted. Fails when the server ends or that takes too long."""
        seen: list[dict[str, Any]] = []
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            assert self.process.poll() is None, self.log.read_text()
            try:
                seen.append(self.health()[1])
            except ConnectionError:
                time.sleep(0.05)
                continue
            if wanted(seen[-1]):
                return seen
            time.sleep(0.1)
        raise AssertionError(f"/health was last {seen[-1:]}.\n{self.log.read_text()}")


@contextmanager
def served(workspace: Path, *, before: tuple[str, ...] = (), **environment: str) -> Iterator[Server]:
    """Serves a workspace on STUDIO_PORT or a free port, yielded at its first /health; ``before`` is put before the
    command."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(environment.get("STUDIO_PORT", probe.getsockname()[1]))
    log = workspace.parent / f"server-{port}.log"
    with log.open("a") as file:
        process = subprocess.Popen(
            [*before, sys.executable, "-m", "studio", "serve"],
            env=os.environ
            | {"WORKSPACE_DIR": str(workspace), "STUDIO_PORT": str(port), "PYTHONPATH": str(CHECKOUT)}
            | {"FIBO_MODEL": "mini"}
            | environment,
            cwd=workspace.parent,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            text=True,
        )
    server = Server(process, port, log)
    try:
        server.first_health = server.wait_for(lambda state: True)[0]
        yield server
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()

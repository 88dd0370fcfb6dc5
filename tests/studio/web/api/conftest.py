"""The API as a program meets it: a served process with a login, one for all tests here, and pictures in its history."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.studio.processes import Server, served

PASSWORD = "made up for these tests"
KEY = "a-key-made-up-for-these-tests"


def client_of(server: Server, key: str = KEY) -> httpx.Client:
    """What a program has: the address and the key."""
    return httpx.Client(
        base_url=f"http://127.0.0.1:{server.port}/api/v1",
        headers={"Authorization": f"Bearer {key}"},
        timeout=120,
    )


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    workspace: Path = tmp_path_factory.mktemp("api") / "workspace"
    workspace.mkdir()
    with served(workspace, STUDIO_PASSWORD=PASSWORD, STUDIO_API_KEY=KEY) as server:
        server.wait_for(lambda state: state["status"] == "healthy")
        yield server


@pytest.fixture(scope="session")
def api(server: Server) -> Iterator[httpx.Client]:
    with client_of(server) as client:
        yield client


@pytest.fixture(scope="session")
def batch(api: httpx.Client) -> dict[str, Any]:
    """A batch that has painted one picture, of three steps."""
    return paint(api, words="a red ball on the left", seed=7)


def ended(api: httpx.Client, batch: dict[str, Any]) -> dict[str, Any]:
    """The batch once it has ended."""
    while not batch["ended"]:
        batch = api.get(f"/batches/{batch['id']}", params={"wait": 20}).json()
    return batch


def paint(api: httpx.Client, **order: Any) -> dict[str, Any]:
    answer = api.post("/generations", json={"steps": 3, **order})
    assert answer.status_code == 202, answer.text
    return ended(api, answer.json())


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Status and sentence of a problem; fails for anything else, and for one that is no plain problem."""
    assert answer.headers["content-type"] == "application/problem+json", (answer.status_code, answer.text[:200])
    problem = answer.json()
    assert problem.keys() == {"type", "title", "status", "detail"}
    assert problem["status"] == answer.status_code
    assert "\n" not in problem["detail"]
    return answer.status_code, problem["detail"]

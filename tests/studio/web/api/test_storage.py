"""The trash, the disk and the database's copies, over HTTP, by the client and by the command line beside a studio."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from fibo_core.store.backup import fault_of
from studio.client import Studio
from tests.studio.processes import Server, add_picture, opened, served
from tests.studio.web.api.conftest import client_of, refusal


@pytest.fixture(scope="module")
def served_trash(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path, list[str]]]:
    """A server over six pictures, of which five are in the trash; one of these for 31 days."""
    workspace = tmp_path_factory.mktemp("trash") / "workspace"
    workspace.mkdir()
    with opened(workspace) as (_, history):
        ids = [add_picture(history, f"a fox {n}", seed=n).id for n in range(6)]
        history.delete(ids[1:])
    with served(workspace) as server:
        server.wait_for(lambda state: "queue" in state)
        yield server, workspace, ids


@pytest.fixture(scope="module")
def api(served_trash: tuple[Server, Path, list[str]]) -> Iterator[httpx.Client]:
    with client_of(served_trash[0]) as client:
        yield client


def listed(api: httpx.Client, address: str, **asked: object) -> list[str]:
    answer = api.get(address, params=asked)
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["items"]]


def test_the_trash_is_listed_searched_restored_and_purged(
    api: httpx.Client, served_trash: tuple[Server, Path, list[str]]
) -> None:
    """What is purged is gone for every address; what stands in the gallery cannot be purged."""
    server, workspace, ids = served_trash
    assert listed(api, "/trash") == ids[:0:-1]
    assert listed(api, "/trash", q="fox", limit=2) == ids[5:3:-1]
    assert api.post(f"/generations/{ids[5]}/restore").status_code == 200
    storage = api.get("/storage").json()
    assert (storage["pictures"], storage["trash_pictures"], storage["trash_days"]) == (2, 4, 30)
    assert (storage["trouble"], storage["purge"]["running"]) == ("", False)
    left = workspace / "trash" / "purge" / f"{ids[0]}.png"  # as a killed purge leaves it
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"on its way out")
    assert (storage["trash_unfinished"], api.get("/storage").json()["trash_unfinished"]) == (False, True)
    left.unlink()
    assert sum(month["pictures"] for month in storage["by_month"]) == storage["by_model"][0]["pictures"] == 2
    files = set((workspace / "outputs").rglob(f"{ids[1]}*"))
    answer = api.post("/trash/purge", json={"ids": [ids[0], ids[1]]})
    assert (answer.status_code, answer.json()["purged"], answer.json()["error"]) == (200, 1, "")
    assert answer.json()["freed_bytes"] > 0
    assert (len(files), [file for file in files if file.exists()]) == (2, [])
    assert refusal(api.post(f"/generations/{ids[1]}/restore"))[0] == 404
    assert server.get(f"/img/{ids[1]}.png")[0] == 404
    assert listed(api, "/trash") == ids[4:1:-1]


@pytest.mark.parametrize("body", [{}, {"all": True, "ids": ["01M8CZ4K0NRBZ7N4JVZ4H2QZVP"]}, {"ids": []}])
def test_a_purge_says_what_in_one_way(api: httpx.Client, body: dict[str, object]) -> None:
    assert refusal(api.post("/trash/purge", json=body)) == (
        422,
        "What is purged is not said in one way. Give ids, or all as true.",
    )


def test_the_client_empties_the_trash_and_copies_the_database(served_trash: tuple[Server, Path, list[str]]) -> None:
    server, workspace, ids = served_trash
    with Studio(f"http://127.0.0.1:{server.port}") as studio:
        left = [picture.id for picture in studio.trash()]
        assert left, "as the tests above have left it"
        assert studio.purge(left[:1]).purged == 1
        assert studio.empty_trash().purged == len(left) - 1
        assert list(studio.trash()) == []
        made = studio.backup()
        assert studio.storage().backups[0] == made
    copy = workspace / made.path
    assert fault_of(copy) == ""
    with closing(sqlite3.connect(copy)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM generation").fetchone()
    assert count == len(ids) - len(left) - 1


def test_a_volume_that_is_not_there_is_told_from_an_empty_gallery_and_comes_back(
    api: httpx.Client, served_trash: tuple[Server, Path, list[str]]
) -> None:
    """One sentence in /health and beside the list; nothing is painted or purged; all is well without a restart."""
    server, workspace, ids = served_trash
    server.wait_for(lambda state: state["status"] == "healthy")
    (workspace / "outputs").rename(workspace / "unmounted")
    try:
        status, health = server.health()
        assert (status, health["status"]) == (503, "unhealthy")
        assert "Is its volume mounted?" in health["error"]
        assert api.get("/storage").json()["trouble"] == health["error"]
        assert listed(api, "/generations")[-1] == ids[0], "the gallery is still listed"
        assert refusal(api.post("/trash/purge", json={"all": True})) == (503, health["error"])
        batch = api.post("/generations", json={"words": "a ball", "steps": 1}).json()
        while not batch["ended"]:
            batch = api.get(f"/batches/{batch['id']}", params={"wait": 20}).json()
        assert batch["error"] == health["error"]
        assert not (workspace / "outputs").exists()
    finally:
        (workspace / "unmounted").rename(workspace / "outputs")
    assert server.health()[0] == 200
    assert api.get("/storage").json()["trouble"] == ""
    again = api.post(f"/batches/{batch['id']}/retry", json={}).json()
    while not again["ended"]:
        again = api.get(f"/batches/{again['id']}", params={"wait": 20}).json()
    assert again["painted"] == 1

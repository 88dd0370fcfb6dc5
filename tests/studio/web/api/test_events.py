"""Following a batch: events as they happen, from where a client left off, to fifty clients at once."""

import asyncio
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fibo_core.settings import Settings
from fibo_core.store.batch_store import BatchStore
from fibo_core.store.job_store import JobStore
from fibo_core.work.desk import Desk
from fibo_core.work.jobs import JobQueue
from fibo_core.work.orders import Order
from fibo_core.work.runtime import Runtime, build_database, build_tools
from fibo_core.work.workflows import run
from studio.web.api import events
from tests.studio.processes import Server
from tests.studio.web.api.conftest import client_of, ended

Heard = tuple[str, str, dict[str, Any]]  #: id ("" without one), name, data


def heard(lines: Iterable[str]) -> Iterator[Heard]:
    """The events of a text/event-stream, without its comments."""
    fields: dict[str, str] = {}
    for line in lines:
        if not line:
            if "event" in fields:
                yield fields.get("id", ""), fields["event"], json.loads(fields["data"])
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value


def follow(api: httpx.Client, batch_id: str, last_id: str = "") -> list[Heard]:
    """All events up to the stream's end."""
    with api.stream("GET", f"/batches/{batch_id}/events", headers={"Last-Event-ID": last_id}) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        return list(heard(stream.iter_lines()))


def test_a_batch_is_told_from_its_prompt_to_its_end(api: httpx.Client) -> None:
    """The prompt as soon as it is written, progress with previews that can be fetched, each picture, the end."""
    batch = api.post("/generations", json={"words": "a red ball", "count": 2, "steps": 12, "seed": 21}).json()
    told, previews = [], []
    with api.stream("GET", f"/batches/{batch['id']}/events") as stream, client_of_same(api) as other:
        for event in heard(stream.iter_lines()):
            told.append(event)
            preview = event[2]["progress"]["preview"] if event[2].get("progress") else None
            if preview is not None:
                previews.append(other.get(str(api.base_url.copy_with(path=preview))))
    names = [name for _, name, _ in told if name != "progress"]
    assert names == ["written", "picture", "picture", "end"]
    assert told[-1][2]["state"] == "done"
    assert [data["seed"] for _, name, data in told if name == "picture"] == [21, 22]
    fractions = [data["fraction"] for _, name, data in told if name == "progress"]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    shown = [each for each in previews if each.status_code == 200]
    assert shown
    assert {each.headers["content-type"] for each in shown} == {"image/jpeg"}
    assert "immutable" in shown[0].headers["cache-control"]


def client_of_same(api: httpx.Client) -> httpx.Client:
    return httpx.Client(base_url=api.base_url, headers=api.headers, timeout=60)


def test_a_client_hears_what_it_missed_and_nothing_twice(api: httpx.Client, batch: dict[str, Any]) -> None:
    """By the id of what it heard last; an id of another time gives everything, the last one that all is over."""
    everything = follow(api, batch["id"])
    ids = [id for id, _, _ in everything if id]
    assert [name for id, name, _ in everything if id] == ["written", "picture", "end"]
    assert [id for id, _, _ in follow(api, batch["id"], ids[0]) if id] == ids[1:]
    assert [id for id, _, _ in follow(api, batch["id"], "0123abcd-2") if id] == ids
    again = api.get(f"/batches/{batch['id']}/events", headers={"Last-Event-ID": ids[-1]})
    assert (again.status_code, again.content) == (204, b"")


def test_fifty_streams_starve_neither_pages_nor_the_api(server: Server, api: httpx.Client) -> None:
    """All of one batch, painting; then it is cancelled, and each of them is told."""
    batch = api.post("/generations", json={"words": "a red ball", "count": 60}).json()

    async def follow_one(client: httpx.AsyncClient, began: asyncio.Semaphore) -> str:
        last = ""
        async with client.stream("GET", f"/batches/{batch['id']}/events") as stream:
            async for line in stream.aiter_lines():
                if line.startswith("event: "):
                    last = line.removeprefix("event: ")
                    began.release()
        return last

    async def all_of_them() -> list[str]:
        began = asyncio.Semaphore(0)
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=api.base_url, headers=api.headers, timeout=120, limits=limits) as client:
            following = [asyncio.create_task(follow_one(client, began)) for _ in range(50)]
            for _ in following:
                await began.acquire()
            assert (await asyncio.to_thread(server.health))[0] == 200
            page = await asyncio.to_thread(server.get, "/", {"Authorization": api.headers["authorization"]})
            assert page[0] == 200
            assert (await client.get("/models")).status_code == 200
            assert (await client.delete(f"/batches/{batch['id']}")).status_code == 200
            return await asyncio.gather(*following)

    assert set(asyncio.run(all_of_them())) == {"end"}
    stood = ended(api, api.get(f"/batches/{batch['id']}").json())
    assert (stood["state"], stood["retryable"]) == ("cancelled", True)


def test_a_client_that_vanishes_leaves_the_batch_and_the_log_alone(server: Server, api: httpx.Client) -> None:
    logged = len(server.log.read_text())
    batch = api.post("/generations", json={"words": "a red ball", "steps": 10}).json()
    with client_of(server) as other, other.stream("GET", f"/batches/{batch['id']}/events") as stream:
        next(stream.iter_lines())
    assert ended(api, batch)["state"] == "done"
    assert "Traceback" not in server.log.read_text()[logged:]


def test_a_wait_ends_with_the_batch_or_after_its_time(api: httpx.Client) -> None:
    """Long polling: the answer is the batch either way."""
    batch = api.post("/generations", json={"words": "a red ball", "count": 40}).json()
    answer = api.get(f"/batches/{batch['id']}", params={"wait": 0.1})
    assert (answer.status_code, answer.json()["ended"]) == (200, False)
    job = api.delete(f"/jobs/{batch['jobs'][0]['id']}")
    assert job.status_code == 200
    assert ended(api, batch)["state"] == "cancelled"


def test_what_was_left_is_tried_again_and_told_in_the_same_stream(api: httpx.Client) -> None:
    """Cancelled while it waited, tried again with what it had not painted; the first end is not told again."""
    busy = api.post("/generations", json={"words": "a red ball", "count": 64}).json()
    batch = api.post("/generations", json={"words": "a blue box", "steps": 2}).json()
    api.delete(f"/batches/{batch['id']}")
    assert follow(api, batch["id"])[-1][2]["state"] == "cancelled"
    api.delete(f"/batches/{busy['id']}")
    assert api.post(f"/batches/{batch['id']}/retry").status_code == 202
    told = [(name, data.get("state")) for id, name, data in follow(api, batch["id"]) if id]
    assert told[-2:] == [("picture", None), ("end", "done")]
    assert [name for name, _ in told].count("end") == 1
    assert api.post(f"/batches/{batch['id']}/retry").status_code == 409


@pytest.fixture
def idle_runtime(tmp_path: Path) -> Iterator[Runtime]:
    """A studio whose queue nobody works on."""
    settings = Settings.from_environ({"WORKSPACE_DIR": str(tmp_path), "FIBO_MODEL": "mini"})
    database = build_database(settings)
    tools = build_tools(settings, database)
    queue = JobQueue(
        JobStore(database), lambda *each: run(tools, *each), lock_file=tmp_path / "lock", max_workers=1, timeout_s=9
    )
    desk = Desk(BatchStore(database), queue, tools, max_queued=10)
    yield Runtime(settings, tools, queue, desk, None, database)  # type: ignore[arg-type]
    database.close()


def test_silence_is_broken_by_comments_and_a_stream_is_not_for_ever(
    idle_runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would close a line on which nothing comes; and whoever is let in has to show the key again some time."""
    monkeypatch.setattr(events, "get_runtime", lambda: idle_runtime)
    monkeypatch.setattr(events, "COMMENT_S", 0.02)
    monkeypatch.setattr(events, "STREAM_S", 0.2)
    batch = idle_runtime.desk.place(Order(kind="generate", words="a red ball"))

    async def listen() -> list[str]:
        return [part async for part in events.Hub().stream(batch.id, "")]

    told = asyncio.run(listen())
    assert told[0].startswith("event: progress\n")
    assert len(told) >= 2
    assert set(told[1:]) == {": still here\n\n"}

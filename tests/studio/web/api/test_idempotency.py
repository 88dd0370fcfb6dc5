"""An order that is sent again with its key is taken once, whatever happened in between."""

import signal
import socket
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from tests.studio.processes import PATIENCE_S, Server, served
from tests.studio.web.api.conftest import client_of, refusal

ORDER: dict[str, Any] = {"words": "a red ball", "steps": 1}


def place(api: httpx.Client, key: str, order: dict[str, Any] = ORDER, address: str = "/generations") -> httpx.Response:
    return api.post(address, json=order, headers={"Idempotency-Key": key})


def batches(workspace: Path) -> int:
    with closing(sqlite3.connect(workspace / "studio.db")) as connection:
        return int(connection.execute("SELECT count(*) FROM batch").fetchone()[0])


def test_the_same_key_gives_the_first_batch_and_another_order_is_refused(api: httpx.Client) -> None:
    first = place(api, "key-1")
    assert first.status_code == 202
    again = place(api, "key-1", {"steps": 1, "words": "a red ball"})
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    for order, address in (
        ({**ORDER, "seed": 1}, "/generations"),
        ({"words": "a red ball"}, "/structured-prompts"),
    ):
        status, sentence = refusal(place(api, "key-1", order, address))
        assert (status, sentence) == (
            409,
            "The key 'key-1' came with another order before. Give each order a key of its own.",
        )
    assert place(api, "key-2").json()["id"] != first.json()["id"]


def test_a_file_that_is_sent_again_is_the_same_order(api: httpx.Client, batch: dict[str, Any]) -> None:
    """Though the form around it has another boundary; another file is another order."""
    picture = api.get(str(api.base_url.copy_with(path=batch["cells"][0]["image"]))).content
    form = {"order": '{"steps": 1}'}
    header = {"Idempotency-Key": "key-of-a-file"}
    first, again = (
        api.post("/inspirations", files={"picture": ("a.png", picture)}, data=form, headers=header) for _ in range(2)
    )
    assert first.json()["id"] == again.json()["id"]
    other = api.post("/inspirations", files={"picture": ("a.png", picture + b"x")}, data=form, headers=header)
    assert refusal(other)[0] == 409


def test_a_key_of_a_refused_order_may_be_used_for_a_better_one(api: httpx.Client) -> None:
    """Nothing was taken, so nothing is remembered."""
    assert place(api, "key-3", {"words": ""}).status_code == 422
    assert place(api, "key-3").status_code == 202


def test_a_key_that_is_none_is_refused(api: httpx.Client) -> None:
    for key in ("", "two words", "k" * 300):
        status, sentence = refusal(place(api, key))
        assert (status, sentence[:23]) == (422, "The Idempotency-Key is ")


def test_twenty_clients_with_one_key_give_one_batch(server: Server) -> None:
    answers: list[str] = []

    def one() -> None:
        with client_of(server) as api:
            answers.append(place(api, "key-of-many").json()["id"])

    threads = [threading.Thread(target=one) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 20
    assert len(set(answers)) == 1


def test_a_server_that_dies_before_it_answers_has_taken_the_order_once(tmp_path: Path) -> None:
    """Killed when the order is written and the answer is not read; after the restart the same key gives its batch."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    body = b'{"words": "a red ball", "steps": 1}'
    with served(workspace) as server:
        server.wait_for(lambda state: True)
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            head = (
                f"POST /api/v1/generations HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nIdempotency-Key: key-4\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            connection.sendall(head.encode() + body)
            until = time.monotonic() + PATIENCE_S
            while not (workspace / "studio.db").exists() or batches(workspace) == 0:
                assert time.monotonic() < until, server.log.read_text()
                time.sleep(0.01)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
    with served(workspace) as server, client_of(server) as api:
        server.wait_for(lambda state: state["status"] == "healthy")
        first = place(api, "key-4")
        assert first.status_code == 202
        assert batches(workspace) == 1
        listed = api.get("/batches").json()["items"]
        assert [each["id"] for each in listed] == [first.json()["id"]]

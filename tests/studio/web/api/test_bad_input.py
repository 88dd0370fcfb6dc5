"""Bad input over HTTP: one problem with one clear sentence each, nothing lost, nothing leaked."""

import socket
import sqlite3
import time
from typing import Any

import httpx
import pytest

from tests.studio.processes import Server
from tests.studio.web.api.conftest import KEY, ended, refusal

JSON = {"Content-Type": "application/json"}
UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            b'{"words": "a ball",',
            (422, "That is not JSON: Expecting property name enclosed in double"),
        ),
        (b'{"words": "\xff"}', (422, "That is not JSON: it is no UTF-8 text")),
        (b'{"seed": ' + b"9" * 5000 + b"}", (422, "That is not JSON: it is no UTF-8 text, or holds a number without")),
        (b"[" * 100_000, (422, "The JSON is nested too deep")),
        (b'{"a":' * 100_000, (422, "The JSON is nested too deep")),
        (b"", (422, "The body is missing. Give it.")),
        (b"[]", (422, "The body is []. Send an object there.")),
        (b'"a ball"', (422, 'The body is "a ball". Send an object there.')),
        (b"x" * 2_000_000, (413, "The request is larger than 1,500,000 bytes. Send less.")),
    ],
)
def test_a_body_that_is_no_order_is_told_what_is_wrong_with_it(
    api: httpx.Client, body: bytes, said: tuple[int, str]
) -> None:
    status, sentence = refusal(api.post("/generations", content=body, headers=JSON))
    assert (status, sentence[: len(said[1])]) == said


def test_fifty_megabytes_are_refused_and_read_by_nobody(api: httpx.Client) -> None:
    """A client that sends all of it before it listens still hears why."""
    status, _ = refusal(api.post("/generations", content=b" " * 50_000_000, headers=JSON))
    assert status == 413


def test_a_body_of_unknown_length_is_refused_where_it_becomes_too_large(api: httpx.Client) -> None:
    chunks = (b" " * 100_000 for _ in range(30))
    assert refusal(api.post("/generations", content=chunks, headers=JSON))[0] == 413


def test_a_form_where_json_belongs_is_told_which_kind_is_read(api: httpx.Client) -> None:
    """What curl -d sends by itself; and the other way round."""
    status, sentence = refusal(api.post("/generations", data={"words": "a ball"}))
    assert (status, "application/json" in sentence) == (415, True)
    assert refusal(api.post("/inspirations", content=b"x"))[0] == 415


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({}, "Say in a few words what the picture should show, or start from JSON."),
        ({"words": "   "}, "Say in a few words what the picture should show, or start from JSON."),
        ({"word": "a ball"}, "word is not known here."),
        ({"words": 7}, "words is 7. Send text there."),
        ({"words": "a ball", "seed": "7"}, 'seed is "7". Send a whole number there.'),
        ({"words": "a ball", "seed": 7.5}, "seed is 7.5. Send a whole number there."),
        ({"words": "a ball", "seed": True}, "seed is true. Send a whole number there."),
        ({"words": "a ball", "guidance": "high"}, 'guidance is "high". Send a number there.'),
        ({"words": "a ball", "together": 4}, "together is 4. Send true or false there."),
        ({"words": "a ball", "paint": "no"}, 'paint is "no". Send true or false there.'),
        ({"words": "a ball", "axes": {}}, "axes is {}. Send a list there."),
        ({"words": "a ball", "structured_prompt": "a ball"}, 'structured_prompt is "a ball". Send an object there.'),
        ({"words": "a ball", "seed": -2}, "The seed is -2. Choose a whole number from 0 to"),
        ({"words": "a ball", "seed": 2**63}, "The seed is 9223372036854775808. Choose"),
        ({"words": "a ball", "count": 0}, "The number of pictures is 0. Choose 1 to 64."),
        ({"words": "a ball", "steps": 0}, "The number of steps is 0. Choose 1 to 200."),
        ({"words": "a ball", "guidance": 0.5}, "The guidance is 0.5. Choose 1 to 30."),
        ({"words": "a ball", "aspect": "7:1"}, "mini has no shape '7:1'. Choose 1:1"),
        ({"words": "a ball", "width": 50, "height": 256}, "The size is 50×256."),
        ({"words": "a ball", "width": 256}, "Only one of width and height is given."),
        ({"words": "a ball", "model": "none"}, "There is no model called 'none'. Choose mini"),
        ({"words": "a ball", "model": "fibo-edit"}, "FIBO Edit only edits pictures that are there. Choose a model"),
        ({"words": "a ball", "writer": "none"}, "There is no prompt writer called 'none'. Choose auto"),
        (
            {"words": "a ball", "axes": [{"name": "seed", "values": "1..1000000"}]},
            "seed has 1,000,000 values. Give",
        ),
        ({"words": "a ball", "axes": [{"name": "seed", "values": list(range(1001))}]}, "axes[0].values has more than"),
        ({"words": "a ball", "axes": [{"name": "seed", "values": "1..100"}]}, "The order makes 100 pictures, and more"),
        ({"words": "a ball", "axes": [{"name": "nope", "values": "1"}]}, '"nope" is neither a key of FIBO'),
        ({"words": "a ball", "axes": [{"name": "seed"}]}, "axes[0].values is missing. Give it."),
        ({"structured_prompt": {"objects": 7}}, "objects"),
    ],
)
def test_an_order_that_cannot_be_is_told_why_as_the_page_would(
    api: httpx.Client, order: dict[str, Any], said: str
) -> None:
    status, sentence = refusal(api.post("/generations", json=order))
    assert (status, sentence[: len(said)]) == (422, said) or (said == "objects" and said in sentence), sentence


def test_a_prompt_of_five_thousand_tokens_is_a_job_that_says_so(api: httpx.Client) -> None:
    """Before anything is painted; the batch ends, and the next one is taken."""
    long = {"short_description": "ball " * 5_000, "objects": [{"description": "a ball", "location": "left"}]}
    answer = api.post("/generations", json={"structured_prompt": long})
    batch = ended(api, answer.json())
    assert [cell["state"] for cell in batch["cells"]] == ["failed"]
    assert "tokens and the model reads 3,000: its end would be lost" in str(batch["jobs"])


def test_a_model_whose_weights_are_not_here_is_no_fault_of_the_order(api: httpx.Client) -> None:
    status, sentence = refusal(api.post("/generations", json={"words": "a ball", "model": "fibo"}))
    assert status == 409
    assert "FIBO" in sentence


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("GET", "/batches/{id}"),
        ("GET", "/batches/{id}?wait=1"),
        ("GET", "/batches/{id}/events"),
        ("DELETE", "/batches/{id}"),
        ("POST", "/batches/{id}/retry"),
        ("GET", "/jobs/{id}"),
        ("DELETE", "/jobs/{id}"),
        ("GET", "/generations/{id}"),
        ("DELETE", "/generations/{id}"),
        ("POST", "/generations/{id}/restore"),
    ],
)
@pytest.mark.parametrize("id", [UNKNOWN, "x", "%00", "x%0a", "x%0ay", "%7f", "..%2f", "%F0%9F%A6%8A", "9" * 300])
def test_what_is_not_there_is_not_found_whatever_its_id_looks_like(
    api: httpx.Client, method: str, address: str, id: str
) -> None:
    status, sentence = refusal(api.request(method, address.format(id=id)))
    assert status == 404
    assert len(sentence) < 200


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/generations?limit=0", "limit is 0. Choose 1 to 100."),
        ("/generations?limit=many", 'limit is "many". Send a whole number there.'),
        ("/generations?cursor=x", "The cursor 'x' is none of ours. Begin at the first page."),
        ("/generations?mode=paint", 'mode is "paint". Choose generate, refine, inspire, edit or imported.'),
        ("/generations?since=yesterday", 'since is "yesterday". Send a moment such as'),
        ("/generations?until=0.5", 'until is "0.5". Send a moment such as'),
        ("/generations?colour=red", "colour is not known here."),
        ("/batches?cursor=-1", "The cursor '-1' is none of ours. Begin at the first page."),
        (f"/batches/{UNKNOWN}?wait=60", "wait is 60. Choose 0 to 29 seconds"),
    ],
)
def test_a_question_that_is_not_understood_is_not_passed_over(api: httpx.Client, address: str, said: str) -> None:
    """A filter that is mistyped would else be answered with everything."""
    status, sentence = refusal(api.get(address))
    assert (status, sentence[: len(said)]) == (422, said)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"files": {"picture": ("x.png", b"no picture")}}, "This file is no picture that can be read"),
        ({"files": {"image": ("x.png", b"no picture")}}, "The form's field 'image' is not known here."),
        ({"files": {"picture": ("x.png", b"x")}, "data": {"order": "{"}}, "That is not JSON"),
        ({"files": {"picture": ("x.png", b"x")}, "data": {"order": '{"seed": "7"}'}}, 'seed is "7".'),
        ({"files": {"picture": ("x.png", b"x"), "order": ("o.json", b"{}")}}, "The form's field order is a file."),
        ({"files": {"picture": ("x.png", b"x")}, "data": {"order": ["{}", "{}"]}}, "The form has 2 fields order."),
        ({"json": {"words": "at night"}}, "An inspiration starts from pictures, named in one way."),
        ({"json": {"generation_id": 7}}, "generation_id is 7. Send text there."),
        (
            {"content": b"--x\r\nbroken", "headers": {"Content-Type": "multipart/form-data; boundary=y"}},
            "The request could not be read",
        ),
    ],
)
def test_an_inspiration_that_cannot_be_read_says_which_part_of_it(
    api: httpx.Client, form: dict[str, Any], said: str
) -> None:
    status, sentence = refusal(api.post("/inspirations", **form))
    assert status == 422
    assert said in sentence


def test_a_batch_whose_row_is_damaged_is_named_in_the_list_and_can_be_addressed(
    server: Server, api: httpx.Client
) -> None:
    """It says what is wrong with it, and its jobs can be cancelled."""
    bad = api.post("/generations", json={"words": "a ball", "steps": 200, "count": 8}).json()["id"]
    with sqlite3.connect(server.log.parent / "workspace" / "studio.db") as database:
        kept = database.execute("SELECT order_json FROM batch WHERE id = ?", (bad,)).fetchone()
        database.execute("UPDATE batch SET order_json = '{' WHERE id = ?", (bad,))
        database.commit()
        listed = api.get("/batches").raise_for_status().json()
        assert [each["id"] for each in listed["damaged"]] == [bad]
        assert bad not in [each["id"] for each in listed["items"]]
        status, sentence = refusal(api.get(f"/batches/{bad}"))
        assert (status, sentence.partition(" (")[0]) == (503, f"Batch {bad} cannot be read")
        assert refusal(api.delete(f"/batches/{bad}"))[1].endswith("What had not ended of it is cancelled.")
        database.execute("UPDATE batch SET order_json = ? WHERE id = ?", (*kept, bad))
    assert ended(api, api.get(f"/batches/{bad}").json())["state"] == "cancelled"


def test_addresses_and_methods_that_are_none_are_problems_too(api: httpx.Client) -> None:
    """Never Streamlit's page."""
    assert refusal(api.get("/nothing"))[0] == 404
    assert refusal(api.get(""))[0] == 404
    assert refusal(api.get(str(api.base_url.copy_with(path="/api/v2/batches"))))[0] == 404
    answer = api.put("/batches")
    assert (refusal(answer)[0], answer.headers["allow"]) == (405, "GET")
    assert api.put("/generations").headers["allow"] == "POST, GET"


def test_a_client_that_stops_sending_keeps_nobody_else_from_the_api(server: Server, api: httpx.Client) -> None:
    """Forty of them, each with the head of an order and half of its body; and one that vanishes."""
    logged = len(server.log.read_text())
    head = (
        f"POST /api/v1/generations HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {KEY}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    )
    waiting = []
    for _ in range(40):
        connection = socket.create_connection(("127.0.0.1", server.port))
        connection.sendall(head.encode())
        waiting.append(connection)
    waiting.pop().close()
    time.sleep(0.2)
    assert api.get("/models").status_code == 200
    assert server.health()[0] == 200
    for connection in waiting:
        connection.close()
    assert "Traceback" not in server.log.read_text()[logged:]


def test_half_a_surrogate_pair_is_taken_painted_and_breaks_no_list(api: httpx.Client) -> None:
    """JSON may hold it and UTF-8 cannot; a picture of such words once made every list of pictures an error."""
    body = b'{"words": "a \\ud800 ball", "structured_prompt": {"short_description": "a\\ud800b"}, "steps": 1}'
    batch = api.post("/generations", content=body, headers=JSON).raise_for_status().json()
    while not batch["ended"]:
        batch = api.get(f"/batches/{batch['id']}", params={"wait": 20}).raise_for_status().json()
    assert batch["state"] == "done"
    (cell,) = batch["cells"]
    listed = api.get("/generations", params={"limit": 100}).raise_for_status().json()
    assert cell["generation_id"] in [item["id"] for item in listed["items"]]

"""What the pages' components follow: the desk in short, one batch whole, asked again and again."""

from typing import Any

import httpx
import pytest

from studio.web.assets import script_address
from tests.studio.processes import Server, served
from tests.studio.web.api.conftest import paint

PASSWORD = "made up for these tests"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with served(tmp_path_factory.mktemp("following") / "workspace") as server:
        server.wait_for(lambda state: state["status"] == "healthy")
        yield server


@pytest.fixture(scope="module")
def client(studio: Server) -> Any:
    with httpx.Client(base_url=f"http://127.0.0.1:{studio.port}", timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def api(studio: Server) -> Any:
    with httpx.Client(base_url=f"http://127.0.0.1:{studio.port}/api/v1", timeout=60) as client:
        yield client


def look(client: httpx.Client, **asked: Any) -> dict[str, Any]:
    answer = client.get("/desk.json", params=asked)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def follow(client: httpx.Client, batch_id: str) -> list[dict[str, Any]]:
    """Every different answer about a batch until it has ended."""
    seen: list[dict[str, Any]] = []
    while not seen or not seen[-1]["batch"]["ended"]:
        if (told := look(client, batch=batch_id)) not in seen[-1:]:
            seen.append(told)
    return seen


def test_a_batch_is_followed_from_the_queue_to_its_pictures(client: httpx.Client, api: httpx.Client) -> None:
    """One cell is painted at a time, with a preview that can be had; at the end each has its picture."""
    order = {"words": "a red ball", "count": 2, "seed": 7, "steps": 12}
    id = api.post("/generations", json=order).json()["id"]
    seen = follow(client, id)
    for told in seen:
        assert sum("preview" in cell for cell in told["batch"]["cells"]) <= 1
        assert (id in [line["id"] for line in told["running"]]) is not told["batch"]["ended"]
    previews = [cell["preview"] for told in seen for cell in told["batch"]["cells"] if cell.get("preview")]
    assert client.get(previews[-1]).headers["content-type"] == "image/jpeg"
    does = [line["does"] for told in seen for line in told["running"]]
    assert any(each.startswith("1/2 · ") and "step" in each for each in does)
    done = seen[-1]["batch"]
    assert [(cell["state"], cell["seed"]) for cell in done["cells"]] == [("done", "7"), ("done", "8")]
    for cell in done["cells"]:
        assert client.get(cell["src"]).status_code == client.get(cell["thumb"]).status_code == 200


def test_cells_say_where_they_stand_on_the_axes(client: httpx.Client, api: httpx.Client) -> None:
    axes = [{"name": "steps", "values": [2, 3]}, {"name": "seed", "values": [1, 2]}]
    id = paint(api, words="a red ball", axes=axes)["id"]
    told = look(client, batch=id)["batch"]
    assert told["axes"] == axes
    assert [cell["place"] for cell in told["cells"]] == [
        {"steps": steps, "seed": seed} for steps in (2, 3) for seed in (1, 2)
    ]


def test_half_a_character_on_an_axis_is_told_and_breaks_nothing(client: httpx.Client, api: httpx.Client) -> None:
    """JSON may hold half a surrogate pair, and UTF-8 cannot: a tab once asked in vain for as long as it stood open."""
    order = (
        b'{"words": "a \\ud800 ball", "seed": 7, "steps": 1, "structured_prompt": {"short_description": "a ball"},'
        b' "axes": [{"name": "lighting.conditions", "values": ["\\ud800", "fog"]}]}'
    )
    answer = api.post("/generations", content=order, headers={"Content-Type": "application/json"})
    told = follow(client, answer.raise_for_status().json()["id"])[-1]["batch"]
    assert [cell["place"]["lighting.conditions"] for cell in told["cells"]] == ["\ud800", "fog"]


def test_nothing_new_is_said_in_no_bytes(client: httpx.Client, api: httpx.Client) -> None:
    id = paint(api, words="a red ball")["id"]
    first = client.get("/desk.json", params={"batch": id})
    again = client.get("/desk.json", params={"batch": id}, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_batch_that_has_ended_is_told_to_those_who_had_seen_it_run(client: httpx.Client, api: httpx.Client) -> None:
    id = paint(api, words="a blue star")["id"]
    told = look(client, also=[id, "no batch"])
    assert [(line["id"], line["state"], line["painted"]) for line in told["ended"]] == [(id, "done", 1)]
    assert told["batch"] is None


def test_an_unknown_batch_is_none_and_no_error(client: httpx.Client) -> None:
    assert look(client, batch="../../etc")["batch"] is None


def test_what_is_cancelled_says_so_in_its_cell(client: httpx.Client, api: httpx.Client) -> None:
    order = {"words": "a red ball", "count": 2, "steps": 100}
    id = api.post("/generations", json=order).json()["id"]
    api.delete(f"/batches/{id}")
    assert [cell["state"] for cell in follow(client, id)[-1]["batch"]["cells"]] == ["cancelled", "cancelled"]


def test_without_a_login_nothing_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    with served(tmp_path_factory.mktemp("locked") / "workspace", STUDIO_PASSWORD=PASSWORD) as server:
        assert server.get("/desk.json")[0] == 401


def test_a_script_is_kept_for_good_under_the_address_of_its_version_alone(client: httpx.Client) -> None:
    address = script_address("stage", "stage.js")
    current = client.get(address)
    assert (current.status_code, current.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert "immutable" in current.headers["cache-control"]
    old = client.get("/assets/stage/0123456789abcdef/stage.js")
    assert (old.content, old.headers["cache-control"]) == (current.content, "no-store")
    assert client.get("/assets/stage/0123456789abcdef/gallery.js").status_code == 404


def test_a_batch_that_waits_shows_what_is_painted_ahead_of_it(client: httpx.Client, api: httpx.Client) -> None:
    """Its preview, which can be had; nothing once its own has begun."""
    first = api.post("/generations", json={"words": "a red ball", "seed": 7, "steps": 30}).json()["id"]
    second = api.post("/generations", json={"words": "a blue star", "seed": 7, "steps": 2}).json()["id"]
    seen = [told["batch"] for told in follow(client, second)]
    ahead = [batch["ahead"] for batch in seen if batch["ahead"]]
    assert {each["title"] for each in ahead} == {"a red ball"}
    assert client.get(ahead[-1]["src"]).headers["content-type"].startswith("image/")
    assert seen[-1]["ahead"] is None
    assert first not in {batch["id"] for batch in seen}

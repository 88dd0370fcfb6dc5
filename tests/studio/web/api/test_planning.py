"""Before an order over HTTP: what it would come to, why it would be refused, and values to vary a place by."""

from typing import Any

import httpx

from studio.client import Studio
from tests.studio.processes import Server
from tests.studio.web.api.conftest import KEY, refusal


def test_an_estimate_counts_what_an_order_would_paint_and_places_nothing(
    api: httpx.Client, batch: dict[str, Any]
) -> None:
    before = api.get("/batches").json()["items"]
    vary = [{"name": "lighting.conditions", "values": "day|night"}, {"name": "seed", "values": "1..3"}]
    given = api.post("/estimates", json={"generation": {"words": "a red ball", "axes": vary}}).json()
    assert (given["pictures"], given["refusals"]) == (6, [])
    assert given["painting_s"] > 0
    started = {"generation_id": batch["cells"][0]["generation_id"]}
    given = api.post("/estimates", json={"refinement": started | {"words": "make it blue", "count": 2}}).json()
    assert (given["pictures"], given["refusals"]) == (2, [])
    assert api.post("/estimates", json={"inspiration": started}).json()["pictures"] == 1
    assert api.get("/batches").json()["items"] == before


def test_an_estimate_says_why_its_order_would_be_refused_in_the_same_words(api: httpx.Client) -> None:
    """One that only wants a yes is counted all the same."""
    many = {"words": "a red ball", "axes": [{"name": "seed", "values": "1..65"}]}
    given = api.post("/estimates", json={"generation": many}).json()
    assert given["pictures"] == 65
    assert given["refusals"] == [refusal(api.post("/generations", json=many))[1]]
    impossible = {"words": "a red ball", "seed": -2}
    assert refusal(api.post("/estimates", json={"generation": impossible})) == refusal(
        api.post("/generations", json=impossible)
    )
    assert refusal(api.post("/estimates", json={}))[0] == 422


def test_values_come_from_the_vocabulary_or_from_a_writer(server: Server, api: httpx.Client) -> None:
    """Those with a word of the wish come first; a place that nobody wrote any for has none."""
    known = api.get("/values", params={"path": "lighting.conditions", "q": "moonlight"}).json()
    assert "moonlight" in known["values"][0]
    assert (known["writer"], len(known["values"]) > 4) == ("offline", True)
    assert api.get("/values", params={"path": "nowhere"}).json()["values"] == []
    with Studio(f"http://127.0.0.1:{server.port}", KEY) as studio:
        asked = studio.values("lighting.conditions", "three kinds of light", writer="offline")
        assert len(asked.values) == 3
        assert studio.estimate("a red ball", count=4).pictures == 4
    assert refusal(api.get("/values", params={"path": "x", "writer": "nobody"}))[0] == 422

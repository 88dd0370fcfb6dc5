"""Grids over HTTP: an axis is given more values, and the whole is one picture at an address of its own."""

import io
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.studio.processes import Server
from tests.studio.web.api.conftest import ended, paint, refusal

LIGHT = "lighting.conditions"


@pytest.fixture(scope="module")
def grid(api: httpx.Client) -> dict[str, Any]:
    return paint(api, words="a red ball", seed=7, axes=[{"name": LIGHT, "values": ["day", "night"]}])


def sheet(api: httpx.Client, batch: dict[str, Any], query: str = "") -> httpx.Response:
    return api.get(str(api.base_url.copy_with(raw_path=f"/img/sheet/{batch['id']}.png{query}".encode())))


def test_an_axis_grows_by_what_is_sent_and_only_that_is_painted(api: httpx.Client, grid: dict[str, Any]) -> None:
    """202 with the longer grid at once; the pictures before keep their addresses."""
    before = Image.open(io.BytesIO(sheet(api, grid).content)).size
    answer = api.post(f"/batches/{grid['id']}/extend", json={"name": LIGHT, "values": ["dusk"]})
    assert answer.status_code == 202, answer.text
    grown = ended(api, answer.json())
    assert (grown["id"], grown["state"], grown["pictures"]) == (grid["id"], "done", 3)
    assert grown["axes"] == [{"name": LIGHT, "values": ["day", "night", "dusk"]}]
    assert [cell["image"] for cell in grown["cells"]][:2] == [cell["image"] for cell in grid["cells"]]
    assert {cell["seed"] for cell in grown["cells"]} == {7}
    after = Image.open(io.BytesIO(sheet(api, grid).content)).size
    assert (after[0] > before[0], after[1]) == (True, before[1])


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({"name": "seed", "values": "1..2"}, 422, "seed does not vary in this batch; lighting.conditions does."),
        ({"name": LIGHT, "values": ["night"]}, 422, "more than once"),
        ({"name": LIGHT, "values": []}, 422, "values"),
        ({"name": LIGHT, "values": [f"light {n}" for n in range(70)]}, 422, "more than 64 must be confirmed"),
        ({"name": LIGHT}, 422, "values is missing"),
    ],
)
def test_what_cannot_come_to_a_grid_is_refused_in_a_sentence(
    api: httpx.Client, grid: dict[str, Any], body: dict[str, Any], status: int, sentence: str
) -> None:
    said = refusal(api.post(f"/batches/{grid['id']}/extend", json=body))
    assert said[0] == status
    assert sentence in said[1]


def test_a_grid_is_one_picture_at_its_address(server: Server, api: httpx.Client, grid: dict[str, Any]) -> None:
    """For who is logged in alone; with a name to be saved under where that is asked for."""
    answer = sheet(api, grid, "?download=1")
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"].startswith('attachment; filename="fibo-grid-')
    assert Image.open(io.BytesIO(answer.content)).mode == "RGB"
    assert server.get(f"/img/sheet/{grid['id']}.png")[0] == 401
    status, sentence = refusal(sheet(api, {"id": "01NONE"}))
    assert (status, sentence) == (404, "No batch has the id '01NONE'.")

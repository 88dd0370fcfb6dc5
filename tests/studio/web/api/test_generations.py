"""Stored pictures, batches in pages, models, and the API's own description, over HTTP."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from studio.web.api.app import api as new_api
from tests.engine.test_adapters import write_lora_of_mini
from tests.studio.processes import Server, add_picture, opened, served
from tests.studio.web.api.conftest import PASSWORD, client_of, ended, paint, refusal


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, list[str]]]:
    """A server over five pictures that nobody had to paint."""
    workspace = tmp_path_factory.mktemp("gallery") / "workspace"
    workspace.mkdir()
    with opened(workspace) as (_, history):
        ids = [
            add_picture(history, words, seed=n).id for n, words in enumerate(["a fox", "a ball", "a cat", "a fox cub"])
        ]
        ids.append(add_picture(history, "warmer", mode="refine", parent_id=ids[0]).id)
    with served(workspace) as server, client_of(server) as client:
        server.wait_for(lambda state: True)
        yield client, ids


def found(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["items"]]


def test_pictures_are_searched_filtered_and_listed_in_pages(gallery: tuple[httpx.Client, list[str]]) -> None:
    """As the History page does; a cursor goes on without gaps."""
    api, ids = gallery
    assert found(api.get("/generations")) == ids[::-1]
    assert found(api.get("/generations", params={"q": "fox"})) == [ids[3], ids[0]]
    assert found(api.get("/generations", params={"mode": "refine"})) == [ids[4]]
    assert found(api.get("/generations", params={"order": "oldest", "limit": 2})) == ids[:2]
    assert found(api.get("/generations", params={"since": "2100-01-01"})) == []
    assert len(found(api.get("/generations", params={"until": "2100-01-01T00:00:00+02:00", "model": "mini"}))) == 5
    pages, cursor = [], None
    while True:
        page = api.get("/generations", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        pages.append([each["id"] for each in page["items"]])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert pages == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]


def test_a_search_is_counted_narrowed_and_completed(gallery: tuple[httpx.Client, list[str]]) -> None:
    """What a gallery shows above its pictures; what was not understood is said, and the answer is no fault."""
    api, ids = gallery
    count = api.get("/generations/count", params={"q": "fox -ball"}).json()
    assert (count["count"], count["more"], count["problems"], count["unsearched"]) == (2, False, [], 0)
    assert [(chip["label"], chip["excluded"]) for chip in count["chips"]] == [("fox", False), ("ball", True)]
    facets = {each["key"]: each["values"] for each in api.get("/generations/facets").json()["facets"]}
    assert facets["mode"][0] == {"value": "generate", "term": "mode:generate", "pictures": 4}
    for value in facets["mode"]:
        assert len(found(api.get("/generations", params={"q": value["term"]}))) == value["pictures"]
    suggestions = api.get("/generations/suggestions", params={"q": "fox mode:", "at": 9}).json()["items"]
    assert [each["text"] for each in suggestions] == ["mode:generate", "mode:refine"]
    page = api.get("/generations", params={"q": "ligthing:soft"}).json()
    assert (page["items"], page["problems"]) == ([], ["No prompt has a field ligthing; did you mean lighting?"])
    assert found(api.get("/generations", params={"q": "after:2020", "zone": "Europe/Berlin"})) == ids[::-1]
    assert found(api.get("/generations", params={"q": "before:2020", "zone": "-05:00"})) == []
    assert refusal(api.get("/generations", params={"zone": "Mars"}))[0] == 422


def test_a_picture_is_starred_deleted_and_brought_back(gallery: tuple[httpx.Client, list[str]]) -> None:
    """Deleting twice changes nothing; what is deleted is found among the deleted alone."""
    api, ids = gallery
    address = f"/generations/{ids[1]}"
    assert api.patch(address, json={"favorite": True}).json()["favorite"] is True
    assert found(api.get("/generations", params={"favorite": True})) == [ids[1]]
    for _ in range(2):
        assert api.delete(address).status_code == 204
    assert refusal(api.get(address))[0] == 404
    assert refusal(api.patch(address, json={"favorite": False}))[0] == 404
    assert found(api.get("/generations", params={"deleted": True})) == [ids[1]]
    assert api.post(f"{address}/restore").json()["deleted_at"] is None
    assert api.get(address).json()["favorite"] is True
    assert refusal(api.patch(address, json={"favorite": "yes"})) == (
        422,
        'favorite is "yes". Send true or false there.',
    )


def test_a_picture_names_its_files_and_its_whole_recipe(gallery: tuple[httpx.Client, list[str]]) -> None:
    api, ids = gallery
    picture = api.get(f"/generations/{ids[4]}").json()
    recipe = api.get(str(api.base_url.copy_with(path=picture["recipe"]))).json()
    same = recipe.keys() - {"format", "created_at", "image_path", "source_path"}
    assert {key: picture[key] for key in same} == {key: recipe[key] for key in same}
    assert (picture["parent_id"], picture["source"]) == (ids[0], None)
    assert api.get(str(api.base_url.copy_with(path=picture["thumbnail"]))).status_code == 200


def test_batches_are_listed_newest_first_in_pages(api: httpx.Client) -> None:
    """In short: a long batch's cells are asked for with its id."""
    ids = [paint(api, words="a red ball", steps=1)["id"] for _ in range(3)]
    first = api.get("/batches", params={"limit": 2}).json()
    assert [each["id"] for each in first["items"]] == ids[:0:-1]
    second = api.get("/batches", params={"limit": 1, "cursor": first["next_cursor"]}).json()
    assert second["items"][0]["id"] == ids[0]
    assert (second["items"][0]["painted"], "cells" in second["items"][0]) == (1, False)


def test_a_waiting_batch_can_be_sent_to_another_writer(api: httpx.Client, batch: dict[str, Any]) -> None:
    """What is done stays as it is."""
    answer = api.patch(f"/batches/{batch['id']}", json={"writer": "offline"})
    assert (answer.status_code, answer.json()["state"]) == (200, "done")


def test_the_models_say_which_of_them_paints_and_in_which_shapes(api: httpx.Client) -> None:
    answer = api.get("/models").json()
    mini = next(each for each in answer["items"] if each["name"] == "mini")
    assert (mini["default"], mini["here"], mini["shapes"]["1:1"]) == (True, True, [256, 256])
    assert answer["writers"] == ["gemini", "llm", "local", "offline"]


def test_the_document_tells_every_address_and_the_page_asks_nobody_else(api: httpx.Client) -> None:
    """Its policy allows no script, and nothing in it leads elsewhere."""
    document = api.get("/openapi.json").json()
    assert document == new_api().openapi()
    page = api.get("/docs")
    assert page.headers["content-security-policy"].startswith("default-src 'none';")
    assert "<script" not in page.text
    assert re.findall(r'(?:src|href)="(?!#)([^"]*)"', page.text) == ["openapi.json"]
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert f'id="{operation["operationId"]}"' in page.text, (method, path)
            refusals = [each for status, each in operation["responses"].items() if status >= "400"]
            assert {tuple(each["content"]) for each in refusals} == {("application/problem+json",)}


def test_another_sites_page_may_not_order_anything(server: Server, api: httpx.Client) -> None:
    """Though its visitor is logged in: the gate is before the API."""
    login = httpx.post(f"http://127.0.0.1:{server.port}/login", data={"password": PASSWORD})
    cookies = {each.name: str(each.value) for each in login.cookies.jar}
    address, order = f"{api.base_url}generations", {"words": "a ball", "paint": False}
    with httpx.Client(cookies=cookies) as browser:
        assert refusal(browser.post(address, json=order, headers={"Origin": "https://elsewhere.test"}))[0] == 403
        assert browser.post(address, json=order).status_code == 202


def test_a_lora_is_added_listed_painted_with_and_removed(api: httpx.Client, tmp_path: Path) -> None:
    """What is none is one sentence, and a second of the same name too. A refinement takes it over unless it asks for
    another or none; once it is removed, what needs it says so."""
    file = write_lora_of_mini(tmp_path / "ink.safetensors")
    added = api.post("/adapters", json={"name": "ink", "source": str(file)})
    assert (added.status_code, added.json()["fits"]) == (201, ["mini"])
    assert added.json() in api.get("/adapters").json()["items"]
    assert "already" in api.post("/adapters", json={"name": "ink", "source": str(file)}).json()["detail"]
    assert "no file or folder" in api.post("/adapters", json={"name": "x", "source": "/nowhere"}).json()["detail"]
    painted = paint(api, words="a red ball", seed=7, adapters=["ink:0.5"])
    assert painted["state"] == "done"
    (id,) = painted["jobs"][0]["generation_ids"]
    worn = {"with the source's": None, "with none": [], "with less": ["ink:0.1"]}
    for told, adapters in worn.items():
        given = {} if adapters is None else {"adapters": adapters}
        placed = api.post("/refinements", json={"generation_id": id, "words": "make it green", "steps": 2, **given})
        refined = ended(api, placed.json())
        (other,) = refined["jobs"][0]["generation_ids"]
        of = [each.rpartition("*")[2] for each in api.get(f"/generations/{other}").json()["adapters"]]
        assert of == {"with the source's": ["0.5"], "with none": [], "with less": ["0.1"]}[told]
    removed = api.delete("/adapters/ink")
    assert removed.status_code == 200
    assert removed.json()["pictures"] == 3
    assert removed.json()["told"].startswith("3 pictures were painted with it: they stay, and cannot be painted again")
    assert "to remove (there: none)" in api.delete("/adapters/ink").json()["detail"]
    missing = api.post("/refinements", json={"generation_id": id, "words": "make it green"})
    assert "There is no LoRA called 'ink'" in missing.json()["detail"]
    assert "the LoRA ink, which is not here" in api.post(f"/generations/{id}/again").json()["detail"]

"""Labels, their undoing, tags and collections over HTTP."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.studio.processes import Server, add_picture, opened
from tests.studio.web.api.conftest import ended, refusal

UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
PICTURES = 3


@pytest.fixture(scope="module")
def workspace(server: Server) -> Path:
    return server.log.parent / "workspace"


@pytest.fixture
def ids(server: Server, workspace: Path, request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Pictures that a search finds by a word of this test alone."""
    with opened(workspace) as (_, history):
        yield [add_picture(history, word_of(request), seed=seed).id for seed in range(PICTURES)]


@pytest.fixture
def word(request: pytest.FixtureRequest) -> str:
    return word_of(request)


def word_of(request: pytest.FixtureRequest) -> str:
    return "zorb" + "".join(each for each in request.node.name if each.isalpha())[:60].lower()


def picture(api: httpx.Client, id: str) -> dict[str, Any]:
    return api.get(f"/generations/{id}").json()


def test_one_picture_gets_all_of_its_labels_and_its_file_too(
    api: httpx.Client, ids: list[str], workspace: Path
) -> None:
    labels = {"favorite": True, "rating": 4, "tags": ["red fox", "狐"], "collections": ["Winter 1"]}
    given = api.patch(f"/generations/{ids[0]}", json=labels).json()
    assert {name: given[name] for name in labels} == labels
    assert api.patch(f"/generations/{ids[0]}", json={"tags": []}).json()["tags"] == []
    file = (workspace / given["image_path"]).with_suffix(".json")
    until = time.monotonic() + 60
    while (json.loads(file.read_text()).get("labels") or {}).get("tags") != [] and time.monotonic() < until:
        time.sleep(0.1)
    told = json.loads(file.read_text())["labels"]
    assert (told["favorite"], told["rating"], told["tags"]) == (True, 4, [])
    assert json.loads((workspace / "collections.json").read_text())["collections"]


def test_a_search_is_labelled_and_undone_from_elsewhere(
    api: httpx.Client, ids: list[str], word: str, workspace: Path
) -> None:
    """The page's own undo, or another program's: the token is the studio's."""
    answer = api.post("/labels", json={"q": word, "change": {"rating": 5, "add_tags": [word]}})
    change = answer.json()
    assert (answer.status_code, change["state"], change["total"], change["changed"]) == (200, "done", 3, 3)
    assert {picture(api, id)["rating"] for id in ids} == {5}
    assert {"name": word, "pictures": 3} in api.get("/tags").json()["items"]
    assert api.get(f"/labels/{change['undo']}").json() == change
    with opened(workspace) as (_, history):
        assert history.labels.undo(change["undo"]).changed == 3
    assert {picture(api, id)["rating"] for id in ids} == {0}
    assert refusal(api.post("/labels/undo", json={"undo": change["undo"]}))[0] == 404


def test_a_selection_is_deleted_and_brought_back(api: httpx.Client, ids: list[str]) -> None:
    change = api.post("/labels", json={"ids": [*ids, UNKNOWN], "change": {"deleted": True}}).json()
    assert (change["changed"], change["missing"]) == (3, [UNKNOWN])
    assert {api.get(f"/generations/{id}").status_code for id in ids} == {404}
    undone = api.post("/labels/undo", json={"undo": change["undo"]}).json()
    assert (undone["state"], undone["changed"]) == ("undone", 3)
    assert {api.get(f"/generations/{id}").status_code for id in ids} == {200}


def test_collections_are_made_renamed_kept_and_removed(api: httpx.Client, ids: list[str]) -> None:
    made = api.post("/collections", json={"name": "Moors"})
    assert made.status_code == 201
    address = f"/collections/{made.json()['id']}"
    api.post("/labels", json={"ids": ids, "change": {"add_to": ["moors"]}})
    renamed = api.patch(address, json={"name": "Heath"}).json()
    assert (renamed["name"], renamed["pictures"], renamed["query"]) == ("Heath", 3, None)
    assert picture(api, ids[0])["collections"] == ["Heath"]
    kept = api.post("/collections", json={"name": "Seven", "query": "seed:7"}).json()
    assert (kept["query"], kept["pictures"]) == ("seed:7", None)
    assert {"Heath", "Seven"} <= {each["name"] for each in api.get("/collections").json()["items"]}
    removed = api.delete(address).json()
    assert (removed["state"], removed["changed"], picture(api, ids[0])["collections"]) == ("done", 3, [])
    api.post("/labels/undo", json={"undo": removed["undo"]})
    assert picture(api, ids[0])["collections"] == ["Heath"]
    api.delete(address)
    api.delete(f"/collections/{kept['id']}")


def test_what_is_painted_goes_into_the_collection_that_the_order_names(api: httpx.Client) -> None:
    order = {"words": "a red ball", "steps": 2, "seed": 5, "collection": "Fresh"}
    batch = ended(api, api.post("/generations", json=order).json())
    assert picture(api, batch["cells"][0]["generation_id"])["collections"] == ["Fresh"]
    api.post("/collections", json={"name": "A kept one", "query": "ball"})
    status, sentence = refusal(api.post("/generations", json={**order, "collection": "a kept ONE"}))
    assert (status, "is a kept search" in sentence) == (422, True)


@pytest.mark.parametrize(
    ("method", "address", "body", "status", "said"),
    [
        ("POST", "/labels", {"change": {"rating": 1}}, 422, "Name pictures by ids, or search them by q"),
        ("POST", "/labels", {"ids": [UNKNOWN], "q": "", "change": {"rating": 1}}, 422, "Name pictures by ids"),
        ("POST", "/labels", {"ids": [UNKNOWN], "change": {"rating": 1}}, 404, f"No picture has the id '{UNKNOWN}'"),
        ("POST", "/labels", {"q": "", "change": {"rating": 9}}, 422, "The rating is 9. Choose 0 (none) to 5."),
        ("POST", "/labels", {"q": "", "change": {"rating": True}}, 422, "change.rating is true. Send a whole number"),
        ("POST", "/labels", {"q": "-medum:x", "change": {"deleted": True}}, 422, "No prompt has a field medum;"),
        ("POST", "/exports", {"q": "-medum:x"}, 422, "No prompt has a field medum; did you mean medium?"),
        ("GET", "/exports?q=-tag:nope", None, 422, "No picture has the tag nope."),
        ("POST", "/collections", {"name": "K", "query": "in:k"}, 422, "The kept search k asks for itself."),
        ("POST", "/labels", {"q": "", "change": {}}, 422, "Nothing is to be changed."),
        ("POST", "/labels", {"q": "", "change": {"stars": 3}}, 422, "change.stars is not known here."),
        ("POST", "/labels", {"q": "", "change": {"add_tags": ["a\x00"]}}, 422, "The tag 'a\\x00' holds a"),
        ("POST", "/labels", {"q": "", "change": {"add_tags": ["x" * 10_000]}}, 422, "The tag 'xxxxx"),
        ("POST", "/labels", {"q": "", "change": {"remove_from": ["Nowhere"]}}, 404, "No collection is called"),
        ("POST", "/labels/undo", {"undo": UNKNOWN}, 404, f"No change has the token '{UNKNOWN}'"),
        ("GET", "/labels/x", None, 404, "No change has the token 'x'"),
        ("DELETE", "/labels/x", None, 404, "No change has the token 'x'"),
        ("POST", "/collections", {"name": ""}, 422, "The collection's name is empty."),
        ("POST", "/collections", {"name": "K", "query": " "}, 422, "A kept search needs something to search for."),
        ("PATCH", f"/collections/{UNKNOWN}", {"name": "K"}, 404, f"No collection is called '{UNKNOWN}'"),
        ("PATCH", f"/collections/{UNKNOWN}", {}, 422, "Nothing is to be changed. Give a name, or a query."),
        ("DELETE", f"/collections/{UNKNOWN}", None, 404, f"No collection is called '{UNKNOWN}'"),
        ("PATCH", f"/generations/{UNKNOWN}", {"rating": 1}, 404, f"No picture has the id '{UNKNOWN}'"),
        ("PATCH", f"/generations/{UNKNOWN}", {}, 422, "Nothing is to be changed."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_one_sentence(
    api: httpx.Client, method: str, address: str, body: Any, status: int, said: str
) -> None:
    got, sentence = refusal(api.request(method, address, json=body))
    assert (got, sentence[: len(said)]) == (status, said)

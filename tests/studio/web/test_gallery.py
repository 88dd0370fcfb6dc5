"""The gallery's tiles over HTTP: page after page by key, in both directions."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from fibo_core.store.generation import Generation
from tests.studio.processes import Server, add_picture, opened, served

COUNT = 25


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, list[Generation], Server]]:
    """A studio with pictures, the newest first: every fifth a fox, the rest balls; one is deleted, one damaged."""
    workspace = tmp_path_factory.mktemp("gallery") / "workspace"
    workspace.mkdir()
    with opened(workspace) as (_, history):
        made = [
            add_picture(history, f"a {'red fox' if number % 5 == 0 else 'blue ball'}, number {number}", seed=number)
            for number in range(COUNT + 2)
        ][::-1]
        history.delete([made[0].id])
    with closing(sqlite3.connect(workspace / "studio.db")) as connection, connection:
        connection.execute("UPDATE generation SET writer = CAST(x'ff' AS TEXT) WHERE id = ?", (made[1].id,))
    with (
        served(workspace) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{server.port}/gallery", timeout=60) as client,
    ):
        yield client, made, server


def look(client: httpx.Client, **asked: Any) -> dict[str, Any]:
    answer = client.get("/tiles.json", params=asked)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def ids(told: dict[str, Any]) -> list[str]:
    return [tile["id"] for tile in told["tiles"]]


def test_the_pages_after_each_other_are_the_whole_gallery_forwards_and_backwards(pictures: Any) -> None:
    client, made, _ = pictures
    whole = [each.id for each in made[2:]]
    for order, wanted in (("newest", whole), ("oldest", whole[::-1])):
        page, found = look(client, limit=7, order=order), []
        found += ids(page)
        while page["next"]:
            page = look(client, limit=7, order=order, cursor=page["next"])
            found += ids(page)
        assert found == wanted
        page = look(client, limit=7, order=order, back="")
        found = ids(page)
        while page["previous"]:
            page = look(client, limit=7, order=order, cursor=page["previous"], back="")
            found = ids(page) + found
        assert found == wanted


def test_a_place_in_the_middle_comes_with_what_is_around_it(pictures: Any) -> None:
    client, made, _ = pictures
    whole = [each.id for each in made[2:]]
    for order, wanted in (("newest", whole), ("oldest", whole[::-1])):
        page = look(client, limit=6, order=order, at=made[12].id)
        at = wanted.index(made[12].id)
        assert ids(page) == wanted[at - 3 : at + 6]
        after = look(client, limit=6, order=order, cursor=page["next"])
        before = look(client, limit=6, order=order, cursor=page["previous"], back="")
        assert ids(before) + ids(page) + ids(after) == wanted[at - 9 : at + 12]
    assert ids(look(client, limit=6, at="01J0000000000000000000000A")) == whole[:5]  # and the damaged one


def test_a_tile_has_what_tells_it_from_others_and_nothing_more(pictures: Any) -> None:
    client, made, _ = pictures
    (tile,) = look(client, q="seed:10")["tiles"]
    assert tile == {
        "id": made[COUNT + 1 - 10].id,
        "place": int(made[COUNT + 1 - 10].created_at.timestamp() * 1_000_000),
        "label": "a red fox, number 10",
        "seed": "10",
        "width": 256,
        "height": 256,
        "favorite": False,
        "rating": 0,
        "batch": None,
    }


def test_a_damaged_row_is_named_and_the_deleted_lie_in_the_trash(pictures: Any) -> None:
    client, made, _ = pictures
    assert look(client)["damaged"] == [made[1].id]
    assert ids(look(client, trash="")) == [made[0].id]


def test_what_the_browser_has_is_not_sent_again(pictures: Any) -> None:
    client, _, _ = pictures
    first = client.get("/tiles.json")
    assert first.headers["cache-control"] == "private, no-cache"
    again = client.get("/tiles.json", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_limit_or_cursor_that_is_none_is_one_sentence(pictures: Any) -> None:
    client, _, _ = pictures
    for asked in ({"limit": "0"}, {"limit": "501"}, {"limit": "²"}, {"cursor": "x"}):
        answer = client.get("/tiles.json", params=asked)
        assert answer.status_code == 422
        assert answer.json()["detail"].count(". ") == 1


def test_new_pictures_are_counted_until_the_gallery_has_them(pictures: Any) -> None:
    client, _, server = pictures
    cursor = client.get("/newer.json").json()["cursor"]
    assert client.get("/newer.json", params={"cursor": cursor}).json()["count"] == 0
    with opened(server.log.parent / "workspace") as (_, history):
        for words in ("a green fox", "a yellow star"):
            add_picture(history, words)
    assert client.get("/newer.json", params={"cursor": cursor}).json()["count"] == 2
    assert client.get("/newer.json", params={"cursor": cursor, "q": "star"}).json()["count"] == 1
    assert client.get("/newer.json", params={"cursor": client.get("/newer.json").json()["cursor"]}).json()["count"] == 0

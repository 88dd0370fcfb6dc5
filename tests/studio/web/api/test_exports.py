"""Zips of pictures over HTTP: asked for, fetched by a link, watched and ended."""

import io
import json
import zipfile
from typing import Any

import httpx

from .conftest import refusal


def ids_of(batch: dict[str, Any]) -> list[str]:
    return [cell["generation_id"] for cell in batch["cells"]]


def test_a_selection_is_fetched_by_its_link_and_is_as_long_as_was_said(
    api: httpx.Client, batch: dict[str, Any]
) -> None:
    asked = api.post("/exports", json={"ids": ids_of(batch)})
    export = asked.json()
    assert (asked.status_code, export["state"], export["pictures"]) == (201, "ready", 1)
    fetched = api.get(export["address"].removeprefix("/api/v1"))
    assert fetched.headers["content-disposition"] == f'attachment; filename="{export["file_name"]}"'
    assert int(fetched.headers["content-length"]) == len(fetched.content) == export["length"]
    archive = zipfile.ZipFile(io.BytesIO(fetched.content))
    assert archive.testzip() is None
    assert json.loads(archive.read("manifest.json"))["pictures"] == 1
    ended = api.get(f"/exports/{export['id']}").json()
    assert (ended["state"], ended["written_pictures"], ended["written_bytes"]) == ("done", 1, export["length"])


def test_a_search_is_fetched_in_one_step(api: httpx.Client, batch: dict[str, Any]) -> None:
    fetched = api.get("/exports", params={"q": "ball"})
    names = zipfile.ZipFile(io.BytesIO(fetched.content)).namelist()
    assert any(ids_of(batch)[0] in name for name in names)


def test_an_export_that_was_cancelled_says_so_and_can_be_fetched_anew(api: httpx.Client, batch: dict[str, Any]) -> None:
    export = api.post("/exports", json={}).json()
    assert api.delete(f"/exports/{export['id']}").status_code == 204
    assert api.get(f"/exports/{export['id']}").json()["state"] == "cancelled"
    assert zipfile.ZipFile(io.BytesIO(api.get(export["address"].removeprefix("/api/v1")).content)).testzip() is None


def test_what_cannot_be_exported_is_said_in_one_sentence(api: httpx.Client, batch: dict[str, Any]) -> None:
    assert refusal(api.post("/exports", json={"ids": ids_of(batch), "q": "ball"}))[0] == 422
    assert refusal(api.post("/exports", json={"q": "nothinglikethat"}))[0] == 404
    assert refusal(api.get("/exports/01M8CZ4K0NRBZ7N4JVZ4H2QZVP/pictures.zip"))[0] == 404

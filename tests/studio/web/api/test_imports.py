"""Pictures that come in over HTTP: as a form, or in pieces; watched, ended, and what is wrong said."""

import io
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.store.test_importing import png, zipped
from tests.studio.processes import Server

from .conftest import refusal


def over(api: httpx.Client, given: dict[str, Any]) -> dict[str, Any]:
    while not given["ended"]:
        time.sleep(0.05)
        given = api.get(f"/imports/{given['id']}").json()
    return given


def sized(number: int) -> bytes:
    """A picture that no other test has."""
    return png("navy", size=(100 + number, 37))


def test_a_form_with_pictures_and_a_zip_comes_in(api: httpx.Client, tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"in a folder/one.png": sized(1), "notes.txt": b"a note"}).read_bytes()
    files = [("files", ("all.zip", archive)), ("files", ("two.png", sized(2))), ("files", ("two.png", sized(3)))]
    answer = api.post("/imports", files=files)
    assert answer.status_code == 202
    given = over(api, answer.json())
    assert (given["state"], given["added"], given["left_out"], given["fraction"]) == ("done", 3, 0, 1)
    assert given["title"] == "all.zip and 2 more"
    one = api.get(f"/generations/{given['generation_ids'][0]}").json()
    assert (one["mode"], one["versions"]["file"], one["width"]) == ("imported", "one.png", 101)
    assert api.get("/imports").json()["items"][0] == given


def test_a_large_file_comes_in_pieces_and_goes_on_where_it_broke(api: httpx.Client) -> None:
    content = sized(4)
    opened = api.post("/imports", json={}).json()
    assert opened["state"] == "receiving"
    address, name = f"/imports/{opened['id']}/files", {"name": "a/b.png"}
    first = api.put(address, params={**name, "offset": 0}, content=content[:60])
    assert first.json()["files"] == [{"name": "a/b.png", "bytes": 60}]
    status, detail = refusal(api.put(address, params={**name, "offset": 10}, content=content[60:]))
    assert (status, "Go on at 60" in detail) == (409, True)
    api.put(address, params={**name, "offset": 60}, content=content[60:])
    started = api.post(f"/imports/{opened['id']}/start")
    assert started.status_code == 202
    assert over(api, started.json())["added"] == 1


def test_what_cannot_be_taken_is_one_sentence_each(api: httpx.Client) -> None:
    files = [
        ("files", ("page.png", b"<html>")),
        ("files", ("cut.zip", b"PK\3\4cut")),
        ("files", ("good.png", sized(5))),
    ]
    given = over(api, api.post("/imports", files=files).json())
    assert (given["added"], given["left_out"], len(given["reasons"])) == (1, 2, 2)


@pytest.mark.parametrize(
    ("request_", "status", "said"),
    [
        ({"files": [("picture", ("a.png", b"x"))]}, 422, "field files"),
        ({"content": b"--x--\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 422, ""),
        ({"content": b"", "headers": {"Content-Type": "multipart/form-data"}}, 422, "boundary"),
        ({"content": b"junk", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 422, "cannot be read"),
        ({"json": {"q": "all"}}, 422, "no settings"),
        ({"content": b"abc", "headers": {"Content-Type": "application/zip"}}, 415, ""),
    ],
)
def test_what_is_no_import_is_said(api: httpx.Client, request_: dict[str, Any], status: int, said: str) -> None:
    got, detail = refusal(api.post("/imports", **request_))
    assert (got, said in detail) == (status, True), detail


def test_an_import_that_there_is_not_is_said(api: httpx.Client) -> None:
    id = "01M8CZ4K0NRBZ7N4JVZ4H2QZVP"
    assert refusal(api.get(f"/imports/{id}"))[0] == 404
    assert refusal(api.put(f"/imports/{id}/files", params={"name": "a"}, content=b"x"))[0] == 404
    assert refusal(api.post(f"/imports/{id}/start"))[0] == 404
    assert refusal(api.delete(f"/imports/{id}"))[0] == 404
    opened = api.post("/imports", json={}).json()
    assert refusal(api.post(f"/imports/{opened['id']}/start"))[0] == 409
    assert api.delete(f"/imports/{opened['id']}").status_code == 204
    assert api.get(f"/imports/{opened['id']}").json()["state"] == "cancelled"


def test_a_large_upload_is_not_held_in_memory(api: httpx.Client, server: Server) -> None:
    """200 MB of noise, as a picture that is then refused; the process grows by less than a fifth of it."""

    def resident() -> int:
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0])

    before = resident()
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(buffer, "PNG")
    given = over(
        api, api.post("/imports", files=[("files", ("large.png", buffer.getvalue() + bytes(200 << 20)))]).json()
    )
    assert given["left_out"] == 1
    assert resident() - before < 40 << 10

"""`/inputs`: a page's pictures are kept by content and shown small; what is none is a sentence, and leaves nothing."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.studio.processes import served

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("inputs") / "workspace"


@pytest.fixture(scope="module")
def studio(workspace: Path) -> Iterator[httpx.Client]:
    """A studio behind a login, and a browser that has logged in."""
    with served(workspace, STUDIO_PASSWORD=PASSWORD) as server:
        headers = {"Authorization": f"Bearer {PASSWORD}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", headers=headers, timeout=60) as client:
            yield client


def encoded(kind: str = "PNG", size: tuple[int, int] = (60, 40), **more: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "teal").save(file, kind, **more)
    return file.getvalue()


def moving() -> bytes:
    return encoded("GIF", save_all=True, append_images=[Image.new("RGB", (60, 40), "red")])


def heic() -> bytes:
    return b"\0\0\0\x18ftypheic" + b"\0" * 100


def bomb() -> bytes:
    """The header of a picture of 200 megapixels, and pixels of far fewer."""
    small = encoded(size=(16, 16))
    header = small[12:16] + struct.pack(">II", 20_000, 10_000) + small[24:29]
    return small[:12] + header + struct.pack(">I", zlib.crc32(header)) + small[33:]


def test_a_picture_is_kept_by_content_and_found_at_its_address_and_small(studio: httpx.Client) -> None:
    """The same picture in another kind of file is the same one."""
    first, again = (studio.post("/inputs", content=encoded(kind)) for kind in ("PNG", "BMP"))
    assert (first.status_code, first.json()) == (200, again.json())
    assert first.json()["note"] == ""
    path = first.json()["picture"]
    whole = studio.get(f"/{path}")
    assert (whole.headers["content-type"], Image.open(io.BytesIO(whole.content)).size) == ("image/png", (60, 40))
    small = studio.get(f"/inputs/small/{Path(path).stem}.webp")
    assert Image.open(io.BytesIO(small.content)).size == (60, 40)
    for answer in (whole, small):
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"


def test_of_an_animation_the_first_frame_is_taken_and_a_note_says_so(studio: httpx.Client) -> None:
    said = studio.post("/inputs", content=moving()).json()
    assert said["note"] == "This picture moves: its first frame is taken."
    assert studio.get(f"/{said['picture']}").status_code == 200


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (lambda: b"root:x:0:0", 422, "it is text, and begins with “root:x:0:0”"),
        (lambda: bytes(range(256)), 422, "This file is no picture that can be read. Give a PNG"),
        (lambda: b"", 422, "The file is empty (0 bytes). Save or download it again."),
        (lambda: encoded()[:60], 422, "damaged or cut short"),
        (heic, 422, "This picture is HEIC, Apple's format, which is not read here. Save it as JPEG, and give that."),
        (bomb, 422, "The picture has 200 megapixels; at most 50 megapixels are opened. Scale it down."),
        (lambda: b"\x89PNG" + bytes(50 * 2**20), 413, "The request is larger than 52,428,800 bytes. Send less."),
    ],
    ids=["text", "bytes", "empty", "cut short", "heic", "200 megapixels", "50 MB"],
)
def test_what_is_no_picture_here_is_one_sentence_and_leaves_nothing(
    studio: httpx.Client, workspace: Path, content: Callable[[], bytes], status: int, said: str
) -> None:
    before = sorted((workspace / "inputs").glob("*"))
    answer = studio.post("/inputs", content=content())
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert said in answer.json()["detail"]
    assert "\\x" not in answer.json()["detail"]
    assert sorted((workspace / "inputs").glob("*")) == before


@pytest.mark.parametrize("name", ["0" * 64, "x"])
def test_a_picture_that_is_not_there_is_not_found(studio: httpx.Client, name: str) -> None:
    for address in (f"/inputs/{name}.png", f"/inputs/small/{name}.webp"):
        answer = studio.get(address)
        assert answer.status_code == 404
        assert "Give it again" in answer.json()["detail"]


def test_no_stranger_and_no_other_sites_page_leaves_pictures_here(studio: httpx.Client) -> None:
    stranger = httpx.post(studio.base_url.join("/inputs"), content=encoded())
    assert stranger.status_code == 401
    elsewhere = studio.post("/inputs", content=encoded(), headers={"Origin": "https://elsewhere.example"})
    assert elsewhere.status_code == 403

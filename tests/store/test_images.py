"""Pictures that users drop, and recipes that travel in files."""

import json
import struct
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from fibo_core import limits
from fibo_core.errors import PictureError
from fibo_core.store.images import open_picture, png_bytes, read_recipe, thumbnail_bytes


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has next to no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_dropped_picture_is_opened_as_rgb_whatever_its_kind(kind, tmp_path):
    """PNG, JPEG and WebP are read, from bytes and from a file."""
    data = encoded(Image.new("RGB", (40, 30), (200, 30, 40)), kind)
    (tmp_path / "picture").write_bytes(data)
    for picture in (open_picture(data), open_picture(tmp_path / "picture")):
        assert (picture.mode, picture.size) == ("RGB", (40, 30))
        assert picture.getpixel((20, 15)) == pytest.approx((200, 30, 40), abs=8)


def test_a_phone_picture_taken_sideways_comes_upright():
    """The EXIF orientation is applied, as the user sees the picture everywhere else."""
    exif = Image.Exif()
    exif[0x0112] = 6
    assert open_picture(encoded(Image.new("RGB", (40, 30)), "JPEG", exif=exif)).size == (30, 40)


@pytest.mark.parametrize("orientation", [0, 9, 99, 65535])
def test_an_exif_orientation_that_is_none_leaves_the_picture_as_it_lies(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert open_picture(encoded(Image.new("RGB", (40, 30)), "JPEG", exif=exif)).size == (40, 30)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("RGBA", (4, 4), (255, 0, 0, 0)), (255, 0, 0, 0)),
        (Image.new("RGBA", (4, 4), (255, 0, 0, 255)), (255, 0, 0)),
        (Image.new("LA", (4, 4), (10, 255)), (10, 10, 10)),
        (Image.new("I;16", (4, 4), 128 * 256), (128, 128, 128)),
        (Image.new("1", (4, 4), 1), (255, 255, 255)),
    ],
    ids=["transparent", "opaque", "grey with alpha", "16-bit grey", "bitmap"],
)
def test_every_kind_of_pixel_becomes_the_colour_one_sees(image, expected):
    """Transparent parts stay so, a fourth channel that says nothing goes, and 16-bit grey keeps its tones."""
    assert open_picture(encoded(image)).getpixel((1, 1)) == expected


def test_a_picture_cut_short_is_refused_in_one_sentence():
    """No half picture is ever looked at or painted from."""
    noise = Image.effect_noise((200, 200), 80).convert("RGB")
    for kind in ("PNG", "JPEG", "WEBP"):
        data = encoded(noise, kind)
        with pytest.raises(PictureError, match="damaged or cut short"):
            open_picture(data[: len(data) // 2])


@pytest.mark.parametrize(("width", "height"), [(20_000, 10_000), (9_000, 9_000), (60_000, 60_000)])
def test_a_picture_of_200_megapixels_is_refused_before_it_is_decoded(width, height, monkeypatch):
    """The header is enough: nothing is decoded, so nobody fills the memory with a small file."""

    def decode(*args: object) -> None:
        raise AssertionError("the picture was decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decode)
    with pytest.raises(PictureError, match="at most 50 megapixels"):
        open_picture(png_header(width, height))


@pytest.mark.parametrize("data", [b'<svg xmlns="http://www.w3.org/2000/svg"><rect/></svg>', b"%PDF-1.7", b"hello"])
def test_a_drawing_renamed_to_png_is_refused_by_what_it_contains(data, tmp_path):
    """The file's name counts for nothing; the sentence shows how the file really begins."""
    (tmp_path / "picture.png").write_bytes(data)
    with pytest.raises(PictureError, match="no picture that can be read") as error:
        open_picture(tmp_path / "picture.png")
    assert data[:4].decode() in str(error.value)


def test_empty_too_large_and_absent_files_are_refused(tmp_path, monkeypatch):
    """One sentence each; a large file is not even read."""
    with pytest.raises(PictureError, match="empty"):
        open_picture(b"")
    with pytest.raises(PictureError, match="No such file"):
        open_picture(tmp_path / "absent.png")
    large = tmp_path / "large.png"
    with large.open("wb") as file:
        file.truncate(limits.BYTES_MAX + 1)
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail("the file was read"))
    with pytest.raises(PictureError, match="50 MB"):
        open_picture(large)


@pytest.mark.parametrize("words", ["a ball", "Füchse 🦊 \ud83d \x00", "x" * 2_000_000], ids=["plain", "odd", "2 MB"])
def test_a_recipe_comes_back_from_the_png_that_carries_it(words):
    """Any text survives, of any size, and the pixels are the same."""
    picture = Image.effect_noise((32, 32), 50).convert("RGB")
    data = png_bytes(picture, {"format": "fibo-studio/1", "words": words})
    assert read_recipe(data) == {"format": "fibo-studio/1", "words": words}
    assert open_picture(data).tobytes() == picture.tobytes()


def test_a_recipe_is_read_from_a_png_that_was_cut_short():
    """The recipe stands before the pixels, so what was typed can be saved from a broken file."""
    data = png_bytes(Image.effect_noise((200, 200), 80), {"words": "a ball"})
    assert read_recipe(data[: len(data) // 2]) == {"words": "a ball"}


def test_a_recipe_is_read_from_json_and_nothing_else_is_taken_for_one():
    """Sidecars and plain prompts are objects; other files, even hostile ones, hold no recipe."""
    assert read_recipe(json.dumps({"short_description": "größe"}).encode()) == {"short_description": "größe"}
    assert read_recipe("\ufeff{}".encode()) == {}
    plain = encoded(Image.new("RGB", (8, 8)))
    for data in (b"", b"[1]", b"{", b"\xff\xfe\x00", b"[" * 100_000, plain, plain[:20], png_header(60_000, 60_000)):
        assert read_recipe(data) is None


def test_nothing_of_a_source_pictures_metadata_is_kept():
    """A phone's place and time do not travel with what is stored."""
    exif = Image.Exif()
    exif[0x010E] = "at home"
    source = Image.open(
        BytesIO(encoded(Image.new("RGB", (8, 8)), "JPEG", exif=exif, comment=b"at home", icc_profile=b"at home"))
    )
    source.load()
    assert source.info["icc_profile"] == b"at home"
    stored = png_bytes(source)
    assert b"at home" not in stored
    assert b"iCCP" not in stored


def test_a_thumbnail_is_a_small_webp_of_the_same_shape():
    """At most 256 pixels at the longest side, and never larger than the picture."""
    with Image.open(BytesIO(thumbnail_bytes(Image.new("RGB", (1344, 768))))) as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("WEBP", (256, 146))
    with Image.open(BytesIO(thumbnail_bytes(Image.new("RGB", (64, 96))))) as thumbnail:
        assert thumbnail.size == (64, 96)


def test_a_thumbnail_shows_what_is_transparent_in_white():
    """Not the colours that hide there."""
    picture = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    with Image.open(BytesIO(thumbnail_bytes(picture))) as thumbnail:
        assert min(thumbnail.convert("RGB").getpixel((32, 32))) > 250


def test_what_is_transparent_is_stored_white_beside_a_generation():
    """Whatever colour hides there: a source is shown, and its hidden colours are none of the picture's."""
    picture = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    picture.putpixel((1, 1), (0, 0, 255, 255))
    stored = open_picture(png_bytes(picture))
    assert (stored.mode, stored.getpixel((0, 0)), stored.getpixel((1, 1))) == ("RGB", (255, 255, 255), (0, 0, 255))

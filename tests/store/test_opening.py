"""Pictures from the field: phones' largest, every common kind, other programs' texts; and the memory they take."""

import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fibo_core.errors import PictureError
from fibo_core.prompts.foreign import foreign_recipe
from fibo_core.store.images import open_picture, opened_picture
from fibo_core.store.picture_texts import read_texts
from fibo_core.store.png import SIGNATURE, texts_of, write_png

FIELD = Path("tests/golden/field-cases/pictures")


def jpeg(width: int, height: int, mode: str = "L", **options: object) -> bytes:
    """A grey JPEG, darker on top; hundreds of megapixels take a megabyte."""
    buffer = BytesIO()
    picture = Image.new(mode, (width, height), "#c8c8c8")
    picture.paste("#3c3c3c", (0, 0, width, height // 2))
    picture.save(buffer, "JPEG", quality=30, **options)
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.parametrize(
    "name",
    ["pic.jfif", "pic.avif", "anim.gif", "jpeg-named.png", "exif6.jpg", "mpo.jpg", "cmyk.jpg", "trailing.jpg"],
)
def test_a_sound_picture_is_opened_whatever_it_is_called(name: str) -> None:
    """By what it contains: an animation's first frame, a pair's first picture, upright, in the colours of a screen."""
    picture = open_picture(FIELD / name)
    assert (picture.mode, picture.size) == ("RGB", (240, 320) if name == "exif6.jpg" else (320, 240))
    red, green, blue = picture.getpixel((2, 2))
    assert green > red > blue, "the meadow is green"


@pytest.mark.parametrize("kind", ["BMP", "TIFF"])
def test_a_scanners_kinds_are_opened(kind: str) -> None:
    buffer = BytesIO()
    first, second = Image.new("RGB", (40, 30), "red"), Image.new("RGB", (50, 50), "blue")
    options = {"save_all": True, "append_images": [second]} if kind == "TIFF" else {}
    first.save(buffer, kind, **options)
    picture = open_picture(buffer.getvalue())
    assert (picture.size, picture.getpixel((5, 5))) == ((40, 30), (255, 0, 0))


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1"])
def test_an_iphones_heic_is_named_with_what_to_do(brand: bytes) -> None:
    """It is a sound picture, so it is not called damaged."""
    with pytest.raises(PictureError, match=r"is HEIC.*Save it as JPEG"):
        open_picture(b"\0\0\0\x18ftyp" + brand + b"\0" * 200)


def test_a_picture_cut_off_is_one_sentence() -> None:
    with pytest.raises(PictureError, match="damaged or cut short"):
        open_picture(FIELD / "truncated.jpg")


def test_what_is_transparent_stays_so() -> None:
    """Its hidden colours are nobody's ground."""
    picture = open_picture(FIELD / "transparent.png")
    assert picture.mode == "RGBA"
    assert picture.getpixel((0, 0))[3] == 0


@pytest.mark.parametrize(
    ("width", "height", "kept"),
    [(8160, 6144, (4080, 3072)), (12000, 9000, (6000, 4500)), (16320, 12240, (8160, 6120))],
    ids=["50 megapixels", "108 megapixels", "200 megapixels"],
)
def test_a_phones_largest_pictures_are_opened(width: int, height: int, kept: tuple[int, int]) -> None:
    """Scaled down while they are decoded, as far as is needed."""
    data = jpeg(width, height)
    seen = open_picture(data)
    assert max(seen.size) == 2048
    assert seen.getpixel((9, 9)) == pytest.approx((60, 60, 60), abs=4)
    assert seen.getpixel((9, seen.height - 9)) == pytest.approx((200, 200, 200), abs=4)
    with opened_picture(data) as picture:
        assert picture.size == kept


def test_a_jpeg_beyond_all_phones_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a large progressive one: it would be held whole before its first pixel is known."""
    large, progressive = jpeg(64, 48), jpeg(64, 48, progressive=True)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda *args: pytest.fail("it was decoded"))
    for data, size, sentence in (
        (large, (20000, 10001), "at most 200 megapixels"),
        (progressive, (8000, 6251), "progressive JPEG has 8000×6251 pixels; at most 50 megapixels"),
    ):
        with pytest.raises(PictureError, match=sentence):
            open_picture(resized_header(data, *size))


def resized_header(data: bytes, width: int, height: int) -> bytes:
    """The JPEG with another size in its frame's header (SOF0 or SOF2)."""
    place = next(at for at in (data.find(b"\xff\xc0"), data.find(b"\xff\xc2")) if at > 0)
    return data[: place + 5] + struct.pack(">HH", height, width) + data[place + 9 :]


def test_a_progressive_jpeg_of_a_camera_is_opened() -> None:
    assert max(open_picture(jpeg(6000, 4000, progressive=True)).size) == 2048


def test_a_sound_png_with_another_programs_large_text_is_no_damaged_one() -> None:
    """Two megabytes of a workflow, packed: Pillow alone refuses it. The text can be read too, unless it is a bomb."""
    plain = BytesIO()
    Image.effect_noise((64, 48), 50).save(plain, "PNG")
    head, rest = plain.getvalue()[:33], plain.getvalue()[33:]  # the signature and IHDR
    workflow = '{"nodes": "' + "x" * 2_000_000 + '"}'
    large = chunk(b"zTXt", b"workflow\0\0" + zlib.compress(workflow.encode()))
    bomb = chunk(b"iTXt", b"bomb\0\1\0\0\0" + zlib.compress(b"x" * 100_000_000))
    data = head + large + bomb + rest
    with pytest.raises(ValueError, match="too large"), Image.open(BytesIO(data)) as picture:
        picture.load()
    assert open_picture(data).tobytes() == open_picture(plain.getvalue()).tobytes()
    assert texts_of(data) == {"workflow": workflow}
    with pytest.raises(PictureError, match="damaged or cut short"):
        open_picture(data[:-4000])


def test_texts_of_every_kind_are_read_and_broken_ones_passed_over() -> None:
    """Before and behind the pixels, in Latin-1 and in UTF-8, of a file that breaks off too."""
    texts = [
        chunk(b"tEXt", b"parameters\0a red ball"),
        chunk(b"tEXt", "prompt\0a fox, größer".encode()),
        chunk(b"tEXt", b"place\0K\xf6ln"),
        chunk(b"iTXt", "title\0\0\0de\0Titel\0狐".encode()),
        chunk(b"zTXt", b"broken\0\0no zlib"),
        chunk(b"tEXt", b"without a separator"),
    ]
    data = SIGNATURE + b"".join(texts)
    read = {"parameters": "a red ball", "prompt": "a fox, größer", "place": "Köln", "title": "狐"}
    assert texts_of(data) == texts_of(data + b"\0\0\xff") == read
    assert texts_of(b"GIF89a") == texts_of(b"") == {}


def test_a_picture_written_row_by_row_is_the_same_however_it_is_cut() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (70, 31, 4), dtype=np.uint8)
    written = []
    for piece in (1, 7, 70):
        file = BytesIO()
        write_png(file, 31, 70, (pixels[at : at + piece] for at in range(0, 70, piece)))
        written.append(file.getvalue())
        with Image.open(file) as picture:
            assert np.array_equal(np.asarray(picture), pixels)
    assert [len(texts_of(data)) for data in written] == [0, 0, 0]


MEASURE = """
import sys
from pathlib import Path
import numpy
from PIL import Image
from fibo_core.store.images import open_picture
from fibo_core.store.inputs import Inputs
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1e3
Image.init()
before = peak()
open_picture(Path(sys.argv[1]))
Inputs(Path(sys.argv[2])).keep(Path(sys.argv[1]))
print(peak() - before)
"""


def gradient(width: int, height: int, channels: int) -> Iterator[NDArray[np.uint8]]:
    row = np.linspace(0, 255, width).astype(np.uint8)
    for _ in range(0, height, 100):
        yield np.broadcast_to(row[None, :, None], (100, width, channels))


@pytest.mark.parametrize("kind", ["RGB", "RGBA", "sideways JPEG"])
def test_a_large_picture_takes_five_bytes_a_pixel_and_50_mb_at_most(tmp_path: Path, kind: str) -> None:
    """Of 24 megapixels, in a process of its own: looked at, and kept."""
    file = tmp_path / "large"
    if kind == "sideways JPEG":
        exif = Image.Exif()
        exif[0x0112] = 6
        file.write_bytes(jpeg(6000, 4000, "RGB", exif=exif))
    else:
        with file.open("wb") as png:
            write_png(png, 6000, 4000, gradient(6000, 4000, len(kind)))
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, file, tmp_path], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    assert float(done.stdout) < 24 * 5 + 50


def test_two_pictures_are_opened_one_after_the_other() -> None:
    """So that the memory of one is all that is taken."""
    data, opened = jpeg(320, 240), threading.Event()
    other = threading.Thread(target=lambda: (open_picture(data), opened.set()))
    with opened_picture(data):
        other.start()
        assert not opened.wait(0.2)
    assert opened.wait(20)
    other.join()


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "PNG", "AVIF"])
@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le", "ascii"])
def test_the_comment_of_a_picture_without_a_pngs_texts_is_read(kind: str, encoding: str) -> None:
    """Where A1111 writes into JPEG and WebP what it writes into a PNG's text."""
    exif = Image.Exif()
    exif[0x0131] = "a program"
    prefix = b"ASCII\0\0\0" if encoding == "ascii" else b"UNICODE\0"
    exif.get_ifd(0x8769)[0x9286] = prefix + "a red ball\nSteps: 20".encode(encoding)
    buffer = BytesIO()
    Image.new("RGB", (32, 32)).save(buffer, kind, exif=exif)
    assert read_texts(buffer.getvalue()) == {"UserComment": "a red ball\nSteps: 20"}


def test_comfyuis_webp_gives_its_graph() -> None:
    """Which stands where a camera's maker and model would."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = 'workflow:{"nodes": []}', 'prompt:{"3": {}}'
    buffer = BytesIO()
    Image.new("RGB", (32, 32)).save(buffer, "WEBP", exif=exif)
    assert read_texts(buffer.getvalue()) == {"workflow": '{"nodes": []}', "prompt": '{"3": {}}'}
    assert read_texts(buffer.getvalue()[:40]) == {}
    assert read_texts((FIELD / "exif6.jpg").read_bytes()) == {}


def test_another_program_finds_our_recipe_in_our_picture(history, paint) -> None:
    """As A1111 writes it, beside the record: other galleries read prompt, seed, size and steps."""
    stored = paint("ein Fuchs 🦊", text="größe")
    found = foreign_recipe(read_texts(history.image_file(stored.id).read_bytes()))
    assert found is not None
    request = stored.request
    assert (found.program, found.words) == ("FIBO Studio", request.prompt.canonical())
    assert (found.seed, found.width, found.height) == (request.seed, request.width, request.height)
    assert (found.steps, found.guidance, found.model) == (
        *(request.num_inference_steps, request.guidance_scale, request.model),
    )

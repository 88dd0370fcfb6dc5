"""Pictures as bytes: files that people give, which may hold anything, the recipe inside a PNG, thumbnails.

Nothing here touches the workspace; `disk.py` writes and `history.py` knows where. Opening a picture takes five bytes a
pixel and 50 MB at most: one is opened at a time, decoded once, and turned, flattened and scaled a few rows at a time.
"""

import json
import re
import struct
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin, PngImagePlugin, UnidentifiedImageError

from fibo_core.engine.canvas import on_white
from fibo_core.errors import PictureError
from fibo_core.limits import BYTES_MAX
from fibo_core.store.png import texts_of, without_texts

RECIPE_KEY = "fibo-studio"  #: the PNG text that holds the record of `Generation.to_record`
PARAMETERS_KEY = "parameters"  #: the PNG text that most programs and galleries read
PIXELS_MAX = 50_000_000  #: of a decoded picture: 200 MB
JPEG_PIXELS_MAX = 200_000_000  #: a JPEG is decoded at a half, a quarter or an eighth where it has more than PIXELS_MAX
SIDE_MAX = 2048  #: px; more says nothing to a prompt writer
THUMBNAIL_SIDE = 256  #: px, the longest one

#: What Pillow's decoders raise for damaged files.
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, struct.error, zlib.error)
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_FORMATS = ("PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")  # and JPEG
_SIGNATURE = re.compile(rb"\x89PNG|RIFF....WEBP|....ftypavi[fs]|GIF8|BM|II\*\0|MM\0\*", re.DOTALL)  # of _FORMATS
_JPEG = b"\xff\xd8\xff"
_HEIC = re.compile(rb"....ftyp(hei[cxms]|hev[cx]|mif1|msf1)", re.DOTALL)
#: A progressive JPEG is held whole, as two bytes for each of its up to three components, until its last pass is read.
_PROGRESSIVE_WHOLE_MAX = 24_000_000
#: Their decoders hold the picture several times.
_HEAVY_PIXELS_MAX = {"WEBP": 17_000_000, "AVIF": 25_000_000, "TIFF": 25_000_000}
_ROWS = 64  # at once
_ORIENTATION = 0x0112  # EXIF's tag
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_READ_AS_TEXT = 200  #: bytes of what is no picture
_PNG_DEPTH = 24  # where the header says how many bits a channel has
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"

_one_at_a_time = threading.Lock()


class OpenPicture:
    """A decoded picture, given upright and plain, a few rows at a time; ``size`` is that of the upright one."""

    def __init__(self, decoded: Image.Image, told_size: tuple[int, int]) -> None:
        self._decoded = decoded
        self._told_size = told_size
        self._orientation = _orientation(decoded)
        self._sideways = self._orientation >= 5
        self.size = decoded.size[::-1] if self._sideways else decoded.size
        self.transparent = decoded.has_transparency_data and any(
            strip.getchannel("A").getextrema() != (255, 255) for strip in self._strips(_ROWS, "RGBA")
        )

    def rows(self) -> Iterator[NDArray[np.uint8]]:
        """The pixels from the top: arrays of (some rows, width, 3), or 4 where something is transparent."""
        return map(np.asarray, self._strips(_ROWS, self.mode))

    @property
    def is_whole(self) -> bool:
        """Whether it was decoded at its full size, and lies as it is shown."""
        return self._orientation not in _UPRIGHT and not self.is_scaled

    @property
    def is_scaled(self) -> bool:
        return self._decoded.size != self._told_size

    @property
    def mode(self) -> str:
        return "RGBA" if self.transparent else "RGB"

    def reduced(self, side_max: int) -> Image.Image:
        """A copy at a whole fraction of the size, the smallest whose longest side has ``side_max`` pixels."""
        width, height = self.size
        times = max(max(width, height) // side_max, 1)
        small = Image.new(self.mode, (-(-width // times), -(-height // times)))
        top = 0
        for strip in self._strips(times * -(-_ROWS // times), self.mode):
            reduced = strip.reduce(times) if times > 1 else strip
            small.paste(reduced, (0, top))
            top += reduced.height
        return small

    def _strips(self, rows: int, mode: str) -> Iterator[Image.Image]:
        """The upright picture in strips of so many rows: of a sideways one, they are its columns."""
        width, height = self._decoded.size
        length = width if self._sideways else height
        from_the_end = self._orientation in (3, 4, 7, 8)
        for place in range(0, length, rows):
            after = min(place + rows, length)
            start, end = (length - after, length - place) if from_the_end else (place, after)
            box = (start, 0, end, height) if self._sideways else (0, start, width, end)
            strip = self._decoded.crop(box)
            if self._orientation in _UPRIGHT:
                strip = strip.transpose(_UPRIGHT[self._orientation])
            yield _plain(strip, mode)


@contextmanager
def opened_picture(data: bytes | Path, side_max: int | None = None) -> Iterator[OpenPicture]:
    """A picture that somebody gave, fully decoded; no other one is opened meanwhile.

    A JPEG is decoded scaled down where that leaves its longest side ``side_max`` pixels, or brings it to PIXELS_MAX.
    Raises PictureError for what is no picture of a kind that is read, is empty, damaged or cut short, or has more than
    BYTES_MAX bytes or too many pixels; these are seen in the header and never decoded.
    """
    content = _read_bytes(data) if isinstance(data, Path) else data
    _check_bytes(len(content))
    with _one_at_a_time:
        yield OpenPicture(*_decoded(content, side_max))


def open_picture(data: bytes | Path, side_max: int = SIDE_MAX) -> Image.Image:
    """A picture as it is looked at: upright, at most ``side_max`` pixels a side, RGB, or RGBA where it is transparent.

    Raises PictureError as `opened_picture` does.
    """
    with opened_picture(data, side_max) as picture:
        small = picture.reduced(side_max)
    del picture  # scaling takes memory too
    small.thumbnail((side_max, side_max))
    return small


def is_animated(data: bytes) -> bool:
    """Whether a picture that can be opened has further frames."""
    try:
        with Image.open(BytesIO(data), formats=_FORMATS) as picture:
            return bool(getattr(picture, "is_animated", False)) and picture.format != "TIFF"
    except (*DAMAGE, *BOMBS):  # a JPEG, for one
        return False


def beyond_rgb(png: Path) -> tuple[str, ...]:
    """What a PNG holds that opaque RGB of 8 bits does not: "transparency", "a colour profile", "16 bits a channel".

    Raises PictureError for one that cannot be read.
    """
    try:
        with png.open("rb") as file, Image.open(png, formats=("PNG",)) as picture:
            deep = file.read(_PNG_DEPTH + 1)[_PNG_DEPTH] > 8
            profile = "icc_profile" in picture.info
            seen = not picture.has_transparency_data or picture.convert("RGBA").getchannel("A").getextrema()[0] == 255
    except (*DAMAGE, *BOMBS) as exc:
        raise _damaged(exc) from exc
    found = {"transparency": not seen, "a colour profile": profile, "16 bits a channel": deep}
    return tuple(name for name, there in found.items() if there)


def read_recipe(data: bytes) -> dict[str, Any] | None:
    """The record in a PNG's text, or the object in a JSON file (a sidecar, a plain prompt); else None.

    The picture is not decoded, so the recipe of a cut-short PNG can be read too.
    """
    text = texts_of(data).get(RECIPE_KEY, "") if data.startswith(b"\x89PNG") else data
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def png_bytes(image: Image.Image, record: Mapping[str, Any] | None = None, parameters: str = "") -> bytes:
    """The picture as an RGB PNG, on white, that carries ``record`` and nothing of the original file's metadata.

    ``parameters`` is the text that other programs look for (see `picture_texts.parameters_text`).
    """
    clean = on_white(image)  # a copy
    clean.info = {}
    text = PngImagePlugin.PngInfo()
    if record is not None:
        text.add_text(RECIPE_KEY, json.dumps(record))  # ASCII; uncompressed, as Pillow reads back 1 MB compressed
    if parameters:
        text.add_text(PARAMETERS_KEY, parameters)
    buffer = BytesIO()
    # level 4: as small as the default 6 on photographs, in half the time
    clean.save(buffer, "PNG", pnginfo=text, compress_level=4)
    return buffer.getvalue()


def png_is_complete(content: bytes) -> bool:
    """Whether a PNG's bytes reach to its end; its pixels are not checked."""
    return content.startswith(b"\x89PNG") and content.rstrip(b"\0").endswith(_PNG_END)


def check_png(path: Path) -> None:
    """Reads a PNG to its end, checksums included; its pixels are not decoded. Raises PictureError."""
    verify_png(_read_bytes(path))


def verify_png(content: bytes) -> None:
    """The same of a PNG's bytes."""
    if not png_is_complete(content):
        raise PictureError("it is no PNG, or one that is cut short")
    try:
        with Image.open(BytesIO(content), formats=("PNG",)) as picture:
            picture.verify()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, *DAMAGE) as exc:
        raise PictureError(f"it is damaged ({exc})") from exc


def thumbnail_bytes(image: Image.Image) -> bytes:
    """A WebP of the picture, on white, its longest side at most THUMBNAIL_SIDE."""
    small = on_white(image)
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    small.save(buffer, "WEBP", quality=82)
    return buffer.getvalue()


def is_whole_thumbnail(path: Path) -> bool:
    """Whether there is one that can be shown; it is decoded, which takes a millisecond."""
    try:
        with Image.open(path, formats=("WEBP",)) as thumbnail:
            thumbnail.load()
    except DAMAGE:
        return False
    return True


def _read_bytes(path: Path) -> bytes:
    try:
        _check_bytes(path.stat().st_size)
        return path.read_bytes()
    except OSError as exc:
        raise PictureError(f"{path} cannot be read: {exc.strerror}.") from exc


def _check_bytes(size: int) -> None:
    if size == 0:
        raise PictureError("The file is empty (0 bytes). Save or download it again.")
    if size > BYTES_MAX:
        raise PictureError(
            f"The file has {size / 2**20:.0f} MB, and at most {BYTES_MAX / 2**20:.0f} are read. Save it smaller."
        )


def _decoded(content: bytes, side_max: int | None) -> tuple[Image.Image, tuple[int, int]]:
    """The picture as its decoder gives it, scaled down where it can be, its pixels loaded; and its size in the file."""
    try:
        if content.startswith(_JPEG):
            picture: Image.Image
            picture, size = _begun_jpeg(content, side_max)
        else:
            picture = Image.open(BytesIO(without_texts(content)), formats=_FORMATS)
            most = _HEAVY_PIXELS_MAX.get(picture.format or "", PIXELS_MAX)
            if picture.width * picture.height > most:
                raise _too_many_pixels(f"{picture.width}×{picture.height} pixels", most)
            size = picture.size
        picture.load()
    except UnidentifiedImageError as exc:
        raise _unidentified(content) from exc
    except BOMBS as exc:
        raise _too_many_pixels(_told_of(exc), PIXELS_MAX) from exc
    except DAMAGE as exc:
        raise _damaged(exc) from exc
    return picture, size


def _begun_jpeg(content: bytes, side_max: int | None) -> tuple[JpegImagePlugin.JpegImageFile, tuple[int, int]]:
    """A JPEG, not decoded yet, that will be at a scale that fits, and its size; of several pictures in it the first."""
    jpeg = JpegImagePlugin.JpegImageFile(BytesIO(content))  # Image.open refuses those of 180 megapixels and more
    (width, height), pixels = jpeg.size, jpeg.width * jpeg.height
    progressive = "progressive" in jpeg.info
    if pixels > JPEG_PIXELS_MAX:
        raise _too_many_pixels(f"{width}×{height} pixels", JPEG_PIXELS_MAX)
    if progressive and pixels > PIXELS_MAX:
        raise PictureError(
            f"This progressive JPEG has {width}×{height} pixels; at most {PIXELS_MAX // 1_000_000} megapixels of that "
            "kind are opened. Save it without that option, or scale it down."
        )
    fits = _PROGRESSIVE_WHOLE_MAX if progressive else PIXELS_MAX
    scale = 1
    while pixels > fits * scale**2 or (side_max is not None and max(width, height) >= 2 * scale * side_max):
        scale *= 2
    jpeg.draft(None, (max(width // scale, 1), max(height // scale, 1)))
    return jpeg, (width, height)


def _orientation(picture: Image.Image) -> int:
    """EXIF's number for how the picture lies, 2 to 8; 1 where it is upright, or says nothing that can be understood."""
    try:
        orientation = int(picture.getexif().get(_ORIENTATION, 1))
    except (TypeError, *DAMAGE):  # the pixels are sound
        return 1
    return orientation if orientation in _UPRIGHT else 1


def _plain(strip: Image.Image, mode: str) -> Image.Image:
    if strip.mode.startswith("I"):  # 16-bit grey, which convert() would clip to white
        strip = strip.convert("I").point(lambda value: value / 256).convert("L")
    return strip if strip.mode == mode else strip.convert(mode)


def _unidentified(content: bytes) -> PictureError:
    if _HEIC.match(content):
        return PictureError(
            "This picture is HEIC, Apple's format, which is not read here. Save it as JPEG, and give that."
        )
    if _SIGNATURE.match(content):
        return _damaged("its beginning alone can be read")
    return PictureError(
        f"This file is no picture that can be read{_beginning(content)}. "
        "Give a PNG, JPEG, WebP, AVIF, GIF, BMP or TIFF."
    )


def _beginning(content: bytes) -> str:
    """What a file begins with, where that is text which its owner may know it by."""
    text = content[:_READ_AS_TEXT].decode("utf-8-sig", errors="ignore")
    words = " ".join(text.split())
    if not words or not words.isprintable() or len(text.encode()) < min(len(content), _READ_AS_TEXT) - 6:
        return ""
    return f": it is text, and begins with “{words[:30]}”"


def _told_of(bomb: Exception) -> str:
    """How many pixels Pillow has counted in a picture that it does not open."""
    count = re.search(r"\((\d+) pixels\)", str(bomb))
    return "too many pixels" if count is None else f"{int(count[1]) / 1e6:,.0f} megapixels"


def _too_many_pixels(has: str, most: int) -> PictureError:
    return PictureError(f"The picture has {has}; at most {most // 1_000_000} megapixels are opened. Scale it down.")


def _damaged(reason: object) -> PictureError:
    return PictureError(f"This picture is damaged or cut short ({reason}). Save or download it again.")

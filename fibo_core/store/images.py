"""Pictures as bytes: the recipe inside a PNG, thumbnails, and files that users drop, which may hold anything.

Nothing here touches the workspace; `disk.py` writes and `history.py` knows where.
"""

import json
import re
import struct
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from fibo_core.errors import PictureError

RECIPE_KEY = "fibo-studio"  #: the PNG text that holds the record of `Generation.to_record`
FORMATS = ("PNG", "JPEG", "WEBP")  #: that may be dropped
BYTES_MAX = 50 * 2**20  #: of a file that is given to the studio, by whatever way
PIXELS_MAX = 50_000_000  #: 150 MB once decoded; larger than any phone's pictures
THUMBNAIL_SIDE = 256  #: px, the longest one

#: What Pillow's decoders raise for damaged files.
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, struct.error, zlib.error)
_SIGNATURE = re.compile(rb"\x89PNG|\xff\xd8\xff|RIFF....WEBP", re.DOTALL)  # of FORMATS
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"


def open_picture(data: bytes | Path) -> Image.Image:
    """A dropped picture, fully decoded, upright, RGB, transparent parts on white.

    Raises PictureError for what is no PNG, JPEG or WebP, is empty, damaged or cut short, or has more than
    BYTES_MAX bytes or PIXELS_MAX pixels; too many pixels are seen in the header and never decoded.
    """
    content = _read(data) if isinstance(data, Path) else data
    _check_bytes(len(content))
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as picture:
            if picture.width * picture.height > PIXELS_MAX:
                raise _too_many_pixels(f"{picture.width}×{picture.height} pixels")
            picture.load()
            return _to_rgb(ImageOps.exif_transpose(picture))
    except UnidentifiedImageError as exc:
        if _SIGNATURE.match(content):
            raise _damaged("its beginning alone can be read") from exc
        raise PictureError(
            f"This file is no PNG, JPEG or WebP picture; it begins with {content[:16]!r}. Drop one of those."
        ) from exc
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise _too_many_pixels("far more") from exc
    except DAMAGE as exc:
        raise _damaged(exc) from exc


def read_recipe(data: bytes) -> dict[str, Any] | None:
    """The record in a PNG's text, or the object in a JSON file (a sidecar, a plain prompt); else None.

    The picture is not decoded, so the recipe of a cut-short PNG can be read too.
    """
    text: str | bytes = data
    if data.startswith(b"\x89PNG"):
        try:
            with Image.open(BytesIO(data), formats=("PNG",)) as picture:
                text = picture.info.get(RECIPE_KEY, "")
        except (Image.DecompressionBombError, Image.DecompressionBombWarning, *DAMAGE):
            return None
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def read_texts(data: bytes) -> dict[str, str]:
    """The texts that a PNG carries, by their names: settings that programs write there. {} for any other file."""
    if not data.startswith(b"\x89PNG"):
        return {}
    try:
        with Image.open(BytesIO(data), formats=("PNG",)) as picture:
            return {str(name): text for name, text in picture.info.items() if isinstance(text, str)}
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, *DAMAGE):
        return {}


def png_bytes(image: Image.Image, record: Mapping[str, Any] | None = None) -> bytes:
    """The picture as an RGB PNG that carries ``record`` and nothing of the original file's metadata."""
    clean = image.convert("RGB")  # a copy
    clean.info = {}
    text = PngImagePlugin.PngInfo()
    if record is not None:
        text.add_text(RECIPE_KEY, json.dumps(record))  # ASCII; uncompressed, as Pillow reads back 1 MB compressed
    buffer = BytesIO()
    # level 4: as small as the default 6 on photographs, in half the time
    clean.save(buffer, "PNG", pnginfo=text, compress_level=4)
    return buffer.getvalue()


def png_is_complete(content: bytes) -> bool:
    """Whether a PNG's bytes reach to its end; its pixels are not checked."""
    return content.startswith(b"\x89PNG") and content.rstrip(b"\0").endswith(_PNG_END)


def check_png(path: Path) -> None:
    """Reads a PNG to its end, checksums included; its pixels are not decoded. Raises PictureError."""
    content = _read(path)
    if not png_is_complete(content):
        raise PictureError("it is no PNG, or one that is cut short")
    try:
        with Image.open(BytesIO(content), formats=("PNG",)) as picture:
            picture.verify()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, *DAMAGE) as exc:
        raise PictureError(f"it is damaged ({exc})") from exc


def thumbnail_bytes(image: Image.Image) -> bytes:
    """A WebP of the picture, its longest side at most THUMBNAIL_SIDE."""
    small = image.convert("RGB")
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


def _read(path: Path) -> bytes:
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


def _too_many_pixels(size: str) -> PictureError:
    return PictureError(
        f"The picture has {size}; at most {PIXELS_MAX // 1_000_000} megapixels are opened. Scale it down."
    )


def _damaged(reason: object) -> PictureError:
    return PictureError(f"This picture is damaged or cut short ({reason}). Save or download it again.")


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):  # 16-bit grey, which convert() would clip to white
        picture = picture.convert("I").point(lambda value: value / 256).convert("L")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    canvas = Image.new("RGBA", picture.size, "white")
    canvas.alpha_composite(picture.convert("RGBA"))
    return canvas.convert("RGB")

"""A picture as a service is shown it: small, upright, without transparency and without metadata."""

from io import BytesIO
from math import isqrt

from PIL import Image, ImageOps

from fibo_core.errors import PictureError

MAX_PIXELS = 262_144  # 512 × 512: enough to be described, as in FIBO's own use of Gemini
MAX_SIDE = 65_500  # what a JPEG can hold
JPEG_QUALITY = 90


def only_the_first(writer: str) -> str:
    """The note of a writer that was given several pictures and looks at one."""
    return f"{writer} looks at one picture: the first alone was described."


def shown_size(width: int, height: int) -> tuple[int, int]:
    """The size (width, height) in which a picture is sent: its shape kept, at most MAX_PIXELS."""
    if width * height > MAX_PIXELS:
        width, height = isqrt(width * MAX_PIXELS // height), isqrt(height * MAX_PIXELS // width)
    return min(max(width, 1), MAX_SIDE), min(max(height, 1), MAX_SIDE)


def upright_rgb(picture: Image.Image) -> Image.Image:
    """The picture in RGB, upright, on white where it was transparent. Raises PictureError where it cannot be read."""
    try:
        upright = ImageOps.exif_transpose(picture)
        if upright.mode.startswith("I"):  # 16-bit grey, which convert() would clip to white
            upright = upright.convert("I").point(lambda value: value / 256).convert("L")
        if upright.has_transparency_data:
            canvas = Image.new("RGBA", upright.size, "white")
            canvas.alpha_composite(upright.convert("RGBA"))
            upright = canvas
        return upright.convert("RGB")
    except (OSError, SyntaxError, ValueError) as exc:
        raise PictureError(f"The picture cannot be read ({exc}). Save it again as PNG or JPEG.") from exc


def jpeg_to_show(picture: Image.Image) -> bytes:
    """The picture as an RGB JPEG of at most MAX_PIXELS, upright, on white, carrying nothing but its pixels.

    Raises PictureError where its pixels cannot be read.
    """
    upright = upright_rgb(picture)
    shown = upright.resize(shown_size(*upright.size), Image.Resampling.LANCZOS)
    shown.info = {}  # a comment would be written along
    buffer = BytesIO()
    shown.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()

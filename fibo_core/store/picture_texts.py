"""What programs write into a picture beside its pixels: theirs read from any kind of file, ours for theirs."""

from contextlib import suppress
from io import BytesIO

from PIL import Image, JpegImagePlugin

from fibo_core.engine.request import GenerationRequest
from fibo_core.store.images import BOMBS, DAMAGE
from fibo_core.store.png import chunks, texts_of

_DESCRIPTIONS = (0x010E, 0x010F, 0x0110)  # EXIF's tags: description, maker, model
_EXIF_IFD, _USER_COMMENT = 0x8769, 0x9286


def read_texts(data: bytes) -> dict[str, str]:
    """What programs wrote into a picture beside its pixels, by keyword; {} where there is nothing.

    A PNG's texts; EXIF's comment as "UserComment"; and ComfyUI's two texts, which in WebP are the camera's maker and
    model. The picture is not decoded, and may be cut short.
    """
    exif = Image.Exif()
    texts = texts_of(data)
    with suppress(TypeError, *BOMBS, *DAMAGE):  # what cannot be read of it says nothing
        if kept := _exif_bytes(data):
            exif.load(kept)
        for tag in _DESCRIPTIONS:
            keyword, colon, text = str(exif.get(tag, "")).partition(":")
            if colon and keyword.lower() in ("prompt", "workflow"):
                texts.setdefault(keyword.lower(), text)
        if comment := exif.get_ifd(_EXIF_IFD).get(_USER_COMMENT):
            texts.setdefault("UserComment", _comment_text(comment))
    return texts


def parameters_text(request: GenerationRequest) -> str:
    """A picture's recipe as A1111 writes it, for other programs' galleries; ours is in the record beside it.

    The words are the prompt as the model was given it: JSON, on one line.
    """
    negative = " ".join(request.negative_prompt.split())
    lines = [
        request.caption,
        *([f"Negative prompt: {negative}"] if negative.strip("{} ") else []),
        f"Steps: {request.num_inference_steps}, CFG scale: {request.guidance_scale:g}, Seed: {request.seed}, "
        f"Size: {request.width}x{request.height}, Model: {request.model}, Version: FIBO Studio",
    ]
    return "\n".join(lines).encode("utf-8", "replace").decode().replace("\0", "")


def _exif_bytes(data: bytes) -> bytes:
    if kept := [chunk.content(data) for chunk in chunks(data) if chunk.kind == b"eXIf"]:
        return kept[0]
    if data.startswith(b"\xff\xd8\xff"):
        return bytes(JpegImagePlugin.JpegImageFile(BytesIO(data)).info.get("exif", b""))
    if not data.startswith((b"RIFF", b"\0\0\0")):
        return b""
    with Image.open(BytesIO(data), formats=("WEBP", "AVIF")) as picture:
        return bytes(picture.info.get("exif", b""))


def _comment_text(comment: bytes | str) -> str:
    """EXIF's comment: eight bytes that name its encoding, and the text."""
    if isinstance(comment, str):
        return comment
    encoding, text = comment[:8], comment[8:]
    if encoding.startswith(b"UNICODE"):
        little = text[1::2].count(0) > text[::2].count(0)  # nothing says which of the two it is
        return text.decode("utf-16-le" if little else "utf-16-be", "replace")
    return (text if encoding.startswith(b"ASCII") else comment).decode("utf-8", "replace").strip("\0")

"""PNG at the level of its chunks: the texts inside, the pixels without them, and a writer that holds a few rows.

Pillow reads a PNG's texts and pixels together, so that a large text of another program makes it refuse a sound
picture; and it writes a picture from one image that holds all of it in its final form, which a large one has no room
for. Here both go piece by piece.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXT_KINDS = (b"tEXt", b"zTXt", b"iTXt")
TEXTS_MAX = 16 * 2**20  #: bytes of all texts together, unpacked; what goes beyond is left out
PACKED_TEXT_MAX = 2**20  #: bytes of one packed text or colour profile, unpacked: Pillow refuses a picture with more
_PIXEL_KINDS = (b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND")
_LEVEL = 4  # of zlib: as small as 6 on photographs, in half the time
_ROWS_ABOVE = 2  # PNG's filter "up": a byte as its difference to the one above


class Chunk(NamedTuple):
    """A chunk's kind, and where it stands in the file: with its length and checksum, and its content alone."""

    kind: bytes
    start: int
    end: int

    def content(self, data: bytes) -> bytes:
        return data[self.start + 8 : self.end - 4]


def chunks(data: bytes) -> Iterator[Chunk]:
    """The chunks of a PNG in order, as far as they are whole; none of what is no PNG. Checksums are not looked at."""
    if not data.startswith(SIGNATURE):
        return
    place = len(SIGNATURE)
    while place + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        if place + 12 + length > len(data):
            return
        yield Chunk(kind, place, place := place + 12 + length)


def texts_of(data: bytes) -> dict[str, str]:
    """What a PNG says beside its pixels, by keyword; {} for what is none.

    Of a PNG cut short, what stands before the cut. Texts that cannot be unpacked, and what goes beyond TEXTS_MAX, are
    left out.
    """
    texts: dict[str, str] = {}
    room = TEXTS_MAX
    for chunk in chunks(data):
        if chunk.kind not in TEXT_KINDS or chunk.end - chunk.start > room:
            continue
        try:
            keyword, text = _text(chunk.kind, chunk.content(data), room)
        except (ValueError, zlib.error):  # no separator, or no zlib stream
            continue
        room -= len(text)
        texts.setdefault(keyword, text)
    return texts


def without_texts(data: bytes) -> bytes:
    """The PNG with its pixels and its orientation alone; the same bytes where it has no text."""
    if not any(chunk.kind in TEXT_KINDS for chunk in chunks(data)):
        return data
    kept, end = [SIGNATURE], len(SIGNATURE)
    for chunk in chunks(data):
        end = chunk.end
        if chunk.kind in _PIXEL_KINDS:
            kept.append(data[chunk.start : end])
    return b"".join([*kept, data[end:]])  # what follows is cut short: for the decoder to say so


def without_unreadable_texts(data: bytes) -> tuple[bytes, int]:
    """The PNG without texts and colour profiles that make Pillow refuse it, being too large or no text, and how many
    there were; the same bytes where there is none."""
    kept, end, dropped, room = [SIGNATURE], len(SIGNATURE), 0, TEXTS_MAX
    for chunk in chunks(data):
        end = chunk.end
        try:
            if chunk.kind in TEXT_KINDS:
                if end - chunk.start > room:
                    raise ValueError("the text is too large")
                room -= len(_text(chunk.kind, chunk.content(data), room, min(room, PACKED_TEXT_MAX))[1])
            elif chunk.kind == b"iCCP":
                _unpacked(chunk.content(data).split(b"\0", 1)[1][1:], PACKED_TEXT_MAX)
        except (ValueError, IndexError, zlib.error):
            dropped += 1
        else:
            kept.append(data[chunk.start : end])
    return (b"".join([*kept, data[end:]]), dropped) if dropped else (data, 0)


def with_text(data: bytes, keyword: str, text: str) -> bytes:
    """The PNG with one more text, in ASCII, before its pixels and in place of those of that keyword. All else stays but
    what follows its end. Raises ValueError for what is no PNG."""
    kept = [SIGNATURE]
    named = keyword.encode("latin-1") + b"\0"
    for chunk in chunks(data):
        if chunk.kind in TEXT_KINDS and chunk.content(data).startswith(named):
            continue
        kept.append(data[chunk.start : chunk.end])
        if chunk.kind == b"IHDR":
            kept.append(_chunk(b"tEXt", named + text.encode("ascii")))
        if chunk.kind == b"IEND":
            return b"".join(kept)
    raise ValueError("no PNG, or one that is cut short")


def write_png(
    file: BinaryIO,
    width: int,
    height: int,
    rows: Iterable[NDArray[np.uint8]],
    texts: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Writes a PNG of RGB or RGBA ``rows``: arrays of (any number of rows, width, 3 or 4), together ``height`` rows,
    and ``texts`` by keyword.

    The same pixels give the same bytes, however they are cut into arrays. Raises OSError.
    """
    above: NDArray[np.uint8] | None = None
    packed = zlib.compressobj(_LEVEL)
    for piece in rows:
        count, _, channels = piece.shape
        flat = np.ascontiguousarray(piece).reshape(count, width * channels)
        if above is None:
            above = np.zeros_like(flat[0])
            file.write(SIGNATURE)
            color = 2 if channels == 3 else 6  # PNG's numbers for RGB and RGBA
            _write_chunk(file, b"IHDR", struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0))
            for keyword, text in texts.items():
                _write_text(file, keyword, text)
        filtered = np.empty((count, 1 + flat.shape[1]), np.uint8)
        filtered[:, 0] = _ROWS_ABOVE
        np.subtract(flat[0], above, out=filtered[0, 1:])
        np.subtract(flat[1:], flat[:-1], out=filtered[1:, 1:])
        above = flat[-1].copy()
        if content := packed.compress(filtered.tobytes()):
            _write_chunk(file, b"IDAT", content)
    _write_chunk(file, b"IDAT", packed.flush())
    _write_chunk(file, b"IEND", b"")


def _write_chunk(file: BinaryIO, kind: bytes, content: bytes) -> None:
    file.write(struct.pack(">I", len(content)) + kind)
    file.write(content)
    file.write(struct.pack(">I", zlib.crc32(content, zlib.crc32(kind))))


def _chunk(kind: bytes, content: bytes) -> bytes:
    file = BytesIO()
    _write_chunk(file, kind, content)
    return file.getvalue()


def _write_text(file: BinaryIO, keyword: str, text: str) -> None:
    """As tEXt where it is ASCII, else as iTXt, which is UTF-8."""
    named = keyword.encode("latin-1", "replace")[:79] + b"\0"
    if text.isascii():
        _write_chunk(file, b"tEXt", named + text.replace("\0", "").encode())
    else:
        _write_chunk(file, b"iTXt", named + b"\0\0\0\0" + text.encode("utf-8", "replace"))


def _text(kind: bytes, content: bytes, room: int, packed_room: int | None = None) -> tuple[str, str]:
    """Keyword and text of a text chunk, of at most ``room`` bytes. Raises ValueError or zlib.error for what is none."""
    packed_room = room if packed_room is None else packed_room
    keyword, rest = content.split(b"\0", 1)
    if kind == b"tEXt":
        # PNG says Latin-1, and many programs write UTF-8
        return keyword.decode("latin-1"), _decoded(rest)
    if kind == b"zTXt":
        return keyword.decode("latin-1"), _decoded(_unpacked(rest[1:], packed_room))
    flag, rest = rest[0:1], rest[2:]
    _, _, text = rest.split(b"\0", 2)
    return keyword.decode("latin-1"), _decoded(_unpacked(text, packed_room) if flag == b"\1" else text)


def _unpacked(content: bytes, room: int) -> bytes:
    unpacking = zlib.decompressobj()
    text = unpacking.decompress(content, room)
    if unpacking.unconsumed_tail:
        raise ValueError("the text is too large")
    return text


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")

"""A zip that is written while it is sent: nothing is gone back to, and nothing is held but the pieces on their way.

Files are stored as they are (pictures do not get smaller), so that the length is known from their sizes. Each file's
size and checksum stand before it, and not after as zips that are streamed have it: any program can read these, and of
one that was cut short what had come. The directory at the end waits in a temporary file.
"""

import struct
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO

PIECE = 1 << 20  #: bytes at once
IN_MEMORY = 4 << 20  #: of the directory, before it goes to the disk

# APPNOTE.TXT 4.3 and 4.5.3
LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")
END_64 = struct.Struct("<4sQ2H2I4Q")
LOCATOR_64 = struct.Struct("<4sIQI")
MOST_16, MOST_32 = 0xFFFF, 0xFFFFFFFF

_UTF8 = 0x0800
_MADE_BY_UNIX = 3 << 8 | 45
_PLAIN_FILE = 0o100644 << 16
_ZIP64 = 0x0001
_FIRST, _LAST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2107, 12, 31, tzinfo=UTC)


@dataclass
class ZipSize:
    """How long a zip of stored files becomes. Call `add` for each in order; then `total` is exact."""

    offset: int = 0  #: of the next file
    directory: int = 0
    count: int = 0

    def add(self, name: str, size: int) -> None:
        encoded = len(name.encode())
        self.directory += CENTRAL.size + encoded + len(_central_extra(size, self.offset))
        self.offset += LOCAL.size + encoded + len(_local_extra(size)) + size
        self.count += 1

    @property
    def total(self) -> int:
        large = self.count >= MOST_16 or self.offset >= MOST_32 or self.directory >= MOST_32
        return self.offset + self.directory + (END_64.size + LOCATOR_64.size if large else 0) + END.size


class ZipStream:
    """The pieces of a zip, in order: those of each `file`, and those of the `end`."""

    def __init__(self) -> None:
        self.size = ZipSize()
        self._directory = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # closed by close()

    def close(self) -> None:
        self._directory.close()

    def file(self, name: str, content: BinaryIO, size: int, crc: int, moment: datetime) -> Iterator[bytes]:
        """One file, of which ``size`` bytes are read. Raises EOFError where it has fewer."""
        encoded, (time, date) = name.encode(), _dos(moment)
        extra = _local_extra(size)
        shown = MOST_32 if extra else size
        needs = 45 if extra or self.size.offset >= MOST_32 else 20
        common = (needs, _UTF8, 0, time, date, crc, shown, shown, len(encoded))
        central = _central_extra(size, self.size.offset)
        self._directory.write(
            CENTRAL.pack(
                *(b"PK\1\2", _MADE_BY_UNIX, *common, len(central), 0, 0, 0, _PLAIN_FILE),
                min(self.size.offset, MOST_32),
            )
            + encoded
            + central
        )
        self.size.add(name, size)
        yield LOCAL.pack(b"PK\3\4", *common, len(extra)) + encoded + extra
        while size:
            piece = content.read(min(size, PIECE))
            if not piece:
                raise EOFError(name)
            size -= len(piece)
            yield piece

    def end(self) -> Iterator[bytes]:
        """The directory, and where it is found."""
        self._directory.seek(0)
        while piece := self._directory.read(PIECE):
            yield piece
        at, length, count = self.size.offset, self.size.directory, self.size.count
        if count >= MOST_16 or at >= MOST_32 or length >= MOST_32:
            yield END_64.pack(b"PK\6\6", END_64.size - 12, 45, 45, 0, 0, count, count, length, at)
            yield LOCATOR_64.pack(b"PK\6\7", 0, at + length, 1)
        shown = min(count, MOST_16)
        yield END.pack(b"PK\5\6", 0, 0, shown, shown, min(length, MOST_32), min(at, MOST_32), 0)


def crc_of(content: BinaryIO) -> int:
    """The checksum of what is left of a file."""
    crc = 0
    while piece := content.read(PIECE):
        crc = zlib.crc32(piece, crc)
    return crc


def _local_extra(size: int) -> bytes:
    return struct.pack("<2H2Q", _ZIP64, 16, size, size) if size >= MOST_32 else b""


def _central_extra(size: int, offset: int) -> bytes:
    large = ([size, size] if size >= MOST_32 else []) + ([offset] if offset >= MOST_32 else [])
    return struct.pack(f"<2H{len(large)}Q", _ZIP64, 8 * len(large), *large) if large else b""


def _dos(moment: datetime) -> tuple[int, int]:
    """Time and date as a zip has them: every other second, from 1980 on."""
    it = min(max(moment.astimezone(UTC), _FIRST), _LAST)
    return it.hour << 11 | it.minute << 5 | it.second // 2, (it.year - 1980) << 9 | it.month << 5 | it.day

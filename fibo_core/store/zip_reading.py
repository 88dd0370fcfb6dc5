"""A zip that somebody gave, which may hold anything: read without trusting one number in it.

Its directory is read piece by piece into a temporary index, so that a million entries take no memory; what an entry
says of its size is a limit for what is unpacked of it, and nothing is ever written under a name out of the zip. Of one
that was cut short, what stands whole before the cut is read, where its sizes stand before each file (as in ours).
"""

import os
import re
import sqlite3
import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from fibo_core.errors import PictureError
from fibo_core.store.zip_stream import CENTRAL, END, END_64, LOCAL, LOCATOR_64, MOST_16, MOST_32

ENTRIES_MAX = 5_000_000  #: of one zip; ours has two or three a picture
RATIO_MAX = 200  #: of an entry above RATIO_FROM bytes: no picture packs so well
RATIO_FROM = 4 << 20
SIZE_MAX = 1 << 48  #: bytes that an entry may say it has
NAME_MAX = 4096  #: bytes of an entry's name

_END_SEARCHED = END.size + MOST_16
_PIECE = 1 << 18
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _SIZES_AFTER, _UTF8 = 0x0001, 0x0008, 0x0800
_UNIX = 3
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True)
class ZipEntry:
    """One file of a zip. ``flaw`` says why it is not read, "" where it may be."""

    name: str
    at: int  #: of its own header
    packed: int
    size: int
    crc: int
    method: int
    modified: datetime | None
    flaw: str = ""


class ZipReader:
    """The files of a zip, in their order. For one thread. Raises PictureError for what is no zip that can be read.

    ``cut_short`` says that its end is not there.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file: BinaryIO = path.open("rb")
            self._length = os.fstat(self._file.fileno()).st_size
        except OSError as exc:
            raise PictureError(f"{path.name} cannot be read ({exc.strerror}). Look at its owner and its disk.") from exc
        self._index = sqlite3.connect("")  # a temporary file of SQLite's own, held in memory while it is small
        self._index.execute(
            "CREATE TABLE entry (number INTEGER PRIMARY KEY, name TEXT UNIQUE, at INTEGER, packed INTEGER, "
            "size INTEGER, crc INTEGER, method INTEGER, modified TEXT, flaw TEXT)"
        )
        self.twice: list[str] = []  #: names that stand there more than once, some of them
        self.cut_short = False
        try:
            self._read_directory(path.name)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._file.close()
        self._index.close()

    def __enter__(self) -> "ZipReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def count(self) -> int:
        count: int = self._index.execute("SELECT count(*) FROM entry").fetchone()[0]
        return count

    @property
    def size(self) -> int:
        """Bytes of all files that may be read, unpacked, by what they say."""
        size: int = self._index.execute("SELECT coalesce(sum(size), 0) FROM entry WHERE flaw = ''").fetchone()[0]
        return size

    def entries(self, after: int = 0) -> Iterator[tuple[int, ZipEntry]]:
        """Each with its number, beyond the number ``after``."""
        while rows := self._index.execute(
            "SELECT * FROM entry WHERE number > ? ORDER BY number LIMIT 500", (after,)
        ).fetchall():
            for number, *row in rows:
                yield number, _entry(row)
                after = number

    def find(self, name: str) -> ZipEntry | None:
        """The file of this name, if it may be read."""
        row = self._index.execute("SELECT * FROM entry WHERE name = ? AND flaw = ''", (name,)).fetchone()
        return None if row is None else _entry(row[1:])

    def read(self, entry: ZipEntry, most: int) -> bytes:
        """An entry's content. Raises PictureError for one with a flaw, of more than ``most`` bytes, or that is not what
        it says."""
        if entry.flaw:
            raise PictureError(entry.flaw)
        if entry.size > most:
            raise PictureError(f"it has {entry.size / 2**20:,.0f} MB, and at most {most / 2**20:,.0f} are read")
        content = b"".join(self._parts(entry))
        if len(content) != entry.size or zlib.crc32(content) != entry.crc:
            raise PictureError("it is damaged: its checksum is not what the zip says")
        return content

    def _parts(self, entry: ZipEntry) -> Iterator[bytes]:
        """The unpacked content, never more of it than the entry says."""
        self._file.seek(entry.at)
        head = self._file.read(LOCAL.size)
        if len(head) < LOCAL.size or not head.startswith(b"PK\3\4"):
            raise PictureError("it is damaged: nothing begins where the zip says")
        *_, name, extra = LOCAL.unpack(head)
        self._file.seek(name + extra, os.SEEK_CUR)
        unpacking = zlib.decompressobj(-zlib.MAX_WBITS) if entry.method == _DEFLATED else None
        packed, room = entry.packed, entry.size
        while packed:
            piece = self._file.read(min(packed, _PIECE))
            if not piece:
                raise PictureError("it is cut short")
            packed -= len(piece)
            try:
                part = piece if unpacking is None else unpacking.decompress(piece, room + 1)
            except zlib.error as exc:
                raise PictureError(f"it is damaged ({exc})") from exc
            room -= len(part)
            if room < 0:
                raise PictureError("it holds more than it says")
            yield part
            while unpacking is not None and unpacking.unconsumed_tail and room >= 0:
                part = unpacking.decompress(unpacking.unconsumed_tail, room + 1)
                room -= len(part)
                if room < 0:
                    raise PictureError("it holds more than it says")
                if not part:
                    break
                yield part

    def _read_directory(self, name: str) -> None:
        found = self._end()
        if found is None:
            self._file.seek(0)
            if self._file.read(4) != b"PK\3\4":
                raise PictureError(
                    f"{name} is no zip, or its beginning is missing. Give a zip, or the pictures themselves."
                )
            self.cut_short = True
            self._add(self._headers())
            if not self.count:
                raise PictureError(f"{name} is cut short, and no file in it is whole. Copy or download it again.")
            return
        count, length, at, shift = found
        if count > ENTRIES_MAX:
            raise PictureError(
                f"{name} has {count:,} entries, and at most {ENTRIES_MAX:,} are read. Unpack it, and give the folder."
            )
        self._add(self._listed(name, at + shift, length, shift))
        if self._index.execute("SELECT coalesce(sum(packed), 0) FROM entry").fetchone()[0] > self._length:
            raise PictureError(f"{name} has entries that lie over one another, as no honest zip has. Nothing was read.")

    def _end(self) -> tuple[int, int, int, int] | None:
        """Entries, bytes and place of the directory, and by how much all places are moved; None without an end."""
        start = max(self._length - _END_SEARCHED, 0)
        self._file.seek(start)
        tail = self._file.read()
        place = tail.rfind(b"PK\5\6")
        if place < 0 or place + END.size > len(tail):
            return None
        _, _, _, _, count, length, at, _ = END.unpack_from(tail, place)
        end = start + place
        if count == MOST_16 or MOST_32 in (length, at):
            self._file.seek(max(end - LOCATOR_64.size, 0))
            locator = self._file.read(LOCATOR_64.size)
            if locator.startswith(b"PK\6\7"):
                _, _, end_64, _ = LOCATOR_64.unpack(locator)
                self._file.seek(min(end_64, self._length))
                record = self._file.read(END_64.size)
                if len(record) == END_64.size and record.startswith(b"PK\6\6"):
                    _, _, _, _, _, _, _, count, length, at = END_64.unpack(record)
                    end = end_64
        shift = end - length - at
        return (count, length, at, shift) if shift >= 0 else None

    def _listed(self, zip_name: str, at: int, length: int, shift: int) -> Iterator[ZipEntry]:
        """What the directory says, piece by piece."""
        self._file.seek(at)
        held, place, left = b"", 0, length
        while True:
            if len(held) - place < CENTRAL.size + 3 * MOST_16 and left:
                piece = self._file.read(min(left, _PIECE))
                held, place, left = held[place:] + piece, 0, left - len(piece) if piece else 0
                continue
            if len(held) - place < CENTRAL.size:
                return
            if not held.startswith(b"PK\1\2", place):
                raise PictureError(f"{zip_name} is damaged: its directory cannot be read. Copy or download it again.")
            fields = CENTRAL.unpack_from(held, place)
            (
                _,
                made_by,
                _,
                flags,
                method,
                time,
                date,
                crc,
                packed,
                size,
                named,
                extra,
                comment,
                _,
                _,
                attributes,
                where,
            ) = fields
            begin = place + CENTRAL.size
            raw, extras = held[begin : begin + named], held[begin + named : begin + named + extra]
            place = begin + named + extra + comment
            size, packed, where = _wide(extras, size, packed, where)
            name, flaw = _name(raw, flags)
            if made_by >> 8 == _UNIX and stat.S_ISLNK(attributes >> 16):
                flaw = flaw or "it is a link"
            yield ZipEntry(
                *(name, where + shift, packed, size, crc, method, _moment(time, date)),
                flaw or _flaw(flags, method, packed, size),
            )

    def _headers(self) -> Iterator[ZipEntry]:
        """What the headers before each file say, as far as the zip goes."""
        at = 0
        while True:
            self._file.seek(at)
            head = self._file.read(LOCAL.size)
            if len(head) < LOCAL.size or not head.startswith(b"PK\3\4"):
                return
            _, _, flags, method, time, date, crc, packed, size, named, extra = LOCAL.unpack(head)
            raw, extras = self._file.read(named), self._file.read(extra)
            size, packed, _ = _wide(extras, size, packed, 0)
            after = at + LOCAL.size + named + extra + packed
            if flags & _SIZES_AFTER or not named or after > self._length:
                return
            name, flaw = _name(raw, flags)
            yield ZipEntry(
                name, at, packed, size, crc, method, _moment(time, date), flaw or _flaw(flags, method, packed, size)
            )
            at = after

    def _add(self, entries: Iterator[ZipEntry]) -> None:
        """Puts them into the index; of several of one name the first is read."""
        number = 0
        for entry in entries:
            if number >= ENTRIES_MAX:
                return
            if entry.name.endswith("/"):
                continue  # a folder
            if entry.packed > self._length or entry.size > SIZE_MAX or entry.at > self._length:
                entry = replace(
                    entry, at=0, packed=0, size=0, flaw=entry.flaw or "it is damaged: it cannot be so large"
                )
            number += 1
            modified = entry.modified.isoformat() if entry.modified else None
            row = (
                number,
                entry.name,
                entry.at,
                entry.packed,
                entry.size,
                entry.crc,
                entry.method,
                modified,
                entry.flaw,
            )
            added = self._index.execute("INSERT OR IGNORE INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            if not added.rowcount and len(self.twice) < 100:
                self.twice.append(entry.name)


def is_zip(head: bytes) -> bool:
    """Whether a file that begins so is a zip."""
    return head.startswith((b"PK\3\4", b"PK\5\6"))


def _entry(row: list[object] | tuple[object, ...]) -> ZipEntry:
    name, at, packed, size, crc, method, modified, flaw = row
    assert isinstance(name, str)
    moment = datetime.fromisoformat(modified) if isinstance(modified, str) else None
    return ZipEntry(name, int(at), int(packed), int(size), int(crc), int(method), moment, str(flaw))  # type: ignore[call-overload]


def _name(raw: bytes, flags: int) -> tuple[str, str]:
    """An entry's name, and what is wrong with it."""
    name = raw.decode("utf-8" if flags & _UTF8 else "cp437", "replace").replace("\\", "/")
    if len(raw) > NAME_MAX:
        return name[:200], "its name is longer than names are"
    if "\0" in name or not name.strip("/ "):
        return name.replace("\0", "�"), "its name is none"
    if name.startswith("/") or _DRIVE.match(name) or ".." in name.split("/"):
        return name, "its name leads out of the zip"
    return name, ""


def _flaw(flags: int, method: int, packed: int, size: int) -> str:
    if flags & _ENCRYPTED:
        return "it is encrypted; unpack the zip with its password, and give the folder"
    if method not in (_STORED, _DEFLATED):
        return f"it is packed in a way that is not read here (method {method}); unpack the zip, and give the folder"
    if method == _STORED and packed != size:
        return "it is damaged: its two sizes differ"
    if size > RATIO_FROM and size > RATIO_MAX * packed:
        return f"it unpacks to {size // max(packed, 1):,} times its size, as no picture does"
    return ""


def _wide(extras: bytes, size: int, packed: int, at: int) -> tuple[int, int, int]:
    """Size, packed size and place, from the 64-bit field where the plain ones say so."""
    place = 0
    while place + 4 <= len(extras):
        kind, length = struct.unpack_from("<2H", extras, place)
        field = extras[place + 4 : place + 4 + length]
        place += 4 + length
        if kind != 1:
            continue
        wide = iter(struct.unpack(f"<{len(field) // 8}Q", field[: len(field) // 8 * 8]))
        size = next(wide, size) if size == MOST_32 else size
        packed = next(wide, packed) if packed == MOST_32 else packed
        at = next(wide, at) if at == MOST_32 else at
    return size, packed, at


def _moment(time: int, date: int) -> datetime | None:
    """When a file was changed, as far as a zip says it; it knows no time zone."""
    try:
        return datetime(
            (date >> 9) + 1980, date >> 5 & 15, date & 31, time >> 11, time >> 5 & 63, (time & 31) * 2, tzinfo=UTC
        )
    except ValueError:
        return None

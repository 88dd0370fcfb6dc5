"""Pictures on their way out: a zip of a selection, a search or all, made while it is sent.

It holds what lies in the workspace, under the same names: pictures, their sidecars, the pictures they began with; with
the labels as the rows have them now, and a `manifest.json` at its end. What is gone or cannot be read is named there,
and ends nothing. The database is asked piece by piece, and the zip is never held.
"""

import io
import json
import logging
import re
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import fibo_core
from fibo_core.errors import StoreError
from fibo_core.store.disk import path_inside
from fibo_core.store.generation import OUTPUTS, Generation
from fibo_core.store.history import History, HistoryQuery
from fibo_core.store.inputs import INPUTS
from fibo_core.store.label_files import labels_record
from fibo_core.store.labels import Labels
from fibo_core.store.rows import DamagedRow
from fibo_core.store.zip_stream import IN_MEMORY, PIECE, ZipSize, ZipStream, crc_of

EXPORT_FORMAT = "fibo-studio-export/1"
MANIFEST, COLLECTIONS = "manifest.json", "collections.json"
ROWS = 100  #: of the database at once
MEASURED_MAX = 500  #: pictures whose files are measured before the first byte is sent
SPARE, SPARE_EACH = 8192, 128  #: bytes, of all and of each picture, for labels that change after measuring
WHOLE_MAX = 8 << 20  #: bytes of a file that is read once; a larger one is read for its checksums first

_INPUT = re.compile(rf'"({INPUTS}/[0-9a-f]{{64}}\.png)"')

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Entry:
    """A file of the zip: where it is read from, or what it holds, or why it is not there."""

    name: str
    moment: datetime
    path: Path | None = None
    content: bytes = b""
    id: str = ""
    missing: str = ""

    @property
    def size(self) -> int:
        """Raises OSError."""
        return len(self.content) if self.path is None else self.path.stat().st_size

    def open(self) -> BinaryIO:
        """Raises OSError."""
        return io.BytesIO(self.content) if self.path is None else self.path.open("rb")


class Export:
    """One zip to be sent, once: of the pictures with ``ids``, or of those that ``query`` finds now.

    ``pictures`` are how many it is to hold, ``bytes`` how much about. ``length`` is how long the zip becomes exactly,
    None where there are too many pictures to look at all their files first. What has gone out stands in
    ``written_pictures`` and ``written_bytes``. Raises a StoreError, and InputError for a search that is not understood.
    """

    def __init__(
        self, history: History, *, ids: Sequence[str] | None = None, query: HistoryQuery | None = None
    ) -> None:
        self._history = history
        self._made_at = datetime.now(UTC)
        self._is_all = ids is None and query in (None, HistoryQuery())
        if ids is None:
            query = query or HistoryQuery()
            history.check_understood(query)
            until = self._made_at if query.until is None else min(query.until, self._made_at)
            query = replace(query, newest_first=False, until=until)  # parents first, and an end
            self.pictures, self.bytes = history.extent(query)
            if self.pictures <= MEASURED_MAX:
                ids = [it.id for it in _found(history, query)]
        self._ids, self._query = ids, query
        if ids is not None:
            self.pictures = len(ids)
        self.length = self._measured() if ids is not None and len(ids) <= MEASURED_MAX else None
        if ids is not None:
            self.bytes = self.length or history.bytes_of(ids)
        self.rewind()

    def rewind(self) -> None:
        """Nothing has gone out: it is to be sent again."""
        self.written_pictures = self.written_bytes = self.missing = 0

    @property
    def file_name(self) -> str:
        return f"fibo-studio-{self._made_at:%Y%m%d-%H%M%S}.zip"

    def parts(self) -> Iterator[bytes]:
        """The zip, piece by piece. Raises a StoreError where it cannot go on; the zip is then cut short."""
        stream, manifest = ZipStream(), _Manifest(self._made_at)
        try:
            for entry in self._entries():
                for part in self._sent(entry, stream, manifest):
                    self.written_bytes += len(part)
                    yield part
            for part in self._ending(stream, manifest):
                self.written_bytes += len(part)
                yield part
        finally:
            stream.close()
            manifest.close()

    def _sent(self, entry: _Entry, stream: ZipStream, manifest: "_Manifest") -> Iterator[bytes]:
        if entry.missing:
            self._miss(entry, entry.missing, manifest)
            return
        try:
            file = entry.open()
        except OSError as exc:
            self._miss(entry, exc.strerror or str(exc), manifest)
            return
        with file:
            try:
                content, size, crc, digest = _looked_through(file)
            except OSError as exc:
                self._miss(entry, exc.strerror or str(exc), manifest)
                return
            manifest.add(entry.name, size, digest)
            try:
                yield from stream.file(entry.name, content, size, crc, entry.moment)
            except (OSError, EOFError) as exc:
                raise StoreError(
                    f"{entry.name} was cut short while it was being sent, so the zip breaks off there. Start it again."
                ) from exc
        if entry.name.endswith(".png") and entry.id:
            self.written_pictures += 1

    def _miss(self, entry: _Entry, reason: str, manifest: "_Manifest") -> None:
        self.missing += 1
        manifest.miss(entry, reason)
        log.warning("%s is not in the zip: %s", entry.name, reason)

    def _ending(self, stream: ZipStream, manifest: "_Manifest") -> Iterator[bytes]:
        ended = manifest.ended(self.written_pictures)
        if self.length is not None:
            rest = replace(stream.size)
            rest.add(MANIFEST, ended)
            spare = self.length - rest.total
            if spare < 0:
                raise StoreError("Labels changed while the zip was being sent, and it has no room. Start it again.")
            ended = manifest.fill(spare)
        manifest.file.seek(0)
        crc = crc_of(manifest.file)
        manifest.file.seek(0)
        yield from stream.file(MANIFEST, manifest.file, ended, crc, self._made_at)
        yield from stream.end()

    def _measured(self) -> int:
        """The zip's length, some room included that the manifest fills with blanks."""
        size, manifest, pictures = ZipSize(), _Manifest(self._made_at), 0
        try:
            for entry in self._entries():
                try:
                    length = entry.size if not entry.missing else None
                except OSError as exc:
                    manifest.miss(entry, exc.strerror or str(exc))
                    continue
                if length is None:
                    manifest.miss(entry, entry.missing)
                    continue
                manifest.add(entry.name, length, "0" * 64)
                size.add(entry.name, length)
                pictures += 1
            size.add(MANIFEST, manifest.ended(pictures) + SPARE + SPARE_EACH * pictures)
        finally:
            manifest.close()
        return size.total

    def _entries(self) -> Iterator[_Entry]:
        seen: set[bytes] = set()
        named: set[str] = set()
        for it, labels in self._labelled():
            if isinstance(it, DamagedRow):
                reason = f"its row cannot be read: {it.reason}"
                yield _Entry(f"{OUTPUTS}/{it.id}.png", self._made_at, id=it.id, missing=reason)
                continue
            yield self._file(it, it.image_path, it.id)
            record = _sidecar(self._history, it, labels)
            yield _Entry(it.image_path.removesuffix(".png") + ".json", it.created_at, content=record)
            if it.source_path is not None:
                yield self._file(it, it.source_path)
            for name in dict.fromkeys(_INPUT.findall(json.dumps(it.to_record()))):
                key = bytes.fromhex(Path(name).stem)
                if key not in seen:
                    seen.add(key)
                    yield self._file(it, name, folder=INPUTS)
            named.update(it.collections)
        if collections := self._history.collection_records(None if self._is_all else named):
            yield _Entry(COLLECTIONS, self._made_at, content=json.dumps(collections, indent=2).encode())

    def _labelled(self) -> Iterator[tuple[Generation | DamagedRow, dict[str, Any]]]:
        """Each picture with what its sidecar is to say of its labels."""
        for piece in batched(self._generations(), ROWS):
            labels = self._history.label_records([it.id for it in piece if isinstance(it, Generation)])
            yield from ((it, labels.get(it.id, {})) for it in piece)

    def _file(self, it: Generation, name: str, id: str = "", folder: str = OUTPUTS) -> _Entry:
        try:
            return _Entry(name, it.created_at, path_inside(self._history.absolute(Path()), folder, name), id=id)
        except StoreError as exc:
            return _Entry(name, it.created_at, id=id, missing=str(exc))

    def _generations(self) -> Iterator[Generation | DamagedRow]:
        if self._ids is None:
            assert self._query is not None
            yield from _found(self._history, self._query)
            return
        for start in range(0, len(self._ids), ROWS):
            piece = list(dict.fromkeys(self._ids[start : start + ROWS]))
            found = {it.id: it for it in self._history.some(piece)}
            for id in piece:
                yield found.get(id) or DamagedRow(0, id, "it is not there")


def batched(items: Iterable[T], count: int) -> Iterator[list[T]]:
    """In pieces of so many; the last one may be shorter."""
    piece: list[T] = []
    for item in items:
        piece.append(item)
        if len(piece) == count:
            yield piece
            piece = []
    if piece:
        yield piece


def _found(history: History, query: HistoryQuery) -> Iterator[Generation | DamagedRow]:
    """All of a query, a page at a time, each in a transaction of its own."""
    cursor: str | None = None
    while True:
        page = history.page(query, cursor=cursor, limit=ROWS)
        yield from page.items
        yield from page.damaged
        if (cursor := page.next_cursor) is None:
            return


def _sidecar(history: History, generation: Generation, labels: dict[str, Any]) -> bytes:
    """The recipe's file with the labels of the row; made of the row where the file is not there, or is damaged."""
    try:
        content = history.absolute(Path(generation.image_path.removesuffix(".png") + ".json")).read_bytes()
        record = json.loads(content)
        whole = isinstance(record, dict) and Generation.from_record(record).id == generation.id
    except Exception as exc:  # whatever is wrong with it, the row has it all
        log.debug("The recipe beside %s is made anew: %s", generation.image_path, exc)
        content, record, whole = b"", {}, False
    if not whole:
        record = generation.to_record()
    elif record.get("labels", {}) in ([labels] if labels else [{}, labels_record(Labels(), {})]):
        return content
    if labels or "labels" in record:
        record["labels"] = labels or labels_record(Labels(), {})
    return json.dumps(record, indent=2).encode()


def _looked_through(file: BinaryIO) -> tuple[BinaryIO, int, int, str]:
    """A file from its beginning, with its size, checksum and SHA-256; a small one is held, so that it is read once."""
    content = file.read(WHOLE_MAX + 1)
    if len(content) <= WHOLE_MAX:
        return io.BytesIO(content), len(content), zlib.crc32(content), sha256(content).hexdigest()
    size, crc, digest = len(content), zlib.crc32(content), sha256(content)
    while content := file.read(PIECE):
        size, crc = size + len(content), zlib.crc32(content, crc)
        digest.update(content)
    file.seek(0)
    return file, size, crc, digest.hexdigest()


class _Manifest:
    """`manifest.json` as it grows: a line for each file, then those that are missing."""

    def __init__(self, made_at: datetime) -> None:
        self.file: Any = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # closed by close()
        self._missing: Any = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115
        self._files, self._bytes = 0, 0
        head = {"format": EXPORT_FORMAT, "studio": fibo_core.__version__, "created_at": made_at.isoformat()}
        self._write(json.dumps(head)[:-1] + ', "files": {')

    def close(self) -> None:
        self.file.close()
        self._missing.close()

    def add(self, name: str, size: int, digest: str) -> None:
        comma = ",\n" if self._files else "\n"
        self._files, self._bytes = self._files + 1, self._bytes + size
        self._write(f"{comma}{json.dumps(name)}: " + json.dumps({"bytes": size, "sha256": digest}))

    def miss(self, entry: _Entry, reason: str) -> None:
        comma = ",\n" if self._missing.tell() else "\n"
        gone = {"path": entry.name, "id": entry.id or None, "reason": reason}
        self._missing.write((comma + json.dumps(gone)).encode())

    def ended(self, pictures: int) -> int:
        """Writes the end; how long all of it is."""
        self._write('\n}, "missing": [')
        self._missing.seek(0)
        while piece := self._missing.read(PIECE):
            self.file.write(piece)
        self._write("], " + json.dumps({"pictures": pictures, "file_count": self._files, "bytes": self._bytes})[1:])
        return int(self.file.tell())

    def fill(self, spare: int) -> int:
        """Adds so many blanks, which JSON allows; how long all of it is then."""
        while spare:
            piece = min(spare, PIECE)
            self._write(" " * piece)
            spare -= piece
        return int(self.file.tell())

    def _write(self, text: str) -> None:
        self.file.write(text.encode())


Progress = Callable[[int, int], None]


def write_export(export: Export, target: BinaryIO, tell: Progress = lambda done, of: None) -> None:
    """Writes the zip into a file that is open; ``tell`` hears the pictures that are in, and how many there are to be.

    Raises StoreError and OSError.
    """
    for part in export.parts():
        target.write(part)
        tell(export.written_pictures, export.pictures)

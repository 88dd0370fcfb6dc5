"""The trash: how deleted pictures' files leave the disk, and what a kill in between leaves to the next start.

A deleted picture is a marked row; its files lie where they lay. A purge moves the files to `trash/purge/` (below the
workspace, or below the outputs where these are another disk), then takes the rows away, in one transaction with the
moving, and deletes the files last. So a file in `trash/purge/` belongs to a row that is marked (the purge was killed:
it is done again), to one that was restored since (it is moved back), or to none (it is deleted). Nobody else writes
there; other files in `trash/` are left alone.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import LargeBinary, bindparam, cast, text
from sqlmodel import Session, col, select

from fibo_core.errors import StoreError
from fibo_core.store.database import Database
from fibo_core.store.disk import disk_errors, make_folder, path_inside, sync_folder
from fibo_core.store.generation import OUTPUTS
from fibo_core.store.label_files import labels_lock
from fibo_core.store.picture_rows import ROW, with_rows
from fibo_core.store.quarantine import quarantined
from fibo_core.store.reconcile import SOURCE_SUFFIX, TRASH
from fibo_core.store.rows import ID
from fibo_core.store.tables import GenerationTable

PURGE = "purge"  #: below the trash: files on their way out
PIECE = 100  #: pictures purged in one transaction

Progress = Callable[[int, int], None]  #: so many of so many


@dataclass(frozen=True)
class PurgeReport:
    """How many pictures were ``purged``, and the bytes of their files."""

    purged: int = 0
    freed_bytes: int = 0


@dataclass(frozen=True)
class _Doomed:
    """A marked row: where its files lie, as far as the row can be read, and where they go."""

    seq: int
    id: str | None
    files: tuple[tuple[Path, Path], ...]  #: from, to
    bytes: int


class Trash:
    """The deleted pictures of one workspace. Safe to use from several threads and processes.

    Every method may raise DatabaseUnreadable and WorkspaceUnwritable.
    """

    def __init__(
        self,
        workspace: Path,
        database: Database,
        thumbnail_of: Callable[[str], Path],
        check_place: Callable[[], None],
    ) -> None:
        """``check_place`` raises where the pictures' volume is not there: what is purged would come back with it."""
        self._workspace = workspace.absolute()
        self._database = database
        self._thumbnail_of = thumbnail_of
        self._check_place = check_place

    def count(self) -> int:
        """How many pictures are in the trash."""
        with self._database.read() as session:
            return _count(session, None)

    def purge(
        self,
        ids: Sequence[str] | None = None,
        *,
        older_than: timedelta | None = None,
        progress: Progress | None = None,
        ending: threading.Event | None = None,
    ) -> PurgeReport:
        """Frees what deleted pictures take: those of ``ids``, or all; with ``older_than`` those deleted so long ago.

        What is not in the trash is passed over. What a killed purge has left comes first, and counts. It goes piece by
        piece and ends early once ``ending`` is set; what was purged until then is complete. Pictures made from
        a purged one stay.
        """
        self._check_place()
        ending, before = ending or threading.Event(), None if older_than is None else datetime.now(UTC) - older_than
        left = self.finish(ending)
        purged, freed = left.purged, left.freed_bytes
        pieces: Iterable[Sequence[str] | None]
        if ids is None:
            with self._database.read() as session:
                total = purged + _count(session, before)
            pieces = iter(lambda: None, ...)  # pieces of whatever is there, until nothing is
        else:
            total = len(ids)
            pieces = (ids[start : start + PIECE] for start in range(0, len(ids), PIECE))
        for piece in pieces:
            if ending.is_set():
                break
            done = self._purge_piece(piece, before)
            if not done and ids is None:
                break
            purged += len(done)
            freed += sum(doomed.bytes for doomed in done)
            if progress is not None:
                progress(purged, max(total, purged))
        return PurgeReport(purged, freed)

    def bring_back(self, session: Session, ids: Sequence[str]) -> None:
        """Moves back what a killed purge had moved away of these pictures, and out of quarantine a picture whose place
        is empty. Must be in the transaction that unmarks their rows: a purge then finds them unmarked, or has purged
        them."""
        places = self._places(session, ids)
        for id, place in places.items():
            for kept in self._roots():
                self._move_back(kept, id, place)
        gone = {id: place for id, place in places.items() if not place.is_file()}
        with disk_errors("The picture", self._workspace):
            self._move(quarantined(self._workspace, gone) if gone else [])

    def is_unfinished(self) -> bool:
        """Whether a purge was killed, or runs: files lie there on their way out."""
        return any(_id_of(name) for root in self._roots() for _, names in _files_below(root) for name in names)

    def finish(self, ending: threading.Event | None = None) -> PurgeReport:
        """Does what a killed purge has left: for every start and every purge, and nothing to do at most."""
        ending, report = ending or threading.Event(), PurgeReport()
        for root in self._roots():
            for folder, names in _files_below(root):
                if ending.is_set():
                    return report
                ids = sorted({id for name in names if (id := _id_of(name)) is not None})
                for start in range(0, len(ids), PIECE):
                    done = self._finish_piece(root, folder, ids[start : start + PIECE])
                    report = PurgeReport(report.purged + done.purged, report.freed_bytes + done.freed_bytes)
            _remove_empty(root)
        return report

    def _finish_piece(self, root: Path, folder: Path, ids: Sequence[str]) -> PurgeReport:
        done = self._purge_piece(ids, None)  # those that are still marked
        purged, freed = len(done), sum(doomed.bytes for doomed in done)
        with self._database.write() as session:  # nobody deletes or restores meanwhile
            places, with_row = self._places(session, ids), with_rows(session, ids)
            for id in ids:
                if id in places:
                    self._move_back(root, id, places[id])
                if id in with_row:  # one that cannot be read keeps what there is of it
                    continue
                for file in (folder / f"{id}{suffix}" for suffix in _SUFFIXES):
                    with suppress(FileNotFoundError):  # another process was faster
                        size = file.stat().st_size
                        file.unlink()
                        freed += size
        return PurgeReport(purged, freed)

    def _purge_piece(self, ids: Sequence[str] | None, before: datetime | None) -> list[_Doomed]:
        """Purges some of the pictures that are in the trash; returns them."""
        with (
            disk_errors("The trash", self._workspace),
            labels_lock(self._workspace),
            self._database.write() as session,
        ):
            doomed = [self._doomed(*row) for row in _marked(session, ids, before)]
            moved = [pair for each in doomed for pair in each.files]
            self._move(moved)
            seqs = [each.seq for each in doomed]
            if seqs:
                session.connection().execute(_DELETE, {"seqs": seqs})
        for each in doomed:
            if each.id is not None:
                with suppress(OSError):  # made again where it is asked for, and nobody asks
                    self._thumbnail_of(each.id).unlink(missing_ok=True)
        with disk_errors("The trash", self._workspace):
            for _, target in moved:
                target.unlink(missing_ok=True)
        for root in self._roots():
            _remove_empty(root)
        return doomed

    def _move(self, files: Sequence[tuple[Path, Path]]) -> None:
        """Moves those files that are there, durably."""
        folders: dict[Path, None] = {}
        for source, target in files:
            if target.parent not in folders:
                make_folder(self._workspace, target.parent)
            if source.exists():
                try:
                    source.rename(target)
                except FileNotFoundError:  # another process found the folder empty, and took it away
                    make_folder(self._workspace, target.parent)
                    source.rename(target)
                folders |= {target.parent: None, source.parent: None}
        for folder in folders:
            sync_folder(folder)

    def _move_back(self, root: Path, id: str, image: Path) -> None:
        """Moves a picture's files out of the trash to where its row has them, the picture last."""
        folder = _below(root, self._workspace, image)
        back = [
            (folder / f"{id}{suffix}", image.with_name(image.name.removesuffix(".png") + suffix))
            for suffix in reversed(_SUFFIXES)
        ]
        with disk_errors("The picture", image.parent):
            self._move([(kept, place) for kept, place in back if kept.exists()])

    def _doomed(self, seq: int, id: bytes, image_path: bytes, source_path: bytes | None, size: Any) -> _Doomed:
        """What is known of a marked row, which may be damaged. One whose id or path cannot be read has no files: where
        there is a picture nevertheless, the next start brings it back."""
        name = id.decode(errors="replace")
        bytes_ = size if isinstance(size, int) else 0
        try:
            image = path_inside(self._workspace, OUTPUTS, image_path.decode())
            source = None if source_path is None else path_inside(self._workspace, OUTPUTS, source_path.decode())
        except (StoreError, UnicodeDecodeError):
            return _Doomed(seq, name if ID.fullmatch(name) else None, (), 0)
        if not ID.fullmatch(name) or image.suffix != ".png":
            return _Doomed(seq, None, (), 0)
        target = _below(self._root(), self._workspace, image)
        files = [(image, target / f"{name}.png"), (image.with_suffix(".json"), target / f"{name}.json")]
        beside = source or image.with_name(image.stem + SOURCE_SUFFIX)
        files.append((beside, target / f"{name}{SOURCE_SUFFIX}"))
        return _Doomed(seq, name, tuple(files), bytes_)

    def _places(self, session: Session, ids: Sequence[str]) -> dict[str, Path]:
        """Where the rows of these pictures have their files."""
        row = GenerationTable
        found = select(row.id, cast(row.image_path, LargeBinary)).where(col(row.id).in_(ids))
        places = {}
        for id, path in session.connection().execute(found):
            with suppress(StoreError, UnicodeDecodeError):
                places[id] = path_inside(self._workspace, OUTPUTS, path.decode())
        return places

    def _root(self) -> Path:
        """Where files go on their way out: on the disk they lie on, so that they can be renamed."""
        outputs = self._workspace / OUTPUTS
        with suppress(OSError):
            if outputs.stat().st_dev != self._workspace.stat().st_dev:
                return outputs / TRASH / PURGE
        return self._workspace / TRASH / PURGE

    def _roots(self) -> list[Path]:
        """Where files may lie on their way out."""
        both = (self._workspace / TRASH / PURGE, self._workspace / OUTPUTS / TRASH / PURGE)
        return [root for root in both if root.is_dir()]


_SUFFIXES = (".png", ".json", SOURCE_SUFFIX)
_DELETE = text("DELETE FROM generation WHERE seq IN :seqs").bindparams(bindparam("seqs", expanding=True))


def _marked(session: Session, ids: Sequence[str] | None, before: datetime | None) -> list[Any]:
    """The first marked rows, oldest picture first, or those of ``ids``, as they can be had of damaged ones too."""
    row = GenerationTable
    columns: Any = (row.seq, cast(row.id, LargeBinary), cast(row.image_path, LargeBinary))
    more: Any = (cast(row.source_path, LargeBinary), row.file_bytes)
    statement = select(*columns, *more).where(col(row.deleted_at).is_not(None)).order_by(col(row.seq)).limit(PIECE)
    if before is not None:
        statement = statement.where(col(row.deleted_at) < before)
    if ids is not None:
        seqs = [int(match[1]) for id in ids if (match := ROW.fullmatch(id))]
        known = [id for id in ids if ID.fullmatch(id)]
        statement = statement.where(col(row.id).in_(known) | col(row.seq).in_(seqs))
    return list(session.connection().execute(statement))


def _count(session: Session, before: datetime | None) -> int:
    sql = "SELECT count(*) FROM generation WHERE deleted_at IS NOT NULL"
    if before is not None:
        sql += " AND deleted_at < :before"
    moment = None if before is None else f"{before:%Y-%m-%d %H:%M:%S.%f}"
    count: int = session.connection().execute(text(sql), {"before": moment} if moment else {}).scalar_one()
    return count


def _below(root: Path, workspace: Path, image: Path) -> Path:
    """The folder in ``root`` for what lies beside ``image``: the same day's."""
    return root / image.parent.relative_to((workspace / OUTPUTS).resolve())


def _files_below(root: Path) -> Iterator[tuple[Path, list[str]]]:
    for folder, folders, names in os.walk(root):
        folders.sort()
        yield Path(folder), names


def _id_of(name: str) -> str | None:
    for suffix in reversed(_SUFFIXES):
        if name.endswith(suffix) and ID.fullmatch(name.removesuffix(suffix)):
            return name.removesuffix(suffix)
    return None


def _remove_empty(root: Path) -> None:
    """Removes the folders below ``root``, and itself, that hold nothing."""
    for folder, _, _ in os.walk(root, topdown=False):
        with suppress(OSError):  # not empty, or in use
            os.rmdir(folder)

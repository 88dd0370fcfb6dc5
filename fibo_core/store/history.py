"""History: every picture made, its recipe and its files; the gallery is a view of it.

A picture's files are written first and its row last, so a row never points at a file that is not there, and a
picture whose row could not be written is found again by :meth:`History.rebuild`.
"""

import json
import logging
import re
import shutil
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from PIL import Image
from sqlalchemy import func, update
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar
from ulid import ULID

from fibo_core.engine import RenderedImage
from fibo_core.errors import FiboError, GenerationNotFound, InputError, StoreError, WorkspaceUnwritable
from fibo_core.request import GenerationRequest
from fibo_core.store import reconcile
from fibo_core.store.database import Database
from fibo_core.store.disk import disk_errors, path_inside, remove_leftovers, write_cache_file, write_files
from fibo_core.store.generation import Generation, Mode
from fibo_core.store.images import png_bytes, thumbnail_bytes
from fibo_core.store.reconcile import SOURCE_SUFFIX, RebuildReport, SweepReport
from fibo_core.store.search import HistoryQuery, index
from fibo_core.store.tables import GenerationTable, generation_of, row_of
from fibo_core.writers import Usage

__all__ = ["DiskUsage", "History", "HistoryPage", "HistoryQuery", "RebuildReport", "SweepReport"]

T = TypeVar("T")

log = logging.getLogger(__name__)

OUTPUTS = "outputs"
_ID = re.compile("[0-7][0-9A-HJKMNP-TV-Z]{25}")  # a ULID; nothing else ever becomes part of a path


@dataclass(frozen=True)
class HistoryPage:
    """Pictures in the gallery's order; ``next_cursor`` continues after them, None at the end."""

    items: tuple[Generation, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class DiskUsage:
    """``pictures`` in the gallery, ``deleted`` ones whose files still lie there, ``bytes`` of both with the
    files beside them; ``free_bytes`` and ``total_bytes`` of the disk that holds ``folder``."""

    pictures: int
    deleted: int
    bytes: int
    free_bytes: int
    total_bytes: int
    folder: Path


class History:
    """The pictures of one workspace. Safe to use from several threads and processes.

    Every method may raise DatabaseUnreadable or WorkspaceUnwritable; others are named.
    """

    def __init__(self, workspace: Path, database: Database, cache_dir: Path | None = None) -> None:
        self._workspace = workspace.absolute()
        self._database = database
        self._cache_dir = (cache_dir or workspace / ".cache").absolute()
        self._last_moment = datetime.fromtimestamp(0, UTC)
        self._moment_lock = threading.Lock()

    # storing

    def relative(self, path: Path) -> Path:
        """``path`` as rows hold it: relative to the workspace, or as it is where it lies elsewhere."""
        return path.relative_to(self._workspace) if path.is_relative_to(self._workspace) else path

    def absolute(self, path: Path) -> Path:
        """Where a path that `relative` gave lies now."""
        return self._workspace / path

    def add(
        self,
        rendered: RenderedImage,
        request: GenerationRequest,
        *,
        mode: Mode,
        words: str,
        writer: str,
        edited: bool = False,
        writer_model: str = "",
        usage: Usage | None = None,
        parent_id: str | None = None,
        source: Image.Image | None = None,
    ) -> Generation:
        """Stores a picture with its recipe; once it returns, neither a kill nor a power cut loses them.

        Raises WorkspaceUnwritable when the files could not be written (then nothing is left of them), and a
        StoreError that names the file when only the row could not.
        """
        created_at = self._moment()
        id = str(ULID.from_datetime(created_at))
        folder = f"{OUTPUTS}/{created_at:%Y/%m/%d}"
        generation = Generation(
            id=id,
            created_at=created_at,
            mode=mode,
            words=words,
            request=request,
            writer=writer,
            edited=edited,
            writer_model=writer_model,
            usage=usage,
            image_path=f"{folder}/{id}.png",
            duration_s=rendered.duration_s,
            device=rendered.device,
            precision=rendered.precision,
            versions=dict(rendered.versions),
            parent_id=parent_id,
            source_path=None if source is None else f"{folder}/{id}{SOURCE_SUFFIX}",
        )
        files = self._write_files(generation, rendered.image, source)
        try:
            self._write_thumbnail(id, rendered.image)
        except WorkspaceUnwritable as exc:
            log.warning("%s It is made again when it is asked for.", exc)
        try:
            with self._database.write() as session:
                _insert(session, generation, sum(map(len, files)))
        except StoreError as exc:
            raise type(exc)(
                f"The picture is safe in {self._workspace / generation.image_path}, but not in the gallery: "
                f"{exc} Afterwards `fibo-studio history rebuild` brings it in."
            ) from exc
        return generation

    def _write_files(self, generation: Generation, image: Image.Image, source: Image.Image | None) -> Iterable[bytes]:
        """The picture before what stands beside it: alone it holds the whole recipe too."""
        record = generation.to_record()
        files = {f"{generation.id}.png": png_bytes(image, record)}
        if source is not None:
            files[f"{generation.id}{SOURCE_SUFFIX}"] = png_bytes(source)
        files[f"{generation.id}.json"] = json.dumps(record, indent=2).encode()
        try:
            folder = (self._workspace / generation.image_path).parent
            write_files(self._workspace, folder, files, "The picture")
        except WorkspaceUnwritable as exc:
            raise WorkspaceUnwritable(
                f"{exc} The same prompt with seed {generation.request.seed} paints it again."
            ) from exc
        return files.values()

    def _moment(self) -> datetime:
        """Now, and never the same or an earlier moment twice, so that ids and rows sort as they were made."""
        with self._moment_lock:
            self._last_moment = max(datetime.now(UTC), self._last_moment + timedelta(microseconds=1))
            return self._last_moment

    # looking

    def get(self, id: str, *, deleted_too: bool = False) -> Generation:
        """The picture of this id. Raises GenerationNotFound."""
        with self._database.read() as session:
            return generation_of(_row(session, id, deleted_too=deleted_too))

    def page(self, query: HistoryQuery, *, cursor: str | None = None, limit: int = 48) -> HistoryPage:
        """The first pictures of a query, or those after ``cursor``; complete and without repeats, whatever is
        added or deleted between two pages. Raises InputError for a cursor that none of ours is."""
        statement = _select(query)
        if cursor is not None:
            if not re.fullmatch("[0-9]{1,18}", cursor, re.ASCII):
                raise InputError(f"The cursor {cursor[:40]!r} is none of ours. Begin at the first page.")
            place = int(cursor)
            statement = statement.where(query.order < place if query.newest_first else query.order > place)
        return self._page(statement, limit)

    def page_number(self, query: HistoryQuery, number: int, limit: int = 48) -> HistoryPage:
        """Page ``number`` (from 1) as it stands now; empty beyond the last one."""
        return self._page(_select(query).offset(max(number - 1, 0) * limit), limit)

    def _page(self, statement: SelectOfScalar[GenerationTable], limit: int) -> HistoryPage:
        with self._database.read() as session:
            rows = session.exec(statement.limit(limit + 1)).all()
            shown = rows[:limit]
            cursor = str(shown[-1].seq) if len(rows) > limit and shown else None
            return HistoryPage(tuple(map(generation_of, shown)), cursor)

    def count(self, query: HistoryQuery) -> int:
        """How many pictures a query has."""
        with self._database.read() as session:
            return session.exec(_from(query, select(func.count()))).one()

    def neighbours(self, id: str, query: HistoryQuery) -> tuple[str | None, str | None]:
        """The ids shown just before and after a picture in a query's gallery. Raises GenerationNotFound."""
        order = query.order
        with self._database.read() as session:
            seq = _row(session, id, deleted_too=True).seq
            statement = _from(query, select(GenerationTable.id)).limit(1)
            newer = session.exec(statement.where(order > seq).order_by(order.asc())).first()
            older = session.exec(statement.where(order < seq).order_by(order.desc())).first()
        return (newer, older) if query.newest_first else (older, newer)

    def ancestors(self, id: str) -> list[Generation]:
        """What a picture was made from, step by step, oldest first, without itself and deleted ones.

        Raises GenerationNotFound.
        """
        row = GenerationTable
        with self._database.read() as session:
            _row(session, id, deleted_too=True)
            line = select(row.id, row.parent_id).where(row.id == id).cte("line", recursive=True)
            line = line.union(  # not union_all: a circle, which only a damaged row can make, ends
                select(row.id, row.parent_id).join(line, col(row.id) == line.c.parent_id)
            )
            found = session.exec(
                select(row)
                .where(col(row.id).in_(select(line.c.id)), row.id != id, col(row.deleted_at).is_(None))
                .order_by(col(row.seq))
            )
            return list(map(generation_of, found))

    def children(self, id: str) -> list[Generation]:
        """What was made from a picture, oldest first, without deleted ones. Raises GenerationNotFound."""
        row = GenerationTable
        with self._database.read() as session:
            _row(session, id, deleted_too=True)
            found = session.exec(
                select(row).where(row.parent_id == id, col(row.deleted_at).is_(None)).order_by(col(row.seq))
            )
            return list(map(generation_of, found))

    def models(self) -> list[str]:
        """The models of the pictures in the gallery, by name."""
        model = col(GenerationTable.model)
        next_one = select(model).where(col(GenerationTable.deleted_at).is_(None)).order_by(model).limit(1)
        models: list[str] = []
        with self._database.read() as session:
            # one step along the index for each model, where DISTINCT would read all of it
            while found := session.exec(next_one.where(model > (models[-1] if models else ""))).first():
                models.append(found)
        return models

    def disk_usage(self) -> DiskUsage:
        """What the pictures take, by their rows, and what the disk has left."""
        deleted = col(GenerationTable.deleted_at).is_not(None)
        statement = select(deleted, func.count(), func.sum(GenerationTable.file_bytes)).group_by(deleted)
        with self._database.read() as session:
            sums = {bool(gone): (count, size) for gone, count, size in session.exec(statement)}
        with disk_errors("The workspace", self._workspace):
            disk = shutil.disk_usage(self._workspace)
        pictures, deleted_pictures = sums.get(False, (0, 0)), sums.get(True, (0, 0))
        return DiskUsage(
            pictures=pictures[0],
            deleted=deleted_pictures[0],
            bytes=pictures[1] + deleted_pictures[1],
            free_bytes=disk.free,
            total_bytes=disk.total,
            folder=self._workspace / OUTPUTS,
        )

    # changing

    def set_favorite(self, id: str, favorite: bool) -> Generation:
        """Stars a picture or takes its star. Raises GenerationNotFound."""
        with self._database.write() as session:
            row = _row(session, id)
            row.favorite = favorite
            return generation_of(row)

    def delete(self, ids: Sequence[str]) -> list[str]:
        """Takes pictures out of the gallery; their files stay, and :meth:`restore` brings them back.

        Returns the ids that this call deleted: none that is unknown or deleted already.
        """
        return self._mark(ids, datetime.now(UTC))

    def restore(self, ids: Sequence[str]) -> list[str]:
        """Undoes :meth:`delete`; returns the ids that this call restored."""
        return self._mark(ids, None)

    def _mark(self, ids: Sequence[str], deleted_at: datetime | None) -> list[str]:
        row = GenerationTable
        marked = col(row.deleted_at).is_(None) if deleted_at else col(row.deleted_at).is_not(None)
        wanted = [id for id in ids if _ID.fullmatch(id)]
        with self._database.write() as session:
            statement = update(row).where(col(row.id).in_(wanted), marked).values(deleted_at=deleted_at)
            changed = set(session.connection().execute(statement.returning(col(row.id))).scalars())
        return [id for id in wanted if id in changed]

    # files

    def image_file(self, id: str) -> Path:
        """The picture's PNG, of a deleted one too. Raises GenerationNotFound, also when the file is gone, and
        StoreError when the row's path leads out of the outputs."""
        return self._existing(self.get(id, deleted_too=True).image_path, id)

    def source_file(self, id: str) -> Path | None:
        """The picture an inspiration started from. Raises as :meth:`image_file` does."""
        source = self.get(id, deleted_too=True).source_path
        return None if source is None else self._existing(source, id)

    def sidecar_file(self, id: str) -> Path:
        """The recipe beside the picture, as JSON. Raises as :meth:`image_file` does."""
        image_path = self.get(id, deleted_too=True).image_path
        return self._existing(image_path.removesuffix(".png") + ".json", id)

    def thumbnail_file(self, id: str) -> Path:
        """The picture's WebP thumbnail, made now if it is not there. Raises as :meth:`image_file` does."""
        thumbnail = self._thumbnail_path(id)
        if not thumbnail.is_file():
            image_file = self.image_file(id)
            try:
                with Image.open(image_file) as image:
                    self._write_thumbnail(id, image)
            except (OSError, SyntaxError, ValueError) as exc:
                raise StoreError(f"{image_file} is damaged ({exc}). Its recipe can paint it again.") from exc
        return thumbnail

    def _existing(self, relative: str, id: str) -> Path:
        path = path_inside(self._workspace, OUTPUTS, relative)
        if not path.is_file():
            raise GenerationNotFound(f"The file {path} of picture {id} is gone. Is its volume mounted?")
        return path

    def _thumbnail_path(self, id: str) -> Path:
        if not _ID.fullmatch(id):
            raise _not_found(id)
        return self._cache_dir / "thumbs" / id[:4] / f"{id}.webp"  # a folder for every twelve days

    def _write_thumbnail(self, id: str, image: Image.Image) -> None:
        thumbnail = self._thumbnail_path(id)
        write_cache_file(self._cache_dir, thumbnail, thumbnail_bytes(image), "The thumbnail")

    # files and rows

    def rebuild(self, *, dry_run: bool = False) -> RebuildReport:
        """Rows for pictures that have none, from their sidecars or the PNGs' own text; nothing else changes.

        Stars and deletions live in rows alone: pictures come back unstarred, and out of the trash.
        """
        known = self._ids()
        added, already_there, unreadable = 0, 0, []
        for image_file in reconcile.find_pictures(self._workspace / OUTPUTS):
            if image_file.stem in known:
                already_there += 1
                continue
            try:
                generation = reconcile.read_generation(image_file, self._workspace)
                if not _ID.fullmatch(generation.id):
                    raise InputError("its name is no id of ours")
            except FiboError as exc:
                unreadable.append(f"{image_file.relative_to(self._workspace)}: {exc}")
                continue
            added += 1
            if not dry_run:
                with self._database.write() as session:
                    _insert(session, generation, reconcile.file_bytes(image_file))
        return RebuildReport(added, already_there, tuple(unreadable))

    def sweep(self) -> SweepReport:
        """Removes what killed processes left half written, and reports where files and rows do not match.

        Neither is touched then. It walks all of `outputs/`: for a start, not for a page.
        """
        outputs = self._workspace / OUTPUTS
        removed = remove_leftovers(outputs) + remove_leftovers(self._cache_dir / "thumbs")
        shown = self._ids(shown_only=True)
        files = {file.stem: file for file in reconcile.find_pictures(outputs)}
        orphans = files.keys() - self._ids()  # asked after the walk: a picture stored meanwhile is none
        report = SweepReport(
            leftovers_removed=removed,
            orphans=tuple(sorted(str(files[id].relative_to(self._workspace)) for id in orphans)),
            missing=tuple(sorted(shown - files.keys())),
            outputs_missing=bool(shown) and not files,
        )
        if report.outputs_missing:
            log.error("The gallery has %d pictures, and %s has none. Is its volume mounted?", len(shown), outputs)
        elif report.missing:
            log.warning("%d pictures' files are gone from %s.", len(report.missing), outputs)
        if report.orphans:
            log.warning(
                "%d pictures are not in the gallery; `fibo-studio history rebuild` brings them in.",
                len(report.orphans),
            )
        return report

    def _ids(self, *, shown_only: bool = False) -> set[str]:
        statement = select(GenerationTable.id)
        if shown_only:
            statement = statement.where(col(GenerationTable.deleted_at).is_(None))
        with self._database.read() as session:
            return set(session.exec(statement))


def _select(query: HistoryQuery) -> SelectOfScalar[GenerationTable]:
    order = query.order
    return _from(query, select(GenerationTable)).order_by(order.desc() if query.newest_first else order.asc())


def _from(query: HistoryQuery, statement: SelectOfScalar[T]) -> SelectOfScalar[T]:
    """``statement`` over the pictures of ``query``."""
    statement = statement.select_from(GenerationTable)
    if query.searches:
        statement = statement.join(index, index.c.rowid == col(GenerationTable.seq))
    return statement.where(*query.conditions())


def _row(session: Session, id: str, *, deleted_too: bool = False) -> GenerationTable:
    row = None
    if _ID.fullmatch(id):
        row = session.exec(select(GenerationTable).where(GenerationTable.id == id)).one_or_none()
    if row is None or (row.deleted_at is not None and not deleted_too):
        raise _not_found(id)
    return row


def _not_found(id: str) -> GenerationNotFound:
    return GenerationNotFound(f"No picture has the id {id[:40]!r}. It may have been deleted.")


def _insert(session: Session, generation: Generation, file_bytes: int) -> None:
    """Adds a row unless the picture has one already. Must be in a writing transaction."""
    if session.exec(select(GenerationTable.seq).where(GenerationTable.id == generation.id)).first() is not None:
        return  # a rebuild saw the files before their writer came here
    row = row_of(generation, file_bytes)
    while session.get(GenerationTable, row.seq) is not None:  # another process, the same microsecond
        row.seq += 1
    session.add(row)
    session.flush()

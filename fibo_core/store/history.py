"""History: every picture made, its recipe and its files; the gallery is a view of it.

A picture's files are written first and its row last, so a row never points at a file that is not there, and a
picture whose row could not be written is found again by :meth:`History.sweep`, at the next start.
"""

import json
import logging
import re
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Float, LargeBinary, Text, case, cast, func, update
from sqlmodel import Session, col, select

from fibo_core.engine import RenderedImage
from fibo_core.engine.request import GenerationRequest
from fibo_core.errors import GenerationDamaged, GenerationNotFound, InputError, StoreError, WorkspaceUnwritable
from fibo_core.store import narrowing, reconcile, search, search_index
from fibo_core.store.collection_store import FORMAT as COLLECTIONS_FORMAT
from fibo_core.store.collection_store import record_of
from fibo_core.store.database import Database
from fibo_core.store.disk import path_inside, write_cache_file, write_files
from fibo_core.store.generation import OUTPUTS, Generation, Mode, place_of
from fibo_core.store.label_files import FileLabels, in_collection, labels_record, place_file_labels, with_labels_record
from fibo_core.store.label_rows import label_rows
from fibo_core.store.label_store import LabelStore
from fibo_core.store.labels import Labels
from fibo_core.store.lineage import Lineage, lineage
from fibo_core.store.narrowing import Facets, Suggestion
from fibo_core.store.outputs import check_outputs, outputs_gone, outputs_trouble
from fibo_core.store.picture_rows import ROW, damaged, place_row, read_pictures, readable
from fibo_core.store.quarantine import Moved, quarantine
from fibo_core.store.query import Query
from fibo_core.store.rebuild import RebuildReport, rebuild
from fibo_core.store.reconcile import SOURCE_SUFFIX, SweepReport, file_hash
from fibo_core.store.rows import ID, DamagedRow
from fibo_core.store.search import COUNT_MAX, HistoryQuery
from fibo_core.store.storage import DiskUsage, disk_usage
from fibo_core.store.tables import CollectionTable, GenerationTable
from fibo_core.store.trash import Trash
from fibo_core.store.verify import Faulty, VerifyReport, verify
from fibo_core.writers import Usage

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "COUNT_MAX",
    "DamagedRow",
    "DiskUsage",
    "History",
    "HistoryPage",
    "HistoryQuery",
    "RebuildReport",
    "SweepReport",
]

T = TypeVar("T")

PACE_OF = 9  #: pictures, whose median says how fast a model paints here

IDS_AT_ONCE = 500  #: in a statement

_SIZE = col(GenerationTable.file_bytes)
_FILE_BYTES = case((func.typeof(_SIZE) == "integer", _SIZE), else_=0)  # a damaged row's size is anybody's guess

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class HistoryPage:
    """Pictures in the gallery's order; ``next_cursor`` continues after them, None at the end. ``damaged`` are the rows
    among them that cannot be read, ``problems`` sentences for what was not understood of the search."""

    items: tuple[Generation, ...]
    next_cursor: str | None
    damaged: tuple[DamagedRow, ...] = ()
    problems: tuple[str, ...] = ()


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
        self._without_row = 0  #: pictures whose row could not be written
        self.trash = Trash(self._workspace, database, self._thumbnail_path, self.check_place)
        self.labels = LabelStore(self._workspace, database, self.trash.bring_back)
        self._found_nothing = False  #: there were rows, and no file of any
        self._swept: tuple[int, int] | None = None  #: what `_to_sweep` was when all pictures were looked through last

    @property
    def cache_dir(self) -> Path:
        """Where lies what can be made again."""
        return self._cache_dir

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
        source: "Image.Image | None" = None,
        other_sources: Sequence[str] = (),
        collection: str | None = None,
    ) -> Generation:
        """Stores a picture with its recipe; once it returns, neither a kill nor a power cut loses them.

        It goes into ``collection``, which is made where there is none of that name.

        Raises WorkspaceUnwritable when the files could not be written (then nothing is left of them), and a
        StoreError that names the file when only the row could not.
        """
        from ulid import ULID

        created_at = self._moment()
        id = str(ULID.from_datetime(created_at))
        place = place_of(id, created_at)
        generation = Generation(
            id=id,
            created_at=created_at,
            mode=mode,
            words=words,
            request=request.painted_in(rendered.precision),
            writer=writer,
            edited=edited,
            writer_model=writer_model,
            usage=usage,
            image_path=place,
            duration_s=rendered.duration_s,
            device=rendered.device,
            precision=rendered.precision,
            versions=dict(rendered.versions),
            parent_id=parent_id,
            source_path=None if source is None else place.removesuffix(".png") + SOURCE_SUFFIX,
            other_sources=tuple(other_sources),
        )
        labels = None if collection is None else in_collection(*self.labels.collections.target(collection))
        files = self._write_files(generation, rendered.image, source, labels)
        try:
            self._write_thumbnail(id, rendered.image)
        except WorkspaceUnwritable as exc:
            log.warning("%s It is made again when it is asked for.", exc)
        try:
            with self._database.write() as session:
                size, digest = sum(map(len, files.values())), file_hash(files[f"{id}.png"])
                seq = place_row(session, generation, size, digest)
                if labels is not None and seq is not None:
                    place_file_labels(session, seq, labels)
        except StoreError as exc:
            self._without_row += 1
            raise type(exc)(
                f"The picture is safe in {self._workspace / generation.image_path}, but not in the gallery: "
                f"{exc} Afterwards it comes in by itself, or when the history is rebuilt from its files."
            ) from exc
        return generation if labels is None else replace(generation, collections=tuple(labels.names.values()))

    def _write_files(
        self,
        generation: Generation,
        image: "Image.Image",
        source: "Image.Image | None",
        labels: FileLabels | None,
    ) -> dict[str, bytes]:
        """The picture before what stands beside it: alone it holds the whole recipe too."""
        from fibo_core.store.images import png_bytes
        from fibo_core.store.picture_texts import parameters_text

        record = generation.to_record()
        files = {f"{generation.id}.png": png_bytes(image, record, parameters_text(generation.request))}
        if source is not None:
            files[f"{generation.id}{SOURCE_SUFFIX}"] = png_bytes(source)
        if labels is not None:
            record = with_labels_record(record, labels)
        files[f"{generation.id}.json"] = json.dumps(record, indent=2).encode()
        try:
            self.check_place()
            folder = (self._workspace / generation.image_path).parent
            write_files(self._workspace, folder, files, "The picture")
        except WorkspaceUnwritable as exc:
            raise WorkspaceUnwritable(
                f"{exc} The same prompt with seed {generation.request.seed} paints it again."
            ) from exc
        return files

    def check_place(self) -> None:
        """Raises WorkspaceUnwritable where no picture can be stored now, before anybody paints one."""
        check_outputs(self._workspace, self._database)

    def trouble(self) -> str:
        """Why no picture can be stored now, and those of before may not be found: a volume that is not mounted, or
        read-only. "" where all is well."""
        return outputs_trouble(self._workspace, self._database)

    def _moment(self) -> datetime:
        """Now, and never the same or an earlier moment twice, so that ids and rows sort as they were made."""
        with self._moment_lock:
            self._last_moment = max(datetime.now(UTC), self._last_moment + timedelta(microseconds=1))
            return self._last_moment

    # looking

    def get(self, id: str, *, deleted_too: bool = False) -> Generation:
        """The picture of this id. Raises GenerationNotFound, and GenerationDamaged where its row cannot be read."""
        with self._database.read() as session:
            return _picture(session, id, deleted_too=deleted_too)[1]

    def of_recipe(self, recipe_hash: str) -> Generation | None:
        """The newest picture of this recipe; None where there is none, or none that can be read."""
        same = select(GenerationTable).where(
            GenerationTable.recipe_hash == recipe_hash, col(GenerationTable.deleted_at).is_(None)
        )
        with self._database.read() as session:
            found = readable(read_pictures(session, same.order_by(col(GenerationTable.seq).desc()).limit(4)))
        return next(iter(found), None)

    def page(self, query: HistoryQuery, *, cursor: str | None = None, limit: int = 48) -> HistoryPage:
        """The first pictures of a query, or those after ``cursor``; complete and without repeats, whatever is
        added or deleted between two pages. Raises InputError for a cursor that none of ours is."""
        place = None
        if cursor is not None:
            if not re.fullmatch("[0-9]{1,18}", cursor, re.ASCII):
                raise InputError(f"The cursor {cursor[:40]!r} is none of ours. Begin at the first page.")
            place = int(cursor)
        with self._database.read() as session:
            seqs = search.find(session, query, beyond=place, newest_first=query.newest_first, limit=limit + 1)
            shown = _in_order(session, seqs[:limit])
            # what is not understood finds nothing, so that what was found need not be read once more
            problems = () if seqs else search.understood(session, query).problems
        cursor = str(seqs[limit - 1]) if len(seqs) > limit else None
        return HistoryPage(tuple(readable(shown)), cursor, tuple(damaged(shown)), problems)

    def count(self, query: HistoryQuery) -> int:
        """How many pictures a query has; one more than COUNT_MAX where there are more than that."""
        with self._database.read() as session:
            return search.count(session, query)

    def understood(self, query: HistoryQuery) -> Query:
        """A query's search as it was read: its chips, and a sentence for each part that finds nothing because no
        picture has such a field, tag or collection."""
        with self._database.read() as session:
            return search.understood(session, query)

    def check_understood(self, query: HistoryQuery) -> None:
        """Raises InputError for a search that is not understood, before something is done to all it finds."""
        with self._database.read() as session:
            search.check_understood(session, query)

    def facets(self, query: HistoryQuery) -> Facets:
        """What a query's gallery can be narrowed by, with counts."""
        with self._database.read() as session:
            return narrowing.facets(session, query)

    def suggest(self, typed: str, at: int | None = None) -> tuple[Suggestion, ...]:
        """What may be meant by the part of a search in which the cursor stands, at its end where that is not said."""
        with self._database.read() as session:
            return narrowing.suggest(session, typed, len(typed) if at is None else at)

    def extent(self, query: HistoryQuery) -> tuple[int, int]:
        """How many pictures a query has, all of them counted, and the bytes of their files."""
        with self._database.read() as session:
            return search.extent(session, query)

    def some(self, ids: Sequence[str]) -> list[Generation | DamagedRow]:
        """Those of the ids that have a row, in the order of the ids; deleted pictures too."""
        known = [id for id in ids if ID.fullmatch(id)]
        with self._database.read() as session:
            rows = read_pictures(session, select(GenerationTable).where(col(GenerationTable.id).in_(known)))
        found = {it.id: it for _, it in rows}
        return [found[id] for id in dict.fromkeys(known) if id in found]

    def deleted_among(self, ids: Sequence[str]) -> list[str]:
        """Those of the ids whose picture was deleted, or is not there any more, in their order."""
        there = select(GenerationTable.id).where(
            col(GenerationTable.id).in_(ids), col(GenerationTable.deleted_at).is_(None)
        )
        with self._database.read() as session:
            found = set(session.exec(there)) if ids else set()
        return [id for id in ids if id not in found]

    def collection_records(self, names: Collection[str] | None) -> dict[str, Any]:
        """The collections of these names, or all, as `collections.json` has them; {} where there is none."""
        statement = select(CollectionTable).order_by(col(CollectionTable.created_at), CollectionTable.id)
        with self._database.read() as session:
            listed = [record_of(row) for row in session.exec(statement) if names is None or row.name in names]
        return {"format": COLLECTIONS_FORMAT, "collections": listed} if listed else {}

    def label_records(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What the sidecars of some pictures are to say of their labels; {} of those of which nobody has said any."""
        row = GenerationTable
        with self._database.read() as session:
            seqs = dict(session.exec(select(row.seq, row.id).where(col(row.id).in_(ids))).all())
            names = dict(session.exec(select(CollectionTable.id, CollectionTable.name)).all())
            found = label_rows(session, list(seqs))
        return {seqs[seq]: labels_record(it, names) if it != Labels() else {} for seq, it in found.items()}

    def bytes_of(self, ids: Sequence[str]) -> int:
        """The bytes of some pictures' files."""
        size = 0.0
        with self._database.read() as session:
            for start in range(0, len(ids), IDS_AT_ONCE):
                piece = ids[start : start + IDS_AT_ONCE]
                size += session.exec(select(func.total(_FILE_BYTES)).where(col(GenerationTable.id).in_(piece))).one()
        return int(size)

    def neighbours(self, id: str, query: HistoryQuery) -> tuple[str | None, str | None]:
        """The ids shown just before and after a picture in a query's gallery. Raises GenerationNotFound."""
        with self._database.read() as session:
            seq = _seq(session, id)
            newer, older = (_beside(session, query, seq, newest_first=older) for older in (False, True))
        return (newer, older) if query.newest_first else (older, newer)

    def ancestors(self, id: str) -> list[Generation]:
        """What a picture was made from, step by step, oldest first, without itself, deleted and damaged ones.

        Raises GenerationNotFound.
        """
        row = GenerationTable
        with self._database.read() as session:
            _seq(session, id)
            line = select(row.id, row.parent_id).where(row.id == id).cte("line", recursive=True)
            line = line.union(  # not union_all: a circle, which only a damaged row can make, ends
                select(row.id, row.parent_id).join(line, col(row.id) == line.c.parent_id)
            )
            statement = select(row).where(col(row.id).in_(select(line.c.id)), row.id != id)
            statement = statement.where(col(row.deleted_at).is_(None)).order_by(col(row.seq))
            return readable(read_pictures(session, statement))

    def children(self, id: str) -> list[Generation]:
        """What was made from a picture, oldest first, without deleted and damaged ones. Raises GenerationNotFound."""
        row = GenerationTable
        with self._database.read() as session:
            _seq(session, id)
            statement = select(row).where(row.parent_id == id, col(row.deleted_at).is_(None))
            return readable(read_pictures(session, statement.order_by(col(row.seq))))

    def lineage(self, id: str) -> Lineage:
        """The tree that a picture belongs to, what was deleted of it as gaps. Raises GenerationNotFound."""
        return lineage(self._database, id)

    def pace(self, model: str) -> float | None:
        """Seconds that this model took here for one step of one pixel, by its newest pictures; None without any."""
        shown = GenerationTable.duration_s / (
            cast(col(GenerationTable.num_inference_steps) * GenerationTable.width * GenerationTable.height, Float)
        )
        statement = select(shown).where(GenerationTable.model == model, col(GenerationTable.deleted_at).is_(None))
        with self._database.read() as session:
            newest = session.exec(statement.order_by(col(GenerationTable.seq).desc()).limit(PACE_OF)).all()
        return median(map(float, newest)) if newest else None

    def models(self) -> list[str]:
        """The models of the pictures in the gallery, by name."""
        model = col(GenerationTable.model)
        # as bytes, for a damaged one may be no UTF-8; of text alone, for a damaged row's bytes come after all text
        next_one = select(cast(model, LargeBinary)).where(func.typeof(model) == "text").order_by(model).limit(1)
        next_one = next_one.where(col(GenerationTable.deleted_at).is_(None))
        models: list[str] = []
        with self._database.read() as session:
            # one step along the index for each model, where DISTINCT would read all of it
            last = b""
            while found := session.exec(next_one.where(model > cast(last, Text))).first():
                last = found
                with suppress(UnicodeDecodeError):
                    models.append(found.decode())
        return models

    def disk_usage(self) -> DiskUsage:
        """What the pictures take, by their rows, by month and by model, and what the disk has left."""
        return disk_usage(self._workspace, self._database)

    # changing

    def set_favorite(self, id: str, favorite: bool) -> Generation:
        """Stars a picture or takes its star. Raises GenerationNotFound and GenerationDamaged."""
        with self._database.write() as session:
            seq, generation = _picture(session, id)
            values = {"favorite": favorite, "label_dirty": True}
            session.connection().execute(update(GenerationTable).where(col(GenerationTable.seq) == seq).values(values))
        self.labels.changed.set()
        return replace(generation, favorite=favorite)

    def delete(self, ids: Sequence[str]) -> list[str]:
        """Takes pictures out of the gallery; their files stay, and :meth:`restore` brings them back.

        Returns the ids that this call deleted: none that is unknown or deleted already. A row that is damaged can be
        deleted too, by the id that `DamagedRow` has for it.
        """
        return self._mark(ids, datetime.now(UTC))

    def restore(self, ids: Sequence[str]) -> list[str]:
        """Undoes :meth:`delete`; returns the ids that this call restored."""
        return self._mark(ids, None)

    def _mark(self, ids: Sequence[str], deleted_at: datetime | None) -> list[str]:
        row = GenerationTable
        marked = col(row.deleted_at).is_(None) if deleted_at else col(row.deleted_at).is_not(None)
        known: dict[Any, str] = {id: id for id in ids if ID.fullmatch(id)}
        numbered: dict[Any, str] = {int(match[1]): id for id in ids if (match := ROW.fullmatch(id))}
        changed = set()
        with self._database.write() as session:
            if deleted_at is None:
                self.trash.bring_back(session, list(known.values()))
            for column, wanted in ((col(row.id), known), (col(row.seq), numbered)):
                statement = update(row).where(column.in_(wanted), marked)
                statement = statement.values(deleted_at=deleted_at, label_dirty=True)
                changed |= {wanted[it] for it in session.connection().execute(statement.returning(column)).scalars()}
        self.labels.changed.set()
        return [id for id in ids if id in changed]

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
        """The picture's WebP thumbnail, made now if it is not there or damaged. Raises as :meth:`image_file` does."""
        from PIL import Image

        from fibo_core.store.images import DAMAGE, is_whole_thumbnail

        thumbnail = self._thumbnail_path(id)
        if not is_whole_thumbnail(thumbnail):
            image_file = self.image_file(id)
            try:
                with Image.open(image_file) as image:
                    self._write_thumbnail(id, image)
            except DAMAGE as exc:
                raise StoreError(f"{image_file} is damaged ({exc}). Its recipe can paint it again.") from exc
        return thumbnail

    def place_thumbnail(self, id: str, image: "Image.Image") -> None:
        """Keeps a picture's thumbnail, made of it or of a smaller copy. Raises WorkspaceUnwritable."""
        self._write_thumbnail(id, image)

    def _existing(self, relative: str, id: str) -> Path:
        path = path_inside(self._workspace, OUTPUTS, relative)
        if not path.is_file():
            raise GenerationNotFound(f"The file {path} of picture {id} is gone. Is its volume mounted?")
        return path

    def _thumbnail_path(self, id: str) -> Path:
        if not ID.fullmatch(id):
            raise _not_found(id)
        return self._cache_dir / "thumbs" / id[:4] / f"{id}.webp"  # a folder for every twelve days

    def _write_thumbnail(self, id: str, image: "Image.Image") -> None:
        from fibo_core.store.images import thumbnail_bytes

        thumbnail = self._thumbnail_path(id)
        write_cache_file(self._cache_dir, thumbnail, thumbnail_bytes(image), "The thumbnail")

    # files and rows

    def rebuild(self, *, dry_run: bool = False) -> RebuildReport:
        """Rows for pictures that have none, a damaged one or one that leads nowhere, from their sidecars or the PNGs'
        own text, whatever the files are called and wherever below the outputs they lie.

        Its labels come back with it, and its deletion, as its sidecar has them; so do collections, as
        `collections.json` has them.
        """
        if not dry_run:
            self.labels.adopt_collections()
        return rebuild(self._workspace, self._database, dry_run=dry_run)

    def verify(self, progress: Callable[[int], None] | None = None) -> VerifyReport:
        """What is amiss in rows and files, all of them looked at; nothing is changed. ``progress`` is told how many
        pictures' files have been looked at. Raises WorkspaceUnwritable where the pictures' volume is not there."""
        if gone := outputs_gone(self._workspace, self._database):
            raise WorkspaceUnwritable(gone)
        return verify(self._workspace, self._database, progress)

    def quarantine(self, faulty: Sequence[Faulty]) -> tuple[Moved, ...]:
        """Moves files that `verify` has found amiss out of the gallery's way, to `trash/quarantine/`, with a list;
        pictures' rows go to the trash, and nothing is deleted."""
        self.check_place()

        def record_of(id: str) -> dict[str, Any]:
            return self.get(id, deleted_too=True).to_record()

        return quarantine(self._workspace, self._database, faulty, record_of)

    def fill_search(self, ending: threading.Event | None = None) -> None:
        """Reads pictures of versions before again for the search index, where some are left; for a thread of its own,
        which ends soon after ``ending`` is set."""
        search_index.fill(self._database, ending or threading.Event())

    def unsearched(self) -> int:
        """How many pictures are not found by their words yet, as `fill_search` has not been there."""
        with self._database.read() as session:
            return search_index.rows_to_fill(session)

    def has_pictures_left(self) -> bool:
        """Whether pictures of ours lie there without a row, as after a database was lost."""
        pieces = reconcile.find_pictures(self._workspace / OUTPUTS)
        return any(reconcile.without_row(piece, self._workspace, self._database) for piece in pieces)

    def sweep_due(self) -> bool:
        """Whether pictures may lie there without a row: nobody has looked yet, the database is another file since, a
        picture's row could not be written, or the volume that was not there is."""
        return self._swept != self._to_sweep() or (self._found_nothing and not self.trouble())

    def _to_sweep(self) -> tuple[int, int]:
        return self._database.files_opened, self._without_row

    def sweep(self, ending: threading.Event | None = None) -> SweepReport:
        """Removes what killed processes left half written, brings the pictures whose row they could not write into the
        gallery, and says in the log what is missing.

        It walks all of `outputs/` in small pieces: for a thread of its own, which ends soon after ``ending`` is set.
        """
        ending, state = ending or threading.Event(), self._to_sweep()
        self.labels.adopt_collections()
        if not self.trouble():
            self.trash.finish(ending)
        report = reconcile.sweep(self._workspace, self._cache_dir, self._database, ending)
        outputs = self._workspace / OUTPUTS
        if report.adopted:
            log.warning("Pictures that were not in the gallery, and are now: %d.", report.adopted)
        if report.unreadable:
            log.warning(
                "%d pictures in %s are not in the gallery and cannot be read, such as %s",
                *(len(report.unreadable), outputs, report.unreadable[0]),
            )
        if ending.is_set():
            return report
        self._swept, self._found_nothing = state, report.outputs_missing
        if report.outputs_missing:
            log.error("The gallery has %d pictures, and %s has none. Is its volume mounted?", report.rows, outputs)
        elif report.missing:
            log.warning(
                "%d pictures' files are gone from %s; verifying the history names them.", report.missing, outputs
            )
        return report


def _in_order(session: Session, seqs: Sequence[int]) -> list[tuple[int, Generation | DamagedRow]]:
    """The pictures of some seqs, in the order of these."""
    if not seqs:
        return []
    rows = dict(read_pictures(session, select(GenerationTable).where(col(GenerationTable.seq).in_(seqs))))
    return [(seq, rows[seq]) for seq in seqs if seq in rows]


def _beside(session: Session, query: HistoryQuery, seq: int, *, newest_first: bool) -> str | None:
    """The id of the next readable picture of a query, damaged ones being stepped over."""
    while seqs := search.find(session, query, beyond=seq, newest_first=newest_first, limit=1):
        [seq] = seqs
        for _, found in _in_order(session, seqs):
            if isinstance(found, Generation):
                return found.id
    return None


def _seq(session: Session, id: str) -> int:
    """The seq of a picture, of a deleted or damaged one too. Raises GenerationNotFound."""
    seq = None
    if ID.fullmatch(id):
        seq = session.exec(select(GenerationTable.seq).where(GenerationTable.id == id)).one_or_none()
    if seq is None:
        raise _not_found(id)
    return seq


def _picture(session: Session, id: str, *, deleted_too: bool = False) -> tuple[int, Generation]:
    """A picture and its seq. Raises GenerationNotFound and GenerationDamaged."""
    statement = select(GenerationTable).where(GenerationTable.seq == _seq(session, id))
    if not deleted_too:
        statement = statement.where(col(GenerationTable.deleted_at).is_(None))
    for seq, found in read_pictures(session, statement):
        if isinstance(found, DamagedRow):
            raise GenerationDamaged(
                f"Picture {id} cannot be read from the database ({found.reason.rstrip('.')}). "
                "Rebuild the history: that reads it anew from its file.",
                remedy="rebuild",
            )
        return seq, found
    raise _not_found(id)


def _not_found(id: str) -> GenerationNotFound:
    return GenerationNotFound(f"No picture has the id {id[:40]!r}. It may have been deleted.")

"""Pictures on their way in: of a zip, a folder or by themselves; ours with all they had, other programs' as they are.

One after another, its files first and then its row, so that an end at any moment leaves nothing half and the same
import, begun anew, goes on: what is there is known by its content, ours by id and recipe, others by their pixels. One
bad file is one sentence. What is in the history is never written over; its labels and those that come are joined.
"""

import json
import logging
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlmodel import Session, select

from fibo_core.cancel import CancelFlag
from fibo_core.errors import FiboError, InputError, NewerVersion, PictureError, StoreError, WorkspaceUnwritable
from fibo_core.store.collection_store import matching, restored
from fibo_core.store.database import Database
from fibo_core.store.disk import disk_errors, path_inside, write_by_content, write_files
from fibo_core.store.foreign_pictures import opened_foreign
from fibo_core.store.generation import OUTPUTS, Generation, place_of
from fibo_core.store.history import History
from fibo_core.store.images import RECIPE_KEY, png_is_complete, read_recipe, verify_png
from fibo_core.store.import_sources import Found, LeftOut, Source, source_of
from fibo_core.store.inputs import INPUTS
from fibo_core.store.label_files import FileLabels, labels_of_record, place_file_labels
from fibo_core.store.label_rows import label_rows
from fibo_core.store.picture_rows import adopt_row, place_row, read_pictures
from fibo_core.store.png import texts_of, without_unreadable_texts
from fibo_core.store.reconcile import SOURCE_SUFFIX, file_hash
from fibo_core.store.rows import ID, DamagedRow
from fibo_core.store.tables import GenerationTable

NAMED_MAX = 200  #: sentences about what was left out
IDS_NAMED = 100  #: of the pictures that came in last
SPARE_BYTES = 64 << 20  #: of the disk, that an import leaves free

_INPUT = re.compile(rf'"({INPUTS}/([0-9a-f]{{64}})\.png)"')
_RECORD = "fibo-studio/"

log = logging.getLogger(__name__)


@dataclass
class ImportReport:
    """How far an import is, and what it came to. ``total`` is 0 where nobody has counted."""

    total: int = 0
    done: int = 0  #: files that were looked at
    added: int = 0
    already_here: int = 0
    mended: int = 0  #: whose file was gone or damaged here, and is whole again
    in_trash: int = 0  #: of those already here, the ones that were deleted
    labelled: int = 0  #: of those already here, the ones that got labels
    collections: int = 0  #: made
    passed_over: int = 0  #: files that are no pictures
    left_out: int = 0
    reasons: list[str] = field(default_factory=list)  #: why, the first of them, and what else is to be said
    added_ids: list[str] = field(default_factory=list)  #: the last of them, oldest first

    def say(self, sentence: str) -> None:
        if len(self.reasons) < NAMED_MAX:
            self.reasons.append(" ".join(sentence.split())[:500])

    def leave_out(self, name: str, reason: object) -> None:
        self.left_out += 1
        self.say(f"{_short(name)}: {str(reason).rstrip('.')}.")


Tell = Callable[[ImportReport], None]


class Importer:
    """Brings pictures into one workspace's history. Several may work at once, in whatever process."""

    def __init__(self, history: History, database: Database) -> None:
        self._history = history
        self._database = database
        self._workspace = history.absolute(Path())

    def run(
        self,
        given: Iterable[tuple[Path, str]],
        report: ImportReport,
        cancel: CancelFlag | None = None,
        tell: Tell = lambda report: None,
        skip: int = 0,
    ) -> None:
        """Takes each path, with what its owner calls it. ``report`` is kept true, and ``tell`` hears of it.

        The first ``skip`` files were looked at by an earlier run, whose report this one goes on with.

        Raises Cancelled and its like, and a StoreError where it cannot go on, such as for a full disk; all that came in
        until then stays. What cannot be read is told in the report and ends nothing.
        """
        cancel, seen = cancel or CancelFlag(), 0
        given = list(given)
        others = {name: path for path, name in given}
        for path, name in given:
            try:
                source = source_of(path, name, others)
            except InputError as exc:
                seen += 1
                report.total += 1
                if seen > skip:
                    report.done += 1
                    report.left_out += 1
                    report.say(str(exc))
                continue
            try:
                seen = self._take_source(source, report, cancel, tell, seen, skip)
            finally:
                source.close()
                self._history.labels.changed.set()
        tell(report)

    def _take_source(
        self, source: Source, report: ImportReport, cancel: CancelFlag, tell: Tell, seen: int, skip: int
    ) -> int:
        report.total += source.count
        if seen >= skip:
            self._check_room(source)
            for remark in source.remarks():
                report.say(remark)
            self._take_collections(source, report)
        for each in source:
            seen += 1
            if seen <= skip:
                continue
            cancel.check()
            if isinstance(each, LeftOut):
                if each.reason:
                    report.leave_out(each.name, each.reason)
                else:
                    report.passed_over += 1
            else:
                try:
                    self._take(each, report)
                except (InputError, NewerVersion) as exc:
                    report.leave_out(each.name, exc)
            report.done += 1
            tell(report)
        return seen

    def _check_room(self, source: Source) -> None:
        """Raises WorkspaceUnwritable for a zip that says it is larger than the disk has room."""
        with disk_errors("The workspace", self._workspace):
            free = shutil.disk_usage(self._workspace).free
        if source.bytes > free - SPARE_BYTES:
            raise WorkspaceUnwritable(
                f"{source.name} unpacks to {source.bytes / 1e9:,.2f} GB, and {self._workspace} has "
                f"{free / 1e9:,.2f} GB free. Free some space and start the import again."
            )

    def _take_collections(self, source: Source, report: ImportReport) -> None:
        """Makes the collections that stand beside the pictures, and that are not here under their name."""
        try:
            content = source.collections()
            records = json.loads(content)["collections"] if content else []
            records = records if isinstance(records, list) else []
        except (PictureError, ValueError, TypeError, KeyError, RecursionError) as exc:
            report.say(
                f"The list of collections in {source.name} cannot be read ({exc}); the pictures' own names count."
            )
            return
        with self._database.write() as session:
            for record in records:
                if not matching(session, record):
                    report.collections += restored(session, record)

    def _take(self, found: Found, report: ImportReport) -> None:
        """One picture. Raises InputError for what cannot be read of it, and StoreError."""
        content, dropped = without_unreadable_texts(found.read())
        ours, added = _ours(content, found), report.added
        if ours is None:
            self._take_foreign(content, found, report)
        else:
            self._take_ours(content, *ours, found, report)
        if dropped and report.added > added:
            report.say(
                f"{_short(found.name)}: {dropped} of its texts cannot be read, or have more than is kept, and were "
                "left out; the picture came in."
            )

    # ours

    def _take_ours(
        self, content: bytes, generation: Generation, labels: FileLabels | None, found: Found, report: ImportReport
    ) -> None:
        if not png_is_complete(content):
            raise PictureError("it is no PNG, or one that is cut short")
        here = self._row(generation.id)
        if isinstance(here, Generation):
            if here.recipe_hash != generation.recipe_hash:
                raise PictureError(
                    f"picture {generation.id} is in the history with another recipe, and stays as it is; delete that "
                    "one for good, and import this again"
                )
            self._join(here, content, labels, report)
            return
        verify_png(content)
        place = place_of(generation.id, generation.created_at)
        source = found.beside(SOURCE_SUFFIX) if generation.source_path is not None else None
        generation = replace(
            generation,
            image_path=place,
            source_path=None if source is None else place.removesuffix(".png") + SOURCE_SUFFIX,
        )
        for path, digest in dict.fromkeys(_INPUT.findall(json.dumps(generation.to_record()))):
            self._keep_input(path, digest, found, report)
        files: dict[str, Any] = {f"{generation.id}.png": content}
        if source is not None:
            files[f"{generation.id}{SOURCE_SUFFIX}"] = source
        files[f"{generation.id}.json"] = _sidecar(found, generation)
        self._write(generation, files)
        with self._database.write() as session:
            place_ = adopt_row if here is None else place_row
            seq = place_(session, generation, sum(map(len, files.values())), file_hash(content))
            if seq is not None and labels is not None:
                place_file_labels(session, seq, labels)
        self._count(generation.id, report, new=here is not None or seq is not None)

    def _join(self, here: Generation, content: bytes, labels: FileLabels | None, report: ImportReport) -> None:
        """A picture that is in the history: its file mended where that is gone, its labels joined."""
        report.already_here += 1
        if here.deleted_at is not None:
            report.in_trash += 1
            return
        try:
            file = path_inside(self._workspace, OUTPUTS, here.image_path)
            whole = png_is_complete(file.read_bytes())
        except (OSError, StoreError):
            whole = False
        if not whole:
            verify_png(content)
            record = json.dumps(here.to_record(), indent=2).encode()
            files = {f"{here.id}.png": content, f"{here.id}.json": record}
            self._write(replace(here, image_path=place_of(here.id, here.created_at)), files)
            with self._database.write() as session:
                mended = replace(here, image_path=place_of(here.id, here.created_at))
                place_row(session, mended, sum(map(len, files.values())), file_hash(content))
            report.mended += 1
        if labels is not None:
            with self._database.write() as session:
                report.labelled += _join_labels(session, here.id, labels)

    def _keep_input(self, path: str, digest: str, found: Found, report: ImportReport) -> None:
        """Keeps a picture that another began with, where it is not kept yet."""
        if (self._workspace / path).is_file():
            return
        content = found.other(path)
        if content is None or sha256(content).hexdigest() != digest:
            what = "is not there" if content is None else "is not what its name says"
            report.say(f"{_short(found.name)}: {path}, which it began with, {what}; the picture itself came in.")
            return
        write_by_content(
            *(self._workspace, self._workspace / INPUTS, ".png"), lambda file: _whole(file, content), "The picture"
        )

    # others

    def _take_foreign(self, content: bytes, found: Found, report: ImportReport) -> None:
        with opened_foreign(content) as picture:
            here = self._row_of_pixels(picture.pixels)
            if here is not None:
                report.already_here += 1
                report.in_trash += here.deleted_at is not None
                return
            generation = picture.generation(found.name, found.modified)
            sidecar = json.dumps(generation.to_record(), indent=2).encode()
            self._write(
                generation, {f"{generation.id}.png": picture.file(generation), f"{generation.id}.json": sidecar}
            )
            with (
                disk_errors("The picture", self._workspace),
                (self._workspace / generation.image_path).open("rb") as file,
            ):
                known_by = file_digest(file, "sha256").hexdigest()
                size = file.tell() + len(sidecar)
            if picture.scaled:
                width, height = generation.request.width, generation.request.height
                report.say(f"{_short(found.name)}: it has more pixels than are kept, and is kept at {width}×{height}.")
            thumbnail = picture.thumbnail()
        with self._database.write() as session:
            seq = adopt_row(session, generation, size, known_by)
        try:
            self._history.place_thumbnail(generation.id, thumbnail)
        except WorkspaceUnwritable as exc:
            log.warning("%s It is made again when it is asked for.", exc)
        self._count(generation.id, report, new=seq is not None)

    # the workspace

    def _write(self, generation: Generation, files: dict[str, Any]) -> None:
        folder = (self._workspace / generation.image_path).parent
        try:
            write_files(self._workspace, folder, files, "The picture")
        except WorkspaceUnwritable as exc:
            raise WorkspaceUnwritable(f"{exc} What came in until then stays; start the import again to go on.") from exc

    def _row(self, id: str) -> Generation | DamagedRow | None:
        with self._database.read() as session:
            rows = read_pictures(session, select(GenerationTable).where(GenerationTable.id == id))
        return rows[0][1] if rows else None

    def _row_of_pixels(self, pixels: str) -> Generation | None:
        """A picture that came from another program and has these pixels; one in the gallery before one in the trash."""
        row = GenerationTable
        same = select(row).where(row.recipe_hash == pixels, row.mode == "imported")
        with self._database.read() as session:
            found = [it for _, it in read_pictures(session, same.limit(8)) if isinstance(it, Generation)]
        return min(found, key=lambda it: it.deleted_at is not None, default=None)

    @staticmethod
    def _count(id: str, report: ImportReport, *, new: bool) -> None:
        """``new`` says whether it got its row here; another import of the same may have been there first."""
        if not new:
            report.already_here += 1
            return
        report.added += 1
        report.added_ids = [*report.added_ids[-IDS_NAMED + 1 :], id]


def _ours(content: bytes, found: Found) -> tuple[Generation, FileLabels | None] | None:
    """The recipe of a picture of ours, out of its sidecar or its own text, and its labels; None of another's.

    Raises InputError for one of ours whose recipe cannot be read.
    """
    own = read_recipe(content) if RECIPE_KEY in texts_of(content) else None
    beside = _json(found.beside(".json"))
    id = None if own is None else own.get("id")
    if beside is not None and not str(beside.get("format", "")).startswith(_RECORD):
        beside = None  # another program's
    if beside is not None and id is not None and beside.get("id") != id:
        beside = None  # another picture's
    labels = labels_of_record(beside)
    if own is None and beside is None:
        return None
    try:
        generation = Generation.from_record(beside if beside is not None else own or {})
    except FiboError:
        if beside is None or own is None:
            raise
        generation = Generation.from_record(own)
    if not ID.fullmatch(generation.id):
        raise PictureError("its recipe has no id of ours")
    return generation, labels


def _sidecar(found: Found, generation: Generation) -> bytes:
    """What is written beside the picture: what lay there, where that says the same; else its recipe anew."""
    content = found.beside(".json")
    record = _json(content)
    if content is not None and record is not None:
        said = {name: value for name, value in record.items() if name != "labels"}
        if said == generation.to_record():
            return content
        if record.get("id") == generation.id and "labels" in record:
            return json.dumps({**generation.to_record(), "labels": record["labels"]}, indent=2).encode()
    return json.dumps(generation.to_record(), indent=2).encode()


def _join_labels(session: Session, id: str, found: FileLabels) -> bool:
    """Adds what is said of a picture elsewhere to what is said here, which counts first; whether that changed it."""
    seq = session.exec(select(GenerationTable.seq).where(GenerationTable.id == id)).one()
    before = label_rows(session, [seq])[seq]
    joined = replace(
        found.labels,
        favorite=before.favorite or found.labels.favorite,
        rating=before.rating or found.labels.rating,
        deleted_at=None,
    )
    place_file_labels(session, seq, FileLabels(joined, found.names))
    changed = label_rows(session, [seq])[seq] != before
    session.connection().execute(
        text("UPDATE generation SET label_dirty = 1 WHERE seq = :seq AND :changed"), {"seq": seq, "changed": changed}
    )
    return changed


def _json(content: bytes | None) -> dict[str, Any] | None:
    try:
        value = json.loads(content) if content else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _whole(file: Any, content: bytes) -> None:
    file.write(content)


def _short(name: str) -> str:
    """A name for a sentence: on one line, its end kept."""
    name = "".join(each if each.isprintable() else "�" for each in name.encode("utf-8", "replace").decode())
    return name if len(name) <= 160 else "…" + name[-159:]

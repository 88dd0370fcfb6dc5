"""Labels in the pictures' files: a `labels` object in the sidecar, beside the recipe, so that a rebuild finds them.

A row whose labels changed is marked; here the sidecar is written, durably, and then the mark taken away, where the
labels are still those that were written. The PNG is never written again. One writer at a time in the workspace.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

from sqlalchemy import text
from sqlmodel import Session, col, select
from ulid import ULID

from fibo_core.errors import InputError, StoreError
from fibo_core.store.collection_store import CollectionStore, restored
from fibo_core.store.database import Database
from fibo_core.store.disk import folder_lock, path_inside
from fibo_core.store.disk import write_files as write_durably
from fibo_core.store.generation import OUTPUTS, RATINGS, Generation
from fibo_core.store.label_rows import label_rows, write_label_rows
from fibo_core.store.labels import Labels, by_folded, tag_name
from fibo_core.store.picture_rows import read_pictures
from fibo_core.store.rows import ID
from fibo_core.store.tables import CollectionTable, GenerationTable

KEY = "labels"  #: of the sidecar's object
FILES_AT_ONCE = 100
_DATE = "%Y-%m-%d %H:%M:%S.%f"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileLabels:
    """The labels that a sidecar holds: those of a row, with each collection's name beside its id."""

    labels: Labels
    names: Mapping[str, str]


@contextmanager
def labels_lock(workspace: Path) -> Iterator[None]:
    """Keeps others from writing sidecars, in whatever process; also for whoever moves a picture's files away.

    It is taken before a writing transaction, never inside one: who holds it may wait for one.
    """
    outputs = workspace / OUTPUTS
    if not outputs.is_dir():  # not mounted, or nothing painted yet
        yield
        return
    with folder_lock(outputs):
        yield


def labels_record(labels: Labels, names: Mapping[str, str]) -> dict[str, Any]:
    """Labels as JSON-ready values; ``names`` are those of the collections."""
    deleted_at = None if labels.deleted_at is None else _moment(labels.deleted_at)
    return {
        "favorite": labels.favorite,
        "rating": labels.rating,
        "tags": [labels.tags[key] for key in sorted(labels.tags)],
        "collections": [{"id": id, "name": names[id]} for id in sorted(labels.members) if id in names],
        "deleted_at": deleted_at,
    }


def labels_of_record(record: Any) -> FileLabels | None:
    """The labels in a sidecar's object; None where it has none. What is no label of ours is passed over."""
    said = record.get(KEY) if isinstance(record, dict) else None
    if not isinstance(said, dict):
        return None
    rating, deleted_at = said.get("rating"), said.get("deleted_at")
    return FileLabels(
        Labels(
            favorite=said.get("favorite") is True,
            rating=rating if type(rating) is int and rating in RATINGS else 0,
            tags=by_folded(_names(said.get("tags"))),
            members=frozenset(names := dict(_collections(said.get("collections")))),
            deleted_at=_row_moment(deleted_at) if isinstance(deleted_at, str) else None,
        ),
        names,
    )


def with_labels_record(record: Mapping[str, Any], found: FileLabels) -> dict[str, Any]:
    """What a sidecar holds: a recipe's record and the labels beside it."""
    return {**record, KEY: labels_record(found.labels, found.names)}


def in_collection(id: str, name: str) -> FileLabels:
    """The labels of a new picture that goes into a collection."""
    return FileLabels(Labels(members=frozenset({id})), {id: name})


def read_file_labels(image_file: Path) -> FileLabels | None:
    """The labels beside a picture; None where its sidecar has none, or cannot be read."""
    try:
        return labels_of_record(json.loads(image_file.with_suffix(".json").read_bytes()))
    except (OSError, ValueError, RecursionError):
        return None


def place_file_labels(session: Session, seq: int, found: FileLabels) -> None:
    """Gives a row that knows of no labels those of its files. Must be in the transaction that added it."""
    members = set()
    for id, name in found.names.items():
        if session.get(CollectionTable, id) is None:
            same = select(CollectionTable.id).where(CollectionTable.folded == next(iter(by_folded([name]))))
            if (other := session.exec(same).first()) is not None:
                members.add(other)
                continue
            restored(session, {"id": id, "name": name, "created_at": datetime.now(UTC).isoformat()})
        members.add(id)
    kept = session.exec(select(CollectionTable.id).where(col(CollectionTable.query).is_(None)))
    before = label_rows(session, [seq])[seq]
    labels = Labels(
        favorite=found.labels.favorite,
        rating=found.labels.rating,
        tags={**found.labels.tags, **before.tags},
        members=before.members | (members & set(kept)),
        deleted_at=before.deleted_at or found.labels.deleted_at,
    )
    write_label_rows(session, {seq: (before, labels)})
    if labels == found.labels:
        session.connection().execute(text("UPDATE generation SET label_dirty = 0 WHERE seq = :seq"), {"seq": seq})


def write_files(
    workspace: Path,
    database: Database,
    collections: CollectionStore,
    ending: Event,
    on_progress: Callable[[int], None] | None = None,
) -> int:
    """Tells the files of what rows say; how many pictures' there were. Ends early once ``ending`` is set.

    A picture whose files are not there keeps its mark. Raises StoreError.
    """
    place, written = -1, 0
    with labels_lock(workspace):
        collections.write_file()
    if not (workspace / OUTPUTS).is_dir():
        return 0
    while not ending.is_set():
        with labels_lock(workspace):
            rows = _marked(database, place)
            if not rows:
                return written
            place = rows[-1].seq
            done = _write_sidecars(workspace, rows)
            _take_marks(database, done)
        written += len(done)
        if on_progress is not None:
            on_progress(written)
    return written


@dataclass(frozen=True)
class _Marked:
    seq: int
    path: str
    generation: Generation | None  # None of a damaged row
    labels: Labels
    names: Mapping[str, str]


def _marked(database: Database, place: int) -> list[_Marked]:
    """The next rows whose files are behind."""
    with database.read() as session:
        marked = select(GenerationTable).where(text("label_dirty = 1"), col(GenerationTable.seq) > place)
        rows = read_pictures(session, marked.order_by(col(GenerationTable.seq)).limit(FILES_AT_ONCE))
        seqs = [seq for seq, _ in rows]
        labels = label_rows(session, seqs)
        names = dict(session.exec(select(CollectionTable.id, CollectionTable.name)).all())
        paths = {
            seq: str(path)
            for seq, path in session.exec(
                select(GenerationTable.seq, GenerationTable.image_path).where(col(GenerationTable.seq).in_(seqs))
            )
        }
    return [
        _Marked(seq, paths[seq], it if isinstance(it, Generation) else None, labels[seq], names) for seq, it in rows
    ]


def _write_sidecars(workspace: Path, rows: Sequence[_Marked]) -> list[_Marked]:
    """Writes the sidecars of those whose picture is there; returns them."""
    folders: dict[Path, dict[str, bytes]] = {}
    done = []
    for row in rows:
        try:
            picture = path_inside(workspace, OUTPUTS, row.path)
        except StoreError:
            continue  # a damaged row's; verifying names it
        if picture.suffix != ".png" or not picture.is_file():
            continue
        sidecar = picture.with_suffix(".json")
        record = _record(sidecar, row)
        if record is None:
            continue
        record[KEY] = labels_record(row.labels, row.names)
        folders.setdefault(picture.parent, {})[sidecar.name] = json.dumps(record, indent=2).encode()
        done.append(row)
    for folder, files in folders.items():
        write_durably(workspace, folder, files, "The labels")
    return done


def _record(sidecar: Path, row: _Marked) -> dict[str, Any] | None:
    """What the sidecar holds, or the row's recipe where it is not whole; None where neither can be read."""
    try:
        record = json.loads(sidecar.read_bytes())
    except (OSError, ValueError, RecursionError):
        record = None
    if isinstance(record, dict) and "format" in record:
        return record
    return None if row.generation is None else row.generation.to_record()


def _take_marks(database: Database, rows: Sequence[_Marked]) -> None:
    """Of those whose labels are still what was written."""
    with database.write() as session:
        now = label_rows(session, [row.seq for row in rows])
        same = [{"seq": row.seq} for row in rows if now.get(row.seq) == row.labels]
        if same:
            session.connection().execute(text("UPDATE generation SET label_dirty = 0 WHERE seq = :seq"), same)


def _names(values: Any) -> Iterator[str]:
    for value in values if isinstance(values, list) else []:
        try:
            yield tag_name(value)
        except (InputError, AttributeError, TypeError):
            continue


def _collections(values: Any) -> Iterator[tuple[str, str]]:
    for value in values if isinstance(values, list) else []:
        if isinstance(value, str):  # an export's, which other workspaces read
            value = {"id": str(ULID()), "name": value}
        id, name = (value.get("id"), value.get("name")) if isinstance(value, dict) else (None, None)
        if isinstance(id, str) and isinstance(name, str) and ID.fullmatch(id):
            yield id, name


def _moment(stored: str) -> str | None:
    """A row's moment as a file has it; None of a damaged one."""
    try:
        return datetime.fromisoformat(stored).replace(tzinfo=UTC).isoformat()
    except ValueError:
        return None


def _row_moment(said: str) -> str | None:
    try:
        return datetime.fromisoformat(said).astimezone(UTC).strftime(_DATE)
    except (ValueError, OverflowError):
        return None

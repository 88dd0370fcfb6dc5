"""Collections: names under which pictures are gathered by hand, or by a kept search, with a query.

They stand in rows, and in `collections.json` in the workspace, so that those without a picture, and kept searches,
come back too when the history is rebuilt from its files. A change marks the file as behind in its own transaction.
"""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, insert, update
from sqlmodel import Session, col, select
from ulid import ULID

from fibo_core.errors import CollectionNotFound, InputError, StoreError
from fibo_core.store.database import Database
from fibo_core.store.disk import write_files
from fibo_core.store.labels import collection_name, folded
from fibo_core.store.query_parser import TEXT_MAX
from fibo_core.store.resolving import check_kept
from fibo_core.store.rows import ID
from fibo_core.store.tables import (
    CollectionsUnwrittenTable,
    CollectionTable,
    GenerationTable,
    MemberTable,
    TagTable,
)

FILE = "collections.json"  #: in the workspace
FORMAT = "fibo-studio-collections/1"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Collection:
    """``pictures`` in the gallery that are in it; None for a kept search, which has a ``query`` and no members."""

    id: str
    name: str
    query: str | None
    created_at: datetime
    pictures: int | None = None


@dataclass(frozen=True)
class TagCount:
    """A tag that pictures in the gallery have, in one of its spellings."""

    name: str
    pictures: int


class CollectionStore:
    """The collections of one workspace. Every method may raise a StoreError."""

    def __init__(self, workspace: Path, database: Database) -> None:
        self._workspace = workspace
        self._database = database

    def all(self) -> list[Collection]:
        """All of them, by name."""
        with self._database.read() as session:
            rows = session.exec(select(CollectionTable).order_by(col(CollectionTable.folded))).all()
            count = _counts(session, MemberTable, col(MemberTable.collection_id))
            return [_collection(row, count.get(row.id, 0)) for row in rows]

    def names(self) -> list[str]:
        """The names of those that pictures can be put into."""
        with self._database.read() as session:
            kept = select(CollectionTable.name).where(col(CollectionTable.query).is_(None))
            return list(session.exec(kept.order_by(col(CollectionTable.folded))))

    def get(self, name_or_id: str) -> Collection:
        """Raises CollectionNotFound."""
        with self._database.read() as session:
            row = found(session, name_or_id)
            return _collection(row, _members(session, row.id))

    def add(self, name: str, query: str | None = None) -> Collection:
        """Makes a collection or, with a query, a kept search. Raises InputError for a name that is taken or cannot
        be, and for a query that is empty or can never find anything."""
        name, query = collection_name(name), None if query is None else _query(query)
        with self._database.write() as session:
            _check_free(session, name)
            if query is not None:
                check_kept(session, folded(name), query)
            return _collection(made(session, name, query), 0)

    def change(self, name_or_id: str, *, name: str | None = None, query: str | None = None) -> Collection:
        """Gives it another name, or a kept search another query. Raises as `get` and `add` do."""
        with self._database.write() as session:
            row = found(session, name_or_id)
            if name is not None:
                name = collection_name(name)
                _check_free(session, name, besides=row.id)
                row.name, row.folded = name, folded(name)
            if query is not None:
                if row.query is None:
                    raise InputError(
                        f"{row.name!r} is no kept search, but holds pictures. Keep the search by another name."
                    )
                row.query = _query(query)
            if row.query is not None:
                check_kept(session, row.folded, row.query)
            session.add(row)
            session.flush()
            mark_unwritten(session)
            return _collection(row, _members(session, row.id))

    def target(self, name: str) -> tuple[str, str]:
        """The id and name of the collection that new pictures go into, be it still to be made. Raises InputError for a
        name that cannot be, and for a kept search."""
        name = collection_name(name)
        try:
            with self._database.read() as session:
                row = _row(session, name)
                if row is not None:
                    _check_members(row)
                    return row.id, row.name
        except StoreError as exc:
            log.warning("The collection %r was not looked up: %s", name, exc)
        return str(ULID()), name

    def tags(self) -> list[TagCount]:
        """The tags of the pictures in the gallery, by name."""
        tag = TagTable
        with self._database.read() as session:
            count = _counts(session, tag, col(tag.folded))
            names = session.exec(select(tag.folded, func.min(tag.name)).group_by(tag.folded).order_by(tag.folded))
            return [TagCount(name, count[key]) for key, name in names if count.get(key)]

    # the file

    def write_file(self) -> None:
        """Writes `collections.json` where it is behind. Whoever calls holds the lock of `label_files.py`."""
        with self._database.read() as session:
            mark: int | None = session.exec(select(func.max(CollectionsUnwrittenTable.mark))).one()
            if mark is None:
                return
            rows = session.exec(select(CollectionTable).order_by(col(CollectionTable.created_at))).all()
            content = json.dumps({"format": FORMAT, "collections": [record_of(row) for row in rows]}, indent=2)
        write_files(self._workspace, self._workspace, {FILE: content.encode()}, "The list of collections")
        with self._database.write() as session:
            written = delete(CollectionsUnwrittenTable).where(col(CollectionsUnwrittenTable.mark) <= mark)
            session.connection().execute(written)

    def adopt_file(self) -> int:
        """Makes rows for the collections of the file that have none, as after a database was lost; how many. What
        cannot be read in it is passed over, and said in the log."""
        try:
            content = json.loads((self._workspace / FILE).read_bytes())
            records = content["collections"] if content["format"] == FORMAT else []
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as exc:
            log.warning("%s cannot be read (%r); collections come back from the pictures alone.", FILE, exc)
            return 0
        adopted = 0
        with self._database.write() as session:
            if session.exec(select(CollectionsUnwrittenTable.mark).limit(1)).first() is not None:
                return 0  # the rows are newer
            for record in records if isinstance(records, list) else []:
                adopted += restored(session, record)
        return adopted


def found(session: Session, name_or_id: str) -> CollectionTable:
    """The row of this id, else of this name. Raises CollectionNotFound."""
    row = _row(session, name_or_id)
    if row is None:
        raise CollectionNotFound(f"No collection is called {name_or_id[:60]!r}. It may have been renamed or removed.")
    return row


def ids_of(session: Session, names: Iterable[str], *, make: bool) -> tuple[frozenset[str], list[str]]:
    """The ids of collections by name or id, and those that were made for it. Raises InputError for a kept search, and
    CollectionNotFound for what there is not, unless it is to be made."""
    ids, new = set(), []
    for name in names:
        row = _row(session, name) if make else found(session, name)
        if row is None:
            row = made(session, name, None)
            new.append(row.id)
        _check_members(row)
        ids.add(row.id)
    return frozenset(ids), new


def made(session: Session, name: str, query: str | None, *, id: str | None = None) -> CollectionTable:
    """A new row; the name must be free."""
    row = CollectionTable(
        id=id or str(ULID()), name=name, folded=folded(name), query=query, created_at=datetime.now(UTC)
    )
    session.add(row)
    session.flush()
    mark_unwritten(session)
    return row


def removed(session: Session, id: str) -> None:
    """Takes the row away; its members must have gone."""
    session.connection().execute(delete(CollectionTable).where(col(CollectionTable.id) == id))
    mark_unwritten(session)


def restored(session: Session, record: Any) -> bool:
    """Gives a collection that has none its row back, under another name where its own is taken; whether it did."""
    try:
        id, name, query = record["id"], collection_name(record["name"]), record.get("query")
        created_at = datetime.fromisoformat(record["created_at"]).astimezone(UTC)
    except (InputError, KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return False
    if not isinstance(id, str) or not ID.fullmatch(id) or not (query is None or isinstance(query, str)):
        return False
    if _row(session, id) is not None:
        return False
    number, free = 1, name
    while _row(session, free) is not None:
        number += 1
        free = f"{name[:90]} {number}"
    made(session, free, query, id=id)
    values = update(CollectionTable).where(col(CollectionTable.id) == id).values(created_at=created_at)
    session.connection().execute(values)
    return True


def problem_of(record: Any) -> str:
    """Why the collection of a record cannot be, as a sentence; "" where it can, or is none at all."""
    try:
        collection_name(record["name"])
        if isinstance(query := record.get("query"), str) and len(_query(query)) > TEXT_MAX:
            return f"Its search has {len(query):,} characters. It may have {TEXT_MAX:,}."
    except InputError as exc:
        return str(exc)
    except (KeyError, TypeError, AttributeError):
        pass  # no record of ours
    return ""


def matching(session: Session, record: Any) -> bool:
    """Whether a collection like the one of a record is there: by its id, or by name and, where it has one, query."""
    try:
        id, name, query = record["id"], collection_name(record["name"]), record.get("query")
    except (InputError, KeyError, TypeError, AttributeError):
        return False
    if isinstance(id, str) and _row(session, id) is not None:
        return True
    row = _row(session, name)
    return row is not None and row.query == query


def record_of(row: CollectionTable) -> dict[str, Any]:
    """A collection as JSON-ready values; `restored` makes its row of them."""
    return {"id": row.id, "name": row.name, "query": row.query, "created_at": row.created_at.isoformat()}


def mark_unwritten(session: Session) -> None:
    """Says that the file is behind; each time by another mark, so that none is taken for written too early."""
    newest = session.exec(select(func.coalesce(func.max(CollectionsUnwrittenTable.mark), 0))).one()
    session.connection().execute(insert(CollectionsUnwrittenTable).values(mark=newest + 1))


def _row(session: Session, name_or_id: str) -> CollectionTable | None:
    text = name_or_id.encode("utf-8", "replace").decode()
    row = session.get(CollectionTable, text) if ID.fullmatch(text) else None
    return row or session.exec(select(CollectionTable).where(CollectionTable.folded == folded(text))).first()


def _check_free(session: Session, name: str, besides: str | None = None) -> None:
    taken = _row(session, name)
    if taken is not None and taken.id != besides:
        raise InputError(f"There is a collection {taken.name!r} already. Choose another name.")


def _check_members(row: CollectionTable) -> None:
    """Raises InputError for a kept search."""
    if row.query is not None:
        raise InputError(
            f"{row.name!r} is a kept search: its pictures are those that {row.query[:60]!r} finds. Choose another "
            "collection."
        )


def _query(query: str) -> str:
    if not query.strip():
        raise InputError("A kept search needs something to search for. Say what.")
    return query.strip()


def _counts(session: Session, table: Any, key: Any) -> dict[str, int]:
    """How many pictures in the gallery each value of ``key`` has: all, without the deleted, which are few."""
    count = dict(session.execute(select(key, func.count()).select_from(table).group_by(key)).all())
    gone = (
        select(key, func.count())
        .select_from(GenerationTable)
        .join(table, col(table.seq) == GenerationTable.seq)
        .where(col(GenerationTable.deleted_at).is_not(None))
        .group_by(key)
    )
    for value, deleted in session.execute(gone):
        count[value] -= deleted
    return count


def _members(session: Session, id: str) -> int:
    member = MemberTable
    inside = select(func.count()).select_from(member).where(member.collection_id == id)
    deleted = inside.join(GenerationTable, col(GenerationTable.seq) == member.seq).where(
        col(GenerationTable.deleted_at).is_not(None)
    )
    return session.exec(inside).one() - session.exec(deleted).one()


def _collection(row: CollectionTable, pictures: int) -> Collection:
    return Collection(row.id, row.name, row.query, row.created_at, None if row.query is not None else pictures)

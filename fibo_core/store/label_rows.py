"""Labels as they stand in rows: read for many pictures at once, and written where they differ.

Everything that writes must be in a writing transaction. A row whose labels were written is marked until
`label_files.py` has told the picture's files.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import bindparam, delete, text
from sqlmodel import Session, col, select

from fibo_core.store.generation import RATINGS, Generation
from fibo_core.store.labels import Labels
from fibo_core.store.rows import DamagedRow
from fibo_core.store.tables import CollectionTable, MemberTable, TagTable

PIECE = 500  #: pictures read or changed at once

#: Bare, since a damaged row may hold anything there.
_ROWS = text(
    "SELECT seq, favorite, rating, CAST(deleted_at AS TEXT) FROM generation WHERE seq IN :seqs ORDER BY seq"
).bindparams(bindparam("seqs", expanding=True))
_MARK = text("UPDATE generation SET favorite = :favorite, rating = :rating, label_dirty = 1 WHERE seq = :seq")
_DELETE = text("UPDATE generation SET deleted_at = :deleted_at WHERE seq = :seq")
_TAG = text("INSERT OR IGNORE INTO tag (folded, seq, name) VALUES (:folded, :seq, :name)")
_UNTAG = text("DELETE FROM tag WHERE folded = :folded AND seq = :seq")
_JOIN = text("INSERT OR IGNORE INTO collection_member (collection_id, seq) VALUES (:collection_id, :seq)")
_LEAVE = text("DELETE FROM collection_member WHERE collection_id = :collection_id AND seq = :seq")


def with_labels(
    session: Session, rows: Iterable[tuple[int, Generation | DamagedRow]]
) -> list[tuple[int, Generation | DamagedRow]]:
    """Pictures, each with its seq, and now with their tags and the names of their collections."""
    rows = list(rows)
    tags: dict[int, tuple[str, ...]] = {}
    collections: dict[int, tuple[tuple[str, str], ...]] = {}
    for piece in batched([seq for seq, _ in rows]):
        tags |= tags_of(session, piece)
        collections |= collections_of(session, piece)
    return [
        (seq, replace(it, tags=tags.get(seq, ()), collections=tuple(name for _, name in collections.get(seq, ()))))
        if isinstance(it, Generation) and (seq in tags or seq in collections)
        else (seq, it)
        for seq, it in rows
    ]


def batched(seqs: Sequence[int]) -> Iterator[Sequence[int]]:
    """In pieces that a statement takes."""
    return (seqs[start : start + PIECE] for start in range(0, len(seqs), PIECE))


def tags_of(session: Session, seqs: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """The tags of each picture that has any, by name."""
    tag = TagTable
    statement = select(tag.seq, tag.name).where(col(tag.seq).in_(seqs)).order_by(col(tag.folded))
    found: dict[int, tuple[str, ...]] = {}
    for seq, name in session.exec(statement):
        found[seq] = (*found.get(seq, ()), name)
    return found


def collections_of(session: Session, seqs: Sequence[int]) -> dict[int, tuple[tuple[str, str], ...]]:
    """The collections that each picture is in, id and name, by name; kept searches are none of them."""
    member, collection = MemberTable, CollectionTable
    statement = (
        select(member.seq, collection.id, collection.name)
        .join(collection, col(collection.id) == member.collection_id)
        .where(col(member.seq).in_(seqs))
        .order_by(col(collection.folded))
    )
    found: dict[int, tuple[tuple[str, str], ...]] = {}
    for seq, id, name in session.exec(statement):
        found[seq] = (*found.get(seq, ()), (id, name))
    return found


def label_rows(session: Session, seqs: Sequence[int]) -> dict[int, Labels]:
    """The labels of each of these pictures that has a row, damaged ones too: what is damaged counts as not said."""
    if not seqs:
        return {}
    tags: dict[int, dict[str, str]] = {}
    for seq, key, name in session.exec(
        select(TagTable.seq, TagTable.folded, TagTable.name).where(col(TagTable.seq).in_(seqs))
    ):
        tags.setdefault(seq, {})[key] = name
    members: dict[int, set[str]] = {}
    member = MemberTable
    for seq, id in session.exec(select(member.seq, member.collection_id).where(col(member.seq).in_(seqs))):
        members.setdefault(seq, set()).add(id)
    return {
        seq: Labels(
            favorite=favorite == 1,
            rating=rating if rating in RATINGS else 0,
            tags=tags.get(seq, {}),
            members=frozenset(members.get(seq, ())),
            deleted_at=deleted_at,
        )
        for seq, favorite, rating, deleted_at in session.connection().execute(_ROWS, {"seqs": list(seqs)})
    }


def write_label_rows(session: Session, changes: Mapping[int, tuple[Labels, Labels]]) -> None:
    """Writes what pictures' labels were and are now, by their seqs."""
    rows, deleted, tags, untags, joined, left = [], [], [], [], [], []
    for seq, (was, now) in changes.items():
        rows.append({"seq": seq, "favorite": now.favorite, "rating": now.rating})
        if now.deleted_at != was.deleted_at:
            deleted.append({"seq": seq, "deleted_at": now.deleted_at})
        tags += [{"folded": key, "seq": seq, "name": now.tags[key]} for key in now.tags if key not in was.tags]
        untags += [{"folded": key, "seq": seq} for key in was.tags if key not in now.tags]
        joined += [{"collection_id": id, "seq": seq} for id in now.members - was.members]
        left += [{"collection_id": id, "seq": seq} for id in was.members - now.members]
    connection = session.connection()
    each: list[tuple[Any, list[dict[str, Any]]]] = [
        (_MARK, rows), (_DELETE, deleted), (_UNTAG, untags), (_TAG, tags), (_LEAVE, left), (_JOIN, joined),
    ]  # fmt: skip
    for statement, values in each:
        if values:
            connection.execute(statement, values)


def spelt_as_before(session: Session, tags: Mapping[str, str]) -> dict[str, str]:
    """The tags, each as other pictures have it already."""
    found = {}
    for key, name in tags.items():
        used = session.exec(select(TagTable.name).where(TagTable.folded == key).limit(1)).first()
        found[key] = used or name
    return found


def forget(session: Session, seqs: Sequence[int]) -> None:
    """Takes the tags and memberships of rows away, for those that are given anew."""
    for table in (TagTable, MemberTable):
        session.connection().execute(delete(table).where(col(table.seq).in_(seqs)))

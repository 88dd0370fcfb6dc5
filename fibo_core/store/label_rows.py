"""Labels as they stand in rows: the tags and collections of pictures, read for many at once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from sqlmodel import Session, col, select

from fibo_core.store.generation import Generation
from fibo_core.store.rows import DamagedRow
from fibo_core.store.tables import CollectionTable, MemberTable, TagTable

PIECE = 500  #: pictures read or changed at once


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

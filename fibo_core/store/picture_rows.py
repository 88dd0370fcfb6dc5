"""Pictures into rows and out of them: a damaged row harms itself alone, and is named."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from fibo_core.errors import InputError
from fibo_core.store import search_index
from fibo_core.store.generation import RATINGS, Generation
from fibo_core.store.label_rows import with_labels
from fibo_core.store.rows import ID, DamagedRow, id_of, read_rows
from fibo_core.store.tables import GenerationTable, generation_of, row_of

NAMED = 3  #: damaged rows that a sentence names
SHA256 = re.compile("[0-9a-f]{64}")
ROW = re.compile("row-([0-9]{1,18})", re.ASCII)  #: what a row is called whose id is damaged too


def read_pictures(
    session: Session, statement: SelectOfScalar[GenerationTable]
) -> list[tuple[int, Generation | DamagedRow]]:
    """The rows of ``statement``, each with its seq, in its order."""
    return with_labels(session, read_rows(session, statement, GenerationTable, _value))


def readable(rows: Iterable[tuple[int, Generation | DamagedRow]]) -> list[Generation]:
    """Those that could be read."""
    return [found for _, found in rows if isinstance(found, Generation)]


def damaged(rows: Iterable[tuple[int, Generation | DamagedRow]]) -> list[DamagedRow]:
    """Those that could not be read."""
    return [found for _, found in rows if isinstance(found, DamagedRow)]


def not_read(rows: Sequence[DamagedRow]) -> str:
    """The sentence that names damaged rows, the first few of them."""
    count = "1 picture" if len(rows) == 1 else f"{len(rows):,} pictures"
    named = ", ".join(row.id for row in rows[:NAMED])
    more = f" and {len(rows) - NAMED:,} more" if len(rows) > NAMED else ""
    mended = "it anew from its file" if len(rows) == 1 else "them anew from their files"
    return f"{count} could not be read: {named}{more}. Rebuild the history: that reads {mended}."


def with_rows(session: Session, ids: Sequence[str]) -> set[str]:
    """Those of the ids that have a row, be it damaged."""
    return set(session.exec(select(GenerationTable.id).where(col(GenerationTable.id).in_(ids))))


def with_paths(session: Session, paths: Sequence[str]) -> set[str]:
    """Those of the paths that a row names. Without paths nothing is asked: it reads all rows."""
    if not paths:
        return set()
    path = col(GenerationTable.image_path)
    return set(session.exec(select(path).where(path.in_(paths))))


def place_row(session: Session, generation: Generation, file_bytes: int, file_sha256: str) -> int | None:
    """Gives a picture its row: a new one, or its own written over, whose labels and deletion stay, and the hash that
    tells whether its file was altered since.

    Returns its seq where the row knows of no labels, being new or damaged there. Must be in a writing transaction.
    """
    row = row_of(generation, file_bytes, file_sha256)
    seq = session.exec(select(GenerationTable.seq).where(GenerationTable.id == generation.id)).first()
    while seq is None:
        if session.exec(select(GenerationTable.seq).where(GenerationTable.seq == row.seq)).first() is None:
            session.add(row)
            session.flush()
            search_index.place(session, row.seq)
            return row.seq
        if id_of(session, GenerationTable, row.seq) is None:
            seq = row.seq  # its own, whose id is damaged
        row.seq += 1  # another process, the same microsecond
    # Changed, never deleted and added: the search index follows a row's text when it comes and goes, and a damaged one
    # would not let go of the words it was indexed by.
    values = {name: value for name, value in row.model_dump().items() if name != "seq"}
    favorite, rating = _mark(session, seq, "favorite"), _mark(session, seq, "rating")
    known = _mark(session, seq, "file_sha256")
    values |= {
        "favorite": favorite or False,
        "rating": rating if rating in RATINGS else 0,
        "label_dirty": True,
        "deleted_at": _mark(session, seq, "deleted_at"),
        "file_sha256": known if isinstance(known, str) and SHA256.fullmatch(known) else file_sha256,
    }
    session.connection().execute(update(GenerationTable).where(col(GenerationTable.seq) == seq).values(values))
    return seq if favorite is None or rating not in RATINGS else None


def adopt_row(session: Session, generation: Generation, file_bytes: int, file_sha256: str) -> int | None:
    """Gives a picture its row unless it has one that can be read: its writer came here meanwhile, and knows more.

    Returns as `place_row` does.
    """
    own = select(GenerationTable).where(GenerationTable.id == generation.id)
    if readable(read_pictures(session, own)):
        return None
    return place_row(session, generation, file_bytes, file_sha256)


def _mark(session: Session, seq: int, name: str) -> Any:
    """What a row says in one column, None where that is damaged."""
    try:
        return session.exec(select(getattr(GenerationTable, name)).where(GenerationTable.seq == seq)).one()
    except (TypeError, ValueError):  # a date that is none
        return None


def _value(row: GenerationTable) -> Generation:
    if not ID.fullmatch(row.id):
        raise InputError(f"its id is {row.id!r:.60}")
    return generation_of(row)

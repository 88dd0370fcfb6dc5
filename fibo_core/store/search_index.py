"""The search index kept true: pictures that come are read into it, those that have gone are taken out.

Triggers only note what is to be done (`search_due`, `search_gone`); it is done here, since the words of many scripts
are cut by Python. Who stores a picture does its part at once, in the same transaction; the rest, and all pictures of
versions before, are done in the background, the newest first.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from fibo_core.store import index_words
from fibo_core.store.database import Database
from fibo_core.store.index_text import COLUMNS, facts_of, indexed, read_document

ROWS_AT_ONCE = 200  #: that are read in one transaction
PAUSE_S = 0.02  #: after each, for whoever waits for a page
FACETS_WITHOUT = frozenset({"has", "is", "writer"})  #: facts that no gallery is narrowed by

_READ = ("words", "structured_prompt", "mode", "model", "writer", "writer_model", "edited", "parent_id", "source_path",
         "other_sources")  # fmt: skip


def rows_to_fill(session: Session) -> int:
    """How many pictures the index has not been given yet."""
    count: int = session.connection().execute(text("SELECT count(*) FROM search_due")).scalar_one()
    return count


def place(session: Session, seq: int) -> None:
    """Reads a row that has just been added into the index. Must be in a writing transaction."""
    _take_out(session, " WHERE seq = :seq", {"seq": seq})
    _read_in(session, [seq])


def fill(database: Database, ending: threading.Event) -> None:
    """Does what is left to be done, some rows at a time, until all is done or ``ending`` is set."""
    while not ending.is_set():
        with database.read() as session:
            execute = session.connection().execute
            if execute(_ANY_DUE).scalar() is None and execute(_ANY_GONE).scalar() is None:
                return
        with database.write() as session:
            _take_out(session, " WHERE words IS NOT NULL", {})
            due = list(session.connection().execute(_NEXT, {"limit": ROWS_AT_ONCE}).scalars())
            _read_in(session, sorted(due))
        ending.wait(PAUSE_S)


def _read_in(session: Session, seqs: Sequence[int]) -> None:
    if not seqs:
        return
    connection = session.connection()
    columns, facets, said = [], [], []
    for seq in seqs:
        row = connection.execute(_ROW, {"seq": seq}).mappings().first()
        if row is None:
            continue
        texts, facts = _texts(dict(row))
        columns.append(dict(zip(_NAMES, (seq, *texts), strict=True)))
        said.append(" ".join(texts))
        names = dict.fromkeys(f"{key}:{value}" for key, value in facts if key not in FACETS_WITHOUT)
        facets.append({"seq": seq, "names": json.dumps(list(names))})
    if columns:
        connection.execute(_ADD, columns)
        connection.execute(_FACETS, facets)
        index_words.keep(session, index_words.cut(said))
    connection.execute(_DONE, [{"seq": seq} for seq in seqs])


def _take_out(session: Session, which: str, values: Mapping[str, Any]) -> None:
    """Takes rows that are gone out of the index. One whose prompt was damaged stays noted: its words are not known any
    more, and searches pass it over."""
    connection = session.connection()
    rows = connection.execute(text(f"SELECT number, seq, {_AS_BYTES} FROM search_gone{which} LIMIT 500"), values)
    for row in rows.mappings().all():
        if row["words"] is not None and read_document(_str(row["structured_prompt"])) is not None:
            connection.execute(_TAKE, dict(zip(_NAMES, (row["seq"], *_texts(dict(row))[0]), strict=True)))
        elif "seq" not in values:
            connection.execute(_TOMB, {"number": row["number"]})
            continue
        connection.execute(_FORGET, {"number": row["number"]})


def _texts(row: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, str]]]:
    """What the index is given of a row, whatever stands in it, and what is said of its picture."""
    whole = {name: _str(row[name]) for name in _READ}
    document = read_document(whole["structured_prompt"]) or {}
    facts = facts_of(whole | {"edited": row["edited"] not in (None, 0, b"0")}, document)
    return indexed(whole["words"] or "", document, facts), facts


def _str(value: Any) -> str | None:
    """A column's text; bytes that are no UTF-8 are passed over."""
    return value.decode("utf-8", "ignore") if isinstance(value, bytes) else value if isinstance(value, str) else None


_AS_BYTES = ", ".join(f"CAST({name} AS BLOB) AS {name}" for name in _READ)
_NAMES = ("seq", *COLUMNS)
_ANY_DUE = text("SELECT 1 FROM search_due LIMIT 1")
_ANY_GONE = text("SELECT 1 FROM search_gone WHERE words IS NOT NULL LIMIT 1")
_NEXT = text("SELECT seq FROM search_due ORDER BY seq DESC LIMIT :limit")
_ROW = text(f"SELECT {_AS_BYTES} FROM generation WHERE seq = :seq")
_VALUES = ", ".join(f":{name}" for name in _NAMES)
_ADD = text(f"INSERT INTO generation_search (rowid, {', '.join(COLUMNS)}) VALUES ({_VALUES})")
_TAKE = text(
    f"INSERT INTO generation_search (generation_search, rowid, {', '.join(COLUMNS)}) VALUES ('delete', {_VALUES})"
)
_FACETS = text("INSERT OR IGNORE INTO generation_facets (seq, names) VALUES (:seq, :names)")
_DONE = text("DELETE FROM search_due WHERE seq = :seq")
_FORGET = text("DELETE FROM search_gone WHERE number = :number")
_TOMB = text("UPDATE search_gone SET words = NULL, structured_prompt = NULL WHERE number = :number")

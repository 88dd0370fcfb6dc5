"""What a gallery shows: the query as a value, and its conditions in SQL.

The gallery is ordered by `seq`, the moment of creation, which is also the search index's row number; so
pages, neighbours and searches all move along one index.
"""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, Integer, false, literal_column
from sqlalchemy.sql import column, table
from sqlmodel import col

from fibo_core.store.generation import Mode
from fibo_core.store.tables import GenerationTable, microseconds

WORDS_MAX = 32  #: words of a search that count

index = table("generation_search", column("rowid", Integer))


@dataclass(frozen=True)
class HistoryQuery:
    """Which pictures, in which order. ``text``: each of its words begins a word of what was typed or of the
    prompt. ``since`` ≤ created < ``until``, both aware. ``deleted``: those in the trash instead."""

    text: str = ""
    mode: Mode | None = None
    model: str | None = None
    favorite: bool = False
    since: datetime | None = None
    until: datetime | None = None
    newest_first: bool = True
    deleted: bool = False

    @property
    def searches(self) -> bool:
        return bool(self.text.strip())

    @property
    def order(self) -> ColumnElement[int]:
        """The column that orders the gallery; for a search the index's own, so that nothing is sorted."""
        return index.c.rowid if self.searches else cast(ColumnElement[int], GenerationTable.seq)

    def conditions(self) -> list[ColumnElement[bool]]:
        """For a statement on the generation table; with ``searches`` it must be joined with ``index`` too."""
        row = GenerationTable
        deleted_at = col(row.deleted_at)
        conditions: list[ColumnElement[bool]] = [deleted_at.is_not(None) if self.deleted else deleted_at.is_(None)]
        if self.searches:
            terms = search_terms(self.text)
            conditions.append(literal_column("generation_search").op("MATCH")(terms) if terms else false())
        if self.mode is not None:
            conditions.append(col(row.mode) == self.mode)
        if self.model is not None:
            conditions.append(col(row.model) == self.model)
        if self.favorite:
            conditions.append(col(row.favorite) == literal_column("1"))  # literally, for the partial index
        if self.since is not None:
            conditions.append(self.order >= microseconds(self.since))
        if self.until is not None:
            conditions.append(self.order < microseconds(self.until))
        return conditions


def search_terms(text: str) -> str:
    """What a user typed as an FTS5 expression: quoted beginnings of words, all of which must be there.

    "" where nothing in it can be found: the index knows letters, digits and symbols, no punctuation.
    """
    text = text.replace("\0", " ").encode("utf-8", "ignore").decode()
    words = [word for word in text.split() if any(map(_is_indexed, word))]
    return " ".join('"' + word.replace('"', '""') + '"*' for word in words[:WORDS_MAX])


def _is_indexed(character: str) -> bool:
    """Mirrors the categories of the index's tokenizer (migration 0001)."""
    category = unicodedata.category(character)
    return category[0] in "LN" or category in ("Co", "So")

"""What a gallery shows: the query as a value, and its conditions in SQL.

The search box's words: each begins a word of the picture's; `"a phrase"` is one as it stands; `-word` must not be
there; a number may be the seed, and the beginning of an id the picture's.

The gallery is ordered by `seq`, the moment of creation, which is also the search index's row number; so
pages, neighbours and searches all move along one index.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, cast

from sqlalchemy import ColumnElement, Integer, Select, false, literal_column, select, union_all
from sqlalchemy.sql import column, table
from sqlmodel import col

from fibo_core.limits import SEED_MAX
from fibo_core.store.generation import StoredMode
from fibo_core.store.segments import segmented
from fibo_core.store.tables import GenerationTable, microseconds

WORDS_MAX = 32  #: words of a search that count

ID_MIN = 8  #: characters of an id's beginning: its time, to some minutes

index = table("generation_search", column("rowid", Integer))

_TOKEN = re.compile(r'(?P<no>-?)"(?P<phrase>[^"]*)"|(?P<word>\S+)')
_ID_BEGINS = re.compile(rf"[0-7][0-9A-HJKMNP-TV-Z]{{{ID_MIN - 1},25}}", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class SearchWords:
    """A search text, read: FTS5 expressions of what must be there, and of what must not; and words that may also be a
    ``seed`` or the beginning of an ``id``."""

    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()

    @property
    def expression(self) -> str:
        """One for FTS5; "" where nothing is wanted of the index alone."""
        if not self.wanted:
            return ""
        return f"({' AND '.join(self.wanted)})" + "".join(f" NOT {each}" for each in self.unwanted)


def read_search(text: str) -> SearchWords:
    """Reads a search; never raises. What the index knows nothing of, punctuation, is passed over."""
    text = text.replace("\0", " ").encode("utf-8", "ignore").decode()
    wanted: list[str] = []
    unwanted: list[str] = []
    numbers: list[str] = []
    for match in list(_TOKEN.finditer(text))[:WORDS_MAX]:
        said = match["phrase"] if match["word"] is None else match["word"]
        no = bool(match["no"]) or (match["word"] is not None and said[0] == "-" and len(said) > 1)
        word = said[1:] if no and match["word"] is not None else said
        if not any(map(_is_indexed, word)):
            continue
        if match["word"] is not None and not no and _may_be_number(word):
            numbers.append(word)
        else:
            (unwanted if no else wanted).append(_term(word, begins=match["word"] is not None))
    return SearchWords(tuple(wanted), tuple(unwanted), tuple(numbers))


@dataclass(frozen=True)
class HistoryQuery:
    """Which pictures, in which order. ``text``: each of its words begins a word of what was typed or of the
    prompt. ``since`` ≤ created < ``until``, both aware. ``deleted``: those in the trash instead."""

    text: str = ""
    mode: StoredMode | None = None
    model: str | None = None
    favorite: bool = False
    since: datetime | None = None
    until: datetime | None = None
    newest_first: bool = True
    deleted: bool = False

    @cached_property
    def _search(self) -> SearchWords:
        return read_search(self.text)

    @property
    def searches(self) -> bool:
        """Whether the index leads: a statement is joined with it, and comes in its order."""
        return bool(self._search.expression)

    @property
    def order(self) -> ColumnElement[int]:
        """The column that orders the gallery; for a search the index's own, so that nothing is sorted."""
        return index.c.rowid if self.searches else cast(ColumnElement[int], GenerationTable.seq)

    def conditions(self) -> list[ColumnElement[bool]]:
        """For a statement on the generation table; with ``searches`` it must be joined with ``index`` too."""
        row, search = GenerationTable, self._search
        deleted_at = col(row.deleted_at)
        conditions: list[ColumnElement[bool]] = [deleted_at.is_not(None) if self.deleted else deleted_at.is_(None)]
        if self.searches:
            conditions.append(literal_column("generation_search").op("MATCH")(search.expression))
        elif search.unwanted:
            conditions += [col(row.seq).not_in(_matching(term)) for term in search.unwanted]
        elif self.text.strip() and not search.numbers:
            conditions.append(false())
        conditions += [self.order.in_(_by_number(word)) for word in search.numbers]
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


def seqs_between(query: HistoryQuery, after: int, until: int, limit: int) -> Select[Any]:
    """A query's pictures, oldest first: the next ``limit`` seqs after one, up to another."""
    order = query.order
    statement = select(order).select_from(GenerationTable)
    if query.searches:
        statement = statement.join(index, index.c.rowid == col(GenerationTable.seq))
    return statement.where(*query.conditions(), order > after, order <= until).order_by(order.asc()).limit(limit)


def _term(word: str, *, begins: bool) -> str:
    """An FTS5 term: the word's tokens one after another, the last of them whole or, with ``begins``, begun."""
    quoted = '"' + segmented(word).replace('"', '""') + '"'
    return f"{quoted}*" if begins else quoted


def _may_be_number(word: str) -> bool:
    return _seed_of(word) is not None or _ID_BEGINS.fullmatch(word) is not None


def _seed_of(word: str) -> int | None:
    digits = word.removeprefix("seed:")
    return int(digits) if re.fullmatch("[0-9]{1,19}", digits, re.ASCII) and int(digits) <= SEED_MAX else None


def _by_number(word: str) -> Any:
    """The seqs of pictures that a word is in, or whose seed it is, or whose id it begins."""
    ways = [_matching(_term(word, begins=True))]
    if (seed := _seed_of(word)) is not None:
        seq = select(col(GenerationTable.seq)).where(col(GenerationTable.seed) == seed)
        ways = [seq] if word.startswith("seed:") else [*ways, seq]
    if _ID_BEGINS.fullmatch(word):
        first = word.upper()
        ways.append(select(col(GenerationTable.seq)).where(col(GenerationTable.id).between(first, first + "~")))
    return union_all(*ways)


def _matching(term: str) -> Select[Any]:
    return select(index.c.rowid).select_from(index).where(literal_column("generation_search").op("MATCH")(term))


def _is_indexed(character: str) -> bool:
    """Mirrors the categories of the index's tokenizer (migration 0001)."""
    category = unicodedata.category(character)
    return category[0] in "LN" or category in ("Co", "So")

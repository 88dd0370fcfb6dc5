"""What a gallery shows: the query as a value, and how it is found along an index, whatever the number of pictures.

The gallery is ordered by `seq`, the moment of creation, which is also the search index's row number; so pages,
neighbours and searches all move along one index, and nothing is ever sorted. A search is led by the index of its words
or by the smallest of its labels, seeds and the like, whichever costs less; the other conditions are looked up for each
picture.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from itertools import islice, product

from sqlalchemy import text
from sqlmodel import Session

from fibo_core.errors import InputError
from fibo_core.store.generation import StoredMode
from fibo_core.store.index_text import EVERY
from fibo_core.store.query import Query, parse
from fibo_core.store.resolving import exists, resolved
from fibo_core.store.tables import microseconds
from fibo_core.store.terms import (
    DateTerm,
    GroupTerm,
    MemberTerm,
    NothingTerm,
    NumberTerm,
    Parameters,
    Term,
    TextTerm,
    found_by,
    quoted,
)

COUNT_MAX = 10_000  #: pictures that are counted; one more means "more"
_LOOK, _LOOK_AT_LABELS = 3_000, 20_000  #: pictures of either side, when it is decided what leads
#: Microseconds: to the index's next picture; to look for one picture in it; and more for each word that is asked.
_STEP_COST, _LOOK_UP_COST, _WORD_COST = 1.5, 100.0, 20.0
_ALL = 10**9  #: pictures, where none is left out
_OPTIONS_MAX = 2  #: words that may be seeds and are searched for as such along an index


@dataclass(frozen=True)
class HistoryQuery:
    """Which pictures, in which order. ``text`` is a search, in the grammar of `query.py`; ``zone`` is where its days
    begin. ``since`` ≤ created < ``until``, both aware. ``deleted``: those in the trash instead."""

    text: str = ""
    mode: StoredMode | None = None
    model: str | None = None
    favorite: bool = False
    since: datetime | None = None
    until: datetime | None = None
    newest_first: bool = True
    deleted: bool = False
    zone: tzinfo = UTC

    @cached_property
    def search(self) -> Query:
        """Its text, read."""
        return parse(self.text, self.zone)

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """All that must hold, but for being in the trash or not."""
        terms: list[Term] = [*self.search.terms]
        if self.mode is not None:
            terms.append(MemberTerm(key="mode", value=self.mode))
        if self.model is not None:
            terms.append(MemberTerm(key="model", value=self.model))
        if self.favorite:
            terms.append(MemberTerm(key="favorite"))
        if self.since is not None or self.until is not None:
            since, until = (None if it is None else microseconds(it) for it in (self.since, self.until))
            terms.append(DateTerm(since=since, until=until))
        return tuple(terms)


@dataclass(frozen=True)
class _Source:
    """Pictures in the order of ``seq`` along one index: of ``rows``, what stands behind FROM, ``seq`` being their
    column; ``where`` further conditions."""

    rows: str
    seq: str
    where: tuple[str, ...]
    parameters: Parameters

    def statement(self, what: str, *conditions: str) -> str:
        return f"SELECT {what} FROM {self.rows} AND {' AND '.join((*self.where, *conditions, '1'))}"


def find(
    session: Session,
    query: HistoryQuery,
    *,
    beyond: int | None,
    newest_first: bool,
    limit: int,
    until: int | None = None,
) -> list[int]:
    """The seqs of the first pictures of a query, or of those ``beyond`` one; none above ``until``."""
    found = []
    for source in _sources(session, query, limit):
        conditions = [] if beyond is None else [f"{source.seq} {'<' if newest_first else '>'} :beyond"]
        conditions += [] if until is None else [f"{source.seq} <= :until"]
        order = f" ORDER BY {source.seq} {'DESC' if newest_first else 'ASC'} LIMIT :limit"
        asked = source.parameters | {"beyond": beyond, "until": until, "limit": limit}
        statement = text(source.statement(source.seq, *conditions) + order)
        found.append(list(session.connection().execute(statement, asked).scalars()))
    return list(islice(heapq.merge(*found, reverse=newest_first), limit))


def extent(session: Session, query: HistoryQuery, until: int | None = None) -> tuple[int, int]:
    """How many pictures a query has, all of them counted, and the bytes of their files; none above ``until``."""
    pictures, size = 0, 0.0
    for source in _sources(session, query, _ALL):
        conditions = [] if until is None else [f"{source.seq} <= :until"]
        seqs = source.statement(f"{source.seq} AS seq", *conditions)
        counted = "iif(typeof(g.file_bytes) = 'integer', g.file_bytes, 0)"
        statement = text(f"SELECT count(*), total({counted}) FROM ({seqs}) f JOIN generation g ON g.seq = f.seq")
        found = session.connection().execute(statement, source.parameters | {"until": until}).one()
        pictures, size = pictures + found[0], size + found[1]
    return pictures, int(size)


def count(session: Session, query: HistoryQuery, most: int = COUNT_MAX) -> int:
    """How many pictures a query has; one more than ``most`` where there are more."""
    total = 0
    for source in _sources(session, query, most):
        statement = f"SELECT count(*) FROM ({source.statement('1')} LIMIT :limit)"
        asked = source.parameters | {"limit": most + 1 - total}
        total += session.connection().execute(text(statement), asked).scalar_one()
        if total > most:
            break
    return total


def understood(session: Session, query: HistoryQuery) -> Query:
    """The query's search with all that only the database knows: fields, tags and collections that nobody has. Whatever
    is a problem of it, it finds nothing."""
    return replace(query.search, problems=resolved(session, query.search, query.search.terms).problems)


def check_understood(session: Session, query: HistoryQuery) -> None:
    """Raises InputError for a search with a problem: nothing is done to many pictures by one."""
    if problems := understood(session, query).problems:
        raise InputError(" ".join(problems))


def _sources(session: Session, query: HistoryQuery, wanted: int) -> list[_Source]:
    """Where the pictures of a query come from; none is in two of them. ``wanted`` is how many will be read."""
    asked = resolved(session, query.search, query.terms)
    if asked.problems:
        return []
    fixed: list[Term] = []
    options: list[list[Term]] = []
    for term in asked.terms:
        if not isinstance(term, NumberTerm):
            fixed.append(term)
            continue
        others = [it for it in term.others if exists(session, it.members[0])]
        if not others:
            fixed.append(term.word)
        elif len(options) == _OPTIONS_MAX:
            fixed.append(replace(term, others=tuple(others)))
        else:
            options.append(_apart([term.word, *others]))
    sources: list[_Source] = []
    for chosen in product(*options):
        sources += _led(session, query, _flat((*fixed, *chosen)), wanted)
    return sources


def _flat(terms: Iterable[Term]) -> list[Term]:
    """Terms with those of groups in the place of the groups."""
    flat: list[Term] = []
    for term in terms:
        flat += _flat(term.terms) if isinstance(term, GroupTerm) and not term.excluded else [term]
    return flat


def _apart(ways: list[Term]) -> list[Term]:
    """Each way without what an earlier one has."""
    return [
        GroupTerm(terms=(way, *(replace(before, excluded=True) for before in ways[:place])))
        for place, way in enumerate(ways)
    ]


def _led(session: Session, query: HistoryQuery, terms: list[Term], wanted: int) -> list[_Source]:
    """The pictures for which all of some terms hold, led by what costs least."""
    if any(isinstance(term, NothingTerm) for term in terms):
        return []
    texts = [term for term in terms if isinstance(term, TextTerm)]
    others = [term for term in terms if not isinstance(term, TextTerm)]
    trash = MemberTerm(key="deleted", excluded=not query.deleted)
    expression = _expression(texts)
    leaders = [term for term in (*others, trash) if isinstance(term, MemberTerm) and not term.excluded]
    leader = _leader(session, query, leaders, expression, wanted)
    if leader is not None:
        sources = []
        for members in leader.members:
            parameters = Parameters(trash=query.deleted)
            rows = members.rows(parameters)
            rest = [term.condition("m.seq", parameters) for term in (*others, trash) if term is not leader]
            if expression:
                rest.append(found_by(expression, "m.seq", parameters))
            sources.append(_Source(rows, "m.seq", tuple(rest), parameters))
        return sources
    parameters = Parameters(trash=query.deleted)
    if expression:
        rows, seq = f"generation_search s WHERE s.generation_search MATCH {parameters.name(expression)}", "s.rowid"
        rest = [term.condition(seq, parameters) for term in (*others, trash)]
        return [_Source(rows, seq, (*rest, *_not_gone(session, seq)), parameters)]
    rest = [term.condition("m.seq", parameters) for term in others]
    return [_Source("generation m WHERE m.deleted_at IS NULL", "m.seq", tuple(rest), parameters)]


def _leader(
    session: Session, query: HistoryQuery, leaders: list[MemberTerm], expression: str, wanted: int
) -> MemberTerm | None:
    """The one of the terms that leads; None where the index of words does, or the gallery itself."""
    if not leaders:
        return None
    if len(leaders) == 1 and not expression:
        return leaders[0]
    sizes = [_size(session, query, term, _LOOK_AT_LABELS) for term in leaders]
    smallest = min(range(len(leaders)), key=sizes.__getitem__)
    size, leader = sizes[smallest], leaders[smallest]
    if not expression:
        return leader
    parameters = Parameters()
    matching = f"SELECT 1 FROM generation_search WHERE generation_search MATCH {parameters.name(expression)}"
    hits = (
        session.connection()
        .execute(text(f"SELECT count(*) FROM ({matching} LIMIT :look)"), parameters | {"look": _LOOK})
        .scalar_one()
    )
    pictures = max(_pictures(session), 1)
    by_words = min(hits if hits < _LOOK else pictures, wanted * pictures / max(size, 1)) * _STEP_COST
    look_up = _LOOK_UP_COST + _WORD_COST * expression.count('"') / 2
    by_leader = min(size, wanted * pictures / max(hits, 1)) * look_up
    return leader if by_leader < by_words else None


def _size(session: Session, query: HistoryQuery, term: MemberTerm, most: int) -> int:
    """How many pictures a term has; ``most`` where there are as many or more."""
    total = 0
    for members in term.members:
        parameters = Parameters(trash=query.deleted)
        statement = f"SELECT count(*) FROM (SELECT 1 FROM {members.rows(parameters)} LIMIT :most)"
        total += session.connection().execute(text(statement), parameters | {"most": most}).scalar_one()
    return total


def _pictures(session: Session) -> int:
    total: int = session.connection().execute(text("SELECT total(pictures) FROM gallery_total")).scalar_one()
    return total


def _not_gone(session: Session, place: str) -> tuple[str, ...]:
    """A condition while the index still has pictures whose rows are gone."""
    if session.connection().execute(text("SELECT 1 FROM search_gone LIMIT 1")).scalar() is None:
        return ()
    return (f"EXISTS (SELECT 1 FROM generation WHERE seq = {place})",)


def _expression(terms: list[TextTerm]) -> str:
    """One FTS5 expression of all terms; "" where there are none."""
    if not terms:
        return ""
    wanted = [term.expression for term in terms if not term.excluded] or [quoted(EVERY)]
    return f"({' AND '.join(wanted)})" + "".join(f" NOT {term.expression}" for term in terms if term.excluded)

"""What a search means here: its begun words, tags, fields and collections looked up, its kept searches read.

Whatever is not understood, at any place, is a problem of the whole search, which then finds nothing: turned round by a
minus, a mistyped part would else be every picture. Each kept search is read once, and how much they come to together
has an end.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo

from sqlalchemy import text
from sqlmodel import Session

from fibo_core.errors import InputError
from fibo_core.store import index_words
from fibo_core.store.index_text import at_path
from fibo_core.store.query import Query, parse
from fibo_core.store.query_parser import unknown_path
from fibo_core.store.terms import (
    CollectionTerm,
    GroupTerm,
    Members,
    MemberTerm,
    NothingTerm,
    NumberTerm,
    Parameters,
    Phrase,
    Term,
    TextTerm,
)

PARTS_MAX = 128  #: conditions of a search with those of all kept searches in it
DEPTH_MAX = 16  #: kept searches that ask for one another in a row

_NOTHING = NothingTerm()


@dataclass(frozen=True)
class Resolved:
    """``terms`` as the database is asked, and a sentence for each of the ``problems``, which make it find nothing."""

    terms: tuple[Term, ...]
    problems: tuple[str, ...]


def resolved(session: Session, search: Query, terms: Iterable[Term]) -> Resolved:
    """The terms of a search, and what is wrong with it."""
    reading = _Reading(session, search.zone)
    found, _ = reading.terms(tuple(terms), "", ())
    return Resolved(tuple(found), tuple(dict.fromkeys((*search.problems, *reading.circles, *reading.problems))))


def check_kept(session: Session, name: str, query: str) -> None:
    """Raises InputError for a kept search that can never find anything: not read, asking for itself, or for too much.
    ``name`` is its folded one. Tags, fields and collections may still come."""
    search = parse(query)
    reading = _Reading(session, UTC)
    reading.terms(search.terms, "", (name,))
    if wrong := (*search.problems, *reading.circles):
        raise InputError(f"{wrong[0]} So nothing was kept.")


class _Reading:
    """One search being resolved. ``circles`` are those of its problems that lie in how kept searches ask for one
    another."""

    def __init__(self, session: Session, zone: tzinfo) -> None:
        self._session = session
        self._zone = zone
        self._kept: dict[str, tuple[Term, int]] = {}
        self._parts = 0
        self.problems: list[str] = []
        self.circles: list[str] = []

    def terms(self, terms: tuple[Term, ...], place: str, within: tuple[str, ...]) -> tuple[list[Term], int]:
        """The terms, and how many conditions they are. ``place`` says in which kept search they stand."""
        found: list[Term] = []
        parts = 0
        for term in terms:
            size = 1
            if isinstance(term, CollectionTerm):
                inside, size = self._collection(term, place, within)
                found.append(replace(inside, excluded=term.excluded))
            else:
                found.append(self._term(term, place))
            parts += size
        if parts > PARTS_MAX:
            self._too_much()
            return [_NOTHING], 1
        return found, parts

    def _too_much(self) -> None:
        self.circles.append(f"With its kept searches a search has at most {PARTS_MAX} parts. Leave some out.")

    def _term(self, term: Term, place: str) -> Term:
        if isinstance(term, TextTerm):
            if term.path and index_words.begun(self._session, at_path(term.path, "").lower(), 0) is not None:
                self.problems.append(place + unknown_path(term.path))
            return _spelled_out(self._session, term)
        if isinstance(term, NumberTerm):
            return replace(term, word=_spelled_out(self._session, term.word))
        if isinstance(term, MemberTerm) and term.key == "tag" and not exists(self._session, term.members[0]):
            self.problems.append(f"{place}No picture has the tag {term.value:.60}.")
        return term

    def _collection(self, term: CollectionTerm, place: str, within: tuple[str, ...]) -> tuple[Term, int]:
        if term.name in within:
            self.circles.append(f"The kept search {term.name:.60} asks for itself. Change what one of them asks for.")
            return _NOTHING, 1
        if len(within) >= DEPTH_MAX:
            self.circles.append(f"Kept searches ask for others at most {DEPTH_MAX} in a row. Ask for what is meant.")
            return _NOTHING, 1
        if term.name not in self._kept:
            self._kept[term.name] = self._read(term, place, within)
        return self._kept[term.name]

    def _read(self, term: CollectionTerm, place: str, within: tuple[str, ...]) -> tuple[Term, int]:
        statement = text("SELECT id, name, query FROM collection WHERE folded = :name")
        row = self._session.connection().execute(statement, {"name": term.name}).first()
        if row is None:
            self.problems.append(f"{place}There is no collection {term.name:.60}.")
            return _NOTHING, 1
        id, name, query = row
        if query is None:
            return MemberTerm(key="collection", value=id), 1
        search = parse(query, self._zone)
        here = f"In the kept search {name:.60}: "
        self.problems += [here + problem for problem in search.problems]
        self._parts += len(search.terms)
        if self._parts > PARTS_MAX:
            self._too_much()
            return _NOTHING, 1
        terms, parts = self.terms(search.terms, here, (*within, term.name))
        return GroupTerm(terms=tuple(terms)), max(parts, 1)


def exists(session: Session, members: Members) -> bool:
    """Whether there is any such picture, in the gallery or in the trash."""
    parameters = Parameters(trash=True)
    statement = text(f"SELECT 1 FROM {members.rows(parameters)} LIMIT 1")
    return session.connection().execute(statement, parameters).scalar() is not None


def _spelled_out(session: Session, term: TextTerm) -> TextTerm:
    """The term with each begun word as the words that begin so, which SQLite reads no further than is asked for."""
    phrases: list[Phrase] = []
    for phrase in term.phrases:
        spelled = _words_for(session, phrase)
        phrases += [phrase] if spelled is None else spelled
    return replace(term, phrases=tuple(phrases))


def _words_for(session: Session, phrase: Phrase) -> list[Phrase] | None:
    if not phrase.begun or not (words := index_words.in_order(phrase.words)):
        return None
    if len(words[-1]) == index_words.PREFIX or (ends := index_words.begun(session, words[-1])) is None:
        return None
    return [Phrase(" ".join([*words[:-1], end]), False, phrase.columns) for end in ends or words[-1:]]

"""The conditions a search is made of: each gives its SQL for a picture's `seq`, and can test one picture in Python.

Words are the index's matter (`TextTerm`); what changes about a picture, its labels, is looked up in their own tables,
as are its seed and id (`MemberTerm`); dates are a range of `seq` itself.
"""

import sqlite3
import unicodedata
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import cached_property
from typing import Any

from fibo_core.store.generation import Generation
from fibo_core.store.index_text import COLUMNS, facts_of, indexed
from fibo_core.store.index_words import TOKENIZER
from fibo_core.store.tables import microseconds

ID_MIN = 8  #: characters of an id's beginning: its time, to a second

_SHOWN = " AND m.deleted_at IS NULL"


def folded(name: str) -> str:
    """By what names of tags and collections are compared."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


class Parameters(dict[str, Any]):
    """The values of a statement, each under a name of its own. ``trash``: it is about deleted pictures."""

    def __init__(self, *, trash: bool = False) -> None:
        super().__init__()
        self.trash = trash

    def name(self, value: Any) -> str:
        """A place for ``value`` in the statement."""
        name = f"p{len(self)}"
        self[name] = value
        return f":{name}"


@dataclass(frozen=True)
class Members:
    """Some pictures: those of the rows ``m`` of ``table`` for which ``where`` holds, each ? in it the next of
    ``values``. They come in the order of ``seq`` along ``index``, which may leave out what was ``deleted``."""

    table: str
    where: str
    values: tuple[Any, ...]
    index: str | None = None
    partial: bool = False  #: the index has no deleted pictures

    def rows(self, parameters: Parameters, name: str = "m") -> str:
        """What stands behind FROM; the rows are called ``name`` there."""
        first, *others = (f"{self.where}{_SHOWN}" if self.partial and not parameters.trash else self.where).split("?")
        values = zip(self.values, others, strict=True)
        where = first + "".join(parameters.name(value) + text for value, text in values)
        index = f" INDEXED BY {self.index}" if self.index and not (self.partial and parameters.trash) else ""
        return f"{self.table} {name}{index} WHERE {where.replace('m.', f'{name}.')}"

    def hold(self, seq: str, parameters: Parameters) -> str:
        """Whether the picture of the SQL expression ``seq`` is one of them."""
        return f"EXISTS (SELECT 1 FROM {self.rows(parameters, 'c')} AND c.seq = {seq})"


class Seen:
    """One picture as the terms test it; ``kept`` are the searches that are collections, by their folded names."""

    def __init__(self, picture: Generation, kept: Mapping[str, str], zone: tzinfo = UTC) -> None:
        self.picture, self.kept, self.zone = picture, kept, zone

    def has(self, expression: str) -> bool:
        """Whether the picture is found in an index of its own: its words are cut by SQLite, as all are."""
        with closing(self._index.execute("SELECT 1 FROM one WHERE one MATCH ?", (expression,))) as found:
            return found.fetchone() is not None

    @cached_property
    def _index(self) -> sqlite3.Connection:
        picture, request = self.picture, self.picture.request
        row = {
            "mode": picture.mode, "model": request.model, "writer": picture.writer, "edited": picture.edited,
            "writer_model": picture.writer_model, "parent_id": picture.parent_id, "source_path": picture.source_path,
            "other_sources": "" if not picture.other_sources else "some",
        }  # fmt: skip
        document = request.prompt.document
        columns = indexed(picture.words, document, facts_of(row, document))
        connection = sqlite3.connect(":memory:")
        connection.execute(f'CREATE VIRTUAL TABLE one USING fts5({", ".join(COLUMNS)}, tokenize="{TOKENIZER}")')
        connection.execute(f"INSERT INTO one VALUES ({', '.join('?' * len(COLUMNS))})", columns)
        return connection


@dataclass(frozen=True, kw_only=True)
class Term:
    """One condition; ``excluded`` turns it round. ``at`` is from where to where it stands in the text, ``label`` what
    was understood."""

    excluded: bool = False
    at: tuple[int, int] = (0, 0)
    label: str = ""

    def condition(self, seq: str, parameters: Parameters) -> str:
        holds = self._holds(seq, parameters)
        return f"NOT ({holds})" if self.excluded else f"({holds})"

    def match(self, seen: Seen) -> bool:
        return self._match(seen) != self.excluded

    def _holds(self, seq: str, parameters: Parameters) -> str:
        raise NotImplementedError

    def _match(self, seen: Seen) -> bool:
        raise NotImplementedError


def found_by(expression: str, seq: str, parameters: Parameters) -> str:
    """Whether the index finds the picture of the SQL expression ``seq``."""
    asked = f"f.generation_search MATCH {parameters.name(expression)}"
    return f"EXISTS (SELECT 1 FROM generation_search f WHERE {asked} AND f.rowid = {seq})"


@dataclass(frozen=True)
class Phrase:
    """Words one after another, as the index has them, the last of them whole or ``begun``; in some columns of it, or
    in any."""

    words: str
    begun: bool
    columns: tuple[str, ...] = ()

    @property
    def expression(self) -> str:
        """In the language of FTS5."""
        return self.only_in_columns(quoted(self.words) + ("*" if self.begun else ""))

    def only_in_columns(self, expression: str) -> str:
        return f"({{{' '.join(self.columns)}}} : {expression})" if self.columns else expression


def quoted(words: str) -> str:
    """As FTS5 takes words for nothing but words."""
    return '"' + words.replace('"', '""') + '"'


@dataclass(frozen=True, kw_only=True)
class TextTerm(Term):
    """What the index finds: any of some phrases. ``path``: one of the prompt that no caption has, where the words are
    looked for there. ``expression`` is what FTS5 is asked."""

    phrases: tuple[Phrase, ...]
    path: str = ""

    @property
    def expression(self) -> str:
        return f"({' OR '.join(each.expression for each in self.phrases)})"

    def _holds(self, seq: str, parameters: Parameters) -> str:
        return found_by(self.expression, seq, parameters)

    def _match(self, seen: Seen) -> bool:
        return seen.has(self.expression)


@dataclass(frozen=True, kw_only=True)
class MemberTerm(Term):
    """Pictures that a table of labels, or an index of the rows, has side by side."""

    key: str
    value: Any = None

    @property
    def members(self) -> tuple[Members, ...]:
        """No picture is in two of them."""
        value = self.value
        match self.key:
            case "favorite":
                return (Members("generation", "m.favorite = 1", (), "ix_generation_favorite", True),)
            case "rating":
                where, index = "m.rating = ? AND m.rating > 0", "ix_generation_rating"
                return tuple(Members("generation", where, (stars,), index, True) for stars in sorted(value))
            case "tag":
                return (Members("tag", "m.folded = ?", (value,)),)
            case "collection":
                return (Members("collection_member", "m.collection_id = ?", (value,)),)
            case "seed":
                return (Members("generation", "m.seed = ?", (value,), "ix_generation_seed"),)
            case "id":
                return (Members("generation", "m.id BETWEEN ? AND ?", (value, value + "~")),)
            case "mode" | "model":
                return (Members("generation", f"m.{self.key} = ?", (value,), f"ix_generation_{self.key}", True),)
            case "deleted":
                return (Members("generation", "m.deleted_at IS NOT NULL", (), "ix_generation_deleted"),)
        raise AssertionError(self.key)

    def _holds(self, seq: str, parameters: Parameters) -> str:
        return " OR ".join(each.hold(seq, parameters) for each in self.members) or "0"

    def _match(self, seen: Seen) -> bool:
        picture = seen.picture
        match self.key:
            case "favorite":
                return picture.favorite
            case "rating":
                return picture.rating in self.value
            case "tag":
                return self.value in map(folded, picture.tags)
            case "seed":
                return picture.request.seed == self.value
            case "id":
                return picture.id.startswith(self.value)
            case "mode":
                return picture.mode == self.value
            case "model":
                return picture.request.model == self.value
            case "deleted":
                return picture.deleted_at is not None
        raise AssertionError(self.key)


@dataclass(frozen=True, kw_only=True)
class NumberTerm(Term):
    """A word that may as well be a seed, or the beginning of an id; any of the three is found."""

    word: TextTerm
    others: tuple[MemberTerm, ...]

    def _holds(self, seq: str, parameters: Parameters) -> str:
        return " OR ".join(each.condition(seq, parameters) for each in (*self.others, self.word))

    def _match(self, seen: Seen) -> bool:
        return any(each.match(seen) for each in (*self.others, self.word))


@dataclass(frozen=True, kw_only=True)
class DateTerm(Term):
    """Made at ``since`` or later, and before ``until``, in microseconds since 1970."""

    since: int | None = None
    until: int | None = None

    def _holds(self, seq: str, parameters: Parameters) -> str:
        sides = [] if self.since is None else [f"{seq} >= {parameters.name(self.since)}"]
        sides += [] if self.until is None else [f"{seq} < {parameters.name(self.until)}"]
        return " AND ".join(sides) or "1"

    def _match(self, seen: Seen) -> bool:
        moment = microseconds(seen.picture.created_at)
        return (self.since is None or moment >= self.since) and (self.until is None or moment < self.until)


@dataclass(frozen=True, kw_only=True)
class CollectionTerm(Term):
    """Pictures of the collection of a name; which pictures those are, or which search it is, the database knows."""

    name: str

    def _match(self, seen: Seen) -> bool:
        from fibo_core.store.query import parse

        if self.name not in seen.kept:
            return self.name in map(folded, seen.picture.collections)
        kept = {name: text for name, text in seen.kept.items() if name != self.name}
        return parse(seen.kept[self.name], seen.zone).match(seen.picture, kept)


@dataclass(frozen=True, kw_only=True)
class GroupTerm(Term):
    """All of some terms: those of a kept search."""

    terms: tuple[Term, ...]

    def _holds(self, seq: str, parameters: Parameters) -> str:
        return " AND ".join(each.condition(seq, parameters) for each in self.terms) or "1"

    def _match(self, seen: Seen) -> bool:
        return all(each.match(seen) for each in self.terms)


@dataclass(frozen=True, kw_only=True)
class NothingTerm(Term):
    """What was not understood: no picture, so that nothing is done to those nobody asked for."""

    def condition(self, seq: str, parameters: Parameters) -> str:
        return "0"

    def match(self, seen: Seen) -> bool:
        return False

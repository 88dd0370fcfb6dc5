"""What a gallery can be narrowed by, with counts, and what may be meant while a search is typed.

The counts of the whole gallery are kept by triggers. Those of a search are of its first FACET_PICTURES pictures, so
that they come as soon whatever is looked for; where there are more, "at least" is said.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlmodel import Session

from fibo_core.prompts.facets import facets as caption_facets
from fibo_core.prompts.vocabulary import suggestions_at
from fibo_core.store import index_words, search
from fibo_core.store.index_text import KNOWN_PATHS, fact, words_in
from fibo_core.store.query_parser import ALIASES, FACET_KEYS, HAS, IS, KEYS, clean
from fibo_core.store.search import COUNT_MAX, HistoryQuery
from fibo_core.store.terms import folded

FACET_PICTURES = 5_000  #: of a search, whose facets are counted
VALUES_MAX = 30  #: of a facet
SUGGESTIONS_MAX = 12
TAGS_LOOKED_AT = 200_000  #: given to pictures, among which the most frequent are found

_FIRST = (
    "is:favorite",
    "rating:>3",
    "tag:",
    "in:",
    "time:",
    "thing:",
    "color:",
    "lighting:",
)  #: while nothing is typed

_LABELS = {"model": "Model", "mode": "Made by", "in": "Collections", "tag": "Tags"}


@dataclass(frozen=True)
class FacetValue:
    """A value to narrow by: ``term`` is what is added to the search, ``pictures`` how many it leaves, None where that
    is not known beforehand."""

    value: str
    term: str
    pictures: int | None


@dataclass(frozen=True)
class Facet:
    """One thing a gallery can be narrowed by, and its values."""

    key: str
    label: str
    values: tuple[FacetValue, ...]


@dataclass(frozen=True)
class Facets:
    """What a query's gallery can be narrowed by. ``partial``: only its first FACET_PICTURES pictures were counted."""

    facets: tuple[Facet, ...]
    partial: bool


@dataclass(frozen=True)
class Suggestion:
    """What may be meant: ``text`` in the place of what stands from ``start`` to ``end``."""

    text: str
    start: int
    end: int
    pictures: int | None = None


def facets(session: Session, query: HistoryQuery) -> Facets:
    """What a query's gallery can be narrowed by; values without pictures are left out."""
    members: dict[str, int] | None = None
    if query.terms or query.deleted:
        seqs = search.find(session, query, beyond=None, newest_first=query.newest_first, limit=FACET_PICTURES + 1)
        partial = len(seqs) > FACET_PICTURES
        those = {"seqs": json.dumps(seqs[:FACET_PICTURES])}
        named = session.connection().execute(_NAMES_OF, those).scalars().all()
        counts = Counter(name for names in json.loads(f"[{','.join(named)}]") for name in names)
        tags = [(name, count) for name, count in session.connection().execute(_TAGS_OF, those)]
        members = {row[0]: row[1] for row in session.connection().execute(_MEMBERS_OF, those)}
    else:
        partial = False
        counts = Counter({row[0]: row[1] for row in session.connection().execute(_COUNTS)})
        tags = _most_tags(session)
    found = [*_from_counts(counts), _facet("in", _collections(session, members)), _facet("tag", tags)]
    return Facets(tuple(each for each in found if each.values), partial)


def _from_counts(counts: Counter[str]) -> Iterator[Facet]:
    values: dict[str, list[tuple[str, int | None]]] = {}
    for name, count in counts.items():
        key, _, value = name.partition(":")
        if count > 0 and words_in(value):  # another program may have named no model: nobody can ask for that
            values.setdefault(key, []).append((value, count))
    for facet in caption_facets():
        yield _facet(facet.key, values.get(facet.key, ()), facet.label)
    for key in ("model", "mode"):
        yield _facet(key, values.get(key, ()))


def _facet(key: str, values: Iterable[tuple[str, int | None]], label: str = "") -> Facet:
    """With the most frequent first, those without a count last."""
    ordered = sorted(values, key=lambda each: (each[1] is None, -(each[1] or 0), each[0]))[:VALUES_MAX]
    return Facet(
        key,
        label or _LABELS[key],
        tuple(FacetValue(value, term_for(key, value), count) for value, count in ordered),
    )


def term_for(key: str, value: str) -> str:
    """What a search says for a value: ``time:night``, ``model:"briaai/FIBO"``."""
    value = value.replace('"', " ")
    plain = re.fullmatch(r"[\w-]+", value) is not None and key != "model"  # in quotes a model is that and no other
    return f"{key}:{value}" if plain else f'{key}:"{value}"'


def _collections(session: Session, members: dict[str, int] | None) -> Iterator[tuple[str, int | None]]:
    """The collections that have pictures here, and the kept searches."""
    for id, name, query in session.connection().execute(_COLLECTIONS):
        if query is not None:
            yield name, None
            continue
        asked = {"id": id, "most": COUNT_MAX + 1}
        count = session.connection().execute(_MEMBERS, asked).scalar_one() if members is None else members.get(id, 0)
        if count:
            yield name, count


def _tags(session: Session, begins: str, most: int) -> list[tuple[str, int | None]]:
    """The first tags that begin so, in the order of the alphabet, each with its pictures, counted up to COUNT_MAX."""
    asked = {"from": begins, "to": begins + "\U0010ffff", "most": most, "counted": COUNT_MAX + 1}
    return [(name, count) for name, count in session.connection().execute(_TAGS, asked) if count]


def _most_tags(session: Session) -> list[tuple[str, int | None]]:
    """The tags that most pictures have; where a great many are given, those of the alphabet's beginning."""
    if session.connection().execute(_TAG_BEYOND, {"looked": TAGS_LOOKED_AT}).scalar() is not None:
        return _tags(session, "", VALUES_MAX)
    return [(name, count) for name, count in session.connection().execute(_MOST_TAGS, {"most": VALUES_MAX})]


def suggest(session: Session, typed: str, at: int) -> tuple[Suggestion, ...]:
    """What may be meant by the part of a search in which the cursor stands."""
    at = min(max(at, 0), len(typed))
    typed = clean(typed)
    start = _begin(typed, at)
    begun = typed[start:at]
    minus = "-" if begun.startswith("-") else ""
    key, colon, value = begun.removeprefix("-").partition(":")
    found: dict[str, int | None] = {}
    terms = _values(session, key, value.strip('"')) if colon else _words(session, key)
    for term, count in terms:
        found.setdefault(minus + term, count)
        if len(found) == SUGGESTIONS_MAX:
            break
    return tuple(Suggestion(term, start, at, count) for term, count in found.items() if term != begun)


def _begin(typed: str, at: int) -> int:
    """Where the part begins that ends at the cursor; blanks inside quotes are no end."""
    start, inside = 0, False
    for place, character in enumerate(typed[:at]):
        if character == '"':
            inside = not inside
        elif character.isspace() and not inside:
            start = place + 1
    return start


def _values(session: Session, typed: str, value: str) -> Iterator[tuple[str, int | None]]:
    key, begun = ALIASES.get(typed.lower(), typed.lower()), value.lower()
    match key:
        case "is" | "has":
            yield from ((f"{key}:{each}", None) for each in (IS if key == "is" else HAS) if each.startswith(begun))
        case "rating":
            yield from ((f"rating:{each}", None) for each in (">3", "5", "4", ">=1", "0") if each.startswith(begun))
        case "tag":
            yield from (
                (term_for("tag", name), count) for name, count in _tags(session, folded(value), SUGGESTIONS_MAX)
            )
        case "in":
            names = [row[1] for row in session.connection().execute(_COLLECTIONS)]
            yield from ((term_for("in", name), None) for name in names if f" {begun}" in f" {name.lower()}")
        case "writer":
            marks = index_words.begun(session, fact("writer", begun), SUGGESTIONS_MAX) or ()
            yield from ((f"writer:{words_in(mark)[-1]}", None) for mark in marks)
        case _ if key in (*FACET_KEYS, "model", "mode"):
            yield from _counted(session, key, begun)
        case _:
            path = next((known for known in KNOWN_PATHS if known == key or known.endswith(f".{key}")), key)
            for phrase in (each for known in KNOWN_PATHS if known == path or known.startswith(f"{path}.")
                           for each in suggestions_at(known)):  # fmt: skip
                term = f'{typed}:"{phrase}"'
                if f" {begun}" in f" {phrase.lower()}" and search.count(session, HistoryQuery(text=term), 0):
                    yield term, None


def _words(session: Session, begun: str) -> Iterator[tuple[str, int | None]]:
    small = begun.strip('"').lower()
    if not small:
        yield from (
            (term, None) for term in ("is:favorite", "rating:>3", "tag:", "in:", "time:", "color:", "lighting:")
        )
        return
    for name in (*KEYS, *KNOWN_PATHS):
        if name.startswith(small) or name.rpartition(".")[2].startswith(small):
            yield f"{name}:", None
    for key in (*FACET_KEYS, "model"):
        yield from _counted(session, key, small)
    yield from ((term_for("tag", name), count) for name, count in _tags(session, folded(small), 4))
    yield from ((word, None) for word in (index_words.begun(session, small, 200) or ())[:6] if words_in(word) == [word])


def _counted(session: Session, key: str, begun: str) -> Sequence[tuple[str, int | None]]:
    asked = {"from": f"{key}:", "to": f"{key};"}
    names = [(name.partition(":")[2], count) for name, count in session.connection().execute(_COUNTS_OF, asked)]
    meant = [
        (value, count)
        for value, count in names
        if words_in(value) and f" {begun}" in f" {value.lower().replace('/', ' ')}"
    ]
    return [(term_for(key, value), count) for value, count in sorted(meant, key=lambda each: -each[1])]


_THOSE = "(SELECT value FROM json_each(:seqs))"
_NAMES_OF = text(f"SELECT names FROM generation_facets WHERE seq IN {_THOSE}")
_TAGS_OF = text(f"SELECT min(name), count(*) FROM tag WHERE seq IN {_THOSE} GROUP BY folded")
_MEMBERS_OF = text(
    f"SELECT collection_id, count(*) FROM collection_member WHERE seq IN {_THOSE} GROUP BY collection_id"
)
_COUNTS = text("SELECT name, pictures FROM facet_count WHERE pictures > 0")
_COUNTS_OF = text("SELECT name, pictures FROM facet_count WHERE name >= :from AND name < :to AND pictures > 0")
_COLLECTIONS = text("SELECT id, name, query FROM collection ORDER BY folded")
_SHOWN = (
    "NOT EXISTS (SELECT 1 FROM generation d INDEXED BY ix_generation_deleted "
    "WHERE d.seq = m.seq AND d.deleted_at IS NOT NULL)"
)
_MEMBERS = text(
    f"SELECT count(*) FROM (SELECT 1 FROM collection_member m WHERE collection_id = :id AND {_SHOWN} LIMIT :most)"
)
_TAG_BEYOND = text("SELECT 1 FROM tag LIMIT 1 OFFSET :looked")
_MOST_TAGS = text(
    "SELECT min(name), count(*) AS pictures FROM tag m "
    f"WHERE {_SHOWN} GROUP BY folded ORDER BY pictures DESC LIMIT :most"
)
_TAGS = text(
    "WITH RECURSIVE each(folded) AS ("  # one step along the index for each tag
    "SELECT min(folded) FROM tag WHERE folded >= :from UNION ALL "
    "SELECT (SELECT min(folded) FROM tag WHERE folded > each.folded) FROM each WHERE each.folded IS NOT NULL) "
    "SELECT (SELECT name FROM tag WHERE folded = each.folded LIMIT 1), "
    f"(SELECT count(*) FROM (SELECT 1 FROM tag m WHERE m.folded = each.folded AND {_SHOWN} LIMIT :counted)) "
    "FROM each WHERE folded IS NOT NULL AND folded <= :to LIMIT :most"
)

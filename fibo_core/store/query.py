"""A search as a value: read once from its text; its terms give their SQL (`search.py`) and test one picture.

The grammar, the same in gallery, API and command line: words begin words, `"a phrase"`, `-not`, `lighting:backlit` for
any path of a prompt, and `seed:`, `id:`, `model:`, `mode:`, `writer:`, `tag:`, `in:`, `is:`, `rating:`, `before:`,
`after:`, `has:`, `time:`, `medium:`, `thing:`, `color:`. Reading it is in `query_parser.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo

from fibo_core.store.generation import Generation
from fibo_core.store.terms import Seen, Term


@dataclass(frozen=True)
class Chip:
    """One part of a search as it was understood; without ``start`` to ``end`` the text is the search without it."""

    label: str
    start: int
    end: int
    excluded: bool = False


@dataclass(frozen=True)
class Query:
    """A search, read. All of ``terms`` must hold; ``problems`` are sentences for what was not understood; ``zone`` is
    where its days begin, those of kept searches too."""

    text: str = ""
    terms: tuple[Term, ...] = ()
    problems: tuple[str, ...] = ()
    zone: tzinfo = UTC

    @property
    def chips(self) -> tuple[Chip, ...]:
        """What was understood, in its order."""
        return tuple(Chip(term.label, *term.at, term.excluded) for term in self.terms if term.label)

    def match(self, picture: Generation, kept: Mapping[str, str] | None = None) -> bool:
        """Whether a picture is found. ``kept`` are the searches that are collections, by their folded names."""
        seen = Seen(picture, kept or {}, self.zone)
        return all(term.match(seen) for term in self.terms)


def parse(text: str, zone: tzinfo = UTC) -> Query:
    """Reads a search; never raises. ``zone`` is where days begin for the reader."""
    from fibo_core.store.query_parser import read

    terms, problems = read(text, zone)
    return Query(text, terms, problems, zone)

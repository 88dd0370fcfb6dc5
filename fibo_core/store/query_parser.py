"""The search box's grammar: a text into the terms of a `Query`, with a sentence for each part that was not understood.

What is not understood finds nothing, rather than being passed over: a search is also what is deleted or labelled at
once. Only words without a letter or digit are passed over, where others stand beside them.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches

from fibo_core.limits import SEED_MAX
from fibo_core.prompts.facets import facets
from fibo_core.store.generation import STORED_MODES
from fibo_core.store.index_text import (
    COLUMNS,
    KNOWN_PATHS,
    NUMBER_PATHS,
    TEXT_PATHS,
    at_path,
    fact,
    index_form,
    plain_path,
    whole_fact,
    words_in,
)
from fibo_core.store.tables import microseconds
from fibo_core.store.terms import (
    ID_MIN,
    CollectionTerm,
    DateTerm,
    MemberTerm,
    NothingTerm,
    NumberTerm,
    Phrase,
    Term,
    TextTerm,
    folded,
)

TEXT_MAX = 2_000  #: characters of a search
TERMS_MAX = 32  #: conditions of a search

_BLANKS = " \t\r\n\u00a0\u3000"  #: what somebody types who looks for nothing: all pictures

_TOKEN = re.compile(
    r'(?P<no>-?)(?:(?P<key>[^\W\d][\w.\-\u0900-\u0eff]*(?:\[\d*\][\w.\-\u0900-\u0eff]*)*):(?!//)(?=\S))?(?:"(?P<phrase>[^"]*)"|(?P<word>\S+))'
)
_ID = re.compile("[0-7][0-9A-HJKMNP-TV-Z]{0,25}", re.ASCII | re.IGNORECASE)
_RATING = re.compile("(>=|<=|[<>=≥≤]?)([0-5])", re.ASCII)
_DATE = re.compile(r"(\d{4})(?:-(\d\d?)(?:-(\d\d?))?)?", re.ASCII)
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "": lambda stars, given: stars == given,
    "=": lambda stars, given: stars == given,
    ">": lambda stars, given: stars > given,
    "<": lambda stars, given: stars < given,
    ">=": lambda stars, given: stars >= given,
    "<=": lambda stars, given: stars <= given,
    "≥": lambda stars, given: stars >= given,
    "≤": lambda stars, given: stars <= given,
}
#: What a word before a colon may be called beside its name.
ALIASES = {"colour": "color", "colors": "color", "colours": "color", "things": "thing", "tags": "tag",
           "collection": "in", "stars": "rating", "since": "after", "until": "before"}  # fmt: skip
_OF_WORDS = frozenset({"model", "mode", "writer", *(facet.key for facet in facets())})
RECIPE_KEYS = ("seed", "id", "model", "mode", "writer")
LABEL_KEYS = ("tag", "in", "is", "rating")
OTHER_KEYS = ("before", "after", "has")
FACET_KEYS = tuple(facet.key for facet in facets())
KEYS = (*RECIPE_KEYS, *LABEL_KEYS, *OTHER_KEYS, *FACET_KEYS)  #: words before a colon that are no path
IS = ("favorite", "rated", "edited")
HAS = ("source", "parent")


class _NotUnderstood(Exception):
    """Its text is the sentence that says so."""


def read(text: str, zone: tzinfo = UTC) -> tuple[tuple[Term, ...], tuple[str, ...]]:
    """The terms of a search, and a sentence for each that was not understood. Never raises."""
    said = text.strip(_BLANKS)
    text = clean(text)
    if len(text) > TEXT_MAX:
        return (NothingTerm(),), (
            f"A search has at most {TEXT_MAX:,} characters, and this one {len(text):,}. Shorten it.",
        )
    terms: list[Term] = []
    problems: list[str] = []
    for token in _TOKEN.finditer(text):
        try:
            term = _term(token, zone)
        except _NotUnderstood as exc:
            problems.append(str(exc))
            term = NothingTerm(at=token.span(), label=token[0])
        if term is not None:
            terms.append(term)
    if len(terms) > TERMS_MAX:
        return (NothingTerm(),), (
            f"A search has at most {TERMS_MAX} parts, and this one {len(terms)}. Leave some out.",
        )
    if not terms and said:
        shown = "".join(each if each.isprintable() else "�" for each in said[:40])
        return (NothingTerm(),), (f"There is no letter and no digit in “{shown}” to look for.",)
    return tuple(terms), tuple(dict.fromkeys(problems))


def clean(text: str) -> str:
    """A text of the same length that the database takes."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode()


def _term(token: re.Match[str], zone: tzinfo) -> Term | None:
    said = token["word"] if token["phrase"] is None else token["phrase"]
    key, quoted = token["key"], token["phrase"] is not None
    excluded = bool(token["no"])
    if key is None:
        term = _words(said, quoted, excluded)
    else:
        known = ALIASES.get(key.lower(), key.lower())
        value = said if quoted else said.strip('"')
        if not quoted and value.startswith("-") and (known in _OF_WORDS or known not in _READERS):
            raise _NotUnderstood(f"“{said:.40}” begins with a minus. Write -{key:.40}:{said[1:]:.40} to leave it out.")
        term = _READERS[known](known, value, quoted, zone) if known in _READERS else _at(key, value, quoted)
    return None if term is None else replace(term, excluded=term.excluded != excluded, at=token.span())


def _words(said: str, quoted: bool, excluded: bool) -> Term | None:
    if not words_in(said):
        return None
    label = f"“{said}”" if quoted else said.strip('"')
    word = TextTerm(phrases=(_phrase(said, quoted),), label=label)
    others: list[MemberTerm] = []
    if not quoted and not excluded:
        if (seed := _whole_number(said)) is not None:
            others.append(MemberTerm(key="seed", value=seed))
        if len(said) >= ID_MIN and _ID.fullmatch(said):
            others.append(MemberTerm(key="id", value=said.upper()))
    return NumberTerm(word=word, others=tuple(others), label=label) if others else word


def _phrase(said: str, quoted: bool, columns: tuple[str, ...] = ()) -> Phrase:
    """A single letter is a word: what begins with it is half of everything."""
    return Phrase(index_form(said), not quoted and len(words_in(said)[-1]) > 1, columns)


def _at(key: str, value: str, quoted: bool) -> Term:
    """A value at a path of the prompt, or below it. The end of a path is enough."""
    path = plain_path(key)
    if not (words := words_in(value)):
        raise _NotUnderstood(f"There is no letter and no digit in “{value:.40}” to look for at {path}.")
    paths = [known for known in KNOWN_PATHS if known == path or known.startswith(f"{path}.")]
    paths = paths or [known for known in KNOWN_PATHS if known.endswith(f".{path}")]
    columns = tuple(COLUMNS[TEXT_PATHS.index(known)] for known in paths if known in TEXT_PATHS)
    ways = [_phrase(value, quoted, columns)] if columns else []
    whole = bool(paths) and all(known in NUMBER_PATHS for known in paths)
    ways.append(Phrase(" ".join(at_path(path, word) for word in words), not quoted and not whole))
    label = f"{paths[0] if len(paths) == 1 else path}: {value}"
    return TextTerm(phrases=tuple(ways), label=label, path="" if paths else path)


def unknown_path(path: str) -> str:
    """The sentence for a path that no prompt has."""
    near = nearest(path, (*KEYS, *KNOWN_PATHS, *(known.rpartition(".")[2] for known in KNOWN_PATHS)))
    meant = f"; did you mean {near}?" if near else f'. Write "{path} …" in quotes to look for the words.'
    return f"No prompt has a field {path:.60}{meant}"


def nearest(word: str, names: tuple[str, ...]) -> str | None:
    """The one of the names that a word was probably meant to be."""
    small = word.lower()[:60]
    begun = [name for name in names if len(small) > 3 and name.rpartition(".")[2].startswith(small)]
    close = begun or get_close_matches(small, names, 1, 0.7)
    return close[0] if close else None


def _whole_number(said: str) -> int | None:
    return int(said) if re.fullmatch("[0-9]{1,19}", said, re.ASCII) and int(said) <= SEED_MAX else None


def _seed(key: str, value: str, quoted: bool, zone: tzinfo) -> Term:
    if (seed := _whole_number(value)) is None:
        raise _NotUnderstood(f"“{value:.40}” is no seed. Write seed: and a whole number up to {SEED_MAX}.")
    return MemberTerm(key="seed", value=seed, label=f"seed: {seed}")


def _id(key: str, value: str, quoted: bool, zone: tzinfo) -> Term:
    if not _ID.fullmatch(value):
        raise _NotUnderstood(f"“{value:.40}” begins no picture's id. An id is 26 digits and capital letters.")
    return MemberTerm(key="id", value=value.upper(), label=f"id: {value.upper()}")


def _fact(key: str, value: str, quoted: bool, zone: tzinfo) -> Term:
    if not (words := words_in(value)):
        raise _NotUnderstood(f"There is no letter and no digit in “{value:.40}” to look for as {key}.")
    if key == "mode" and not any(mode.startswith(words[0].lower()) for mode in STORED_MODES):
        raise _NotUnderstood(f"“{value:.40}” is no mode. There are {', '.join(STORED_MODES)}.")
    label = f"{key}: {value}"
    said = whole_fact(key, value) if quoted else " ".join(fact(key, word) for word in words)
    return TextTerm(phrases=(Phrase(said, not quoted),), label=label)


def _facet(key: str, value: str, quoted: bool, zone: tzinfo) -> Term:
    facet = next(each for each in facets() if each.key == key)
    begun = " ".join(words_in(value)).lower()
    values = [each for each in facet.values if _begins(each.lower(), begun, whole=quoted)]
    if not values:
        near = nearest(value, facet.values)
        meant = f"; did you mean {near}?" if near else f": there are {', '.join(facet.values[:8])}, …"
        raise _NotUnderstood(f"“{value:.40}” is none of the values of {key}{meant}")
    return TextTerm(phrases=tuple(_whole(key, each) for each in values), label=f"{key}: {value}")


def _whole(key: str, value: str) -> Phrase:
    return Phrase(whole_fact(key, value), begun=False)


def _begins(value: str, begun: str, *, whole: bool) -> bool:
    return bool(begun) and (value == begun if whole else f" {begun}" in f" {value}")


def _tag(key: str, value: str, quoted: bool, zone: tzinfo) -> Term:
    return MemberTerm(key="tag", value=folded(value.strip()), label=f"tag: {value}")


def _in(key: str, value: str, quoted: bool, zone: tzinfo) -> Term:
    return CollectionTerm(name=folded(value.strip()), label=f"in: {value}")


def _is(key: str, value: str, quoted: bool, zone: tzinfo) -> Term:
    match value.lower():
        case "favorite" | "favourite" | "starred" | "star":
            return MemberTerm(key="favorite", label="is: favorite")
        case "rated":
            return MemberTerm(key="rating", value=frozenset(range(1, 6)), label="is: rated")
        case "edited":
            return TextTerm(phrases=(_whole("is", "edited"),), label="is: edited")
    raise _NotUnderstood(f"A picture is never “{value:.40}”. There are {', '.join(f'is:{each}' for each in IS)}.")


def _has(key: str, value: str, quoted: bool, zone: tzinfo) -> Term:
    if value.lower() not in HAS:
        raise _NotUnderstood(f"A picture never has “{value:.40}”. There are {', '.join(f'has:{it}' for it in HAS)}.")
    return TextTerm(phrases=(_whole("has", value.lower()),), label=f"has: {value.lower()}")


def _rating(key: str, value: str, quoted: bool, zone: tzinfo) -> Term:
    if (found := _RATING.fullmatch(value.replace(" ", ""))) is None:
        raise _NotUnderstood(f"“{value:.40}” is no rating. Write rating:4, rating:>3 or rating:<=2.")
    chosen = {stars for stars in range(6) if _COMPARE[found[1]](stars, int(found[2]))}
    label = f"rating: {found[0]}"
    if 0 in chosen:  # unrated ones have no place in the index: the others are taken out
        return MemberTerm(key="rating", value=frozenset(range(1, 6)) - chosen, excluded=True, label=label)
    return MemberTerm(key="rating", value=frozenset(chosen), label=label)


def _date(key: str, value: str, quoted: bool, zone: tzinfo) -> Term:
    try:
        if (day := _DATE.fullmatch(value)) is not None:
            moment = datetime(int(day[1]), int(day[2] or 1), int(day[3] or 1), tzinfo=zone)
        else:
            moment = datetime.fromisoformat(value)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        place = microseconds(moment)
    except (ValueError, OverflowError) as exc:
        raise _NotUnderstood(f"“{value:.40}” is no date. Write {key}:2026-12-01, {key}:2026-12 or {key}:2026.") from exc
    label = f"{key}: {value}"
    return DateTerm(until=place, label=label) if key == "before" else DateTerm(since=place, label=label)


_READERS: dict[str, Callable[[str, str, bool, tzinfo], Term]] = {
    "seed": _seed, "id": _id, "model": _fact, "mode": _fact, "writer": _fact, "tag": _tag, "in": _in, "is": _is,
    "rating": _rating, "before": _date, "after": _date, "has": _has, **dict.fromkeys(FACET_KEYS, _facet),
}  # fmt: skip

"""Mentions: where a text speaks of a thing, and the same text with that mention recoloured, moved, renamed or gone.

Descriptions written by others keep every word that is not named by the change.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from fibo_core.writers.rules.compose import article
from fibo_core.writers.rules.lexicon import Lexicon, Term, Token, tokenize

MAX_QUALITIES = 8  # words before a thing that may belong to it
Span = tuple[int, int]  # characters of a text; empty where nothing is said, at the place where it would stand

_JOINED = re.compile(r"(\s*[,;]?\s*\b(and|with|plus|or|wearing|in)|\s*[,;&+])$", re.IGNORECASE)
_JOINS = re.compile(r"^([,;&+]|\b(and|with|plus|or)\b)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Mention:
    """A thing named in a text: ``whole`` with its article and qualities, ``name`` alone, and what is said of it."""

    whole: Span
    start: int  # of what stands behind article and number
    size: Span
    color: Span
    name: Span
    place: Span
    colors: frozenset[str]  # keys of the lexicon's colours
    plural: bool


def find_mentions(text: str, names: Collection[str], lexicon: Lexicon) -> list[Mention]:
    """Every mention of a thing called by one of ``names`` (lower case; plurals are found too), the last first."""
    tokens = tokenize(text)
    wanted = {tuple(token.low for token in tokenize(form)) for name in names for form in (name, lexicon.plural(name))}
    found: list[Mention] = []
    at = 0
    while at < len(tokens):
        fitting = [name for name in wanted if tuple(token.low for token in tokens[at : at + len(name)]) == name]
        length = max(map(len, fitting), default=0)
        if length:
            found.append(_mention(tokens, at, at + length, lexicon))
        at += max(length, 1)
    return found[::-1]


def color_runs(text: str, lexicon: Lexicon) -> list[tuple[Span, frozenset[str]]]:
    """The colours in a text, with their keys; "light red and blue" is one run."""
    return _color_runs(tokenize(text), lexicon)


def first_match(text: str, lexicon: Lexicon, *tables: str) -> tuple[Term, Span] | None:
    """The first phrase of these tables in a text, and where it stands."""
    tokens = tokenize(text)
    for at in range(len(tokens)):
        if match := lexicon.match(tokens, at, *tables):
            return match.term, (tokens[at].start, tokens[at + match.length - 1].end)
    return None


def rewrite(text: str, span: Span, words: str) -> str:
    """The text with other words at a span; an article before them becomes "a" or "an" as they want it."""
    before, after = text[: span[0]], text[span[1] :]
    if span[0] == span[1]:
        words = f" {words}" if before[-1:].isalnum() else f"{words} "
    if found := re.search(r"\b(an?)(\s+)$", before, re.IGNORECASE):
        fitting = article(words)
        fitting = fitting.capitalize() if found[1][0].isupper() else fitting
        before = before[: found.start(1)] + fitting + found[2]
    return before + words + after


def erase(text: str, mention: Mention, lexicon: Lexicon) -> str:
    """The text without the mention and the "and", comma or "next to" that joined it; "" where nothing is left."""
    before, after = text[: mention.whole[0]].rstrip(), text[mention.place[1] :].lstrip()
    relations = [words for relation in lexicon.table["relations"].values() for words in relation.words]
    joint = next((f" {words}" for words in relations if before.lower().endswith(f" {words}")), "")
    if joint:
        before = before[: -len(joint)]
    elif _JOINED.search(before):
        before = _JOINED.sub("", before)
    else:
        after = _JOINS.sub("", after)
    left = f"{before}{'' if after[:1] in ('', *',.;!?') else ' '}{after}".strip()
    return left if re.search(r"\w", left) else ""


def _mention(tokens: Sequence[Token], noun: int, end: int, lexicon: Lexicon) -> Mention:
    first = noun
    while first > max(noun - MAX_QUALITIES, 0) and not lexicon.is_one_of(tokens[first].low, "determiners"):
        if not _belongs(tokens, first - 1, noun, lexicon):
            break
        first -= 1
    quality = first
    while quality < noun and (
        lexicon.is_one_of(tokens[quality].low, "determiners") or lexicon.match(tokens[:noun], quality, "counts")
    ):
        quality += 1
    start, name = tokens[quality].start, (tokens[noun].start, tokens[end - 1].end)
    sizes = [token for at, token in enumerate(tokens[:noun]) if at >= first and lexicon.match(tokens, at, "sizes")]
    runs = _color_runs(tokens[first:noun], lexicon)
    place = lexicon.match(tokens, end, "relations", "places")
    placed = place is not None and place.table == "places"
    return Mention(
        whole=(tokens[first].start, name[1]),
        start=start,
        size=(sizes[0].start, sizes[0].end) if sizes else (start, start),
        color=runs[0][0] if runs else (name[0], name[0]),
        name=name,
        place=(tokens[end].start, tokens[end + place.length - 1].end) if place and placed else (name[1], name[1]),
        colors=frozenset().union(*(keys for _, keys in runs)),
        plural=lexicon.is_plural(tokens[end - 1].low),
    )


def _belongs(tokens: Sequence[Token], at: int, noun: int, lexicon: Lexicon) -> bool:
    """Whether a word before a noun is one of its qualities, or joins two of them."""
    if tokens[at].low in ("and", ","):
        quality = at > 0 and lexicon.match(tokens[:at], at - 1, "colors", "sizes", "textures")
        return bool(quality) and at + 1 < noun
    leads_away = lexicon.match(tokens[: at + 1], at, "places", "relations")
    return tokens[at].kind == "word" and not leads_away and not lexicon.leads_away(tokens[at].low)


def _color_runs(tokens: Sequence[Token], lexicon: Lexicon) -> list[tuple[Span, frozenset[str]]]:
    runs = []
    at = 0
    while at < len(tokens):
        keys: set[str] = set()
        end = at
        while True:
            start = end + (bool(keys) and end < len(tokens) and tokens[end].low in ("and", "&"))
            match = lexicon.match(tokens, start, "colors")
            if match is None and lexicon.match(tokens, start, "tones"):
                start += 1
                match = lexicon.match(tokens, start, "colors")
            if match is None:
                break
            keys.add(match.term.key)
            end = start + match.length
        if keys:
            runs.append(((tokens[at].start, tokens[end - 1].end), frozenset(keys)))
        at = max(end, at + 1)
    return runs

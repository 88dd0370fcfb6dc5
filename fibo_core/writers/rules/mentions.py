"""Mentions: where a text speaks of a thing, and the same text with that mention recoloured, moved, renamed or gone.

Descriptions written by others keep every word that is not named by the change.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from fibo_core.writers.rules.compose import article
from fibo_core.writers.rules.lexicon import Lexicon, Match, Token, tokenize

MAX_QUALITIES = 8  # words before a thing that may belong to it


@dataclass(frozen=True)
class Span:
    """Characters ``start`` to ``end`` of a text, and what they mean."""

    start: int
    end: int
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mention:
    """A thing named in a text: ``first`` to ``end`` with article and qualities, which begin at ``qualities``;
    ``noun`` to ``end`` is the name alone, in the plural where ``plural`` says so.

    ``colors`` are the colours said of it there (as runs of text), ``size`` its size word, ``place`` the phrase after
    it that says where it is. All are character positions of the text.
    """

    first: int
    qualities: int
    noun: int
    end: int
    colors: tuple[Span, ...] = ()
    size: Span | None = None
    place: Span | None = None
    plural: bool = False

    @property
    def color_keys(self) -> set[str]:
        return {key for span in self.colors for key in span.keys}


def find_mentions(text: str, names: Collection[str], lexicon: Lexicon) -> list[Mention]:
    """Every mention of a thing called by one of ``names`` (lower case; plurals are found too)."""
    tokens = tokenize(text)
    wanted = {tuple(token.low for token in tokenize(form)) for name in names for form in (name, lexicon.plural(name))}
    mentions: list[Mention] = []
    for at in range(len(tokens)):
        if mentions and tokens[at].start < mentions[-1].end:  # "man" in "old man" is named already
            continue
        for length in sorted({len(name) for name in wanted}, reverse=True):
            if at + length <= len(tokens) and tuple(t.low for t in tokens[at : at + length]) in wanted:
                mentions.append(_mention(tokens, at, at + length, lexicon))
                break
    return mentions


def color_runs(text: str, lexicon: Lexicon) -> list[Span]:
    """The colours in a text; "light red and blue" is one run."""
    return list(_color_runs(tokenize(text), lexicon))


def recolor(text: str, run: Span | None, mention: Mention | None, color: str) -> str:
    """The text with a run of colours replaced, or, where there is none, the colour said before the mention's name."""
    if run is not None:
        return _with_articles(text[: run.start] + color + text[run.end :], run.start)
    if mention is not None:
        return _with_articles(f"{text[: mention.noun]}{color} {text[mention.noun :]}", mention.noun)
    return text


def resize(text: str, mention: Mention, size: str) -> str:
    """The text with the mention's size word replaced, or said first of its qualities."""
    if mention.size is not None:
        return _with_articles(text[: mention.size.start] + size + text[mention.size.end :], mention.size.start)
    return _with_articles(f"{text[: mention.qualities]}{size} {text[mention.qualities :]}", mention.qualities)


def qualify(text: str, mention: Mention, word: str) -> str:
    """The text with a word that describes the mention, behind its size and before its colours."""
    at = mention.qualities
    if mention.size is not None:
        at = mention.size.end + len(text[mention.size.end :]) - len(text[mention.size.end :].lstrip())
    return _with_articles(f"{text[:at]}{word} {text[at:]}", at)


def relocate(text: str, mention: Mention, place: str) -> str:
    """The text with the mention standing at ``place`` ("on the left")."""
    if mention.place is not None:
        return text[: mention.place.start] + place + text[mention.place.end :]
    return f"{text[: mention.end]} {place}{text[mention.end :]}"


def rename(text: str, mention: Mention, name: str) -> str:
    """The text with the mention's name replaced; its qualities stay."""
    return _with_articles(text[: mention.noun] + name + text[mention.end :], mention.noun)


def erase(text: str, mention: Mention, lexicon: Lexicon) -> str:
    """The text without the mention and the "and", comma or "next to" that joined it."""
    end = mention.place.end if mention.place else mention.end
    before, after = text[: mention.first].rstrip(), text[end:].lstrip()
    joined = re.compile(r"(\s*[,;]?\s*\b(and|with|plus|or|wearing)\b|\s*[,;&+])$", re.IGNORECASE)
    for relation in lexicon.tables.relations.values():
        for words in sorted(relation.words, key=len, reverse=True):
            if before.lower().endswith(f" {words}"):
                before = before[: -len(words)].rstrip()
                return f"{before}{'' if after[:1] in ('', *',.;!?') else ' '}{after}"
    if before.lower().endswith((" with", " wearing")) and (goes_on := _part_follows(after, lexicon)):
        return f"{before} {after[goes_on:]}"  # "with a door and a roof" without the door
    if joined.search(before):
        before = joined.sub("", before)
        return f"{before}{'' if after[:1] in ('', *',.;!?') else ' '}{after}"
    after = re.sub(r"^([,;&+]|\b(and|with|plus|or)\b)\s*", "", after, flags=re.IGNORECASE)
    return f"{before}{' ' if before and after[:1] not in ('', *',.;!?') else ''}{after}".strip()


def _part_follows(after: str, lexicon: Lexicon) -> int:
    """Where one more part or garment begins behind "and"; 0 where something else is joined."""
    joint = re.match(r"(and|,)\s+", after)
    tokens = tokenize(after[joint.end() :])[:4] if joint else []
    own = (*lexicon.grammar.parts, *lexicon.grammar.clothing)
    return joint.end() if joint and any(token.low in own for token in tokens) else 0


def first_match(text: str, lexicon: Lexicon, *tables: str) -> tuple[Match, Span] | None:
    """The first phrase of these tables in a text, and where it stands."""
    tokens = tokenize(text)
    for at in range(len(tokens)):
        if match := lexicon.match(tokens, at, *tables):
            return match, Span(tokens[at].start, tokens[at + match.length - 1].end)
    return None


def _mention(tokens: list[Token], noun: int, end: int, lexicon: Lexicon) -> Mention:
    first = noun
    grammar = lexicon.grammar
    while first > 0 and noun - first < MAX_QUALITIES:
        token = tokens[first - 1]
        if token.low in grammar.determiners:
            first -= 1
            break
        joint = token.low in ("and", ",") and _is_quality(tokens, first - 2, lexicon) and first < noun
        stops = token.kind != "word" or token.low in (*grammar.prepositions, *grammar.inside, *grammar.copulas)
        stops = stops or token.low in grammar.joiners or _is_place_word(tokens, first - 1, lexicon)
        if stops and not joint:
            break
        first -= 1
    runs = tuple(_color_runs(tokens[first:noun], lexicon))
    size = None
    for at in range(first, noun):
        if lexicon.match(tokens, at, "sizes"):
            size = Span(tokens[at].start, tokens[at].end)
            break
    place = None
    match = lexicon.match(tokens, end, "relations", "places")
    if match and match.table == "places":
        last = end + match.length
        if last < len(tokens) and tokens[last].low in ("corner", "side"):
            last += 1
        place = Span(tokens[end].start, tokens[last - 1].end, (match.term.key,))
    qualities = first
    while qualities < noun and (
        tokens[qualities].low in grammar.determiners or lexicon.match(tokens[:noun], qualities, "counts")
    ):
        qualities += 1
    return Mention(
        tokens[first].start, tokens[qualities].start, tokens[noun].start, tokens[end - 1].end,
        runs, size, place, lexicon.is_plural(tokens[end - 1].low),
    )  # fmt: skip


def _is_quality(tokens: list[Token], at: int, lexicon: Lexicon) -> bool:
    return at >= 0 and bool(lexicon.match(tokens[: at + 1], at, "colors", "sizes", "textures"))


def _is_place_word(tokens: list[Token], at: int, lexicon: Lexicon) -> bool:
    return bool(lexicon.match(tokens[: at + 1], at, "places", "relations"))


def _color_runs(tokens: list[Token], lexicon: Lexicon) -> Iterator[Span]:
    at = 0
    while at < len(tokens):
        keys: list[str] = []
        end = at
        while True:
            start = end
            if keys and start < len(tokens) and tokens[start].low in ("and", "&"):
                start += 1
            match = lexicon.match(tokens, start, "colors")
            if match is None and lexicon.match(tokens, start, "tones"):
                start += 1
                match = lexicon.match(tokens, start, "colors")
            if match is None:
                break
            keys.append(match.term.key)
            end = start + match.length
        if keys:
            yield Span(tokens[at].start, tokens[end - 1].end, tuple(keys))
        at = max(end, at + 1)


def _with_articles(text: str, at: int) -> str:
    """The text with "a" or "an" right before position ``at`` as the next word wants it."""
    found = re.search(r"\b(an?)(\s+)$", text[:at], re.IGNORECASE)
    if not found:
        return text
    fitting = article(text[at:])
    fitting = fitting.capitalize() if found[1][0].isupper() else fitting
    return text[: found.start(1)] + fitting + found[2] + text[at:]

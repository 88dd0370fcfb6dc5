"""One object of a prompt changed as a step says: its colour, size, place, kind, and where its texts speak of it."""

from functools import partial

from fibo_core.writers.rules.arrange import Cell, arrange
from fibo_core.writers.rules.compose import listed, shape_and_color
from fibo_core.writers.rules.draft import Draft, Entry, Relations, field_text
from fibo_core.writers.rules.lexicon import Term, tokenize
from fibo_core.writers.rules.mentions import Mention, color_runs, find_mentions, first_match, rewrite
from fibo_core.writers.rules.nouns import NounPhrase
from fibo_core.writers.rules.scene import Subject


def change_object(draft: Draft, entry: Entry, said: Subject, relations: Relations, several: bool) -> bool:
    """All that is said of an object, laid over it; whether that was anything.

    ``several`` says that all objects of its name are being changed, so that "the balls" means it too.
    """
    summary, before, color = draft.summary, dict(entry), listed(said.colors)
    size, cell = _new_size(draft, entry, said), _destination(draft, entry, said, relations)
    shown = [word for word in said.adjectives if not draft.lexicon.match(tokenize(word), 0, "textures", "shapes")]
    details = [field_text(entry, "appearance_details"), *said.details, *shown]
    fields = {
        "texture": listed(said.textures), "expression": said.expression, "pose": said.pose, "action": said.action,
        "clothing": said.clothing, "appearance_details": ", ".join(filter(None, details)) if details[1:] else "",
    }  # fmt: skip
    if color or said.tone:
        _recolor(draft, entry, color, said.tone, several)
    if size and size.say != entry.get("relative_size"):
        draft.rewrite(entry, lambda text, mention: rewrite(text, mention.size, size.key), several=several)
        entry["relative_size"] = size.say
    if cell or said.depth or relations:
        _move(draft, entry, cell, said, relations, several)
    for word in shown:
        draft.rewrite(entry, partial(_describe_as, word), several=several)
    entry |= {key: value for key, value in fields.items() if value}
    if not several and draft.summary == summary and entry != before:  # one of "two red balls"
        place = draft.place_at(draft.cell_of(entry))
        draft.say_more(f", with {field_text(entry, 'description')} {place.at if place else ''}".rstrip())
    return bool(color or said.tone or size or cell or said.depth or relations or any(fields.values()))


def become(draft: Draft, entry: Entry, phrase: NounPhrase, *, several: bool) -> None:
    """Another thing in the same place; colour and size stay unless they are said anew."""
    shape = field_text(entry, "shape_and_color")
    colors = [shape[slice(*span)] for span, _ in color_runs(shape, draft.lexicon)[:1]]
    one = draft.lexicon.singular(phrase.name) if phrase.plural else phrase.name
    many = draft.lexicon.plural(one)
    draft.rewrite(entry, lambda text, m: rewrite(text, m.name, many if m.plural else one), several=several)
    entry["shape_and_color"] = shape_and_color(Subject(one, phrase.thing, colors=colors))
    said = Subject(one, colors=phrase.colors, size=phrase.size, textures=phrase.textures, adjectives=phrase.adjectives)
    change_object(draft, entry, said, [], several)


def _describe_as(word: str, text: str, mention: Mention) -> str:
    """The text with a word before the mention's colours."""
    return rewrite(text, (mention.color[0], mention.color[0]), word)


def _recolor(draft: Draft, entry: Entry, color: str, tone: str, several: bool) -> None:
    """Another colour, or tone, in all places where the object and the short description speak of its own."""
    lexicon, shape, description = draft.lexicon, field_text(entry, "shape_and_color"), field_text(entry, "description")
    runs = color_runs(shape, lexicon) or color_runs(description, lexicon)[:1]
    had, own = (shape[slice(*runs[0][0])], runs[0][1]) if color_runs(shape, lexicon) else ("", frozenset[str]())
    if tone:  # "dark red" of "red", "red" of "light red"
        first, *rest = had.split() or [""]
        color = (
            " ".join(rest) if rest and first in ("light", "dark", "pale", "deep", "bright") else f"{tone} {had}".strip()
        )
    for mention in draft.mentions(entry, several=several):
        draft.summary = rewrite(draft.summary, mention.color, color)
    spans = [span for span, keys in color_runs(description, lexicon) if not own or own & keys]
    spans = spans or [m.color for m in find_mentions(description, draft.names(entry), lexicon)[-1:]]
    for span in reversed(spans):
        entry["description"] = description = rewrite(description, span, color)
    entry["shape_and_color"] = rewrite(shape, runs[0][0], color) if had else ", ".join(filter(None, [shape, color]))


def _new_size(draft: Draft, entry: Entry, said: Subject) -> Term | None:
    """The size that is asked for: said outright, or so many steps from its own."""
    found = first_match(field_text(entry, "relative_size"), draft.lexicon, "sizes")
    sizes = list(draft.lexicon.table["sizes"].values())
    grown = sizes[min(max((found[0].rank if found else 2) + said.grow, 0), len(sizes) - 1)]
    return said.size or (grown if said.grow else None)


def _destination(draft: Draft, entry: Entry, said: Subject, relations: Relations) -> Cell | None:
    """The cell an object goes to: said outright, or beside what is named."""
    if said.place or not relations:
        return draft.lexicon.table["places"][said.place].cell if said.place else None
    number = next(number for number, each in enumerate(draft.objects()) if each is entry)
    return arrange([number], draft.cells(without=entry), draft.links(number, relations)[:1])[number]


def _move(draft: Draft, entry: Entry, cell: Cell | None, said: Subject, relations: Relations, several: bool) -> None:
    place, others = draft.place_at(cell), len(draft.objects()) - 1
    if place and place.say != field_text(entry, "location"):
        for mention in draft.mentions(entry, several=several):
            draft.summary = rewrite(draft.summary, mention.place, place.at)
        entry["location"] = place.say
    if said.depth:
        entry["location"] = f"{field_text(entry, 'location').split(', ')[0] or 'center'}, {said.depth}"
    related = first_match(field_text(entry, "relationship"), draft.lexicon, "relations")
    if relations or (place and related and related[0].key != "beside"):  # "to the left of the box" is no longer true
        entry["relationship"] = draft.relationship(relations, others)

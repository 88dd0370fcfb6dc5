"""One object of a prompt changed as a step says: its colour, size, place, kind, and where its texts speak of it."""

from fibo_core.writers.rules.arrange import Cell, arrange
from fibo_core.writers.rules.cast import named_subject
from fibo_core.writers.rules.compose import beside_others, listed, shape_and_color
from fibo_core.writers.rules.draft import Draft, Entry, Relations, field_text, first_match, head_of
from fibo_core.writers.rules.lexicon import Term, tokenize
from fibo_core.writers.rules.nouns import NounPhrase
from fibo_core.writers.rules.scene import Subject


def change_object(draft: Draft, entry: Entry, said: Subject, relations: Relations, count: int = 1) -> bool:
    """All that is said of an object, laid over it; whether that was anything.

    ``count`` is how many objects of its name are being changed, so that "two balls" means it too.
    """
    own = named_subject(head_of(field_text(entry, "description"), draft.lexicon)[1])
    size, cell = _new_size(draft, entry, said), _destination(draft, entry, said, relations)
    shown = [word for word in said.adjectives if not draft.lexicon.match(tokenize(word), 0, "textures", "shapes")]
    details = [field_text(entry, "appearance_details"), *said.details, *shown]
    fields = {
        "texture": listed(said.textures), "expression": said.expression, "pose": said.pose, "action": said.action,
        "clothing": said.clothing, "appearance_details": ", ".join(filter(None, details)) if details[1:] else "",
        "relative_size": size.say if size else "",
    }  # fmt: skip
    colors = _toned(own.colors, said.tone) if said.tone else said.colors
    if cell or relations:
        _move(draft, entry, cell, said, relations)
    if colors or shown or (size and size.say != entry.get("relative_size")):
        adjectives = [*own.adjectives, *(word for word in shown if word not in own.adjectives)]
        draft.redescribe(entry, count, colors=colors or own.colors, size=size or own.size, adjectives=adjectives)
    if colors:
        shape = field_text(entry, "shape_and_color")
        found = first_match(shape, draft.lexicon, "colors")
        start, end = found[1] if found else (0, 0)
        start = shape.index(own.colors[0]) if own.colors and own.colors[0] in shape else start
        colored = f"{shape[:start]}{listed(colors)}{shape[end:]}"
        entry["shape_and_color"] = colored if found else ", ".join(filter(None, [shape, listed(colors)]))
    entry |= {key: value for key, value in fields.items() if value}
    return bool(colors or cell or relations or any(fields.values()))


def become(draft: Draft, entry: Entry, phrase: NounPhrase, count: int = 1) -> None:
    """Another thing in the same place; colour and size stay unless they are said anew."""
    own = named_subject(head_of(field_text(entry, "description"), draft.lexicon)[1])
    name = draft.lexicon.singular(phrase.name) if phrase.plural else phrase.name
    now = {"name": name, "colors": phrase.colors or own.colors, "size": phrase.size or own.size}
    draft.redescribe(entry, count, plural=False, **now)
    entry["shape_and_color"] = shape_and_color(Subject(name, phrase.thing, colors=phrase.colors or own.colors))


def _toned(colors: list[str], tone: str) -> list[str]:
    """Colours made lighter or darker: "dark red" of "red", "red" of "light red"."""
    first, *rest = (colors or [""])[0].split() or [""]
    return [" ".join(rest)] if rest else [f"{tone} {first}".strip()]


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


def _move(draft: Draft, entry: Entry, cell: Cell | None, said: Subject, relations: Relations) -> None:
    place, before, others = draft.place_at(cell), draft.place_at(draft.cell_of(entry)), len(draft.objects()) - 1
    if place and place.say != field_text(entry, "location"):
        head = head_of(field_text(entry, "description"), draft.lexicon)[0]
        there = bool(before) and draft.say_instead_of(f"{head} {before.at}", f"{head} {place.at}") if before else False
        draft.told = there or draft.say_instead_of(head, f"{head} {place.at}")
        entry["location"] = place.say
    related = first_match(field_text(entry, "relationship"), draft.lexicon, "relations")
    if relations or (place and related and related[0].key != "beside"):  # "to the left of the box" is no longer true
        entry["relationship"] = draft.relationship(relations, others) if relations else beside_others(others)

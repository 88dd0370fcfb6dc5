"""One object of a prompt changed as a step says: its colour, size, place, kind, and where its texts speak of it."""

from functools import partial

from fibo_core.writers.rules.arrange import Cell, arrange
from fibo_core.writers.rules.compose import beside_others, listed, say_relation, shape_and_color
from fibo_core.writers.rules.draft import Draft
from fibo_core.writers.rules.lexicon import Term, tokenize
from fibo_core.writers.rules.mentions import Mention, color_runs, find_mentions, first_match, rewrite
from fibo_core.writers.rules.nouns import NounPhrase
from fibo_core.writers.rules.scene import Link, Subject
from fibo_core.writers.rules.steps import Step
from fibo_core.writers.rules.targets import Entry, cell_of, field_text, names_of


def change_object(draft: Draft, entry: Entry, step: Step, *, several: bool) -> bool:
    """Everything a step says of an object; whether that was anything.

    ``several`` says that all objects of its name are being changed, so that "the balls" means it too.
    """
    said, summary, before = step.subject, draft.summary, dict(entry)
    color = listed(said.colors or (step.becomes.colors if step.becomes else []))
    size, cell = _new_size(draft, entry, step), _destination(draft, entry, step)
    shown = [word for word in said.adjectives if not draft.lexicon.match(tokenize(word), 0, "textures", "shapes")]
    shown = [word for word in shown if word != said.expression]
    details = [*said.details, *shown, *(step.said.moods if step.target == "named" else [])]
    fields = {
        "texture": listed(said.textures), "expression": said.expression, "pose": said.pose, "action": said.action,
        "clothing": said.clothing, "appearance_details": ", ".join(details),
    }  # fmt: skip
    if step.becomes:
        _become(draft, entry, step.becomes, several)
    if color or step.tone:
        _recolor(draft, entry, toned(color_of(draft, entry), step.tone.say) if step.tone else color, several)
    if size and size.rank != _rank(draft, entry):
        draft.rewrite(entry, lambda text, mention: rewrite(text, mention.size, size.key), several=several)
        entry["relative_size"] = size.say
    if cell or said.depth:
        _move(draft, entry, cell, step, several)
    if said.shape and not step.becomes:
        entry["shape_and_color"] = ", ".join(filter(None, [said.shape, color_of(draft, entry)]))
    for word in shown:
        draft.rewrite(entry, partial(_describe_as, word), several=several)
    if details and field_text(entry, "appearance_details"):
        fields["appearance_details"] = f"{entry['appearance_details']}, {fields['appearance_details']}"
    entry |= {key: value for key, value in fields.items() if value}
    if not several and draft.summary == summary and entry != before:  # one of "two red balls"
        place = draft.place_at(cell_of(entry, draft.lexicon))
        draft.say_more(f", with {field_text(entry, 'description')} {place.at if place else ''}".rstrip())
    return bool(step.becomes or color or step.tone or size or cell or said.depth or said.shape or any(fields.values()))


def _describe_as(word: str, text: str, mention: Mention) -> str:
    """The text with a word before the mention's colours."""
    return rewrite(text, (mention.color[0], mention.color[0]), word)


def color_of(draft: Draft, entry: Entry) -> str:
    """The first colour an object says it has, as written; "" where it says none."""
    for text in (field_text(entry, "shape_and_color"), field_text(entry, "description")):
        if runs := color_runs(text, draft.lexicon):
            return text[slice(*runs[0][0])]
    return ""


def toned(color: str, tone: str) -> str:
    """A colour made lighter or darker: "dark red" of "red", "red" of "light red"."""
    opposite = {"dark": ("light ", "pale ", "bright "), "light": ("dark ", "deep "), "bright": ("dark ", "deep ")}
    bare = next((color.removeprefix(had) for had in opposite[tone] if color.startswith(had)), "")
    return bare or f"{tone} {color}".strip()


def _become(draft: Draft, entry: Entry, phrase: NounPhrase, several: bool) -> None:
    """Another thing in the same place; colour and size stay unless they are said anew."""
    shape = field_text(entry, "shape_and_color")
    colors = [shape[slice(*span)] for span, _ in color_runs(shape, draft.lexicon)[:1]]
    one = draft.lexicon.singular(phrase.name) if phrase.plural else phrase.name
    many = draft.lexicon.plural(one)
    draft.rewrite(entry, lambda text, m: rewrite(text, m.name, many if m.plural else one), several=several)
    entry["shape_and_color"] = shape_and_color(Subject(one, phrase.thing, colors=colors))


def _recolor(draft: Draft, entry: Entry, color: str, several: bool) -> None:
    """Another colour, in all places where the object and the short description speak of its own."""
    lexicon, shape = draft.lexicon, field_text(entry, "shape_and_color")
    runs = color_runs(shape, lexicon)
    own = runs[0][1] if runs else frozenset()
    for mention in draft.mentions(entry, several=several):
        draft.summary = rewrite(draft.summary, mention.color, color)
    description = field_text(entry, "description")
    spans = [span for span, keys in color_runs(description, lexicon) if not own or own & keys]
    if not spans:
        spans = [m.color for m in find_mentions(description, names_of(description, lexicon), lexicon)[-1:]]
    for span in reversed(spans):
        entry["description"] = description = rewrite(description, span, color)
    entry["shape_and_color"] = rewrite(shape, runs[0][0], color) if runs else ", ".join(filter(None, [shape, color]))


def _new_size(draft: Draft, entry: Entry, step: Step) -> Term | None:
    """The size a step asks for, if it is another: said outright, like another object's, or steps from its own."""
    sizes, own = draft.lexicon.table["sizes"], _rank(draft, entry)
    rank = own + step.grow
    size = step.subject.size or (step.becomes.size if step.becomes else None)
    if step.than:
        others = draft.find(step.than)
        if not others:
            draft.not_found(step.than, "compare with")
        rank = _rank(draft, others[0]) + step.grow if others else own
    wanted = size.rank if size else min(max(rank, 0), len(sizes) - 1)
    asked = size or step.grow or step.than
    return next(each for each in sizes.values() if each.rank == wanted) if asked else None


def _rank(draft: Draft, entry: Entry) -> int:
    found = first_match(field_text(entry, "relative_size"), draft.lexicon, "sizes")
    return draft.lexicon.table["sizes"][found[0].key if found else "medium"].rank


def _destination(draft: Draft, entry: Entry, step: Step) -> Cell | None:
    """The cell a step sends an object to: so many further on, said outright, or beside what it names."""
    here = cell_of(entry, draft.lexicon) or (1, 1)
    if step.shift:
        return min(max(here[0] + step.shift[0], 0), 2), min(max(here[1] + step.shift[1], 0), 2)
    if step.subject.place:
        return draft.lexicon.table["places"][step.subject.place].cell
    objects = draft.objects()
    for link in step.said.links[:1]:
        anchors = [draft.find_subject(step.said.subjects[anchor]) for anchor in link.anchors]
        if all(anchors):
            numbers = {id(each): number for number, each in enumerate(objects)}
            moved = Link(numbers[id(entry)], link.relation, tuple(numbers[id(found[0])] for found in anchors))
            return arrange([moved.subject], draft.cells(without=entry), [moved])[moved.subject]
    return None


def _move(draft: Draft, entry: Entry, cell: Cell | None, step: Step, several: bool) -> None:
    place, said, others = draft.place_at(cell), step.said, len(draft.objects()) - 1
    if place and place.say != field_text(entry, "location"):
        for mention in draft.mentions(entry, several=several and not step.shift):
            draft.summary = rewrite(draft.summary, mention.place, place.at)
        entry["location"] = place.say
    if step.subject.depth:
        bare = field_text(entry, "location").split(", ")[0] or "center"
        entry["location"] = f"{bare}, {step.subject.depth}"
    related = first_match(field_text(entry, "relationship"), draft.lexicon, "relations")
    if said.links:
        names = [said.subjects[anchor].name for anchor in said.links[0].anchors]
        entry["relationship"] = say_relation(said.links[0].relation, names, others)
    elif place and related and related[0].key != "beside":  # "to the left of the box" is no longer true
        entry["relationship"] = beside_others(others)

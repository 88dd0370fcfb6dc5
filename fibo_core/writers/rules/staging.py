"""Staging: objects come, go, move and change places."""

import re
from collections.abc import Iterable, Sequence

from fibo_core.writers.rules.arrange import arrange
from fibo_core.writers.rules.compose import (
    beside_others,
    compose_object,
    compose_text,
    describe,
    place_name,
    say_relation,
    single_out,
)
from fibo_core.writers.rules.draft import Draft
from fibo_core.writers.rules.lexicon import Place
from fibo_core.writers.rules.mentions import Mention, erase, find_mentions, first_match, relocate
from fibo_core.writers.rules.nouns import NounPhrase
from fibo_core.writers.rules.object_edits import ObjectEditor
from fibo_core.writers.rules.picture_edits import change_picture
from fibo_core.writers.rules.scene import Link, Scene, Subject
from fibo_core.writers.rules.steps import Step
from fibo_core.writers.rules.targets import Target, call, cell_of, color_words, field_text, objects_of

#: Where else an object says what it wears and has; what is taken off it is erased there.
_PARTS = ("description", "clothing", "appearance_details")


def destination(draft: Draft, step: Step, target: Target) -> Place | None:
    """Where a step puts an object: the place it names, a cell beside the object it names, or a step aside."""
    scene, places = step.scene, draft.lexicon.tables.places
    if step.shift is not None:
        column, row = cell_of(draft.entry(target), draft.lexicon) or (1, 1)
        return draft.place_at((min(max(column + step.shift[0], 0), 2), min(max(row + step.shift[1], 0), 2)))
    if step.target == "whole":
        return None
    if scene.subjects and scene.subjects[0].place:
        return places[scene.subjects[0].place]
    if step.there and step.kind == "move" and draft.there is not None:
        return draft.there
    link = next((link for link in scene.links if link.subject == 0), None)
    if link is None:
        return None
    anchors = [(scene.subjects[anchor], draft.number_of(scene.subjects[anchor])) for anchor in link.anchors]
    for subject, number in anchors:
        if number is None and re.search(rf"\b(an?|some) [^,.]*{re.escape(subject.name)}", step.words):
            _add_subject(draft, subject, [])  # "put the cup on a table"
        elif number is None:
            draft.not_found(NounPhrase(0, 0, colors=subject.colors, nouns=[subject.name]), "find")
            return None
    anchors = [(subject, draft.number_of(subject)) for subject, _ in anchors]
    moved = [index for index, _ in objects_of(draft.document)].index(target.index)
    placed = Link(moved, link.relation, tuple(number for _, number in anchors if number is not None))
    cells = arrange([moved], draft.cells(without=target.index), [placed])
    return places[place_name(cells[moved], draft.lexicon)]


# Coming.


def add_scene(draft: Draft, step: Step) -> None:
    """Adds the subjects of a step's scene, beside what is there, and what else the scene says."""
    scene = step.scene
    if step.there and draft.there is not None and scene.subjects:
        scene.subjects[0].place = scene.subjects[0].place or draft.there.key
    known = {anchor: draft.number_of(scene.subjects[anchor]) for link in scene.links for anchor in link.anchors}
    for number, subject in enumerate(scene.subjects):
        if known.get(number) is None:
            said_links = [link for link in scene.links if link.subject == number]
            _add_subject(draft, subject, _links_to(draft, said_links, known))
    everything = Step("change", scene.words, "whole", scene=scene)
    if not change_picture(draft, everything, whole=True) and not scene.subjects:
        draft.keep(scene.words or step.words)
    for words in scene.unread:
        draft.keep(words)


def _links_to(draft: Draft, links: Sequence[Link], known: dict[int, int | None]) -> list[Link]:
    """The links of a subject to be added, from its coming number to objects that are there."""
    new = len(objects_of(draft.document))
    found = []
    for link in links:
        anchors = tuple(number for anchor in link.anchors if (number := known.get(anchor)) is not None)
        if len(anchors) == len(link.anchors):
            found.append(Link(new, link.relation, anchors))
    return found


def _add_subject(draft: Draft, subject: Subject, links: Sequence[Link]) -> None:
    """Adds a subject's objects ("three stars" are three) and says so once in the short description."""
    place = ""
    for one in single_out(Scene("", [subject]), draft.lexicon).subjects:
        place = _add_object(draft, one, links)
    said = f" {draft.lexicon.tables.places[place].at}" if subject.place or links else ""
    if subject.place and subject.count > 1:
        said = f" {draft.lexicon.tables.places[subject.place].at}"
    draft.summary.say_more(f"and {describe(subject, draft.lexicon)}{said}")
    draft.remember(draft.targets()[-1:])


def _add_object(draft: Draft, subject: Subject, links: Sequence[Link]) -> str:
    """Adds one object; the answer is the place it got."""
    there = draft.entries()
    number, places = len(there), draft.lexicon.tables.places
    wanted = subject.place or (subject.term.place if subject.term and not links else "")
    fixed = draft.cells() | ({number: places[wanted].cell} if wanted else {})
    cell = arrange([number], fixed, links)[number]
    added = compose_object(Scene("", [subject]), 0, [cell], draft.lexicon)
    added["relationship"] = beside_others(number)
    for link in links:
        names = [re.sub(r"^(an?|the) ", "", call(there[anchor]), flags=re.IGNORECASE) for anchor in link.anchors]
        added["relationship"] = say_relation(link.relation, names, number)
    if not isinstance(draft.document.get("objects"), list):
        draft.document["objects"] = []
    draft.document["objects"].append(added)
    if lettering := compose_text(Scene("", [subject]), [added]):
        before = draft.document.get("text_render")
        draft.document["text_render"] = [*(before if isinstance(before, list) else []), *lettering]
    return place_name(cell, draft.lexicon)


# Going.


def remove(draft: Draft, chosen: Iterable[Target]) -> None:
    """Takes objects out, and what the short description says of them."""
    chosen = sorted(chosen, key=lambda target: -target.index)
    if chosen:
        draft.there = draft.place_of(draft.entry(chosen[-1]))
    gone = [(target, draft.document["objects"].pop(target.index)) for target in chosen]
    names_left = {target.names[:1] for target in draft.targets()}
    for target, entry in gone:
        mentions = draft.summary.mentions(target, entry, several=target.names[:1] not in names_left)
        if mentions:
            shorter = erase(draft.summary.text, mentions[-1], draft.lexicon)
            draft.summary.text = shorter if re.search(r"\w", shorter) else ""
    draft.last = []


def erase_part(draft: Draft, phrase: NounPhrase) -> bool:
    """Takes off objects what they wear or have ("remove the hat"); whether there was any."""
    name, found = draft.lexicon.singular(phrase.nouns[-1].lower()), False
    for entry in draft.entries():
        for key in _PARTS:
            mentions = find_mentions(field_text(entry, key), (name,), draft.lexicon)
            if not mentions or (key == "description" and mentions[0].first == 0):
                continue
            shorter = erase(field_text(entry, key), mentions[-1], draft.lexicon)
            found = True
            if re.search(r"\w", shorter):
                entry[key] = shorter
            else:
                del entry[key]
    if found and (mentions := find_mentions(draft.summary.text, (name,), draft.lexicon)):
        draft.summary.text = erase(draft.summary.text, mentions[-1], draft.lexicon)
    return found


# Changing places.


def swap(draft: Draft, step: Step, chosen: list[Target]) -> None:
    """Two objects take each other's place, or colour; with a thing that is not there the first becomes that thing."""
    if step.target == "named" and len(chosen) == 1 and not draft.find(step.phrases[1]):
        becomes = Step("change", step.words, "named", step.phrases[:1], becomes=step.phrases[1])
        ObjectEditor(draft, chosen[0], several=True).apply(becomes, None)
        draft.remember(chosen)
        return
    if len(chosen) != 2:
        draft.keep(step.words)
        return
    if step.part == "colors":
        _swap_colors(draft, chosen)
    else:
        _swap_places(draft, chosen[0], chosen[1])
    draft.remember(chosen)


def _swap_colors(draft: Draft, chosen: list[Target]) -> None:
    colors = [color_words(draft.entry(target), draft.lexicon) for target in chosen]
    if not all(colors):
        draft.notes.append("Nothing changed: one of the two has no color to swap.")
        return
    for target, color in zip(chosen, colors[::-1], strict=True):
        said = Scene(color, [Subject("subject", colors=[color])])
        ObjectEditor(draft, target, several=True).apply(Step("change", color, "named", scene=said), None)


def _swap_places(draft: Draft, one: Target, other: Target) -> None:
    first, second = draft.entry(one), draft.entry(other)
    places = field_text(first, "location"), field_text(second, "location")
    if places[0] == places[1]:
        draft.notes.append("Nothing changed: the two stand in the same place.")
        return
    mentions = [draft.summary.mentions(target, draft.entry(target), several=True)[-1:] for target in (one, other)]
    first["location"], second["location"] = places[1], places[0]
    for entry in (first, second):
        relation = first_match(field_text(entry, "relationship"), draft.lexicon, "relations")
        if relation and relation[0].term.key != "beside":  # "to the left of the box" is no longer true
            entry["relationship"] = beside_others(len(draft.entries()) - 1)
    if all(mentions):
        _swap_in_summary(draft, mentions[0][0], mentions[1][0], (draft.place_of(first), draft.place_of(second)))


def _swap_in_summary(draft: Draft, one: Mention, other: Mention, places: tuple[Place | None, Place | None]) -> None:
    """The short description with each thing at its new place, or, where a relation says it, one for the other."""
    text = draft.summary.text
    ordered = sorted([(one, places[0]), (other, places[1])], key=lambda pair: -pair[0].first)
    if one.place or other.place:
        for mention, place in ordered:
            if mention.place and place:
                text = relocate(text, mention, place.at)
    elif first_match(text[ordered[1][0].end : ordered[0][0].first], draft.lexicon, "relations"):
        late, early = ordered[0][0], ordered[1][0]
        between = text[early.end : late.first]
        text = (
            text[: early.first]
            + text[late.first : late.end]
            + between
            + text[early.first : early.end]
            + text[late.end :]
        )
    draft.summary.text = text

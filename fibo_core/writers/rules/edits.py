"""Edits: a prompt's document changed as an instruction says, touching only what it names.

Works on any prompt, whoever wrote it: unknown keys and the order of keys stay, and a change of an object is made
where the object speaks of itself and where the short description speaks of it.
"""

import re
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from fibo_core.writers.rules.arrange import arrange
from fibo_core.writers.rules.compose import (
    MAX_SINGLED_OUT,
    article,
    beside_others,
    compose_object,
    compose_text,
    describe,
    listed,
    place_name,
    say_number,
    say_relation,
    single_out,
)  # fmt: skip
from fibo_core.writers.rules.draft import Draft
from fibo_core.writers.rules.lettering import reword, unletter
from fibo_core.writers.rules.lexicon import Lexicon
from fibo_core.writers.rules.mentions import Mention, erase, find_mentions, first_match
from fibo_core.writers.rules.nouns import NounPhrase
from fibo_core.writers.rules.object_edits import change_object, color_of
from fibo_core.writers.rules.picture_edits import change_picture, clear_picture
from fibo_core.writers.rules.reading import read_scene
from fibo_core.writers.rules.scene import Link, Scene, Subject
from fibo_core.writers.rules.steps import Step, read_steps
from fibo_core.writers.rules.targets import Entry, field_text

MAX_COUNT = 999
#: Where an object says what it wears or has.
_PARTS = ("clothing", "appearance_details", "description")


def edit(document: dict[str, Any], instruction: str, lexicon: Lexicon) -> list[str]:
    """Changes ``document`` in place; the notes say what could not be done, and what was not understood.

    What was not understood is added to `short_description` in the user's words.
    """
    draft = Draft(document, lexicon)
    for step in read_steps(instruction, lexicon):
        _apply(draft, step)
    return draft.all_notes()


def _apply(draft: Draft, step: Step) -> None:
    if step.kind == "keep":
        return
    if step.kind == "add":
        _add(draft, step.said)
    elif step.kind == "count" or step.count is not None:
        _count(draft, step)
    elif step.kind == "remove" and step.target == "wording":
        unletter(draft)
    elif (chosen := _choose(draft, step)) is None:
        return
    elif step.kind == "write" or step.target == "wording" or step.text:
        reword(draft, step, chosen)
        draft.last = chosen or draft.last
    elif step.kind == "remove":
        if chosen:
            draft.remove(chosen)
        elif not clear_picture(draft, step):
            draft.keep(step.words)
    elif step.kind == "only":
        draft.remove([entry for entry in draft.objects() if not any(entry is kept for kept in chosen)])
    elif step.kind == "swap":
        _swap(draft, step, chosen)
    else:
        _change(draft, step, chosen)


def _choose(draft: Draft, step: Step) -> list[Entry] | None:
    """The step's objects; None where it named some that are not there (a note says so, or they were dealt with)."""
    everything = draft.objects()
    if step.target == "all":
        return everything
    if step.target == "it":
        return draft.last or everything[:1]
    if step.target != "named":
        return everything if step.target == "" and len(everything) == 1 and step.kind != "remove" else []
    chosen: list[Entry] = []
    for phrase in step.names:
        found = draft.find(phrase)
        if step.kind == "remove" and not any(_is_called(draft, entry, phrase) for entry in found):
            found = [] if _erase_part(draft, phrase) or clear_picture(draft, step) else _not_found(draft, step, phrase)
        elif not found and not (step.kind == "swap" and phrase is step.names[-1]):  # "swap the dog for a cat"
            _not_found(draft, step, phrase)
        chosen += [entry for entry in found if not any(entry is other for other in chosen)]
    return chosen or None


def _is_called(draft: Draft, entry: Entry, phrase: NounPhrase) -> bool:
    """Whether an object goes by a name, rather than only speaking of it ("the hat" of "a man wearing a hat")."""
    head = draft.lexicon.singular(phrase.head)
    return draft.lexicon.is_one_of(head, "pronouns") or head in draft.names(entry)


def _not_found(draft: Draft, step: Step, phrase: NounPhrase) -> list[Entry]:
    if phrase.thing or phrase.determiner or step.kind == "remove":
        draft.not_found(phrase, step.kind if step.kind in ("remove", "move", "swap") else "change")
    else:
        draft.keep(step.words)
    return []


# Changing.


def _change(draft: Draft, step: Step, chosen: list[Entry]) -> None:
    before = deepcopy(draft.document)
    whole = step.target == "whole" or (step.tone is not None and step.target in ("", "it") and not draft.last)
    for number, subject in enumerate(step.said.subjects):  # "put the cup on a table"
        anchored = any(number in link.anchors for link in step.said.links)
        if number and anchored and not draft.find_subject(subject):
            if subject.term and re.search(rf"\b(an?|some) [^,.]*{re.escape(subject.name)}", step.words):
                _add(draft, Scene("", [subject]))
            else:
                draft.not_found(NounPhrase(0, 0, colors=subject.colors, nouns=[subject.name]), "find")
                return
    understood = change_picture(draft, step, whole=whole)
    several = not draft.alike_elsewhere(chosen)
    for entry in [] if whole else chosen:
        understood = change_object(draft, entry, step, several=several) or understood
    if chosen and step.target != "whole":
        draft.last = chosen
    if not understood:
        draft.keep(step.words)
    elif draft.document == before and not draft.notes:
        draft.notes.append(_already(draft, step, chosen))
    elif understood:
        for words in step.said.unread:
            draft.keep(words)
        left = [name for name in step.said.unknown if not draft.find_subject(Subject(name))]
        if left:
            draft.keep(listed(left), left)


def _already(draft: Draft, step: Step, chosen: list[Entry]) -> str:
    """What to say where the prompt is as the step wants it."""
    said = step.subject
    place = draft.lexicon.table["places"].get(said.place)
    what = listed(said.colors) or (said.size.key if said.size else "") or (place.at if place else "")
    if not chosen or not what:
        return f'Nothing changed: "{step.words}" is so already.'
    names = listed([f"the {draft.name(entry)}" for entry in chosen])
    return f"{names[0].upper()}{names[1:]} {'is' if len(chosen) == 1 else 'are'} already {what}."


def _swap(draft: Draft, step: Step, chosen: list[Entry]) -> None:
    """Two objects take each other's place, or colour; with a thing that is not there the first becomes that thing."""
    if len(chosen) == 1 and step.target == "named" and step.names[1].thing:
        _change(draft, Step("change", step.words, "named", step.names[:1], becomes=step.names[1]), chosen)
    elif len(chosen) != 2:
        draft.keep(step.words)
    elif step.part == "colors":
        for entry, color in zip(chosen, [color_of(draft, entry) for entry in chosen[::-1]], strict=True):
            change_object(
                draft, entry, Step("change", "", "named", said=Scene("", [Subject("it", colors=[color])])), several=True
            )
    else:
        _swap_places(draft, *chosen)


def _swap_places(draft: Draft, one: Entry, other: Entry) -> None:
    if field_text(one, "location") == field_text(other, "location"):
        draft.notes.append("Nothing changed: the two stand in the same place.")
        return
    mentions = [draft.mentions(entry, several=True)[:1] for entry in (one, other)]
    one["location"], other["location"] = field_text(other, "location"), field_text(one, "location")
    for entry in (one, other):
        related = first_match(field_text(entry, "relationship"), draft.lexicon, "relations")
        if related and related[0].key != "beside":  # "to the left of the box" is no longer true
            entry["relationship"] = beside_others(len(draft.objects()) - 1)
    if all(mentions):
        first, second = sorted((found[0] for found in mentions), key=lambda mention: mention.whole)
        placed = first.place[0] < first.place[1] and second.place[0] < second.place[1]
        (a, b), (c, d) = (first.place, second.place) if placed else (first.whole, second.whole)
        text = draft.summary
        draft.summary = text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]


# Adding and removing.


def _add(draft: Draft, scene: Scene) -> None:
    """Adds the subjects of a scene, beside what is there, and what else the scene says."""
    known = {number: draft.find_subject(subject)[:1] for number, subject in enumerate(scene.subjects)}
    anchors = {anchor for link in scene.links for anchor in link.anchors}
    added = False
    for number, subject in enumerate(scene.subjects):
        if not (known[number] and (number in anchors or scene.unknown)):
            links = [link for link in scene.links if link.subject == number and all(known[a] for a in link.anchors)]
            _add_subject(draft, subject, [(link, [known[a][0] for a in link.anchors]) for link in links])
            added = True
    shown = change_picture(draft, Step("change", "", "whole", said=scene), whole=True)
    if scene.unknown:
        draft.keep(listed(scene.unknown) if added else scene.words, scene.unknown)
    elif not added and not shown:
        draft.keep(scene.words)
    for words in scene.unread:
        draft.keep(words)


def _add_subject(draft: Draft, subject: Subject, links: Sequence[tuple[Link, list[Entry]]]) -> None:
    """Adds a subject's objects ("three stars" are three) and says so once in the short description."""
    lexicon, place = draft.lexicon, ""
    for one in single_out(Scene("", [subject]), lexicon).subjects:
        there = draft.objects()
        number = len(there)
        wanted = one.place or (one.term.place if one.term and not links else "")
        fixed = draft.cells() | ({number: lexicon.table["places"][wanted].cell} if wanted else {})
        numbers = {id(entry): position for position, entry in enumerate(there)}
        placed = [Link(number, link.relation, tuple(numbers[id(e)] for e in anchors)) for link, anchors in links]
        cell = arrange([number], fixed, placed)[number]
        added = compose_object(Scene("", [one]), 0, [cell], lexicon)
        added["relationship"] = beside_others(number)
        for link, anchors in links:
            names = [draft.name(anchor) for anchor in anchors]
            added["relationship"] = say_relation(link.relation, names, number)
        draft.document["objects"] = [*(draft.document.get("objects") or []), added]
        if texts := compose_text(Scene("", [one]), [added]):
            draft.document["text_render"] = [*(draft.document.get("text_render") or []), *texts]
        place, draft.last = place_name(cell, lexicon), [added]
    place = subject.place or (place if links else "")
    said = f" {lexicon.table['places'][place].at}" if place else ""
    draft.say_more(f"and {describe(subject)}{said}")


def _erase_part(draft: Draft, phrase: NounPhrase) -> bool:
    """Takes off objects what they wear or have ("remove the hat"); whether there was any."""
    name, found = draft.lexicon.singular(phrase.head), False
    for entry in draft.objects():
        for key in _PARTS:
            mentions = find_mentions(field_text(entry, key), [name], draft.lexicon)
            if mentions and not (key == "description" and mentions[0].whole[0] == 0):
                found = True
                entry[key] = erase(field_text(entry, key), mentions[0], draft.lexicon)
                if not entry[key]:
                    del entry[key]
    for mention in find_mentions(draft.summary, [name], draft.lexicon)[:1] if found else []:
        draft.summary = erase(draft.summary, mention, draft.lexicon)
    return found


# Counting.


def _count(draft: Draft, step: Step) -> None:
    """So many of a thing; a thing that is not there yet is added, and "two stars" of a ball become stars first."""
    if step.target == "named":
        found = [entry for phrase in step.names for entry in draft.find(phrase)]
        if not found and (step.count or step.more > 0):
            number = "" if step.names[0].count else str(step.count or step.more)
            _add(draft, read_scene(f"{number} {step.words if step.count else step.names[0].name}", draft.lexicon))
            return
        if not found:
            draft.not_found(step.names[0], "count")
            return
    else:
        found = _choose(draft, step) or []
    if step.becomes:
        alike = draft.find(step.becomes)
        if alike:
            found = alike
        else:
            for entry in found:
                change_object(draft, entry, step, several=not draft.alike_elsewhere(found))
    if found:
        _show_as_many(draft, step, found)
    else:
        draft.keep(step.words)


def _show_as_many(draft: Draft, step: Step, found: list[Entry]) -> None:
    """Shows so many of the found objects: few of them as objects of their own, many as one cluster."""
    lexicon = draft.lexicon
    numbers = [entry.get("number_of_objects") for entry in found]
    shown = sum(number if isinstance(number, int) and number > 0 else 1 for number in numbers)
    wanted = step.count if step.count is not None else round(shown * step.factor) if step.factor else shown + step.more
    wanted = min(max(wanted, 0), MAX_COUNT)
    name = draft.name(found[0])
    if wanted == shown:
        many = f"are already {say_number(shown)} {lexicon.plural(name)}"
        draft.notes.append(f"There is already one {name}." if shown == 1 else f"There {many}.")
        return
    if wanted == 0:
        draft.remove(found)
        return
    mentions = {m.whole: m for entry in found for m in draft.mentions(entry, several=True)}
    if len(mentions) == 1:
        draft.summary = _recount(draft.summary, next(iter(mentions.values())), wanted, lexicon)
    else:
        draft.say_more(f", {say_number(wanted)} {name if wanted == 1 else lexicon.plural(name)} in all")
    singled = wanted <= MAX_SINGLED_OUT - len(draft.objects()) + len(found)
    first, left = found[0], found[: wanted if singled else 1]
    description = field_text(first, "description")
    for mention in find_mentions(description, draft.names(first), lexicon)[-1:]:
        if not singled or "number_of_objects" in first:
            first["description"] = _recount(description, mention, 1 if singled else wanted, lexicon)
    first.pop("number_of_objects", None)
    if not singled:
        first["number_of_objects"] = wanted
    draft.drop([entry for entry in found if not any(entry is each for each in left)])
    for _ in range(wanted - len(left) if singled else 0):
        number = len(draft.objects())
        cell = arrange([number], draft.cells(), [])[number]
        draft.document["objects"].append(deepcopy(first) | {"location": place_name(cell, lexicon)})
    for entry in draft.objects():
        if field_text(entry, "relationship") in ("", *map(beside_others, range(3))):
            entry["relationship"] = beside_others(len(draft.objects()) - 1)
    draft.last = left


def _recount(text: str, mention: Mention, wanted: int, lexicon: Lexicon) -> str:
    """The text with another number before the mention, and its name in the number that goes with it."""
    name = text[slice(*mention.name)]
    name = lexicon.singular(name.lower()) if mention.plural and wanted == 1 else name
    name = lexicon.plural(name) if not mention.plural and wanted > 1 else name
    rest = text[mention.start : mention.name[0]] + name
    number = article(rest) if wanted == 1 else say_number(wanted)
    number = number.capitalize() if text[mention.whole[0]].isupper() else number
    return f"{text[: mention.whole[0]]}{number} {rest}{text[mention.place[1] :]}"

"""Edits: a prompt's document changed as an instruction says, touching only what it names.

Works on any prompt, whoever wrote it: unknown keys and the order of keys stay, and a change of an object is made
where the object speaks of itself and where the short description speaks of it.
"""

from copy import deepcopy
from dataclasses import replace
from typing import Any

from fibo_core.writers.rules import compose
from fibo_core.writers.rules.arrange import arrange
from fibo_core.writers.rules.cast import named_subject
from fibo_core.writers.rules.draft import Draft, Entry, Relations, field_text, head_of
from fibo_core.writers.rules.lexicon import Lexicon
from fibo_core.writers.rules.object_edits import become, change_object
from fibo_core.writers.rules.picture_edits import change_picture
from fibo_core.writers.rules.scene import Scene, Subject
from fibo_core.writers.rules.steps import Step, read_steps


def edit(document: dict[str, Any], instruction: str, lexicon: Lexicon) -> list[str]:
    """Changes ``document`` in place; the notes say what could not be done, and what was not understood.

    What was not understood is added to `short_description` in the user's words.
    """
    draft = Draft(document, lexicon)
    for step in read_steps(instruction, lexicon):
        draft.told = True
        if step.kind in ("add", "move", "change"):
            _lay_over(draft, step)
        elif step.kind != "keep" and (chosen := _choose(draft, step)):
            _do(draft, step, chosen)
        if not draft.told:
            draft.add_sentence(step.words)
    return draft.all_notes()


def _choose(draft: Draft, step: Step) -> list[Entry]:
    """The objects a step is about; a note says which are not there."""
    if not step.names:
        return draft.objects() if step.everything else draft.last or draft.objects()[:1]
    found = {phrase.name: draft.find(phrase) for phrase in step.names}
    for phrase in step.names:
        if not found[phrase.name]:
            draft.not_found(phrase, step.kind if step.kind in ("remove", "count") else "change")
    return [entry for entries in found.values() for entry in entries]


def _do(draft: Draft, step: Step, chosen: list[Entry]) -> None:
    """A step of the kinds that are about objects which are there."""
    if step.kind == "count":
        _count(draft, step, chosen)
    elif step.kind == "remove":
        draft.remove(chosen)
    elif step.kind == "only":
        draft.remove([entry for entry in draft.objects() if not any(entry is kept for kept in chosen)])
    elif step.becomes:
        for entry in chosen:
            become(draft, entry, step.becomes, len(chosen))
        change_picture(draft, step.said)
        draft.last = chosen


def _lay_over(draft: Draft, step: Step) -> None:
    """The scene of a step laid over the prompt: what it names is changed, or added where it is new."""
    scene, before, objects = step.said, deepcopy(draft.document), draft.objects()
    it = objects if step.everything else draft.last or (objects[:1] if step.it or len(objects) == 1 else [])
    entries = [it, *(draft.find_subject(subject) for subject in scene.subjects[1:])]
    for number, subject in enumerate(scene.subjects):
        if subject.meant and not entries[number]:
            draft.not_found(subject.meant)
            return
    tone = scene.subjects[0].tone if not draft.last else ""  # "darker" is said of the picture
    understood = change_picture(draft, scene, tone)
    anchors = {anchor for link in scene.links for anchor in link.anchors}
    for number in sorted(range(1, len(entries)), key=lambda number: number not in anchors):
        subject, known = scene.subjects[number], entries[number]
        if subject.meant or not (subject.term or subject.lettering) or (known and (number in anchors or scene.unknown)):
            continue
        understood = True
        if known and subject.count > 1 and step.kind != "add":  # "make it three balls"
            _count(draft, replace(step, count=subject.count), known)
        else:
            entries[number] = _add(draft, subject, _relations(scene, number, entries))
    said, changed = 0, list[Entry]()
    for number in reversed(range(len(entries))):
        subject, relations = scene.subjects[number], _relations(scene, number, entries)
        said = number if relations or subject.says_something else said  # "the ball and the box red"
        if number == said == 0 or (said and subject.meant and (said == number or number not in anchors)):
            wish = replace(scene.subjects[said], tone="") if tone else scene.subjects[said]
            count = len(entries[number])
            done = [change_object(draft, entry, wish, relations, count) for entry in entries[number]]
            if wish.count > 1 and entries[number]:
                _count(draft, replace(step, count=wish.count), entries[number])
            understood = any(done) or wish.count > 1 or understood
            changed = entries[number] if any(done) else changed
    draft.last = changed or draft.last
    unknown = [name for name in scene.unknown if not draft.find_subject(Subject(name))]
    if unknown:
        draft.keep(compose.listed(unknown) if understood else scene.words, unknown)
    elif not understood:
        draft.keep(step.words)
    elif draft.document == before and not draft.notes:
        draft.notes.append(f'Nothing changed: "{step.words}" is so already.')
    for words in scene.unread if understood else []:
        draft.keep(words)


def _relations(scene: Scene, number: int, entries: list[list[Entry]]) -> Relations:
    """How a subject shall stand to objects that are there."""
    links = [link for link in scene.links if link.subject == number and all(entries[a] for a in link.anchors)]
    return [(link.relation, [entries[anchor][0] for anchor in link.anchors]) for link in links]


def _add(draft: Draft, subject: Subject, relations: Relations) -> list[Entry]:
    """Adds a subject's objects ("three stars" are three) and says so once in the short description."""
    lexicon, cell, added = draft.lexicon, (1, 1), []
    for one in compose.single_out(Scene("", [subject]), lexicon).subjects:
        number = len(draft.objects())
        wanted = one.place or (one.term.place if one.term and not relations else "")
        fixed = draft.cells() | ({number: lexicon.table["places"][wanted].cell} if wanted else {})
        cell = arrange([number], fixed, draft.links(number, relations))[number]
        entry = compose.compose_object(Scene("", [one]), 0, [cell], lexicon)
        entry["relationship"] = draft.relationship(relations, number)
        for key, items in (("objects", [entry]), ("text_render", compose.compose_text(Scene("", [one]), [entry]))):
            if items:
                draft.document[key] = [*(draft.document.get(key) or []), *items]
        added.append(entry)
    place = lexicon.table["places"].get(subject.place) or (draft.place_at(cell) if relations else None)
    draft.say_more(f"and {compose.describe(subject)} {place.at if place else ''}".rstrip())
    draft.last = added[-1:]
    return added


def _count(draft: Draft, step: Step, found: list[Entry]) -> None:
    """Shows so many of the found objects: few of them as objects of their own, many as one cluster."""
    lexicon, first = draft.lexicon, found[0]
    numbers = [entry.get("number_of_objects") for entry in found]
    shown = sum(number if isinstance(number, int) and number > 0 else 1 for number in numbers)
    wanted = max(round(shown * step.factor) + step.more, 0) if step.count is None else step.count
    if wanted == shown:
        draft.notes.append(f'Nothing changed: "{step.words}" is so already.')
    elif wanted == 0:
        draft.remove(found)
    if wanted in (0, shown):
        return
    own = replace(named_subject(head_of(field_text(first, "description"), lexicon)[1]), count=1)
    singled = wanted <= compose.MAX_SINGLED_OUT - len(draft.objects()) + len(found)
    draft.told = draft.say_instead_of(draft.counted(own, shown), draft.counted(own, wanted))
    if not singled or "number_of_objects" in first:
        first["description"] = draft.counted(own, 1 if singled else wanted)
    first.pop("number_of_objects", None)
    first |= {} if singled else {"number_of_objects": wanted}
    draft.drop(found[wanted if singled else 1 :])
    for _ in range(wanted - len(found) if singled else 0):
        number = len(draft.objects())
        cell = arrange([number], draft.cells(), [])[number]
        draft.document["objects"].append(deepcopy(first) | {"location": compose.place_name(cell, lexicon)})
    for entry in draft.objects():
        if field_text(entry, "relationship") in map(compose.beside_others, range(3)):
            entry["relationship"] = compose.beside_others(len(draft.objects()) - 1)
    draft.last = found[: wanted if singled else 1]

"""Edits: a prompt's document changed as an instruction says, touching only what it names.

Works on any prompt, whoever wrote it: unknown keys and the order of keys stay, and a change of an object is made
where the object speaks of itself and where the short description speaks of it.
"""

from copy import deepcopy
from typing import Any

from fibo_core.writers.rules.compose import listed
from fibo_core.writers.rules.counting import count
from fibo_core.writers.rules.draft import Draft
from fibo_core.writers.rules.instructions import read_steps
from fibo_core.writers.rules.lettering import reword, unletter
from fibo_core.writers.rules.lexicon import Lexicon
from fibo_core.writers.rules.nouns import NounPhrase
from fibo_core.writers.rules.object_edits import ObjectEditor
from fibo_core.writers.rules.picture_edits import change_picture, clear_picture
from fibo_core.writers.rules.reading import read_scene
from fibo_core.writers.rules.staging import add_scene, destination, erase_part, remove, swap
from fibo_core.writers.rules.steps import Step
from fibo_core.writers.rules.targets import Target


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
        add_scene(draft, step)
    elif step.target == "wording" and step.kind == "remove":
        unletter(draft)
    elif step.kind == "write" or step.target == "wording" or step.text:
        if (chosen := _choose(draft, step)) is not None:
            reword(draft, step, chosen)
    elif step.kind == "count" or step.count is not None:
        _count(draft, step)
    elif (chosen := _choose(draft, step)) is None:
        return
    elif step.kind == "remove":
        _remove(draft, step, chosen)
    elif step.kind == "only":
        remove(draft, [target for target in draft.targets() if target.index not in {t.index for t in chosen}])
    elif step.kind == "swap":
        swap(draft, step, chosen)
    else:
        _change(draft, step, chosen)


def _change(draft: Draft, step: Step, chosen: list[Target]) -> None:
    before = deepcopy(draft.document)
    whole = step.target == "whole" or (step.tone is not None and step.target in ("", "it") and not draft.last)
    understood = change_picture(draft, step, whole=whole)
    if not (whole and step.tone):
        others = draft.names_besides(chosen)
        for target in chosen:
            place = destination(draft, step, target)
            editor = ObjectEditor(draft, target, several=target.names[:1] not in others)
            understood = editor.apply(step, place) or understood
    if chosen and step.target != "whole":
        draft.remember(chosen)
    if understood and draft.document == before and not draft.notes:
        draft.notes.append(_already(draft, step, chosen))
    for words in [*step.scene.unread, *_left_over(draft, step)] if understood else [step.words]:
        draft.keep(words)


def _left_over(draft: Draft, step: Step) -> list[str]:
    """Things a step names that no edit has used."""
    scene = step.scene
    anchors = {anchor for link in scene.links for anchor in link.anchors}
    deeds = " ".join(subject.action for subject in scene.subjects)
    return [
        subject.name
        for number, subject in enumerate(scene.subjects)
        if number and number not in anchors and subject.name not in deeds and draft.number_of(subject) is None
    ]


def _already(draft: Draft, step: Step, chosen: list[Target]) -> str:
    """What to say where the prompt is as the step wants it."""
    said = step.scene.subjects[0] if step.scene.subjects and step.target != "whole" else None
    colors = said.colors if said else []
    place = draft.lexicon.tables.places.get(said.place) if said else None
    size = said.size.key if said and said.size else ""
    what = listed(colors) or size or (place.at if place else "") or (listed(said.textures) if said else "")
    if not chosen or not what:
        return f'Nothing changed: "{step.words}" is so already.'
    names = listed([f"the {target.name}" for target in chosen])
    return f"{names[0].upper()}{names[1:]} {'is' if len(chosen) == 1 else 'are'} already {what}."


def _count(draft: Draft, step: Step) -> None:
    """So many of a thing; a thing that is not there yet is added, and "two stars" of a ball become stars first."""
    if step.becomes is not None:
        found = _choose(draft, step) or []
        alike = draft.find(step.becomes)
        kept = {target.index for target in alike}
        others = draft.names_besides(found)
        for target in found if not kept & {target.index for target in found} else []:
            ObjectEditor(draft, target, several=target.names[:1] not in others).apply(step, None)
        if step.target != "named" and kept >= {target.index for target in found}:
            found = alike  # "make it three balls" of two means both
        indexes = {target.index for target in found}
        found = [target for target in draft.targets() if target.index in indexes]
    elif step.target == "named":
        found = [target for phrase in step.phrases for target in draft.find(phrase)]
        if not found and step.count is not None:
            step.scene = read_scene(step.words, draft.lexicon)
            add_scene(draft, step)
            return
        if not found and step.more > 0:
            step.scene = read_scene(" ".join([str(step.more), step.phrases[0].name]), draft.lexicon)
            add_scene(draft, step)
            return
        if not found:
            draft.not_found(step.phrases[0], "count")
            return
    else:
        found = _choose(draft, step) or []
    if found:
        count(draft, step, found)
    else:
        draft.keep(step.words)


def _remove(draft: Draft, step: Step, chosen: list[Target]) -> None:
    if not chosen or step.target in ("", "whole"):
        before = deepcopy(draft.document)
        if not clear_picture(draft, step):
            draft.keep(step.words)
        elif draft.document == before:
            draft.notes.append(_already(draft, step, []))
        return
    remove(draft, chosen)
    if step.scene.unread:
        draft.keep(step.words)


# Which objects.


def _choose(draft: Draft, step: Step) -> list[Target] | None:
    """The step's objects; None where it named some that are not there (a note says so, or they were dealt with)."""
    everything = draft.targets()
    if step.target == "all":
        return everything
    if step.target == "it":
        return draft.last or everything[:1]
    if step.target != "named":
        return [] if step.target in ("whole", "wording") or len(everything) != 1 else everything
    chosen: dict[int, Target] = {}
    for phrase in step.phrases:
        found = draft.find(phrase)
        if found and step.kind == "remove" and not _own_name(draft, found, phrase) and erase_part(draft, phrase):
            continue  # "the hat" of "a man wearing a hat"
        if not found:
            _missing(draft, step, phrase)
        chosen |= {target.index: target for target in found}
    return list(chosen.values()) or None


def _own_name(draft: Draft, found: list[Target], phrase: NounPhrase) -> bool:
    """Whether an object goes by the name, rather than only speaking of it."""
    name = draft.lexicon.singular(phrase.nouns[-1].lower())
    return any(name in target.names[:-1] for target in found)


def _missing(draft: Draft, step: Step, phrase: NounPhrase) -> None:
    """What to do about a thing that is no object of the prompt."""
    if step.kind == "move" and (
        phrase.determiner in ("a", "an") or (phrase.count and not phrase.determiner)
    ):  # "put a hat on the cat"
        words = step.words.split(maxsplit=1)[1]
        add_scene(draft, Step("add", words, scene=read_scene(words, draft.lexicon), there=step.there))
        return
    if step.kind == "remove" and (clear_picture(draft, step) or erase_part(draft, phrase)):
        return
    if step.kind == "swap" and phrase is step.phrases[-1]:  # "swap the dog for a cat"
        return
    if not phrase.thing and not phrase.determiner and step.kind != "remove":
        draft.keep(step.words)
    else:
        draft.not_found(phrase, step.kind if step.kind in ("remove", "move", "swap") else "change")

"""Edits: a prompt's document changed as an instruction says, touching only what it names.

Works on any prompt, whoever wrote it: unknown keys and the order of keys stay, and a change of an object is made
where the object speaks of itself and where the short description speaks of it.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from fibo_core.writers.rules.arrange import arrange
from fibo_core.writers.rules.compose import (
    beside_others,
    compose_object,
    describe,
    listed,
    place_name,
    say_relation,
    single_out,
)
from fibo_core.writers.rules.lexicon import Lexicon, Place
from fibo_core.writers.rules.mentions import erase
from fibo_core.writers.rules.nouns import NounPhrase
from fibo_core.writers.rules.object_edits import ObjectEditor
from fibo_core.writers.rules.reading import read_scene
from fibo_core.writers.rules.scene import Link, Scene, Subject
from fibo_core.writers.rules.steps import Step, read_steps
from fibo_core.writers.rules.summary import Summary
from fibo_core.writers.rules.targets import Target, call, cell_of, find_targets, objects_of, targets


def edit(document: dict[str, Any], instruction: str, lexicon: Lexicon) -> list[str]:
    """Changes ``document`` in place; the notes say what could not be done, and what was not understood.

    What was not understood is added to `short_description` in the user's words.
    """
    editor = _Editor(document, lexicon)
    for step in read_steps(instruction, lexicon):
        editor.apply(step)
    return editor.notes


class _Editor:
    def __init__(self, document: dict[str, Any], lexicon: Lexicon):
        self.document = document
        self.lexicon = lexicon
        self.summary = Summary(document, lexicon)
        self.notes: list[str] = []
        self.last: list[Target] = []  # what "it" is

    def apply(self, step: Step) -> None:
        if step.kind == "add":
            self._add(step.scene)
        elif (chosen := self._choose(step)) is None:
            return
        elif step.kind == "remove":
            self._remove(chosen)
        else:
            self._change(step, chosen)

    def _change(self, step: Step, chosen: list[Target]) -> None:
        understood = self._change_picture(step)
        numbers = {target.index for target in chosen}
        place_of = {target.index: self._destination(step, target) for target in chosen}
        names_left = {t.names[:1] for t in targets(self.document, self.lexicon) if t.index not in numbers}
        for target in chosen:
            editor = ObjectEditor(
                self.document,
                target,
                self.lexicon,
                others=len(objects_of(self.document)) - 1,
                several=target.names[:1] not in names_left,
            )
            understood = editor.apply(step, place_of[target.index]) or understood
        self.last = chosen if chosen and step.target != "whole" else self.last
        for words in step.scene.unread if understood else [step.words]:
            self._keep(words)

    # Which objects.

    def _choose(self, step: Step) -> list[Target] | None:
        """The step's objects; None where it named some that are not there (a note says so)."""
        everything = targets(self.document, self.lexicon)
        if step.target == "all":
            return everything
        if step.target == "it":
            return self.last or everything[:1]
        if step.target != "named":
            return [] if step.target == "whole" or len(everything) != 1 else everything
        chosen: dict[int, Target] = {}
        for phrase in step.phrases:
            found = find_targets(self.document, phrase, self.lexicon)
            if not found and step.kind == "move" and phrase.determiner in ("a", "an"):  # "put a hat on the cat"
                self._add(read_scene(step.words.split(maxsplit=1)[1], self.lexicon))
            elif not found and not phrase.thing and not phrase.determiner:
                self._keep(step.words)
            elif not found:
                self._not_found(phrase)
            chosen |= {target.index: target for target in found}
        return list(chosen.values()) or None

    def _not_found(self, phrase: NounPhrase) -> None:
        names = [call(entry) for _, entry in objects_of(self.document)]
        there = f"The prompt has: {'; '.join(names)}." if names else "The prompt has no objects."
        named = f"{listed(phrase.colors)} {phrase.name}".strip()
        self.notes.append(f'There is no "{named}" to change. {there}')

    # Where objects go: numbers count the entries that are objects.

    def _cells(self, without: int | None = None) -> dict[int, tuple[int, int]]:
        """The cells of the objects that say where they are; ``without`` the object at that index."""
        return {
            number: cell
            for number, (index, entry) in enumerate(objects_of(self.document))
            if index != without and (cell := cell_of(entry, self.lexicon))
        }

    def _existing(self, subject: Subject) -> int | None:
        """The number of the object a subject of an instruction names, such as "the box" in "above the box"."""
        phrase = NounPhrase(0, 0, colors=subject.colors, nouns=subject.name.split(), thing=subject.term)
        found = find_targets(self.document, phrase, self.lexicon)
        numbers = {index: number for number, (index, _) in enumerate(objects_of(self.document))}
        return numbers[found[0].index] if found else None

    def _destination(self, step: Step, target: Target) -> Place | None:
        """Where a step puts an object: the place it names, or a cell beside the object it names."""
        scene, places = step.scene, self.lexicon.tables.places
        if scene.subjects and scene.subjects[0].place:
            return places[scene.subjects[0].place]
        link = next((link for link in scene.links if link.subject == 0), None)
        if link is None:
            return None
        anchors = [(scene.subjects[anchor], self._existing(scene.subjects[anchor])) for anchor in link.anchors]
        for subject, number in anchors:
            if number is None:
                self._not_found(NounPhrase(0, 0, colors=subject.colors, nouns=[subject.name]))
                return None
        moved = [index for index, _ in objects_of(self.document)].index(target.index)
        placed = Link(moved, link.relation, tuple(number for _, number in anchors if number is not None))
        cells = arrange([moved], self._cells(without=target.index), [placed])
        return places[place_name(cells[moved], self.lexicon)]

    # Objects come and go.

    def _add(self, scene: Scene) -> None:
        known = {anchor: self._existing(scene.subjects[anchor]) for link in scene.links for anchor in link.anchors}
        for number, subject in enumerate(scene.subjects):
            if known.get(number) is None:
                said_links = [link for link in scene.links if link.subject == number]
                self._add_subject(subject, self._links_to(said_links, known))
        everything = Step("change", scene.words, "whole", scene=scene)
        if not self._change_picture(everything) and not scene.subjects:
            self._keep(scene.words)
        for words in scene.unread:
            self._keep(words)

    def _links_to(self, links: Sequence[Link], known: dict[int, int | None]) -> list[Link]:
        """The links of a subject to be added, from its coming number to objects that are there."""
        new = len(objects_of(self.document))
        found = []
        for link in links:
            anchors = tuple(number for anchor in link.anchors if (number := known.get(anchor)) is not None)
            if len(anchors) == len(link.anchors):
                found.append(Link(new, link.relation, anchors))
        return found

    def _add_subject(self, subject: Subject, links: Sequence[Link]) -> None:
        """Adds a subject's objects ("three stars" are three) and says so once in the short description."""
        place = ""
        for one in single_out(Scene("", [subject]), self.lexicon).subjects:
            place = self._add_object(one, links)
        said = f" {self.lexicon.tables.places[place].at}" if subject.place or links else ""
        self.summary.say_more(f"and {describe(subject, self.lexicon)}{said}")
        self.last = targets(self.document, self.lexicon)[-1:]

    def _add_object(self, subject: Subject, links: Sequence[Link]) -> str:
        """Adds one object; the answer is the place it got."""
        there = [entry for _, entry in objects_of(self.document)]
        number, places = len(there), self.lexicon.tables.places
        wanted = subject.place or (subject.term.place if subject.term and not links else "")
        fixed = self._cells() | ({number: places[wanted].cell} if wanted else {})
        cell = arrange([number], fixed, links)[number]
        added = compose_object(Scene("", [subject]), 0, [cell], self.lexicon)
        added["relationship"] = beside_others(number)
        for link in links:
            names = [re.sub(r"^(an?|the) ", "", call(there[anchor]), flags=re.IGNORECASE) for anchor in link.anchors]
            added["relationship"] = say_relation(link.relation, names, number)
        if not isinstance(self.document.get("objects"), list):
            self.document["objects"] = []
        self.document["objects"].append(added)
        return place_name(cell, self.lexicon)

    def _remove(self, chosen: Iterable[Target]) -> None:
        chosen = sorted(chosen, key=lambda target: -target.index)
        gone = [(target, self.document["objects"].pop(target.index)) for target in chosen]
        names_left = {target.names[:1] for target in targets(self.document, self.lexicon)}
        for target, entry in gone:
            mentions = self.summary.mentions(target, entry, several=target.names[:1] not in names_left)
            if mentions:
                shorter = erase(self.summary.text, mentions[-1], self.lexicon)
                self.summary.text = shorter if re.search(r"\w", shorter) else ""
        self.last = []

    # The whole picture.

    def _change_picture(self, step: Step) -> bool:
        scene, document = step.scene, self.document
        done = False
        if scene.light or scene.direction or scene.implied_light:
            light = scene.light or (self.lexicon.tables.lights[scene.implied_light] if scene.implied_light else None)
            lighting = self._part("lighting")
            if light is not None:
                lighting["conditions"] = light.say
                if lighting.get("shadows"):
                    lighting["shadows"] = light.shadows
                self.summary.say_instead(light.at, "lights")
            if scene.direction:
                lighting["direction"] = scene.direction
            done = True
        if scene.settings:
            document["background_setting"] = ", ".join(scene.settings)
            self.summary.say_instead(f"{scene.settings[0]} in the background", "settings")
            done = True
        if scene.medium:
            before = document.get("style_medium")
            known = next((m for m in self.lexicon.tables.media.values() if m.say == before), None)
            document["style_medium"] = scene.medium.say
            if known is not None and document.get("artistic_style") == known.style and not scene.style:
                document["artistic_style"] = scene.medium.style
            self.summary.say_instead(scene.medium.say, "media")
            done = True
        if scene.style:
            document["artistic_style"] = scene.style
            done = True
        if scene.moods and step.target != "named":
            self._part("aesthetics")["mood_atmosphere"] = ", ".join(dict.fromkeys(scene.moods))
            done = True
        if scene.scheme:
            self._part("aesthetics")["color_scheme"] = scene.scheme
            done = True
        for camera in scene.camera:
            part = "aesthetics" if camera.field == "composition" else "photographic_characteristics"
            self._part(part)[camera.field] = camera.say
            done = True
        return done

    def _part(self, key: str) -> dict[str, Any]:
        part = self.document.get(key)
        if not isinstance(part, dict):
            part = self.document[key] = {}
        return part

    def _keep(self, words: str) -> None:
        """What was not understood goes to the model in the user's words."""
        if words := words.strip(" ,;."):
            self.summary.add_sentence(words)
            self.notes.append(f'Not understood: "{words}". It was added to the short description.')

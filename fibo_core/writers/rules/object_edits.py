"""One object of a prompt changed as a step says: its colour, size, place, kind, and where its texts speak of it."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from fibo_core.writers.rules.compose import beside_others, listed, say_relation, shape_and_color
from fibo_core.writers.rules.draft import Draft
from fibo_core.writers.rules.lexicon import Lexicon, Place, Size, tokenize
from fibo_core.writers.rules.mentions import (
    Mention,
    color_runs,
    find_mentions,
    first_match,
    qualify,
    recolor,
    relocate,
    rename,
    resize,
)
from fibo_core.writers.rules.nouns import NounPhrase
from fibo_core.writers.rules.picture_edits import toned
from fibo_core.writers.rules.scene import Subject
from fibo_core.writers.rules.steps import Step
from fibo_core.writers.rules.targets import Target, call, cell_of, color_words, field_text


class ObjectEditor:
    """Edits one entry of `objects` in place.

    ``several`` says that all objects of its name are being changed, so that "the balls" means it too.
    """

    def __init__(self, draft: Draft, target: Target, *, several: bool):
        self.draft = draft
        self.document = draft.document
        self.entry = draft.entry(target)
        self.target = target
        self.lexicon = draft.lexicon
        self.summary = draft.summary
        self.others = len(draft.entries()) - 1
        self.several = several

    def apply(self, step: Step, place: Place | None) -> bool:
        """Everything a step says of the object, which goes to ``place`` if one is given; whether that was anything."""
        said = step.scene.subjects[0] if step.scene.subjects and step.target != "whole" else Subject("")
        before, entry_before = self.summary.text, dict(self.entry)
        becomes = step.becomes
        colors = listed(said.colors or (becomes.colors if becomes else []))
        size = self._new_size(step, said)
        changes: list[tuple[object, Callable[[], None]]] = [
            (becomes, lambda: self._become(becomes)),
            (colors, lambda: self._recolor(colors)),
            (step.tone, lambda: self._tone(step)),
            (size, lambda: self._resize(size)),
            (place or said.depth, lambda: self._move(place, said.depth, step)),
            (said.textures, lambda: self._set("texture", listed(said.textures))),
            (said.shape and not becomes, lambda: self._reshape(said.shape)),
            (said.adjectives and not said.textures, lambda: self._describe_as(said)),
            (said.details or (step.target == "named" and step.scene.moods), lambda: self._detail(step, said)),
            (said.clothing, lambda: self._dress(said.clothing)),
            (said.expression, lambda: self._set("expression", said.expression)),
            (said.action and said.action not in _bare_feelings(self.lexicon), lambda: self._act(said.action)),
            (said.pose, lambda: self._set("pose", said.pose)),
        ]  # fmt: skip
        wanted = [change for condition, change in changes if condition]
        for change in wanted:
            change()
        if wanted and not self.several and self.summary.text == before and self.entry != entry_before:
            self._single_out()
        return bool(wanted)

    def _set(self, key: str, value: str) -> None:
        self.entry[key] = value

    def _become(self, phrase: NounPhrase | None) -> None:
        """Another thing in the same place; colour and size stay unless they are said anew."""
        assert phrase is not None
        shape = field_text(self.entry, "shape_and_color")
        colors = [shape[run.start : run.end] for run in color_runs(shape, self.lexicon)[:1]]
        name = self.lexicon.singular(phrase.name) if phrase.plural else phrase.name
        many = self.lexicon.plural(name)
        self._rewrite(lambda text, mention: rename(text, mention, many if mention.plural else name))
        self.entry["shape_and_color"] = shape_and_color(Subject(name, phrase.thing, colors=colors))
        self.target = Target(self.target.index, (name.lower(), *self.target.names))

    def _recolor(self, color: str) -> None:
        shape = field_text(self.entry, "shape_and_color")
        runs = color_runs(shape, self.lexicon)
        own = {key for run in runs[:1] for key in run.keys}
        for mention in self._summary_mentions():
            run = mention.colors[0] if mention.colors else None
            self.summary.text = recolor(self.summary.text, run, mention, color)
        description = field_text(self.entry, "description")
        own_runs = [run for run in color_runs(description, self.lexicon) if not own or own & set(run.keys)]
        for run in reversed(own_runs):
            description = recolor(description, run, None, color)
        if not own_runs:
            for mention in find_mentions(description, self.target.names, self.lexicon)[:1]:
                description = recolor(description, None, mention, color)
        self._describe(description)
        colored = recolor(shape, runs[0], None, color) if runs else ", ".join(filter(None, [shape, color]))
        self._set("shape_and_color", colored)

    def _tone(self, step: Step) -> None:
        """Its colour made darker or lighter."""
        assert step.tone is not None
        color = color_words(self.entry, self.lexicon)
        if color:
            self._recolor(toned(color, step.tone.say, self.draft))
        else:
            self._recolor(step.tone.say)

    def _reshape(self, shape: str) -> None:
        color = color_words(self.entry, self.lexicon)
        self._set("shape_and_color", ", ".join(filter(None, [shape, color])))

    def _resize(self, size: Size | None) -> None:
        assert size is not None
        said = first_match(field_text(self.entry, "relative_size"), self.lexicon, "sizes")
        if said is not None and said[0].term.key == size.key:
            return
        self._rewrite(lambda text, mention: resize(text, mention, size.key))
        self._set("relative_size", size.say)

    def _new_size(self, step: Step, said: Subject) -> Size | None:
        """The size a step asks for: said outright, like another object's, or so many steps from its own."""
        size = said.size or (step.becomes.size if step.becomes else None)
        if size is not None or not (step.grow or step.than):
            return size
        if step.than is None:
            return self._size_at(self._rank(self.entry) + step.grow)
        found = self.draft.find(step.than)
        if not found:
            self.draft.not_found(step.than, "compare with")
            return None
        other = self._rank(self.draft.entry(found[0]))
        rank = other + step.grow
        own = self._rank(self.entry)
        grown = own > rank if step.grow > 0 else own < rank if step.grow < 0 else False
        return self._size_at(own if grown else rank)

    def _rank(self, entry: dict[str, Any]) -> int:
        sizes = self.lexicon.tables.sizes
        found = first_match(field_text(entry, "relative_size"), self.lexicon, "sizes")
        return sizes[found[0].term.key if found else "medium"].rank

    def _size_at(self, rank: int) -> Size:
        sizes = self.lexicon.tables.sizes
        rank = min(max(rank, 0), max(size.rank for size in sizes.values()))
        return next(size for size in sizes.values() if size.rank == rank)

    def _move(self, place: Place | None, depth: str, step: Step) -> None:
        if place is not None:
            self._move_to(place, step)
        if depth:
            location = field_text(self.entry, "location")
            for other in self.lexicon.tables.depths:
                location = location.replace(f", {other}", "")
            self._set("location", f"{location or 'center'}, {depth}")

    def _move_to(self, place: Place, step: Step) -> None:
        scene = step.scene
        if place.say != field_text(self.entry, "location"):
            for mention in self._summary_mentions():
                if mention.plural and step.shift:  # each of them goes to a place of its own
                    continue
                self.summary.text = relocate(self.summary.text, mention, place.at)
            self._set("location", place.say)
        relation = first_match(field_text(self.entry, "relationship"), self.lexicon, "relations")
        if scene.links:
            link = scene.links[0]
            names = [scene.subjects[anchor].name for anchor in link.anchors]
            self._set("relationship", say_relation(link.relation, names, self.others))
        elif relation and relation[0].term.key != "beside":  # "to the left of the box" is no longer true
            self._set("relationship", beside_others(self.others))

    def _describe_as(self, said: Subject) -> None:
        """Words that describe: "old", "striped"; they stand before its name."""
        words = [word for word in said.adjectives if not self.lexicon.match(tokenize(word), 0, "shapes")]
        if said.expression and len(words) == 1:
            return
        for word in words:
            if word not in field_text(self.entry, "description").lower().split():
                self._rewrite(partial(_insert, word))
                appearance = field_text(self.entry, "appearance_details")
                self._set("appearance_details", ", ".join(filter(None, [appearance, word])))

    def _act(self, action: str) -> None:
        action = self._going_on(action)
        posed = action in self.lexicon.grammar.poses and "gender" in self.entry
        self._set("pose" if posed else "action", action)

    def _dress(self, clothing: str) -> None:
        """Other clothes, also where the texts speak of the old ones."""
        old = field_text(self.entry, "clothing")
        if old:
            self._describe(field_text(self.entry, "description").replace(f"wearing {old}", f"wearing {clothing}"))
            self.summary.text = self.summary.text.replace(f"wearing {old}", f"wearing {clothing}")
        self._set("clothing", clothing)

    def _going_on(self, action: str) -> str:
        """ "glow" as it is done: "glowing"."""
        verb, *rest = action.split()
        if verb not in self.lexicon.grammar.verbs:
            return action
        stem = verb[:-1] if re.search(r"[^eoy]e$", verb) else verb
        if re.fullmatch(r"[^aeiou]*[aeiou][^aeiouwxy]", stem):
            stem += stem[-1]
        return " ".join([f"{stem}ing", *rest])

    def _detail(self, step: Step, said: Subject) -> None:
        details = [*said.details, *(step.scene.moods if step.target == "named" else [])]
        self._set(
            "appearance_details", ", ".join(filter(None, [field_text(self.entry, "appearance_details"), *details]))
        )

    def _single_out(self) -> None:
        """One of "two red balls" has changed: the short description says which."""
        cell = cell_of(self.entry, self.lexicon)
        place = next((place.at for place in self.lexicon.tables.places.values() if place.cell == cell), "")
        self.summary.say_more(f", with {call(self.entry)} {place}".rstrip())

    def _rewrite(self, change: Callable[[str, Mention], str]) -> None:
        """A change made at each mention of the object, in its description and in the short one."""
        for mention in self._summary_mentions():
            self.summary.text = change(self.summary.text, mention)
        description = field_text(self.entry, "description")
        for mention in find_mentions(description, self.target.names, self.lexicon)[:1]:
            self._describe(change(description, mention))

    def _describe(self, description: str) -> None:
        if description != field_text(self.entry, "description"):
            self._set("description", description)

    def _summary_mentions(self) -> list[Mention]:
        return self.summary.mentions(self.target, self.entry, several=self.several)


def _bare_feelings(lexicon: Lexicon) -> set[str]:
    """Words that are an expression and no action besides: "smile"."""
    return {word for term in lexicon.tables.expressions.values() for word in term.words}


def _insert(word: str, text: str, mention: Mention) -> str:
    """The text with a word that describes before the mention's name."""
    return qualify(text, mention, word)

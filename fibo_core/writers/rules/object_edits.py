"""One object of a prompt changed as a step says: its colour, size, place, kind, and where its texts speak of it."""

from collections.abc import Callable
from typing import Any

from fibo_core.writers.rules.compose import beside_others, listed, say_relation, shape_and_color
from fibo_core.writers.rules.lexicon import Lexicon, Place
from fibo_core.writers.rules.mentions import (
    Mention,
    color_runs,
    find_mentions,
    first_match,
    recolor,
    relocate,
    rename,
    resize,
)
from fibo_core.writers.rules.nouns import NounPhrase
from fibo_core.writers.rules.scene import Scene, Subject
from fibo_core.writers.rules.steps import Step
from fibo_core.writers.rules.summary import Summary
from fibo_core.writers.rules.targets import Target, call, cell_of, field_text


class ObjectEditor:
    """Edits one entry of `objects` in place. ``others`` counts the objects beside it.

    ``several`` says that all objects of its name are being changed, so that "the balls" means it too.
    """

    def __init__(self, document: dict[str, Any], target: Target, lexicon: Lexicon, *, others: int, several: bool):
        self.document = document
        self.entry: dict[str, Any] = document["objects"][target.index]
        self.target = target
        self.lexicon = lexicon
        self.summary = Summary(document, lexicon)
        self.others = others
        self.several = several

    def apply(self, step: Step, place: Place | None) -> bool:
        """Everything a step says of the object, which goes to ``place`` if one is given; whether that was anything."""
        said = step.scene.subjects[0] if step.scene.subjects else Subject("")
        before = self.summary.text
        changes: list[tuple[object, Callable[[], None]]] = [
            (step.becomes, lambda: self._become(step.becomes)),
            (said.colors or (step.becomes and step.becomes.colors), lambda: self._recolor(step, said)),
            (step.grow or said.size or (step.becomes and step.becomes.size), lambda: self._resize(step, said)),
            (place, lambda: self._move(place, step.scene)),
            (said.textures, lambda: self._set("texture", listed(said.textures))),
            (said.details or (step.target == "named" and step.scene.moods), lambda: self._detail(step, said)),
            (said.clothing, lambda: self._set("clothing", said.clothing)),
            (said.action, lambda: self._set("action", said.action)),
            (said.pose, lambda: self._set("pose", said.pose)),
            (said.text, lambda: self._letter(said.text)),
        ]
        wanted = [change for condition, change in changes if condition]
        for change in wanted:
            change()
        if wanted and not self.several and self.summary.text == before:
            self._single_out()
        return bool(wanted)

    def _set(self, key: str, value: str) -> None:
        self.entry[key] = value

    def _become(self, phrase: NounPhrase | None) -> None:
        """Another thing in the same place; colour and size stay unless they are said anew."""
        assert phrase is not None
        shape = field_text(self.entry, "shape_and_color")
        colors = [shape[run.start : run.end] for run in color_runs(shape, self.lexicon)[:1]]
        self._rewrite(lambda text, mention: rename(text, mention, phrase.name))
        self.entry["shape_and_color"] = shape_and_color(Subject(phrase.name, phrase.thing, colors=colors))
        self.target = Target(self.target.index, (phrase.name.lower(), *self.target.names))

    def _recolor(self, step: Step, said: Subject) -> None:
        color = listed(said.colors or (step.becomes.colors if step.becomes else []))
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

    def _resize(self, step: Step, said: Subject) -> None:
        size = said.size or (step.becomes.size if step.becomes else None) or self._grown(step.grow)
        self._rewrite(lambda text, mention: resize(text, mention, size.key))
        self._set("relative_size", size.say)

    def _grown(self, change: int) -> Any:
        """The size one step up or down from the object's own."""
        sizes = self.lexicon.tables.sizes
        found = first_match(field_text(self.entry, "relative_size"), self.lexicon, "sizes")
        rank = sizes[found[0].term.key if found else "medium"].rank
        rank = min(max(rank + change, 0), max(size.rank for size in sizes.values()))
        return next(size for size in sizes.values() if size.rank == rank)

    def _move(self, place: Place | None, scene: Scene) -> None:
        assert place is not None
        for mention in self._summary_mentions():
            self.summary.text = relocate(self.summary.text, mention, place.at)
        self._set("location", place.say)
        relation = first_match(field_text(self.entry, "relationship"), self.lexicon, "relations")
        if scene.links:
            link = scene.links[0]
            names = [scene.subjects[anchor].name for anchor in link.anchors]
            self._set("relationship", say_relation(link.relation, names, self.others))
        elif relation and relation[0].term.key != "beside":  # "to the left of the box" is no longer true
            self._set("relationship", beside_others(self.others))

    def _detail(self, step: Step, said: Subject) -> None:
        details = [*said.details, *(step.scene.moods if step.target == "named" else [])]
        self._set(
            "appearance_details", ", ".join(filter(None, [field_text(self.entry, "appearance_details"), *details]))
        )

    def _letter(self, text: str) -> None:
        """The wording on the object: the first of `text_render`, or a new one."""
        lettering = self.document.get("text_render")
        if isinstance(lettering, list) and lettering and isinstance(lettering[0], dict):
            old = field_text(lettering[0], "text")
            lettering[0]["text"] = text
            if old:
                self._describe(field_text(self.entry, "description").replace(old, text))
                self.summary.text = self.summary.text.replace(old, text)
            return
        location = field_text(self.entry, "location") or "center"
        self.document["text_render"] = [
            {"text": text, "location": location, "size": "medium", "color": "black", "font": "bold sans serif"}
        ]

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

"""The cast: the subjects of a scene while it is read, who was spoken of last, and what stands how to whom.

The reader knows where it is in the words; the cast knows whom they are about.
"""

from fibo_core.writers.rules.lexicon import Lexicon, Term
from fibo_core.writers.rules.nouns import NounPhrase
from fibo_core.writers.rules.scene import Link, Scene, Subject


class Cast:
    """Fills ``scene.subjects`` and ``scene.links``."""

    def __init__(self, scene: Scene, lexicon: Lexicon):
        self.scene = scene
        self.lexicon = lexicon
        self.changes = bool(scene.subjects)  # an instruction is read: there is an "it"
        self.last: int | None = 0 if scene.subjects else None  # the subject spoken of
        self.named = 0  # the subject whose name was read last, an anchor too
        self.relation: Term | None = None  # begun, of the last subject to the one that is named next
        self.waiting: tuple[Term, int] | None = None  # "under a tree sits …": the tree is known, its subject not
        self.place = ""  # said before its subject

    def subject(self) -> Subject:
        """The subject spoken of last; there must be one."""
        assert self.last is not None
        return self.scene.subjects[self.last]

    def add(self, subject: Subject) -> int:
        """A new subject; its number."""
        self.scene.subjects.append(subject)
        self.named = len(self.scene.subjects) - 1
        self.last = self.named if self.last is None else self.last
        return self.named

    def name(self, phrase: NounPhrase) -> int:
        """The subject that a noun phrase names, new or known; where a relation was begun it is what that leads to."""
        number = self._known(phrase)
        new, before, relation = number is None, self.last, self.relation
        number = self._new(phrase) if number is None else number
        if relation is None:
            if self.waiting is not None and new:
                self.scene.links.append(Link(number, self.waiting[0], (self.waiting[1],)))
                self.waiting = None
            self.last = number
        elif before is None:
            self.waiting, self.relation = (relation, number), None
        else:
            self.link(before, relation, number)
        return number

    def link(self, subject: int, relation: Term, anchor: int) -> None:
        """A relation of one subject to another one; "between" takes two."""
        links = self.scene.links
        if relation.key == "between" and links and links[-1].relation is relation:
            links.append(Link(subject, relation, (*links.pop().anchors, anchor)))
        elif subject != anchor:
            links.append(Link(subject, relation, (anchor,)))
        self.relation = relation if relation.key == "between" else None

    def link_back(self, relation: Term | None) -> None:
        """ "a moon behind it", "a box with a ball on top": the relation leads to the subject before."""
        if relation is not None and self.last:
            self.link(self.last, relation, self.last - 1)
        self.relation = None

    def _new(self, phrase: NounPhrase) -> int:
        """A subject with all that its noun phrase says; it takes a place that was said before."""
        if self.changes and phrase.determiner in ("the", "this", "that", "these"):  # of the prompt
            return self.add(Subject(phrase.name, phrase.thing, meant=phrase))
        subject = named_subject(phrase)
        if phrase.head in ("one", "ones") and self.last is not None:
            subject.name, subject.term = self.subject().name, self.subject().term
        subject.place = subject.place or self.place
        felt = [
            word for word in (*phrase.adjectives, *phrase.nouns[:-1]) if self.lexicon.is_one_of(word, "expressions")
        ]
        subject.expression = "".join(felt[:1])
        number = self.add(subject)
        self.place = ""
        return number

    def _known(self, phrase: NounPhrase) -> int | None:
        """The subject that "the ball" speaks of again, if one fits."""
        if phrase.determiner not in ("the", "this", "that", "these"):
            return None
        for number, subject in enumerate(self.scene.subjects):
            same = subject.name.lower().split(" of ")[0].split()[-1:] == [phrase.head]
            if same and (not phrase.colors or set(phrase.colors) & set(subject.colors)):
                return number
        return None


def named_subject(phrase: NounPhrase) -> Subject:
    """A subject with all that its noun phrase says."""
    return Subject(
        name=phrase.name,
        term=phrase.thing,
        plural=phrase.plural,
        count=phrase.count or 1,
        colors=list(phrase.colors),
        size=phrase.size,
        textures=list(phrase.textures),
        shape=phrase.shape,
        place=phrase.place,
        adjectives=list(phrase.adjectives),
    )

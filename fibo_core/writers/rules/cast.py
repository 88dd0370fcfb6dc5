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
        self.named = self.last  # the subject whose name was read last, an anchor too
        self.owner: int | None = None  # whom `last` came with: the box of "a box with a ball"
        self.relation: Term | None = None  # said of `relation_of`, or of the next subject when nothing came before
        self.relation_of: int | None = None
        self.waiting: tuple[Term, int] | None = None  # "under a tree sits …": the tree is known, its subject not
        self.place = ""  # said before its subject, as is its depth
        self.depth = ""

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

    def begin_relation(self, relation: Term) -> None:
        """ "above …": of the last subject, to the one that is named next."""
        self.relation, self.relation_of = relation, self.last

    def name(self, phrase: NounPhrase, relation: Term | None) -> int:
        """The subject that a noun phrase names, new or known; with a relation it is what that leads to."""
        number = self._known(phrase)
        if number is None:
            number = self._new(phrase)
            if self.waiting is not None and relation is None:
                waited, anchor = self.waiting
                self.scene.links.append(Link(number, waited, (anchor,)))
                self.waiting = None
        if relation is not None:
            self.link(relation, number)
        else:
            self.last = number
        return number

    def link(self, relation: Term, anchor: int) -> None:
        """The relation that was begun leads to subject number ``anchor``."""
        links = self.scene.links
        if self.relation_of is None:
            self.waiting = (relation, anchor)
            self.relation = None
            self.last = anchor
        elif relation.key == "between" and links and links[-1].relation is relation:
            link = links.pop()
            links.append(Link(link.subject, relation, (*link.anchors, anchor)))
            self.relation = None
        else:
            if self.relation_of != anchor:
                links.append(Link(self.relation_of, relation, (anchor,)))
            if relation.key != "between":
                self.relation = None

    def link_to_it(self) -> None:
        """ "a cat, a moon behind it": the relation leads to the subject before."""
        if self.relation is not None and self.relation_of:
            self.link(self.relation, self.relation_of - 1)
        self.relation = None

    def _new(self, phrase: NounPhrase) -> int:
        """A subject with all that its noun phrase says; it takes place and depth that were said before."""
        if self.changes and phrase.determiner in ("the", "this", "that", "these"):  # of the prompt
            return self.add(Subject(phrase.name, phrase.thing, meant=phrase))
        again = self.subject() if phrase.head in ("one", "ones") and self.last is not None else None
        felt = [*phrase.adjectives, *phrase.nouns[:-1]]
        number = self.add(
            Subject(
                name=again.name if again else phrase.name,
                term=again.term if again else phrase.thing,
                plural=phrase.plural,
                count=phrase.count or 1,
                colors=list(phrase.colors),
                size=phrase.size,
                textures=list(phrase.textures),
                shape=phrase.shape,
                place=phrase.place or self.place,
                depth=self.depth,
                adjectives=list(phrase.adjectives),
                expression=next((word for word in felt if self.lexicon.is_one_of(word, "expressions")), ""),
            )
        )
        self.place = self.depth = ""
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

"""What was understood of some words: subjects with their properties, and where, when and how they are shown.

Reading fills it, composing writes it down; neither knows the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fibo_core.writers.rules.lexicon import Term
from fibo_core.writers.rules.nouns import NounPhrase

MAX_SUBJECTS = 12  # FIBO knows five objects; a few more do no harm


@dataclass
class Subject:
    """One thing, or several alike. ``name`` is the user's own words for it, ``term`` what the lexicon knows of it.

    ``place`` is a key of the lexicon's places ("" where nobody said it).
    """

    name: str
    term: Term | None = None
    plural: bool = False
    count: int = 1
    colors: list[str] = field(default_factory=list)
    size: Term | None = None
    textures: list[str] = field(default_factory=list)
    adjectives: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    clothing: str = ""
    pose: str = ""
    action: str = ""
    place: str = ""
    text: str = ""
    lettering: bool = False  # it is its text ("the number 7")
    shape: str = ""  # where it was seen, or said otherwise than by its name
    expression: str = ""
    # Only in an instruction: the name by which it is meant, and how it changes.
    meant: NounPhrase | None = None
    grow: int = 0  # sizes up, or down
    tone: str = ""  # "dark", for darker

    @property
    def says_something(self) -> bool:
        """Whether an instruction says anything of it besides its name and where it stands to others."""
        silent = Subject(self.name, self.term, plural=self.plural, meant=self.meant)
        return self != silent


@dataclass(frozen=True)
class Link:
    """Subject number ``subject`` stands in ``relation`` to the subjects numbered ``anchors``."""

    subject: int
    relation: Term
    anchors: tuple[int, ...]


@dataclass
class Scene:
    """Everything understood; what is empty was not spoken of.

    ``shown`` is what was said of the whole picture, by tables of the lexicon: its lights, media, camera, moods. What
    was said first comes first. ``unread`` are words that meant nothing to the rules, ``unknown`` names of things that
    the lexicon lacks, and ``left_out`` those of things beyond MAX_SUBJECTS.
    """

    words: str
    subjects: list[Subject] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    settings: list[str] = field(default_factory=list)
    shown: dict[str, list[Term]] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def show(self, table: str, term: Term) -> None:
        """Notes what is said of the whole picture."""
        self.shown.setdefault(table, []).append(term)

    def said(self, table: str) -> str:
        """What is written for the first term of a table that was said; "" where none was."""
        return next((term.say for term in self.shown.get(table, ())), "")

    def lights(self) -> tuple[Term | None, Term | None]:
        """The time of day and the weather that were said, which go together: "at dawn, with fog"."""
        lights = self.shown.get("lights", ())
        return next((light for light in lights if not light.also), None), next((li for li in lights if li.also), None)

    def keep_subjects(self, kept: list[int]) -> None:
        """Leaves the subjects of these numbers, and the links between them."""
        new = {number: position for position, number in enumerate(kept)}
        self.subjects = [self.subjects[number] for number in kept]
        self.links = [
            Link(new[link.subject], link.relation, tuple(new[anchor] for anchor in link.anchors))
            for link in self.links
            if {link.subject, *link.anchors} <= set(kept)
        ]


def unknown_note(names: Sequence[str]) -> str:
    """What to tell of things that the lexicon lacks."""
    return f"Not in the vocabulary: {', '.join(dict.fromkeys(names))}. Kept in the short description, in your words."

"""Targets: which objects of a prompt an instruction means, whoever wrote the prompt.

An object goes by the words of its description; colour, place and size narrow several alike ones down.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fibo_core.writers.rules.arrange import Cell
from fibo_core.writers.rules.lexicon import Lexicon, Thing, tokenize
from fibo_core.writers.rules.mentions import color_runs, find_mentions, first_match
from fibo_core.writers.rules.nouns import NounPhrase, NounReader


@dataclass(frozen=True)
class Target:
    """Object number ``index`` of a prompt and the names it goes by, lower case, its own first."""

    index: int
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """What to call it in a sentence."""
        return self.names[0] if self.names else "object"


def field_text(entry: dict[str, Any], key: str) -> str:
    """A field's text; "" where it is absent or no text."""
    value = entry.get(key)
    return value if isinstance(value, str) else ""


def objects_of(document: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """The objects of a document with their positions; entries that are null are left out."""
    entries = document.get("objects")
    listed = entries if isinstance(entries, list) else []
    return [(index, entry) for index, entry in enumerate(listed) if isinstance(entry, dict)]


def find_targets(document: dict[str, Any], phrase: NounPhrase, lexicon: Lexicon) -> list[Target]:
    """The objects a phrase such as "the small red ball" names; all of that name where nothing narrows it."""
    asked = lexicon.singular(phrase.nouns[-1].lower())
    whole = lexicon.singular(phrase.name.lower())
    found = []
    if asked in lexicon.grammar.pronouns:  # "the green one"
        found = targets(document, lexicon)
    else:
        for names in ((whole,), (asked,), _alike(phrase.thing)):
            found = [target for target in targets(document, lexicon) if _goes_by(document, target, names, lexicon)]
            if found:
                break
        found = [Target(target.index, (*target.names, asked)) for target in found]
    if phrase.place and lexicon.tables.places[phrase.place].cell == (1, 1) and len(found) > 1:
        found = _in_the_middle(document, found, lexicon)
    for fits in (_fits_color, _fits_place, _fits_size):
        found = [target for target in found if fits(document["objects"][target.index], phrase, lexicon)]
    if phrase.ordinal == -1:
        return found[-1:]
    return found[phrase.ordinal - 1 : phrase.ordinal] if phrase.ordinal else found


def targets(document: dict[str, Any], lexicon: Lexicon) -> list[Target]:
    """Every object of a document with the names it goes by."""
    return [Target(index, _names(field_text(entry, "description"), lexicon)) for index, entry in objects_of(document)]


def cell_of(entry: dict[str, Any], lexicon: Lexicon) -> Cell | None:
    """Where in the frame an object's location says it is; None where it says nothing of the kind."""
    found = first_match(field_text(entry, "location"), lexicon, "places")
    return lexicon.tables.places[found[0].term.key].cell if found else None


def color_words(entry: dict[str, Any], lexicon: Lexicon) -> str:
    """The first colour an object says it has, as written; "" where it says none."""
    for key in ("shape_and_color", "description"):
        text = field_text(entry, key)
        if runs := color_runs(text, lexicon):
            return text[runs[0].start : runs[0].end]
    return ""


def call(entry: dict[str, Any]) -> str:
    """What to call an object in a note: the beginning of its description."""
    words = (field_text(entry, "description") or field_text(entry, "shape_and_color") or "an object").split()
    return " ".join(words[:6]).rstrip(".,;")


@lru_cache(maxsize=2_000)  # asked for all objects each time that one is edited
def _names(description: str, lexicon: Lexicon) -> tuple[str, ...]:
    """The head of the description's first noun phrase, and the synonyms of the thing it is."""
    tokens = tokenize(description)
    for at in range(len(tokens)):
        phrase = NounReader(tokens, lexicon).read(at)
        if phrase.nouns:
            head = lexicon.singular(phrase.nouns[-1].lower())
            own = phrase.name.lower()
            return tuple(dict.fromkeys([own, head, *_alike(phrase.thing)]))
    return ()


def _alike(thing: Thing | None) -> tuple[str, ...]:
    return thing.words if thing is not None and thing.alike else ()


def _goes_by(document: dict[str, Any], target: Target, names: tuple[str, ...], lexicon: Lexicon) -> bool:
    entry = document["objects"][target.index]
    if any(name == own for name in names for own in target.names[:2]):
        return True
    return bool(find_mentions(field_text(entry, "description"), names, lexicon))


def _fits_color(entry: dict[str, Any], phrase: NounPhrase, lexicon: Lexicon) -> bool:
    if not phrase.colors:
        return True
    asked = {key for run in color_runs(" and ".join(phrase.colors), lexicon) for key in run.keys}
    said = " ".join(field_text(entry, key) for key in ("shape_and_color", "description"))
    have = {key for run in color_runs(said, lexicon) for key in run.keys}
    colors = lexicon.tables.colors
    return bool(have & asked) or bool({colors[key].family for key in have} & asked)


def _fits_place(entry: dict[str, Any], phrase: NounPhrase, lexicon: Lexicon) -> bool:
    if not phrase.place:
        return True
    cell, asked = cell_of(entry, lexicon), lexicon.tables.places[phrase.place].cell
    if cell is None:
        return False
    return all(a in (1, c) for a, c in zip(asked, cell, strict=True))


def _in_the_middle(document: dict[str, Any], found: list[Target], lexicon: Lexicon) -> list[Target]:
    """Of several, the ones in the centre; else the one with as many on its left as on its right."""
    cells = [(cell_of(document["objects"][target.index], lexicon), target) for target in found]
    exact = [target for cell, target in cells if cell == (1, 1)]
    ordered = sorted((pair for pair in cells if pair[0] is not None), key=lambda pair: (pair[0], pair[1].index))
    return exact or [target for _, target in ordered[len(ordered) // 2 :][:1]]


def _fits_size(entry: dict[str, Any], phrase: NounPhrase, lexicon: Lexicon) -> bool:
    if phrase.size is None:
        return True
    said = " ".join(field_text(entry, key) for key in ("relative_size", "description"))
    return any(word in said.lower().split() for word in (phrase.size.key, phrase.size.say, *phrase.size.words))

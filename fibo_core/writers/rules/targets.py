"""Targets: which objects of a prompt an instruction means, whoever wrote the prompt.

An object goes by the words of its description; colour, place and size narrow several alike ones down.
"""

from functools import lru_cache
from typing import Any

from fibo_core.writers.rules.arrange import Cell
from fibo_core.writers.rules.lexicon import Lexicon, tokenize
from fibo_core.writers.rules.mentions import color_runs, find_mentions, first_match
from fibo_core.writers.rules.nouns import NounPhrase, NounReader

Entry = dict[str, Any]  # one of `objects`


def field_text(entry: Entry, key: str) -> str:
    """A field's text; "" where it is absent or no text."""
    value = entry.get(key)
    return value if isinstance(value, str) else ""


def objects_of(document: dict[str, Any]) -> list[Entry]:
    """The objects of a document; entries that are none are left out."""
    entries = document.get("objects")
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def find_objects(document: dict[str, Any], phrase: NounPhrase, lexicon: Lexicon) -> list[Entry]:
    """The objects a phrase such as "the small red ball" names; all of that name where nothing narrows it."""
    found = objects_of(document)
    if not lexicon.is_one_of(phrase.head, "pronouns"):  # "the green one"
        synonyms = phrase.thing.words if phrase.thing and phrase.thing.alike else ()
        for asked in ({lexicon.singular(phrase.name.lower())}, {lexicon.singular(phrase.head)}, {*synonyms}):
            named = [entry for entry in found if asked & {*names_of(field_text(entry, "description"), lexicon)}]
            named = named or [e for e in found if find_mentions(field_text(e, "description"), asked, lexicon)]
            if named:
                break
        found = named
    for fits in (_fits_color, _fits_place, _fits_size):
        found = [entry for entry in found if fits(entry, phrase, lexicon)]
    if phrase.place == "center" and len(found) > 1:
        found = sorted(found, key=lambda entry: cell_of(entry, lexicon) or (1, 1))[len(found) // 2 :][:1]
    if not phrase.ordinal:
        return found
    return found[-1:] if phrase.ordinal < 0 else found[phrase.ordinal - 1 : phrase.ordinal]


@lru_cache(maxsize=2_000)  # asked for all objects each time that one is edited
def names_of(description: str, lexicon: Lexicon) -> tuple[str, ...]:
    """What an object of this description is called: by its first noun phrase, its last word, and synonyms of that."""
    tokens = tokenize(description)
    reader = NounReader(tokens, lexicon)
    phrase = next((phrase for at in range(len(tokens)) if (phrase := reader.read(at)).nouns), None)
    if phrase is None:
        return ()
    synonyms = phrase.thing.words if phrase.thing and phrase.thing.alike else ()
    return tuple(dict.fromkeys([phrase.name.lower(), lexicon.singular(phrase.head), *synonyms]))


def cell_of(entry: Entry, lexicon: Lexicon) -> Cell | None:
    """Where in the frame an object's location says it is; None where it says nothing of the kind."""
    found = first_match(field_text(entry, "location"), lexicon, "places")
    return lexicon.table["places"][found[0].key].cell if found else None


def _fits_color(entry: Entry, phrase: NounPhrase, lexicon: Lexicon) -> bool:
    asked = {key for _, keys in color_runs(" and ".join(phrase.colors), lexicon) for key in keys}
    said = " ".join(field_text(entry, key) for key in ("shape_and_color", "description"))
    have = {key for _, keys in color_runs(said, lexicon) for key in keys}
    return not asked or bool(asked & (have | {lexicon.table["colors"][key].family for key in have}))


def _fits_place(entry: Entry, phrase: NounPhrase, lexicon: Lexicon) -> bool:
    if phrase.place in ("", "center"):
        return True
    cell = cell_of(entry, lexicon)
    asked = lexicon.table["places"][phrase.place].cell
    return cell is not None and all(a in (1, c) for a, c in zip(asked, cell, strict=True))


def _fits_size(entry: Entry, phrase: NounPhrase, lexicon: Lexicon) -> bool:
    said = " ".join(field_text(entry, key) for key in ("relative_size", "description")).lower().split()
    return phrase.size is None or any(word in said for word in (phrase.size.key, *phrase.size.words))

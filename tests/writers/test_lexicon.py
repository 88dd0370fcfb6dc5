"""The lexicon's data file is of the shape its loader promises, and its tables agree with each other."""

import tomllib

import pytest
from pydantic import ValidationError

from fibo_core.writers.rules.lexicon import LEXICON_FILE, Lexicon, load_lexicon, tokenize

LEXICON = load_lexicon()


def test_every_reference_between_tables_leads_somewhere() -> None:
    """Families are colours, places of things are places, guesses are settings and lights."""
    table = LEXICON.table
    assert {color.family for color in table["colors"].values()} - {""} <= set(table["colors"])
    assert {thing.place for thing in table["things"].values()} - {""} <= set(table["places"])
    assert {setting.light for setting in table["settings"].values()} - {""} <= set(table["lights"])
    assert {*LEXICON.grounds, *LEXICON.skies} <= set(table["colors"])
    assert set(LEXICON.grounds.values()) <= set(table["settings"])
    assert set(LEXICON.skies.values()) <= set(table["lights"])


@pytest.mark.parametrize("table", LEXICON.table)
def test_every_phrase_is_found_again(table: str) -> None:
    """No phrase is shadowed by another entry of its table, misspelt in case, or too long to be searched for."""
    for term in LEXICON.table[table].values():
        for words in term.words:
            tokens = tokenize(words)
            match = LEXICON.match(tokens, 0, table)
            assert match is not None, words
            assert (match.term.key, match.length) == (term.key, len(tokens)), words


def test_what_is_written_for_a_color_names_that_color_again() -> None:
    """A prompt the writer wrote can be refined by the writer: its own words are read back."""
    for color in LEXICON.table["colors"].values():
        tokens = tokenize(color.say)
        found = [LEXICON.match(tokens, at, "colors") for at in range(len(tokens))]
        assert any(found), color.say


def test_the_lexicon_knows_some_thousand_words() -> None:
    """Things, settings, lights and the rest are data: several hundred names of things alone, numbers up to twelve."""
    words = [word for table in LEXICON.table for term in LEXICON.table[table].values() for word in term.words]
    things = {word for thing in LEXICON.table["things"].values() for word in thing.words}
    assert len(set(words)) > 1_500
    assert len(things) > 500
    assert {str(number) for number in range(1, 13)} == {term.key for term in LEXICON.table["counts"].values()}


def test_a_misspelt_field_is_refused() -> None:
    """A slip in the data file is an error at load, not a silent loss."""
    data = tomllib.loads(LEXICON_FILE.read_text(encoding="utf-8"))
    data["things"]["ball"]["shpae"] = "round"
    with pytest.raises(ValidationError, match="shpae"):
        Lexicon(data)


@pytest.mark.parametrize(
    ("one", "many"),
    [("ball", "balls"), ("box", "boxes"), ("berry", "berries"), ("wolf", "wolves"), ("mouse", "mice"), ("toy", "toys")],
)
def test_plurals_lead_there_and_back(one: str, many: str) -> None:
    """A thing's plural is made and unmade."""
    assert LEXICON.plural(one) == many
    assert LEXICON.singular(many) == one

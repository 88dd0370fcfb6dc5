"""The offline writer reads words: what a user typed stands in the right fields, whole and in any case valid."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fibo_core.cancel import CancelFlag
from fibo_core.errors import Cancelled, InputError
from fibo_core.prompts.structured_prompt import KEYS, StructuredPrompt
from fibo_core.writers.offline import MAX_WORDS_CHARS, OfflineWriter

WRITER = OfflineWriter()
PHRASES = tomllib.loads(Path(__file__).with_name("phrases.toml").read_text(encoding="utf-8"))["phrase"]


@pytest.mark.parametrize("phrase", PHRASES, ids=[phrase["words"] for phrase in PHRASES])
def test_words_become_the_fields_they_speak_of(phrase: dict[str, Any]) -> None:
    """Every phrase of the table gives the fields it names, and as many objects."""
    expected = {key: value for key, value in phrase.items() if key not in ("words", "objects")}
    prompt = WRITER.expand(phrase["words"]).prompt
    assert {path: prompt.get(path) for path in expected} == expected
    assert len(prompt.document["objects"]) == phrase["objects"]


def test_a_prompt_has_all_ten_keys_in_order_and_no_hints() -> None:
    """What the writer gives is a complete caption: nothing for the editor to complain about."""
    prompt = WRITER.expand("a red ball on the left and a blue box on the right, at night").prompt
    assert tuple(prompt.document) == KEYS
    assert prompt.hints() == ()


def test_no_lettering_without_quotation_marks() -> None:
    """Words are painted only where they were asked for."""
    assert WRITER.expand("a sign above a door").prompt.document["text_render"] == []


@pytest.mark.parametrize(
    "words",
    ["桌子上的红色球", "красный мяч", "ein roter Ball auf dem Tisch", "una pelota roja sobre la mesa", "빨간 공"],
)
def test_words_of_another_language_are_kept_and_the_writer_says_that_it_reads_english(words: str) -> None:
    written = WRITER.expand(words)
    assert written.notes[0].startswith("The offline writer reads English")
    assert words in written.prompt.document["short_description"]


def test_words_that_praise_the_picture_are_no_things_in_it() -> None:
    prompt = WRITER.expand("masterpiece, best quality, ultra-detailed, 8k, a red ball").prompt
    assert [item["description"] for item in prompt.document["objects"]] == ["a red ball"]
    assert not WRITER.expand("a red ball on the left of la Tour Eiffel").notes[0].startswith("The offline writer reads")


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=500))
def test_any_text_at_all_gives_a_valid_prompt_or_is_refused(words: str) -> None:
    """Unicode, marks, nothing: a prompt that reads back as itself, or an InputError for no words."""
    try:
        prompt = WRITER.expand(words).prompt
    except InputError:
        assert not words.split()
        return
    assert StructuredPrompt.parse(prompt.to_json()) == prompt


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=500).filter(str.strip))
def test_any_text_gives_a_whole_prompt_that_keeps_the_words(words: str) -> None:
    """Whatever is typed, the prompt is valid, complete, and its short description holds the words."""
    document = WRITER.expand(words).prompt.document
    assert tuple(document) == KEYS
    assert " ".join(words.split()) in document["short_description"]


_KNOWN_WORDS = " ".join(phrase["words"] for phrase in PHRASES).split()


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(_KNOWN_WORDS), min_size=1, max_size=20).map(" ".join))
def test_known_words_in_any_order_give_a_whole_prompt_and_the_same_one_twice(words: str) -> None:
    """Grammar cannot break the reader, and the writer is deterministic."""
    prompt = WRITER.expand(words).prompt
    assert tuple(prompt.document) == KEYS
    assert words in prompt.get("short_description")
    assert OfflineWriter().expand(words).prompt == prompt


@pytest.mark.parametrize("words", ["", "   ", "\n\t"])
def test_no_words_are_refused_with_an_example(words: str) -> None:
    """An empty wish is the user's to fill, not a picture of nothing."""
    with pytest.raises(InputError, match=r"empty.*a red ball"):
        WRITER.expand(words)


def test_a_hundred_thousand_characters_are_refused_with_the_limit() -> None:
    """Too many words are refused at once, naming both counts."""
    with pytest.raises(InputError, match=f"100,000 characters.*{MAX_WORDS_CHARS:,}"):
        WRITER.expand("x" * 100_000)


@pytest.mark.parametrize(
    ("words", "unknown", "objects"),
    [
        ("flibber glorp wug zant morble quix", "flibber glorp wug zant morble quix", []),
        ("a zibbet on the left", "zibbet", []),
        ("a blue zibbet with a red beard on a wooden table", "zibbet", ["a wooden table"]),
        ("a cat next to a coffee grinder, and a ball", "coffee grinder", ["a cat", "a ball"]),
        ("a dog in a spaceship hangar", "spaceship hangar", ["a dog"]),
    ],
)
def test_an_unknown_thing_is_named_and_becomes_no_object(words: str, unknown: str, objects: list[str]) -> None:
    """It stays in the short description, with all that is said of it; nothing else takes that over."""
    written = WRITER.expand(words)
    assert [entry["description"] for entry in written.prompt.document["objects"]] == objects
    assert written.prompt.get("short_description") == f"{words}."
    assert written.notes == (f"Not in the vocabulary: {unknown}. Kept in the short description, in your words.",)


def test_what_shall_not_be_there_becomes_no_object() -> None:
    """ "without people" paints no people; the words stay for the model to read."""
    written = WRITER.expand("a beach without people")
    assert written.prompt.document["objects"] == []
    assert "without people" in written.prompt.get("short_description")
    assert any("without people" in note for note in written.notes)


def test_every_object_of_a_crowded_scene_has_a_place_of_its_own() -> None:
    """Five things without a place stand in five cells of the frame."""
    objects = WRITER.expand("a ball, a box, a star, a heart and a tree").prompt.document["objects"]
    assert len({entry["location"] for entry in objects}) == 5


def test_more_things_than_a_picture_holds_stay_in_the_short_description() -> None:
    """Five hundred balls become a dozen objects and a note, without a long wait."""
    written = WRITER.expand("a ball, " * 500)
    assert len(written.prompt.document["objects"]) == 12
    assert any("488" in note for note in written.notes)


def test_a_cancelled_writer_writes_nothing() -> None:
    """The flag is looked at before the answer is given."""
    flag = CancelFlag()
    flag.cancel()
    with pytest.raises(Cancelled):
        WRITER.expand("a red ball", cancel=flag)

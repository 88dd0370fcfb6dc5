"""The offline writer edits prompts: an instruction changes what it names, in any prompt, and nothing else."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fibo_core.errors import InputError
from fibo_core.prompts.structured_prompt import StructuredPrompt, diff
from fibo_core.writers.offline import OfflineWriter

WRITER = OfflineWriter()
HERE = Path(__file__).parent
STORIES = tomllib.loads((HERE / "stories.toml").read_text(encoding="utf-8"))["story"]


def _source(story: dict[str, Any]) -> StructuredPrompt:
    if "document" in story:
        return StructuredPrompt.parse((HERE / story["document"]).read_text(encoding="utf-8"))
    return WRITER.expand(story["words"]).prompt


@pytest.mark.parametrize(
    "story", STORIES, ids=[f"{s.get('words', s.get('document'))} > {s['instruction']}" for s in STORIES]
)
def test_an_instruction_changes_exactly_what_it_names(story: dict[str, Any]) -> None:
    """The differing paths are those of the story, no more and no fewer; nothing was left undone."""
    before = _source(story)
    written = WRITER.refine(before, story["instruction"])
    assert [change.path for change in diff(before, written.prompt)] == story["changed"]
    expected = {key: story[key] for key in story if key not in ("words", "document", "instruction", "changed")}
    assert {path: written.prompt.get(path) for path in expected} == expected
    assert written.notes == ()


def test_unknown_keys_scores_and_the_order_of_keys_stay() -> None:
    """A prompt somebody else wrote keeps everything the instruction does not speak of."""
    before = StructuredPrompt.parse((HERE / "owl.json").read_text(encoding="utf-8"))
    after = WRITER.refine(before, "make the owl brown and make it night").prompt
    assert list(after.document) == list(before.document)
    assert list(after.document["objects"][0]) == list(before.document["objects"][0])
    assert after.get("x_note.kept") is True
    assert after.get("aesthetics") == before.get("aesthetics")


def test_a_missing_thing_is_named_with_what_is_there() -> None:
    """Nothing changes, and the note lists the objects."""
    before = WRITER.expand("a red ball and a blue box").prompt
    written = WRITER.refine(before, "make the dragon green")
    assert written.prompt == before
    assert written.notes == ('There is no "dragon" to change. The prompt has: a red ball; a blue box.',)


def test_a_second_thing_is_missing_where_there_is_one() -> None:
    """ "There is no ball" would not be true."""
    before = WRITER.expand("a red ball").prompt
    written = WRITER.refine(before, "change the second ball to red")
    assert written.prompt == before
    assert written.notes == ('There is no "second ball" to change. The prompt has: a red ball.',)


@pytest.mark.parametrize(("words", "expected"), [("two red balls", 3), ("three red balls", 3), ("a red ball", 3)])
def test_it_means_all_of_the_things_that_are_counted(words: str, expected: int) -> None:
    after = WRITER.refine(WRITER.expand(words).prompt, "make it three balls").prompt
    assert len(after.document["objects"]) == expected


def test_the_green_ball_is_missing_where_the_only_ball_is_red() -> None:
    """A colour narrows: another ball is not changed in its place."""
    before = WRITER.expand("a red ball").prompt
    assert WRITER.refine(before, "remove the green ball").prompt == before


def test_an_instruction_nobody_understands_reaches_the_model_in_the_users_words() -> None:
    """It is added to the short description, and the note says so; the other fields stay."""
    before = WRITER.expand("a red ball").prompt
    written = WRITER.refine(before, "gribble florp zant")
    assert [change.path for change in diff(before, written.prompt)] == ["short_description"]
    assert "Gribble florp zant." in written.prompt.get("short_description")
    assert len(written.notes) == 1


@pytest.mark.parametrize(
    ("instruction", "told"),
    [("add a zither", "a bear. A zither."), ("add a tree and a zither", "a bear and a tree. Zither.")],
)
def test_an_unknown_thing_that_is_added_becomes_no_object(instruction: str, told: str) -> None:
    """It is named in a note, and the short description asks the model for it."""
    written = WRITER.refine(WRITER.expand("a bear").prompt, instruction)
    assert "zither" not in str(written.prompt.document["objects"])
    assert written.prompt.get("short_description") == told
    assert written.notes == ("Not in the vocabulary: zither. Kept in the short description, in your words.",)


def test_it_is_the_thing_named_last() -> None:
    """ "it" after "the box" is the box."""
    before = WRITER.expand("a red ball on the left and a blue box on the right").prompt
    after = WRITER.refine(before, "make the box green and move it to the top").prompt
    assert (after.get("objects[0].location"), after.get("objects[1].location")) == ("left", "top")


def test_an_almost_empty_prompt_takes_what_is_said() -> None:
    """Parts that are missing are made; the rest stays missing."""
    after = WRITER.refine(StructuredPrompt.from_dict({}), "add a red star at the top, at night").prompt
    assert after.get("objects[0].location") == "top"
    assert after.get("lighting.conditions") == "night, moonlight"
    assert "aesthetics" not in after.document


def test_an_empty_instruction_is_refused() -> None:
    """There is nothing to change without words."""
    with pytest.raises(InputError, match="empty"):
        WRITER.refine(WRITER.expand("a red ball").prompt, "  ")


@pytest.mark.parametrize(
    "instruction", ["make the ball red", "make the box large", "move the box to the right", "only one ball"]
)
def test_what_is_so_already_is_said_and_changes_nothing(instruction: str) -> None:
    """ "make the ball red" of a red ball gives the same prompt and a sentence about it."""
    before = WRITER.expand("a red ball and a large box on the right").prompt
    written = WRITER.refine(before, instruction)
    assert written.notes == (f'Nothing changed: "{instruction}" is so already.',)
    assert written.prompt == before


def test_what_was_not_understood_stands_in_one_note() -> None:
    """Two steps nobody understands are told together."""
    written = WRITER.refine(WRITER.expand("a red ball").prompt, "gribble florp zant and make it wumble")
    assert written.notes == (
        "Not in the vocabulary: gribble florp zant, wumble. Kept in the short description, in your words.",
    )


@settings(max_examples=120, deadline=None)
@given(st.text(max_size=300))
def test_any_instruction_gives_a_valid_prompt_or_is_refused(instruction: str) -> None:
    """Whatever is typed, the answer is a prompt that reads back as itself, or an InputError."""
    before = StructuredPrompt.parse((HERE / "owl.json").read_text(encoding="utf-8"))
    try:
        after = WRITER.refine(before, instruction).prompt
    except InputError:
        assert not instruction.split()
        return
    assert StructuredPrompt.parse(after.to_json()) == after


_WORDS = sorted({word for story in STORIES for word in story["instruction"].split()})


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(_WORDS), min_size=1, max_size=12).map(" ".join))
def test_no_instruction_breaks_a_prompt(instruction: str) -> None:
    """Any words in any order leave a prompt that reads back as itself, its unknown keys in place."""
    before = StructuredPrompt.parse((HERE / "owl.json").read_text(encoding="utf-8"))
    after = WRITER.refine(before, instruction).prompt
    assert StructuredPrompt.parse(after.to_json()) == after
    assert after.get("x_note.kept") is True


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["description", "location", "shape_and_color", "other"]),
        st.none() | st.integers() | st.text(max_size=30),
    ),
    st.sampled_from([story["instruction"] for story in STORIES]),
)
def test_objects_with_odd_values_do_not_break_an_instruction(entry: dict[str, Any], instruction: str) -> None:
    """Numbers, nulls and odd text where words belong are left alone or replaced, never an error."""
    before = StructuredPrompt.from_dict({"objects": [None, entry]})
    document = WRITER.refine(before, instruction).prompt.document
    assert json.loads(json.dumps(document)) == document

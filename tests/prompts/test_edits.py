"""Edits a form makes: one field, one object, and nothing else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibo_core.errors import PromptError
from fibo_core.prompts.edits import add_item, copy_item, items, move_item, remove_item, with_field
from fibo_core.prompts.structured_prompt import StructuredPrompt, diff

PROMPT = StructuredPrompt.from_dict(
    {
        "short_description": "two balls",
        "objects": [
            {"description": "red", "location": "left", "relationship": "beside", "my_note": 1},
            {"description": "blue", "relationship": "beside"},
        ],
        "lighting": {"my_lamp": 1, "shadows": "soft"},
        "my_key": [1],
    }
)


def test_a_value_goes_where_its_key_stands_and_nothing_else_moves() -> None:
    changed = with_field(PROMPT, "objects[0].location", "right")
    assert [change.path for change in diff(PROMPT, changed)] == ["objects[0].location"]
    assert list(changed.document["objects"][0]) == list(PROMPT.document["objects"][0])
    assert with_field(changed, "objects[0].location", "left") == PROMPT


def test_a_new_key_comes_where_fibo_has_it() -> None:
    assert list(with_field(PROMPT, "objects[1].location", "right").document["objects"][1]) == [
        "description",
        "location",
        "relationship",
    ]
    assert list(with_field(PROMPT, "lighting.conditions", "dim").document["lighting"]) == [
        "my_lamp",
        "conditions",
        "shadows",
    ]
    assert list(with_field(PROMPT, "background_setting", "sea").document) == [
        "short_description",
        "objects",
        "background_setting",
        "lighting",
        "my_key",
    ]


def test_an_emptied_field_stays_as_an_empty_text_so_that_typing_it_again_gives_the_same_prompt() -> None:
    emptied = with_field(PROMPT, "lighting.shadows", "")
    assert emptied.get("lighting.shadows") == ""
    assert with_field(emptied, "lighting.shadows", "soft") == PROMPT


def test_a_field_left_empty_that_was_not_there_changes_nothing() -> None:
    assert with_field(PROMPT, "style_medium", "") == PROMPT
    assert with_field(PROMPT, "objects[1].number_of_objects", None) == PROMPT


@pytest.mark.parametrize("nothing", [None, "", {}])
def test_a_field_within_nothing_makes_its_object(nothing: Any) -> None:
    prompt = StructuredPrompt.from_dict({"lighting": nothing})
    assert with_field(prompt, "lighting.direction", "left").get("lighting") == {"direction": "left"}


def test_a_field_of_an_object_that_is_gone_changes_nothing() -> None:
    assert with_field(PROMPT, "objects[7].location", "left") == PROMPT


def test_no_path_is_refused() -> None:
    with pytest.raises(PromptError):
        with_field(PROMPT, "objects[", "left")


def test_objects_are_added_copied_moved_and_taken_out() -> None:
    first, second = PROMPT.document["objects"]
    assert items(add_item(PROMPT, "objects"), "objects") == [first, second, {"description": ""}]
    assert items(copy_item(PROMPT, "objects", 0), "objects") == [first, first, second]
    assert items(move_item(PROMPT, "objects", 1, 0), "objects") == [second, first]
    assert items(remove_item(PROMPT, "objects", 0), "objects") == [second]
    assert add_item(PROMPT, "text_render").get("text_render") == [{"text": ""}]


@pytest.mark.parametrize("nothing", [None, "", [], [None]])
def test_lists_that_are_empty_in_some_way_take_an_object(nothing: Any) -> None:
    prompt = StructuredPrompt.from_dict({"objects": nothing})
    added = add_item(prompt, "objects")
    assert items(added, "objects")[-1] == {"description": ""}
    assert with_field(added, "objects[0].location", "left").get("objects[0].location") == "left"


@given(st.integers(0, 9), st.integers(0, 9))
def test_moving_objects_loses_none(index: int, to: int) -> None:
    moved = items(move_item(PROMPT, "objects", index, to), "objects")
    assert sorted(map(repr, moved)) == sorted(map(repr, items(PROMPT, "objects")))

"""Changes as people read them: the words that differ, and the names of what came and went."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibo_core.prompts.change_words import changes_line, marked_words, title_of_change
from fibo_core.prompts.json_paths import MISSING, Change
from fibo_core.prompts.structured_prompt import diff
from tests.prompts.scenes import BALL, CAT, SOURCE, STAR, TREE, few, prompt
from tests.prompts.test_prompt_properties import prompts


def marked(before: Any, after: Any) -> str:
    """The words with what left in square brackets and what came in angle brackets."""
    signs = {"both": "{}", "before": "[{}]", "after": "<{}>"}
    return "".join(signs[stretch.side].format(stretch.text) for stretch in marked_words(before, after))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a red ball on the left", "a green ball on the left", "a [red]<green> ball on the left"),
        ("a small red ball", "a large green ball", "a [small red]<large green> ball"),
        ("a ball", "a ball and a house", "a ball< and a house>"),
        ("bright daylight", "golden hour", "[bright daylight]<golden hour>"),
        ("赤い球と青い星", "緑の球と青い星", "[赤い]<緑の>球と青い星"),
        (MISSING, "a poster", "<a poster>"),
        ({"description": "a box", "location": "left"}, MISSING, "[description: a box · location: left]"),
        (1, 2, "[1]<2>"),
    ],
)
def test_the_words_that_differ_are_marked_and_the_rest_stays(before: Any, after: Any, expected: str) -> None:
    assert marked(before, after) == expected


@few
@given(st.text(max_size=60), st.text(max_size=60))
def test_the_marks_give_both_values_back(before: str, after: str) -> None:
    """Nothing of a text is lost or put in."""
    stretches = marked_words(before, after)
    assert "".join(each.text for each in stretches if each.side != "after") == before
    assert "".join(each.text for each in stretches if each.side != "before") == after


def test_what_comes_and_goes_is_named() -> None:
    titles = [title_of_change(change) for change in diff(prompt(BALL, STAR, TREE), prompt(BALL, TREE, CAT))]
    assert titles == ["Object 2 (a blue star) removed", "Object 3 (a sleeping cat) added"]
    text = Change("text_render[0]", MISSING, {"text": "HELLO"}, "text_render[0]")
    assert title_of_change(text) == "Text 1 (HELLO) added"
    key = Change("context", MISSING, "a poster", "context")
    assert title_of_change(key) == "context added"


def test_a_line_counts_fields_and_names_objects() -> None:
    after = SOURCE.set("lighting.shadows", "long").set("objects[0].texture", "rough").without("objects[1]")
    assert (
        changes_line(diff(SOURCE, after))
        == "Object 2 (a blue star) removed; 2 fields changed: objects[0].texture, lighting.shadows"
    )
    assert changes_line(()) == "Nothing changed"


@few
@given(prompts(), prompts())
def test_any_change_has_a_title_and_words(before: Any, after: Any) -> None:
    for change in diff(before, after):
        assert title_of_change(change)
        assert any(each.side != "both" for each in marked_words(change.before, change.after))

"""Lines of a JSON text and the places they hold."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibo_core.prompts.json_lines import Lines, lines_of, locked_lines
from fibo_core.prompts.json_paths import leaves

TEXT = """{
  "short_description": "a ball",
  "objects": [
    {"description": "a ball", "location":
      "left"},
    {
      "description": "a star"
    }
  ],
  "lighting": {
    "direction": "from above"
  }
}"""


def test_each_place_has_the_lines_it_stands_on() -> None:
    found = lines_of(TEXT)
    assert found[("short_description",)] == Lines(2, 2)
    assert found[("objects",)] == Lines(3, 9)
    assert found[("objects", 0)] == Lines(4, 5)
    assert found[("objects", 0, "location")] == Lines(4, 5)
    assert found[("objects", 1)] == Lines(6, 8)
    assert found[("objects", 1, "description")] == Lines(7, 7)
    assert found[("lighting", "direction")] == Lines(11, 11)
    assert () not in found


def test_a_locked_part_is_locked_on_each_line_that_begins_something_in_it() -> None:
    assert locked_lines(TEXT, ["objects[1]", "lighting.direction"]) == [6, 7, 11]
    assert locked_lines(TEXT, ["objects"]) == [3, 4, 6, 7]
    assert locked_lines(TEXT, []) == locked_lines(TEXT, ["context"]) == []


@pytest.mark.parametrize("text", ["", "{", '{"a" 1}', '{"a": [1 2]}', "nonsense", '{"a": 1,', "[" * 100_000])
def test_a_text_that_is_no_json_has_no_lines(text: str) -> None:
    assert lines_of(text) == {}


@given(st.recursive(st.text() | st.integers() | st.none(), lambda it: st.lists(it) | st.dictionaries(st.text(), it)))
def test_every_leaf_of_a_document_is_found_one_to_a_line_when_laid_out(document: object) -> None:
    found = lines_of(json.dumps(document, indent=1))
    places = [leaf for leaf in leaves(document) if leaf]
    assert set(places) <= found.keys()
    assert len({found[place].first for place in places}) == len(places)

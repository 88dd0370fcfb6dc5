"""Documents side by side, place by place: nothing lost, nothing twice, and of two the very changes that are named."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fibo_core.prompts.json_paths import MISSING, changes, leaves, parse_path, read
from fibo_core.prompts.side_by_side import Row, same, side_by_side

LEAF = st.none() | st.booleans() | st.integers(-2, 2) | st.floats(allow_nan=False, width=16) | st.text(max_size=4)
KEY = st.sampled_from(["a", "b", "c.d", "e[0]", "objects", ""])
JSON = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEY, inner, max_size=4), max_leaves=12
)
DOCUMENT = st.dictionaries(KEY, JSON, max_size=4)


def rows(*documents: dict[str, Any]) -> list[Row]:
    return list(side_by_side(documents))


@settings(max_examples=150, deadline=None)
@given(DOCUMENT, DOCUMENT)
def test_of_two_documents_the_rows_that_differ_are_the_changes_between_them(one: Any, other: Any) -> None:
    found = [(*row.values, row.places[0]) for row in rows(one, other) if row.differs]
    named = [(change.before, change.after, change.was) for change in changes(one, other)]
    assert repr(found) == repr(named)


@settings(max_examples=150, deadline=None)
@given(st.lists(DOCUMENT, min_size=2, max_size=9))
def test_each_place_of_each_document_stands_in_exactly_one_row(documents: list[dict[str, Any]]) -> None:
    """So a reader who sees all rows has read every document whole."""
    table = rows(*documents)
    for number, document in enumerate(documents):
        told = []
        for row in table:
            if row.values[number] is not MISSING:
                place = parse_path(row.places[number])
                assert same(read(document, place), row.values[number])
                told += [(*place, *leaf) for leaf in leaves(row.values[number])]
        assert len(told) == len(set(told))
        whole = {leaf for leaf in leaves(document) if leaf}
        empty = {
            leaf for leaf in whole if read(document, leaf) in ([], {})
        }  # one beside a full one is told item by item
        assert whole - empty <= set(told) <= whole


@settings(max_examples=60, deadline=None)
@given(DOCUMENT, st.integers(2, 5))
def test_copies_of_one_document_differ_nowhere(document: dict[str, Any], count: int) -> None:
    assert [row for row in rows(*[document] * count) if row.differs] == []


def test_an_object_that_only_some_have_is_one_row_and_what_follows_it_stays_paired() -> None:
    ball, box, star = ({"description": name, "color": "red"} for name in ("a ball", "a box", "a star"))
    table = [row for row in rows({"o": [ball, box]}, {"o": [box]}, {"o": [ball, box, star]}) if row.differs]
    assert [(row.path, row.values) for row in table] == [
        ("o[0]", (ball, MISSING, ball)),
        ("o[2]", (MISSING, MISSING, star)),
    ]


def test_words_are_marked_where_a_value_differs_from_the_first() -> None:
    (row,) = rows({"a": "a red ball at night"}, {"a": "a blue ball at night"})
    marks = [[(each.side, each.text) for each in row.marked(number)] for number in (0, 1)]
    assert marks == [
        [("both", "a "), ("before", "red"), ("both", " ball at night")],
        [("both", "a "), ("after", "blue"), ("both", " ball at night")],
    ]
    (row,) = rows({"a": "a red ball"}, {"a": "a red ball"}, {})
    assert [[each.side for each in row.marked(number)] for number in range(3)] == [["both"], ["both"], []]


def test_a_number_is_no_text_and_one_is_not_true() -> None:
    assert [row.values for row in rows({"a": 1}, {"a": True}) if row.differs] == [(1, True)]
    assert [row.values for row in rows({"a": 1}, {"a": "1"}) if row.differs] == [(1, "1")]


def test_nine_prompts_as_long_as_they_may_be_are_compared() -> None:
    """A thousand objects each, in other places, one of them new: what is new is told, and nothing else."""
    documents: list[dict[str, Any]] = []
    for number in range(9):
        things: list[dict[str, Any]] = [{"description": f"a ball {n}"} for n in range(number, 1_000)]
        things[100 * number] = {"description": f"a star {number}", "color": "red"}
        documents.append({"objects": things})
    table = rows(*documents)
    stars = [row for row in table if any("star" in str(value) for value in row.values)]
    assert 9 <= len(stars) <= 18
    assert sum(row.differs for row in table) <= 40

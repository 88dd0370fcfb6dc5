"""Wildcards: which words a batch is painted from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibo_core.prompts.wildcards import deal, expand_wildcards, looks_like_json, read_wildcards


def test_as_many_pictures_as_choices_take_each_of_them_in_order() -> None:
    assert expand_wildcards("{red|blue|green} ball", 3) == ["red ball", "blue ball", "green ball"]


def test_several_braces_are_combined_the_last_changing_fastest() -> None:
    words = expand_wildcards("a {red|blue} {ball|box}", 4)
    assert words == ["a red ball", "a red box", "a blue ball", "a blue box"]


def test_more_pictures_than_combinations_begin_again_at_the_first() -> None:
    assert expand_wildcards("{red|blue} ball", 5) == ["red ball", "blue ball", "red ball", "blue ball", "red ball"]


def test_fewer_pictures_are_drawn_by_the_seed_all_different_and_the_same_again() -> None:
    """The seed in the form says which; another seed may say others."""
    words = "{red|blue|green|white|black} {ball|box|star}"
    drawn = expand_wildcards(words, 4, seed=7)
    assert len(set(drawn)) == 4
    assert drawn == expand_wildcards(words, 4, seed=7)
    assert {tuple(expand_wildcards(words, 4, seed=seed)) for seed in range(20)} != {tuple(drawn)}


def test_words_without_wildcards_are_left_exactly_as_they_are() -> None:
    for words in ("a red ball", "a  ball |\n and a box", "", "{red} ball", 'a {"text": "hi"} sign', "C:\\{a}"):
        assert expand_wildcards(words, 2) == [words, words], words


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (r"a \{red\|blue\} ball", "a {red|blue} ball"),
        (r"a {big \| round|flat} ball", "a big | round ball"),
        (r"one \{", "one {"),
    ],
)
def test_a_backslash_makes_a_sign_an_ordinary_one(words: str, expected: str) -> None:
    assert expand_wildcards(words, 1, seed=1)[0] in (expected, expected.replace("big | round", "flat"))
    assert read_wildcards(words).note is None
    assert read_wildcards(words).text(0) == expected


def test_an_empty_choice_leaves_the_word_out_and_no_double_blank() -> None:
    assert expand_wildcards("a {red|} ball", 2) == ["a red ball", "a ball"]


def test_choices_within_choices_are_counted_and_taken() -> None:
    words = "a {{dark|light} blue|red} ball"
    assert read_wildcards(words).count == 3
    assert expand_wildcards(words, 3) == ["a dark blue ball", "a light blue ball", "a red ball"]


@pytest.mark.parametrize("words", ["{red|blue ball", "red|blue} ball", "a {red|{blue} ball", "{" * 9 + "a|b" + "}" * 9])
def test_braces_that_do_not_pair_leave_the_words_alone_and_say_so(words: str) -> None:
    read = read_wildcards(words)
    assert (read.count, read.found) == (1, False)
    assert read.note is not None
    assert expand_wildcards(words, 2) == [words, words]


@pytest.mark.parametrize(
    "words",
    [
        '{"short_description": "a | b"}',
        '{\n  "objects": [{"description": "x"}]\n}',
        '{"short_desc',
        "{}",
        "{'a': 1}",
        "{ a: 1 }",
    ],
)
def test_a_json_paste_is_no_wildcard(words: str) -> None:
    assert looks_like_json(words)
    assert read_wildcards(words).text(0) == words
    assert read_wildcards(words).note is None


@pytest.mark.parametrize(
    "words",
    [
        "{red|blue} ball",
        '{"STOP"|"GO"} on a sign',
        "{close-up: a face|wide shot} of a cat",
        "a ball",
        "{red} ball",
        "{red|blue ball",
    ],
)
def test_words_that_begin_with_a_brace_are_no_json(words: str) -> None:
    assert not looks_like_json(words)


def test_each_distinct_text_is_dealt_its_seeds_once() -> None:
    """Three colours, six seeds: three jobs of two pictures, and no seed twice."""
    dealt = deal("{red|blue|green} ball", range(10, 16))
    assert dealt == [("red ball", (10, 13)), ("blue ball", (11, 14)), ("green ball", (12, 15))]
    assert deal("a ball", (1, 2)) == [("a ball", (1, 2))]
    assert deal("{a|b}", ()) == []


def test_more_combinations_than_anybody_can_count_are_drawn_from_at_once() -> None:
    words = "{a|b}" * 10_000
    assert read_wildcards(words).count == 2**10_000
    assert len(set(expand_wildcards(words, 8, seed=3))) == 8


@given(st.text(alphabet='ab {}|\\":', max_size=40), st.integers(1, 8), st.integers(0, 2**63 - 1))
def test_whatever_is_typed_every_picture_gets_words(words: str, count: int, seed: int) -> None:
    """No text makes it raise, and without a choice nothing is drawn."""
    expanded = expand_wildcards(words, count, seed)
    assert len(expanded) == count
    if not read_wildcards(words).found:
        assert len(set(expanded)) == 1

"""Two prompts made one: locks that hold whatever a writer says, changes taken one by one."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fibo_core.prompts.json_paths import MISSING, leaves, parse_path, read
from fibo_core.prompts.locks import _Words, locked_fields, restore_locked, take_changes, toggle_lock
from fibo_core.prompts.structured_prompt import StructuredPrompt, diff
from fibo_core.writers.asked import asked
from fibo_core.writers.rules import draft
from tests.prompts.scenes import BALL, CAT, LIGHT, SOURCE, STAR, TREE, few, objects, prompt
from tests.prompts.test_prompt_properties import prompts, sorted_json

ATTACKS: dict[str, list[Any]] = {
    "changed": [BALL, STAR | {"description": "a green star", "texture": "rough"}, TREE],
    "made another thing": [BALL, CAT, TREE],
    "removed": [BALL, TREE],
    "the one before it removed": [STAR, TREE],
    "all before and after it removed": [STAR | {"location": "center"}],
    "everything removed": [],
    "moved to the front": [STAR, BALL, TREE],
    "moved to the end and changed": [BALL, TREE, STAR | {"shape_and_color": "star-shaped, gold"}],
    "something put before it": [CAT, BALL, STAR, TREE],
    "two put before it, and it changed": [CAT, CAT | {"location": "top"}, BALL, STAR | {"location": "top"}, TREE],
    "doubled": [BALL, STAR, STAR | {"location": "center"}, TREE],
    "order turned round": [TREE, STAR, BALL],
    "made text": ["a ball", "a star", "a tree"],
    "made nothing": [None, None, None],
    "keys renamed": [BALL, {key.upper(): value for key, value in STAR.items()}, TREE],
    "keys added to it": [BALL, STAR | {"note": "shines"}, TREE],
    "keys in another order": [BALL, dict(reversed(STAR.items())), TREE],
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_locked_object_stays_what_and_where_it_was(attack: list[Any]) -> None:
    """The very same object, its keys in the same order, at the very same path; and it stands there once."""
    document = SOURCE.document | {"objects": [item for item in attack if not isinstance(item, str)]}
    result = restore_locked(SOURCE, StructuredPrompt.from_dict(document), ["objects[1]"])
    assert json.dumps(result.get("objects[1]")) == json.dumps(STAR)
    assert sum(item is not None and "star" in json.dumps(item) for item in objects(result)) == (
        2 if attack is ATTACKS["doubled"] else 1
    )


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_one_field_of_an_object_is_locked_and_the_rest_may_change(attack: list[Any]) -> None:
    document = SOURCE.document | {"objects": [item for item in attack if not isinstance(item, str)]}
    result = restore_locked(SOURCE, StructuredPrompt.from_dict(document), ["objects[1].location"])
    assert result.get("objects[1].location") == "right"


def test_the_objects_around_a_locked_one_are_the_writers() -> None:
    """What may change does: the ball is green, the cat is there, only the star is put back."""
    green = BALL | {"shape_and_color": "round, green"}
    answer = prompt(CAT, green, STAR | {"location": "top"}, TREE)
    assert objects(restore_locked(SOURCE, answer, ["objects[1]"])) == [green, STAR, CAT, TREE]


def test_an_object_before_a_locked_one_can_be_removed() -> None:
    """Its place stays empty, which FIBO is not shown, so that the locked one keeps its path."""
    result = restore_locked(SOURCE, prompt(STAR, TREE), ["objects[1]"])
    assert objects(result) == [None, STAR, TREE]
    assert json.loads(result.canonical())["objects"] == [STAR, TREE]


def test_an_object_before_a_locked_one_can_be_replaced() -> None:
    assert objects(restore_locked(SOURCE, prompt(CAT, STAR, TREE), ["objects[1]"])) == [CAT, STAR, TREE]


def test_a_locked_object_that_was_rewritten_wholly_is_not_there_twice() -> None:
    """Nothing of it is left to know it by but its place."""
    assert objects(restore_locked(SOURCE, prompt(BALL, CAT, TREE), ["objects[1]"])) == [BALL, STAR, TREE]


def test_a_locked_object_that_was_moved_and_rewritten_wholly_is_not_there_twice() -> None:
    """As many objects as before: none came and none went, so the one nobody knows is the one that is missing."""
    answer = prompt(CAT, BALL, TREE, lighting=LIGHT)
    assert objects(restore_locked(SOURCE, answer, ["objects[1]"])) == [BALL, STAR, TREE]


def test_a_locked_object_and_an_empty_place_hold_together() -> None:
    """The first object stays, and there is no fourth."""
    answer = prompt(CAT, BALL, STAR, TREE)
    assert objects(restore_locked(SOURCE, answer, ["objects[0]", "objects[3]"])) == [BALL, CAT, STAR]


def test_several_locks_in_one_list_hold_together() -> None:
    answer = prompt(TREE | {"description": "a birch"}, CAT, BALL | {"location": "right"}, STAR)
    result = restore_locked(SOURCE, answer, ["objects[0]", "objects[2].description"])
    assert result.get("objects[0]") == BALL
    assert result.get("objects[2].description") == TREE["description"]
    assert STAR in objects(result)
    assert CAT in objects(result)


def test_a_place_left_empty_before_a_lock_is_no_other_empty_place_that_moved() -> None:
    """The source has one behind the lock; restoring again adds none."""
    source = prompt(BALL, None, None)
    once = restore_locked(source, prompt(), ["objects[1]"])
    assert objects(once) == [None, None]
    assert restore_locked(source, once, ["objects[1]"]) == once


def test_locking_all_objects_lets_none_come_or_go() -> None:
    assert objects(restore_locked(SOURCE, prompt(CAT, BALL), ["objects"])) == [BALL, STAR, TREE]


@pytest.mark.parametrize(
    "parts",
    [
        {"lighting": {"conditions": "night", "direction": "from above", "shadows": "none", "haze": "thick"}},
        {"lighting": {}},
        {"lighting": None},
        {},
        {"lighting": LIGHT, "Lighting": {"conditions": "night"}},
    ],
)
def test_a_locked_part_comes_back_whole(parts: dict[str, Any]) -> None:
    """Changed, emptied, null, gone: what is added beside it is the writer's."""
    result = restore_locked(SOURCE, prompt(BALL, STAR, TREE, **parts), ["lighting"])
    assert result.get("lighting") == LIGHT
    assert list(result.document)[:3] == ["short_description", "objects", "lighting"]


def test_a_locked_field_of_a_part_that_was_removed_brings_the_part_back() -> None:
    assert restore_locked(SOURCE, prompt(BALL), ["lighting.direction"]).get("lighting") == LIGHT


def test_what_the_source_does_not_have_can_be_kept_out() -> None:
    """A locked place that is empty stays empty."""
    answer = prompt(BALL, STAR, TREE, CAT, text_render=[{"text": "sale"}], context="an advertisement")
    result = restore_locked(SOURCE, answer, ["text_render", "context", "objects[3]", "lighting.glow.color"])
    assert (result.get("text_render"), result.get("context")) == (None, None)
    assert objects(result) == [BALL, STAR, TREE]


def test_the_whole_prompt_may_be_locked() -> None:
    assert restore_locked(SOURCE, prompt(CAT), [""]) == SOURCE


@st.composite
def locked_prompts(draw: st.DrawFn) -> tuple[StructuredPrompt, StructuredPrompt, list[str]]:
    """A source, an answer that may have kept some of it, and locked places: fields, parts, places that are empty."""
    source, answer = draw(prompts()), draw(prompts())
    if draw(st.booleans()):
        kept = source.document.get("objects") or []
        mixed = draw(st.permutations(kept + (answer.document.get("objects") or [])))
        answer = StructuredPrompt.from_dict(answer.document | {"objects": mixed[: draw(st.integers(0, 6))]})
    places = {leaf[:depth] for one in (source, answer) for leaf in leaves(one.document) for depth in (1, 2, 3)}
    paths = sorted(map(repr, places - {()}))
    chosen = draw(st.lists(st.sampled_from(paths), max_size=4)) if paths else []
    by_name = {repr(place): place for place in places}
    from fibo_core.prompts.json_paths import format_path

    return source, answer, [format_path(by_name[name]) for name in chosen]


@few
@given(locked_prompts())
def test_whatever_the_writer_does_locked_places_hold_what_they_held(
    case: tuple[StructuredPrompt, StructuredPrompt, list[str]],
) -> None:
    """For any source, any answer and any places: the same value, key order included, or nothing where nothing was."""
    source, answer, locked = case
    result = restore_locked(source, answer, locked)
    for path in locked:
        was, now = (read(one.document, parse_path(path)) for one in (source, result))
        assert (was is MISSING) == (now is MISSING)
        assert was is MISSING or json.dumps(was) == json.dumps(now)


@few
@given(locked_prompts())
def test_restoring_twice_or_nothing_changes_nothing_more(
    case: tuple[StructuredPrompt, StructuredPrompt, list[str]],
) -> None:
    source, answer, locked = case
    assert restore_locked(source, answer, []) == answer
    assert restore_locked(source, source, locked) == source
    once = restore_locked(source, answer, locked)
    assert restore_locked(source, once, locked) == once


@few
@given(st.lists(st.integers(0, 30), unique=True, min_size=1, max_size=5), st.data())
def test_no_object_that_is_not_locked_is_lost(numbers: list[int], data: st.DataObject) -> None:
    """The answer's other objects are all there, whatever their order was."""
    things = [{"description": f"thing{number} seen{number}", "texture": f"kind{number}"} for number in numbers]
    locked = data.draw(st.integers(0, len(things) - 1))
    others = [thing for index, thing in enumerate(things) if index != locked]
    new = [{"description": "newcomer"}] * data.draw(st.integers(0, 2))
    answer = data.draw(
        st.permutations(data.draw(st.lists(st.sampled_from(others), unique_by=repr)) + new if others else new)
    )
    result = objects(restore_locked(prompt(*things), prompt(*answer), [f"objects[{locked}]"]))
    assert result[locked] == things[locked]
    if others and not new:
        assert all(item in result for item in answer)


def test_long_lists_are_restored_at_once() -> None:
    """A thousand items, the most a prompt may have."""
    many = [{"description": f"grain {number} of sand"} for number in range(1_000)]
    other = [{"description": f"drop {number} of rain"} for number in range(1_000)]
    result = restore_locked(prompt(*many), prompt(*other), ["objects[999]", "objects[3].description"])
    assert result.get("objects[999]") == many[999]
    assert result.get("objects[3]") == many[3]


def test_an_items_words_are_read_once_however_many_it_is_compared_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of 140 against each of 140: the reading took seconds."""
    read_words, counted = _Words.of, Counter[str]()

    def of(item: Any) -> _Words:
        counted[item["description"]] += 1
        return read_words(item)

    monkeypatch.setattr(_Words, "of", of)
    many = [{"description": f"grain {number} of sand"} for number in range(140)]
    other = [{"description": f"drop {number} of rain"} for number in range(140)]
    restore_locked(prompt(*many), prompt(*other), ["objects[139]"])
    assert (len(counted), set(counted.values())) == (280, {1})


def test_twice_as_many_objects_take_the_rules_twice_as_long_to_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """In descriptions read, when an instruction is about all of them."""
    tokenize, counted = draft.tokenize, Counter[int]()

    def descriptions_read(count: int) -> int:
        def counting(text: str) -> Any:
            counted[count] += 1
            return tokenize(text)

        monkeypatch.setattr(draft, "tokenize", counting)
        many = [BALL | {"description": f"a ball number {number} of {count}"} for number in range(count)]
        assert asked(prompt(*many), prompt(*many[1:]), "make all balls green")
        return counted[count]

    assert 0 < descriptions_read(80) <= 2.2 * descriptions_read(40)


def test_locked_fields_are_counted_once() -> None:
    assert locked_fields(SOURCE, ["lighting", "lighting.shadows", "objects[0].texture"]) == 4
    assert locked_fields(SOURCE, []) == 0


# Taking changes.


@few
@given(prompts(), prompts())
def test_all_changes_give_the_answer_and_none_the_source(source: StructuredPrompt, answer: StructuredPrompt) -> None:
    everything = range(len(diff(source, answer)))
    assert sorted_json(take_changes(source, answer, everything).document) == sorted_json(answer.document)
    assert take_changes(source, answer, []) == source


@few
@given(prompts(), prompts(), st.data())
def test_some_changes_change_as_many_places(
    source: StructuredPrompt, answer: StructuredPrompt, data: st.DataObject
) -> None:
    """Each taken change is there, and taking the others afterwards is the same as taking all."""
    count = len(diff(source, answer))
    chosen = data.draw(st.sets(st.integers(0, count - 1))) if count else set()
    halfway = take_changes(source, answer, chosen)
    assert len(diff(source, halfway)) <= len(chosen)
    rest = take_changes(halfway, answer, range(len(diff(halfway, answer))))
    assert sorted_json(rest.document) == sorted_json(answer.document)


def test_a_removal_and_a_new_object_are_taken_apart() -> None:
    source, answer = prompt(BALL, STAR, TREE), prompt(STAR, TREE, CAT)
    removal, newcomer = diff(source, answer)
    assert (removal.path, newcomer.path) == ("objects[0]", "objects[2]")
    assert objects(take_changes(source, answer, [0])) == [STAR, TREE]
    assert objects(take_changes(source, answer, [1])) == [BALL, STAR, TREE, CAT]


def test_a_new_key_stands_where_the_answer_has_it() -> None:
    """The order inside a part is part of the text FIBO is given."""
    source, answer = prompt(lighting={"shadows": "soft"}), prompt(lighting={"direction": "left", "shadows": "soft"})
    assert list(take_changes(source, answer, [0]).document["lighting"]) == ["direction", "shadows"]


def test_a_lock_pressed_twice_is_open_and_one_pressed_inside_a_locked_part_leaves_the_rest_locked() -> None:
    source = StructuredPrompt.from_dict(
        {"lighting": {"conditions": "dim", "direction": "left", "shadows": "soft"}, "context": "a poster"}
    )
    locked = toggle_lock(source, ["context"], "lighting")
    assert locked == ("context", "lighting")
    assert toggle_lock(source, locked, "lighting") == ("context",)
    assert toggle_lock(source, locked, "lighting.direction") == ("context", "lighting.conditions", "lighting.shadows")


def test_a_part_that_is_locked_as_a_whole_takes_the_locks_inside_it_with_it() -> None:
    source = StructuredPrompt.from_dict({"lighting": {"conditions": "dim", "direction": "left"}})
    assert toggle_lock(source, ["lighting.direction"], "lighting") == ("lighting",)
